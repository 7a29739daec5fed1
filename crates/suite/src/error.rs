//! Why a cryptographic operation failed. Deliberately coarse: which check failed helps only an attacker.

use aws_lc_rs::error::KeyRejected;
use mls_rs_core::error::IntoAnyError;
use mls_rs_crypto_awslc::AwsLcCryptoError;
use mls_rs_crypto_hpke::hpke::HpkeError;

/// A failed cryptographic operation.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SuiteError {
    /// A key has the wrong length or is not a valid key of its kind. If it came from a peer, refuse the object that
    /// carries it.
    #[error("the key is not valid for this ciphersuite")]
    InvalidKey,
    /// A KEM ciphertext is malformed, or decapsulates to a non-contributory secret. Refuse the object that carries it.
    #[error("the KEM ciphertext is not valid")]
    InvalidCiphertext,
    /// HPKE refused: for received objects the same as a failed decryption.
    #[error("HPKE failed")]
    Hpke(#[source] HpkeError),
    /// AWS-LC refused: a failed decryption, a bad signature, or a malformed key.
    #[error("the cryptographic operation failed")]
    AwsLc(#[source] AwsLcCryptoError),
}

impl IntoAnyError for SuiteError {
    fn into_dyn_error(self) -> Result<Box<dyn std::error::Error + Send + Sync>, Self> {
        Ok(self.into())
    }
}

impl From<HpkeError> for SuiteError {
    fn from(error: HpkeError) -> Self {
        Self::Hpke(error)
    }
}

impl From<AwsLcCryptoError> for SuiteError {
    fn from(error: AwsLcCryptoError) -> Self {
        Self::AwsLc(error)
    }
}

impl From<KeyRejected> for SuiteError {
    fn from(_: KeyRejected) -> Self {
        Self::InvalidKey
    }
}
