//! The devices of this account.

use hushwire_client_store::mark::{self, Mark};
use hushwire_client_store::{View, account as accounts, list, outbox, register};
use hushwire_group_policy::direct_conversation_id;
use hushwire_identity::list::{Change, ListHead};
use hushwire_identity::{DeviceList, DeviceStatus, UnverifiedEntry};
use hushwire_types::{DeviceId, ListNumber};

use super::own;
use crate::client::ClientError;

/// The account's devices, and where its list stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Devices {
    /// All that were ever in the list, the oldest first.
    pub all: Vec<Device>,
    /// The newest entry.
    pub head: ListHead,
}

/// A device of this account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Its id.
    pub id: DeviceId,
    /// What its owner calls it.
    pub name: String,
    /// Whether it is this one.
    pub this: bool,
    /// Whether it is part of the account; else it was put out.
    pub active: bool,
    /// The entry that added it.
    pub added: ListNumber,
}

/// Conversations whose leaves were not compared with the lists since those changed.
pub(crate) fn unsettled(view: &View<'_>) -> Result<usize, ClientError> {
    let marks = mark::all(view)?;
    Ok(marks.into_iter().filter(|(_, mark)| *mark == Mark::Review).count())
}

pub(crate) fn devices(view: &View<'_>) -> Result<Devices, ClientError> {
    const DAMAGED: ClientError = ClientError::Damaged("device list");
    let me = own(view)?;
    let account = accounts::find(view, &me.account)?.ok_or(DAMAGED)?;
    let entries = list::of(view, &me.account)?;
    let list = DeviceList::verify(&account.genesis, entries.iter().map(|entry| &entry.bytes));
    let list = list.map_err(|_| DAMAGED)?;
    let mut all = Vec::new();
    for bytes in list.entries(ListNumber(1)) {
        let entry = UnverifiedEntry::decode(bytes).map_err(|_| DAMAGED)?;
        let Change::Add { list_key, .. } = entry.change() else { continue };
        let id = hushwire_identity::keys::device_id(list_key);
        all.push(Device {
            id,
            name: list.name(id).map(ToString::to_string).unwrap_or_default(),
            this: id == me.device,
            active: list.status(id) == DeviceStatus::Active,
            added: entry.number(),
        });
    }
    Ok(Devices { all, head: list.head() })
}

/// Whether another device of this account has yet to be told something that was set here.
pub(crate) fn has_untold(view: &View<'_>) -> Result<bool, ClientError> {
    let others = devices(view)?.all.into_iter().any(|device| device.active && !device.this);
    if !others {
        return Ok(false);
    }
    let me = own(view)?.account;
    let with_oneself = direct_conversation_id(me, me);
    Ok(!register::untold(view, 1)?.is_empty() || !outbox::of_conversation(view, &with_oneself)?.is_empty())
}
