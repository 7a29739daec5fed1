//! Who is in a group's conversation, and what they are in it.
//!
//! Invariant: the rows are those of the newest epoch that this profile applied; they stay when it was removed, as the last
//! that it knew.

use hushwire_types::{AccountId, ConversationId};
use rusqlite::params;

use crate::column::{Coded, coded, coded_at, fixed_at};
use crate::{StoreError, Tx, View};

/// What an account is in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Neither of the others.
    Member,
    /// Adds and removes members.
    Admin,
    /// Says who is admin.
    Owner,
    /// It has left, and its leaves are still to be removed.
    Leaving,
}
coded!(Role { Member = 0, Admin = 1, Owner = 2, Leaving = 3 });

/// Writes who is in a group now, in place of who was.
///
/// # Errors
/// The database cannot be written.
pub fn replace(
    tx: &Tx<'_>,
    conversation: &ConversationId,
    members: &[(AccountId, Role)],
) -> Result<(), StoreError> {
    tx.run("DELETE FROM member WHERE conversation = ?1", params![conversation.as_ref()])?;
    for (account, role) in members {
        tx.run(
            "INSERT INTO member (conversation, account, role) VALUES (?1, ?2, ?3)",
            params![conversation.as_ref(), account.as_ref(), role.code()],
        )?;
    }
    Ok(())
}

/// Everybody in a group, by account.
///
/// # Errors
/// The database cannot be read.
pub fn of(view: &View<'_>, conversation: &ConversationId) -> Result<Vec<(AccountId, Role)>, StoreError> {
    view.many(
        "SELECT account, role FROM member WHERE conversation = ?1 ORDER BY account",
        params![conversation.as_ref()],
        |row| Ok((fixed_at(row, "account")?, coded_at(row, "role")?)),
    )
}

/// Whether at most so many accounts are in a group. It costs as much as `most` has, however large the group is.
///
/// # Errors
/// The database cannot be read.
pub fn are_at_most(view: &View<'_>, conversation: &ConversationId, most: u32) -> Result<bool, StoreError> {
    let beyond = view.one(
        "SELECT account FROM member WHERE conversation = ?1 LIMIT 1 OFFSET ?2",
        params![conversation.as_ref(), most],
        |_| Ok(()),
    )?;
    Ok(beyond.is_none())
}

/// The groups that an account is in.
///
/// # Errors
/// The database cannot be read.
pub fn conversations_of(view: &View<'_>, account: &AccountId) -> Result<Vec<ConversationId>, StoreError> {
    view.many(
        "SELECT conversation FROM member WHERE account = ?1 ORDER BY conversation",
        params![account.as_ref()],
        |row| fixed_at(row, "conversation"),
    )
}
