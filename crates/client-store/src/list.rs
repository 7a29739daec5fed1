//! The entries of device lists, as their signers wrote them.
//!
//! Invariant: every entry that was ever verified is kept, in the order of its coming (the genesis, number 0, stands in
//! [`account`](crate::account)): also those that a recovery-signed entry displaced (rule R2), because leaves that were made
//! under them are judged by them (rule R3).

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
/// [`StoreError::Conflict`] where it is there already.
pub fn append(tx: &Tx<'_>, account: &AccountId, entry: &ListEntry) -> Result<(), StoreError> {
    tx.run(
        "INSERT INTO list (account, position, number, hash, entry)
         VALUES (?1, (SELECT ifnull(max(position), 0) + 1 FROM list WHERE account = ?1), ?2, ?3, ?4)",
        params![account.as_ref(), int(entry.number.0), entry.hash.as_ref(), entry.bytes],
    )?;
    Ok(())
}

/// All entries of an account, in the order of their coming.
///
/// # Errors
/// The database cannot be read.
pub fn of(view: &View<'_>, account: &AccountId) -> Result<Vec<ListEntry>, StoreError> {
    view.many("SELECT * FROM list WHERE account = ?1 ORDER BY position", params![account.as_ref()], read)
}

fn read(row: &Row<'_>) -> rusqlite::Result<ListEntry> {
    Ok(ListEntry {
        number: ListNumber(uint_at(row, "number")?),
        hash: fixed_at(row, "hash")?,
        bytes: row.get("entry")?,
    })
}
