//! Small pictures of people and groups.
//!
//! Invariants:
//! - A picture is kept once, under its hash, whoever shows it.
//! - One that is let go is gone from old pages too.

use hushwire_types::AccountId;
use rusqlite::params;

use crate::column::fixed_at;
use crate::{StoreError, Tx, View};

/// SHA-256 of a picture.
pub type Hash = [u8; 32];

/// Keeps a picture. Whether it is new.
///
/// # Errors
/// The database cannot be written.
pub fn put(tx: &Tx<'_>, hash: &Hash, jpeg: &[u8]) -> Result<bool, StoreError> {
    let put = "INSERT INTO picture (hash, jpeg) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    Ok(tx.run(put, params![hash, jpeg])? > 0)
}

/// A picture that is kept.
///
/// # Errors
/// The database cannot be read.
pub fn find(view: &View<'_>, hash: &Hash) -> Result<Option<Vec<u8>>, StoreError> {
    view.one("SELECT jpeg FROM picture WHERE hash = ?1", params![hash], |row| row.get(0))
}

/// Whether it is kept.
///
/// # Errors
/// The database cannot be read.
pub fn is_kept(view: &View<'_>, hash: &Hash) -> Result<bool, StoreError> {
    let found = view.one("SELECT 1 FROM picture WHERE hash = ?1", params![hash], |_| Ok(()))?;
    Ok(found.is_some())
}

/// Erases the pictures that nobody and no group has any more, but for those in `but`.
///
/// # Errors
/// The database cannot be written.
pub fn sweep(tx: &Tx<'_>, but: &[Hash]) -> Result<(), StoreError> {
    let loose: Vec<Hash> = tx.many(
        "SELECT hash FROM picture
         WHERE hash NOT IN (SELECT picture FROM account WHERE picture IS NOT NULL)
             AND hash NOT IN (SELECT picture FROM group_facts WHERE picture IS NOT NULL)",
        [],
        |row| fixed_at(row, "hash"),
    )?;
    for hash in loose.iter().filter(|hash| !but.contains(hash)) {
        tx.erase("DELETE FROM picture WHERE hash = ?1", params![hash])?;
    }
    Ok(())
}

/// Which picture an account has, as it said; none where it has none.
///
/// # Errors
/// The database cannot be read.
pub fn of_account(view: &View<'_>, account: &AccountId) -> Result<Option<Hash>, StoreError> {
    let sql = "SELECT picture FROM account WHERE account = ?1 AND picture IS NOT NULL";
    view.one(sql, params![account.as_ref()], |row| fixed_at(row, "picture"))
}

/// An account has this picture now, or none; the one before stays until it is swept away. Whether that is new.
///
/// # Errors
/// The database cannot be written.
pub fn set_of_account(tx: &Tx<'_>, account: &AccountId, hash: Option<&Hash>) -> Result<bool, StoreError> {
    let set = "UPDATE account SET picture = ?2 WHERE account = ?1 AND picture IS NOT ?2";
    Ok(tx.run(set, params![account.as_ref(), hash])? > 0)
}
