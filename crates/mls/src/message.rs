//! Application messages out.

use std::fmt;

use hushwire_types::{Epoch, GroupId};
use sha2::{Digest, Sha256};

use crate::device::Device;
use crate::error::{MlsError, StateError};
use crate::head::MAX_SENT_PER_EPOCH;

/// Names a message by its exact bytes: SHA-256. By it a device knows its own messages when the stream brings them back.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageHash([u8; 32]);

impl MessageHash {
    /// The hash of these bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes of the hash.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for MessageHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MessageHash({})", hushwire_types::id::base32(&self.0))
    }
}

/// The hash of a message as it is sent and delivered.
#[must_use]
pub fn message_hash(message: &[u8]) -> MessageHash {
    MessageHash(Sha256::digest(message).into())
}

/// An encrypted application message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encrypted {
    /// The `MLSMessage` to send, and to send again unchanged.
    pub bytes: Vec<u8>,
    /// Its [`message_hash`].
    pub hash: MessageHash,
    /// The epoch that it belongs to.
    pub epoch: Epoch,
}

impl Device {
    /// Encrypts an application message. The ratchet moves on: the ciphertext and the drained rows must be stored in one
    /// transaction before it is sent.
    ///
    /// # Errors
    /// [`MlsError::CommitFirst`], [`MlsError::UnknownGroup`].
    pub fn encrypt(&mut self, group: &GroupId, plaintext: &[u8]) -> Result<Encrypted, MlsError> {
        let loaded = self.joined(group)?;
        if loaded.head.sent_in_epoch() >= MAX_SENT_PER_EPOCH {
            return Err(MlsError::CommitFirst);
        }
        loaded.touch();
        let message =
            loaded.group.encrypt_application_message(plaintext, Vec::new()).map_err(StateError::library)?;
        loaded.head.count_sent();
        let bytes = message.to_bytes().map_err(StateError::library)?;
        Ok(Encrypted { hash: message_hash(&bytes), bytes, epoch: loaded.head.epoch() })
    }
}
