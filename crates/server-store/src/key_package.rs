//! KeyPackages: a pool that is claimed once each, and one of last resort.

use bytes::Bytes;
use hushwire_types::{AccountId, DeviceId};

use crate::mailbox::MailboxKey;

/// A KeyPackage with its hash, by which the same upload twice is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKeyPackage {
    /// SHA-256 of `bytes`.
    pub digest: [u8; 32],
    /// The MLSMessage.
    pub bytes: Bytes,
}

/// What a device uploads.
#[derive(Debug, Clone, Default)]
pub struct NewKeyPackages {
    /// For the pool.
    pub pool: Vec<NewKeyPackage>,
    /// Takes the place of the stored one of last resort.
    pub last_resort: Option<NewKeyPackage>,
}

/// Whether an upload adds to what is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutMode {
    /// Adds to the pool.
    Add,
    /// Drops all that is stored first.
    Replace,
}

/// Stores KeyPackages. One that is stored, or was claimed before, is passed over, so a repeated upload is harmless.
/// Answers [`Written::KeyPackages`](crate::Written::KeyPackages).
#[derive(Debug, Clone)]
pub struct PutKeyPackages {
    /// The device's mailbox.
    pub mailbox: MailboxKey,
    /// What to store.
    pub packages: NewKeyPackages,
    /// Whether to drop the others first.
    pub mode: PutMode,
}

/// Takes one KeyPackage for each device asked for: the oldest of its pool, which is gone then, or the one of last
/// resort, which stays and is marked as used. Answers [`Written::Claimed`](crate::Written::Claimed).
#[derive(Debug, Clone)]
pub struct ClaimKeyPackages {
    /// The account.
    pub account: AccountId,
    /// Its devices; empty means all active ones. Unknown ones are passed over.
    pub devices: Vec<DeviceId>,
}

/// A KeyPackage that was claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedKeyPackage {
    /// The device that made it.
    pub device: DeviceId,
    /// The MLSMessage.
    pub bytes: Bytes,
    /// Where it came from.
    pub source: Source,
}

/// Where a claimed KeyPackage came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The pool.
    Pool,
    /// The last resort.
    LastResort,
}

/// What a device has stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyPackageState {
    /// KeyPackages in the pool.
    pub left: u32,
    /// The one of last resort.
    pub last_resort: LastResort,
}

/// How the KeyPackage of last resort stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastResort {
    /// There is none.
    Missing,
    /// Not used yet.
    Fresh,
    /// Was claimed: rotate it.
    Used,
}
