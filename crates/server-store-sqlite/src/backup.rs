//! Backups of a running store.
//!
//! To restore one: stop the server, put the backup in the database's place, start. SQLite would replay a write-ahead log
//! that a killed server left there over it; a backup is kept in rollback mode so that such a log is known as another
//! database's ([`discard_foreign_wal`]).

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use hushwire_server_store::StoreError;
use rusqlite::{Connection, OpenFlags};

use crate::{error, life};

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// There is a file already: give another path.
    #[error("there is a file already at the backup's path")]
    Exists,
    /// The copy is damaged, so the store may be: check the disk.
    #[error("the backup is damaged: {0}")]
    Damaged(String),
    /// The copy could not be written: check the folder and the disk.
    #[error("the backup could not be written")]
    Write(#[source] io::Error),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for BackupError {
    fn from(error: rusqlite::Error) -> Self {
        error::store(error).into()
    }
}

impl From<io::Error> for BackupError {
    fn from(error: io::Error) -> Self {
        Self::Write(error)
    }
}

/// Copies the last commit of `database` to `path`, which appears only once the copy is whole, checked and durable.
pub(crate) fn to(database: &Path, path: &Path) -> Result<(), BackupError> {
    if path.try_exists()? {
        return Err(BackupError::Exists);
    }
    let draft = draft(path);
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let made = copy(database, &draft).and_then(|()| Ok(publish(&draft, path)?));
    if made.is_err() {
        // What matters is the first error; a draft that stays is removed by the next backup.
        let _ = fs::remove_file(&draft);
    }
    made
}

fn copy(database: &Path, draft: &Path) -> Result<(), BackupError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let source = Connection::open_with_flags(database, flags)?;
    source.busy_timeout(crate::store::PATIENCE)?;
    source.execute("VACUUM INTO ?1", [draft.to_string_lossy()])?;
    let copy = Connection::open_with_flags(draft, flags)?;
    copy.pragma_update(None, "journal_mode", "DELETE")?;
    life::end(&copy)?;
    let verdict: String = copy.pragma_query_value(None, "integrity_check", |row| row.get(0))?;
    if verdict == "ok" { Ok(()) } else { Err(BackupError::Damaged(verdict)) }
}

/// Removes a write-ahead log beside a database that has none: our databases say in their header that they use one from
/// before it exists, so this one belongs to a database that a backup has replaced.
pub(crate) fn discard_foreign_wal(database: &Path) -> io::Result<()> {
    // Bytes 18 and 19 of the header: 1 is rollback mode, 2 is WAL (https://sqlite.org/fileformat2.html#the_database_header).
    let mut header = [0; 20];
    match File::open(database).and_then(|mut file| file.read_exact(&mut header)) {
        Ok(()) if header.ends_with(&[1, 1]) => {}
        _ => return Ok(()),
    }
    for suffix in ["-wal", "-shm"] {
        let mut name = database.as_os_str().to_owned();
        name.push(suffix);
        match fs::remove_file(PathBuf::from(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn publish(draft: &Path, path: &Path) -> io::Result<()> {
    File::open(draft)?.sync_all()?;
    fs::rename(draft, path)?;
    life::sync_folder(path)
}

fn draft(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    PathBuf::from(name)
}
