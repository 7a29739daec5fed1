//! How far this device is with the server: its place in the mailbox, its next send, what the server has accepted.
//!
//! Invariant: `next_send` only grows while the server's memory is whole; it is taken in the step that writes the outbox
//! row, so a number is used once. A server that counts more accepted sends than `next_send - 1` shows that this profile
//! is an old copy (rule R10).

use hushwire_types::{IncarnationId, SendSeq, Seq};
use rusqlite::params;

use crate::column::{int, opt_fixed_at, uint_at};
use crate::{StoreError, Tx, View};

/// The whole of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The number that the next send takes; the first is 1.
    pub next_send: SendSeq,
    /// The highest send that the server is known to have accepted, with all before it; 0 where there is none.
    pub accepted: SendSeq,
    /// The mailbox's life that `cursor` counts in; none before the first login.
    pub incarnation: Option<IncarnationId>,
    /// The last entry that was processed; 0 where there is none.
    pub cursor: Seq,
}

/// Reads it.
///
/// # Errors
/// The database cannot be read.
pub fn load(view: &View<'_>) -> Result<Progress, StoreError> {
    view.one("SELECT * FROM progress", [], |row| {
        Ok(Progress {
            next_send: SendSeq(uint_at(row, "next_send")?),
            accepted: SendSeq(uint_at(row, "accepted")?),
            incarnation: opt_fixed_at(row, "incarnation")?,
            cursor: Seq(uint_at(row, "cursor")?),
        })
    })?
    .ok_or(StoreError::Absent("progress"))
}

/// Takes the next send number.
///
/// # Errors
/// The database cannot be written.
pub fn take_send_seq(tx: &Tx<'_>) -> Result<SendSeq, StoreError> {
    tx.one("UPDATE progress SET next_send = next_send + 1 RETURNING next_send - 1 AS taken", [], |row| {
        uint_at(row, "taken").map(SendSeq)
    })?
    .ok_or(StoreError::Absent("progress"))
}

/// Sets the number that the next send takes: after a restore of either side, when the server's count is the truth.
///
/// # Errors
/// The database cannot be written.
pub fn set_next_send(tx: &Tx<'_>, next: SendSeq) -> Result<(), StoreError> {
    tx.change("progress", "UPDATE progress SET next_send = ?1", params![int(next.0)])
}

/// Sets the highest send that the server has accepted.
///
/// # Errors
/// The database cannot be written.
pub fn set_accepted(tx: &Tx<'_>, accepted: SendSeq) -> Result<(), StoreError> {
    tx.change("progress", "UPDATE progress SET accepted = ?1", params![int(accepted.0)])
}

/// Sets the place in the mailbox.
///
/// # Errors
/// The database cannot be written.
pub fn set_cursor(tx: &Tx<'_>, incarnation: IncarnationId, cursor: Seq) -> Result<(), StoreError> {
    tx.change(
        "progress",
        "UPDATE progress SET incarnation = ?1, cursor = ?2",
        params![incarnation.as_ref(), int(cursor.0)],
    )
}
