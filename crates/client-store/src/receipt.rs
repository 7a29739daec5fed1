//! Messages of others whose delivery this device has not confirmed yet. Receipts go out in batches, so they are owed
//! until the batch is in the outbox.

use hushwire_types::ConversationId;
use rusqlite::params;

use crate::column::fixed_at;
use crate::timeline::{self, Entry, RowId};
use crate::{StoreError, Tx, View};

/// A receipt for this row of the timeline is owed; nothing happens where it is already.
///
/// # Errors
/// The database cannot be written.
pub fn owe(tx: &Tx<'_>, conversation: &ConversationId, row: RowId) -> Result<(), StoreError> {
    tx.run(
        "INSERT OR IGNORE INTO receipt_owed (timeline, conversation) VALUES (?1, ?2)",
        params![row.0, conversation.as_ref()],
    )?;
    Ok(())
}

/// The conversations in which receipts are owed.
///
/// # Errors
/// The database cannot be read.
pub fn conversations(view: &View<'_>) -> Result<Vec<ConversationId>, StoreError> {
    view.many("SELECT DISTINCT conversation FROM receipt_owed ORDER BY conversation", [], |row| {
        fixed_at(row, "conversation")
    })
}

/// At most `limit` rows of a conversation for which receipts are owed, the oldest first.
///
/// # Errors
/// The database cannot be read.
pub fn owed(view: &View<'_>, conversation: &ConversationId, limit: u32) -> Result<Vec<Entry>, StoreError> {
    view.many(
        "SELECT timeline.* FROM receipt_owed JOIN timeline ON timeline.id = receipt_owed.timeline
         WHERE receipt_owed.conversation = ?1 ORDER BY timeline.id LIMIT ?2",
        params![conversation.as_ref(), limit],
        timeline::read,
    )
}

/// The receipt for this row is on its way.
///
/// # Errors
/// The database cannot be written.
pub fn settle(tx: &Tx<'_>, row: RowId) -> Result<(), StoreError> {
    tx.run("DELETE FROM receipt_owed WHERE timeline = ?1", params![row.0])?;
    Ok(())
}
