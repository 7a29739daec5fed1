//! Ed25519 keys (RFC 8032): the checked public key, the signature, and the key pairs of devices.

use std::fmt;

use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use hushwire_types::id::base32;
use hushwire_types::{DeviceId, Entropy, Secret, rng};

use crate::labels::{self, BadSignature, Label};

/// A byte string that is no Ed25519 public key that may be trusted with anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid Ed25519 public key")]
pub struct InvalidKey;

/// An Ed25519 public key: a point in its one canonical form, of no small order. Kept as bytes, a sixth of the size of
/// the point; each check of a signature takes the point from them again, a tenth of its cost.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// Length in bytes.
    pub const LEN: usize = 32;

    /// The key of these bytes.
    ///
    /// # Errors
    /// [`InvalidKey`] where they are no point, not its canonical form, or a point of small order.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, InvalidKey> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| InvalidKey)?;
        let canonical = key.to_edwards().compress().to_bytes() == *bytes;
        if canonical && !key.is_weak() { Ok(Self(*bytes)) } else { Err(InvalidKey) }
    }

    /// The 32 bytes of the key.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub(crate) fn verify(&self, message: &[u8], signature: &Signature) -> Result<(), BadSignature> {
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        let key = VerifyingKey::from_bytes(&self.0).map_err(|_| BadSignature)?;
        key.verify_strict(message, &signature).map_err(|_| BadSignature)
    }
}

impl TryFrom<&[u8]> for PublicKey {
    type Error = InvalidKey;

    fn try_from(bytes: &[u8]) -> Result<Self, InvalidKey> {
        Self::from_bytes(bytes.try_into().map_err(|_| InvalidKey)?)
    }
}

impl AsRef<[u8]> for PublicKey {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", base32(self.as_bytes()).chars().take(8).collect::<String>())
    }
}

/// An Ed25519 signature, not checked yet.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Signature(pub(crate) [u8; 64]);

impl Signature {
    /// Length in bytes.
    pub const LEN: usize = 64;

    /// The signature of these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 64]) -> Self {
        Self(bytes)
    }

    /// The 64 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }
}

impl TryFrom<&[u8]> for Signature {
    type Error = crate::Malformed;

    fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
        bytes.try_into().map(Self).map_err(|_| crate::Malformed { what: "signature" })
    }
}

impl AsRef<[u8]> for Signature {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({})", base32(&self.0).chars().take(8).collect::<String>())
    }
}

/// A seed and the key pair that grows from it; each public key type of the crate wraps one, so that a list key is
/// never used where a recovery key is meant. `SigningKey` wipes itself on drop.
#[derive(Clone)]
pub(crate) struct KeyPair {
    signing: SigningKey,
    public: PublicKey,
}

impl KeyPair {
    pub(crate) fn generate(entropy: &dyn Entropy) -> Self {
        Self::from_seed(&Secret::new(rng::bytes(entropy)))
    }

    pub(crate) fn from_seed(seed: &Secret<32>) -> Self {
        let signing = SigningKey::from_bytes(seed.expose());
        // A clamped scalar times the base point: canonical, and of no small order.
        let public = PublicKey(signing.verifying_key().to_bytes());
        Self { signing, public }
    }

    pub(crate) fn seed(&self) -> Secret<32> {
        Secret::new(self.signing.to_bytes())
    }

    pub(crate) const fn public(&self) -> PublicKey {
        self.public
    }

    pub(crate) fn sign(&self, label: Label, parts: &[&[u8]]) -> Signature {
        Signature(self.signing.sign(&labels::message(label, parts)).to_bytes())
    }
}

/// A device's key for the device list and for login. Its MLS key is another one, which the engine keeps.
#[derive(Clone)]
pub struct ListKey(KeyPair);

impl ListKey {
    /// A new key.
    #[must_use]
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self(KeyPair::generate(entropy))
    }

    /// The key that grows from a seed that [`ListKey::seed`] gave.
    #[must_use]
    pub fn from_seed(seed: &Secret<32>) -> Self {
        Self(KeyPair::from_seed(seed))
    }

    /// The seed, for the encrypted database.
    #[must_use]
    pub fn seed(&self) -> Secret<32> {
        self.0.seed()
    }

    /// The public half.
    #[must_use]
    pub const fn public(&self) -> PublicKey {
        self.0.public()
    }

    /// The id of the device that has this key.
    #[must_use]
    pub fn device_id(&self) -> DeviceId {
        device_id(&self.public())
    }

    pub(crate) fn sign(&self, label: Label, parts: &[&[u8]]) -> Signature {
        self.0.sign(label, parts)
    }
}

impl fmt::Debug for ListKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ListKey({})", self.device_id().short())
    }
}

/// The id of the device with this list key: the first 16 bytes of SHA-256("hushwire device v1" ‖ key).
#[must_use]
pub fn device_id(list_key: &PublicKey) -> DeviceId {
    let hash = labels::hash("hushwire device v1", list_key.as_bytes());
    DeviceId::new(std::array::from_fn(|at| hash.get(at).copied().unwrap_or_default()))
}
