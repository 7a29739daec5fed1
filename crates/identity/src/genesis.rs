//! The genesis of an account: two keys and a salt, signed by both keys, whose hash is the account's id.

use std::fmt;

use hushwire_types::{AccountId, Entropy, EntryHash, rng};
use sha2::{Digest, Sha256};

use crate::Malformed;
use crate::codec::Reader;
use crate::keys::{ListKey, PublicKey, Signature};
use crate::labels::{self, GENESIS};
use crate::recovery::RecoveryKey;

const KIND: [u8; 2] = *b"G\x01";
const BOT: u8 = 1;
/// Kind, flags, two keys, salt.
const BODY_LEN: usize = 2 + 1 + 32 + 32 + 32;

/// What an account says about itself for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags {
    /// A program answers here.
    pub bot: bool,
}

/// Why bytes are no genesis. Each means that who gave them misbehaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GenesisError {
    /// Not the encoding of a genesis; refuse the account.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The device key and the recovery key are the same; refuse the account.
    #[error("a genesis needs two different keys")]
    SameKeys,
    /// One of its two keys did not sign it; refuse the account.
    #[error("a signature of the genesis is wrong")]
    BadSignature,
}

/// A genesis with both signatures checked.
#[derive(Clone, PartialEq, Eq)]
pub struct Genesis {
    flags: Flags,
    list_key: PublicKey,
    recovery_key: PublicKey,
    bytes: Vec<u8>,
}

impl Genesis {
    /// Length in bytes of the encoding.
    pub const LEN: usize = BODY_LEN + 2 * Signature::LEN;

    /// The genesis of a new account, with a random salt.
    #[must_use]
    pub fn create(flags: Flags, first: &ListKey, recovery: &RecoveryKey, entropy: &dyn Entropy) -> Self {
        let (list_key, recovery_key) = (first.public(), recovery.public());
        let mut bytes = Vec::with_capacity(Self::LEN);
        bytes.extend(KIND);
        bytes.push(if flags.bot { BOT } else { 0 });
        bytes.extend(list_key.as_bytes());
        bytes.extend(recovery_key.as_bytes());
        bytes.extend(rng::bytes::<32>(entropy));
        let signatures = [first.sign(GENESIS, &[&bytes]), recovery.sign(GENESIS, &[&bytes])];
        bytes.extend(signatures.iter().flat_map(|signature| signature.0));
        Self { flags, list_key, recovery_key, bytes }
    }

    /// Checks the form and both signatures of a genesis.
    ///
    /// # Errors
    /// [`GenesisError`]: who gave the bytes misbehaves.
    pub fn verify(bytes: &[u8]) -> Result<Self, GenesisError> {
        let mut reader = Reader::new(bytes, KIND, "account genesis")?;
        let flags = match reader.byte()? {
            0 => Flags { bot: false },
            BOT => Flags { bot: true },
            _ => return Err(reader.malformed().into()),
        };
        let list_key = PublicKey::from_bytes(&reader.array()?).map_err(|_| reader.malformed())?;
        let recovery_key = PublicKey::from_bytes(&reader.array()?).map_err(|_| reader.malformed())?;
        let _salt: [u8; 32] = reader.array()?;
        let body = bytes.get(..BODY_LEN).ok_or(reader.malformed())?;
        let by_device = Signature(reader.array()?);
        let by_recovery = Signature(reader.array()?);
        reader.finish()?;
        if list_key == recovery_key {
            return Err(GenesisError::SameKeys);
        }
        for (key, signature) in [(list_key, by_device), (recovery_key, by_recovery)] {
            labels::verify(&key, GENESIS, &[body], &signature).map_err(|_| GenesisError::BadSignature)?;
        }
        Ok(Self { flags, list_key, recovery_key, bytes: bytes.to_vec() })
    }

    /// SHA-256("hushwire account v1" ‖ genesis).
    #[must_use]
    pub fn account_id(&self) -> AccountId {
        AccountId::new(labels::hash("hushwire account v1", &self.bytes))
    }

    /// The hash of number 0 of the device list: SHA-256 of the genesis.
    #[must_use]
    pub fn hash(&self) -> EntryHash {
        EntryHash::new(Sha256::digest(&self.bytes).into())
    }

    /// What the account says about itself.
    #[must_use]
    pub const fn flags(&self) -> Flags {
        self.flags
    }

    /// The list key of the first device.
    #[must_use]
    pub const fn list_key(&self) -> &PublicKey {
        &self.list_key
    }

    /// The first recovery key.
    #[must_use]
    pub const fn recovery_key(&self) -> &PublicKey {
        &self.recovery_key
    }

    /// The bytes that were checked, as they go over the wire.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for Genesis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Genesis({})", self.account_id().short())
    }
}
