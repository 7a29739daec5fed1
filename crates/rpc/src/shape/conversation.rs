//! Conversations.

use hushwire_client::{ConversationState, view};
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
    /// The latest message.
    pub last: Option<Last>,
}

impl From<&view::Conversation> for Conversation {
    fn from(conversation: &view::Conversation) -> Self {
        let last = |message: &view::Message| Last {
            from: message.from.name.clone(),
            own: message.own,
            text: message.body.words(),
        };
        Self {
            id: conversation.id.to_string(),
            with: (&conversation.with).into(),
            state: conversation.state.into(),
            last_activity: conversation.last_activity.into(),
            unread: conversation.unread,
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
