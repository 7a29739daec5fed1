//! Small pictures of people and groups.
//!
//! Invariants:
//! - A picture is kept once, under its hash, whoever shows it: [`Says::picture`](crate::account::Says::picture),
//!   [`GroupFacts::picture`](crate::group_facts::GroupFacts::picture).
//! - One that is let go is gone from old pages too.

use hushwire_types::{AccountId, ConversationId};
use rusqlite::params;

use crate::column::fixed_at;
use crate::{StoreError, Tx, View};

/// SHA-256 of a picture.
pub type Hash = [u8; 32];

/// Keeps a picture; one that is kept already stays.
///
/// # Errors
/// The database cannot be written.
pub fn put(tx: &Tx<'_>, hash: &Hash, jpeg: &[u8]) -> Result<(), StoreError> {
    tx.run("INSERT INTO picture (hash, jpeg) VALUES (?1, ?2) ON CONFLICT DO NOTHING", params![hash, jpeg])?;
    Ok(())
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

/// Pictures that accounts and groups have and that are not kept here, in the order of their hashes.
///
/// # Errors
/// The database cannot be read.
pub fn missing(view: &View<'_>) -> Result<Vec<Hash>, StoreError> {
    view.many(
        "SELECT picture AS hash FROM account WHERE picture IS NOT NULL AND picture NOT IN (SELECT hash FROM picture)
         UNION SELECT picture FROM group_facts
             WHERE picture IS NOT NULL AND picture NOT IN (SELECT hash FROM picture)
         ORDER BY hash",
        [],
        |row| fixed_at(row, "hash"),
    )
}

/// The accounts and the groups that have a picture.
///
/// # Errors
/// The database cannot be read.
pub fn had_by(view: &View<'_>, hash: &Hash) -> Result<(Vec<AccountId>, Vec<ConversationId>), StoreError> {
    let accounts =
        view.many("SELECT account FROM account WHERE picture = ?1 ORDER BY account", params![hash], |row| {
            fixed_at(row, "account")
        })?;
    let groups = view.many(
        "SELECT conversation FROM group_facts WHERE picture = ?1 ORDER BY conversation",
        params![hash],
        |row| fixed_at(row, "conversation"),
    )?;
    Ok((accounts, groups))
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
