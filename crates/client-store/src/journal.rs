//! The journal: one stream of events that all front ends read, each with a cursor of its own.
//!
//! Invariants:
//! - An event is written in the step that made it true. Its `seq` grows and is never used again, also after pruning.
//! - A consumer's cursor only moves forward, so each event reaches each consumer at least once.
//! - The payload of an event about an erased row of the timeline is erased with it.

use std::fmt;

use hushwire_types::{ConversationId, Seq, Timestamp};
use rusqlite::{Row, params};

use crate::column::{int, opt_fixed_at, time, time_at, uint_at};
use crate::timeline::RowId;
use crate::{StoreError, Tx, View};

/// An event in the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its number.
    pub seq: Seq,
    /// What it says.
    pub event: NewEvent,
}

/// An event to be written.
#[derive(Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// Its type, as the engine names it.
    pub kind: String,
    /// The conversation that it is about.
    pub conversation: Option<ConversationId>,
    /// The row of the timeline that it is about.
    pub row: Option<RowId>,
    /// The rest, as the engine encodes it.
    pub payload: Vec<u8>,
    /// When it happened.
    pub at: Timestamp,
}

impl fmt::Debug for NewEvent {
    /// Shows no payload: events may end up in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewEvent")
            .field("kind", &self.kind)
            .field("conversation", &self.conversation)
            .field("row", &self.row)
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

/// Appends an event.
///
/// # Errors
/// The database cannot be written.
pub fn append(tx: &Tx<'_>, event: &NewEvent) -> Result<Seq, StoreError> {
    tx.run(
        "INSERT INTO event (kind, conversation, timeline, payload, at) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![
            event.kind,
            event.conversation.as_ref().map(AsRef::as_ref),
            event.row.map(|row| row.0),
            event.payload,
            time(event.at),
        ],
    )?;
    Ok(Seq(u64::try_from(tx.last_id()).unwrap_or(0)))
}

/// At most `limit` events after this number, in order.
///
/// # Errors
/// The database cannot be read.
pub fn after(view: &View<'_>, seq: Seq, limit: u32) -> Result<Vec<Event>, StoreError> {
    view.many("SELECT * FROM event WHERE seq > ?1 ORDER BY seq LIMIT ?2", params![int(seq.0), limit], read)
}

/// The number of the last event; 0 where there was none.
///
/// # Errors
/// The database cannot be read.
pub fn last(view: &View<'_>) -> Result<Seq, StoreError> {
    let last =
        view.one("SELECT seq FROM sqlite_sequence WHERE name = 'event'", [], |row| uint_at(row, "seq"))?;
    Ok(Seq(last.unwrap_or(0)))
}

/// The last event that this consumer has handled; 0 where it has handled none.
///
/// # Errors
/// The database cannot be read.
pub fn cursor(view: &View<'_>, consumer: &str) -> Result<Seq, StoreError> {
    let seq =
        view.one("SELECT seq FROM consumer WHERE name = ?1", params![consumer], |row| uint_at(row, "seq"))?;
    Ok(Seq(seq.unwrap_or(0)))
}

/// This consumer has handled all events up to `seq`. A lower number than before changes nothing.
///
/// # Errors
/// The database cannot be written.
pub fn advance(tx: &Tx<'_>, consumer: &str, seq: Seq) -> Result<(), StoreError> {
    tx.run(
        "INSERT INTO consumer (name, seq) VALUES (?1, ?2)
         ON CONFLICT (name) DO UPDATE SET seq = max(seq, excluded.seq)",
        params![consumer, int(seq.0)],
    )?;
    Ok(())
}

/// How long events are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Events from before this time go once every consumer has handled them.
    pub handled_before: Timestamp,
    /// Events from before this time go in any case: a consumer that never comes back must not fill the disk.
    pub any_before: Timestamp,
}

/// Erases events that need not be kept; how many.
///
/// # Errors
/// The database cannot be written.
pub fn prune(tx: &Tx<'_>, retention: &Retention) -> Result<usize, StoreError> {
    tx.erase(
        "DELETE FROM event WHERE at < ?2
             OR (at < ?1 AND seq <= (SELECT min(seq) FROM consumer))",
        params![time(retention.handled_before), time(retention.any_before)],
    )
}

fn read(row: &Row<'_>) -> rusqlite::Result<Event> {
    Ok(Event {
        seq: Seq(uint_at(row, "seq")?),
        event: NewEvent {
            kind: row.get("kind")?,
            conversation: opt_fixed_at(row, "conversation")?,
            row: row.get::<_, Option<i64>>("timeline")?.map(RowId),
            payload: row.get("payload")?,
            at: time_at(row, "at")?,
        },
    })
}
