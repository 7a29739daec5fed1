//! Marks of the engine on a conversation: that something is still to be done or decided.
//!
//! Invariant: a mark is there or not; setting it twice is setting it once.

use hushwire_types::ConversationId;
use rusqlite::params;

use crate::column::{Coded, coded, coded_at, fixed_at};
use crate::{StoreError, Tx, View};

/// What a conversation is marked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mark {
    /// A mismatch stopped sending until a person decides (rule R4).
    Stopped,
    /// Leaves and device lists are to be compared: one of them changed.
    Review,
    /// The published GroupInfo is to be compared with the own state (rule R7).
    GroupInfo,
    /// The group was fetched once in vain already because the stream did not bring what it should.
    Overdue,
    /// The conversation goes on in a generation that others began and that this device has not entered.
    Superseded,
    /// A person was told that the server lacks what this device has, and that others must mend that.
    Waiting,
}
coded!(Mark { Stopped = 0, Review = 1, GroupInfo = 2, Overdue = 3, Superseded = 4, Waiting = 5 });

/// Marks a conversation.
///
/// # Errors
/// The database cannot be written.
pub fn set(tx: &Tx<'_>, conversation: &ConversationId, mark: Mark) -> Result<(), StoreError> {
    tx.run(
        "INSERT OR IGNORE INTO mark (conversation, mark) VALUES (?1, ?2)",
        params![conversation.as_ref(), mark.code()],
    )?;
    Ok(())
}

/// Takes a mark away; nothing happens where there is none.
///
/// # Errors
/// The database cannot be written.
pub fn clear(tx: &Tx<'_>, conversation: &ConversationId, mark: Mark) -> Result<(), StoreError> {
    tx.run(
        "DELETE FROM mark WHERE conversation = ?1 AND mark = ?2",
        params![conversation.as_ref(), mark.code()],
    )?;
    Ok(())
}

/// Whether the conversation is marked so.
///
/// # Errors
/// The database cannot be read.
pub fn is_set(view: &View<'_>, conversation: &ConversationId, mark: Mark) -> Result<bool, StoreError> {
    let found = view.one(
        "SELECT 1 FROM mark WHERE conversation = ?1 AND mark = ?2",
        params![conversation.as_ref(), mark.code()],
        |_| Ok(()),
    )?;
    Ok(found.is_some())
}

/// All marks of all conversations.
///
/// # Errors
/// The database cannot be read.
pub fn all(view: &View<'_>) -> Result<Vec<(ConversationId, Mark)>, StoreError> {
    view.many("SELECT * FROM mark ORDER BY conversation, mark", [], |row| {
        Ok((fixed_at(row, "conversation")?, coded_at(row, "mark")?))
    })
}
