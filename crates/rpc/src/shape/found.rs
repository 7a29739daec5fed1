//! What a search found.

use hushwire_client::view;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Person, With};
use crate::time::Time;

/// What a search found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Found {
    /// The messages, those that were written last first.
    pub hits: Vec<Hit>,
    /// What to give as `page` for more; none where there is no more.
    pub more: Option<i64>,
    /// Whether everything that is here was looked at. After an upgrade older messages become searchable one by one.
    pub whole: bool,
}

impl From<&view::Found> for Found {
    fn from(found: &view::Found) -> Self {
        Self {
            hits: found.hits.iter().map(Hit::from).collect(),
            more: found.more.map(|more| more.0),
            whole: found.whole,
        }
    }
}

/// A message that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Hit {
    /// The conversation's id.
    pub conversation: String,
    /// With whom that is.
    pub with: With,
    /// The message's id.
    pub id: String,
    /// Who wrote it.
    pub from: Person,
    /// Whether it is one's own.
    pub own: bool,
    /// When it was written, by the author's clock.
    pub sent_at: Time,
    /// When the server took it.
    pub accepted_at: Option<Time>,
    /// What it says.
    pub text: String,
    /// The part of it that fits best.
    pub snippet: Vec<Piece>,
    /// Who handed it over, as in a row of a timeline.
    pub handed_over_by: Option<Person>,
}

impl From<&view::Hit> for Hit {
    fn from(hit: &view::Hit) -> Self {
        let piece = |piece: &hushwire_client::Piece| Piece { text: piece.text.clone(), found: piece.found };
        Self {
            conversation: hit.conversation.to_string(),
            with: (&hit.with).into(),
            id: hit.message.content.to_string(),
            from: (&hit.message.from).into(),
            own: hit.message.own,
            sent_at: hit.message.sent_at.into(),
            accepted_at: hit.message.accepted_at.map(Time),
            text: hit.message.body.words(),
            snippet: hit.snippet.iter().map(piece).collect(),
            handed_over_by: hit.message.handed_over_by.as_ref().map(Person::from),
        }
    }
}

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Piece {
    /// The part.
    pub text: String,
    /// Whether it is what was searched for.
    pub found: bool,
}
