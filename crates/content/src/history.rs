//! The past, handed from one device to another of the same account, or to accounts that come into a group.

use std::fmt;

use hushwire_types::{AccountId, DeviceId};

use crate::content::{Invalid, fixed};
use crate::{limits, proto};

/// A device asks another one of its account for the past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryAsk {
    /// Which is asked; none for any.
    pub device: Option<DeviceId>,
    /// Where to begin, as a part said it; empty for the beginning.
    pub from: Vec<u8>,
    /// How many parts may come until it asks again; 0 for none.
    pub parts: u32,
}

impl HistoryAsk {
    pub(crate) fn from_proto(proto: proto::HistoryAsk) -> Result<Self, Invalid> {
        let device = Some(&*proto.device).filter(|device| !device.is_empty());
        Ok(Self {
            device: device.map(|device| fixed("device", device)).transpose()?,
            from: place("from", proto.from)?,
            parts: proto.parts,
        })
    }

    pub(crate) fn to_proto(&self) -> proto::HistoryAsk {
        let device = self.device.map(|device| device.as_bytes().to_vec()).unwrap_or_default();
        proto::HistoryAsk { device, from: self.from.clone(), parts: self.parts }
    }
}

/// A part of the past.
#[derive(Clone, PartialEq, Eq)]
pub struct HistoryPart {
    /// For which device.
    pub device: DeviceId,
    /// Where it begins.
    pub from: Vec<u8>,
    /// Where the next part begins; empty at the end.
    pub to: Vec<u8>,
    /// Records as backups have them.
    pub records: Vec<Vec<u8>>,
    /// Whether the last record goes on with the first bytes of the next part.
    pub continues: bool,
    /// How far this is.
    pub done: u64,
    /// Of how much.
    pub whole: u64,
}

impl HistoryPart {
    pub(crate) fn from_proto(proto: proto::HistoryPart) -> Result<Self, Invalid> {
        if proto.records.len() > limits::HISTORY_RECORDS {
            return Err(Invalid::too_large("records"));
        }
        Ok(Self {
            device: fixed("device", &proto.device)?,
            from: place("from", proto.from)?,
            to: place("to", proto.to)?,
            records: proto.records,
            continues: proto.continues,
            done: proto.done,
            whole: proto.whole,
        })
    }

    pub(crate) fn to_proto(&self) -> proto::HistoryPart {
        proto::HistoryPart {
            device: self.device.as_bytes().to_vec(),
            from: self.from.clone(),
            to: self.to.clone(),
            records: self.records.clone(),
            continues: self.continues,
            done: self.done,
            whole: self.whole,
        }
    }
}

impl fmt::Debug for HistoryPart {
    /// Shows nothing of the past itself.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HistoryPart({} records, {} of {})", self.records.len(), self.done, self.whole)
    }
}

/// A part of what was said last in a group, for accounts that have just come in. It is its author's word alone.
#[derive(Clone, PartialEq, Eq)]
pub struct HistoryBundle {
    /// Chosen at random; the same in all its parts.
    pub bundle: [u8; 16],
    /// For whom, at least one, at most [`limits::BUNDLE_ACCOUNTS`].
    pub accounts: Vec<AccountId>,
    /// How many messages all parts have together, at most [`limits::BUNDLE_MESSAGES`].
    pub messages: u32,
    /// Which part this is, from 0 on.
    pub number: u32,
    /// Whether no part follows.
    pub ends: bool,
    /// Records as backups have them, the oldest message first.
    pub records: Vec<Vec<u8>>,
    /// Whether the last record goes on with the first bytes of the next part.
    pub continues: bool,
}

impl HistoryBundle {
    pub(crate) fn from_proto(proto: proto::HistoryBundle) -> Result<Self, Invalid> {
        let over = |count: usize, limit: usize, field| {
            if count > limit { Err(Invalid::too_large(field)) } else { Ok(()) }
        };
        over(proto.records.len(), limits::BUNDLE_MESSAGES, "records")?;
        over(proto.accounts.len(), limits::BUNDLE_ACCOUNTS, "accounts")?;
        over(usize::try_from(proto.messages).unwrap_or(usize::MAX), limits::BUNDLE_MESSAGES, "messages")?;
        if proto.accounts.is_empty() {
            return Err(Invalid::Missing { field: "accounts" });
        }
        let accounts = proto.accounts.iter().map(|account| fixed("accounts", account));
        Ok(Self {
            bundle: fixed("bundle", &proto.bundle)?,
            accounts: accounts.collect::<Result<_, _>>()?,
            messages: proto.messages,
            number: proto.number,
            ends: proto.ends,
            records: proto.records,
            continues: proto.continues,
        })
    }

    pub(crate) fn to_proto(&self) -> proto::HistoryBundle {
        proto::HistoryBundle {
            bundle: self.bundle.to_vec(),
            accounts: self.accounts.iter().map(|account| account.as_bytes().to_vec()).collect(),
            messages: self.messages,
            number: self.number,
            ends: self.ends,
            records: self.records.clone(),
            continues: self.continues,
        }
    }
}

impl fmt::Debug for HistoryBundle {
    /// Shows nothing of the past itself.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HistoryBundle(part {}, {} records)", self.number, self.records.len())
    }
}

fn place(field: &'static str, place: Vec<u8>) -> Result<Vec<u8>, Invalid> {
    if place.len() > limits::HISTORY_PLACE_BYTES { Err(Invalid::too_large(field)) } else { Ok(place) }
}
