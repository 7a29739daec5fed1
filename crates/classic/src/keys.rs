//! Public keys as they travel, and how far they may be trusted.
//!
//! ```text
//!  826 ── PublicKeys ──► SignedKeys (the server signs each key once) ── 1603, 1610 ──► VerifiedKeys
//! ```

use std::fmt;

use bytes::Bytes;

use crate::crypto::{CryptoError, SigningKey, VerifyingKey};
use crate::limits::{RSA_PEM_BYTES, SIGNATURE_BYTES};

const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const END: &str = "-----END PUBLIC KEY-----";

/// A raw X25519 public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DhPublicKey(pub [u8; 32]);

/// A signature of the length of RSA-4096's. It may say anything until it is verified.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature(pub [u8; SIGNATURE_BYTES]);

impl TryFrom<&[u8]> for Signature {
    type Error = std::array::TryFromSliceError;

    fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
        bytes.try_into().map(Self)
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature(..)")
    }
}

/// The text of an RSA public key: one PEM block of a SubjectPublicKeyInfo, as long as fits on the wire. The exact bytes are
/// what the server signs. That a key is in it is for [`VerifyingKey::from_pem`] to say.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RsaPem(Bytes);

/// A text that is no RSA public key in PEM, or too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a public key in PEM of at most {RSA_PEM_BYTES} bytes")]
pub struct InvalidPem;

impl RsaPem {
    /// Takes the text over.
    ///
    /// # Errors
    /// [`InvalidPem`]
    pub fn new(bytes: Bytes) -> Result<Self, InvalidPem> {
        let text = std::str::from_utf8(&bytes).map_err(|_| InvalidPem)?;
        let inner = text.trim_ascii_end().strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(END));
        let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=\r\n".contains(&byte);
        let one_block = inner.is_some_and(|inner| inner.bytes().all(is_base64));
        if bytes.len() > RSA_PEM_BYTES || !one_block { Err(InvalidPem) } else { Ok(Self(bytes)) }
    }

    /// The text as it travels and is signed.
    #[must_use]
    pub const fn as_bytes(&self) -> &Bytes {
        &self.0
    }
}

impl fmt::Debug for RsaPem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RsaPem({} bytes)", self.0.len())
    }
}

/// What a client says that its keys are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKeys {
    /// For agreeing on keys.
    pub dh: DhPublicKey,
    /// For its signatures.
    pub rsa: RsaPem,
}

impl PublicKeys {
    /// Signs both as the server does, after looking whether they are usable keys. Some milliseconds: do it once and keep it.
    ///
    /// # Errors
    /// [`CryptoError::BadKey`] for a key that is not RSA-4096; [`CryptoError::Library`].
    pub fn sign(&self, server: &SigningKey) -> Result<SignedKeys, CryptoError> {
        VerifyingKey::from_pem(&self.rsa)?;
        Ok(SignedKeys {
            keys: self.clone(),
            dh_signature: server.sign(&self.dh.0)?,
            rsa_signature: server.sign(self.rsa.as_bytes())?,
        })
    }
}

/// Keys with what should be the server's signatures over them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedKeys {
    /// The keys.
    pub keys: PublicKeys,
    /// Over the 32 bytes of the DH key.
    pub dh_signature: Signature,
    /// Over the bytes of the RSA key's text.
    pub rsa_signature: Signature,
}

impl SignedKeys {
    /// Holds both signatures against the server's key.
    ///
    /// # Errors
    /// [`CryptoError::BadSignature`]: do not use the keys, and do not trust this server. [`CryptoError::BadKey`].
    pub fn verify(self, server: &VerifyingKey) -> Result<VerifiedKeys, CryptoError> {
        server.verify(&self.keys.dh.0, &self.dh_signature)?;
        server.verify(self.keys.rsa.as_bytes(), &self.rsa_signature)?;
        let rsa = VerifyingKey::from_pem(&self.keys.rsa)?;
        Ok(VerifiedKeys { keys: self.keys, rsa })
    }
}

/// Keys of somebody that the server vouched for.
#[derive(Debug, Clone)]
pub struct VerifiedKeys {
    keys: PublicKeys,
    rsa: VerifyingKey,
}

impl VerifiedKeys {
    /// The keys as they travel.
    #[must_use]
    pub const fn public(&self) -> &PublicKeys {
        &self.keys
    }

    /// What the owner's signatures are held against.
    #[must_use]
    pub const fn verifying(&self) -> &VerifyingKey {
        &self.rsa
    }

    /// Keys that were verified before and kept since.
    ///
    /// # Errors
    /// [`CryptoError::BadKey`]
    pub fn from_kept(keys: PublicKeys) -> Result<Self, CryptoError> {
        let rsa = VerifyingKey::from_pem(&keys.rsa)?;
        Ok(Self { keys, rsa })
    }
}
