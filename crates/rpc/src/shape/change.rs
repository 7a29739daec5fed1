//! Events of the journal, and how the connection stands.

use hushwire_client::{Client, Event, Link, view};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::{Person, Reaction, Row};
use crate::fault::Fault;
use crate::time::Time;

/// Events, and how the connection stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Events {
    /// In order; none where nothing happened in time.
    pub events: Vec<Change>,
    /// The number after which they begin.
    pub after: u64,
    /// The number of the last event that there is.
    pub last: u64,
    /// How the connection stands.
    pub link: Standing,
    /// Who has begun to write, writes on or has stopped, before the events; left out where nobody has, or nobody asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub writing: Vec<Writes>,
}

/// Somebody writes, or has stopped. It holds for a few seconds, and is said again while they write on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Writes {
    /// The id of the conversation.
    pub conversation: String,
    /// Who.
    pub from: Person,
    /// Whether they have stopped.
    pub stopped: bool,
}

/// Something that happened. Which fields it has depends on its type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// Its number: grows, and is never used again. What `ack` takes.
    pub seq: u64,
    /// What happened: `message`, `queued`, `sent`, `failed`, `delivered`, `read_by`, `read`, `reacted`, `edited`, `deleted`, `voted`, `pinned`,
    /// `settings`, `notice`, `conversation`, `wish`, `contact`, `report`, `history`, `alert`, and what later versions add.
    #[serde(rename = "type")]
    pub kind: String,
    /// The id of the conversation that it is about.
    pub conversation: Option<String>,
    /// When it happened here.
    pub at: Time,
    /// The id of the message that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What the message's author is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The id of the message's author's account, or of the account that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Whether the message is one's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own: Option<bool>,
    /// What the message or the alert says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// When the message was written, by the author's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<Time>,
    /// Whether the author's account is confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<bool>,
    /// The id of the account that has read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// The message's reactions, where those changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reactions: Option<Vec<Reaction>>,
    /// Why it cannot be sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The number of a wish in a group that ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wish: Option<i64>,
    /// The id of a report that the server has, or does not take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<String>,
    /// Why that wish did not come true, or the server does not take that report; null where it did or does.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub refused: Option<Option<String>>,
    /// How far the past is that comes from another device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history: Option<History>,
    /// What a person must be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert: Option<Value>,
    /// The message as the timeline has it, where it is still there. `hush receive --json` leaves it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Box<Row>>,
}

/// How far the past is that comes from another device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct History {
    /// Messages that were new here so far.
    pub messages: u64,
    /// How far it is …
    pub done: u64,
    /// … of how much.
    pub whole: u64,
    /// Whether that was all.
    pub finished: bool,
}

/// A field that is there, null or not.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl From<&view::Change> for Change {
    fn from(change: &view::Change) -> Self {
        let message = change.message.as_ref();
        let mut shaped = Self {
            seq: change.seq.0,
            kind: change.kind.clone(),
            conversation: change.conversation.map(|id| id.to_string()),
            at: change.at.into(),
            id: message.map(|message| message.content.to_string()),
            from: message.map(|message| message.from.name.clone()),
            account: message.map(|message| message.from.account.to_string()),
            own: message.map(|message| message.own),
            text: message.map(|message| message.body.words()),
            sent_at: message.map(|message| message.sent_at.into()),
            verified: message.map(|message| message.from.is_verified()),
            by: None,
            reactions: None,
            reason: None,
            wish: None,
            report: None,
            refused: None,
            alert: None,
            history: None,
            message: message.map(|message| Box::new(message.into())),
        };
        if let Some(event) = &change.event {
            shaped.tell(event, message);
        }
        shaped
    }
}

impl Change {
    /// What the event itself says.
    fn tell(&mut self, event: &Event, message: Option<&view::Message>) {
        match event {
            Event::Sent { content } | Event::Delivered { content } | Event::Queued { content } => {
                self.id = Some(content.to_string());
            }
            Event::ReadBy { account, content } => {
                self.id = Some(content.to_string());
                self.by = Some(account.to_string());
            }
            Event::Reacted { account, content }
            | Event::Edited { account, content }
            | Event::Deleted { account, content }
            | Event::Voted { account, content }
            | Event::Pinned { account, content } => {
                self.id = Some(content.to_string());
                self.account = Some(account.to_string());
                self.reactions =
                    message.map(|message| message.reactions.iter().map(Reaction::from).collect());
            }
            Event::Failed { content, reason } => {
                self.id = Some(content.to_string());
                self.reason = Some(reason.clone());
            }
            Event::Wish { wish, refused } => {
                self.wish = Some(*wish);
                self.refused = Some(refused.clone());
            }
            Event::History { messages, done, whole, finished } => {
                self.history =
                    Some(History { messages: *messages, done: *done, whole: *whole, finished: *finished });
            }
            Event::Report { report, account, refused } => {
                self.report = Some(report.to_string());
                self.account = Some(account.to_string());
                self.refused = Some(refused.clone());
            }
            Event::Contact { account } => self.account = Some(account.to_string()),
            Event::Alert(alert) => {
                self.alert = serde_json::to_value(alert).ok();
                self.text = Some(alert.to_string());
            }
            _ => {}
        }
    }
}

/// How the connection to the server stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Standing {
    /// Not connected, and trying again.
    Offline {
        /// What went wrong last; none at the start.
        why: Option<Fault>,
    },
    /// Connecting and logging in.
    Connecting,
    /// Logged in; messages from before are still coming.
    CatchingUp,
    /// Logged in, and everything from before has come.
    Live {
        /// A sentence, where this machine's clock and the server's do not agree.
        clock: Option<String>,
    },
    /// Not connected, and not trying again: a person must act.
    Ended {
        /// Why.
        why: Fault,
    },
}

impl Standing {
    /// How the connection of `client` stands.
    pub(crate) fn of(client: &Client, link: &Link) -> Self {
        match link {
            Link::Offline { reason } => Self::Offline { why: reason.as_ref().map(Fault::from) },
            Link::Connecting => Self::Connecting,
            Link::CatchingUp => Self::CatchingUp,
            Link::Live => Self::Live { clock: client.clock_skew().map(|skew| skew.to_string()) },
            Link::Ended { reason } => Self::Ended { why: reason.into() },
        }
    }

    /// Whether everything from before has come.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        matches!(self, Self::Live { .. })
    }

    /// What it means for something that needed the server.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::Offline { why: Some(why) } | Self::Ended { why } => why.clone(),
            _ => Fault::new(crate::FaultKind::Network, "the server did not answer in time"),
        }
    }
}
