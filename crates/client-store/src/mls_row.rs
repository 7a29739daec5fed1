//! MLS state, as rows of opaque bytes: groups, their trees, past epochs, and the private parts of KeyPackages.
//!
//! Invariants:
//! - This crate never looks inside. What a kind and a format mean is the engine's and the `mls` crate's matter.
//! - A deleted row (a past epoch, a used KeyPackage) is overwritten and the WAL truncated after the step: forward
//!   secrecy ends where an old key stays on the disk. Replaced rows leave the WAL at the latest with
//!   [`Database::truncate_wal`](crate::Database::truncate_wal).

use hushwire_types::{GroupId, SecretBytes};
use rusqlite::{Row, params};

use crate::column::{Coded, coded, coded_at, invalid};
use crate::{StoreError, Tx, View};

/// Which state a row holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MlsKind {
    /// A group without its tree.
    Group,
    /// A group's ratchet tree: a head and its parts.
    Tree,
    /// The secrets of a past epoch.
    Epoch,
    /// The private part of a KeyPackage.
    KeyPackage,
}
coded!(MlsKind { Group = 1, Tree = 2, Epoch = 3, KeyPackage = 4 });

/// Where a row belongs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MlsKey {
    /// What it holds.
    pub kind: MlsKind,
    /// The group; none for a KeyPackage.
    pub group: Option<GroupId>,
    /// What tells rows of one kind and group apart (an epoch, a part of a tree, a KeyPackage reference); may be empty.
    pub key: Vec<u8>,
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MlsRow {
    /// Where it belongs.
    pub key: MlsKey,
    /// Version of the encoding of `bytes`.
    pub format: u32,
    /// The state.
    pub bytes: SecretBytes,
}

/// Writes a row over the one of the same key.
///
/// # Errors
/// The database cannot be written.
pub fn put(tx: &Tx<'_>, row: &MlsRow) -> Result<(), StoreError> {
    tx.run(
        "INSERT INTO mls_row (kind, group_id, key, format, bytes) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (kind, group_id, key) DO UPDATE SET format = excluded.format, bytes = excluded.bytes",
        params![row.key.kind.code(), group_bytes(&row.key), row.key.key, row.format, row.bytes.expose()],
    )?;
    Ok(())
}

/// Erases a row; nothing happens where there is none.
///
/// # Errors
/// The database cannot be written.
pub fn delete(tx: &Tx<'_>, key: &MlsKey) -> Result<(), StoreError> {
    tx.erase(
        "DELETE FROM mls_row WHERE kind = ?1 AND group_id = ?2 AND key = ?3",
        params![key.kind.code(), group_bytes(key), key.key],
    )?;
    Ok(())
}

/// Erases all rows of a group.
///
/// # Errors
/// The database cannot be written.
pub fn delete_group(tx: &Tx<'_>, group: &GroupId) -> Result<(), StoreError> {
    tx.erase("DELETE FROM mls_row WHERE group_id = ?1", params![group.as_ref()])?;
    Ok(())
}

/// The row of this key.
///
/// # Errors
/// The database cannot be read.
pub fn find(view: &View<'_>, key: &MlsKey) -> Result<Option<MlsRow>, StoreError> {
    view.one(
        "SELECT * FROM mls_row WHERE kind = ?1 AND group_id = ?2 AND key = ?3",
        params![key.kind.code(), group_bytes(key), key.key],
        read,
    )
}

/// All rows of a group, epochs in ascending order of their keys.
///
/// # Errors
/// The database cannot be read.
pub fn of_group(view: &View<'_>, group: &GroupId) -> Result<Vec<MlsRow>, StoreError> {
    view.many("SELECT * FROM mls_row WHERE group_id = ?1 ORDER BY kind, key", params![group.as_ref()], read)
}

/// All rows of a kind.
///
/// # Errors
/// The database cannot be read.
pub fn of_kind(view: &View<'_>, kind: MlsKind) -> Result<Vec<MlsRow>, StoreError> {
    view.many("SELECT * FROM mls_row WHERE kind = ?1 ORDER BY group_id, key", params![kind.code()], read)
}

fn group_bytes(key: &MlsKey) -> &[u8] {
    key.group.as_ref().map_or(&[], |group| group.as_ref())
}

fn read(row: &Row<'_>) -> rusqlite::Result<MlsRow> {
    let group: Vec<u8> = row.get("group_id")?;
    let group = if group.is_empty() {
        None
    } else {
        let id = GroupId::try_from(group.as_slice());
        Some(id.map_err(|_| invalid("group_id", rusqlite::types::Type::Blob))?)
    };
    Ok(MlsRow {
        key: MlsKey { kind: coded_at(row, "kind")?, group, key: row.get("key")? },
        format: row.get("format")?,
        bytes: SecretBytes::new(row.get("bytes")?),
    })
}
