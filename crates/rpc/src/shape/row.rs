//! Rows of timelines.

use hushwire_client::EntryState;
use hushwire_client::view::{self, Body, Message};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Person, With};
use crate::time::Time;

/// A row of a timeline: a message, or a line of the system's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Row {
    /// Its id; the beginning is enough to name it.
    pub id: String,
    /// What it is.
    #[serde(rename = "type")]
    pub kind: RowKind,
    /// Who wrote it.
    pub from: Person,
    /// Whether it is one's own.
    pub own: bool,
    /// What it says.
    pub text: String,
    /// When it was written, by the author's clock.
    pub sent_at: Time,
    /// When the server took it.
    pub accepted_at: Option<Time>,
    /// How it stands; left out where it comes with an event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<RowState>,
    /// Why it cannot be sent.
    pub reason: Option<String>,
    /// What it replies to.
    pub quote: Option<Quote>,
    /// One of each account.
    pub reactions: Vec<Reaction>,
    /// Whether it was put otherwise.
    pub edited: bool,
    /// Earlier wordings, the first one first.
    pub earlier: Vec<String>,
    /// Who is known to have it or to have read it (own texts).
    pub readers: Vec<Reader>,
    /// Whether somebody else wrote it elsewhere.
    pub forwarded: bool,
    /// Whether it calls you, or answers you.
    pub calls_me: bool,
    /// Whether you have marked it.
    pub starred: bool,
    /// Whether it is pinned in its conversation.
    pub pinned: bool,
    /// When it disappears, if it does.
    pub expires: Option<Expires>,
    /// What a poll asks, and who has chosen what.
    pub poll: Option<Poll>,
    /// Whose card it is.
    pub card: Option<Card>,
    /// Who handed it over to you when you came into the group: that its author wrote it is their word alone. None where it came from
    /// its author.
    pub handed_over_by: Option<Person>,
}

impl From<&Message> for Row {
    fn from(message: &Message) -> Self {
        Self {
            id: message.content.to_string(),
            kind: (&message.body).into(),
            from: (&message.from).into(),
            own: message.own,
            text: message.body.words(),
            sent_at: message.sent_at.into(),
            accepted_at: message.accepted_at.map(Time),
            state: None,
            reason: None,
            quote: message.quote.as_ref().map(Quote::from),
            reactions: message.reactions.iter().map(Reaction::from).collect(),
            edited: !message.earlier.is_empty(),
            earlier: message.earlier.clone(),
            readers: message.readers.iter().map(Reader::from).collect(),
            forwarded: message.forwarded,
            calls_me: message.calls_me,
            starred: message.starred,
            pinned: message.pinned,
            expires: message.expiry.map(Expires::from),
            poll: Poll::of(&message.body),
            card: Card::of(&message.body),
            handed_over_by: message.handed_over_by.as_ref().map(Person::from),
        }
    }
}

impl From<&view::Row> for Row {
    fn from(row: &view::Row) -> Self {
        let message = &row.message;
        let reason = match &row.state {
            EntryState::Failed { reason } => Some(reason.clone()),
            _ => None,
        };
        Self { state: Some(state(&row.state, message)), reason, ..message.into() }
    }
}

fn state(state: &EntryState, message: &Message) -> RowState {
    let is_read = || message.readers.iter().any(|reader| reader.read_at.is_some());
    match state {
        EntryState::Queued => RowState::Queued,
        EntryState::Sent if is_read() => RowState::Read,
        EntryState::Sent if message.delivered_at.is_some() => RowState::Delivered,
        EntryState::Sent => RowState::Sent,
        EntryState::Failed { .. } => RowState::Failed,
        EntryState::Received => RowState::Received,
        EntryState::Unreadable { .. } => RowState::Unreadable,
        EntryState::System { .. } => RowState::System,
        EntryState::Deleted => RowState::Deleted,
    }
}

/// What a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RowKind {
    /// A text.
    Text,
    /// A poll: the question, and each answer with its votes.
    Poll,
    /// Somebody's account.
    Card,
    /// A message that was deleted for everyone.
    Deleted,
    /// A kind that this version does not know; the text is its author's fallback.
    Unknown,
    /// A line of the system's.
    Notice,
}

impl From<&Body> for RowKind {
    fn from(body: &Body) -> Self {
        match body {
            Body::Text(_) => Self::Text,
            Body::Poll { .. } => Self::Poll,
            Body::Card { .. } => Self::Card,
            Body::Deleted => Self::Deleted,
            Body::Unknown(_) => Self::Unknown,
            Body::Notice { .. } => Self::Notice,
        }
    }
}

/// How a row stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RowState {
    /// It waits for the server.
    Queued,
    /// The server has it. It does not say that anybody else does.
    Sent,
    /// A device of the other side has it.
    Delivered,
    /// Somebody has read it.
    Read,
    /// It cannot be sent.
    Failed,
    /// Somebody else wrote it.
    Received,
    /// It cannot be read here.
    Unreadable,
    /// A line of the system's.
    System,
    /// It was deleted.
    Deleted,
}

/// The message that a reply quotes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Quote {
    /// Its id.
    pub id: String,
    /// Its author.
    pub from: Person,
    /// How it begins; empty where it was deleted.
    pub text: String,
}

impl From<&view::Quoted> for Quote {
    fn from(quote: &view::Quoted) -> Self {
        Self { id: quote.content.to_string(), from: (&quote.from).into(), text: quote.text.clone() }
    }
}

/// Somebody's reaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reaction {
    /// Whose.
    pub from: Person,
    /// The emoji, as it came.
    pub emoji: String,
}

impl From<&view::Reaction> for Reaction {
    fn from(reaction: &view::Reaction) -> Self {
        Self { from: (&reaction.from).into(), emoji: reaction.emoji.clone() }
    }
}

/// What became of an own text with somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reader {
    /// Who.
    pub person: Person,
    /// When a device of theirs was first known to have it.
    pub delivered_at: Option<Time>,
    /// When it was first known to be read.
    pub read_at: Option<Time>,
}

impl From<&view::Reader> for Reader {
    fn from(reader: &view::Reader) -> Self {
        Self {
            person: (&reader.person).into(),
            delivered_at: reader.delivered_at.map(Time),
            read_at: reader.read_at.map(Time),
        }
    }
}

/// When a message disappears.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Expires {
    /// How many seconds it lives from when it is read, or, of your own, sent.
    pub lives_for_s: u32,
    /// When that is over; none where it has not begun.
    pub at: Option<Time>,
}

impl From<view::Expiry> for Expires {
    fn from(expiry: view::Expiry) -> Self {
        Self { lives_for_s: expiry.lives_for_s, at: expiry.at.map(Time) }
    }
}

/// A poll.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Poll {
    /// The question.
    pub question: String,
    /// The answers, in the order in which `poll.vote` numbers them.
    pub answers: Vec<Answer>,
    /// Whether one may choose several.
    pub multiple: bool,
    /// Whether nobody votes any more.
    pub closed: bool,
}

impl Poll {
    fn of(body: &Body) -> Option<Self> {
        let Body::Poll { question, choices, multiple, closed } = body else { return None };
        let answer = |choice: &view::Choice| Answer {
            text: choice.text.clone(),
            votes: choice.votes.iter().map(Person::from).collect(),
        };
        let (question, answers) = (question.clone(), choices.iter().map(answer).collect());
        Some(Self { question, answers, multiple: *multiple, closed: *closed })
    }
}

/// An answer of a poll.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Answer {
    /// What it says.
    pub text: String,
    /// Who has chosen it.
    pub votes: Vec<Person>,
}

/// Somebody's card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Card {
    /// Whose, as this profile knows them.
    pub person: Person,
    /// The handle that its sender found them by; empty for none.
    pub handle: String,
    /// What its sender calls them.
    pub name: String,
}

impl Card {
    fn of(body: &Body) -> Option<Self> {
        let Body::Card { person, handle, name } = body else { return None };
        Some(Self { person: person.into(), handle: handle.clone(), name: name.clone() })
    }
}

/// A message that you have starred, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Marked {
    /// The conversation's id.
    pub conversation: String,
    /// With whom that is.
    pub with: With,
    /// The message.
    pub message: Row,
}

impl From<&view::Marked> for Marked {
    fn from(marked: &view::Marked) -> Self {
        Self {
            conversation: marked.conversation.to_string(),
            with: (&marked.with).into(),
            message: (&marked.row).into(),
        }
    }
}
