//! System lines of a timeline: typed, put into words when shown.

use std::fmt;

use hushwire_types::{AccountId, DeviceId};
use serde::{Deserialize, Serialize};

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

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gap { dropped } => {
                write!(f, "{dropped} messages were dropped by the server before this device fetched them.")
            }
            Self::Unreadable => f.write_str("A message could not be decrypted."),
            Self::Newer => f.write_str("A message of a newer version: update hush to read it."),
            Self::Rejoined => f.write_str(
                "This device entered the conversation anew. Messages of the time before may be missing.",
            ),
            Self::DeviceAdded { .. } => f.write_str("A device was added."),
            Self::DeviceRemoved { .. } => f.write_str("A device was removed."),
            Self::DeviceRejoined { .. } => f.write_str("A device entered the conversation anew."),
            Self::Mismatch { mismatch, .. } => write!(f, "{mismatch} Sending is stopped."),
            Self::Resumed => f.write_str("Sending goes on."),
            Self::Stuck => f.write_str("This conversation is damaged, and this device could not repair it."),
        }
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
