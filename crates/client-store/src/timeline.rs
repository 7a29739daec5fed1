//! The timeline: every message and system line of every conversation.
//!
//! Invariants:
//! - A message is identified by (conversation, author account, content id): the same one arriving twice, also under
//!   another encryption, is one row.
//! - Order of display is (generation, order), what the server has not accepted yet last, and insertion within equals.
//! - `content` is the raw content as its author encoded it, so that a later version can read more from it.
//! - What is erased here is erased from the search index and the journal too.

use std::fmt;

use hushwire_types::{AccountId, ContentId, ConversationId, DeviceId, Generation, Order, Timestamp};
use rusqlite::types::Type;
use rusqlite::{Row, params};

use crate::column::{fixed_at, int, invalid, opt_time_at, opt_uint_at, time, time_at, uint_at};
use crate::{StoreError, Tx, View, search};

/// Identifies a row of the timeline within this profile; grows with insertion, is never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowId(pub i64);

/// A row that is to be written.
#[derive(Clone, PartialEq, Eq)]
pub struct NewEntry {
    /// The conversation.
    pub conversation: ConversationId,
    /// The generation in which it was sent or received.
    pub generation: Generation,
    /// Its place in the conversation; none while the server has not accepted it. A line of this device's own takes the
    /// order of the line that it follows.
    pub order: Option<Order>,
    /// Its identity, chosen by its author.
    pub content_id: ContentId,
    /// The author: the account of the MLS leaf. Of a system line, the account that it is about.
    pub account: AccountId,
    /// The author's device.
    pub device: DeviceId,
    /// When the author wrote it, as the author says.
    pub sent_at: Timestamp,
    /// When the server accepted it, as the server says.
    pub accepted_at: Option<Timestamp>,
    /// The content, encoded; of a system event, its data.
    pub content: Vec<u8>,
    /// What has become of it.
    pub state: EntryState,
    /// The caller's idempotency key of a command, unique in the conversation.
    pub client_key: Option<String>,
}

impl NewEntry {
    /// The row as it stands when it was just inserted.
    #[must_use]
    pub const fn at(self, row: RowId) -> Entry {
        Entry { row, entry: self, delivered_at: None }
    }
}

impl fmt::Debug for NewEntry {
    /// Shows no content: rows may end up in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewEntry")
            .field("conversation", &self.conversation)
            .field("generation", &self.generation)
            .field("order", &self.order)
            .field("content_id", &self.content_id)
            .field("account", &self.account)
            .field("device", &self.device)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// A row of the timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The row.
    pub row: RowId,
    /// What was written.
    pub entry: NewEntry,
    /// When the first device of another account confirmed that it has it.
    pub delivered_at: Option<Timestamp>,
}

/// What has become of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryState {
    /// Ours: not accepted by the server yet.
    Queued,
    /// Ours: accepted by the server.
    Sent,
    /// Ours: will not be sent.
    Failed {
        /// Why, as the engine names it.
        reason: String,
    },
    /// Another's, decrypted.
    Received,
    /// Another's, which cannot be decrypted.
    Unreadable {
        /// Why, as the engine names it.
        reason: String,
    },
    /// Not a message: a typed event, put into words at display.
    System {
        /// Its type, as the engine names it.
        event: String,
    },
    /// A message that was deleted for everyone: its place, and nothing of what it said.
    Deleted,
}

/// A place between rows, to page from: rows before it are older.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Generation of the row at the place.
    pub generation: Generation,
    /// Its order; none for an unsent one.
    pub order: Option<Order>,
    /// The row itself.
    pub row: RowId,
}

impl Entry {
    /// Where it stands.
    #[must_use]
    pub const fn position(&self) -> Position {
        Position { generation: self.entry.generation, order: self.entry.order, row: self.row }
    }
}

/// What an insertion found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inserted {
    /// It is new.
    New(RowId),
    /// It was there already; nothing was changed.
    Duplicate(RowId),
}

/// Writes a row unless its (conversation, account, content id) is there.
///
/// # Errors
/// [`StoreError::Conflict`] where the client key is taken by another content.
pub fn insert(tx: &Tx<'_>, entry: &NewEntry) -> Result<Inserted, StoreError> {
    let (state, reason, event) = state_columns(&entry.state);
    let changed = tx.run(
        "INSERT INTO timeline (conversation, generation, ord, content_id, account, device, sent_at, accepted_at,
             content, state, reason, event, client_key)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
         ON CONFLICT (conversation, account, content_id) DO NOTHING",
        params![
            entry.conversation.as_ref(),
            int(entry.generation.0),
            entry.order.map(|order| int(order.0)),
            entry.content_id.as_ref(),
            entry.account.as_ref(),
            entry.device.as_ref(),
            time(entry.sent_at),
            entry.accepted_at.map(time),
            entry.content,
            state,
            reason,
            event,
            entry.client_key,
        ],
    )?;
    if changed > 0 {
        return Ok(Inserted::New(RowId(tx.last_id())));
    }
    let known = by_content(tx, &entry.conversation, &entry.account, &entry.content_id)?;
    known.map(|known| Inserted::Duplicate(known.row)).ok_or(StoreError::Absent("timeline row"))
}

/// The row.
///
/// # Errors
/// The database cannot be read.
pub fn find(view: &View<'_>, row: RowId) -> Result<Option<Entry>, StoreError> {
    view.one("SELECT * FROM timeline WHERE id = ?1", params![row.0], read)
}

/// The row of this content, as replies, edits and receipts name it.
///
/// # Errors
/// The database cannot be read.
pub fn by_content(
    view: &View<'_>,
    conversation: &ConversationId,
    account: &AccountId,
    content_id: &ContentId,
) -> Result<Option<Entry>, StoreError> {
    view.one(
        "SELECT * FROM timeline WHERE conversation = ?1 AND account = ?2 AND content_id = ?3",
        params![conversation.as_ref(), account.as_ref(), content_id.as_ref()],
        read,
    )
}

/// The rows of a conversation that people see under this id: authors choose ids, so there may be several, one of each.
///
/// # Errors
/// The database cannot be read.
pub fn with_content_id(
    view: &View<'_>,
    conversation: &ConversationId,
    content_id: &ContentId,
) -> Result<Vec<Entry>, StoreError> {
    view.many(
        "SELECT * FROM timeline WHERE conversation = ?1 AND content_id = ?2 AND hidden = 0",
        params![conversation.as_ref(), content_id.as_ref()],
        read,
    )
}

/// The row that a command with this idempotency key has written.
///
/// # Errors
/// The database cannot be read.
pub fn by_client_key(
    view: &View<'_>,
    conversation: &ConversationId,
    key: &str,
) -> Result<Option<Entry>, StoreError> {
    view.one(
        "SELECT * FROM timeline WHERE conversation = ?1 AND client_key = ?2",
        params![conversation.as_ref(), key],
        read,
    )
}

/// One statement for each place to page from: a row value with a NULL in it compares as unknown.
const PAGE_FROM_END: &str = "SELECT * FROM timeline WHERE conversation = ?1 AND hidden = 0
    ORDER BY unsent DESC, generation DESC, ord DESC, id DESC LIMIT ?2";
const PAGE_BEFORE_UNSENT: &str = "SELECT * FROM timeline WHERE conversation = ?1 AND hidden = 0
        AND (unsent, generation, id) < (1, ?2, ?3)
    ORDER BY unsent DESC, generation DESC, ord DESC, id DESC LIMIT ?4";
const PAGE_BEFORE_ACCEPTED: &str = "SELECT * FROM timeline WHERE conversation = ?1 AND hidden = 0
        AND unsent = 0 AND (generation, ord, id) < (?2, ?3, ?4)
    ORDER BY unsent DESC, generation DESC, ord DESC, id DESC LIMIT ?5";
#[cfg(test)]
pub(crate) const PAGES: [&str; 3] = [PAGE_FROM_END, PAGE_BEFORE_UNSENT, PAGE_BEFORE_ACCEPTED];

/// At most `limit` rows, the newest first (unsent ones are the newest); only older ones than `before` where given.
///
/// # Errors
/// The database cannot be read.
pub fn page(
    view: &View<'_>,
    conversation: &ConversationId,
    before: Option<&Position>,
    limit: u32,
) -> Result<Vec<Entry>, StoreError> {
    let id = conversation.as_ref();
    let Some(before) = before else {
        return view.many(PAGE_FROM_END, params![id, limit], read);
    };
    let (generation, row) = (int(before.generation.0), before.row.0);
    match before.order {
        Some(order) => {
            view.many(PAGE_BEFORE_ACCEPTED, params![id, generation, int(order.0), row, limit], read)
        }
        None => view.many(PAGE_BEFORE_UNSENT, params![id, generation, row, limit], read),
    }
}

/// All rows of ours in a conversation that wait to be sent, in the order in which they were written.
///
/// # Errors
/// The database cannot be read.
pub fn queued(view: &View<'_>, conversation: &ConversationId) -> Result<Vec<Entry>, StoreError> {
    view.many(
        "SELECT * FROM timeline WHERE conversation = ?1 AND state = 0 ORDER BY id",
        params![conversation.as_ref()],
        read,
    )
}

/// At most `limit` rows of ours in a conversation that wait and are in no request of the outbox, in the order in which
/// they were written.
///
/// # Errors
/// The database cannot be read.
pub fn unencrypted(
    view: &View<'_>,
    conversation: &ConversationId,
    limit: u32,
) -> Result<Vec<Entry>, StoreError> {
    view.many(
        "SELECT * FROM timeline WHERE conversation = ?1 AND state = 0
             AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.timeline = timeline.id)
         ORDER BY id LIMIT ?2",
        params![conversation.as_ref(), limit],
        read,
    )
}

/// The conversations in which rows of ours wait to be sent.
///
/// # Errors
/// The database cannot be read.
pub fn waiting(view: &View<'_>) -> Result<Vec<ConversationId>, StoreError> {
    view.many("SELECT DISTINCT conversation FROM timeline WHERE state = 0", [], |row| {
        fixed_at(row, "conversation")
    })
}

/// The place of the last accepted row, for a line of this device's own to follow.
///
/// # Errors
/// The database cannot be read.
pub fn last_order(
    view: &View<'_>,
    conversation: &ConversationId,
) -> Result<Option<(Generation, Order)>, StoreError> {
    view.one(
        "SELECT * FROM (SELECT generation, ord FROM timeline WHERE conversation = ?1 AND hidden = 0 AND unsent = 0
                 ORDER BY generation DESC, ord DESC LIMIT 1)
         UNION ALL
         SELECT * FROM (SELECT generation, ord FROM timeline WHERE conversation = ?1 AND hidden = 1 AND unsent = 0
                 ORDER BY generation DESC, ord DESC LIMIT 1)
         ORDER BY generation DESC, ord DESC LIMIT 1",
        params![conversation.as_ref()],
        |row| Ok((Generation(uint_at(row, "generation")?), Order(uint_at(row, "ord")?))),
    )
}

/// The server has accepted it.
///
/// # Errors
/// [`StoreError::Absent`] where there is no such row.
pub fn set_sent(tx: &Tx<'_>, row: RowId, order: Order, accepted_at: Timestamp) -> Result<(), StoreError> {
    tx.change(
        "timeline row",
        "UPDATE timeline SET state = 1, reason = NULL, ord = ?2, accepted_at = ?3 WHERE id = ?1",
        params![row.0, int(order.0), time(accepted_at)],
    )
}

/// It will not be sent.
///
/// # Errors
/// [`StoreError::Absent`] where there is no such row.
pub fn set_failed(tx: &Tx<'_>, row: RowId, reason: &str) -> Result<(), StoreError> {
    tx.change(
        "timeline row",
        "UPDATE timeline SET state = 2, reason = ?2 WHERE id = ?1",
        params![row.0, reason],
    )
}

/// It waits to be sent (again), in this generation.
///
/// # Errors
/// [`StoreError::Absent`] where there is no such row.
pub fn set_queued(tx: &Tx<'_>, row: RowId, generation: Generation) -> Result<(), StoreError> {
    tx.change(
        "timeline row",
        "UPDATE timeline SET state = 0, reason = NULL, ord = NULL, accepted_at = NULL, generation = ?2
         WHERE id = ?1",
        params![row.0, int(generation.0)],
    )
}

/// A device of another account has it. The first such time stands.
///
/// # Errors
/// [`StoreError::Absent`] where there is no such row.
pub fn set_delivered(tx: &Tx<'_>, row: RowId, at: Timestamp) -> Result<(), StoreError> {
    tx.change(
        "timeline row",
        "UPDATE timeline SET delivered_at = coalesce(delivered_at, ?2) WHERE id = ?1",
        params![row.0, time(at)],
    )
}

/// Erases a row with all that was made of it: its search text, its receipt, the payload of its events.
///
/// # Errors
/// The database cannot be written.
pub fn erase(tx: &Tx<'_>, row: RowId) -> Result<(), StoreError> {
    search::remove(tx, row)?;
    for sql in [
        "DELETE FROM receipt_owed WHERE timeline = ?1",
        "DELETE FROM seen_by WHERE timeline = ?1",
        "DELETE FROM expiry WHERE timeline = ?1",
        "UPDATE event SET payload = x'', timeline = NULL WHERE timeline = ?1",
        "UPDATE outbox SET timeline = NULL WHERE timeline = ?1",
        "UPDATE sent_log SET timeline = NULL WHERE timeline = ?1",
        "DELETE FROM timeline WHERE id = ?1",
    ] {
        tx.erase(sql, params![row.0])?;
    }
    Ok(())
}

/// Erases all rows of a conversation, as [`erase`] does, and its events' payloads.
///
/// # Errors
/// The database cannot be written.
pub fn erase_conversation(tx: &Tx<'_>, conversation: &ConversationId) -> Result<(), StoreError> {
    search::remove_conversation(tx, conversation)?;
    for sql in [
        "DELETE FROM receipt_owed WHERE conversation = ?1",
        "DELETE FROM seen_by WHERE timeline IN (SELECT id FROM timeline WHERE conversation = ?1)",
        "DELETE FROM expiry WHERE timeline IN (SELECT id FROM timeline WHERE conversation = ?1)",
        "DELETE FROM read_to WHERE conversation = ?1",
        "UPDATE event SET payload = x'', timeline = NULL WHERE conversation = ?1",
        "UPDATE outbox SET timeline = NULL WHERE conversation = ?1",
        "UPDATE sent_log SET timeline = NULL WHERE conversation = ?1",
        "DELETE FROM timeline WHERE conversation = ?1",
    ] {
        tx.erase(sql, params![conversation.as_ref()])?;
    }
    Ok(())
}

fn state_columns(state: &EntryState) -> (i64, Option<&str>, Option<&str>) {
    match state {
        EntryState::Queued => (0, None, None),
        EntryState::Sent => (1, None, None),
        EntryState::Failed { reason } => (2, Some(reason), None),
        EntryState::Received => (3, None, None),
        EntryState::Unreadable { reason } => (4, Some(reason), None),
        EntryState::System { event } => (5, None, Some(event)),
        EntryState::Deleted => (6, None, None),
    }
}

fn read_state(row: &Row<'_>) -> rusqlite::Result<EntryState> {
    let code: i64 = row.get("state")?;
    let reason: Option<String> = row.get("reason")?;
    let event: Option<String> = row.get("event")?;
    match (code, reason, event) {
        (0, None, None) => Ok(EntryState::Queued),
        (1, None, None) => Ok(EntryState::Sent),
        (2, Some(reason), None) => Ok(EntryState::Failed { reason }),
        (3, None, None) => Ok(EntryState::Received),
        (4, Some(reason), None) => Ok(EntryState::Unreadable { reason }),
        (5, None, Some(event)) => Ok(EntryState::System { event }),
        (6, None, None) => Ok(EntryState::Deleted),
        _ => Err(invalid("state", Type::Integer)),
    }
}

pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<Entry> {
    Ok(Entry {
        row: RowId(row.get("id")?),
        entry: NewEntry {
            conversation: fixed_at(row, "conversation")?,
            generation: Generation(uint_at(row, "generation")?),
            order: opt_uint_at(row, "ord")?.map(Order),
            content_id: fixed_at(row, "content_id")?,
            account: fixed_at(row, "account")?,
            device: fixed_at(row, "device")?,
            sent_at: time_at(row, "sent_at")?,
            accepted_at: opt_time_at(row, "accepted_at")?,
            content: row.get("content")?,
            state: read_state(row)?,
            client_key: row.get("client_key")?,
        },
        delivered_at: opt_time_at(row, "delivered_at")?,
    })
}
