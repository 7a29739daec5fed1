//! The records of a backup, checked when they are read: ids of their length, codes that are known, bounded lists.
//!
//! A record that does not hold what the schema promises is damage; one of a kind that a newer hush added is passed over.

use std::fmt;

use hushwire_types::{AccountId, ContentId, ConversationId, DeviceId, Generation, Order, Subject, Timestamp};

mod codec;

use crate::error::ReadError;
use codec::Invalid;
pub(crate) use codec::{decode, encode};

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// The first one: whose history this is.
    Head(Head),
    /// Somebody that the account knows.
    Contact(Contact),
    /// A conversation; before its messages.
    Conversation(Conversation),
    /// A row of a timeline; an older one before what is about it.
    Message(Message),
    /// Something that a person set.
    Register(Register),
    /// The last one: how many records stand before it.
    End {
        /// So many.
        records: u64,
    },
}

impl Record {
    /// As it stands in a backup.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(self)
    }

    /// What [`Record::to_bytes`] wrote; none for a kind that this version does not know.
    ///
    /// # Errors
    /// [`ReadError::Damaged`]
    pub fn from_bytes(bytes: &[u8]) -> Result<Option<Self>, ReadError> {
        decode(bytes).map_err(|_| ReadError::Damaged)
    }
}

/// Whose history this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Only a device of this account restores it.
    pub account: AccountId,
    /// When it was made.
    pub made_at: Timestamp,
}

/// Somebody that the account knows.
#[derive(Clone, PartialEq, Eq)]
pub struct Contact {
    /// The account.
    pub account: AccountId,
    /// Its genesis, to be verified again.
    pub genesis: Vec<u8>,
    /// The entries of its device list in the order in which they were taken, to be verified again.
    pub entries: Vec<Vec<u8>>,
    /// The handle that it was found by.
    pub handle: Option<String>,
    /// Its username.
    pub username: Option<String>,
    /// What it calls itself; empty where it has said nothing.
    pub profile_name: String,
    /// A few words of its own.
    pub about: String,
    /// Its picture, a JPEG; empty for none.
    pub picture: Vec<u8>,
    /// Grows with each change of what it says; 0 where that is not known.
    pub says_version: u64,
    /// How far it is trusted.
    pub trust: Trust,
    /// When it was first seen.
    pub learned_at: Timestamp,
}

/// How far an account is trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// The server's word only.
    Unverified,
    /// A person has compared.
    Verified {
        /// When.
        at: Timestamp,
    },
    /// Its handle belongs to another account now, which nobody has decided about.
    Changed {
        /// When that was seen.
        at: Timestamp,
        /// The other one.
        successor: AccountId,
    },
}

/// A conversation as the device knew it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// Its id.
    pub id: ConversationId,
    /// The other account of a direct one.
    pub peer: Option<AccountId>,
    /// When something last happened in it.
    pub last_activity: Timestamp,
    /// Up to where it was read.
    pub read_to: Option<(Generation, Order)>,
    /// What a group is.
    pub group: Option<Group>,
    /// How long messages of a direct one live, where somebody has said so.
    pub timer: Option<Timer>,
}

/// How long messages of a direct conversation live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timer {
    /// In seconds; 0 for ever.
    pub lives_for_s: u32,
    /// Where in the conversation that was said.
    pub place: (Generation, Order),
}

/// What a group was called, and who was in it.
#[derive(Clone, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: Option<String>,
    /// Its description.
    pub description: Option<String>,
    /// Who may add accounts.
    pub add_by: Who,
    /// Who may change name and description.
    pub details_by: Who,
    /// Who may write.
    pub write_by: Who,
    /// After how many seconds read messages disappear; 0 for never.
    pub timer_secs: u32,
    /// Who was in it.
    pub members: Vec<(AccountId, Role)>,
    /// Its picture, a JPEG; empty for none.
    pub picture: Vec<u8>,
}

/// A row of a timeline that the server has accepted.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// Its conversation.
    pub conversation: ConversationId,
    /// Its generation.
    pub generation: Generation,
    /// Its place.
    pub order: Order,
    /// Its identity.
    pub content_id: ContentId,
    /// Its author.
    pub account: AccountId,
    /// The author's device.
    pub device: DeviceId,
    /// When it was written.
    pub sent_at: Timestamp,
    /// When the server accepted it.
    pub accepted_at: Option<Timestamp>,
    /// When it was first known to be delivered.
    pub delivered_at: Option<Timestamp>,
    /// A Content as its author encoded it; of a system line, its data.
    pub content: Vec<u8>,
    /// What became of it.
    pub state: State,
    /// What it says of which message; none of one that people see.
    pub about: Option<About>,
    /// What became of an own one with others.
    pub seen: Vec<Seen>,
    /// Who handed it over, where it is not its author whom it came from.
    pub handed_over_by: Option<AccountId>,
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Of this account.
    Sent,
    /// Of another one.
    Received,
    /// It could not be read.
    Unreadable {
        /// Why.
        reason: String,
    },
    /// No message.
    System {
        /// Its type.
        event: String,
    },
    /// Deleted for everyone.
    Deleted,
}

/// What a hidden row says of which message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct About {
    /// What.
    pub aspect: Aspect,
    /// The message's author.
    pub account: AccountId,
    /// Its identity.
    pub content_id: ContentId,
}

/// What became of an own message with somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Who.
    pub account: AccountId,
    /// When a device of theirs was known to have it.
    pub delivered_at: Option<Timestamp>,
    /// When it was known to be read.
    pub read_at: Option<Timestamp>,
}

/// Something that a person set.
#[derive(Clone, PartialEq, Eq)]
pub struct Register {
    /// What it is about.
    pub subject: Subject,
    /// Which setting it is.
    pub code: u32,
    /// Its value, as that setting reads it.
    pub value: Vec<u8>,
    /// When it was set.
    pub at: Timestamp,
}

/// An enum that is written as a small number, which no other variant is given later.
macro_rules! codes {
    ($(#[$doc:meta])* $name:ident { $($(#[$what:meta])* $variant:ident = $code:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$what])* $variant),+ }

        impl $name {
            const fn code(self) -> u32 {
                match self { $(Self::$variant => $code),+ }
            }

            const fn from_code(code: u32) -> Result<Self, Invalid> {
                match code { $($code => Ok(Self::$variant),)+ _ => Err(Invalid) }
            }
        }
    };
}

codes!(
    /// Who may do something in a group.
    Who {
        /// Every member.
        Everybody = 0,
        /// Admins and owners.
        Admins = 1,
    }
);
codes!(
    /// What an account is in a group.
    Role {
        /// Neither of the others.
        Member = 0,
        /// An admin.
        Admin = 1,
        /// An owner.
        Owner = 2,
        /// On its way out.
        Leaving = 3,
    }
);
codes!(
    /// What a hidden row says of its message.
    Aspect {
        /// A reaction.
        Reaction = 1,
        /// A new wording.
        Edit = 2,
        /// It goes, for everyone.
        Delete = 3,
        /// What somebody chooses in a poll.
        Vote = 4,
        /// Whether it is pinned.
        Pin = 5,
    }
);

impl fmt::Debug for Register {
    /// Shows no value: a draft is what somebody wrote.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Register")
            .field("subject", &self.subject)
            .field("code", &self.code)
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Contact {
    /// Shows no handle and no name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contact")
            .field("account", &self.account)
            .field("trust", &self.trust)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Group {
    /// Shows no name and no description.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group").field("members", &self.members.len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Message {
    /// Shows no content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("conversation", &self.conversation)
            .field("content_id", &self.content_id)
            .field("state", &self.state)
            .field("about", &self.about)
            .finish_non_exhaustive()
    }
}
