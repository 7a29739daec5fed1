//! The server's identity: one Ed25519 key, pinned by its fingerprint in every invite link.

use std::fmt;
use std::str::FromStr;

use hushwire_types::id::{base32, from_base32};
use hushwire_types::{Entropy, Secret};

use crate::Malformed;
use crate::keys::{KeyPair, PublicKey, Signature};
use crate::labels::{self, Label};

/// The server's key pair, made at its first start.
#[derive(Clone)]
pub struct ServerKey(KeyPair);

impl ServerKey {
    /// A new key.
    #[must_use]
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self(KeyPair::generate(entropy))
    }

    /// The key that grows from a seed that [`ServerKey::seed`] gave.
    #[must_use]
    pub fn from_seed(seed: &Secret<32>) -> Self {
        Self(KeyPair::from_seed(seed))
    }

    /// The seed, for the server's key file.
    #[must_use]
    pub fn seed(&self) -> Secret<32> {
        self.0.seed()
    }

    /// The public half.
    #[must_use]
    pub const fn public(&self) -> PublicKey {
        self.0.public()
    }

    /// The fingerprint that clients pin.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.public())
    }

    pub(crate) fn sign(&self, label: Label, parts: &[&[u8]]) -> Signature {
        self.0.sign(label, parts)
    }
}

impl fmt::Debug for ServerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerKey({})", self.fingerprint())
    }
}

/// SHA-256("hushwire server v1" ‖ key) of a server's public key; its text is 52 characters of lower-case base32.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of a server's public key.
    #[must_use]
    pub fn of(key: &PublicKey) -> Self {
        Self(labels::hash("hushwire server v1", key.as_bytes()))
    }

    /// The fingerprint of these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether `key` is the pinned one.
    #[must_use]
    pub fn fits(&self, key: &PublicKey) -> bool {
        Self::of(key) == *self
    }
}

impl FromStr for Fingerprint {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let bytes = from_base32(text).and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or(Malformed { what: "server fingerprint" })
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base32(&self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}
