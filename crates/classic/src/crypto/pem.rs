//! Private keys as PKCS#8 PEM, plain or encrypted with a password.
//!
//! OpenSSL reads them, so whatever the original's library has written can be read. Encrypted ones are written as PBES2 with
//! PBKDF2-HMAC-SHA256 and AES-256-CBC, which the original's library reads; by another library, because OpenSSL's would
//! settle for 2048 iterations.

use hushwire_types::{Entropy, OsEntropy, SecretBytes, rng};
use openssl::pkey::{PKey, Private};
use pkcs8::der::pem::{LineEnding, PemLabel};
use pkcs8::pkcs5::pbes2;
use pkcs8::{EncryptedPrivateKeyInfoRef, PrivateKeyInfoRef};

use super::CryptoError;

const ENCRYPTED: &[u8] = b"-----BEGIN ENCRYPTED PRIVATE KEY-----";
/// What OWASP asks of PBKDF2-HMAC-SHA256 (2023).
const ITERATIONS: u32 = 600_000;

/// The password of a key file.
pub type Password = SecretBytes;

/// Why a key file was not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// It is encrypted: ask for its password.
    #[error("the key is encrypted with a password")]
    PasswordNeeded,
    /// Another password was given than it was encrypted with.
    #[error("the password is wrong")]
    WrongPassword,
    /// It is no private key, or one in another form.
    #[error("not a private key in PKCS#8 PEM")]
    NotAKey,
    /// It is a key for something else.
    #[error("not an {0} key")]
    OtherKind(&'static str),
}

/// Whether this text is an encrypted key.
pub(crate) fn is_encrypted(text: &[u8]) -> bool {
    text.trim_ascii_start().starts_with(ENCRYPTED)
}

/// The callback is there even where no password is: without one OpenSSL would ask at the terminal.
pub(crate) fn read(text: &[u8], password: Option<&Password>) -> Result<PKey<Private>, KeyFileError> {
    let text = text.trim_ascii_start();
    if !is_encrypted(text) {
        let nobody = |_: &mut [u8]| Ok(0);
        return PKey::private_key_from_pem_callback(text, nobody).map_err(|_| KeyFileError::NotAKey);
    }
    let password = password.ok_or(KeyFileError::PasswordNeeded)?;
    let give = |room: &mut [u8]| {
        let password = password.expose();
        let Some(room) = room.get_mut(..password.len()) else { return Ok(0) };
        room.copy_from_slice(password);
        Ok(password.len())
    };
    PKey::private_key_from_pem_callback(text, give).map_err(|_| KeyFileError::WrongPassword)
}

pub(crate) fn write(key: &PKey<Private>, password: Option<&Password>) -> Result<SecretBytes, CryptoError> {
    let Some(password) = password else {
        return Ok(SecretBytes::new(key.private_key_to_pem_pkcs8()?));
    };
    let plain = SecretBytes::new(key.private_key_to_pkcs8()?);
    encrypt(plain.expose(), password, &OsEntropy)
}

fn encrypt(plain: &[u8], password: &Password, entropy: &dyn Entropy) -> Result<SecretBytes, CryptoError> {
    let failed = |_| CryptoError::Library("the key cannot be encrypted".to_owned());
    let (salt, iv) = (rng::bytes::<16>(entropy), rng::bytes::<16>(entropy));
    let how = pbes2::Parameters::generate_pbkdf2_sha256_aes256cbc(ITERATIONS, &salt, iv)
        .map_err(|_| CryptoError::Library("no such parameters".to_owned()))?;
    let key = PrivateKeyInfoRef::try_from(plain).map_err(|_| CryptoError::BadKey("not PKCS#8"))?;
    let document = key.encrypt_with_params(how, password.expose()).map_err(failed)?;
    let text = document.to_pem(EncryptedPrivateKeyInfoRef::PEM_LABEL, LineEnding::LF);
    let text = text.map_err(|_| CryptoError::Library("the key cannot be written".to_owned()))?;
    Ok(SecretBytes::new(text.as_bytes().to_vec()))
}
