//! Messages that disappear.
//!
//! Invariants:
//! - The time of a message begins once and for all, when a person has read it or, of one's own, when it was sent.
//! - A message is never kept longer than it lives from the moment at which its time began, whatever the clock does: where it was set
//!   back, the time begins again.

use hushwire_types::{ConversationId, Generation, Order, Timestamp};
use rusqlite::params;

use crate::column::{fixed_at, int, time, uint_at};
use crate::timeline::RowId;
use crate::{StoreError, Tx, View};

/// A row goes `lives_for_s` seconds after its time begins.
///
/// # Errors
/// The database cannot be written.
pub fn put(tx: &Tx<'_>, row: RowId, lives_for_s: u32) -> Result<(), StoreError> {
    tx.run(
        "INSERT OR IGNORE INTO expiry (timeline, lives_for_s) VALUES (?1, ?2)",
        params![row.0, lives_for_s],
    )?;
    Ok(())
}

/// The time of a row begins, if it has one and that has not begun.
///
/// # Errors
/// The database cannot be written.
pub fn begin(tx: &Tx<'_>, row: RowId, now: Timestamp) -> Result<(), StoreError> {
    tx.run(
        "UPDATE expiry SET started_at = ?2, due = ?2 + lives_for_s * 1000 WHERE timeline = ?1 AND started_at IS NULL",
        params![row.0, time(now)],
    )?;
    Ok(())
}

/// The time of all that others wrote in a conversation, up to a place, begins.
///
/// # Errors
/// The database cannot be written.
pub fn begin_through(
    tx: &Tx<'_>,
    conversation: &ConversationId,
    (generation, order): (Generation, Order),
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.run(
        "UPDATE expiry SET started_at = ?4, due = ?4 + lives_for_s * 1000
         WHERE started_at IS NULL AND timeline IN (SELECT id FROM timeline WHERE conversation = ?1 AND state = 3
             AND hidden = 0 AND (generation, ord) <= (?2, ?3))",
        params![conversation.as_ref(), int(generation.0), int(order.0), time(now)],
    )?;
    Ok(())
}

/// Where the clock was set back, times that began after `now` begin again.
///
/// # Errors
/// The database cannot be written.
pub fn set_back(tx: &Tx<'_>, now: Timestamp) -> Result<(), StoreError> {
    tx.run(
        "UPDATE expiry SET started_at = ?1, due = ?1 + lives_for_s * 1000 WHERE started_at > ?1",
        params![time(now)],
    )?;
    Ok(())
}

/// At most `limit` rows whose time is over, with their conversations.
///
/// # Errors
/// The database cannot be read.
pub fn due(view: &View<'_>, now: Timestamp, limit: u32) -> Result<Vec<(RowId, ConversationId)>, StoreError> {
    view.many(
        "SELECT timeline.id, timeline.conversation FROM expiry JOIN timeline ON timeline.id = expiry.timeline
         WHERE due <= ?1 ORDER BY due LIMIT ?2",
        params![time(now), limit],
        |row| Ok((RowId(row.get("id")?), fixed_at(row, "conversation")?)),
    )
}

/// When the next time is over.
///
/// # Errors
/// The database cannot be read.
pub fn next(view: &View<'_>) -> Result<Option<Timestamp>, StoreError> {
    view.one("SELECT due FROM expiry WHERE due IS NOT NULL ORDER BY due LIMIT 1", [], |row| {
        uint_at(row, "due").map(Timestamp::from_ms)
    })
}

/// When a row goes: how long it lives once its time begins, and until when, if it has begun.
///
/// # Errors
/// The database cannot be read.
pub fn of(view: &View<'_>, row: RowId) -> Result<Option<(u32, Option<Timestamp>)>, StoreError> {
    view.one("SELECT * FROM expiry WHERE timeline = ?1", params![row.0], |row| {
        let due: Option<i64> = row.get("due")?;
        let due = due.and_then(|due| u64::try_from(due).ok()).map(Timestamp::from_ms);
        Ok((row.get("lives_for_s")?, due))
    })
}

/// How long messages of a direct conversation live from here on, if that was said after what is known. Whether it was.
///
/// # Errors
/// The database cannot be written.
pub fn set_timer(
    tx: &Tx<'_>,
    conversation: &ConversationId,
    lives_for_s: u32,
    (generation, order): (Generation, Order),
) -> Result<bool, StoreError> {
    let changed = tx.run(
        "INSERT INTO timer (conversation, lives_for_s, generation, ord) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (conversation) DO UPDATE SET lives_for_s = ?2, generation = ?3, ord = ?4
         WHERE (generation, ord) <= (?3, ?4)",
        params![conversation.as_ref(), lives_for_s, int(generation.0), int(order.0)],
    )?;
    Ok(changed > 0)
}

/// How long messages of a direct conversation live, as somebody said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Said {
    /// In seconds; 0 for ever.
    pub lives_for_s: u32,
    /// Where in the conversation it was said.
    pub place: (Generation, Order),
}

/// What was said last of how long messages of a direct conversation live; none where nothing ever was.
///
/// # Errors
/// The database cannot be read.
pub fn said(view: &View<'_>, conversation: &ConversationId) -> Result<Option<Said>, StoreError> {
    view.one("SELECT * FROM timer WHERE conversation = ?1", params![conversation.as_ref()], |row| {
        let place = (Generation(uint_at(row, "generation")?), Order(uint_at(row, "ord")?));
        Ok(Said { lives_for_s: row.get("lives_for_s")?, place })
    })
}

/// How long messages of a direct conversation live; 0 for ever.
///
/// # Errors
/// The database cannot be read.
pub fn timer(view: &View<'_>, conversation: &ConversationId) -> Result<u32, StoreError> {
    let found = view.one(
        "SELECT lives_for_s FROM timer WHERE conversation = ?1",
        params![conversation.as_ref()],
        |row| row.get("lives_for_s"),
    )?;
    Ok(found.unwrap_or_default())
}
