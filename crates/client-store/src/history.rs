//! What is known of the past, on its way into a backup and out of one.
//!
//! Invariants:
//! - Only what the server has accepted is history: what waits or failed belongs to this device alone.
//! - A message that disappears is no history, nor is what is said about it: neither leaves this database.
//! - What comes out of a backup never changes a row that is here, and is marked as restored: it is never unread, and nobody is
//!   told that it was received or read.
//! - What somebody handed over is marked with who did, too: its author is what that account says.

use hushwire_types::{AccountId, ConversationId, Timestamp};
use rusqlite::params;

use crate::about::{About, Aspect, SeenBy};
use crate::column::{coded_at, opt_fixed_at, time};
use crate::timeline::{self, Entry, Inserted, NewEntry, RowId};
use crate::{StoreError, Tx, View};

/// A row of history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    /// The row.
    pub entry: Entry,
    /// What it says of which message; none of one that people see.
    pub said: Option<(Aspect, About)>,
    /// Who handed it over, where it is not its author whom it came from.
    pub handed_over_by: Option<AccountId>,
}

/// The last row of all timelines.
///
/// # Errors
/// The database cannot be read.
pub fn last(view: &View<'_>) -> Result<RowId, StoreError> {
    let last = view.one("SELECT coalesce(max(id), 0) AS last FROM timeline", [], |row| row.get("last"))?;
    Ok(RowId(last.unwrap_or_default()))
}

/// At most `limit` rows of history after this one, in the order in which they came. Receipts, which name many messages, are
/// not among them: what they said is with those messages. Of what is about a message that is not here, which may have
/// disappeared, only its deletion is.
///
/// # Errors
/// The database cannot be read.
pub fn after(view: &View<'_>, row: RowId, limit: u32) -> Result<Vec<Past>, StoreError> {
    view.many(
        "SELECT * FROM timeline WHERE id > ?1 AND state NOT IN (0, 2) AND ord IS NOT NULL
             AND (hidden = 0 OR (about_account IS NOT NULL AND about_content IS NOT NULL AND aspect IS NOT NULL))
             AND NOT EXISTS (SELECT 1 FROM expiry WHERE expiry.timeline = timeline.id)
             AND (hidden = 0 OR aspect = 3 OR EXISTS (SELECT 1 FROM timeline AS target
                 WHERE target.conversation = timeline.conversation AND target.account = timeline.about_account
                     AND target.content_id = timeline.about_content
                     AND NOT EXISTS (SELECT 1 FROM expiry WHERE expiry.timeline = target.id)))
         ORDER BY id LIMIT ?2",
        params![row.0, limit],
        |row| {
            let hidden: bool = row.get("hidden")?;
            let said = match (opt_fixed_at(row, "about_account")?, opt_fixed_at(row, "about_content")?) {
                (Some(account), Some(content)) if hidden => {
                    Some((coded_at(row, "aspect")?, About { account, content }))
                }
                _ => None,
            };
            let handed_over_by = opt_fixed_at(row, "handed_over_by")?;
            Ok(Past { entry: timeline::read(row)?, said, handed_over_by })
        },
    )
}

/// Writes a row of a backup, or one that somebody handed over, unless its (conversation, account, content id) is here.
///
/// # Errors
/// The database cannot be written.
pub fn restore(
    tx: &Tx<'_>,
    entry: &NewEntry,
    delivered_at: Option<Timestamp>,
    handed_over_by: Option<&AccountId>,
) -> Result<Inserted, StoreError> {
    let inserted = timeline::insert(tx, entry)?;
    if let Inserted::New(row) = inserted {
        tx.change(
            "timeline row",
            "UPDATE timeline SET restored = 1, delivered_at = ?2, handed_over_by = ?3 WHERE id = ?1",
            params![row.0, delivered_at.map(time), handed_over_by.map(AccountId::as_ref)],
        )?;
    }
    Ok(inserted)
}

/// Who handed a row over; none where it came from its author.
///
/// # Errors
/// The database cannot be read.
pub fn handed_over_by(view: &View<'_>, row: RowId) -> Result<Option<AccountId>, StoreError> {
    let sql = "SELECT handed_over_by FROM timeline WHERE id = ?1";
    Ok(view.one(sql, params![row.0], |row| opt_fixed_at(row, "handed_over_by"))?.flatten())
}

/// What a backup says of what became of an own message with somebody; nothing happens where that is known here.
///
/// # Errors
/// The database cannot be written.
pub fn restore_seen(tx: &Tx<'_>, row: RowId, seen: &SeenBy) -> Result<(), StoreError> {
    tx.run(
        "INSERT OR IGNORE INTO seen_by (timeline, account, delivered_at, read_at) VALUES (?1, ?2, ?3, ?4)",
        params![row.0, seen.account.as_ref(), seen.delivered_at.map(time), seen.read_at.map(time)],
    )?;
    Ok(())
}

/// Whether a row came out of a backup.
///
/// # Errors
/// The database cannot be read.
pub fn is_restored(view: &View<'_>, row: RowId) -> Result<bool, StoreError> {
    let sql = "SELECT restored FROM timeline WHERE id = ?1";
    Ok(view.one(sql, params![row.0], |row| row.get("restored"))?.unwrap_or(false))
}

/// At most `limit` rows that people see of a conversation, the oldest first and unsent ones last; only those behind a place
/// where given.
///
/// # Errors
/// The database cannot be read.
pub fn forward(
    view: &View<'_>,
    conversation: &ConversationId,
    behind: Option<&timeline::Position>,
    limit: u32,
) -> Result<Vec<Entry>, StoreError> {
    let id = conversation.as_ref();
    let Some(behind) = behind else { return view.many(FROM_BEGIN, params![id, limit], timeline::read) };
    let (generation, row) = (crate::column::int(behind.generation.0), behind.row.0);
    match behind.order {
        Some(order) => {
            let order = crate::column::int(order.0);
            let accepted =
                view.many(BEHIND_ACCEPTED, params![id, generation, order, row, limit], timeline::read)?;
            if !accepted.is_empty() {
                return Ok(accepted);
            }
            view.many(BEHIND_UNSENT, params![id, 0, i64::MIN, limit], timeline::read)
        }
        None => view.many(BEHIND_UNSENT, params![id, generation, row, limit], timeline::read),
    }
}

const FROM_BEGIN: &str = "SELECT * FROM timeline WHERE conversation = ?1 AND hidden = 0
    ORDER BY unsent, generation, ord, id LIMIT ?2";
const BEHIND_ACCEPTED: &str = "SELECT * FROM timeline WHERE conversation = ?1 AND hidden = 0
        AND unsent = 0 AND (generation, ord, id) > (?2, ?3, ?4)
    ORDER BY unsent, generation, ord, id LIMIT ?5";
const BEHIND_UNSENT: &str = "SELECT * FROM timeline WHERE conversation = ?1 AND hidden = 0
        AND unsent = 1 AND (generation, id) > (?2, ?3)
    ORDER BY unsent, generation, ord, id LIMIT ?4";
#[cfg(test)]
pub(crate) const PAGES: [&str; 3] = [FROM_BEGIN, BEHIND_ACCEPTED, BEHIND_UNSENT];
