//! X-Wing (draft-connolly-cfrg-xwing-kem) as the KEM of HPKE.
//!
//! A secret key is the 32-byte seed, a public key 1216 bytes, a ciphertext 1120 bytes. `DeriveKeyPair(ikm)` is the
//! draft's: the key pair of seed `SHAKE256(ikm, 32 bytes)`. It does not use HPKE's labelled extraction, so it
//! must be called here and not through [`Hpke::derive`](mls_rs_crypto_hpke::hpke::Hpke::derive).

use std::convert::Infallible;
use std::sync::Arc;

use hushwire_types::Entropy;
use mls_rs_core::crypto::{HpkePublicKey, HpkeSecretKey};
use mls_rs_crypto_traits::{KemResult, KemType};
use rand_core::{TryCryptoRng, TryRng};
use shake::{ExtendableOutput, Shake256, Update, XofReader};
use x_wing::{
    DECAPSULATION_KEY_SIZE, DecapsulationKeyRejectNonContrib, Decapsulator, Encapsulate, EncapsulationKey,
    KeyExport, TryDecapsulate,
};
use zeroize::Zeroizing;

use crate::SuiteError;

/// KEM id of X-Wing in the IANA HPKE registry.
const KEM_ID: u16 = 0x647a;

type Seed = Zeroizing<[u8; DECAPSULATION_KEY_SIZE]>;

/// X-Wing over one source of randomness.
#[derive(Clone)]
pub struct XWing {
    entropy: Arc<dyn Entropy>,
}

impl XWing {
    /// An X-Wing that draws key seeds and encapsulation randomness from `entropy`.
    #[must_use]
    pub fn new(entropy: Arc<dyn Entropy>) -> Self {
        Self { entropy }
    }

    /// The draft's `DeriveKeyPair`: the key pair whose seed is `SHAKE256(ikm, 32 bytes)`.
    pub fn derive(&self, ikm: &[u8]) -> (HpkeSecretKey, HpkePublicKey) {
        let mut seed = Seed::default();
        let mut shake = Shake256::default();
        shake.update(ikm);
        shake.finalize_xof().read(&mut *seed);
        key_pair(&seed)
    }
}

impl KemType for XWing {
    type Error = SuiteError;

    fn kem_id(&self) -> u16 {
        KEM_ID
    }

    fn generate_deterministic(&self, seed: &[u8]) -> Result<(HpkeSecretKey, HpkePublicKey), SuiteError> {
        Ok(key_pair(&seed_of(seed)?))
    }

    fn generate(&self) -> Result<(HpkeSecretKey, HpkePublicKey), SuiteError> {
        let mut seed = Seed::default();
        self.entropy.fill(&mut *seed);
        Ok(key_pair(&seed))
    }

    fn public_key_validate(&self, key: &HpkePublicKey) -> Result<(), SuiteError> {
        encapsulation_key(key).map(drop)
    }

    fn encap(&self, remote_key: &HpkePublicKey) -> Result<KemResult, SuiteError> {
        let (ciphertext, shared) =
            encapsulation_key(remote_key)?.encapsulate_with_rng(&mut EntropyRng(&*self.entropy));
        Ok(KemResult::new(shared.to_vec(), ciphertext.to_vec()))
    }

    fn decap(
        &self,
        enc: &[u8],
        secret_key: &HpkeSecretKey,
        _: &HpkePublicKey,
    ) -> Result<Vec<u8>, SuiteError> {
        let ciphertext = x_wing::Ciphertext::try_from(enc).map_err(|_| SuiteError::InvalidCiphertext)?;
        let shared = decapsulation_key(&seed_of(secret_key)?)
            .try_decapsulate(&ciphertext)
            .map_err(|_| SuiteError::InvalidCiphertext)?;
        Ok(shared.to_vec())
    }

    fn seed_length_for_derive(&self) -> usize {
        DECAPSULATION_KEY_SIZE
    }
}

fn seed_of(bytes: &[u8]) -> Result<Seed, SuiteError> {
    bytes.try_into().map(Zeroizing::new).map_err(|_| SuiteError::InvalidKey)
}

fn decapsulation_key(seed: &Seed) -> DecapsulationKeyRejectNonContrib {
    DecapsulationKeyRejectNonContrib::from(**seed)
}

fn encapsulation_key(key: &HpkePublicKey) -> Result<EncapsulationKey, SuiteError> {
    EncapsulationKey::try_from(key.as_ref()).map_err(|_| SuiteError::InvalidKey)
}

fn key_pair(seed: &Seed) -> (HpkeSecretKey, HpkePublicKey) {
    let public = decapsulation_key(seed).encapsulation_key().to_bytes().to_vec();
    (HpkeSecretKey::from(seed.to_vec()), HpkePublicKey::from(public))
}

/// [`Entropy`] where RustCrypto wants a generator.
struct EntropyRng<'a>(&'a dyn Entropy);

impl TryRng for EntropyRng<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_le_bytes(hushwire_types::rng::bytes(self.0)))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_le_bytes(hushwire_types::rng::bytes(self.0)))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(out);
        Ok(())
    }
}

impl TryCryptoRng for EntropyRng<'_> {}
