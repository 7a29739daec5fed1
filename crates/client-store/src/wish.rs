//! What a person asked this device to change in a group.
//!
//! A wish is stored before anything is said about it and stays until the group is as it wants, or until it cannot come
//! true any more; so neither a lost Commit race nor a crash loses it.
//!
//! Invariant: wishes of a conversation are granted in the order in which they were made.

use hushwire_types::{ConversationId, Timestamp};
use rusqlite::params;

use crate::column::{fixed_at, time};
use crate::{StoreError, Tx, View};

/// The number of a wish; never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WishId(pub i64);

/// A wish in a conversation, as the engine encodes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// Its number.
    pub id: WishId,
    /// Where.
    pub conversation: ConversationId,
    /// What.
    pub bytes: Vec<u8>,
}

/// Stores a wish.
///
/// # Errors
/// The database cannot be written.
pub fn insert(
    tx: &Tx<'_>,
    conversation: &ConversationId,
    bytes: &[u8],
    at: Timestamp,
) -> Result<WishId, StoreError> {
    tx.run(
        "INSERT INTO wish (conversation, wish, made_at) VALUES (?1, ?2, ?3)",
        params![conversation.as_ref(), bytes, time(at)],
    )?;
    Ok(WishId(tx.last_id()))
}

/// The wishes of a conversation, in order.
///
/// # Errors
/// The database cannot be read.
pub fn of(view: &View<'_>, conversation: &ConversationId) -> Result<Vec<Wish>, StoreError> {
    view.many(
        "SELECT id, conversation, wish FROM wish WHERE conversation = ?1 ORDER BY id",
        params![conversation.as_ref()],
        |row| {
            Ok(Wish {
                id: WishId(row.get("id")?),
                conversation: fixed_at(row, "conversation")?,
                bytes: row.get("wish")?,
            })
        },
    )
}

/// The conversations in which something is wished.
///
/// # Errors
/// The database cannot be read.
pub fn conversations(view: &View<'_>) -> Result<Vec<ConversationId>, StoreError> {
    view.many("SELECT DISTINCT conversation FROM wish ORDER BY conversation", [], |row| {
        fixed_at(row, "conversation")
    })
}

/// Erases a wish that came true or cannot.
///
/// # Errors
/// The database cannot be written.
pub fn delete(tx: &Tx<'_>, id: WishId) -> Result<(), StoreError> {
    tx.erase("DELETE FROM wish WHERE id = ?1", params![id.0])?;
    Ok(())
}
