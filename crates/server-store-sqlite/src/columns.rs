//! Values of columns and our types.
//!
//! SQLite's integers are signed; counters and times that do not fit are cut at the largest, which none reaches.

use bytes::Bytes;
use hushwire_server_store::conversation::ConversationKind;
use hushwire_types::Timestamp;
use rusqlite::Row;
use rusqlite::types::Type;

pub(crate) fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(crate) fn time(at: Timestamp) -> i64 {
    int(at.as_ms())
}

pub(crate) fn uint(row: &Row<'_>, index: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(index).map(|number| u64::try_from(number).unwrap_or_default())
}

pub(crate) fn timestamp(row: &Row<'_>, index: usize) -> rusqlite::Result<Timestamp> {
    uint(row, index).map(Timestamp::from_ms)
}

pub(crate) fn bytes(row: &Row<'_>, index: usize) -> rusqlite::Result<Bytes> {
    row.get::<_, Vec<u8>>(index).map(Bytes::from)
}

/// A conversation's kind as its columns `kind`, `one` and `other`, the accounts empty for a group.
pub(crate) fn kind_columns(kind: &ConversationKind) -> (i64, &[u8], &[u8]) {
    match kind {
        ConversationKind::Direct(one, other) => (1, one.as_ref(), other.as_ref()),
        ConversationKind::Group => (2, &[], &[]),
    }
}

/// The kind that three columns from `index` on hold.
pub(crate) fn kind(row: &Row<'_>, index: usize) -> rusqlite::Result<ConversationKind> {
    match row.get(index)? {
        1_i64 => Ok(ConversationKind::Direct(fixed(row, index + 1)?, fixed(row, index + 2)?)),
        2 => Ok(ConversationKind::Group),
        _ => Err(damaged(index, Unreadable)),
    }
}

/// An id, or a fixed number of bytes.
pub(crate) fn fixed<T>(row: &Row<'_>, index: usize) -> rusqlite::Result<T>
where
    T: for<'b> TryFrom<&'b [u8]>,
{
    let blob = row.get_ref(index)?.as_blob().map_err(|error| damaged(index, error))?;
    T::try_from(blob).map_err(|_| damaged(index, Unreadable))
}

/// A value that means nothing to this program.
#[derive(Debug, thiserror::Error)]
#[error("a stored value cannot be read")]
pub(crate) struct Unreadable;

pub(crate) fn damaged(
    index: usize,
    error: impl std::error::Error + Send + Sync + 'static,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(index, Type::Blob, Box::new(error))
}
