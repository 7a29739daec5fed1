//! A message as people see it: its last wording, what it replies to, who reacted how, who has read it.

use std::collections::BTreeMap;

use hushwire_client_store::about::{self, About, Aspect};
use hushwire_client_store::timeline::{self, EntryState};
use hushwire_client_store::{View, expiry, history};
use hushwire_content::{Content, Encoded, Kind, Poll, Target, Text};
use hushwire_engine::{MessageRef, Notice, is_starred};
use hushwire_types::{AccountId, ContentId, ConversationId, Timestamp};

use super::{People, Person, Row, With, own, search};
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
    /// Whether somebody else wrote it elsewhere.
    pub forwarded: bool,
    /// Whether it calls this account, or answers it.
    pub calls_me: bool,
    /// Whether this person marked it.
    pub starred: bool,
    /// Whether it is pinned in its conversation.
    pub pinned: bool,
    /// When it goes, if it does.
    pub expiry: Option<Expiry>,
    /// Who handed it over, where it did not come from its author: nothing proves who wrote it.
    pub handed_over_by: Option<Person>,
}

/// When a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expiry {
    /// How many seconds it lives from when it is read, or, of an own one, sent.
    pub lives_for_s: u32,
    /// When that is over, where it has begun.
    pub at: Option<Timestamp>,
}

/// An answer of a poll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The answer. Untrusted text.
    pub text: String,
    /// Who chose it.
    pub votes: Vec<Person>,
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
    /// A poll.
    Poll {
        /// The question. Untrusted text.
        question: String,
        /// Its answers, and who chose them.
        choices: Vec<Choice>,
        /// Whether one may choose several.
        multiple: bool,
        /// Whether nobody votes any more.
        closed: bool,
    },
    /// Somebody's account.
    Card {
        /// Whose, as this profile knows them.
        person: Person,
        /// The handle that the author found them by; empty for none. Untrusted text.
        handle: String,
        /// What the author calls them. Untrusted text.
        name: String,
    },
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
            Self::Poll { question, choices, closed, .. } => {
                let answers = choices
                    .iter()
                    .zip(1_u32..)
                    .map(|(choice, number)| format!("\n{number}. {} ({})", choice.text, choice.votes.len()));
                let head = if *closed { "Poll (closed)" } else { "Poll" };
                format!("{head}: {question}{}", answers.collect::<String>())
            }
            Self::Card { person, handle, name } => {
                let words = [name.as_str(), handle.as_str()].into_iter().filter(|word| !word.is_empty());
                let words = words.collect::<Vec<_>>().join(", ");
                format!("Contact: {words} (account {})", person.account)
            }
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
    let about = About { account: row.account, content: row.content_id };
    let (mut body, content) = read(people, row, &about)?;
    let named = MessageRef { conversation: row.conversation, account: row.account, content: row.content_id };
    let mut earlier = Vec::new();
    let mut quote = None;
    let mut forwarded = false;
    if let (Body::Text(text), Some(Text { quote: quoted, forwarded: elsewhere, .. })) = (&mut body, content) {
        forwarded = elsewhere;
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
        forwarded,
        calls_me: about::is_calling_me(people.view, entry.row)?,
        starred: is_starred(people.view, &named)?,
        pinned: is_pinned(people, &row.conversation, &about)?,
        expiry: expiry::of(people.view, entry.row)?.map(|(lives_for_s, at)| Expiry { lives_for_s, at }),
        handed_over_by: history::handed_over_by(people.view, entry.row)?
            .map(|by| people.person(by))
            .transpose()?,
    })
}

fn read(
    people: &mut People<'_, '_>,
    row: &timeline::NewEntry,
    about: &About,
) -> Result<(Body, Option<Text>), ClientError> {
    let body = match &row.state {
        EntryState::System { .. } => people.told(Notice::decode(&row.content))?,
        EntryState::Unreadable { .. } => people.told(Some(Notice::Unreadable))?,
        EntryState::Deleted => Body::Deleted,
        _ => match Encoded::from_row(row.content.clone()).decode() {
            Ok(Content { kind: Kind::Text(text), .. }) => {
                return Ok((Body::Text(text.body.clone()), Some(text)));
            }
            Ok(Content { kind: Kind::Poll(poll), .. }) => tally(people, &row.conversation, about, poll)?,
            Ok(Content { kind: Kind::Card(card), .. }) => {
                let person = people.person(card.account)?;
                Body::Card { person, handle: card.handle, name: card.name }
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

/// A poll with what was chosen: of each account what it said last, until the poll's author closed it.
fn tally(
    people: &mut People<'_, '_>,
    conversation: &ConversationId,
    about: &About,
    poll: Poll,
) -> Result<Body, ClientError> {
    let mut last: BTreeMap<AccountId, Vec<u32>> = BTreeMap::new();
    let mut closed = false;
    for entry in about::of(people.view, conversation, about, Aspect::Vote)? {
        let Some(Kind::Vote(vote)) = kind(&entry) else { continue };
        let author = entry.entry.account;
        // A device that keeps no rule may choose several where one is asked for: then none of them counts.
        let fits = poll.multiple || vote.choices.len() <= 1;
        last.insert(author, if fits { vote.choices } else { Vec::new() });
        closed = vote.closes && author == about.account;
        if closed {
            break;
        }
    }
    let mut choices = Vec::new();
    for (text, index) in poll.options.into_iter().zip(0_u32..) {
        let voters = last.iter().filter(|(_, chosen)| chosen.contains(&index));
        let votes = voters.map(|(account, _)| people.person(*account)).collect::<Result<_, _>>()?;
        choices.push(Choice { text, votes });
    }
    Ok(Body::Poll { question: poll.question, choices, multiple: poll.multiple, closed })
}

/// Whether the last one who said so pinned it.
fn is_pinned(
    people: &People<'_, '_>,
    conversation: &ConversationId,
    about: &About,
) -> Result<bool, ClientError> {
    let said = about::of(people.view, conversation, about, Aspect::Pin)?;
    Ok(matches!(said.last().and_then(kind), Some(Kind::Pin(pin)) if !pin.unpinned))
}

/// The messages that are pinned in a conversation, the one that was pinned last first.
pub(crate) fn pinned(view: &View<'_>, conversation: ConversationId) -> Result<Vec<Row>, ClientError> {
    let mut last: Vec<(Target, bool)> = Vec::new();
    for entry in about::all(view, &conversation, Aspect::Pin)? {
        if let Some(Kind::Pin(pin)) = kind(&entry) {
            last.retain(|(target, _)| *target != pin.target);
            last.push((pin.target, !pin.unpinned));
        }
    }
    let there = last.into_iter().rev().filter(|(_, pinned)| *pinned);
    rows(
        view,
        there.map(|(target, _)| MessageRef {
            conversation,
            account: target.account,
            content: target.content_id,
        }),
    )
}

/// A message that this person marked, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marked {
    /// The conversation.
    pub conversation: ConversationId,
    /// With whom that is.
    pub with: With,
    /// The message.
    pub row: Row,
}

/// The messages that this person marked, the newest first.
pub(crate) fn starred(view: &View<'_>) -> Result<Vec<Marked>, ClientError> {
    let me = own(view)?;
    let mut people = People::new(view, &me);
    let mut marked = Vec::new();
    for named in hushwire_engine::starred(view)? {
        let conversation = named.conversation;
        let with = search::with(&mut people, conversation)?;
        let found = rows(view, [named])?;
        marked.extend(found.into_iter().map(|row| Marked { conversation, with: with.clone(), row }));
    }
    marked.sort_by_key(|marked| std::cmp::Reverse(marked.row.message.sent_at));
    Ok(marked)
}

/// Those of some messages that are here.
fn rows(view: &View<'_>, messages: impl IntoIterator<Item = MessageRef>) -> Result<Vec<Row>, ClientError> {
    let me = own(view)?;
    let mut people = People::new(view, &me);
    let mut rows = Vec::new();
    for MessageRef { conversation, account, content } in messages {
        if let Some(entry) = timeline::by_content(view, &conversation, &account, &content)? {
            let message = message(&mut people, me.account, &entry)?;
            rows.push(Row { message, state: entry.entry.state });
        }
    }
    Ok(rows)
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
    view: &View<'_>,
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
