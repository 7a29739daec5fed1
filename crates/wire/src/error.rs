//! The error that answers a request.

use std::time::Duration;

use hushwire_types::{Epoch, Generation};

use crate::field::{self, Invalid, Message, codes};
use crate::{limits, proto};

codes! {
    /// Why a request failed. What a client does follows from the code alone, never from the text.
    ErrorCode {
        /// The request is not of this protocol version.
        Unsupported = 1,
        /// The frame or a field of it does not hold what the schema promises.
        Malformed = 2,
        /// Something is over a limit.
        TooLarge = 3,
        /// The connection is in another state: Hello or Login must come first, or came already.
        NotNow = 4,
        /// Only a logged-in device may ask this.
        NotLoggedIn = 5,
        /// Too often: again after `retry_after`.
        RateLimited = 6,
        /// The server's queue is full: again after `retry_after`.
        Busy = 7,
        /// A part of the server is down: again later.
        Unavailable = 8,
        /// A fault of the server's: again later.
        Internal = 9,
        /// Nobody has this account id or handle.
        UnknownAccount = 10,
        /// There is no such conversation, or the sender may not know of it.
        UnknownConversation = 11,
        /// The sender's device is not a member of the group.
        NotAMember = 12,
        /// The epoch is too old: process the stream, then encrypt or commit again.
        StaleEpoch = 13,
        /// The epoch is newer than the server's: the server was restored from a backup.
        FutureEpoch = 14,
        /// This send_seq was used for other bytes, or is below the window: the profile is an old copy (rule R10).
        IdReused = 15,
        /// `group-policy` does not allow the Commit.
        RefusedByPolicy = 16,
        /// Somebody else created it first.
        ConversationExists = 17,
        /// The list has another head by now.
        ListConflict = 18,
        /// The account, or the one to be reached, is suspended.
        AccountSuspended = 19,
        /// No wanted device has a KeyPackage.
        NoKeyPackage = 20,
        /// A newer generation exists: this one is closed for ever.
        ClosedGeneration = 21,
        /// The upload that the request names is not there, or not any more: upload it again.
        BodyMissing = 22,
        /// Nobody waits under this code, or not any more; or the other end of the link has gone.
        LinkMissing = 23,
    }
}

/// Where a conversation stands on the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The current generation.
    pub generation: Generation,
    /// Its current epoch.
    pub epoch: Epoch,
}

/// A request failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// Why.
    pub code: ErrorCode,
    /// Ask again no sooner than this.
    pub retry_after: Option<Duration>,
    /// A sentence for a person, by the server: untrusted text.
    pub text: String,
    /// For `StaleEpoch`, `FutureEpoch`, `ClosedGeneration` and `ConversationExists`.
    pub standing: Option<Standing>,
}

impl Error {
    /// An error with this code and this sentence.
    #[must_use]
    pub fn new(code: ErrorCode, text: impl Into<String>) -> Self {
        Self { code, retry_after: None, text: text.into(), standing: None }
    }

    /// The same, to be tried again after a while.
    #[must_use]
    pub fn retry_after(self, span: Duration) -> Self {
        Self { retry_after: Some(span), ..self }
    }

    /// The same, saying where the conversation stands.
    #[must_use]
    pub fn at(self, generation: Generation, epoch: Epoch) -> Self {
        Self { standing: Some(Standing { generation, epoch }), ..self }
    }
}

impl Message for Error {
    type Proto = proto::Error;

    fn from_proto(proto: proto::Error) -> Result<Self, Invalid> {
        Ok(Self {
            code: ErrorCode::from_code(proto.code),
            retry_after: (proto.retry_after_ms != 0).then(|| Duration::from_millis(proto.retry_after_ms)),
            text: field::text("text", proto.text, limits::TEXT_BYTES)?,
            standing: (proto.current_generation != 0).then_some(Standing {
                generation: Generation(proto.current_generation),
                epoch: Epoch(proto.current_epoch),
            }),
        })
    }

    fn to_proto(&self) -> proto::Error {
        proto::Error {
            code: self.code.code(),
            retry_after_ms: self
                .retry_after
                .map_or(0, |span| u64::try_from(span.as_millis()).unwrap_or(u64::MAX).max(1)),
            text: self.text.clone(),
            current_generation: self.standing.map_or(0, |standing| standing.generation.0),
            current_epoch: self.standing.map_or(0, |standing| standing.epoch.0),
        }
    }
}
