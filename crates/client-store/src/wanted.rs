//! Device lists that somebody spoke of and that are not known that far yet.
//!
//! Invariant: one row an account, of the furthest head that was spoken of.

use hushwire_types::{AccountId, ConversationId, EntryHash, ListNumber};
use rusqlite::{Row, params};

use crate::column::{fixed_at, int, opt_fixed_at, uint_at};
use crate::{StoreError, Tx, View};

/// A head of a list that is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// Whose list.
    pub account: AccountId,
    /// Number of the entry that was spoken of.
    pub number: ListNumber,
    /// Its hash.
    pub hash: EntryHash,
    /// The conversation in which a message spoke of it, so that its absence is a mismatch there (rule R4); none where the
    /// server or a leaf did.
    pub conversation: Option<ConversationId>,
    /// The account whose message it was.
    pub witness: Option<AccountId>,
}

/// Wants a list, unless one that goes further is wanted already.
///
/// # Errors
/// The database cannot be written.
pub fn put(tx: &Tx<'_>, wanted: &Wanted) -> Result<(), StoreError> {
    tx.run(
        "INSERT INTO wanted_list (account, number, hash, conversation, witness) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (account) DO UPDATE SET number = excluded.number, hash = excluded.hash,
             conversation = excluded.conversation, witness = excluded.witness
         WHERE excluded.number > number",
        params![
            wanted.account.as_ref(),
            int(wanted.number.0),
            wanted.hash.as_ref(),
            wanted.conversation.as_ref().map(AsRef::as_ref),
            wanted.witness.as_ref().map(AsRef::as_ref),
        ],
    )?;
    Ok(())
}

/// What is wanted of this account.
///
/// # Errors
/// The database cannot be read.
pub fn find(view: &View<'_>, account: &AccountId) -> Result<Option<Wanted>, StoreError> {
    view.one("SELECT * FROM wanted_list WHERE account = ?1", params![account.as_ref()], read)
}

/// All that is wanted.
///
/// # Errors
/// The database cannot be read.
pub fn all(view: &View<'_>) -> Result<Vec<Wanted>, StoreError> {
    view.many("SELECT * FROM wanted_list ORDER BY account", [], read)
}

/// It is here, or was asked for in vain.
///
/// # Errors
/// The database cannot be written.
pub fn delete(tx: &Tx<'_>, account: &AccountId) -> Result<(), StoreError> {
    tx.run("DELETE FROM wanted_list WHERE account = ?1", params![account.as_ref()])?;
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<Wanted> {
    Ok(Wanted {
        account: fixed_at(row, "account")?,
        number: ListNumber(uint_at(row, "number")?),
        hash: fixed_at(row, "hash")?,
        conversation: opt_fixed_at(row, "conversation")?,
        witness: opt_fixed_at(row, "witness")?,
    })
}
