//! Hashes of messages that were received and handled, so that one that comes again is known though its key is gone.
//!
//! Invariant: a hash is written in the step that handled the message.

use hushwire_types::Timestamp;
use rusqlite::params;

use crate::column::time;
use crate::{StoreError, Tx, View};

/// Notes a message as handled.
///
/// # Errors
/// The database cannot be written.
pub fn put(tx: &Tx<'_>, digest: &[u8; 32], at: Timestamp) -> Result<(), StoreError> {
    tx.run("INSERT OR IGNORE INTO seen (digest, at) VALUES (?1, ?2)", params![digest, time(at)])?;
    Ok(())
}

/// Whether the message was handled.
///
/// # Errors
/// The database cannot be read.
pub fn contains(view: &View<'_>, digest: &[u8; 32]) -> Result<bool, StoreError> {
    Ok(view.one("SELECT 1 FROM seen WHERE digest = ?1", params![digest], |_| Ok(()))?.is_some())
}

/// Forgets what was handled before this time; how many.
///
/// # Errors
/// The database cannot be written.
pub fn prune(tx: &Tx<'_>, before: Timestamp) -> Result<usize, StoreError> {
    tx.run("DELETE FROM seen WHERE at < ?1", params![time(before)])
}
