//! Entries of the mailbox that cannot be processed yet: kept raw, so that the cursor can move on.
//!
//! Invariant: entries of a conversation leave in the order in which they came; a later one waits behind an earlier.

use hushwire_types::{ConversationId, Seq, Timestamp};
use rusqlite::{Row, params};

use crate::column::{Coded, coded, coded_at, fixed_at, int, time, time_at, uint_at};
use crate::{StoreError, Tx, View};

/// A parked entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parked {
    /// Which one; grows with parking.
    pub id: ParkedId,
    /// What was parked.
    pub entry: NewParked,
}

/// Identifies a parked entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ParkedId(pub i64);

/// An entry to park.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewParked {
    /// The conversation.
    pub conversation: ConversationId,
    /// Its place in the mailbox.
    pub seq: Seq,
    /// What it waits for.
    pub reason: ParkReason,
    /// More of what it waits for, as the engine encodes it.
    pub detail: Vec<u8>,
    /// The entry, as received.
    pub bytes: Vec<u8>,
    /// When it was parked.
    pub at: Timestamp,
}

/// What a parked entry waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParkReason {
    /// The ratchet tree of a Welcome.
    Tree,
    /// Device lists that are not known far enough (rule R3).
    Lists,
    /// Commits that lead to its epoch.
    Epoch,
    /// An earlier entry of the conversation.
    Behind,
    /// The group's state, which is being had again.
    Group,
    /// A version of this program that knows its kind.
    UnknownKind,
}
coded!(ParkReason { Tree = 0, Lists = 1, Epoch = 2, Behind = 3, Group = 4, UnknownKind = 5 });

/// Parks an entry behind all others of its conversation.
///
/// # Errors
/// The database cannot be written.
pub fn insert(tx: &Tx<'_>, entry: &NewParked) -> Result<ParkedId, StoreError> {
    tx.run(
        "INSERT INTO parked (conversation, seq, reason, detail, bytes, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            entry.conversation.as_ref(),
            int(entry.seq.0),
            entry.reason.code(),
            entry.detail,
            entry.bytes,
            time(entry.at),
        ],
    )?;
    Ok(ParkedId(tx.last_id()))
}

/// It waits for something else now.
///
/// # Errors
/// [`StoreError::Absent`] where there is no such entry.
pub fn set_reason(tx: &Tx<'_>, id: ParkedId, reason: ParkReason, detail: &[u8]) -> Result<(), StoreError> {
    tx.change(
        "parked entry",
        "UPDATE parked SET reason = ?2, detail = ?3 WHERE id = ?1",
        params![id.0, reason.code(), detail],
    )
}

/// All parked entries of a conversation, in the order in which they came.
///
/// # Errors
/// The database cannot be read.
pub fn of_conversation(view: &View<'_>, conversation: &ConversationId) -> Result<Vec<Parked>, StoreError> {
    view.many(
        "SELECT * FROM parked WHERE conversation = ?1 ORDER BY id",
        params![conversation.as_ref()],
        read,
    )
}

/// All parked entries, in the order in which they came.
///
/// # Errors
/// The database cannot be read.
pub fn all(view: &View<'_>) -> Result<Vec<Parked>, StoreError> {
    view.many("SELECT * FROM parked ORDER BY id", [], read)
}

/// Whether anything of this conversation is parked, so that what comes next must wait too.
///
/// # Errors
/// The database cannot be read.
pub fn any_in(view: &View<'_>, conversation: &ConversationId) -> Result<bool, StoreError> {
    let found = view.one(
        "SELECT 1 FROM parked WHERE conversation = ?1 LIMIT 1",
        params![conversation.as_ref()],
        |_| Ok(()),
    )?;
    Ok(found.is_some())
}

/// It was processed, or given up.
///
/// # Errors
/// The database cannot be written.
pub fn delete(tx: &Tx<'_>, id: ParkedId) -> Result<(), StoreError> {
    tx.run("DELETE FROM parked WHERE id = ?1", params![id.0])?;
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<Parked> {
    Ok(Parked {
        id: ParkedId(row.get("id")?),
        entry: NewParked {
            conversation: fixed_at(row, "conversation")?,
            seq: Seq(uint_at(row, "seq")?),
            reason: coded_at(row, "reason")?,
            detail: row.get("detail")?,
            bytes: row.get("bytes")?,
            at: time_at(row, "at")?,
        },
    })
}
