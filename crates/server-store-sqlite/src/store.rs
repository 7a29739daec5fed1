//! The store: one connection that writes, a few that read.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hushwire_server_store::account::{Account, AccountList, Device, User};
use hushwire_server_store::classic::{ClassicAccount, ClassicMessage, ClassicPhone};
use hushwire_server_store::conversation::{Conversation, GroupBase, GroupInfo, Handshake, SendId, Slot};
use hushwire_server_store::key_package::KeyPackageState;
use hushwire_server_store::mailbox::{Mailbox, MailboxKey, Page};
use hushwire_server_store::registration::{CodeHash, Invite, Session};
use hushwire_server_store::report::{Report, ReportLine, ReportNumber};
use hushwire_server_store::store::Outcomes;
use hushwire_server_store::upkeep::{Counts, Limit};
use hushwire_server_store::{Bounds, Store, StoreError, Write};
use hushwire_types::{
    AccountId, ConversationId, DeviceId, Entropy, Epoch, Generation, IncarnationId, ListNumber, Seq,
    SessionId, Timestamp,
};
use rusqlite::{Connection, TransactionBehavior};

use crate::backup::{self, BackupError};
use crate::batch::Batch;
use crate::cache::Cache;
use crate::error::{self, OpenError};
use crate::log::{self, Log};
use crate::pool::Readers;
use crate::{life, reads, schema};

/// How long to wait for another process that writes, before `Unavailable`.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A store in one SQLite file.
#[derive(Debug)]
pub struct SqliteStore {
    path: PathBuf,
    bounds: Bounds,
    incarnation: IncarnationId,
    // Before the writer, so that the connection that closes last may also take the WAL away.
    readers: Readers,
    writer: Mutex<Writer>,
}

#[derive(Debug)]
struct Writer {
    connection: Connection,
    cache: Cache,
    log: Log,
}

impl SqliteStore {
    /// Opens the store at `path`, or makes an empty one there. Three small files stand beside it (`.life`, `.lock` and
    /// SQLite's own); a copy without its `.life` takes a new incarnation.
    ///
    /// # Errors
    /// [`OpenError`]
    pub fn open(path: &Path, bounds: Bounds, entropy: &dyn Entropy) -> Result<Self, OpenError> {
        backup::discard_foreign_wal(path)?;
        let mut connection = Connection::open(path)?;
        prepare(&connection)?;
        schema::migrate(&mut connection)?;
        let incarnation = life::take_up(&mut connection, path, entropy)?;
        let mut writer = Writer { log: Log::new(&connection)?, connection, cache: Cache::new() };
        writer.fit_log(path);
        Ok(Self {
            path: path.to_owned(),
            bounds,
            incarnation,
            writer: Mutex::new(writer),
            readers: Readers::new(path.to_owned()),
        })
    }

    /// The incarnation of the whole store; each mailbox mixes its own into it.
    #[must_use]
    pub const fn incarnation(&self) -> IncarnationId {
        self.incarnation
    }

    /// Copies the last commit to a new file while the store is in use, checks the copy, and makes it durable. Opened
    /// as a store, the copy has another incarnation.
    ///
    /// # Errors
    /// [`BackupError`]; nothing is left at `path` then.
    pub fn backup_to(&self, path: &Path) -> Result<(), BackupError> {
        backup::to(&self.path, path)
    }

    fn read<T>(&self, ask: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        self.readers.read(ask).map_err(error::store)
    }
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(PATIENCE)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "cache_size", -16_000)?;
    connection.set_prepared_statement_cache_capacity(128);
    Ok(())
}

impl Writer {
    fn write(&mut self, batch: Vec<Write>, bounds: &Bounds, now: Timestamp) -> rusqlite::Result<Outcomes> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let version = transaction.pragma_query_value(None, "data_version", |row| row.get(0))?;
        if self.cache.data_version != version {
            self.cache.clear();
            self.cache.data_version = version;
        }
        let mut work = Batch { connection: &transaction, cache: &mut self.cache, bounds, now };
        let outcomes = work.run(batch)?;
        work.flush()?;
        transaction.commit()?;
        self.cache.trim();
        Ok(outcomes)
    }

    fn fit_log(&mut self, path: &Path) {
        if let Some(left) = log::left(path) {
            // Should it fail, the next batch says why.
            let _ = self.log.fit(&self.connection, left);
        }
    }
}

impl Store for SqliteStore {
    fn write(&self, batch: Vec<Write>, now: Timestamp) -> Result<Outcomes, StoreError> {
        // After a panic in another thread the transaction was rolled back by its drop; the caches are not to be trusted.
        let mut writer = self.writer.lock().unwrap_or_else(|poisoned| {
            let mut writer = PoisonError::into_inner(poisoned);
            writer.cache.clear();
            writer
        });
        let outcomes = writer.write(batch, &self.bounds, now);
        writer.fit_log(&self.path);
        if outcomes.is_err() {
            writer.cache.clear();
        }
        outcomes.map_err(error::store)
    }

    fn account(&self, account: AccountId) -> Result<Option<Account>, StoreError> {
        self.read(|connection| reads::accounts::account(connection, account))
    }

    fn account_by_handle(&self, canonical: &str) -> Result<Option<AccountId>, StoreError> {
        self.read(|connection| reads::accounts::by_handle(connection, canonical))
    }

    fn list(&self, account: AccountId, from: ListNumber) -> Result<Option<AccountList>, StoreError> {
        self.read(|connection| reads::accounts::list(connection, account, from))
    }

    fn device(&self, account: AccountId, device: DeviceId) -> Result<Option<Device>, StoreError> {
        self.read(|connection| reads::accounts::device(connection, account, device))
    }

    fn devices(&self, account: AccountId) -> Result<Vec<Device>, StoreError> {
        self.read(|connection| reads::accounts::devices(connection, account))
    }

    fn mailbox(&self, mailbox: MailboxKey) -> Result<Option<Mailbox>, StoreError> {
        self.read(|connection| reads::mailboxes::mailbox(connection, mailbox, self.incarnation))
    }

    fn entries(
        &self,
        mailbox: MailboxKey,
        after: Seq,
        max_entries: usize,
        max_bytes: usize,
    ) -> Result<Page, StoreError> {
        self.read(|connection| reads::mailboxes::entries(connection, mailbox, after, max_entries, max_bytes))
    }

    fn body(&self, mailbox: MailboxKey, seq: Seq) -> Result<Option<Bytes>, StoreError> {
        self.read(|connection| reads::mailboxes::body(connection, mailbox, seq))
    }

    fn slot(&self, send: &SendId) -> Result<Slot, StoreError> {
        self.read(|connection| reads::mailboxes::slot(connection, send))
    }

    fn conversation(&self, conversation: ConversationId) -> Result<Option<Conversation>, StoreError> {
        self.read(|connection| reads::conversations::conversation(connection, conversation))
    }

    fn group_info(&self, conversation: ConversationId) -> Result<Option<GroupInfo>, StoreError> {
        self.read(|connection| reads::conversations::group_info(connection, conversation))
    }

    fn handshakes(
        &self,
        conversation: ConversationId,
        generation: Generation,
        from: Epoch,
        to: Epoch,
    ) -> Result<Vec<Handshake>, StoreError> {
        self.read(|connection| {
            reads::conversations::handshakes(connection, conversation, generation, from, to)
        })
    }

    fn base_at_or_before(
        &self,
        conversation: ConversationId,
        generation: Generation,
        epoch: Epoch,
    ) -> Result<Option<GroupBase>, StoreError> {
        self.read(|connection| reads::conversations::base(connection, conversation, generation, epoch))
    }

    fn key_packages(&self, mailbox: MailboxKey) -> Result<KeyPackageState, StoreError> {
        self.read(|connection| reads::mailboxes::key_packages(connection, mailbox))
    }

    fn invites(&self) -> Result<Vec<Invite>, StoreError> {
        self.read(reads::registration::invites)
    }

    fn invite(&self, code: CodeHash) -> Result<Option<Invite>, StoreError> {
        self.read(|connection| reads::registration::invite(connection, &code))
    }

    fn session(&self, session: SessionId) -> Result<Option<Session>, StoreError> {
        self.read(|connection| reads::registration::session(connection, session))
    }

    fn users(&self, after: Option<AccountId>, limit: usize) -> Result<Vec<User>, StoreError> {
        self.read(|connection| reads::accounts::users(connection, after, limit))
    }

    fn limits(&self) -> Result<Vec<Limit>, StoreError> {
        self.read(reads::upkeep::limits)
    }

    fn meta(&self, name: &str) -> Result<Option<Bytes>, StoreError> {
        self.read(|connection| reads::upkeep::meta(connection, name))
    }

    fn classic_account(&self, phone: ClassicPhone) -> Result<Option<ClassicAccount>, StoreError> {
        self.read(|connection| reads::classic::account(connection, phone))
    }

    fn classic_accounts(&self) -> Result<u64, StoreError> {
        self.read(reads::classic::accounts)
    }

    fn classic_oldest(
        &self,
        recipient: ClassicPhone,
        except: &[ClassicPhone],
    ) -> Result<Option<ClassicMessage>, StoreError> {
        self.read(|connection| reads::classic::oldest(connection, recipient, except))
    }

    fn reports(&self, after: Option<ReportNumber>, limit: usize) -> Result<Vec<ReportLine>, StoreError> {
        self.read(|connection| reads::reports::list(connection, after, limit))
    }

    fn report(&self, number: ReportNumber) -> Result<Option<Report>, StoreError> {
        self.read(|connection| reads::reports::whole(connection, number))
    }

    fn counts(&self) -> Result<Counts, StoreError> {
        self.read(reads::upkeep::counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hushwire_server_store::upkeep::PutMeta;
    use hushwire_types::OsEntropy;

    fn put(store: &SqliteStore, name: &str, size: usize) -> Result<Outcomes, StoreError> {
        let operation = PutMeta { name: name.into(), value: Bytes::from(vec![7; size]) };
        store.write(vec![operation.into()], Timestamp::from_ms(1))
    }

    #[test]
    fn a_full_disk_is_unavailable_and_stores_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store =
            SqliteStore::open(&folder.path().join("store.db"), Bounds::default(), &OsEntropy).unwrap();
        put(&store, "before", 10).unwrap();
        let pages = |most: i64| {
            let writer = store.writer.lock().unwrap();
            writer
                .connection
                .pragma_update_and_check(None, "max_page_count", most, |row| row.get::<_, i64>(0))
                .unwrap()
        };
        let used = pages(1);
        assert!(matches!(put(&store, "large", 1 << 20), Err(StoreError::Unavailable(_))));
        assert_eq!(store.meta("large").unwrap(), None);
        assert!(store.meta("before").unwrap().is_some());
        pages(used + 1000);
        put(&store, "large", 1 << 20).unwrap();
        assert!(store.meta("large").unwrap().is_some());
    }
}
