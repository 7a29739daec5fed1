//! Making and opening a profile's database.
//!
//! Invariants:
//! - Lock, then header, then database: a creation that dies between them leaves nothing that opens as something else,
//!   and is simply begun again.
//! - A connection is handed out only after SQLCipher has proved that it is there and that the key fits; a library
//!   without encryption would take the key in silence and write in clear.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hushwire_types::rng::bytes;
use hushwire_types::{Entropy, Secret};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use zeroize::Zeroizing;

use crate::error::StoreError;
use crate::key::{KeyKind, KeySource};
use crate::lock::ProfileLock;
use crate::search::border;
use crate::{header, migrate};

const FILE: &str = "hush.db";
/// Only connections of this same process ever meet, for the length of one page of a timeline.
pub(crate) const BUSY: Duration = Duration::from_secs(5);
/// What is committed is on the disk (macOS needs `fullfsync` for that), and what is deleted is overwritten. A large step has room in
/// the cache (KiB): with SQLite's own 2,000 its pages are encrypted and written before it ends, and some of them again. The log is moved
/// into the database less often than every 1,000 pages, which one such step fills.
const DURABLE: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA fullfsync = ON;
    PRAGMA checkpoint_fullfsync = ON; PRAGMA secure_delete = ON; PRAGMA cache_size = -16000;
    PRAGMA wal_autocheckpoint = 2000;";
/// More than there are statements in this crate, so that each is prepared once.
const STATEMENTS: usize = 256;

/// A profile that cannot be opened or made. Each is a sentence for the person.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Nothing is there.
    #[error("there is no profile in {}: run `hush join` first", folder.display())]
    Missing {
        /// The profile's folder.
        folder: PathBuf,
    },
    /// One is to be made where there is one.
    #[error("there is a profile in {} already: choose another name with --profile", folder.display())]
    Exists {
        /// The profile's folder.
        folder: PathBuf,
    },
    /// Another process has the profile open.
    #[error("this profile is in use by another hush{}: close that one, then try again", process(*pid))]
    Locked {
        /// That process, where it said so.
        pid: Option<u32>,
    },
    /// The passphrase does not open it.
    #[error("that passphrase does not open this profile: try again")]
    WrongPassphrase,
    /// The key of the keyring or key file does not open it.
    #[error("that key does not open this profile: is it the key of another one?")]
    WrongKey,
    /// A key was given, but the profile has a passphrase.
    #[error("this profile opens with a passphrase, not with a key")]
    NeedsPassphrase,
    /// A passphrase was given, but the profile has a key.
    #[error("this profile opens with a key from the keyring or a key file, not with a passphrase")]
    NeedsKey,
    /// A newer hush wrote it. Nothing was touched.
    #[error(
        "this profile was written by a newer hush (version {found}, this one knows {known}): upgrade hush"
    )]
    Newer {
        /// The version of the profile.
        found: i64,
        /// The newest that this program knows.
        known: i64,
    },
    /// The database is there, but not the header that opens it.
    #[error("the file {} is missing, and without it the profile cannot be opened: restore it", path.display())]
    MissingHeader {
        /// Where it should be.
        path: PathBuf,
    },
    /// The header is not one.
    #[error("the file {} is damaged, and without it the profile cannot be opened: restore it", path.display())]
    DamagedHeader {
        /// The header.
        path: PathBuf,
    },
    /// The key is right, but the file is not its database.
    #[error("{} is not the database of this profile, or is damaged: restore it from a backup, or join again", path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// The folder or a file cannot be used.
    #[error("{} cannot be used: check that it exists, its permissions and the room on the disk", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// This program was built without SQLCipher: a bug of the build. Nothing was written.
    #[error("this hush was built without encryption for its database and refuses to write: this is a bug")]
    NoCipher,
    /// The open database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn process(pid: Option<u32>) -> String {
    pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
}

pub(crate) struct Opened {
    pub(crate) connection: Connection,
    pub(crate) data_key: Secret<32>,
    pub(crate) lock: ProfileLock,
}

pub(crate) fn exists(folder: &Path) -> bool {
    header::path(folder).exists() && folder.join(FILE).exists()
}

pub(crate) fn key_kind(folder: &Path) -> Result<KeyKind, OpenError> {
    refuse_missing(folder)?;
    header::kind(folder)
}

pub(crate) fn create(folder: &Path, source: &KeySource, entropy: &dyn Entropy) -> Result<Opened, OpenError> {
    make_folder(folder).map_err(|source| OpenError::Io { path: folder.to_owned(), source })?;
    let lock = ProfileLock::take(folder)?;
    let path = folder.join(FILE);
    if path.exists() {
        return Err(OpenError::Exists { folder: folder.to_owned() });
    }
    let data_key = Secret::new(bytes(entropy));
    header::write(folder, &data_key, source, entropy)?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    private(&mut options);
    options
        .open(&path)
        .and_then(|_| header::sync_folder(folder))
        .map_err(|source| OpenError::Io { path: path.clone(), source })?;
    let connection = writer(&path, &data_key)?;
    Ok(Opened { connection, data_key, lock })
}

pub(crate) fn open(folder: &Path, source: &KeySource) -> Result<Opened, OpenError> {
    refuse_missing(folder)?;
    let lock = ProfileLock::take(folder)?;
    let data_key = header::unwrap(folder, source)?;
    let connection = writer(&folder.join(FILE), &data_key)?;
    Ok(Opened { connection, data_key, lock })
}

pub(crate) fn rewrap(
    folder: &Path,
    data_key: &Secret<32>,
    source: &KeySource,
    entropy: &dyn Entropy,
) -> Result<(), OpenError> {
    header::write(folder, data_key, source, entropy)
}

fn refuse_missing(folder: &Path) -> Result<(), OpenError> {
    if folder.join(FILE).exists() { Ok(()) } else { Err(OpenError::Missing { folder: folder.to_owned() }) }
}

fn writer(path: &Path, data_key: &Secret<32>) -> Result<Connection, OpenError> {
    let mut connection = connect(path, data_key, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.execute_batch(DURABLE).map_err(StoreError::from)?;
    migrate::migrate(&mut connection)?;
    connection.execute_batch(border::TABLES).map_err(StoreError::from)?;
    Ok(connection)
}

/// A connection of the same process that cannot write. Opened read-write all the same, as a reader of a WAL must be
/// able to make its index; `query_only` then refuses every change.
pub(crate) fn reader(folder: &Path, data_key: &Secret<32>) -> Result<Connection, OpenError> {
    let connection = connect(&folder.join(FILE), data_key, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.execute_batch("PRAGMA query_only = ON;").map_err(StoreError::from)?;
    Ok(connection)
}

fn connect(path: &Path, data_key: &Secret<32>, flags: OpenFlags) -> Result<Connection, OpenError> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map_err(StoreError::from)?;
    connection.busy_timeout(BUSY).map_err(StoreError::from)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // Else a statement over a table with partial indexes is compiled anew for every value that is bound to it, in case one of them could
    // be used: that takes longer than all the rest of a query. Ours name what makes an index fit in their text.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(StoreError::from)?;
    let cipher: rusqlite::Result<String> =
        connection.query_row("PRAGMA cipher_version", [], |row| row.get(0));
    if cipher.is_err() {
        return Err(OpenError::NoCipher);
    }
    // SQLCipher locks and wipes its own keys in any case. This would do it with each allocation of SQLite, which takes
    // eight times as long as all the rest of storing a message.
    connection.execute_batch("PRAGMA cipher_memory_security = OFF").map_err(StoreError::from)?;
    // SQLite's own error could quote the statement, and with it the key.
    connection
        .execute_batch(&key_statement(data_key))
        .map_err(|_| StoreError::Bug("the key was not taken".into()))?;
    // The format is fixed, so that a later SQLCipher with other defaults still reads the file.
    connection
        .execute_batch("PRAGMA cipher_compatibility = 4; PRAGMA temp_store = MEMORY;")
        .map_err(StoreError::from)?;
    match connection.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(())) {
        Ok(()) => Ok(connection),
        Err(rusqlite::Error::SqliteFailure(failure, _))
            if failure.code == rusqlite::ErrorCode::NotADatabase =>
        {
            Err(OpenError::NotADatabase { path: path.to_owned() })
        }
        Err(error) => Err(StoreError::from(error).into()),
    }
}

/// `PRAGMA key` with 32 raw bytes: SQLCipher derives nothing from them.
fn key_statement(key: &Secret<32>) -> Zeroizing<String> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble & 15)).copied().map_or('0', char::from);
    let mut out = Zeroizing::new(String::with_capacity(96));
    out.push_str("PRAGMA key = \"x'");
    for byte in key.expose() {
        out.push(digit(byte >> 4));
        out.push(digit(*byte));
    }
    out.push_str("'\";");
    out
}

pub(crate) fn check(connection: &Connection) -> Result<(), StoreError> {
    for pragma in ["PRAGMA cipher_integrity_check", "PRAGMA integrity_check"] {
        let mut statement = connection.prepare(pragma)?;
        let findings = statement.query_map([], |row| row.get::<_, String>(0))?;
        for finding in findings {
            let finding = finding?;
            if finding != "ok" {
                return Err(StoreError::Corrupt(finding.into()));
            }
        }
    }
    Ok(())
}

/// Only the owner may read what is made with these options.
pub(crate) fn private(options: &mut OpenOptions) {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    #[cfg(not(unix))]
    let _ = options;
}

fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(parent) = folder.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}
