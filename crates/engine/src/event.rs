//! The journal's events: what front ends are told, at least once, in the order of `seq`.
//!
//! An event names rows; their content is read from the database when it is shown. It is stored as JSON, because it
//! goes out as JSON.

use hushwire_types::{AccountId, ContentId, ConversationId, DeviceId, ReportId};
use serde::{Deserialize, Serialize};

use crate::claims::{ClaimState, HandleClaim, account_code};
use crate::notice::Mismatch;
use crate::text;

/// One event of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// A text came in. The event's timeline row holds it.
    Message {
        /// The author.
        #[serde(with = "text")]
        account: AccountId,
        /// Its identity.
        #[serde(with = "text")]
        content: ContentId,
    },
    /// An own text was stored; it will be sent.
    Queued {
        /// Its identity.
        #[serde(with = "text")]
        content: ContentId,
    },
    /// The server accepted an own text. It does not say that anybody read it (rule R4).
    Sent {
        /// Its identity.
        #[serde(with = "text")]
        content: ContentId,
    },
    /// An own text cannot be sent; the row's reason says why.
    Failed {
        /// Its identity.
        #[serde(with = "text")]
        content: ContentId,
        /// One sentence.
        reason: String,
    },
    /// Somebody has read an own text.
    ReadBy {
        /// Who.
        #[serde(with = "text")]
        account: AccountId,
        /// Its identity.
        #[serde(with = "text")]
        content: ContentId,
    },
    /// A person has read further in the conversation, here or on another device of this account.
    Read,
    /// The reactions to a message changed.
    Reacted {
        /// Its author.
        #[serde(with = "text")]
        account: AccountId,
        /// Its identity.
        #[serde(with = "text")]
        content: ContentId,
    },
    /// A text has another wording.
    Edited {
        /// Its author.
        #[serde(with = "text")]
        account: AccountId,
        /// Its identity.
        #[serde(with = "text")]
        content: ContentId,
    },
    /// Somebody chose in a poll, or closed it.
    Voted {
        /// The poll's author.
        #[serde(with = "text")]
        account: AccountId,
        /// Its identity.
        #[serde(with = "text")]
        content: ContentId,
    },
    /// A message was pinned, or let go.
    Pinned {
        /// Its author.
        #[serde(with = "text")]
        account: AccountId,
        /// Its identity.
        #[serde(with = "text")]
        content: ContentId,
    },
    /// A person set something, on this device or another of theirs: for everything, or for a message.
    Settings,
    /// A message was deleted.
    Deleted {
        /// Its author.
        #[serde(with = "text")]
        account: AccountId,
        /// Its identity.
        #[serde(with = "text")]
        content: ContentId,
    },
    /// A device of the other side has an own text.
    Delivered {
        /// Its identity.
        #[serde(with = "text")]
        content: ContentId,
    },
    /// A system line was added; the event's timeline row holds a [`crate::Notice`].
    Notice,
    /// A conversation came to be or changed its state.
    Conversation,
    /// A wish in a group ended.
    Wish {
        /// Its number, as [`crate::Outcome::Wished`] told it.
        wish: i64,
        /// Why it did not come true; none where it did.
        refused: Option<String>,
    },
    /// The operator of the server has a report of this account's, or will not get it.
    Report {
        /// Which.
        #[serde(with = "text")]
        report: ReportId,
        /// Who is reported.
        #[serde(with = "text")]
        account: AccountId,
        /// Why the server did not take it; none where it did.
        refused: Option<String>,
    },
    /// A part of the past came from another device of this account.
    History {
        /// Messages that were new here so far.
        messages: u64,
        /// How far it is …
        done: u64,
        /// … of how much.
        whole: u64,
        /// Whether that was all.
        finished: bool,
    },
    /// Something about a contact changed: its names, its trust, its devices.
    Contact {
        /// Whose.
        #[serde(with = "text")]
        account: AccountId,
    },
    /// Something that a person must be told, loudly.
    Alert(Alert),
}

/// What a person must be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "alert", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Alert {
    /// The server says that a handle points to another account than before. Sending is blocked until a person decides.
    #[error("{handle} belongs to another account now. Compare safety numbers before you accept it")]
    AccountChanged {
        /// The handle.
        handle: String,
        /// The account that it meant.
        #[serde(with = "text")]
        account: AccountId,
        /// The account that it means, the server says.
        #[serde(with = "text")]
        successor: AccountId,
    },
    /// Somebody proved a handle of this account with a code and asks for it, or that was decided (registration lock).
    #[error("{}", claim_words(.0))]
    HandleClaim(HandleClaim),
    /// What the other side saw does not fit (rule R4). Sending in the conversation is stopped until a person decides.
    #[error("{mismatch} Sending in the conversation is stopped")]
    Mismatch {
        /// The conversation.
        #[serde(with = "text")]
        conversation: ConversationId,
        /// Whose message showed it.
        #[serde(with = "text")]
        account: AccountId,
        /// What does not fit.
        mismatch: Mismatch,
    },
    /// The server showed a list of an account that contradicts the known one. The known one is kept.
    #[error("the server showed a device list that contradicts the known one: it was not believed")]
    Fork {
        /// Whose.
        #[serde(with = "text")]
        account: AccountId,
    },
    /// The server showed keys that do not belong to an account. They were not believed.
    #[error("the server showed keys that do not belong to an account: they were not believed")]
    BadKeys {
        /// Whose.
        #[serde(with = "text")]
        account: AccountId,
    },
    /// Somebody's leaf or message names entries of a device list that the server does not show. What depends on them waits.
    #[error("the server hides part of a device list: messages that depend on it wait")]
    ListWithheld {
        /// Whose.
        #[serde(with = "text")]
        account: AccountId,
    },
    /// A device was added to the own account.
    #[error("a device was added to your account. If it is not yours, revoke it")]
    OwnDeviceAdded {
        /// Which.
        #[serde(with = "text")]
        device: DeviceId,
    },
    /// This device was revoked.
    #[error("this device was removed from its account")]
    Revoked,
    /// This device cannot repair a conversation.
    #[error("a conversation is damaged, and this device could not repair it")]
    Stuck {
        /// Which.
        #[serde(with = "text")]
        conversation: ConversationId,
    },
    /// A conversation was shown with a second group under the same generation. Nothing was joined.
    #[error("the server showed a second group for a conversation: it was not joined")]
    SecondGroup {
        /// Which.
        #[serde(with = "text")]
        conversation: ConversationId,
    },
    /// The server was restored and lacks epochs of a group that this device may not set up anew (rule R1). What is said in it waits.
    #[error(
        "the server has lost the last changes of a group: what you write there waits until somebody in charge of it mends that"
    )]
    Waiting {
        /// Which.
        #[serde(with = "text")]
        conversation: ConversationId,
    },
    /// This profile is a copy of itself of which another one was used since. It entered its conversations anew; messages of the time
    /// between may be missing. Whoever runs both should run one.
    #[error(
        "this profile was restored from an old copy, or another copy of it is in use: it has entered its conversations anew, and \
         messages of the time between may be missing here. Use one copy only, and delete the other"
    )]
    OldCopy,
    /// The server was restored from a backup; what it had lost and this device still had was sent again.
    #[error("the server was restored from a backup: what it had lost was sent to it again")]
    ServerRestored,
    /// The last resort KeyPackage was used while others were there: somebody drains them, or the server hides them.
    #[error("the server gave out the spare key of this device although others were left")]
    LastResortUsed,
    /// The server left out entries of the mailbox without a word.
    #[error("the server left out messages without a word")]
    EntriesMissing {
        /// The first that is missing.
        from_seq: u64,
        /// The last that is missing.
        through_seq: u64,
    },
}

fn claim_words(claim: &HandleClaim) -> String {
    let HandleClaim { handle, claimant, state, .. } = claim;
    let code = account_code(claimant);
    match state {
        ClaimState::Claimed => format!(
            "somebody has proved {handle} with a code and wants it for the account {code}. It stays yours unless you allow that"
        ),
        ClaimState::Allowed => {
            format!("a device of yours has allowed the account {code} to take {handle} over")
        }
        ClaimState::Refused => {
            format!("a device of yours has refused to give {handle} to the account {code}")
        }
        ClaimState::Passed => format!(
            "{handle} is not yours any more: it belongs to the account {code} now. Your account and your conversations stay"
        ),
    }
}

impl Event {
    /// The kind, as the journal's column has it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Message { .. } => "message",
            Self::Queued { .. } => "queued",
            Self::Sent { .. } => "sent",
            Self::Failed { .. } => "failed",
            Self::Delivered { .. } => "delivered",
            Self::ReadBy { .. } => "read_by",
            Self::Read => "read",
            Self::Reacted { .. } => "reacted",
            Self::Edited { .. } => "edited",
            Self::Deleted { .. } => "deleted",
            Self::Voted { .. } => "voted",
            Self::Pinned { .. } => "pinned",
            Self::Settings => "settings",
            Self::Notice => "notice",
            Self::Conversation => "conversation",
            Self::Wish { .. } => "wish",
            Self::Report { .. } => "report",
            Self::History { .. } => "history",
            Self::Contact { .. } => "contact",
            Self::Alert(_) => "alert",
        }
    }

    /// The bytes of a journal row's payload.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads a journal row's payload; `None` where it is of a newer version.
    #[must_use]
    pub fn decode(payload: &[u8]) -> Option<Self> {
        serde_json::from_slice(payload).ok()
    }
}
