//! Content as bytes: encoded, padded, decoded.

use std::fmt;

use bytes::Bytes;
use prost::Message as _;
use sha2::{Digest, Sha256};

use crate::content::{Content, Invalid};
use crate::limits::CONTENT_BYTES;
use crate::{padding, proto};

/// A Content exactly as its author encoded it, without padding: what rows keep.
#[derive(Clone, PartialEq, Eq)]
pub struct Encoded(Bytes);

/// A Content cannot be read. Its sender is at fault; the message is shown as unreadable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// It is longer than [`CONTENT_BYTES`].
    #[error("a content of {bytes} bytes is over the limit")]
    TooLarge {
        /// Its length.
        bytes: usize,
    },
    /// It does not end in padding.
    #[error("the content is not padded")]
    NotPadded,
    /// It is not a protobuf message of the schema.
    #[error("not a content")]
    NotAContent,
    /// A field does not hold what the schema promises.
    #[error("{0}")]
    Invalid(#[from] Invalid),
}

impl Content {
    /// The bytes of this content.
    ///
    /// # Errors
    /// Names the field that is over its limit, or `kind` for [`Kind::Unknown`](crate::Kind::Unknown), which only
    /// its author can write.
    pub fn encode(&self) -> Result<Encoded, Invalid> {
        let proto = self.to_proto()?;
        let bytes = proto.encode_to_vec();
        // The reader's own checks: nothing leaves that it would refuse.
        Self::from_proto(proto)?;
        if bytes.len() >= CONTENT_BYTES {
            return Err(Invalid::too_large("content"));
        }
        Ok(Encoded(bytes.into()))
    }

    /// The plaintext of an MLS application message: encoded and padded.
    ///
    /// # Errors
    /// Those of [`Content::encode`].
    pub fn encode_padded(&self) -> Result<Vec<u8>, Invalid> {
        self.encode()?.padded()
    }

    /// Reads the plaintext of an MLS application message. The bytes to be kept come with it.
    ///
    /// # Errors
    /// See [`DecodeError`].
    pub fn decode(padded: &[u8]) -> Result<(Self, Encoded), DecodeError> {
        let encoded = Encoded::from_padded(padded)?;
        Ok((encoded.decode()?, encoded))
    }
}

impl Encoded {
    /// Bytes that a row kept.
    #[must_use]
    pub fn from_row(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }

    /// Takes the padding off the plaintext of an MLS application message.
    ///
    /// # Errors
    /// It is too long or has no padding.
    pub fn from_padded(padded: &[u8]) -> Result<Self, DecodeError> {
        if padded.len() > CONTENT_BYTES {
            return Err(DecodeError::TooLarge { bytes: padded.len() });
        }
        let content = padding::unpad(padded).ok_or(DecodeError::NotPadded)?;
        Ok(Self(Bytes::copy_from_slice(content)))
    }

    /// The plaintext of an MLS application message.
    ///
    /// # Errors
    /// The content is too long, which [`Content::encode`] does not produce.
    pub fn padded(&self) -> Result<Vec<u8>, Invalid> {
        padding::pad(&self.0).ok_or(Invalid::too_large("content"))
    }

    /// Reads it, perhaps again after an upgrade.
    ///
    /// # Errors
    /// See [`DecodeError`].
    pub fn decode(&self) -> Result<Content, DecodeError> {
        let proto = proto::Content::decode(self.0.clone()).map_err(|_| DecodeError::NotAContent)?;
        Ok(Content::from_proto(proto)?)
    }

    /// SHA-256, which the device's next content names as [`Witness::previous`](crate::Witness::previous).
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(&self.0).into()
    }

    /// The bytes, for a row of the encrypted database; never for a log.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Encoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Encoded({} bytes)", self.0.len())
    }
}
