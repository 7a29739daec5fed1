//! What is about another message: reactions, new wordings, deletions; who has it and who has read it; up to where one has read.
//!
//! Invariants:
//! - A hidden row names its target by author and content id, which need not be here (yet): what comes before its message
//!   counts once that comes.
//! - The last row of an account about a message counts: the one that the server accepted last, unsent ones after those.

use hushwire_types::{AccountId, ContentId, ConversationId, Generation, Order, Timestamp};
use rusqlite::params;

use crate::column::{Coded, coded, coded_at, fixed_at, int, opt_time_at, time, uint_at};
use crate::timeline::{self, Entry, RowId};
use crate::{StoreError, Tx, View, search};

/// What a hidden row says of its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aspect {
    /// A reaction.
    Reaction,
    /// A new wording.
    Edit,
    /// It goes, for everyone.
    Delete,
    /// It was read; of own receipts, which name many and have no target.
    Read,
    /// What an account chooses in a poll.
    Vote,
    /// Whether it is pinned.
    Pin,
    /// How long messages live from here on; about no message.
    Timer,
    /// What its author says of itself; about no message.
    Profile,
    /// Somebody asks to be let into a group; about no message.
    Ask,
}

coded!(Aspect { Reaction = 1, Edit = 2, Delete = 3, Read = 4, Vote = 5, Pin = 6, Timer = 7, Profile = 8, Ask = 9 });

/// A message, by its author and its content id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct About {
    /// Its author.
    pub account: AccountId,
    /// Its identity.
    pub content: ContentId,
}

/// Hides a row, and says what of which message it is; none for a receipt.
///
/// # Errors
/// [`StoreError::Absent`] where there is no such row.
pub fn hide(tx: &Tx<'_>, row: RowId, aspect: Aspect, about: Option<&About>) -> Result<(), StoreError> {
    tx.change(
        "timeline row",
        "UPDATE timeline SET hidden = 1, aspect = ?2, about_account = ?3, about_content = ?4 WHERE id = ?1",
        params![
            row.0,
            aspect.code(),
            about.map(|about| about.account.as_ref().to_vec()),
            about.map(|about| about.content.as_ref().to_vec())
        ],
    )
}

/// Whether a row is hidden, and what it is then.
///
/// # Errors
/// The database cannot be read.
pub fn aspect(view: &View<'_>, row: RowId) -> Result<Option<Aspect>, StoreError> {
    let sql = "SELECT aspect FROM timeline WHERE id = ?1 AND hidden = 1 AND aspect IS NOT NULL";
    view.one(sql, params![row.0], |row| coded_at(row, "aspect"))
}

/// The rows of one aspect about a message, the one that counts last.
///
/// # Errors
/// The database cannot be read.
pub fn of(
    view: &View<'_>,
    conversation: &ConversationId,
    about: &About,
    aspect: Aspect,
) -> Result<Vec<Entry>, StoreError> {
    view.many(
        "SELECT * FROM timeline WHERE conversation = ?1 AND about_account = ?2 AND about_content = ?3 AND aspect = ?4
             AND state <> 2
         ORDER BY unsent, generation, ord, id",
        params![
            conversation.as_ref(),
            about.account.as_ref(),
            about.content.as_ref(),
            aspect.code()
        ],
        timeline::read,
    )
}

/// The row of one aspect in a conversation that was written last and that the server has not accepted yet.
///
/// # Errors
/// The database cannot be read.
pub fn last_unsent(
    view: &View<'_>,
    conversation: &ConversationId,
    aspect: Aspect,
) -> Result<Option<Entry>, StoreError> {
    view.one(
        "SELECT * FROM timeline WHERE conversation = ?1 AND state = 0 AND aspect = ?2 ORDER BY id DESC LIMIT 1",
        params![conversation.as_ref(), aspect.code()],
        timeline::read,
    )
}

/// All rows of an aspect that is no reaction, wording, deletion, receipt or vote in a conversation, the one that counts last at the end.
///
/// # Errors
/// The database cannot be read.
pub fn all(view: &View<'_>, conversation: &ConversationId, aspect: Aspect) -> Result<Vec<Entry>, StoreError> {
    view.many(
        "SELECT * FROM timeline WHERE conversation = ?1 AND aspect = ?2 AND aspect >= 6 AND state <> 2
         ORDER BY unsent, generation, ord, id",
        params![conversation.as_ref(), aspect.code()],
        timeline::read,
    )
}

/// Marks a message as one that calls this account.
///
/// # Errors
/// [`StoreError::Absent`] where there is no such row.
pub fn calls_me(tx: &Tx<'_>, row: RowId) -> Result<(), StoreError> {
    tx.change("timeline row", "UPDATE timeline SET calls_me = 1 WHERE id = ?1", params![row.0])
}

/// Whether a message calls this account.
///
/// # Errors
/// The database cannot be read.
pub fn is_calling_me(view: &View<'_>, row: RowId) -> Result<bool, StoreError> {
    let found =
        view.one("SELECT 1 FROM timeline WHERE id = ?1 AND calls_me = 1", params![row.0], |_| Ok(()))?;
    Ok(found.is_some())
}

/// How many messages that call this account were not read.
///
/// # Errors
/// The database cannot be read.
pub fn unread_calls(view: &View<'_>, conversation: &ConversationId) -> Result<u64, StoreError> {
    let (generation, order) = is_read_to(view, conversation)?.unwrap_or((Generation(0), Order(0)));
    let found = view.one(
        "SELECT count(*) AS calls FROM timeline WHERE conversation = ?1 AND calls_me = 1 AND restored = 0
             AND (generation, ord) > (?2, ?3)",
        params![conversation.as_ref(), int(generation.0), int(order.0)],
        |row| uint_at(row, "calls"),
    )?;
    Ok(found.unwrap_or_default())
}

/// Erases the text of a message and everything that was said about it; its place stays, as deleted.
///
/// # Errors
/// [`StoreError::Absent`] where there is no such row.
pub fn delete(
    tx: &Tx<'_>,
    row: RowId,
    about: &About,
    conversation: &ConversationId,
) -> Result<(), StoreError> {
    erase_said(tx, about, conversation)?;
    search::remove(tx, row)?;
    tx.erase("DELETE FROM receipt_owed WHERE timeline = ?1", params![row.0])?;
    tx.erase("UPDATE timeline SET content = x'', state = 6, reason = NULL WHERE id = ?1", params![row.0])?;
    Ok(())
}

/// Erases everything that was said about a message, but that it was deleted.
///
/// # Errors
/// The database cannot be written.
pub fn erase_said(tx: &Tx<'_>, about: &About, conversation: &ConversationId) -> Result<(), StoreError> {
    for said in [Aspect::Reaction, Aspect::Edit, Aspect::Vote, Aspect::Pin] {
        for entry in of(tx, conversation, about, said)? {
            timeline::erase(tx, entry.row)?;
        }
    }
    Ok(())
}

/// What became of an own message with an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeenBy {
    /// Who.
    pub account: AccountId,
    /// When a device of theirs was first known to have it.
    pub delivered_at: Option<Timestamp>,
    /// When it was first known to be read.
    pub read_at: Option<Timestamp>,
}

/// An account has a message, or has read it. The first such time stands; whoever has read it has it. Whether that is news.
///
/// # Errors
/// The database cannot be written.
pub fn put_seen(
    tx: &Tx<'_>,
    row: RowId,
    account: &AccountId,
    read: bool,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let read_at = read.then(|| time(at));
    let changed = tx.run(
        "INSERT INTO seen_by (timeline, account, delivered_at, read_at) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (timeline, account) DO UPDATE SET read_at = ?4 WHERE read_at IS NULL AND ?4 IS NOT NULL",
        params![row.0, account.as_ref(), time(at), read_at],
    )?;
    Ok(changed > 0)
}

/// What became of an own message with each account that said so.
///
/// # Errors
/// The database cannot be read.
pub fn seen_by(view: &View<'_>, row: RowId) -> Result<Vec<SeenBy>, StoreError> {
    view.many("SELECT * FROM seen_by WHERE timeline = ?1 ORDER BY account", params![row.0], |row| {
        Ok(SeenBy {
            account: fixed_at(row, "account")?,
            delivered_at: opt_time_at(row, "delivered_at")?,
            read_at: opt_time_at(row, "read_at")?,
        })
    })
}

/// A person has read up to here. Never back. Whether that is news.
///
/// # Errors
/// The database cannot be written.
pub fn read_to(
    tx: &Tx<'_>,
    conversation: &ConversationId,
    generation: Generation,
    order: Order,
) -> Result<bool, StoreError> {
    let changed = tx.run(
        "INSERT INTO read_to (conversation, generation, ord) VALUES (?1, ?2, ?3)
         ON CONFLICT (conversation) DO UPDATE SET generation = ?2, ord = ?3
         WHERE (generation, ord) < (?2, ?3)",
        params![conversation.as_ref(), int(generation.0), int(order.0)],
    )?;
    Ok(changed > 0)
}

/// Up to where a person has read.
///
/// # Errors
/// The database cannot be read.
pub fn is_read_to(
    view: &View<'_>,
    conversation: &ConversationId,
) -> Result<Option<(Generation, Order)>, StoreError> {
    view.one("SELECT * FROM read_to WHERE conversation = ?1", params![conversation.as_ref()], |row| {
        Ok((Generation(uint_at(row, "generation")?), Order(uint_at(row, "ord")?)))
    })
}

/// How many messages of others a person has not read.
///
/// # Errors
/// The database cannot be read.
pub fn unread(view: &View<'_>, conversation: &ConversationId) -> Result<u64, StoreError> {
    let (generation, order) = is_read_to(view, conversation)?.unwrap_or((Generation(0), Order(0)));
    let found = view.one(
        "SELECT count(*) AS unread FROM timeline WHERE conversation = ?1 AND state = 3 AND hidden = 0
             AND restored = 0 AND (generation, ord) > (?2, ?3)",
        params![conversation.as_ref(), int(generation.0), int(order.0)],
        |row| uint_at(row, "unread"),
    )?;
    Ok(found.unwrap_or_default())
}

/// At most `limit` messages of others after what was read, up to a place, the oldest first.
///
/// # Errors
/// The database cannot be read.
pub fn unread_through(
    view: &View<'_>,
    conversation: &ConversationId,
    (generation, order): (Generation, Order),
    limit: u32,
) -> Result<Vec<Entry>, StoreError> {
    let (from, after) = is_read_to(view, conversation)?.unwrap_or((Generation(0), Order(0)));
    view.many(
        "SELECT * FROM timeline WHERE conversation = ?1 AND state = 3 AND hidden = 0
             AND restored = 0 AND (generation, ord) > (?2, ?3) AND (generation, ord) <= (?4, ?5)
         ORDER BY generation, ord, id LIMIT ?6",
        params![conversation.as_ref(), int(from.0), int(after.0), int(generation.0), int(order.0), limit],
        timeline::read,
    )
}
