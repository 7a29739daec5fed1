//! Accounts, their handles, their device lists and their devices.
//!
//! The store keeps lists as the bytes that were verified above it; it decides nothing about signatures. What it holds:
//! the number and hash move only by compare-and-swap, and a revoked device loses its mailbox, its KeyPackages and its
//! pending entries in the same transaction.

use bytes::Bytes;
use hushwire_types::{AccountId, DeviceId, EntryHash, ListNumber, MailboxId, SessionId, Timestamp};

use crate::key_package::NewKeyPackages;
use crate::mailbox::MailboxKey;

/// Where a device list stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ListHead {
    /// The number of its last entry.
    pub number: ListNumber,
    /// The hash of that entry.
    pub hash: EntryHash,
}

/// A device of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceAddress {
    /// The account.
    pub account: AccountId,
    /// Its device.
    pub device: DeviceId,
}

/// A device that comes into being with its mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDevice {
    /// Its id.
    pub device: DeviceId,
    /// Its Ed25519 list key, which signs its logins.
    pub list_key: [u8; 32],
    /// Its mailbox, drawn at random by the caller.
    pub mailbox: MailboxId,
}

/// Makes an account from a session that is ready: genesis, list, first device, handles and KeyPackages, all at once;
/// ends the session and uses its invite up by one. A phone number or an address that passes to it by the registration lock
/// is taken from its owner, whose devices are told, as are those of everybody in a conversation with the owner.
///
/// The same account with the same bytes again is answered as the first time, so a lost answer does no harm.
/// Answers [`Written::AccountCreated`](crate::Written::AccountCreated).
#[derive(Debug, Clone)]
pub struct CreateAccount {
    /// The session; it names the account and the handles.
    pub session: SessionId,
    /// The account that the genesis makes.
    pub account: AccountId,
    /// The verified genesis.
    pub genesis: Bytes,
    /// Entry 1 of its list, verified.
    pub entry: Bytes,
    /// The hash of entry 1.
    pub entry_hash: EntryHash,
    /// The device that entry 1 adds.
    pub device: NewDevice,
    /// The device's first KeyPackages.
    pub key_packages: NewKeyPackages,
}

/// Appends to a device list, or displaces its tail by a recovery-signed entry (rule R2).
///
/// Compare-and-swap on `head`. `number` is `head.number + 1`, or at most `head.number` for a displacement: then the entries
/// from `number` on are no longer in the list. They are kept all the same, because leaves that were made under them are
/// judged by them (rule R3). Writes a `ListChanged` entry to each mailbox of the account and of everybody in
/// a conversation with it. Answers [`Written::ListAppended`](crate::Written::ListAppended); the entry that is the
/// head already is answered so too.
#[derive(Debug, Clone)]
pub struct AppendListEntry {
    /// The account.
    pub account: AccountId,
    /// The head that the caller verified against.
    pub head: ListHead,
    /// The entry's own number.
    pub number: ListNumber,
    /// The entry's hash.
    pub hash: EntryHash,
    /// The entry, verified.
    pub entry: Bytes,
    /// Devices that are active from now on and were not before, those that a displacement brings back too.
    pub added: Vec<NewDevice>,
    /// Devices that are no longer active, displaced additions too.
    pub revoked: Vec<DeviceId>,
}

/// Suspends an account or ends its suspension. Answers [`Written::Done`](crate::Written::Done).
#[derive(Debug, Clone, Copy)]
pub struct SetSuspended {
    /// The account.
    pub account: AccountId,
    /// The state that it shall have.
    pub to: Suspension,
}

/// Whether an account is suspended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suspension {
    /// May not log in, send or be written to.
    Suspended,
    /// As everybody.
    Lifted,
}

/// Deletes an account: handles, devices, mailboxes, KeyPackages. Its genesis and list stay, because others still check
/// old leaves with them, and its id is never given again. Answers [`Written::Deleted`](crate::Written::Deleted).
#[derive(Debug, Clone, Copy)]
pub struct DeleteAccount {
    /// The account.
    pub account: AccountId,
}

/// A handle in its canonical form, made by `identity`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handle {
    /// `@name`, `+15551234567` or `name@example.org`, case-folded. Unique.
    pub canonical: String,
    /// What it is.
    pub kind: HandleKind,
}

/// The kinds of handles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HandleKind {
    /// A chosen name.
    Username {
        /// What remains of it when look-alike letters are made one (UTS 39); unique among usernames.
        skeleton: String,
    },
    /// A phone number.
    Phone,
    /// An e-mail address.
    Email,
}

/// How an account stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountState {
    /// In use.
    Active,
    /// Suspended by the server's people.
    Suspended,
    /// Deleted; only genesis and list are left.
    Deleted,
}

/// An account as the store knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub account: AccountId,
    /// How it stands.
    pub state: AccountState,
    /// Its handles.
    pub handles: Vec<Handle>,
    /// Where its device list stands.
    pub head: ListHead,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Account {
    /// Its username with the at sign, if it has one.
    #[must_use]
    pub fn username(&self) -> Option<&str> {
        self.handles
            .iter()
            .find(|handle| matches!(handle.kind, HandleKind::Username { .. }))
            .map(|handle| handle.canonical.as_str())
    }
}

/// A genesis and a part of a device list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountList {
    /// The genesis (number 0).
    pub genesis: Bytes,
    /// The place of the first of `entries` among all that the list ever had. It is the entry's number as long as nothing was
    /// displaced.
    pub first: ListNumber,
    /// All entries from there on in the order of their coming, displaced ones too (rule R3).
    pub entries: Vec<Bytes>,
    /// Where the list stands.
    pub head: ListHead,
}

/// An active device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Whose it is, and which.
    pub address: DeviceAddress,
    /// Its Ed25519 list key.
    pub list_key: [u8; 32],
    /// Its mailbox.
    pub mailbox: MailboxKey,
    /// When it was added.
    pub added_at: Timestamp,
    /// Its last login, or when it was added.
    pub last_seen: Timestamp,
    /// Whether it has been idle for so long that its removal is proposed.
    pub idle: Idle,
}

/// Whether a device still comes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Idle {
    /// Seen within the bound.
    No,
    /// Not seen for [`Bounds::stale_after`](crate::Bounds::stale_after): members may propose its removal.
    Stale,
}

/// One line of `hushd user list`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The account.
    pub account: AccountId,
    /// How it stands.
    pub state: AccountState,
    /// Its handles.
    pub handles: Vec<Handle>,
    /// How many active devices it has.
    pub devices: u32,
    /// When it was made.
    pub created_at: Timestamp,
    /// The last login of any of its devices.
    pub last_seen: Option<Timestamp>,
}
