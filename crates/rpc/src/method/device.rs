//! This account's devices.

use std::time::Duration;

use hushwire_client::view;
use hushwire_client::{Command, Fetched, approve};
use hushwire_types::DeviceId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use super::Method;
use crate::desk::{Deadline, Desk, LONGEST_WAIT_S, LOOK_AGAIN, PEOPLE, patience};
use crate::fault::{Fault, FaultKind};
use crate::shape::{Device, Devices};

/// What people are told who see other digits.
pub const NOT_THE_SAME: &str = "the digits were not confirmed, so nothing was linked. If they differ, somebody sits in between: do not try \
                                again over this network";

/// Lists your devices: what this device knows, and what the server tells it meanwhile where it can be reached.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListDevices {
    /// How long to wait for the server, in seconds.
    #[serde(default)]
    pub timeout_s: Option<u64>,
}

impl Method for ListDevices {
    const NAME: &'static str = "device.list";
    type Answer = Devices;

    fn timeout_s(&self) -> Option<u64> {
        self.timeout_s
    }

    async fn carry_out(self, desk: &Desk) -> Result<Devices, Fault> {
        let fresh = desk.caught_up(patience(self.timeout_s)).await.is_live();
        let devices = desk.client.devices().await?.all.iter().map(Device::from).collect();
        Ok(Devices { devices, fresh })
    }
}

/// Finds the device that shows a code. A person compares the digits of both; then `device.confirm` says whether they are the same.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApproveDevice {
    /// The code, or the text that the QR code holds.
    pub code: String,
    /// How long to wait for the server, in seconds.
    #[serde(default)]
    pub timeout_s: Option<u64>,
}

/// What a person compares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Digits {
    /// The digits, which the new device shows, too.
    pub digits: String,
    /// What the new device calls itself.
    pub device_name: String,
    /// What `device.confirm` takes.
    pub approval: u64,
}

impl Method for ApproveDevice {
    const NAME: &'static str = "device.approve";
    type Answer = Digits;

    fn timeout_s(&self) -> Option<u64> {
        Some(PEOPLE.as_secs())
    }

    async fn carry_out(self, desk: &Desk) -> Result<Digits, Fault> {
        desk.online(patience(self.timeout_s)).await?;
        let approving = approve(&desk.client, &self.code, PEOPLE).await?;
        let (digits, device_name) = (approving.digits.clone(), approving.name().to_string());
        Ok(Digits { digits, device_name, approval: desk.keep(approving)? })
    }
}

/// Says whether both devices show the same digits. If so, the new one is added and brought into your conversations.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmDevice {
    /// What `device.approve` answered.
    pub approval: u64,
    /// Whether the digits are the same.
    pub same: bool,
    /// Whether to stay until the new device has the past, or has not asked for more of it for a while.
    #[serde(default)]
    pub hand_over: bool,
    /// How long to wait for the conversations, in seconds.
    #[serde(default)]
    pub timeout_s: Option<u64>,
}

/// A device was added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Decided {
    /// What it calls itself.
    pub added: String,
    /// Conversations that it is not in yet; it follows while a device of yours is online.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unsettled: usize,
    /// Whether it has all of the past that it wants. Else it gets it while a device of yours is online.
    #[serde(default)]
    pub has_past: bool,
}

/// Waits until a new device has the past; whether it has.
async fn hand_over(desk: &Desk, to: DeviceId, patience: Duration) -> Result<bool, Fault> {
    let mut quiet_since = Deadline::after(patience);
    let mut last_sent = None;
    let mut tick = tokio::time::interval(LOOK_AGAIN);
    while !quiet_since.left().is_zero() {
        match desk.client.has_handed_over(to).await? {
            Some(true) => return Ok(true),
            Some(false) if last_sent != Some(desk.client.sends().await?) => {
                last_sent = Some(desk.client.sends().await?);
                quiet_since = Deadline::after(patience);
            }
            _ => {}
        }
        tick.tick().await;
    }
    Ok(false)
}

/// Gets what is not here of the past from another device of yours, while both are online. Answers when all of it is here, or when nothing
/// has come for a while: then it goes on whenever both are online. `event`s of the type `history` tell how far it is.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FetchHistory {
    /// From this one, by its name or the beginning of its id; none for whichever answers first.
    #[serde(default)]
    pub from: Option<String>,
    /// How long to wait for the next part, in seconds.
    #[serde(default)]
    pub timeout_s: Option<u64>,
}

/// How far the past is here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HistoryFetched {
    /// Whether all of it is here.
    pub whole: bool,
    /// Messages that were new here.
    pub messages: u64,
    /// How far it is in percent; none where nothing has come yet.
    pub percent: Option<u64>,
}

impl HistoryFetched {
    /// What became of fetching it.
    #[must_use]
    pub fn of(fetched: Fetched) -> Self {
        let (Fetched::Whole(progress) | Fetched::Waiting(progress)) = fetched;
        let whole = matches!(fetched, Fetched::Whole(_));
        let percent = progress.done.saturating_mul(100).checked_div(progress.whole);
        Self { whole, messages: progress.messages, percent: if whole { Some(100) } else { percent } }
    }
}

impl Method for FetchHistory {
    const NAME: &'static str = "device.history";
    type Answer = HistoryFetched;

    fn timeout_s(&self) -> Option<u64> {
        Some(LONGEST_WAIT_S)
    }

    async fn carry_out(self, desk: &Desk) -> Result<HistoryFetched, Fault> {
        let patience = patience(self.timeout_s);
        desk.online(patience).await?;
        let of = match &self.from {
            Some(name) => Some(find(desk, name).await?.id),
            None => None,
        };
        Ok(HistoryFetched::of(desk.client.fetch_history(of, patience, |_| ()).await?))
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
const fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl Method for ConfirmDevice {
    const NAME: &'static str = "device.confirm";
    type Answer = Decided;

    fn timeout_s(&self) -> Option<u64> {
        Some(PEOPLE.as_secs() + patience(self.timeout_s).as_secs())
    }

    async fn carry_out(self, desk: &Desk) -> Result<Decided, Fault> {
        let approving = desk.take(self.approval).await?;
        if !self.same {
            return Err(Fault::new(FaultKind::Untrusted, NOT_THE_SAME));
        }
        let (added, device) = (approving.name().to_string(), approving.device());
        approving.add(PEOPLE).await?;
        let unsettled = settle(desk, patience(self.timeout_s)).await?;
        let has_past = self.hand_over && hand_over(desk, device, patience(self.timeout_s)).await?;
        Ok(Decided { added, unsettled, has_past })
    }
}

/// Calls a device otherwise.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RenameDevice {
    /// Its name or the beginning of its id.
    pub device: String,
    /// The new name, at most 64 bytes.
    pub name: String,
    /// How long to wait for the server, in seconds.
    #[serde(default)]
    pub timeout_s: Option<u64>,
}

impl Method for RenameDevice {
    const NAME: &'static str = "device.rename";
    type Answer = Devices;

    fn timeout_s(&self) -> Option<u64> {
        self.timeout_s
    }

    async fn carry_out(self, desk: &Desk) -> Result<Devices, Fault> {
        let name = self.name.parse().map_err(|_| Fault::usage("that name cannot be used for a device"))?;
        desk.online(patience(self.timeout_s)).await?;
        let device = find(desk, &self.device).await?;
        desk.client.command(Command::RenameDevice { device: device.id, name }).await?;
        ListDevices { timeout_s: self.timeout_s }.carry_out(desk).await
    }
}

/// Puts a device out for ever: it is logged out at once and reads nothing more.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeDevice {
    /// Its name or the beginning of its id.
    pub device: String,
    /// How long to wait for the server and the conversations, in seconds.
    #[serde(default)]
    pub timeout_s: Option<u64>,
}

/// A device was put out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Revoked {
    /// Its id.
    pub revoked: String,
    /// What it was called.
    pub name: String,
    /// Conversations that it is still in; it is removed while a device of yours is online.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unsettled: usize,
}

impl Method for RevokeDevice {
    const NAME: &'static str = "device.revoke";
    type Answer = Revoked;

    fn timeout_s(&self) -> Option<u64> {
        self.timeout_s
    }

    async fn carry_out(self, desk: &Desk) -> Result<Revoked, Fault> {
        desk.online(patience(self.timeout_s)).await?;
        let device = find(desk, &self.device).await?;
        desk.client.command(Command::RevokeDevice { device: device.id }).await?;
        let unsettled = settle(desk, patience(self.timeout_s)).await?;
        Ok(Revoked { revoked: device.id.to_string(), name: device.name, unsettled })
    }
}

/// The one active device that is meant.
async fn find(desk: &Desk, wanted: &str) -> Result<view::Device, Fault> {
    let all = desk.client.devices().await?.all;
    let fits = |device: &&view::Device| {
        device.active && (device.name == wanted || device.id.to_string().starts_with(&wanted.to_lowercase()))
    };
    let mut found: Vec<&view::Device> = all.iter().filter(fits).collect();
    match (found.pop(), found.len()) {
        (Some(device), 0) => Ok(device.clone()),
        (Some(_), _) => {
            Err(Fault::usage(format!("several devices are meant by {wanted}: give more of the id")))
        }
        (None, _) => Err(Fault::usage(format!("you have no device {wanted}: hush device list shows them"))),
    }
}

/// Waits until all conversations have the devices that they should have; how many do not.
async fn settle(desk: &Desk, patience: Duration) -> Result<usize, Fault> {
    let mut changes = desk.client.changes(desk.client.last_change().await?);
    let all = async {
        while desk.client.unsettled().await? > 0 {
            // Every Commit is a line in its conversation; where nothing can be done there is none, and the time is up.
            changes.next().await?;
        }
        Ok::<_, Fault>(0)
    };
    match timeout(patience, all).await {
        Ok(done) => done,
        Err(_) => Ok(desk.client.unsettled().await?),
    }
}
