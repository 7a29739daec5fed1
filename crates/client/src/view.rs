//! What front ends show: rows put together, ready for display. Texts of strangers are as they were written; a front end
//! for a terminal passes them through `hushwire_content::display`.

use std::collections::HashMap;

use hushwire_client_store::account::{self as accounts, Says, Trust};
use hushwire_client_store::conversation::{self as conversations, ConversationKind, ConversationState};
use hushwire_client_store::timeline::{self, EntryState, Position, RowId};
use hushwire_client_store::{View, about, expiry, group_facts, history, journal, profile};
use hushwire_engine::{
    Alert, ClaimState, ConversationSettings, Event, HandleClaim, Notice, StepError, conversation_settings,
    is_accepted, is_blocked,
};
use hushwire_identity::{Fingerprint, Handle, PublicKey, SafetyNumber};
use hushwire_types::{AccountId, ContentId, ConversationId, DeviceId, Generation, Order, Seq, Timestamp};

use crate::client::ClientError;

mod devices;
mod group;
mod message;
mod report;
mod search;

pub use devices::{Device, Devices};
pub(crate) use devices::{devices, has_untold, unsettled};
pub use group::{Group, With};
pub(crate) use group::{find_groups, group};
use message::message;
pub use message::{Body, Choice, Expiry, Marked, Message, Quoted, Reaction, Reader};
pub(crate) use message::{find_message, pinned, starred};
pub use report::Reported;
pub(crate) use report::{draft_report, reports};
pub(crate) use search::search;
pub use search::{Found, Hit};

/// This account and this device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The account.
    pub account: AccountId,
    /// The handle that it was registered with, or another one where it lost that; empty where it has none any more.
    pub handle: String,
    /// This device.
    pub device: DeviceId,
    /// What its owner calls it.
    pub device_name: String,
    /// `host:port` of the server.
    pub server: String,
    /// The server's pinned identity.
    pub fingerprint: Fingerprint,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Handles of this account and claims to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handles {
    /// The handles, as far as this device knows them.
    pub own: Vec<String>,
    /// Who claims or claimed one of them, the latest last.
    pub claims: Vec<HandleClaim>,
}

/// Somebody, as this profile knows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The account.
    pub account: AccountId,
    /// What to call them: a name of one's own, the handle they were found by, their username, or the beginning of
    /// their account id.
    pub name: String,
    /// How far they are trusted.
    pub trust: Trust,
}

impl Person {
    /// Whether a safety number, a card or a link has confirmed the account (rule R4).
    #[must_use]
    pub const fn is_verified(&self) -> bool {
        matches!(self.trust, Trust::Verified { .. })
    }
}

/// A contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// Who it is.
    pub person: Person,
    /// The handle that they were found by.
    pub handle: Option<String>,
    /// Their username, as the server says.
    pub username: Option<String>,
    /// What they say of themselves.
    pub says: Says,
    /// Whether they have shown a picture.
    pub picture: bool,
    /// Whether nothing of theirs is taken.
    pub blocked: bool,
    /// To be compared with theirs.
    pub safety_number: SafetyNumber,
}

/// A line of the conversation list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// The conversation.
    pub id: ConversationId,
    /// With whom.
    pub with: With,
    /// How it stands.
    pub state: ConversationState,
    /// When something last happened in it.
    pub last_activity: Timestamp,
    /// The latest text.
    pub last: Option<Message>,
    /// How many messages of others were not read.
    pub unread: u64,
    /// How many of them call this account, or answer it.
    pub unread_calls: u64,
    /// Whether it waits for this person to accept it: a stranger's message, or a group that a stranger added them to.
    pub request: bool,
    /// How many seconds messages live; 0 for ever.
    pub lives_for_s: u32,
    /// What is set for it.
    pub settings: ConversationSettings,
}

/// A page of a timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The rows, the oldest first.
    pub messages: Vec<Row>,
    /// Where older ones begin; `None` at the beginning of the conversation.
    pub before: Option<Cursor>,
}

/// A row and how it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The row.
    pub message: Message,
    /// How it stands.
    pub state: EntryState,
}

/// A place in a timeline, as text `generation.order.row`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor(Position);

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let order = self.0.order.map(|order| order.to_string()).unwrap_or_default();
        write!(f, "{}.{order}.{}", self.0.generation, self.0.row.0)
    }
}

impl std::str::FromStr for Cursor {
    type Err = ClientError;

    fn from_str(text: &str) -> Result<Self, ClientError> {
        let damaged = || ClientError::Damaged("page cursor");
        let mut parts = text.splitn(3, '.');
        let mut next = || parts.next().ok_or_else(damaged);
        let generation = Generation(next()?.parse().map_err(|_| damaged())?);
        let order = match next()? {
            "" => None,
            order => Some(Order(order.parse().map_err(|_| damaged())?)),
        };
        Ok(Self(Position { generation, order, row: RowId(next()?.parse().map_err(|_| damaged())?) }))
    }
}

/// What became of an own text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// It waits for the server.
    Waiting,
    /// The server accepted it. Only a receipt says that anybody has it.
    Sent {
        /// When.
        accepted_at: Option<Timestamp>,
    },
    /// It cannot be sent.
    Failed {
        /// One sentence.
        reason: String,
    },
}

/// One change of the journal, with what it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its number.
    pub seq: Seq,
    /// When it happened here.
    pub at: Timestamp,
    /// The conversation that it is about.
    pub conversation: Option<ConversationId>,
    /// What happened; `None` for a type that a newer version wrote.
    pub event: Option<Event>,
    /// The event's type, as it is stored.
    pub kind: String,
    /// The row that it is about, where that still exists.
    pub message: Option<Message>,
}

impl Change {
    /// What a person must be told, if it is that.
    #[must_use]
    pub const fn alert(&self) -> Option<&Alert> {
        match &self.event {
            Some(Event::Alert(alert)) => Some(alert),
            _ => None,
        }
    }
}

/// People, each looked up once.
struct People<'a, 'b> {
    view: &'a View<'b>,
    known: HashMap<AccountId, Person>,
}

impl<'a, 'b> People<'a, 'b> {
    /// Oneself is known by the handle that was registered, and needs no proof.
    fn new(view: &'a View<'b>, me: &profile::Profile) -> Self {
        let trust = Trust::Verified { at: me.created_at };
        let oneself = Person { account: me.account, name: me.handle.clone(), trust };
        Self { view, known: HashMap::from([(me.account, oneself)]) }
    }

    fn person(&mut self, account: AccountId) -> Result<Person, ClientError> {
        if let Some(person) = self.known.get(&account) {
            return Ok(person.clone());
        }
        let found = accounts::find(self.view, &account)?;
        let person = found.as_ref().map_or_else(|| stranger(account), named);
        self.known.insert(account, person.clone());
        Ok(person)
    }
}

impl People<'_, '_> {
    /// A system line in words, with the names that this profile has for accounts.
    fn told(&mut self, notice: Option<Notice>) -> Result<Body, ClientError> {
        let Some(told) = &notice else {
            let words = "Something happened that this version of hush cannot name.".to_owned();
            return Ok(Body::Notice { notice, words });
        };
        let mut failed = None;
        let words = told.words(&mut |account| match self.person(account) {
            Ok(person) => person.name,
            Err(error) => {
                failed = Some(error);
                account.short()
            }
        });
        match failed {
            Some(error) => Err(error),
            None => Ok(Body::Notice { notice, words }),
        }
    }
}

fn stranger(account: AccountId) -> Person {
    Person { account, name: account.short(), trust: Trust::Unverified }
}

fn named(account: &accounts::Account) -> Person {
    let name = account.local_name.clone().or_else(|| account.handle.clone());
    let name = name.or_else(|| account.username.as_deref().map(with_at_sign));
    // What somebody calls themselves is no proof of who they are, and looks like none.
    let says = Some(&account.says.name).filter(|name| !name.is_empty());
    let name = name.or_else(|| says.map(|name| format!("~{name}")));
    Person {
        account: account.account,
        name: name.unwrap_or_else(|| account.account.short()),
        trust: account.trust,
    }
}

fn with_at_sign(username: &str) -> String {
    format!("@{}", username.trim_start_matches('@'))
}

fn own(view: &View<'_>) -> Result<profile::Profile, ClientError> {
    profile::find(view)?.ok_or(ClientError::Damaged("account"))
}

pub(crate) fn account(view: &View<'_>) -> Result<Account, ClientError> {
    let profile = own(view)?;
    let key = PublicKey::from_bytes(&profile.server_key).map_err(|_| ClientError::Damaged("server key"))?;
    Ok(Account {
        account: profile.account,
        handle: handles(view)?.own.into_iter().next().unwrap_or_default(),
        device: profile.device,
        device_name: profile.device_name,
        server: profile.server,
        fingerprint: Fingerprint::of(&key),
        created_at: profile.created_at,
    })
}

pub(crate) fn handles(view: &View<'_>) -> Result<Handles, ClientError> {
    let damaged = |error| match error {
        StepError::Store(error) => ClientError::Store(error),
        _ => ClientError::Damaged("list of handles"),
    };
    let claims = hushwire_engine::handle_claims(view).map_err(damaged)?;
    let others = hushwire_engine::own_handles(view).map_err(damaged)?;
    let first = own(view)?.handle;
    let lost = |claim: &HandleClaim| claim.handle == first && claim.state == ClaimState::Passed;
    let mut all: Vec<String> = others.into_iter().filter(|handle| *handle != first).collect();
    if !claims.iter().any(lost) {
        all.insert(0, first);
    }
    Ok(Handles { own: all, claims })
}

pub(crate) fn contacts(view: &View<'_>) -> Result<Vec<Contact>, ClientError> {
    let me = own(view)?.account;
    let others = accounts::all(view)?.into_iter().filter(|account| account.account != me);
    let mut contacts: Vec<Contact> = others
        .map(|account| {
            Ok(Contact {
                person: named(&account),
                safety_number: SafetyNumber::of(me, account.account),
                picture: account.says.picture.is_some(),
                blocked: is_blocked(view, &account.account)?,
                handle: account.handle,
                username: account.username.as_deref().map(with_at_sign),
                says: account.says,
            })
        })
        .collect::<Result<_, ClientError>>()?;
    contacts.sort_by_key(|contact| contact.person.name.to_lowercase());
    Ok(contacts)
}

pub(crate) fn conversations(view: &View<'_>) -> Result<Vec<Conversation>, ClientError> {
    let me = own(view)?;
    let mut people = People::new(view, &me);
    let me = me.account;
    let mut all = Vec::new();
    for conversation in conversations::all(view)? {
        let with = match conversation.kind {
            ConversationKind::Direct { peer } => With::Person(people.person(peer)?),
            ConversationKind::Group => group::with(view, conversation.id)?,
            _ => continue,
        };
        let latest = timeline::page(view, &conversation.id, None, 1)?;
        let last = latest.first().map(|entry| message(&mut people, me, entry)).transpose()?;
        // Own devices talk in it all the time; people see it once they have written something.
        let with_oneself = conversation.kind.peer() == Some(me);
        if with_oneself && last.as_ref().is_none_or(|last| matches!(last.body, Body::Notice { .. })) {
            continue;
        }
        let request = !is_accepted(view, me, &conversation)?;
        // What was declined is gone.
        if request && (last.is_none() || conversation.state == ConversationState::Closed) {
            continue;
        }
        all.push(Conversation {
            id: conversation.id,
            with,
            state: conversation.state,
            last_activity: conversation.last_activity,
            last,
            unread: about::unread(view, &conversation.id)?,
            unread_calls: about::unread_calls(view, &conversation.id)?,
            request,
            lives_for_s: timer(view, &conversation)?,
            settings: conversation_settings(view, &conversation.id)?,
        });
    }
    all.sort_by_key(|conversation| {
        (!conversation.settings.pinned, std::cmp::Reverse(conversation.last_activity))
    });
    Ok(all)
}

fn timer(view: &View<'_>, conversation: &conversations::Conversation) -> Result<u32, ClientError> {
    Ok(match conversation.kind {
        ConversationKind::Group => {
            group_facts::find(view, &conversation.id)?.map_or(0, |facts| facts.timer_secs)
        }
        _ => expiry::timer(view, &conversation.id)?,
    })
}

pub(crate) fn timeline(
    view: &View<'_>,
    conversation: ConversationId,
    before: Option<&Cursor>,
    limit: u32,
) -> Result<Page, ClientError> {
    let me = own(view)?;
    let mut people = People::new(view, &me);
    let me = me.account;
    let found = timeline::page(view, &conversation, before.map(|cursor| &cursor.0), limit)?;
    let full = found.len() == usize::try_from(limit).unwrap_or(usize::MAX);
    let before = found.last().filter(|_| full).map(|oldest| Cursor(oldest.position()));
    let rows = found
        .iter()
        .rev()
        .map(|entry| Ok(Row { message: message(&mut people, me, entry)?, state: entry.entry.state.clone() }));
    Ok(Page { messages: rows.collect::<Result<_, ClientError>>()?, before })
}

/// A page of a conversation from its beginning on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forward {
    /// The rows, the oldest first, those that are not sent last.
    pub messages: Vec<Row>,
    /// How many stood between them and were left out: messages that disappear.
    pub left_out: u64,
    /// Where the next page begins; none after the last one.
    pub after: Option<Cursor>,
}

pub(crate) fn forward(
    view: &View<'_>,
    conversation: ConversationId,
    after: Option<Cursor>,
    limit: u32,
) -> Result<Forward, ClientError> {
    let me = own(view)?;
    let mut people = People::new(view, &me);
    let after = after.map(|Cursor(position)| position);
    let rows = history::forward(view, &conversation, after.as_ref(), limit)?;
    let mut page = Forward { messages: Vec::new(), left_out: 0, after: None };
    page.after = rows.last().map(|last| Cursor(last.position()));
    for entry in &rows {
        let message = message(&mut people, me.account, entry)?;
        if message.expiry.is_some() {
            page.left_out += 1;
        } else {
            page.messages.push(Row { message, state: entry.entry.state.clone() });
        }
    }
    Ok(page)
}

pub(crate) fn settled(
    view: &View<'_>,
    conversation: ConversationId,
    content: ContentId,
) -> Result<Settled, ClientError> {
    let me = own(view)?.account;
    let found = timeline::by_content(view, &conversation, &me, &content)?;
    Ok(match found {
        Some(entry) => match entry.entry.state {
            EntryState::Sent => Settled::Sent { accepted_at: entry.entry.accepted_at },
            EntryState::Failed { reason } => Settled::Failed { reason },
            _ => Settled::Waiting,
        },
        None => Settled::Waiting,
    })
}

/// Whoever `name` means here.
pub(crate) fn find(view: &View<'_>, name: &str) -> Result<Option<Person>, ClientError> {
    let wanted = name.trim();
    if let Ok(account) = wanted.parse::<AccountId>() {
        return Ok(accounts::find(view, &account)?.as_ref().map(named));
    }
    if let Ok(handle) = wanted.parse::<Handle>()
        && let Some(account) = accounts::by_handle(view, &handle.to_string())?
    {
        return Ok(Some(named(&account)));
    }
    let all = accounts::all(view)?;
    let same = |account: &&accounts::Account| {
        account.local_name.as_deref() == Some(wanted)
            || account.username.as_deref().is_some_and(|username| with_at_sign(username) == wanted)
    };
    Ok(all.iter().find(same).map(named))
}

pub(crate) fn changes(view: &View<'_>, after: Seq, limit: u32) -> Result<Vec<Change>, ClientError> {
    let me = own(view)?;
    let mut people = People::new(view, &me);
    let me = me.account;
    let mut changes = Vec::new();
    for journal::Event { seq, event } in journal::after(view, after, limit)? {
        let row = event.row.map(|row| timeline::find(view, row)).transpose()?.flatten();
        changes.push(Change {
            seq,
            at: event.at,
            conversation: event.conversation,
            event: serde_json::from_slice(&event.payload).ok(),
            kind: event.kind,
            message: row.as_ref().map(|entry| message(&mut people, me, entry)).transpose()?,
        });
    }
    Ok(changes)
}
