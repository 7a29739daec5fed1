//! System lines of a timeline: typed, put into words when shown.

use std::fmt;

use hushwire_types::{AccountId, DeviceId};
use serde::{Deserialize, Serialize};

use crate::command::GroupRole;
use crate::text;

/// Something that happened to a conversation and that a person should see where it happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "notice", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Notice {
    /// The server dropped messages that were never fetched (its bounds), or says so.
    Gap {
        /// How many entries.
        dropped: u64,
    },
    /// A message that could not be read; it is lost.
    Unreadable,
    /// An entry of a newer protocol, kept to be read after an upgrade.
    Newer,
    /// This device had to enter the conversation anew; messages of the time between may be missing.
    Rejoined,
    /// A device of an account entered the conversation.
    DeviceAdded {
        /// Whose.
        #[serde(with = "text")]
        account: AccountId,
        /// Which.
        #[serde(with = "text")]
        device: DeviceId,
    },
    /// A device of an account was removed from the conversation.
    DeviceRemoved {
        /// Whose.
        #[serde(with = "text")]
        account: AccountId,
        /// Which.
        #[serde(with = "text")]
        device: DeviceId,
    },
    /// A device entered anew, as after a restored backup.
    DeviceRejoined {
        /// Whose.
        #[serde(with = "text")]
        account: AccountId,
        /// Which.
        #[serde(with = "text")]
        device: DeviceId,
    },
    /// What the other side saw and what this device saw do not fit together (rule R4); sending stopped.
    Mismatch {
        /// Whose message showed it.
        #[serde(with = "text")]
        account: AccountId,
        /// What does not fit.
        mismatch: Mismatch,
    },
    /// Sending goes on after a person said so.
    Resumed,
    /// The conversation cannot be healed by this device.
    Stuck,
    /// The server was restored and lacks the last changes of the group; this device may not set it up anew.
    Waiting,
    /// The conversation goes on in a new group, as the one before could not be repaired.
    Renewed {
        /// Who made it.
        #[serde(with = "text")]
        by: AccountId,
    },
    /// Somebody added this account to a group.
    YouWereAdded {
        /// Who.
        #[serde(with = "text")]
        by: AccountId,
    },
    /// Somebody put this account out of a group.
    YouWereRemoved {
        /// Who.
        #[serde(with = "text")]
        by: AccountId,
    },
    /// This account left a group.
    YouLeft,
    /// An account came into a group.
    MemberAdded {
        /// Whose.
        #[serde(with = "text")]
        account: AccountId,
        /// Who added it.
        #[serde(with = "text")]
        by: AccountId,
    },
    /// An account asks to be let into a group.
    AsksToJoin {
        /// Whose.
        #[serde(with = "text")]
        account: AccountId,
    },
    /// An account that came into a group was handed what was said there last.
    HistoryHanded {
        /// Whose.
        #[serde(with = "text")]
        account: AccountId,
        /// Who handed it over.
        #[serde(with = "text")]
        by: AccountId,
        /// How many messages, at most.
        messages: u32,
    },
    /// An account was put out of a group.
    MemberRemoved {
        /// Whose.
        #[serde(with = "text")]
        account: AccountId,
        /// Who put it out.
        #[serde(with = "text")]
        by: AccountId,
    },
    /// An account left a group.
    MemberLeft {
        /// Whose.
        #[serde(with = "text")]
        account: AccountId,
    },
    /// An account could not be added to a group.
    NotAdded {
        /// Whose.
        #[serde(with = "text")]
        account: AccountId,
        /// One sentence, perhaps the server's.
        reason: String,
    },
    /// An account has another role in a group.
    RoleChanged {
        /// Whose.
        #[serde(with = "text")]
        account: AccountId,
        /// Which.
        role: GroupRole,
        /// Who changed it.
        #[serde(with = "text")]
        by: AccountId,
    },
    /// A group has another name.
    Named {
        /// The name; empty for none.
        name: String,
        /// Who gave it.
        #[serde(with = "text")]
        by: AccountId,
    },
    /// A group has another description.
    Described {
        /// Who wrote it.
        #[serde(with = "text")]
        by: AccountId,
    },
    /// A group has another picture.
    Pictured {
        /// Whether it has none now.
        taken_away: bool,
        /// Who gave it, or took it away.
        #[serde(with = "text")]
        by: AccountId,
    },
    /// A group's disappearing timer is another.
    TimerSet {
        /// In seconds; 0 for never.
        secs: u32,
        /// Who set it.
        #[serde(with = "text")]
        by: AccountId,
    },
    /// Who may do what in a group is another.
    PermissionsChanged {
        /// Who changed it.
        #[serde(with = "text")]
        by: AccountId,
    },
}

impl Notice {
    /// Its type, as the row's column has it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Gap { .. } => "gap",
            Self::Unreadable => "unreadable",
            Self::Newer => "newer",
            Self::Rejoined => "rejoined",
            Self::DeviceAdded { .. } => "device_added",
            Self::DeviceRemoved { .. } => "device_removed",
            Self::DeviceRejoined { .. } => "device_rejoined",
            Self::Mismatch { .. } => "mismatch",
            Self::Resumed => "resumed",
            Self::Stuck => "stuck",
            Self::Waiting => "waiting",
            Self::Renewed { .. } => "renewed",
            Self::YouWereAdded { .. } => "you_were_added",
            Self::YouWereRemoved { .. } => "you_were_removed",
            Self::YouLeft => "you_left",
            Self::MemberAdded { .. } => "member_added",
            Self::AsksToJoin { .. } => "asks_to_join",
            Self::HistoryHanded { .. } => "history_handed",
            Self::MemberRemoved { .. } => "member_removed",
            Self::MemberLeft { .. } => "member_left",
            Self::NotAdded { .. } => "not_added",
            Self::RoleChanged { .. } => "role_changed",
            Self::Named { .. } => "named",
            Self::Described { .. } => "described",
            Self::Pictured { .. } => "pictured",
            Self::TimerSet { .. } => "timer_set",
            Self::PermissionsChanged { .. } => "permissions_changed",
        }
    }

    /// The bytes of a timeline row's content.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads a system row's content; `None` where it is of a newer version.
    #[must_use]
    pub fn decode(content: &[u8]) -> Option<Self> {
        serde_json::from_slice(content).ok()
    }
}

/// What does not fit between two devices (rule R4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Mismatch {
    /// Messages of the sender were left out.
    Missing,
    /// A message was repeated, or the sender said something else before.
    History,
    /// The sender's device list is not the one that the server showed here.
    List,
    /// The sender was shown another device list of this account.
    OwnList,
    /// The group's history is another one.
    Transcript,
}

impl Notice {
    /// A line for a person; `name` says what an account is called.
    #[must_use]
    pub fn words(&self, name: &mut dyn FnMut(AccountId) -> String) -> String {
        match self {
            Self::Gap { dropped } => {
                format!("{dropped} messages were dropped by the server before this device fetched them.")
            }
            Self::Unreadable => "A message could not be decrypted.".to_owned(),
            Self::Newer => "A message of a newer version: update hush to read it.".to_owned(),
            Self::Rejoined => {
                "This device entered the conversation anew. Messages of the time before may be missing."
                    .to_owned()
            }
            Self::DeviceAdded { account, .. } => format!("A device of {} was added.", name(*account)),
            Self::DeviceRemoved { account, .. } => format!("A device of {} was removed.", name(*account)),
            Self::DeviceRejoined { account, .. } => {
                format!("A device of {} entered the conversation anew.", name(*account))
            }
            Self::Mismatch { mismatch, .. } => format!("{mismatch} Sending is stopped."),
            Self::Resumed => "Sending goes on.".to_owned(),
            Self::Stuck => "This conversation is damaged, and this device could not repair it.".to_owned(),
            Self::Waiting => "The server was restored and has lost the last changes of this group. What you write here waits \
                until somebody in charge of the group mends that."
                .to_owned(),
            Self::Renewed { by } => {
                format!("{} set this conversation up anew, as it was damaged. What is here stays.", name(*by))
            }
            group => group.group_words(name),
        }
    }

    fn group_words(&self, name: &mut dyn FnMut(AccountId) -> String) -> String {
        match self {
            Self::YouWereAdded { by } => format!("{} added you.", name(*by)),
            Self::YouWereRemoved { by } => format!("{} removed you from the group.", name(*by)),
            Self::YouLeft => "You left the group.".to_owned(),
            Self::MemberAdded { account, by } => format!("{} added {}.", name(*by), name(*account)),
            Self::AsksToJoin { account } => format!("{} asks to be let into the group.", name(*account)),
            Self::HistoryHanded { account, by, messages: 1 } => {
                format!("{} handed the last message to {}.", name(*by), name(*account))
            }
            Self::HistoryHanded { account, by, messages } => {
                format!("{} handed the last {messages} messages to {}.", name(*by), name(*account))
            }
            Self::MemberRemoved { account, by } => format!("{} removed {}.", name(*by), name(*account)),
            Self::MemberLeft { account } => format!("{} left the group.", name(*account)),
            Self::NotAdded { account, reason } => {
                format!("{} could not be added: {reason}.", name(*account))
            }
            Self::RoleChanged { account, role, by } => {
                format!("{} made {} {role}.", name(*by), name(*account))
            }
            Self::Named { name: new, by } if new.is_empty() => {
                format!("{} took the group's name away.", name(*by))
            }
            Self::Named { name: new, by } => format!("{} named the group \u{201c}{new}\u{201d}.", name(*by)),
            Self::Described { by } => format!("{} changed the group's description.", name(*by)),
            Self::Pictured { taken_away: true, by } => {
                format!("{} took the group's picture away.", name(*by))
            }
            Self::Pictured { by, .. } => format!("{} changed the group's picture.", name(*by)),
            Self::TimerSet { secs: 0, by } => format!("{} turned disappearing messages off.", name(*by)),
            Self::TimerSet { secs, by } => {
                format!("{} lets messages disappear {} after they were read.", name(*by), span(*secs))
            }
            Self::PermissionsChanged { by } => format!("{} changed who may do what.", name(*by)),
            _ => String::new(),
        }
    }
}

impl fmt::Display for Notice {
    /// With accounts by the beginning of their ids; see [`Notice::words`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words(&mut |account| account.short()))
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "The server left out messages of the other side.",
            Self::History => "The server showed messages of the other side in another order or twice.",
            Self::List => "The server showed another device list of the other side.",
            Self::OwnList => "The server showed the other side another device list of this account.",
            Self::Transcript => "The server showed the other side another history of the group.",
        })
    }
}

/// A span of time in the largest unit that fits.
fn span(seconds: u32) -> String {
    const UNITS: [(u32, &str); 5] =
        [(604_800, "week"), (86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")];
    let unit = UNITS.iter().find(|(length, _)| seconds >= *length && seconds.is_multiple_of(*length));
    let (length, name) = unit.copied().unwrap_or((1, "second"));
    let count = seconds / length;
    if count == 1 { format!("1 {name}") } else { format!("{count} {name}s") }
}
