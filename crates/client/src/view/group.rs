//! Groups as front ends show them.

use hushwire_client_store::View;
use hushwire_client_store::conversation::{self as conversations, ConversationKind, ConversationState};
use hushwire_client_store::group_facts::{self, GroupFacts, Who};
use hushwire_client_store::member::{self, Role};
use hushwire_engine::join_asks;
use hushwire_types::{AccountId, ConversationId};

use super::{People, Person, own};
use crate::client::ClientError;

/// Whom a conversation is with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum With {
    /// One other person.
    Person(Person),
    /// The members of a group.
    Group {
        /// What it is called. Untrusted text.
        name: String,
        /// How many accounts are in it, this one included.
        members: usize,
    },
}

impl With {
    /// What to call the conversation. Untrusted text.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Person(person) => &person.name,
            Self::Group { name, .. } => name,
        }
    }
}

/// A group, as of the newest epoch that this device has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its conversation.
    pub id: ConversationId,
    /// What it is called. Untrusted text.
    pub name: String,
    /// What it is about. Untrusted text.
    pub description: Option<String>,
    /// Whether it has a picture; it may not be here yet.
    pub picture: bool,
    /// How it stands.
    pub state: ConversationState,
    /// Who is in it, by rank and then by name.
    pub members: Vec<(Person, Role)>,
    /// Who may add accounts.
    pub add_by: Who,
    /// Who may change name, description and timer.
    pub details_by: Who,
    /// Who may write.
    pub write_by: Who,
    /// After how many seconds read messages disappear; 0 for never.
    pub timer_secs: u32,
    /// Who waits to be let in; only those in charge hear of it.
    pub asking: Vec<Person>,
}

/// What a group is called: its name, or where it has none, or none that can be read here, the beginning of its id.
pub(super) fn name_of(id: ConversationId, facts: Option<&GroupFacts>) -> String {
    facts.and_then(|facts| facts.name.clone()).unwrap_or_else(|| format!("group {}", id.short()))
}

/// A group in the conversation list.
pub(super) fn with(view: &View<'_>, id: ConversationId) -> Result<With, ClientError> {
    let facts = group_facts::find(view, &id)?;
    Ok(With::Group {
        name: name_of(id, facts.as_ref()),
        members: member::of(view, &id)?.iter().filter(|member| is_in(member)).count(),
    })
}

/// Who has left is in nobody's eyes a member, even before its leaves are removed.
fn is_in((_, role): &(AccountId, Role)) -> bool {
    *role != Role::Leaving
}

pub(crate) fn group(view: &View<'_>, id: ConversationId) -> Result<Option<Group>, ClientError> {
    let found = conversations::find(view, &id)?;
    let Some(row) = found.filter(|row| row.kind == ConversationKind::Group) else { return Ok(None) };
    let me = own(view)?;
    let mut people = People::new(view, &me);
    let facts = group_facts::find(view, &id)?;
    let mut members = Vec::new();
    for (account, role) in member::of(view, &id)?.into_iter().filter(is_in) {
        members.push((people.person(account)?, role));
    }
    let asking = join_asks(view, &id)?.into_iter().map(|account| people.person(account));
    let asking = asking.collect::<Result<_, _>>()?;
    let order = |role: &Role| match role {
        Role::Owner => 0,
        Role::Admin => 1,
        Role::Member | Role::Leaving => 2,
    };
    members.sort_by_key(|(person, role)| (order(role), person.name.to_lowercase()));
    Ok(Some(Group {
        id,
        name: name_of(id, facts.as_ref()),
        description: facts.as_ref().and_then(|facts| facts.description.clone()),
        picture: facts.as_ref().is_some_and(|facts| facts.picture.is_some()),
        state: row.state,
        members,
        add_by: facts.as_ref().map_or(Who::Admins, |facts| facts.add_by),
        details_by: facts.as_ref().map_or(Who::Everybody, |facts| facts.details_by),
        write_by: facts.as_ref().map_or(Who::Everybody, |facts| facts.write_by),
        timer_secs: facts.as_ref().map_or(0, |facts| facts.timer_secs),
        asking,
    }))
}

/// The groups that `name` may mean: the one with this id, else all whose name it is, in any case of letters.
pub(crate) fn find_groups(view: &View<'_>, name: &str) -> Result<Vec<Group>, ClientError> {
    let wanted = name.trim();
    if let Ok(id) = wanted.parse::<ConversationId>() {
        return Ok(group(view, id)?.into_iter().collect());
    }
    let mut found = Vec::new();
    for row in conversations::all(view)? {
        if row.kind != ConversationKind::Group {
            continue;
        }
        let facts = group_facts::find(view, &row.id)?;
        if name_of(row.id, facts.as_ref()).to_lowercase() == wanted.to_lowercase() {
            found.extend(group(view, row.id)?);
        }
    }
    Ok(found)
}
