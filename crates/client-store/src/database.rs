//! The open database: steps that write, views that read.
//!
//! Invariants:
//! - A [`Tx`] exists only inside [`Database::step`]; it commits exactly when the step's closure returns `Ok`.
//! - After a step that deleted or overwrote something that a person or a protocol wants gone, the WAL is moved into the
//!   database and truncated, so that no old page stays behind. Where a reader is in the way or the process dies before,
//!   this is done after the next step or on [`Database::close`].

use std::cell::Cell;
use std::fmt;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hushwire_types::{Entropy, Secret};
use rusqlite::{Connection, OptionalExtension, Params, Row, Transaction, TransactionBehavior};

use crate::error::StoreError;
use crate::key::{KeyKind, KeySource};
use crate::lock::ProfileLock;
use crate::open::{self, OpenError};
use crate::search::border;

/// A profile's database, open for writing. One exists per profile, in all processes together.
pub struct Database {
    connection: Connection,
    data_key: Secret<32>,
    folder: PathBuf,
    truncation: Truncation,
    /// Last, so that the connection is closed before another process may open the profile.
    lock: ProfileLock,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Truncation {
    Done,
    Owed,
}

impl Database {
    /// Whether `folder` holds a profile's database.
    #[must_use]
    pub fn exists(folder: &Path) -> bool {
        open::exists(folder)
    }

    /// Which kind of key opens the database in `folder`, to know what to ask the person for.
    ///
    /// # Errors
    /// [`OpenError::Missing`], or a header that cannot be read.
    pub fn key_kind(folder: &Path) -> Result<KeyKind, OpenError> {
        open::key_kind(folder)
    }

    /// Makes the database of a new profile in `folder` (made too where it is missing), under a fresh random data key
    /// that `key` wraps. A creation that was interrupted is begun again.
    ///
    /// # Errors
    /// [`OpenError::Exists`] where there is one already, and those of [`Database::open`].
    pub fn create(folder: &Path, key: &KeySource, entropy: &dyn Entropy) -> Result<Self, OpenError> {
        let opened = open::create(folder, key, entropy)?;
        Ok(Self::from_opened(folder, opened))
    }

    /// Opens the database in `folder` and brings its schema up to date.
    ///
    /// # Errors
    /// Each case of [`OpenError`] is a sentence for the person.
    pub fn open(folder: &Path, key: &KeySource) -> Result<Self, OpenError> {
        let opened = open::open(folder, key)?;
        Ok(Self::from_opened(folder, opened))
    }

    fn from_opened(folder: &Path, opened: open::Opened) -> Self {
        let open::Opened { connection, data_key, lock } = opened;
        // A process that died may have left a WAL with what it had just deleted.
        Self { connection, data_key, folder: folder.to_owned(), truncation: Truncation::Owed, lock }
    }

    /// Wraps the data key under another key source, for a new passphrase. The database itself is not rewritten: who has
    /// the old header and the old passphrase can still open it.
    ///
    /// # Errors
    /// The header cannot be written; then the old key still opens the database.
    pub fn change_key(&mut self, key: &KeySource, entropy: &dyn Entropy) -> Result<(), OpenError> {
        open::rewrap(&self.folder, &self.data_key, key, entropy)
    }

    /// Runs `work` in one durable transaction: all that it wrote is on the disk when this returns `Ok`, nothing of it
    /// when this returns an error (or when the process dies before).
    ///
    /// # Errors
    /// Whatever `work` returns, or a [`StoreError`] of the transaction itself.
    pub fn step<T, E>(&mut self, work: impl FnOnce(&Tx<'_>) -> Result<T, E>) -> Result<T, E>
    where
        E: From<StoreError>,
    {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(StoreError::from)?;
        let (result, erased) = {
            let view = View { connection: &transaction };
            let tx = Tx { view, erased: Cell::new(false), owes_clearing: Cell::new(false) };
            let result = work(&tx)?;
            if tx.owes_clearing.get() {
                border::clear(&tx)?;
            }
            (result, tx.erased.get())
        };
        transaction.commit().map_err(StoreError::from)?;
        if erased {
            self.truncation = Truncation::Owed;
        }
        if self.truncation == Truncation::Owed {
            // The step is durable already, so a failure here is not its failure: it stays owed.
            let _ = self.truncate_wal();
        }
        Ok(result)
    }

    /// Reads several things as of one moment.
    ///
    /// # Errors
    /// Whatever `work` returns, or a [`StoreError`] of the transaction itself.
    pub fn read<T, E>(&mut self, work: impl FnOnce(&View<'_>) -> Result<T, E>) -> Result<T, E>
    where
        E: From<StoreError>,
    {
        read(&mut self.connection, work)
    }

    /// Another connection, which cannot write, for a thread that only shows things.
    ///
    /// # Errors
    /// Those of opening a file.
    pub fn reader(&self) -> Result<Reader, OpenError> {
        Ok(Reader { connection: open::reader(&self.folder, &self.data_key)? })
    }

    /// Moves the WAL into the database and empties it, so that old versions of rows are gone. Call it when idle; steps
    /// that delete do it themselves.
    ///
    /// # Errors
    /// The disk refused. A reader in the way is no error: it is tried again after the next step.
    pub fn truncate_wal(&mut self) -> Result<(), StoreError> {
        // A step must not wait for a slow reader.
        self.connection.busy_timeout(Duration::ZERO)?;
        let result = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0));
        self.connection.busy_timeout(open::BUSY)?;
        let busy: i64 = result?;
        self.truncation = if busy == 0 { Truncation::Done } else { Truncation::Owed };
        Ok(())
    }

    /// Reads the whole database and checks every page and index.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] where something is damaged.
    pub fn check(&mut self) -> Result<(), StoreError> {
        open::check(&self.connection)
    }

    /// Truncates the WAL and closes. Dropping a database closes it too, but tells of no failure.
    ///
    /// # Errors
    /// The disk refused.
    pub fn close(mut self) -> Result<(), StoreError> {
        self.truncate_wal()?;
        let Self { connection, lock, .. } = self;
        connection.close().map_err(|(_, error)| StoreError::from(error))?;
        drop(lock);
        Ok(())
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("folder", &self.folder).finish_non_exhaustive()
    }
}

/// A connection that cannot write.
pub struct Reader {
    connection: Connection,
}

impl Reader {
    /// Reads several things as of one moment.
    ///
    /// # Errors
    /// Whatever `work` returns, or a [`StoreError`] of the transaction itself.
    pub fn read<T, E>(&mut self, work: impl FnOnce(&View<'_>) -> Result<T, E>) -> Result<T, E>
    where
        E: From<StoreError>,
    {
        read(&mut self.connection, work)
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reader")
    }
}

fn read<T, E>(connection: &mut Connection, work: impl FnOnce(&View<'_>) -> Result<T, E>) -> Result<T, E>
where
    E: From<StoreError>,
{
    let transaction: Transaction<'_> = connection.transaction().map_err(StoreError::from)?;
    work(&View { connection: &transaction })
}

/// The database as of one moment, for the reading functions of the row modules.
pub struct View<'a> {
    connection: &'a Connection,
}

impl View<'_> {
    /// The first row, if there is one.
    pub(crate) fn one<T>(
        &self,
        sql: &str,
        params: impl Params,
        map: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, StoreError> {
        Ok(self.connection.prepare_cached(sql)?.query_row(params, map).optional()?)
    }

    /// All rows.
    pub(crate) fn many<T>(
        &self,
        sql: &str,
        params: impl Params,
        map: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map(params, map)?;
        Ok(rows.collect::<rusqlite::Result<Vec<T>>>()?)
    }
}

impl fmt::Debug for View<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("View")
    }
}

/// The transaction of one step: all that a [`View`] can, and writing.
pub struct Tx<'a> {
    view: View<'a>,
    erased: Cell<bool>,
    /// Words were erased, and the borders of the search index may still tell of them.
    owes_clearing: Cell<bool>,
}

impl Tx<'_> {
    /// Writes; how many rows changed.
    pub(crate) fn run(&self, sql: &str, params: impl Params) -> Result<usize, StoreError> {
        Ok(self.view.connection.prepare_cached(sql)?.execute(params)?)
    }

    /// Writes what makes old bytes unwanted, so that the WAL is truncated after the step; how many rows changed.
    pub(crate) fn erase(&self, sql: &str, params: impl Params) -> Result<usize, StoreError> {
        let changed = self.run(sql, params)?;
        if changed > 0 {
            self.erased.set(true);
        }
        Ok(changed)
    }

    /// Has the words that were noted cleared from the borders of the search index before the step ends.
    pub(crate) fn owe_clearing(&self) {
        self.owes_clearing.set(true);
    }

    /// Statements without parameters.
    pub(crate) fn batch(&self, sql: &str) -> Result<(), StoreError> {
        Ok(self.view.connection.execute_batch(sql)?)
    }

    /// Changes one row that must be there.
    pub(crate) fn change(
        &self,
        what: &'static str,
        sql: &str,
        params: impl Params,
    ) -> Result<(), StoreError> {
        if self.run(sql, params)? == 0 { Err(StoreError::Absent(what)) } else { Ok(()) }
    }

    /// The id that the last insertion gave.
    pub(crate) fn last_id(&self) -> i64 {
        self.view.connection.last_insert_rowid()
    }
}

impl<'a> Deref for Tx<'a> {
    type Target = View<'a>;

    fn deref(&self) -> &View<'a> {
        &self.view
    }
}

impl fmt::Debug for Tx<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tx")
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use hushwire_types::{OsEntropy, Secret};

    use super::*;
    use crate::{history, setting, timeline};

    fn key() -> KeySource {
        KeySource::Key(Secret::new([1; 32]))
    }

    fn create(folder: &Path) -> Database {
        Database::create(folder, &key(), &OsEntropy).unwrap()
    }

    fn pragma(database: &Database, name: &str) -> String {
        let sql = format!("PRAGMA {name}");
        let value: rusqlite::types::Value =
            database.connection.query_row(&sql, [], |row| row.get(0)).unwrap();
        format!("{value:?}")
    }

    #[test]
    fn the_connection_is_set_up_as_promised() {
        let folder = tempfile::tempdir().unwrap();
        let database = create(folder.path());
        for (name, value) in [
            ("journal_mode", "Text(\"wal\")"),
            ("synchronous", "Integer(2)"),
            ("secure_delete", "Integer(1)"),
            ("temp_store", "Integer(2)"),
            ("cipher_memory_security", "Text(\"0\")"),
            ("user_version", "Integer(10)"),
        ] {
            assert_eq!(pragma(&database, name), value, "{name}");
        }
    }

    #[test]
    fn a_full_disk_is_said_and_nothing_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let mut database = create(folder.path());
        database.step(|tx| setting::put(tx, "kept", b"1")).unwrap();
        let pages: i64 = database.connection.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
        database.connection.pragma_update(None, "max_page_count", pages + 2).unwrap();
        let full = database.step(|tx| {
            setting::put(tx, "small", b"1")?;
            setting::put(tx, "large", &[1; 100_000])
        });
        assert!(matches!(full, Err(StoreError::DiskFull)), "{full:?}");
        assert_eq!(database.read(|view| setting::find(view, "small")).unwrap(), None);

        database.connection.pragma_update(None, "max_page_count", 1_000_000).unwrap();
        database.step(|tx| setting::put(tx, "large", &[1; 100_000])).unwrap();
        assert!(database.read(|view| setting::find(view, "kept")).unwrap().is_some());
    }

    #[test]
    fn a_newer_database_is_refused_untouched() {
        let folder = tempfile::tempdir().unwrap();
        let database = create(folder.path());
        database.connection.pragma_update(None, "user_version", 99).unwrap();
        database.close().unwrap();
        let before = std::fs::read(folder.path().join("hush.db")).unwrap();
        let refused = Database::open(folder.path(), &key());
        assert!(matches!(refused, Err(OpenError::Newer { found: 99, known: 10 })));
        assert_eq!(std::fs::read(folder.path().join("hush.db")).unwrap(), before);
    }

    #[test]
    fn a_row_that_breaks_its_promise_is_damage() {
        let folder = tempfile::tempdir().unwrap();
        let mut database = create(folder.path());
        let sql = "INSERT INTO conversation VALUES (x'01', 0, x'02', 1, NULL, 0, 0, 0, 0, 0)";
        database.connection.execute(sql, []).unwrap();
        let read = database.read(crate::conversation::all);
        assert!(matches!(read, Err(StoreError::Corrupt(_))), "{read:?}");
    }

    #[test]
    fn a_reader_cannot_write() {
        let folder = tempfile::tempdir().unwrap();
        let database = create(folder.path());
        let reader = database.reader().unwrap();
        let refused = reader.connection.execute("DELETE FROM setting", []);
        assert!(matches!(StoreError::from(refused.unwrap_err()), StoreError::Io(_)));
    }

    #[test]
    fn a_page_of_a_timeline_is_read_from_the_index_without_sorting() {
        let folder = tempfile::tempdir().unwrap();
        let database = create(folder.path());
        for sql in timeline::PAGES.into_iter().chain(history::PAGES) {
            let mut statement = database.connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let parameters = vec![rusqlite::types::Null; statement.parameter_count()];
            let plan: Vec<String> = statement
                .query_map(rusqlite::params_from_iter(parameters), |row| row.get("detail"))
                .unwrap()
                .map(Result::unwrap)
                .collect();
            let plan = plan.join("; ");
            assert!(plan.contains("timeline_order") && !plan.contains("TEMP B-TREE"), "{plan}");
        }
    }
}
