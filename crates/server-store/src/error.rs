//! Why an operation was refused, and why a store failed.

use hushwire_types::{Epoch, Generation, Timestamp};

use crate::account::ListHead;

/// An operation that was understood and not carried out. It changed nothing; the rest of its batch stands.
///
/// None of these is a fault of the store: each is an answer for whoever asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// No such invite, or used up, expired or revoked: not told apart. Ask for another invite.
    #[error("the invite is not valid")]
    InviteInvalid,
    /// More than one invite begins so. Give more of the code.
    #[error("more than one invite begins so")]
    InviteAmbiguous,
    /// The invite's code exists already. Draw another one.
    #[error("the invite exists already")]
    InviteExists,
    /// No such registration session, or it has ended, or it is for another account. Start again.
    #[error("the registration session is not valid")]
    SessionInvalid,
    /// The session waits for its OTP. Give it first.
    #[error("the one-time code has not been given yet")]
    OtpRequired,
    /// The OTP is too old. Start again.
    #[error("the one-time code has expired")]
    OtpExpired,
    /// All tries of this session are spent. Start again.
    #[error("the one-time code was tried too often")]
    OtpSpent,
    /// Too many wrong codes for this handle within a day, over all sessions. Wait.
    #[error("too many wrong codes for this handle")]
    TooManyWrongCodes {
        /// When the next code may be tried.
        until: Timestamp,
    },
    /// The handle belongs to another account. Choose another one.
    #[error("the handle is taken")]
    HandleTaken {
        /// The wanted handle.
        handle: String,
    },
    /// The username looks like one that is taken. Choose another one.
    #[error("the username looks like one that is taken")]
    HandleLooksAlike {
        /// The wanted handle.
        handle: String,
    },
    /// The phone number or address has an account and passes on only after the registration lock.
    #[error("the handle is locked")]
    HandleLocked {
        /// When it passes; `None` while nobody has asked ([`ClaimHandle`](crate::claim::ClaimHandle)).
        until: Option<Timestamp>,
    },
    /// Other accounts claim the handle, as many as may at once. Wait.
    #[error("too many accounts claim this handle")]
    TooManyClaims {
        /// When the first of those claims ends.
        until: Timestamp,
    },
    /// The account has no such handle, or nobody claims it, or not any more. Look at what is claimed.
    #[error("there is no such claim")]
    UnknownClaim,
    /// The account id is in use with other keys, or was deleted.
    #[error("the account exists already")]
    AccountExists,
    /// No such account, or it was deleted.
    #[error("there is no such account")]
    UnknownAccount,
    /// The account that asks, or that would receive, is suspended.
    #[error("the account is suspended")]
    AccountSuspended,
    /// The device list has moved on. Read it, build the entry again.
    #[error("the device list has moved on to number {}", head.number)]
    ListConflict {
        /// Where the list stands.
        head: ListHead,
    },
    /// No such mailbox: its device was revoked. Close its connection.
    #[error("there is no such mailbox")]
    UnknownMailbox,
    /// The pool of KeyPackages would grow beyond its bound. Upload fewer.
    #[error("too many KeyPackages")]
    TooManyKeyPackages,
    /// No device that was asked for has a KeyPackage. Try later.
    #[error("there is no KeyPackage")]
    NoKeyPackage,
    /// No such conversation.
    #[error("there is no such conversation")]
    UnknownConversation,
    /// The conversation exists at this generation or a later one: the first creation won. Join that one.
    #[error("the conversation exists already")]
    ConversationExists {
        /// Its generation.
        generation: Generation,
        /// Its epoch.
        epoch: Epoch,
    },
    /// The generation is closed for ever, or skips one. Continue in the current one.
    #[error("the generation is closed")]
    ClosedGeneration {
        /// The current generation.
        generation: Generation,
        /// Its epoch.
        epoch: Epoch,
    },
    /// The epoch is too old. Process the stream, then build again.
    #[error("the epoch is stale")]
    StaleEpoch {
        /// The current generation.
        generation: Generation,
        /// Its epoch.
        epoch: Epoch,
    },
    /// The epoch has not been reached.
    #[error("the epoch is in the future")]
    FutureEpoch {
        /// The current generation.
        generation: Generation,
        /// Its epoch.
        epoch: Epoch,
    },
    /// The sender is not a current member at that epoch.
    #[error("the sender is not a member")]
    NotAMember,
    /// As many reports are kept as may be, of this reporter or of all. Try later: the operator deletes some, or time does.
    #[error("too many reports are kept")]
    TooManyReports,
    /// No such report, or not any more. Look at the list.
    #[error("there is no such report")]
    UnknownReport,
    /// The phone has an account of wire version 1, with other keys.
    #[error("the phone is taken")]
    ClassicTaken,
    /// The phone has no account of wire version 1.
    #[error("the phone is not registered")]
    UnknownClassic,
    /// As many messages of wire version 1 wait for somebody as may. Try later.
    #[error("too many messages wait for this phone")]
    ClassicFull,
    /// The send number stood for other bytes, or is below the window: the profile may be an old copy (rule R10).
    #[error("the send number was used before")]
    IdReused,
}

/// A store that could not do what it was asked. Nothing of the batch was stored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Disk full, I/O error, locked for too long, connection lost: try again later; answer `Unavailable` meanwhile.
    #[error("the store is not available")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// What is stored cannot be read: stop, check the disk, restore a backup.
    #[error("the store is damaged")]
    Corrupt(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The store contradicted itself: a bug to report.
    #[error("the store failed")]
    Bug(#[source] Box<dyn std::error::Error + Send + Sync>),
}
