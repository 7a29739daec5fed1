//! Which fault of SQLite is whose.

use hushwire_server_store::{Refusal, StoreError};
use rusqlite::ErrorCode;

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// A newer hushd wrote the file: start that one, or restore a backup from before.
    #[error(
        "the database has version {found}, and this hushd knows versions up to {known}: use a newer hushd"
    )]
    NewerVersion {
        /// The file's version.
        found: i64,
        /// The newest version that this program knows.
        known: i64,
    },
    /// The file is a database of something else: give another path.
    #[error("the file is not a database of hushd")]
    NotOurs,
    /// The file or the one beside it cannot be read or written: check the folder, its rights, and the disk.
    #[error("the database's folder cannot be used")]
    Folder(#[source] std::io::Error),
    /// SQLite failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for OpenError {
    fn from(error: rusqlite::Error) -> Self {
        if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) {
            Self::NotOurs
        } else {
            store(error).into()
        }
    }
}

impl From<std::io::Error> for OpenError {
    fn from(error: std::io::Error) -> Self {
        Self::Folder(error)
    }
}

/// How an operation ends early.
#[derive(Debug)]
pub(crate) enum Stop {
    /// It is refused; nothing was changed.
    Refused(Refusal),
    /// The database failed; the batch is rolled back.
    Failed(rusqlite::Error),
}

/// What an operation comes to.
pub(crate) type Step<T> = Result<T, Stop>;

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<rusqlite::Error> for Stop {
    fn from(error: rusqlite::Error) -> Self {
        Self::Failed(error)
    }
}

/// A fault of SQLite, by what the caller can do.
pub(crate) fn store(error: rusqlite::Error) -> StoreError {
    use rusqlite::Error as E;
    match (error.sqlite_error_code(), &error) {
        (Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase), _)
        | (
            None,
            E::FromSqlConversionFailure(..) | E::IntegralValueOutOfRange(..) | E::InvalidColumnType(..),
        ) => StoreError::Corrupt(error.into()),
        (
            Some(
                ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure
                | ErrorCode::CannotOpen
                | ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::ReadOnly
                | ErrorCode::PermissionDenied
                | ErrorCode::FileLockingProtocolFailed
                | ErrorCode::OutOfMemory
                | ErrorCode::OperationInterrupted,
            ),
            _,
        ) => StoreError::Unavailable(error.into()),
        _ => StoreError::Bug(error.into()),
    }
}
