//! The entries of device lists, as their signers wrote them.
//!
//! Invariant: entries of an account are consecutive from 1 (the genesis, number 0, stands in [`account`](crate::account)).
//! They are replaced only from a number on and as a whole, when a recovery-signed entry displaces others (rule R2).

use hushwire_types::{AccountId, EntryHash, ListNumber};
use rusqlite::{Row, params};

use crate::column::{fixed_at, int, uint_at};
use crate::{StoreError, Tx, View};

/// One entry of a device list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListEntry {
    /// Its number, from 1.
    pub number: ListNumber,
    /// Its hash.
    pub hash: EntryHash,
    /// The entry as received: signatures cover these bytes.
    pub bytes: Vec<u8>,
}

/// Appends an entry.
///
/// # Errors
/// [`StoreError::Conflict`] where there is one of this number.
pub fn append(tx: &Tx<'_>, account: &AccountId, entry: &ListEntry) -> Result<(), StoreError> {
    tx.run(
        "INSERT INTO list (account, number, hash, entry) VALUES (?1, ?2, ?3, ?4)",
        params![account.as_ref(), int(entry.number.0), entry.hash.as_ref(), entry.bytes],
    )?;
    Ok(())
}

/// Removes all entries from `number` on, for others to take their places.
///
/// # Errors
/// The database cannot be written.
pub fn truncate_from(tx: &Tx<'_>, account: &AccountId, number: ListNumber) -> Result<(), StoreError> {
    tx.run("DELETE FROM list WHERE account = ?1 AND number >= ?2", params![account.as_ref(), int(number.0)])?;
    Ok(())
}

/// All entries of an account, in order.
///
/// # Errors
/// The database cannot be read.
pub fn of(view: &View<'_>, account: &AccountId) -> Result<Vec<ListEntry>, StoreError> {
    view.many("SELECT * FROM list WHERE account = ?1 ORDER BY number", params![account.as_ref()], read)
}

fn read(row: &Row<'_>) -> rusqlite::Result<ListEntry> {
    Ok(ListEntry {
        number: ListNumber(uint_at(row, "number")?),
        hash: fixed_at(row, "hash")?,
        bytes: row.get("entry")?,
    })
}
