//! The sealed form of a message: salt 16 · nonce 12 · signature 512 · AES-256-GCM ciphertext with its tag.

use std::fmt;

use bytes::Bytes;

use crate::limits::{BLOB_BYTES, SIGNATURE_BYTES};

/// Bytes of the salt.
pub const SALT: usize = 16;
/// Bytes of the nonce.
pub const NONCE: usize = 12;
/// Bytes of the tag.
pub const TAG: usize = 16;
/// Bytes before the ciphertext.
pub const HEAD: usize = SALT + NONCE + SIGNATURE_BYTES;

/// A message blob of a length that can be one; what is in it is judged by [`open`](crate::message::open). Cheap to clone;
/// `Debug` shows the length alone.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct MessageBlob(Bytes);

/// A blob that is too short or too long for a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a message blob has {} to {BLOB_BYTES} bytes", HEAD + TAG)]
pub struct InvalidBlob;

impl MessageBlob {
    /// These bytes.
    ///
    /// # Errors
    /// [`InvalidBlob`]
    pub fn new(bytes: Bytes) -> Result<Self, InvalidBlob> {
        if (HEAD + TAG..=BLOB_BYTES).contains(&bytes.len()) { Ok(Self(bytes)) } else { Err(InvalidBlob) }
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &Bytes {
        &self.0
    }
}

impl fmt::Debug for MessageBlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MessageBlob({} bytes)", self.0.len())
    }
}
