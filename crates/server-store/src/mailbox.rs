//! Mailboxes: what waits for a device, and how far it has read.

use std::sync::Arc;

use bytes::Bytes;
use hushwire_types::{
    AccountId, ConversationId, Epoch, Generation, IncarnationId, LoginMark, MailboxId, Order, SendSeq, Seq,
    Timestamp,
};

use crate::account::{DeviceAddress, ListHead};
use crate::claim::ClaimNotice;
use crate::large::Large;

/// A mailbox within one store: small, given by the store, never used again after its mailbox is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MailboxKey(pub u64);

/// Something that waits in mailboxes, shared by all that receive it. Its sequence number is each mailbox's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The conversation, where it belongs to one.
    pub place: Option<Place>,
    /// When the server accepted it.
    pub accepted_at: Timestamp,
    /// What it is.
    pub kind: EntryKind,
}

/// Where in a conversation an entry stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The conversation.
    pub conversation: ConversationId,
    /// Its generation.
    pub generation: Generation,
    /// Its position; for a [`EntryKind::Gap`] that of the last entry that was dropped.
    pub order: Order,
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    /// An MLSMessage with a PrivateMessage.
    Application(Bytes),
    /// An MLSMessage with a Commit; its sender gets it too.
    Commit(Bytes),
    /// The receiver was added.
    Welcome {
        /// The epoch that it leads to.
        epoch: Epoch,
        /// The MLSMessage.
        welcome: Bytes,
    },
    /// The receiver was removed by this Commit.
    Removed {
        /// The MLSMessage.
        commit: Bytes,
    },
    /// Entries of this conversation were dropped.
    Gap(Gap),
    /// A device list has moved.
    ListChanged {
        /// Whose.
        account: AccountId,
        /// Where it stands.
        head: ListHead,
    },
    /// A handle of the receiver's account is claimed, or was.
    HandleClaim(ClaimNotice),
    /// A handle of an account in a conversation with the receiver belongs to another one now.
    HandleMoved {
        /// The account that had it.
        account: AccountId,
    },
    /// A Commit, a Welcome or a removal whose body is too large to be handed round. Reads and publications give it;
    /// nobody writes it.
    Large(Large),
}

/// What a Gap stands for. It stands at the first number that was dropped, so that it is read before the holes that it
/// explains: of the numbers in `from..=through`, those that the mailbox no longer has were dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// The first number that was dropped, the Gap's own.
    pub from: Seq,
    /// The last number that was dropped.
    pub through: Seq,
    /// How many were dropped.
    pub dropped: u64,
}

/// Entries after a cursor, ascending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The entries. A number that is missing was dropped; a Gap at or before it says so.
    pub entries: Vec<StoredEntry>,
    /// Everything up to here is in this page or before it: where to read on.
    pub through: Seq,
    /// Whether more waits.
    pub rest: Rest,
}

/// Whether more entries wait after a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// The page ended at a limit.
    More,
    /// Caught up: nothing was stored after `through` when the page was read.
    Nothing,
}

/// An entry in a mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEntry {
    /// Its number there.
    pub seq: Seq,
    /// What it is.
    pub entry: Arc<Entry>,
}

/// What to publish once a batch is durable: one entry and where it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// The entry.
    pub entry: Arc<Entry>,
    /// The mailboxes with the number that it got in each.
    pub to: Vec<(MailboxKey, Seq)>,
}

/// Acknowledges and deletes all entries up to a number. A number beyond the last entry counts as the last one, one
/// below what was acknowledged does nothing. Answers [`Written::Acknowledged`](crate::Written::Acknowledged).
#[derive(Debug, Clone, Copy)]
pub struct Acknowledge {
    /// The mailbox.
    pub mailbox: MailboxKey,
    /// The last entry that its device has committed.
    pub through: Seq,
}

/// Notes that a device logged in: it is not stale any more, and claims to its account's handles pass by consent only.
/// Answers [`Written::Done`](crate::Written::Done).
#[derive(Debug, Clone, Copy)]
pub struct RecordLogin {
    /// The device's mailbox.
    pub mailbox: MailboxKey,
    /// What the device names this login by; without one the last mark stays.
    pub mark: Option<LoginMark>,
}

/// How a mailbox stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mailbox {
    /// The device that it belongs to.
    pub owner: DeviceAddress,
    /// Its life: another one after a restore, and for each mailbox.
    pub incarnation: IncarnationId,
    /// The highest acknowledged number.
    pub acked: Seq,
    /// The highest number given.
    pub last: Seq,
    /// The highest accepted number of a send by this mailbox.
    pub accepted_sends: SendSeq,
    /// What its device named its last login by.
    pub login_mark: Option<LoginMark>,
    /// Entries that wait, Gaps not counted.
    pub waiting: u64,
    /// Bytes that wait.
    pub waiting_bytes: u64,
}

/// The incarnation of a mailbox: that of the store and the mailbox's random id, each 16 random bytes, mixed so that a
/// change of either gives another one.
#[must_use]
pub fn incarnation(store: IncarnationId, mailbox: MailboxId) -> IncarnationId {
    let mut mixed = *store.as_bytes();
    for (byte, other) in mixed.iter_mut().zip(mailbox.as_bytes()) {
        *byte ^= other;
    }
    IncarnationId::new(mixed)
}
