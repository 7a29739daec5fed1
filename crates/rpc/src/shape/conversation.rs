//! Conversations.

use hushwire_client::{ConversationState, view};
use hushwire_types::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::With;
use crate::time::Time;

/// A line of the conversation list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Conversation {
    /// Its id.
    pub id: String,
    /// With whom.
    pub with: With,
    /// How it stands.
    pub state: ConversationStatus,
    /// When something last happened in it.
    pub last_activity: Time,
    /// How many messages of others were not read.
    pub unread: u64,
    /// How many of them call you, or answer you.
    pub unread_calls: u64,
    /// Whether it is marked as unread.
    pub marked_unread: bool,
    /// Whether it waits for you to accept it: a stranger's message, or a group that a stranger added you to.
    pub request: bool,
    /// Whether nothing that happens in it makes itself heard now.
    pub muted: bool,
    /// Until when; none for not at all or for ever.
    pub muted_until: Option<Time>,
    /// Whether it is put away.
    pub archived: bool,
    /// Whether it stands before the others.
    pub pinned: bool,
    /// Its labels.
    pub labels: Vec<String>,
    /// What is written and not sent yet; empty for nothing.
    pub draft: String,
    /// Whether others are told what you have read in it; none for as everywhere.
    pub receipts: Option<bool>,
    /// Whether others see that you are writing in it; none for as everywhere.
    pub typing: Option<bool>,
    /// How many seconds messages live from when they are read; 0 for ever.
    pub lives_for_s: u32,
    /// The latest message.
    pub last: Option<Last>,
}

impl Conversation {
    /// How a conversation stands at a time.
    pub(crate) fn of(conversation: &view::Conversation, now: Timestamp) -> Self {
        let last = |message: &view::Message| Last {
            from: message.from.name.clone(),
            own: message.own,
            text: message.body.words(),
        };
        let settings = &conversation.settings;
        let muted_until = settings.muted_until.filter(|until| *until > now);
        Self {
            id: conversation.id.to_string(),
            with: (&conversation.with).into(),
            state: conversation.state.into(),
            last_activity: conversation.last_activity.into(),
            unread: conversation.unread,
            unread_calls: conversation.unread_calls,
            marked_unread: settings.unread,
            request: conversation.request,
            muted: muted_until.is_some(),
            muted_until: muted_until.map(Time).filter(|until| until.is_known()),
            archived: settings.archived,
            pinned: settings.pinned,
            labels: settings.labels.clone(),
            draft: settings.draft.clone(),
            receipts: settings.receipts,
            typing: settings.typing,
            lives_for_s: conversation.lives_for_s,
            last: conversation.last.as_ref().map(last),
        }
    }
}

/// The latest message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Last {
    /// What its author is called.
    pub from: String,
    /// Whether it is one's own.
    pub own: bool,
    /// What it says.
    pub text: String,
}

/// How a conversation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConversationStatus {
    /// It is being made.
    Opening,
    /// All is well.
    Active,
    /// This device is being let in again.
    Repairing,
    /// This device cannot repair it.
    Damaged,
    /// This account is not in it any more.
    Closed,
}

impl ConversationStatus {
    /// The same as a word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Opening => "opening",
            Self::Active => "active",
            Self::Repairing => "repairing",
            Self::Damaged => "damaged",
            Self::Closed => "closed",
        }
    }
}

impl From<ConversationState> for ConversationStatus {
    fn from(state: ConversationState) -> Self {
        match state {
            ConversationState::Opening => Self::Opening,
            ConversationState::Active => Self::Active,
            ConversationState::Rejoining => Self::Repairing,
            ConversationState::Broken => Self::Damaged,
            ConversationState::Closed => Self::Closed,
        }
    }
}

/// A conversation, found by a person or a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Place {
    /// Its id.
    pub conversation: String,
    /// The other account's id; none for a group.
    pub account: Option<String>,
}
