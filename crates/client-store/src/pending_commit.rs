//! Commits of ours that the server may or may not have accepted.
//!
//! Invariants:
//! - At most one a group.
//! - The secrets are erased, not only deleted, when it is applied or has lost.

use hushwire_types::{Epoch, GroupId, SecretBytes, SendSeq, Timestamp};
use rusqlite::{Row, params};

use crate::column::{fixed_at, int, time, time_at, uint_at};
use crate::{StoreError, Tx, View};

/// A detached Commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingCommit {
    /// The group.
    pub group: GroupId,
    /// The number of its request in the outbox.
    pub send_seq: SendSeq,
    /// The epoch that it leaves.
    pub epoch: Epoch,
    /// Hash of the Commit, by which its echo is known.
    pub hash: Vec<u8>,
    /// What applies it.
    pub secrets: SecretBytes,
    /// What it is for, as the engine encodes it, to build it again.
    pub intent: Vec<u8>,
    /// When it was made.
    pub made_at: Timestamp,
}

/// Writes a pending Commit.
///
/// # Errors
/// [`StoreError::Conflict`] where the group has one.
pub fn insert(tx: &Tx<'_>, pending: &PendingCommit) -> Result<(), StoreError> {
    tx.run(
        "INSERT INTO pending_commit (group_id, send_seq, epoch, hash, secrets, intent, made_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            pending.group.as_ref(),
            int(pending.send_seq.0),
            int(pending.epoch.0),
            pending.hash,
            pending.secrets.expose(),
            pending.intent,
            time(pending.made_at),
        ],
    )?;
    Ok(())
}

/// The pending Commit of this group.
///
/// # Errors
/// The database cannot be read.
pub fn find(view: &View<'_>, group: &GroupId) -> Result<Option<PendingCommit>, StoreError> {
    view.one("SELECT * FROM pending_commit WHERE group_id = ?1", params![group.as_ref()], read)
}

/// All pending Commits.
///
/// # Errors
/// The database cannot be read.
pub fn all(view: &View<'_>) -> Result<Vec<PendingCommit>, StoreError> {
    view.many("SELECT * FROM pending_commit ORDER BY send_seq", [], read)
}

/// Erases the pending Commit of this group, if there is one.
///
/// # Errors
/// The database cannot be written.
pub fn delete(tx: &Tx<'_>, group: &GroupId) -> Result<(), StoreError> {
    tx.erase("DELETE FROM pending_commit WHERE group_id = ?1", params![group.as_ref()])?;
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<PendingCommit> {
    Ok(PendingCommit {
        group: fixed_at(row, "group_id")?,
        send_seq: SendSeq(uint_at(row, "send_seq")?),
        epoch: Epoch(uint_at(row, "epoch")?),
        hash: row.get("hash")?,
        secrets: SecretBytes::new(row.get("secrets")?),
        intent: row.get("intent")?,
        made_at: time_at(row, "made_at")?,
    })
}
