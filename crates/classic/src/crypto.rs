//! The cryptography of wire version 1, all of it OpenSSL's.
//!
//! - Signatures: RSA-4096 with e = 65537, RSASSA-PSS over SHA-256, MGF1 with SHA-256, a salt of the greatest length, 478 bytes.
//!   The verifier wants exactly that length, as the original does.
//! - Keys: X25519, static on both sides, through HKDF-SHA256.
//! - Messages: AES-256-GCM.
//!
//! OpenSSL and not AWS-LC, which the rest of the house uses, because the Rust interface of AWS-LC signs with salts of the
//! digest's length only. OpenSSL is there anyway, built from source for SQLCipher. Its own generator makes keys and PSS salts.

mod agreement;
mod pem;
mod signature;

pub use agreement::DhPrivateKey;
pub(crate) use agreement::{open_gcm, seal_gcm};
pub(crate) use pem::is_encrypted;
pub use pem::{KeyFileError, Password};
pub use signature::{SigningKey, VerifyingKey};

/// Why something cryptographic did not come off.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CryptoError {
    /// A key that is not of the kind that is needed. Do not use it.
    #[error("the key cannot be used: {0}")]
    BadKey(&'static str),
    /// A signature that is not the key's over these bytes. Do not believe them.
    #[error("the signature does not hold")]
    BadSignature,
    /// It cannot be decrypted; why is not told.
    #[error("it cannot be decrypted")]
    Undecryptable,
    /// OpenSSL failed, for example for want of memory.
    #[error("OpenSSL failed: {0}")]
    Library(String),
}

impl From<openssl::error::ErrorStack> for CryptoError {
    fn from(error: openssl::error::ErrorStack) -> Self {
        Self::Library(error.to_string())
    }
}
