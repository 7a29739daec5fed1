//! What a server does for its store from time to time.

use bytes::Bytes;
use hushwire_types::Timestamp;

use crate::account::DeviceAddress;

/// Drops what is too old: entries (each conversation of a mailbox keeps one Gap for them), ended sessions, spent
/// counters, remembered digests, reports, and what no joiner can ask for any more of a group's log; marks idle devices as stale.
///
/// Works on at most `mailboxes` mailboxes, so that a batch stays short; repeat while the report says `More`.
/// Answers [`Written::Expired`](crate::Written::Expired).
#[derive(Debug, Clone, Copy)]
pub struct Expire {
    /// How many mailboxes with expired entries to clear at most.
    pub mailboxes: u32,
}

/// What was dropped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expired {
    /// Entries that were dropped.
    pub entries: u64,
    /// Devices that have become stale.
    pub stale: Vec<DeviceAddress>,
    /// Whether there is more to drop.
    pub remaining: Remaining,
}

/// Whether there is more to drop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Remaining {
    /// No.
    #[default]
    Nothing,
    /// Yes: ask again.
    More,
}

/// Saves rate limits (GCRA): for each key its theoretical arrival time. A time that is past removes its key.
/// Answers [`Written::Done`](crate::Written::Done).
#[derive(Debug, Clone)]
pub struct SaveLimits {
    /// The limits that have changed.
    pub limits: Vec<Limit>,
}

/// One saved limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// What is limited; holds no personal data in clear.
    pub key: Bytes,
    /// Its theoretical arrival time.
    pub arrival: Timestamp,
}

/// Keeps a value of the server's own under a name. Answers [`Written::Done`](crate::Written::Done).
#[derive(Debug, Clone)]
pub struct PutMeta {
    /// The name.
    pub name: String,
    /// The value.
    pub value: Bytes,
}

/// Counts for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Accounts that are not deleted.
    pub accounts: u64,
    /// Active devices.
    pub devices: u64,
    /// Conversations.
    pub conversations: u64,
    /// Entries that wait.
    pub waiting: u64,
    /// Bytes that wait, counted once for each mailbox.
    pub waiting_bytes: u64,
    /// Reports that are kept for the operator.
    pub reports: u64,
}
