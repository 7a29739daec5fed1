//! Small facts of the engine that need no table: a name and some bytes.

use rusqlite::params;

use crate::{StoreError, Tx, View};

/// The value of `name`.
///
/// # Errors
/// The database cannot be read.
pub fn find(view: &View<'_>, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
    view.one("SELECT value FROM setting WHERE name = ?1", params![name], |row| row.get("value"))
}

/// Sets `name`.
///
/// # Errors
/// The database cannot be written.
pub fn put(tx: &Tx<'_>, name: &str, value: &[u8]) -> Result<(), StoreError> {
    tx.run(
        "INSERT INTO setting (name, value) VALUES (?1, ?2)
         ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        params![name, value],
    )?;
    Ok(())
}

/// Removes `name`, also from old pages.
///
/// # Errors
/// The database cannot be written.
pub fn delete(tx: &Tx<'_>, name: &str) -> Result<(), StoreError> {
    tx.erase("DELETE FROM setting WHERE name = ?1", params![name])?;
    Ok(())
}
