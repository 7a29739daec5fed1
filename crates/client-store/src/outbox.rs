//! The outbox: requests that the server must accept, each with the exact bytes that are sent until it does.
//!
//! Invariant: a row is written in the step that made its bytes and moves to [`sent_log`](crate::sent_log) or goes
//! only on proof: the server's answer, or, for a Commit, the stream.

use hushwire_types::{ConversationId, Epoch, GroupId, SendSeq, Timestamp};
use rusqlite::{Row, params};

use crate::column::{Coded, coded, coded_at, fixed_at, int, time, time_at, uint_at};
use crate::timeline::RowId;
use crate::{StoreError, Tx, View};

/// A request that waits for its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Its number.
    pub send_seq: SendSeq,
    /// The conversation.
    pub conversation: ConversationId,
    /// The group that it was made for.
    pub group: GroupId,
    /// What it is.
    pub kind: SendKind,
    /// The epoch that it was made in.
    pub epoch: Epoch,
    /// The bytes to send, as the engine encodes them.
    pub request: Vec<u8>,
    /// A hash of the MLS message, by which its echo is known.
    pub digest: [u8; 32],
    /// The row of the timeline that it carries, if any.
    pub row: Option<RowId>,
    /// What making it again under another encryption needs, as the engine encodes it.
    pub note: Vec<u8>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendKind {
    /// An application message.
    Application,
    /// A Commit.
    Commit,
    /// The first group of a conversation, or of its next generation.
    Create,
}
coded!(SendKind { Application = 0, Commit = 1, Create = 2 });

/// Writes a request.
///
/// # Errors
/// [`StoreError::Conflict`] where the number is taken.
pub fn insert(tx: &Tx<'_>, outgoing: &Outgoing) -> Result<(), StoreError> {
    tx.run(
        "INSERT INTO outbox (send_seq, conversation, group_id, kind, epoch, request, digest, timeline, note,
             created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            int(outgoing.send_seq.0),
            outgoing.conversation.as_ref(),
            outgoing.group.as_ref(),
            outgoing.kind.code(),
            int(outgoing.epoch.0),
            outgoing.request,
            outgoing.digest,
            outgoing.row.map(|row| row.0),
            outgoing.note,
            time(outgoing.created_at),
        ],
    )?;
    Ok(())
}

/// The request of this number.
///
/// # Errors
/// The database cannot be read.
pub fn find(view: &View<'_>, send_seq: SendSeq) -> Result<Option<Outgoing>, StoreError> {
    view.one("SELECT * FROM outbox WHERE send_seq = ?1", params![int(send_seq.0)], read)
}

/// The request that carries this row of the timeline.
///
/// # Errors
/// The database cannot be read.
pub fn of_row(view: &View<'_>, row: RowId) -> Result<Option<Outgoing>, StoreError> {
    view.one("SELECT * FROM outbox WHERE timeline = ?1 ORDER BY send_seq DESC LIMIT 1", params![row.0], read)
}

/// All requests of a conversation, in order of their numbers.
///
/// # Errors
/// The database cannot be read.
pub fn of_conversation(view: &View<'_>, conversation: &ConversationId) -> Result<Vec<Outgoing>, StoreError> {
    view.many(
        "SELECT * FROM outbox WHERE conversation = ?1 ORDER BY send_seq",
        params![conversation.as_ref()],
        read,
    )
}

/// At most `limit` requests from this number on, in order.
///
/// # Errors
/// The database cannot be read.
pub fn from(view: &View<'_>, first: SendSeq, limit: u32) -> Result<Vec<Outgoing>, StoreError> {
    view.many(
        "SELECT * FROM outbox WHERE send_seq >= ?1 ORDER BY send_seq LIMIT ?2",
        params![int(first.0), limit],
        read,
    )
}

/// How many requests wait.
///
/// # Errors
/// The database cannot be read.
pub fn count(view: &View<'_>) -> Result<u64, StoreError> {
    let count = view.one("SELECT count(*) AS count FROM outbox", [], |row| uint_at(row, "count"))?;
    Ok(count.unwrap_or(0))
}

/// The server has accepted it: keeps its bytes in the log of accepted sends.
///
/// # Errors
/// [`StoreError::Absent`] where there is no such request.
pub fn accept(tx: &Tx<'_>, send_seq: SendSeq, at: Timestamp) -> Result<(), StoreError> {
    tx.change(
        "outbox row",
        "INSERT OR REPLACE INTO sent_log (send_seq, conversation, kind, request, timeline, accepted_at)
         SELECT send_seq, conversation, kind, request, timeline, ?2 FROM outbox WHERE send_seq = ?1",
        params![int(send_seq.0), time(at)],
    )?;
    delete(tx, send_seq)
}

/// Drops a request: it lost, or it must not be sent any more.
///
/// # Errors
/// The database cannot be written.
pub fn delete(tx: &Tx<'_>, send_seq: SendSeq) -> Result<(), StoreError> {
    tx.run("DELETE FROM outbox WHERE send_seq = ?1", params![int(send_seq.0)])?;
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<Outgoing> {
    Ok(Outgoing {
        send_seq: SendSeq(uint_at(row, "send_seq")?),
        conversation: fixed_at(row, "conversation")?,
        group: fixed_at(row, "group_id")?,
        kind: coded_at(row, "kind")?,
        epoch: Epoch(uint_at(row, "epoch")?),
        request: row.get("request")?,
        digest: fixed_at::<[u8; 32]>(row, "digest")?,
        row: row.get::<_, Option<i64>>("timeline")?.map(RowId),
        note: row.get("note")?,
        created_at: time_at(row, "created_at")?,
    })
}
