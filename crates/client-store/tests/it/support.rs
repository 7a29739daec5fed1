//! A profile in a temporary folder, and rows to put into it.

use hushwire_client_store::conversation::{Conversation, ConversationKind, ConversationState};
use hushwire_client_store::timeline::{EntryState, Inserted, NewEntry, RowId};
use hushwire_client_store::{Database, KeySource, StoreError, Tx, View, timeline};
use hushwire_types::{
    AccountId, ContentId, ConversationId, DeviceId, Epoch, Generation, GroupId, Order, OsEntropy, Secret,
    Timestamp,
};
use tempfile::TempDir;

/// Opens without stretching, so that a test is quick.
pub(crate) fn key() -> KeySource {
    KeySource::Key(Secret::new([7; 32]))
}

pub(crate) struct Profile {
    pub(crate) folder: TempDir,
    pub(crate) database: Database,
}

impl Profile {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::create(folder.path(), &key(), &OsEntropy).unwrap();
        Self { folder, database }
    }

    pub(crate) fn write<T>(&mut self, work: impl FnOnce(&Tx<'_>) -> Result<T, StoreError>) -> T {
        self.database.step(work).unwrap()
    }

    pub(crate) fn read<T>(&mut self, work: impl FnOnce(&View<'_>) -> Result<T, StoreError>) -> T {
        self.database.read(work).unwrap()
    }

    /// Closes and opens again, as the next start of the program does.
    pub(crate) fn reopen(self) -> Self {
        let Self { folder, database } = self;
        database.close().unwrap();
        let database = Database::open(folder.path(), &key()).unwrap();
        Self { folder, database }
    }
}

pub(crate) fn at(ms: u64) -> Timestamp {
    Timestamp::from_ms(ms)
}

pub(crate) fn account(n: u8) -> AccountId {
    AccountId::new([n; 32])
}

pub(crate) fn device(n: u8) -> DeviceId {
    DeviceId::new([n; 16])
}

pub(crate) fn group(n: u8) -> GroupId {
    GroupId::new([n; 32])
}

pub(crate) fn conversation(n: u8) -> ConversationId {
    ConversationId::new([n; 32])
}

pub(crate) fn content(n: u32) -> ContentId {
    let mut id = [0; 16];
    id[..4].copy_from_slice(&n.to_be_bytes());
    ContentId::new(id)
}

pub(crate) fn direct(n: u8) -> Conversation {
    Conversation {
        id: conversation(n),
        kind: ConversationKind::Direct { peer: account(n) },
        generation: Generation(1),
        group: Some(group(n)),
        state: ConversationState::Active,
        attempts: 0,
        known_epoch: Epoch(3),
        refreshed_at: at(10),
        last_activity: at(20),
    }
}

/// A message of another account in conversation 1, accepted at this order.
pub(crate) fn received(n: u32, order: u64) -> NewEntry {
    NewEntry {
        conversation: conversation(1),
        generation: Generation(1),
        order: Some(Order(order)),
        content_id: content(n),
        account: account(2),
        device: device(2),
        sent_at: at(100),
        accepted_at: Some(at(101)),
        content: format!("content {n}").into_bytes(),
        state: EntryState::Received,
        client_key: None,
    }
}

/// A message of our own in conversation 1 that waits.
pub(crate) fn queued(n: u32) -> NewEntry {
    NewEntry {
        order: None,
        account: account(1),
        device: device(1),
        accepted_at: None,
        state: EntryState::Queued,
        ..received(n, 0)
    }
}

pub(crate) fn insert(tx: &Tx<'_>, entry: &NewEntry) -> Result<RowId, StoreError> {
    match timeline::insert(tx, entry)? {
        Inserted::New(row) | Inserted::Duplicate(row) => Ok(row),
    }
}
