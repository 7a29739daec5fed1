//! Groups.

use hushwire_client::{GroupRole, GroupWho, Role, Who, view};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ConversationStatus;

/// A group, as of the newest epoch that this device has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Group {
    /// Its conversation's id.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// What it is about.
    pub description: Option<String>,
    /// Whether it has a picture.
    pub picture: bool,
    /// How it stands; `closed` where this account is not in it any more.
    pub state: ConversationStatus,
    /// Who is in it, by rank and then by name.
    pub members: Vec<Member>,
    /// Who may do what.
    pub permissions: Permissions,
    /// Who waits to be let in; only those in charge hear of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asking: Vec<Asking>,
}

impl From<&view::Group> for Group {
    fn from(group: &view::Group) -> Self {
        let member = |(person, role): &(view::Person, Role)| Member {
            account: person.account.to_string(),
            name: person.name.clone(),
            verified: person.is_verified(),
            role: (*role).into(),
        };
        Self {
            id: group.id.to_string(),
            name: group.name.clone(),
            description: group.description.clone(),
            picture: group.picture,
            state: group.state.into(),
            members: group.members.iter().map(member).collect(),
            permissions: Permissions {
                add: group.add_by.into(),
                details: group.details_by.into(),
                write: group.write_by.into(),
            },
            asking: group.asking.iter().map(Asking::from).collect(),
        }
    }
}

/// Somebody in a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Member {
    /// The account's id.
    pub account: String,
    /// What to call them.
    pub name: String,
    /// Whether a safety number, a card or a link has confirmed the account.
    pub verified: bool,
    /// The rank.
    pub role: RoleName,
}

/// Somebody who waits to be let into a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Asking {
    /// The account's id.
    pub account: String,
    /// What to call them.
    pub name: String,
}

impl From<&view::Person> for Asking {
    fn from(person: &view::Person) -> Self {
        Self { account: person.account.to_string(), name: person.name.clone() }
    }
}

/// Who may do what in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Permissions {
    /// Who may add accounts.
    pub add: WhoName,
    /// Who may change name, description and timer.
    pub details: WhoName,
    /// Who may write.
    pub write: WhoName,
}

/// A rank in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RoleName {
    /// Says who is owner and admin, and all that an admin may.
    Owner,
    /// Adds and removes members, says who may do what.
    Admin,
    /// Neither.
    Member,
    /// Has left; the devices are about to be removed. Nobody can be made this.
    Leaving,
}

impl RoleName {
    /// The same as a word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Member => "member",
            Self::Leaving => "leaving",
        }
    }

    /// What to ask the engine for; none for what nobody can be made.
    pub(crate) const fn wanted(self) -> Option<GroupRole> {
        match self {
            Self::Owner => Some(GroupRole::Owner),
            Self::Admin => Some(GroupRole::Admin),
            Self::Member => Some(GroupRole::Member),
            Self::Leaving => None,
        }
    }
}

impl From<Role> for RoleName {
    fn from(role: Role) -> Self {
        match role {
            Role::Owner => Self::Owner,
            Role::Admin => Self::Admin,
            Role::Member => Self::Member,
            Role::Leaving => Self::Leaving,
        }
    }
}

/// Who may do something in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhoName {
    /// Every member.
    Everybody,
    /// Admins and owners.
    Admins,
}

impl WhoName {
    /// The same as a word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Everybody => "everybody",
            Self::Admins => "admins",
        }
    }

    /// What to ask the engine for.
    pub(crate) const fn wanted(self) -> GroupWho {
        match self {
            Self::Everybody => GroupWho::Everybody,
            Self::Admins => GroupWho::Admins,
        }
    }
}

impl From<Who> for WhoName {
    fn from(who: Who) -> Self {
        match who {
            Who::Everybody => Self::Everybody,
            Who::Admins => Self::Admins,
        }
    }
}
