//! The ciphersuite with a fault that can be switched on: everything else is the honest suite's.

use std::sync::{Arc, Mutex, PoisonError};

use hushwire_suite::{Suite, SuiteError, SuiteProvider};
use mls_rs_core::crypto::{
    CipherSuite, CipherSuiteProvider, CryptoProvider, HpkeCiphertext, HpkePsk, HpkePublicKey, HpkeSecretKey,
    SignaturePublicKey, SignatureSecretKey,
};
use zeroize::Zeroizing;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// Confirmation tags are wrong, while membership tags and signatures hold.
    ConfirmationTag,
    /// Path secrets are encrypted properly and are not those of the new keys.
    PathSecrets,
}

/// The hash length of the suite: the only MAC over exactly that many bytes is the confirmation tag's.
const HASH_BYTES: usize = 48;

#[derive(Clone)]
pub(super) struct FaultySuite {
    honest: Suite,
    fault: Arc<Mutex<Fault>>,
}

impl FaultySuite {
    pub(super) fn new(honest: Suite) -> Self {
        Self { honest, fault: Arc::default() }
    }

    pub(super) fn set(&self, fault: Fault) {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }
}

impl CryptoProvider for FaultySuite {
    type CipherSuiteProvider = FaultyProvider;

    fn supported_cipher_suites(&self) -> Vec<CipherSuite> {
        self.honest.supported_cipher_suites()
    }

    fn cipher_suite_provider(&self, cipher_suite: CipherSuite) -> Option<FaultyProvider> {
        let honest = self.honest.cipher_suite_provider(cipher_suite)?;
        Some(FaultyProvider { honest, fault: self.fault.clone() })
    }
}

#[derive(Clone)]
pub(super) struct FaultyProvider {
    honest: SuiteProvider,
    fault: Arc<Mutex<Fault>>,
}

impl FaultyProvider {
    fn has(&self, fault: Fault) -> bool {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) == fault
    }
}

fn flipped(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|byte| byte ^ 1).collect()
}

impl CipherSuiteProvider for FaultyProvider {
    type Error = SuiteError;
    type HpkeContextS = <SuiteProvider as CipherSuiteProvider>::HpkeContextS;
    type HpkeContextR = <SuiteProvider as CipherSuiteProvider>::HpkeContextR;

    fn mac(&self, key: &[u8], data: &[u8]) -> Result<Vec<u8>, SuiteError> {
        let mac = self.honest.mac(key, data)?;
        let faulty = self.has(Fault::ConfirmationTag) && data.len() == HASH_BYTES;
        Ok(if faulty { flipped(&mac) } else { mac })
    }

    fn hpke_seal(
        &self,
        remote_key: &HpkePublicKey,
        info: &[u8],
        aad: Option<&[u8]>,
        pt: &[u8],
    ) -> Result<HpkeCiphertext, SuiteError> {
        if self.has(Fault::PathSecrets) {
            return self.honest.hpke_seal(remote_key, info, aad, &flipped(pt));
        }
        self.honest.hpke_seal(remote_key, info, aad, pt)
    }

    fn cipher_suite(&self) -> CipherSuite {
        self.honest.cipher_suite()
    }

    fn hash(&self, data: &[u8]) -> Result<Vec<u8>, SuiteError> {
        self.honest.hash(data)
    }

    fn aead_seal(
        &self,
        key: &[u8],
        data: &[u8],
        aad: Option<&[u8]>,
        nonce: &[u8],
    ) -> Result<Vec<u8>, SuiteError> {
        self.honest.aead_seal(key, data, aad, nonce)
    }

    fn aead_open(
        &self,
        key: &[u8],
        ciphertext: &[u8],
        aad: Option<&[u8]>,
        nonce: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, SuiteError> {
        self.honest.aead_open(key, ciphertext, aad, nonce)
    }

    fn aead_key_size(&self) -> usize {
        self.honest.aead_key_size()
    }

    fn aead_nonce_size(&self) -> usize {
        self.honest.aead_nonce_size()
    }

    fn kdf_extract(&self, salt: &[u8], ikm: &[u8]) -> Result<Zeroizing<Vec<u8>>, SuiteError> {
        self.honest.kdf_extract(salt, ikm)
    }

    fn kdf_expand(&self, prk: &[u8], info: &[u8], len: usize) -> Result<Zeroizing<Vec<u8>>, SuiteError> {
        self.honest.kdf_expand(prk, info, len)
    }

    fn kdf_extract_size(&self) -> usize {
        self.honest.kdf_extract_size()
    }

    fn hpke_seal_psk(
        &self,
        remote_key: &HpkePublicKey,
        info: &[u8],
        aad: Option<&[u8]>,
        pt: &[u8],
        psk: HpkePsk<'_>,
    ) -> Result<HpkeCiphertext, SuiteError> {
        self.honest.hpke_seal_psk(remote_key, info, aad, pt, psk)
    }

    fn hpke_open(
        &self,
        ciphertext: &HpkeCiphertext,
        local_secret: &HpkeSecretKey,
        local_public: &HpkePublicKey,
        info: &[u8],
        aad: Option<&[u8]>,
    ) -> Result<Zeroizing<Vec<u8>>, SuiteError> {
        self.honest.hpke_open(ciphertext, local_secret, local_public, info, aad)
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
        self.honest.hpke_open_psk(ciphertext, local_secret, local_public, info, aad, psk)
    }

    fn hpke_setup_s(
        &self,
        remote_key: &HpkePublicKey,
        info: &[u8],
    ) -> Result<(Vec<u8>, Self::HpkeContextS), SuiteError> {
        self.honest.hpke_setup_s(remote_key, info)
    }

    fn hpke_setup_r(
        &self,
        kem_output: &[u8],
        local_secret: &HpkeSecretKey,
        local_public: &HpkePublicKey,
        info: &[u8],
    ) -> Result<Self::HpkeContextR, SuiteError> {
        self.honest.hpke_setup_r(kem_output, local_secret, local_public, info)
    }

    fn kem_derive(&self, ikm: &[u8]) -> Result<(HpkeSecretKey, HpkePublicKey), SuiteError> {
        self.honest.kem_derive(ikm)
    }

    fn kem_generate(&self) -> Result<(HpkeSecretKey, HpkePublicKey), SuiteError> {
        self.honest.kem_generate()
    }

    fn kem_public_key_validate(&self, key: &HpkePublicKey) -> Result<(), SuiteError> {
        self.honest.kem_public_key_validate(key)
    }

    fn random_bytes(&self, out: &mut [u8]) -> Result<(), SuiteError> {
        self.honest.random_bytes(out)
    }

    fn signature_key_generate(&self) -> Result<(SignatureSecretKey, SignaturePublicKey), SuiteError> {
        self.honest.signature_key_generate()
    }

    fn signature_key_derive_public(
        &self,
        secret_key: &SignatureSecretKey,
    ) -> Result<SignaturePublicKey, SuiteError> {
        self.honest.signature_key_derive_public(secret_key)
    }

    fn sign(&self, secret_key: &SignatureSecretKey, data: &[u8]) -> Result<Vec<u8>, SuiteError> {
        self.honest.sign(secret_key, data)
    }

    fn verify(
        &self,
        public_key: &SignaturePublicKey,
        signature: &[u8],
        data: &[u8],
    ) -> Result<(), SuiteError> {
        self.honest.verify(public_key, signature, data)
    }
}
