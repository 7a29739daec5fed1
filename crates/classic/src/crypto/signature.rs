//! RSA-4096, signatures only.

use std::fmt;

use openssl::bn::BigNum;
use openssl::hash::MessageDigest;
use openssl::pkey::{HasPublic, PKey, PKeyRef, Private, Public};
use openssl::rsa::{Padding, Rsa};
use openssl::sign::{RsaPssSaltlen, Signer, Verifier};

use super::CryptoError;
use super::pem::{self, KeyFileError, Password};
use crate::keys::{RsaPem, Signature};

const BITS: u32 = 4096;
const EXPONENT: u32 = 65_537;
/// The greatest length: 512 bytes of modulus less 32 of digest and 2 of structure. Said in figures, because OpenSSL takes its
/// name for the greatest length to mean any length when it verifies.
const SALT_BYTES: i32 = 478;

/// A private RSA key, a client's or a server's. OpenSSL wipes it on drop.
#[derive(Clone)]
pub struct SigningKey(PKey<Private>);

impl SigningKey {
    /// Makes a key; takes a second or several.
    ///
    /// # Errors
    /// [`CryptoError::Library`]
    pub fn generate() -> Result<Self, CryptoError> {
        let exponent = BigNum::from_u32(EXPONENT)?;
        Ok(Self(PKey::from_rsa(Rsa::generate_with_e(BITS, &exponent)?)?))
    }

    /// Signs; some milliseconds.
    ///
    /// # Errors
    /// [`CryptoError::Library`]
    pub fn sign(&self, bytes: &[u8]) -> Result<Signature, CryptoError> {
        let mut signer = Signer::new(MessageDigest::sha256(), &self.0)?;
        signer.set_rsa_padding(Padding::PKCS1_PSS)?;
        signer.set_rsa_mgf1_md(MessageDigest::sha256())?;
        signer.set_rsa_pss_saltlen(RsaPssSaltlen::custom(SALT_BYTES))?;
        let signature = signer.sign_oneshot_to_vec(bytes)?;
        Signature::try_from(&*signature).map_err(|_| CryptoError::BadKey("not RSA-4096"))
    }

    /// The public half.
    ///
    /// # Errors
    /// [`CryptoError::Library`]
    pub fn verifying(&self) -> Result<VerifyingKey, CryptoError> {
        VerifyingKey::from_text(&self.0.public_key_to_pem()?)
    }

    /// The public half as it travels and stands in files.
    ///
    /// # Errors
    /// [`CryptoError::Library`]
    pub fn public_pem(&self) -> Result<RsaPem, CryptoError> {
        RsaPem::new(self.0.public_key_to_pem()?.into()).map_err(|_| CryptoError::BadKey("not RSA-4096"))
    }

    /// Reads PKCS#8 PEM.
    ///
    /// # Errors
    /// [`KeyFileError`]
    pub fn from_pem(text: &[u8], password: Option<&Password>) -> Result<Self, KeyFileError> {
        let key = pem::read(text, password)?;
        check(&key).map_err(|_| KeyFileError::OtherKind("RSA-4096"))?;
        Ok(Self(key))
    }

    /// PKCS#8 PEM, encrypted where there is a password.
    ///
    /// # Errors
    /// [`CryptoError::Library`]
    pub fn to_pem(&self, password: Option<&Password>) -> Result<hushwire_types::SecretBytes, CryptoError> {
        pem::write(&self.0, password)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(..)")
    }
}

/// A public RSA key of the right size.
#[derive(Clone)]
pub struct VerifyingKey(PKey<Public>);

impl VerifyingKey {
    /// Reads the text of a key that travelled.
    ///
    /// # Errors
    /// [`CryptoError::BadKey`]
    pub fn from_pem(text: &RsaPem) -> Result<Self, CryptoError> {
        Self::from_text(text.as_bytes())
    }

    /// Reads a file with a SubjectPublicKeyInfo in PEM.
    ///
    /// # Errors
    /// [`CryptoError::BadKey`]
    pub fn from_text(text: &[u8]) -> Result<Self, CryptoError> {
        let key =
            PKey::public_key_from_pem(text).map_err(|_| CryptoError::BadKey("not a public key in PEM"))?;
        check(&key)?;
        Ok(Self(key))
    }

    /// Whether the owner of this key signed these bytes.
    ///
    /// # Errors
    /// [`CryptoError::BadSignature`]
    pub fn verify(&self, bytes: &[u8], signature: &Signature) -> Result<(), CryptoError> {
        let mut verifier = Verifier::new(MessageDigest::sha256(), &self.0)?;
        verifier.set_rsa_padding(Padding::PKCS1_PSS)?;
        verifier.set_rsa_mgf1_md(MessageDigest::sha256())?;
        verifier.set_rsa_pss_saltlen(RsaPssSaltlen::custom(SALT_BYTES))?;
        // OpenSSL answers some forgeries with an error and not with "no".
        match verifier.verify_oneshot(&signature.0, bytes) {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(CryptoError::BadSignature),
        }
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VerifyingKey(..)")
    }
}

fn check<T: HasPublic>(key: &PKeyRef<T>) -> Result<(), CryptoError> {
    let rsa = key.rsa().map_err(|_| CryptoError::BadKey("not RSA"))?;
    let exponent = BigNum::from_u32(EXPONENT)?;
    if key.bits() != BITS || *rsa.e() != *exponent {
        return Err(CryptoError::BadKey("not RSA-4096 with e = 65537"));
    }
    Ok(())
}
