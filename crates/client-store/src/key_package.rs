//! The KeyPackages that this device has made, and whether the server has them. Their private parts are
//! [`mls_row`](crate::mls_row)s.

use hushwire_types::Timestamp;
use rusqlite::{Row, params};

use crate::column::{Coded, coded, coded_at, opt_time_at, time, time_at};
use crate::{StoreError, Tx, View};

/// One KeyPackage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPackage {
    /// Its KeyPackageRef (RFC 9420, section 5.2).
    pub reference: Vec<u8>,
    /// Whether it is used once.
    pub kind: KeyPackageKind,
    /// Whether the server has it.
    pub upload: Upload,
    /// The KeyPackage, encoded.
    pub bytes: Vec<u8>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When a newer last resort took its place; Welcomes under way may still need it.
    pub retired_at: Option<Timestamp>,
}

/// Whether a KeyPackage is used once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyPackageKind {
    /// Once.
    Pooled,
    /// Whenever the pool is empty.
    LastResort,
}
coded!(KeyPackageKind { Pooled = 0, LastResort = 1 });

/// Whether the server has a KeyPackage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upload {
    /// Not as far as is known: it is to be sent.
    Owed,
    /// It was confirmed.
    Done,
}
coded!(Upload { Owed = 0, Done = 1 });

/// Writes a KeyPackage.
///
/// # Errors
/// [`StoreError::Conflict`] where it is there.
pub fn insert(tx: &Tx<'_>, package: &KeyPackage) -> Result<(), StoreError> {
    tx.run(
        "INSERT INTO key_package (reference, kind, upload, bytes, created_at, retired_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            package.reference,
            package.kind.code(),
            package.upload.code(),
            package.bytes,
            time(package.created_at),
            package.retired_at.map(time),
        ],
    )?;
    Ok(())
}

/// The KeyPackage of this reference.
///
/// # Errors
/// The database cannot be read.
pub fn find(view: &View<'_>, reference: &[u8]) -> Result<Option<KeyPackage>, StoreError> {
    view.one("SELECT * FROM key_package WHERE reference = ?1", params![reference], read)
}

/// All KeyPackages, the oldest first.
///
/// # Errors
/// The database cannot be read.
pub fn all(view: &View<'_>) -> Result<Vec<KeyPackage>, StoreError> {
    view.many("SELECT * FROM key_package ORDER BY created_at, reference", [], read)
}

/// All KeyPackages that the server is to be sent, the oldest first.
///
/// # Errors
/// The database cannot be read.
pub fn owed(view: &View<'_>) -> Result<Vec<KeyPackage>, StoreError> {
    view.many("SELECT * FROM key_package WHERE upload = 0 ORDER BY created_at, reference", [], read)
}

/// Sets whether the server has it.
///
/// # Errors
/// [`StoreError::Absent`] where it is not known.
pub fn set_upload(tx: &Tx<'_>, reference: &[u8], upload: Upload) -> Result<(), StoreError> {
    tx.change(
        "KeyPackage",
        "UPDATE key_package SET upload = ?2 WHERE reference = ?1",
        params![reference, upload.code()],
    )
}

/// A newer last resort has taken its place.
///
/// # Errors
/// [`StoreError::Absent`] where it is not known.
pub fn retire(tx: &Tx<'_>, reference: &[u8], at: Timestamp) -> Result<(), StoreError> {
    tx.change(
        "KeyPackage",
        "UPDATE key_package SET retired_at = ?2 WHERE reference = ?1",
        params![reference, time(at)],
    )
}

/// It was used, or is too old. Its private part is deleted with its MLS row.
///
/// # Errors
/// The database cannot be written.
pub fn delete(tx: &Tx<'_>, reference: &[u8]) -> Result<(), StoreError> {
    tx.run("DELETE FROM key_package WHERE reference = ?1", params![reference])?;
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<KeyPackage> {
    Ok(KeyPackage {
        reference: row.get("reference")?,
        kind: coded_at(row, "kind")?,
        upload: coded_at(row, "upload")?,
        bytes: row.get("bytes")?,
        created_at: time_at(row, "created_at")?,
        retired_at: opt_time_at(row, "retired_at")?,
    })
}
