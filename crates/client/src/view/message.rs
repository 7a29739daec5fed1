//! A message as people see it: its last wording, what it replies to, who reacted how, who has read it.

use std::collections::BTreeMap;

use hushwire_client_store::about::{self, About, Aspect};
use hushwire_client_store::timeline::{self, EntryState};
use hushwire_content::{Content, Encoded, Kind, Text};
use hushwire_engine::{MessageRef, Notice};
use hushwire_types::{AccountId, ContentId, ConversationId, Timestamp};

use super::{People, Person};
use crate::client::ClientError;

/// A row of a timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its identity.
    pub content: ContentId,
    /// Who wrote it.
    pub from: Person,
    /// Whether it is one's own.
    pub own: bool,
    /// When it was written, by the author's clock.
    pub sent_at: Timestamp,
    /// When the server took it.
    pub accepted_at: Option<Timestamp>,
    /// When a device of the other side first had it (own texts).
    pub delivered_at: Option<Timestamp>,
    /// Who is known to have it or to have read it (own texts).
    pub readers: Vec<Reader>,
    /// What is shown.
    pub body: Body,
    /// What it replies to.
    pub quote: Option<Quoted>,
    /// One of each account.
    pub reactions: Vec<Reaction>,
    /// Earlier wordings, the first one first; none where it was never put otherwise.
    pub earlier: Vec<String>,
}

/// What became of an own text with somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader {
    /// Who.
    pub person: Person,
    /// When a device of theirs was first known to have it.
    pub delivered_at: Option<Timestamp>,
    /// When it was first known to be read.
    pub read_at: Option<Timestamp>,
}

/// The message that a reply quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quoted {
    /// Its author.
    pub from: Person,
    /// Its identity.
    pub content: ContentId,
    /// How it begins: as it is here, else as the reply says. Empty where it was deleted.
    pub text: String,
}

/// Somebody's reaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reaction {
    /// Whose.
    pub from: Person,
    /// The emoji, untrusted.
    pub emoji: String,
}

/// What a row shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// A text.
    Text(String),
    /// A message that was deleted for everyone.
    Deleted,
    /// A kind that this program does not know, by its author's fallback.
    Unknown(String),
    /// A line of the system's.
    Notice {
        /// What happened; none for something that a newer version wrote.
        notice: Option<Notice>,
        /// The same in words.
        words: String,
    },
}

impl Body {
    /// One line or more for a person.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Text(text) | Self::Unknown(text) => text.clone(),
            Self::Deleted => "(deleted)".to_owned(),
            Self::Notice { words, .. } => words.clone(),
        }
    }
}

pub(super) fn message(
    people: &mut People<'_, '_>,
    me: AccountId,
    entry: &timeline::Entry,
) -> Result<Message, ClientError> {
    let row = &entry.entry;
    let (mut body, content) = read(people, row)?;
    let about = About { account: row.account, content: row.content_id };
    let mut earlier = Vec::new();
    let mut quote = None;
    if let (Body::Text(text), Some(Text { quote: quoted, .. })) = (&mut body, content) {
        for edit in about::of(people.view, &row.conversation, &about, Aspect::Edit)? {
            if let Some(Kind::Edit(edit)) = kind(&edit) {
                earlier.push(std::mem::replace(text, edit.body));
            }
        }
        quote = quoted.map(|quoted| self::quoted(people, &row.conversation, &quoted)).transpose()?;
    }
    Ok(Message {
        content: row.content_id,
        from: people.person(row.account)?,
        own: row.account == me,
        sent_at: row.sent_at,
        accepted_at: row.accepted_at,
        delivered_at: entry.delivered_at,
        readers: readers(people, entry, me)?,
        reactions: reactions(people, &row.conversation, &about)?,
        body,
        quote,
        earlier,
    })
}

fn read(people: &mut People<'_, '_>, row: &timeline::NewEntry) -> Result<(Body, Option<Text>), ClientError> {
    let body = match &row.state {
        EntryState::System { .. } => people.told(Notice::decode(&row.content))?,
        EntryState::Unreadable { .. } => people.told(Some(Notice::Unreadable))?,
        EntryState::Deleted => Body::Deleted,
        _ => match Encoded::from_row(row.content.clone()).decode() {
            Ok(Content { kind: Kind::Text(text), .. }) => {
                return Ok((Body::Text(text.body.clone()), Some(text)));
            }
            Ok(content) => Body::Unknown(content.fallback),
            Err(_) => people.told(Some(Notice::Unreadable))?,
        },
    };
    Ok((body, None))
}

fn kind(entry: &timeline::Entry) -> Option<Kind> {
    Encoded::from_row(entry.entry.content.clone()).decode().ok().map(|content| content.kind)
}

fn quoted(
    people: &mut People<'_, '_>,
    conversation: &ConversationId,
    quote: &hushwire_content::Quote,
) -> Result<Quoted, ClientError> {
    let (account, content) = (quote.target.account, quote.target.content_id);
    let known = timeline::by_content(people.view, conversation, &account, &content)?;
    let text = match known {
        Some(entry) if entry.entry.state == EntryState::Deleted => String::new(),
        Some(entry) => match kind(&entry) {
            Some(Kind::Text(text)) => text.body,
            _ => quote.excerpt.clone(),
        },
        None => quote.excerpt.clone(),
    };
    Ok(Quoted { from: people.person(account)?, content, text })
}

fn reactions(
    people: &mut People<'_, '_>,
    conversation: &ConversationId,
    about: &About,
) -> Result<Vec<Reaction>, ClientError> {
    // The last one of each account counts.
    let mut last: BTreeMap<AccountId, String> = BTreeMap::new();
    for entry in about::of(people.view, conversation, about, Aspect::Reaction)? {
        if let Some(Kind::Reaction(reaction)) = kind(&entry) {
            last.insert(entry.entry.account, reaction.emoji);
        }
    }
    let there = last.into_iter().filter(|(_, emoji)| !emoji.is_empty());
    there.map(|(account, emoji)| Ok(Reaction { from: people.person(account)?, emoji })).collect()
}

fn readers(
    people: &mut People<'_, '_>,
    entry: &timeline::Entry,
    me: AccountId,
) -> Result<Vec<Reader>, ClientError> {
    if entry.entry.account != me {
        return Ok(Vec::new());
    }
    let seen = about::seen_by(people.view, entry.row)?;
    let reader = |seen: about::SeenBy| {
        let about::SeenBy { account, delivered_at, read_at } = seen;
        Ok(Reader { person: people.person(account)?, delivered_at, read_at })
    };
    seen.into_iter().map(reader).collect()
}

/// Rows among which the beginning of an id is looked for.
const RECENT: u32 = 1_000;

/// The messages of a conversation that an id means: a whole one, or the beginning of that of a recent message.
pub(crate) fn find_message(
    view: &hushwire_client_store::View<'_>,
    conversation: ConversationId,
    beginning: &str,
) -> Result<Vec<MessageRef>, ClientError> {
    let beginning = beginning.trim().to_lowercase();
    let found = match beginning.parse::<ContentId>() {
        Ok(id) => timeline::with_content_id(view, &conversation, &id)?,
        Err(_) => {
            let recent = timeline::page(view, &conversation, None, RECENT)?;
            let fits = |entry: &timeline::Entry| entry.entry.content_id.to_string().starts_with(&beginning);
            recent.into_iter().filter(fits).collect()
        }
    };
    let message = |entry: timeline::Entry| {
        let (account, content) = (entry.entry.account, entry.entry.content_id);
        MessageRef { conversation, account, content }
    };
    Ok(found.into_iter().map(message).collect())
}
