//! Accepted requests, kept for a while: a server that was restored from a backup is sent them again.

use hushwire_types::{ConversationId, SendSeq, Timestamp};
use rusqlite::{Row, params};

use crate::column::{coded_at, fixed_at, int, time, time_at, uint_at};
use crate::outbox::SendKind;
use crate::timeline::RowId;
use crate::{StoreError, Tx, View};

/// A request that the server has accepted; [`outbox::accept`](crate::outbox::accept) writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Its number.
    pub send_seq: SendSeq,
    /// The conversation.
    pub conversation: ConversationId,
    /// What it is.
    pub kind: SendKind,
    /// The bytes that were sent.
    pub request: Vec<u8>,
    /// The row of the timeline that it carries, if any.
    pub row: Option<RowId>,
    /// When the server accepted it.
    pub accepted_at: Timestamp,
}

/// At most `limit` accepted requests from this number on, in order.
///
/// # Errors
/// The database cannot be read.
pub fn from(view: &View<'_>, first: SendSeq, limit: u32) -> Result<Vec<Accepted>, StoreError> {
    view.many(
        "SELECT * FROM sent_log WHERE send_seq >= ?1 ORDER BY send_seq LIMIT ?2",
        params![int(first.0), limit],
        read,
    )
}

/// Forgets what was accepted before this time; how many.
///
/// # Errors
/// The database cannot be written.
pub fn prune(tx: &Tx<'_>, before: Timestamp) -> Result<usize, StoreError> {
    tx.run("DELETE FROM sent_log WHERE accepted_at < ?1", params![time(before)])
}

/// Forgets all from this number on: they are to be sent anew under other numbers.
///
/// # Errors
/// The database cannot be written.
pub fn truncate_from(tx: &Tx<'_>, first: SendSeq) -> Result<(), StoreError> {
    tx.run("DELETE FROM sent_log WHERE send_seq >= ?1", params![int(first.0)])?;
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<Accepted> {
    Ok(Accepted {
        send_seq: SendSeq(uint_at(row, "send_seq")?),
        conversation: fixed_at(row, "conversation")?,
        kind: coded_at(row, "kind")?,
        request: row.get("request")?,
        row: row.get::<_, Option<i64>>("timeline")?.map(RowId),
        accepted_at: time_at(row, "accepted_at")?,
    })
}
