//! What can go wrong with the database once it is open. Opening has a family of its own: [`OpenError`].
//!
//! [`OpenError`]: crate::OpenError

use rusqlite::ErrorCode;

/// The cause below an error, for logs. It never holds a row's content.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A read or a step that failed. A step that failed has changed nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// No room left. Tell the person; the same step works once there is room.
    #[error("the disk is full: make some room, then try again (nothing was lost)")]
    DiskFull,
    /// The file is damaged, or a row does not hold what it must. Stop using the profile and tell the person.
    #[error("the profile's database is damaged: restore it from a backup, or join again")]
    Corrupt(#[source] Cause),
    /// The disk refused to read or write. Tell the person; trying again may help.
    #[error("the profile's database cannot be read or written: check the disk and the folder's permissions")]
    Io(#[source] Cause),
    /// A row that must be unique is there already: a bug of the caller, or a duplicate that it did not look for.
    #[error("such a row is in the profile's database already")]
    Conflict(#[source] Cause),
    /// A row that the caller counted on is not there: a bug of the caller.
    #[error("the profile's database has no such {0}")]
    Absent(&'static str),
    /// Anything else that SQLite reports: a bug of this crate.
    #[error("the profile's database refused a statement: this is a bug of hush")]
    Bug(#[source] Cause),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::Error as E;
        match &error {
            E::SqliteFailure(failure, _) => match failure.code {
                ErrorCode::DiskFull => Self::DiskFull,
                ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Self::Corrupt(error.into()),
                ErrorCode::ConstraintViolation => Self::Conflict(error.into()),
                ErrorCode::SystemIoFailure
                | ErrorCode::ReadOnly
                | ErrorCode::CannotOpen
                | ErrorCode::PermissionDenied
                | ErrorCode::DatabaseBusy
                | ErrorCode::OutOfMemory => Self::Io(error.into()),
                _ => Self::Bug(error.into()),
            },
            E::FromSqlConversionFailure(..) | E::InvalidColumnType(..) | E::IntegralValueOutOfRange(..) => {
                Self::Corrupt(error.into())
            }
            _ => Self::Bug(error.into()),
        }
    }
}
