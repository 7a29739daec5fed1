//! Full-text search over messages: beginnings of words, case and diacritics folded.
//!
//! Invariants:
//! - The index is in the database, so it is as encrypted as the messages; what is removed is overwritten in it.
//! - What a person types is never read as a query language: each word is quoted.

use hushwire_types::ConversationId;
use rusqlite::params;

use crate::timeline::{self, Entry, RowId};
use crate::{StoreError, Tx, View};

/// Indexes the text of a row of the timeline, in place of what was indexed for it before.
///
/// # Errors
/// The database cannot be written.
pub fn put(tx: &Tx<'_>, row: RowId, text: &str) -> Result<(), StoreError> {
    remove(tx, row)?;
    tx.run("INSERT INTO search (rowid, text) VALUES (?1, ?2)", params![row.0, text])?;
    Ok(())
}

/// Erases the text of a row from the index.
///
/// # Errors
/// The database cannot be written.
pub fn remove(tx: &Tx<'_>, row: RowId) -> Result<(), StoreError> {
    tx.erase("DELETE FROM search WHERE rowid = ?1", params![row.0])?;
    Ok(())
}

/// At most `limit` rows whose text holds a word beginning with each word of `words`, the newest first; of one
/// conversation where given. No words find nothing.
///
/// # Errors
/// The database cannot be read.
pub fn find(
    view: &View<'_>,
    words: &str,
    conversation: Option<&ConversationId>,
    limit: u32,
) -> Result<Vec<Entry>, StoreError> {
    let query = quoted(words);
    if query.is_empty() {
        return Ok(Vec::new());
    }
    view.many(
        "SELECT timeline.* FROM search JOIN timeline ON timeline.id = search.rowid
         WHERE search MATCH ?1 AND (?2 IS NULL OR timeline.conversation = ?2)
         ORDER BY search.rowid DESC LIMIT ?3",
        params![query, conversation.map(AsRef::as_ref), limit],
        timeline::read,
    )
}

/// An FTS5 query of quoted prefixes. A word without a letter or digit is no token and would match nothing.
fn quoted(words: &str) -> String {
    let words = words.split_whitespace().filter(|word| word.chars().any(char::is_alphanumeric));
    words
        .map(|word| format!("\"{}\"*", word.replace('"', "\"\"").replace('\0', "")))
        .collect::<Vec<_>>()
        .join(" ")
}
