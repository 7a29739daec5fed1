//! This account: its devices, its handles and who claims them.

use hushwire_client::{AccountSettings, ClaimState, HandleClaim, account_code, view};
use hushwire_types::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::time::Time;

/// This account and this device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Account {
    /// The account's id.
    pub account: String,
    /// Its first handle; empty where it has none any more.
    pub handle: String,
    /// This device's id.
    pub device: String,
    /// What its owner calls it.
    pub device_name: String,
    /// `host:port` of the server.
    pub server: String,
    /// The server's pinned identity.
    pub fingerprint: String,
    /// When the account was made here.
    pub created_at: Time,
}

impl From<&view::Account> for Account {
    fn from(account: &view::Account) -> Self {
        Self {
            account: account.account.to_string(),
            handle: account.handle.clone(),
            device: account.device.to_string(),
            device_name: account.device_name.clone(),
            server: account.server.clone(),
            fingerprint: account.fingerprint.to_string(),
            created_at: account.created_at.into(),
        }
    }
}

/// What is set for everything, and what this account says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SettingsNow {
    /// Whether others are told what you have read.
    pub receipts: bool,
    /// Whether others see that you are writing.
    pub typing: bool,
    /// Whether what strangers want waits until you accept it.
    pub requests: bool,
    /// What you call yourself; empty where you have not said.
    pub name: String,
    /// A few words about you.
    pub about: String,
    /// Whether those you talk with see a picture of you.
    pub picture: bool,
}

impl SettingsNow {
    pub(crate) fn new(settings: AccountSettings, (name, about): (String, String), picture: bool) -> Self {
        let AccountSettings { read_receipts: receipts, typing, requests } = settings;
        Self { receipts, typing, requests, name, about, picture }
    }
}

/// The devices of this account, those that were put out too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Devices {
    /// The oldest first.
    pub devices: Vec<Device>,
    /// Whether the server was asked just now; else there may be newer ones.
    pub fresh: bool,
}

/// A device of this account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Device {
    /// Its id.
    pub device: String,
    /// What its owner calls it.
    pub name: String,
    /// Whether it is this one.
    pub this: bool,
    /// Whether it is part of the account; else it was put out.
    pub active: bool,
    /// The number of the list's entry that added it.
    pub number: u64,
}

impl From<&view::Device> for Device {
    fn from(device: &view::Device) -> Self {
        Self {
            device: device.id.to_string(),
            name: device.name.clone(),
            this: device.this,
            active: device.active,
            number: device.added.0,
        }
    }
}

/// Handles of this account, and what others want with them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Handles {
    /// The handles first, then the claims, the latest last.
    pub entries: Vec<HandleEntry>,
    /// Whether the server was asked just now; else there may be newer claims.
    pub fresh: bool,
}

/// A handle, or a claim to one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum HandleEntry {
    /// A handle of this account.
    Handle {
        /// The handle.
        handle: String,
    },
    /// Somebody claims or claimed one.
    Claim(Claim),
}

/// A claim to a handle of this account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Claim {
    /// The handle.
    pub handle: String,
    /// The id of the account that claims it.
    pub account: String,
    /// That account's code, for people to compare.
    pub code: String,
    /// Since when.
    pub claimed_at: Time,
    /// Until when it waits: then it would pass without consent, had no device of this account been there.
    pub locked_until: Time,
    /// How it stands.
    pub state: ClaimStatus,
}

impl From<&HandleClaim> for Claim {
    fn from(claim: &HandleClaim) -> Self {
        Self {
            handle: claim.handle.clone(),
            account: claim.claimant.to_string(),
            code: account_code(&claim.claimant),
            claimed_at: Timestamp::from_ms(claim.claimed_at_ms).into(),
            locked_until: Timestamp::from_ms(claim.locked_until_ms).into(),
            state: claim.state.into(),
        }
    }
}

/// How a claim stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClaimStatus {
    /// Nobody has decided.
    Claimed,
    /// A device of this account has allowed it.
    Allowed,
    /// A device of this account has refused it.
    Refused,
    /// The handle is the other account's now.
    Passed,
}

impl From<ClaimState> for ClaimStatus {
    fn from(state: ClaimState) -> Self {
        match state {
            ClaimState::Claimed => Self::Claimed,
            ClaimState::Allowed => Self::Allowed,
            ClaimState::Refused => Self::Refused,
            ClaimState::Passed => Self::Passed,
        }
    }
}
