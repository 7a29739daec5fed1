//! X25519 with HKDF-SHA256, and AES-256-GCM.

use std::fmt;

use hushwire_types::{Secret, SecretBytes};
use openssl::derive::Deriver;
use openssl::md::Md;
use openssl::pkey::{Id, PKey, Private};
use openssl::pkey_ctx::PkeyCtx;
use openssl::symm::{Cipher, decrypt_aead, encrypt_aead};
use zeroize::Zeroizing;

use super::CryptoError;
use super::pem::{self, KeyFileError, Password};
use crate::blob::{NONCE, SALT, TAG};
use crate::keys::DhPublicKey;

const INFO: &[u8] = b"message_encryption";

/// A private X25519 key. OpenSSL wipes it on drop.
#[derive(Clone)]
pub struct DhPrivateKey(PKey<Private>);

impl DhPrivateKey {
    /// Makes a key.
    ///
    /// # Errors
    /// [`CryptoError::Library`]
    pub fn generate() -> Result<Self, CryptoError> {
        Ok(Self(PKey::generate_x25519()?))
    }

    /// The public half.
    ///
    /// # Errors
    /// [`CryptoError::Library`]
    pub fn public(&self) -> Result<DhPublicKey, CryptoError> {
        let raw = self.0.raw_public_key()?;
        Ok(DhPublicKey(raw.try_into().map_err(|_| CryptoError::BadKey("not X25519"))?))
    }

    /// The key that a message between the two has: HKDF over what both agree on, with the message's salt.
    ///
    /// # Errors
    /// [`CryptoError::BadKey`] where the other key is one of those that agree on the same with everybody.
    pub(crate) fn message_key(
        &self,
        peer: &DhPublicKey,
        salt: &[u8; SALT],
    ) -> Result<Secret<32>, CryptoError> {
        let unusable = |_| CryptoError::BadKey("an X25519 key that agrees on nothing");
        let peer = PKey::public_key_from_raw_bytes(&peer.0, Id::X25519).map_err(unusable)?;
        let mut deriver = Deriver::new(&self.0)?;
        deriver.set_peer(&peer).map_err(unusable)?;
        let shared = Zeroizing::new(deriver.derive_to_vec().map_err(unusable)?);
        let mut hkdf = PkeyCtx::new_id(Id::HKDF)?;
        hkdf.derive_init()?;
        hkdf.set_hkdf_md(Md::sha256())?;
        hkdf.set_hkdf_key(&shared)?;
        hkdf.set_hkdf_salt(salt)?;
        hkdf.add_hkdf_info(INFO)?;
        let mut key = Zeroizing::new([0; 32]);
        hkdf.derive(Some(&mut *key))?;
        Ok(Secret::new(*key))
    }

    /// Reads PKCS#8 PEM.
    ///
    /// # Errors
    /// [`KeyFileError`]
    pub fn from_pem(text: &[u8], password: Option<&Password>) -> Result<Self, KeyFileError> {
        let key = pem::read(text, password)?;
        if key.id() == Id::X25519 { Ok(Self(key)) } else { Err(KeyFileError::OtherKind("X25519")) }
    }

    /// PKCS#8 PEM, encrypted where there is a password.
    ///
    /// # Errors
    /// [`CryptoError::Library`]
    pub fn to_pem(&self, password: Option<&Password>) -> Result<SecretBytes, CryptoError> {
        pem::write(&self.0, password)
    }
}

impl fmt::Debug for DhPrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DhPrivateKey(..)")
    }
}

/// The ciphertext with its tag behind it.
pub(crate) fn seal_gcm(key: &Secret<32>, nonce: &[u8; NONCE], text: &[u8]) -> Result<Vec<u8>, CryptoError> {
    let mut tag = [0; TAG];
    let mut sealed = encrypt_aead(Cipher::aes_256_gcm(), key.expose(), Some(nonce), &[], text, &mut tag)?;
    sealed.extend_from_slice(&tag);
    Ok(sealed)
}

pub(crate) fn open_gcm(
    key: &Secret<32>,
    nonce: &[u8; NONCE],
    sealed: &[u8],
) -> Result<SecretBytes, CryptoError> {
    let (ciphertext, tag) = sealed.split_last_chunk::<TAG>().ok_or(CryptoError::Undecryptable)?;
    let text = decrypt_aead(Cipher::aes_256_gcm(), key.expose(), Some(nonce), &[], ciphertext, tag);
    text.map(SecretBytes::new).map_err(|_| CryptoError::Undecryptable)
}
