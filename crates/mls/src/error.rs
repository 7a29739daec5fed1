//! What can go wrong with a group, split by what the caller does about it.
//!
//! Invariants:
//! - A failed decryption is one opaque [`MlsError::Undecryptable`]: nothing tells an attacker which check failed.
//! - Retry decisions match on variants, never on text.

use hushwire_identity::ListHead;
use hushwire_types::{AccountId, Epoch, GroupId};
use mls_rs_core::error::IntoAnyError;

/// Any failure of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MlsError {
    /// Device lists must be fetched before this can be judged (rule R3). Nothing was changed: park the input, fetch,
    /// and give it again.
    #[error("{} device lists must be fetched first", .0.len())]
    MissingLists(Vec<(AccountId, ListHead)>),

    /// The message belongs to an epoch that this device has not reached. Nothing was changed: park it until the
    /// Commits before it were processed; if they never come, rejoin.
    #[error("the message is of epoch {epoch}, this device is at {current}")]
    FutureEpoch {
        /// The message's epoch.
        epoch: Epoch,
        /// This device's epoch.
        current: Epoch,
    },

    /// The message belongs to an epoch whose secrets are gone, or is a Commit of a past epoch, which was processed or
    /// lost its race. Nothing was changed: drop it.
    #[error("the message is of epoch {epoch}, which is over")]
    PastEpoch {
        /// The message's epoch.
        epoch: Epoch,
    },

    /// The message claims to come from this device's own leaf. One's own messages are known by their hash: skip it. An
    /// unknown one is not authenticated, but may show that a copy of this profile runs elsewhere (rule R10).
    #[error("the message is this device's own")]
    Own,

    /// The key of this message was used before: a duplicate where the message is stored, else a message that can never
    /// be read. Nothing was changed.
    #[error("the key of this message was used before")]
    KeyUsed,

    /// The message cannot be decrypted or authenticated. Roll the step back, call [`Device::forget`] and show the message
    /// as unreadable; the group is unharmed.
    ///
    /// [`Device::forget`]: crate::Device::forget
    #[error("the message cannot be decrypted")]
    Undecryptable,

    /// This device can no longer follow the group: a Commit that stands in the group's log cannot be applied, or a
    /// sender's ratchet is out of reach. Roll back, forget, and rejoin ([`Device::stage_rejoin`], rule R1).
    ///
    /// [`Device::stage_rejoin`]: crate::Device::stage_rejoin
    #[error("this device must rejoin the group: {0}")]
    MustRejoin(Lost),

    /// A peer or the server sent what the rules forbid. Drop it, and show it where a person should know.
    #[error("refused: {0}")]
    Refused(Refusal),

    /// Too many messages were encrypted in this epoch: commit first ([`Intent::Refresh`]), then encrypt. Nothing was changed.
    ///
    /// [`Intent::Refresh`]: crate::Intent::Refresh
    #[error("this epoch holds as many messages of this device as it may")]
    CommitFirst,

    /// No such group is loaded, or a Commit removed this device from it ([`GroupView::removed`]). Load its rows; if there
    /// are none, this device is not in the group.
    ///
    /// [`GroupView::removed`]: crate::GroupView::removed
    #[error("this device has no state of group {}, or was removed from it", .0.short())]
    UnknownGroup(GroupId),

    /// The Welcome is for a KeyPackage that is not loaded. Load its rows; if there are none, it was used or is not this
    /// device's: ask to be added again, or rejoin.
    #[error("no loaded KeyPackage matches the Welcome")]
    NoKeyPackage,

    /// The caller broke this crate's contract.
    #[error("misuse: {0}")]
    Misuse(&'static str),

    /// Stored state is damaged, or there is a bug in this crate or below it. Forget and reload; if it stays, rejoin.
    #[error("group state: {0}")]
    State(#[from] StateError),
}

/// Why a device can no longer follow a group.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Lost {
    /// The Commit breaks the policy that the server should have held.
    #[error("a Commit is forbidden: {0}")]
    Forbidden(hushwire_group_policy::Refusal),
    /// The Commit's signature, tags or path secrets are wrong, or it breaks RFC 9420 otherwise.
    #[error("a Commit cannot be applied")]
    Broken,
    /// A sender's message is more than 1,024 messages ahead of the last one that was read.
    #[error("too many messages of a sender were missed")]
    TooFarAhead,
}

/// What was wrong with what somebody else sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// What client and server both refuse: rules R3, R7, R9, and who may be in the conversation.
    #[error(transparent)]
    Policy(#[from] hushwire_group_policy::Refusal),
    /// The bytes are not one MLS message of the expected kind.
    #[error("not an MLS message of the expected kind")]
    Malformed,
    /// The message is for another group than the one it was delivered for.
    #[error("for another group")]
    OtherGroup,
    /// A message of a leaf that was removed since (rule R8).
    #[error("its sender was removed (R8)")]
    RemovedSender,
    /// A KeyPackage is malformed, expired, or not of the account and device that it was asked for.
    #[error("a KeyPackage that is not what was asked for")]
    KeyPackage,
    /// A Commit of our own would break RFC 9420, as when a device is added that is a member.
    #[error("the change is not possible in this group")]
    Change,
    /// The ratchet tree is not the one that the Welcome or the GroupInfo names.
    #[error("a ratchet tree that does not match")]
    Tree,
    /// The GroupInfo is not signed by a member, or does not open the group to an external Commit.
    #[error("a GroupInfo that does not hold")]
    GroupInfo,
    /// The Welcome cannot be opened or does not fit its tree.
    #[error("a Welcome that does not hold")]
    Welcome,
    /// This device is a member of the group already: only a rejoin or [`Device::delete`] makes place.
    ///
    /// [`Device::delete`]: crate::Device::delete
    #[error("this device is in the group already")]
    AlreadyMember,
    /// The GroupInfo is of an epoch below one that this device knows of (rule R7).
    #[error("an epoch below one that is known (R7)")]
    Rollback,
    /// The GroupInfo names another conversation, generation or kind than the group that this device knows.
    #[error("another conversation under the same group id")]
    OtherConversation,
}

/// Damaged state, or a bug.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// A row is not what this crate wrote.
    #[error("a row is damaged")]
    BadRow,
    /// A row was written by a newer build.
    #[error("a row has the unknown format {found}")]
    UnknownFormat {
        /// The format number found.
        found: u16,
    },
    /// The rows of a group do not fit together.
    #[error("the rows of group {} do not fit together", .0.short())]
    Inconsistent(GroupId),
    /// A group failed half-way through a step: the step must be rolled back and [`Device::forget`] called.
    ///
    /// [`Device::forget`]: crate::Device::forget
    #[error("group {} failed in this step, which must be rolled back", .0.short())]
    Spoiled(GroupId),
    /// A bug in this crate.
    #[error("a bug: {0}")]
    Bug(&'static str),
    /// The MLS library failed where our own state and input cannot be the reason of a peer.
    #[error("the MLS library failed")]
    Library(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl StateError {
    /// A failure below this crate that no peer is the reason of.
    pub(crate) fn library(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Library(Box::new(error))
    }
}

impl IntoAnyError for StateError {
    fn into_dyn_error(self) -> Result<Box<dyn std::error::Error + Send + Sync>, Self> {
        Ok(self.into())
    }
}
