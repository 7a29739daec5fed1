//! People.

use hushwire_client::{Trust, view};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Somebody, as this profile knows them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Person {
    /// The account's id.
    pub account: String,
    /// What to call them.
    pub name: String,
    /// Whether a safety number, a card or a link has confirmed the account.
    pub verified: bool,
}

impl From<&view::Person> for Person {
    fn from(person: &view::Person) -> Self {
        Self {
            account: person.account.to_string(),
            name: person.name.clone(),
            verified: person.is_verified(),
        }
    }
}

/// Whom a conversation is with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum With {
    /// One other person.
    Person(Person),
    /// The members of a group.
    Group {
        /// What it is called.
        group: String,
        /// How many accounts are in it, this one included.
        members: usize,
    },
}

impl With {
    /// What to call the conversation.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Person(person) => &person.name,
            Self::Group { group, .. } => group,
        }
    }
}

impl From<&view::With> for With {
    fn from(with: &view::With) -> Self {
        match with {
            view::With::Person(person) => Self::Person(person.into()),
            view::With::Group { name, members } => Self::Group { group: name.clone(), members: *members },
        }
    }
}

/// A contact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Contact {
    /// The account's id.
    pub account: String,
    /// What to call them.
    pub name: String,
    /// The handle that they were found by.
    pub handle: Option<String>,
    /// Their username, as the server says.
    pub username: Option<String>,
    /// How far they are trusted.
    pub trust: TrustName,
    /// What they call themselves; no proof of who they are. Empty where they have not said.
    pub calls_itself: String,
    /// What they say about themselves.
    pub about: String,
    /// Whether they have shown you a picture.
    pub picture: bool,
    /// Whether nothing of theirs is taken, and nothing sent to them.
    pub blocked: bool,
    /// To be compared with theirs: 60 digits in groups of five.
    pub safety_number: String,
}

impl From<&view::Contact> for Contact {
    fn from(contact: &view::Contact) -> Self {
        Self {
            account: contact.person.account.to_string(),
            name: contact.person.name.clone(),
            handle: contact.handle.clone(),
            username: contact.username.clone(),
            trust: (&contact.person.trust).into(),
            calls_itself: contact.says.name.clone(),
            about: contact.says.about.clone(),
            picture: contact.picture,
            blocked: contact.blocked,
            safety_number: contact.safety_number.to_string(),
        }
    }
}

/// How far somebody is trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TrustName {
    /// The server's word alone.
    Unverified,
    /// Confirmed.
    Verified,
    /// The handle belongs to another account now; nothing is sent until a person decides.
    Changed,
}

impl From<&Trust> for TrustName {
    fn from(trust: &Trust) -> Self {
        match trust {
            Trust::Unverified => Self::Unverified,
            Trust::Verified { .. } => Self::Verified,
            Trust::Changed { .. } => Self::Changed,
        }
    }
}
