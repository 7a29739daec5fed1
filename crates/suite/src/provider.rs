//! The mls-rs provider: AWS-LC for everything but HPKE's KEM and randomness.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use hushwire_types::{Entropy, Secret};
use mls_rs_core::crypto::{
    CipherSuite, CipherSuiteProvider, CryptoProvider, HpkeCiphertext, HpkePsk, HpkePublicKey, HpkeSecretKey,
    SignaturePublicKey, SignatureSecretKey,
};
use mls_rs_crypto_awslc::{AwsLcAead, AwsLcCipherSuite, AwsLcCipherSuiteBuilder, AwsLcHkdf};
use mls_rs_crypto_hpke::context::{ContextR, ContextS};
use mls_rs_crypto_hpke::hpke::Hpke;
use mls_rs_crypto_traits::Curve;
use zeroize::Zeroizing;

use crate::{SuiteError, XWing, repeats};

/// `MLS_128_MLKEM768X25519_AES256GCM_SHA384_Ed25519` (draft-ietf-mls-pq-ciphersuites; the number is provisional).
pub const CIPHER_SUITE: CipherSuite = CipherSuite::new(0x004E);

/// The classical suite whose AEAD, KDF, MAC and hash 0x004E shares.
const SYMMETRIC_PARTS: CipherSuite = CipherSuite::P384_AES256;

/// The ciphersuite, bound to one source of randomness. Cheap to clone.
#[derive(Clone)]
pub struct Suite {
    entropy: Arc<dyn Entropy>,
}

impl Suite {
    /// A suite that takes all its randomness from `entropy`.
    #[must_use]
    pub fn new(entropy: Arc<dyn Entropy>) -> Self {
        Self { entropy }
    }

    /// The MLS signature key pair of an Ed25519 seed (RFC 8032, section 5.1.5), in the form that this suite signs
    /// with: the secret key is seed and public key, 64 bytes.
    ///
    /// # Errors
    /// [`SuiteError::InvalidKey`] where AWS-LC refuses the seed, which it does for none.
    pub fn signature_keys(
        &self,
        seed: &Secret<32>,
    ) -> Result<(SignatureSecretKey, SignaturePublicKey), SuiteError> {
        let public = Ed25519KeyPair::from_seed_unchecked(seed.expose())?.public_key().as_ref().to_vec();
        let secret = [seed.expose().as_slice(), &public].concat();
        Ok((SignatureSecretKey::from(secret), SignaturePublicKey::from(public)))
    }
}

impl fmt::Debug for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Suite(0x004E)")
    }
}

impl CryptoProvider for Suite {
    type CipherSuiteProvider = SuiteProvider;

    fn supported_cipher_suites(&self) -> Vec<CipherSuite> {
        vec![CIPHER_SUITE]
    }

    fn cipher_suite_provider(&self, cipher_suite: CipherSuite) -> Option<SuiteProvider> {
        if cipher_suite != CIPHER_SUITE {
            return None;
        }
        let classical = AwsLcCipherSuiteBuilder::new()
            .fallback_cipher_suite(SYMMETRIC_PARTS)
            .signing(Curve::Ed25519)
            .build(CIPHER_SUITE)?;
        let kem = XWing::new(self.entropy.clone());
        let hpke =
            Hpke::new(kem.clone(), AwsLcHkdf::new(SYMMETRIC_PARTS)?, Some(AwsLcAead::new(SYMMETRIC_PARTS)?));
        Some(SuiteProvider { suite: self.clone(), classical, kem, hpke })
    }
}

/// The operations of the suite, as mls-rs calls them.
#[derive(Clone)]
pub struct SuiteProvider {
    suite: Suite,
    classical: AwsLcCipherSuite,
    kem: XWing,
    hpke: Hpke<XWing, AwsLcHkdf, AwsLcAead>,
}

impl CipherSuiteProvider for SuiteProvider {
    type Error = SuiteError;
    type HpkeContextS = ContextS<AwsLcHkdf, AwsLcAead>;
    type HpkeContextR = ContextR<AwsLcHkdf, AwsLcAead>;

    fn cipher_suite(&self) -> CipherSuite {
        CIPHER_SUITE
    }

    fn hash(&self, data: &[u8]) -> Result<Vec<u8>, SuiteError> {
        repeats::hash(data, |data| Ok(self.classical.hash(data)?))
    }

    fn mac(&self, key: &[u8], data: &[u8]) -> Result<Vec<u8>, SuiteError> {
        Ok(self.classical.mac(key, data)?)
    }

    fn aead_seal(
        &self,
        key: &[u8],
        data: &[u8],
        aad: Option<&[u8]>,
        nonce: &[u8],
    ) -> Result<Vec<u8>, SuiteError> {
        Ok(self.classical.aead_seal(key, data, aad, nonce)?)
    }

    fn aead_open(
        &self,
        key: &[u8],
        ciphertext: &[u8],
        aad: Option<&[u8]>,
        nonce: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, SuiteError> {
        Ok(self.classical.aead_open(key, ciphertext, aad, nonce)?)
    }

    fn aead_key_size(&self) -> usize {
        self.classical.aead_key_size()
    }

    fn aead_nonce_size(&self) -> usize {
        self.classical.aead_nonce_size()
    }

    fn kdf_extract(&self, salt: &[u8], ikm: &[u8]) -> Result<Zeroizing<Vec<u8>>, SuiteError> {
        Ok(self.classical.kdf_extract(salt, ikm)?)
    }

    fn kdf_expand(&self, prk: &[u8], info: &[u8], len: usize) -> Result<Zeroizing<Vec<u8>>, SuiteError> {
        Ok(self.classical.kdf_expand(prk, info, len)?)
    }

    fn kdf_extract_size(&self) -> usize {
        self.classical.kdf_extract_size()
    }

    fn hpke_seal(
        &self,
        remote_key: &HpkePublicKey,
        info: &[u8],
        aad: Option<&[u8]>,
        pt: &[u8],
    ) -> Result<HpkeCiphertext, SuiteError> {
        Ok(self.hpke.seal(remote_key, info, None, aad, pt)?)
    }

    fn hpke_seal_psk(
        &self,
        remote_key: &HpkePublicKey,
        info: &[u8],
        aad: Option<&[u8]>,
        pt: &[u8],
        psk: HpkePsk<'_>,
    ) -> Result<HpkeCiphertext, SuiteError> {
        Ok(self.hpke.seal(remote_key, info, Some(psk), aad, pt)?)
    }

    fn hpke_open(
        &self,
        ciphertext: &HpkeCiphertext,
        local_secret: &HpkeSecretKey,
        local_public: &HpkePublicKey,
        info: &[u8],
        aad: Option<&[u8]>,
    ) -> Result<Zeroizing<Vec<u8>>, SuiteError> {
        Ok(self.hpke.open(ciphertext, local_secret, local_public, info, None, aad)?)
    }

    fn hpke_open_psk(
        &self,
        ciphertext: &HpkeCiphertext,
        local_secret: &HpkeSecretKey,
        local_public: &HpkePublicKey,
        info: &[u8],
        aad: Option<&[u8]>,
        psk: HpkePsk<'_>,
    ) -> Result<Zeroizing<Vec<u8>>, SuiteError> {
        Ok(self.hpke.open(ciphertext, local_secret, local_public, info, Some(psk), aad)?)
    }

    fn hpke_setup_s(
        &self,
        remote_key: &HpkePublicKey,
        info: &[u8],
    ) -> Result<(Vec<u8>, Self::HpkeContextS), SuiteError> {
        Ok(self.hpke.setup_sender(remote_key, info, None)?)
    }

    fn hpke_setup_r(
        &self,
        kem_output: &[u8],
        local_secret: &HpkeSecretKey,
        local_public: &HpkePublicKey,
        info: &[u8],
    ) -> Result<Self::HpkeContextR, SuiteError> {
        Ok(self.hpke.setup_receiver(kem_output, local_secret, local_public, info, None)?)
    }

    fn kem_derive(&self, ikm: &[u8]) -> Result<(HpkeSecretKey, HpkePublicKey), SuiteError> {
        Ok(self.kem.derive(ikm))
    }

    fn kem_generate(&self) -> Result<(HpkeSecretKey, HpkePublicKey), SuiteError> {
        Ok(self.hpke.generate()?)
    }

    fn kem_public_key_validate(&self, key: &HpkePublicKey) -> Result<(), SuiteError> {
        Ok(self.hpke.public_key_validate(key)?)
    }

    fn random_bytes(&self, out: &mut [u8]) -> Result<(), SuiteError> {
        self.suite.entropy.fill(out);
        Ok(())
    }

    fn signature_key_generate(&self) -> Result<(SignatureSecretKey, SignaturePublicKey), SuiteError> {
        self.suite.signature_keys(&Secret::new(hushwire_types::rng::bytes(&*self.suite.entropy)))
    }

    fn signature_key_derive_public(
        &self,
        secret_key: &SignatureSecretKey,
    ) -> Result<SignaturePublicKey, SuiteError> {
        Ok(self.classical.signature_key_derive_public(secret_key)?)
    }

    fn sign(&self, secret_key: &SignatureSecretKey, data: &[u8]) -> Result<Vec<u8>, SuiteError> {
        Ok(self.classical.sign(secret_key, data)?)
    }

    fn verify(
        &self,
        public_key: &SignaturePublicKey,
        signature: &[u8],
        data: &[u8],
    ) -> Result<(), SuiteError> {
        Ok(self.classical.verify(public_key, signature, data)?)
    }
}
