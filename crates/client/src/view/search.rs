//! What a search found, as front ends show it.

use hushwire_client_store::View;
use hushwire_client_store::conversation::{self as conversations, ConversationKind};
use hushwire_client_store::search::{self, Piece, Place, Query};
use hushwire_types::ConversationId;

use super::message::message;
use super::{Message, People, With, group, own};
use crate::client::ClientError;

/// What a search found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The messages, those that were written last first.
    pub hits: Vec<Hit>,
    /// Where the next page begins; none where there is no more.
    pub more: Option<Place>,
    /// Whether everything that is here was looked at. After an upgrade older messages become searchable one by one.
    pub whole: bool,
}

/// A message that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// Where it stands.
    pub conversation: ConversationId,
    /// With whom that conversation is.
    pub with: With,
    /// The message.
    pub message: Message,
    /// The part of it that fits best, in pieces of untrusted text.
    pub snippet: Vec<Piece>,
}

pub(crate) fn search(view: &View<'_>, query: &Query) -> Result<Found, ClientError> {
    let me = own(view)?;
    let mut people = People::new(view, &me);
    let found = search::find(view, query)?;
    let full = found.len() == usize::try_from(query.limit).unwrap_or(usize::MAX);
    let more = found.last().filter(|_| full).map(|last| last.place);
    let mut hits = Vec::with_capacity(found.len());
    for hit in found {
        let conversation = hit.entry.entry.conversation;
        hits.push(Hit {
            conversation,
            with: with(&mut people, conversation)?,
            message: message(&mut people, me.account, &hit.entry)?,
            snippet: hit.snippet,
        });
    }
    Ok(Found { hits, more, whole: search::unindexed_below(view)?.is_none() })
}

/// With whom a conversation is.
pub(super) fn with(people: &mut People<'_, '_>, id: ConversationId) -> Result<With, ClientError> {
    match conversations::find(people.view, &id)?.map(|known| known.kind) {
        Some(ConversationKind::Direct { peer }) => Ok(With::Person(people.person(peer)?)),
        _ => group::with(people.view, id),
    }
}
