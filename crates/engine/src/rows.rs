//! MLS rows between `mls`, which names them, and the database, which keeps them.

use hushwire_client_store::mls_row::{MlsKey, MlsKind, MlsRow};
use hushwire_mls::{Row, RowColumns, RowKey};
use hushwire_types::{GroupId, SecretBytes};

use crate::StepError;

/// `mls` writes a format number into each row, so that the column only says so.
const FORMAT_INSIDE: u32 = 1;

const KINDS: [(u8, MlsKind); 4] =
    [(1, MlsKind::Group), (2, MlsKind::Tree), (3, MlsKind::Epoch), (4, MlsKind::KeyPackage)];

/// A row as the database keeps it.
pub(crate) fn to_store(key: &RowKey, value: SecretBytes) -> Result<MlsRow, StepError> {
    Ok(MlsRow { key: key_to_store(key)?, format: FORMAT_INSIDE, bytes: value })
}

/// A key as the database has it.
pub(crate) fn key_to_store(key: &RowKey) -> Result<MlsKey, StepError> {
    let columns = key.to_columns();
    let kind = KINDS.iter().find(|(code, _)| *code == columns.kind).map(|(_, kind)| *kind);
    let kind = kind.ok_or(StepError::Bug("a kind of MLS row that the database does not know"))?;
    Ok(MlsKey { kind, group: key.group_id().copied(), key: columns.key })
}

/// A row as `mls` reads it; `None` where it is none of its own.
pub(crate) fn from_store(row: MlsRow) -> Option<Row> {
    let kind = KINDS.iter().find(|(_, kind)| *kind == row.key.kind).map(|(code, _)| *code)?;
    let group = row.key.group.map(|group: GroupId| group.as_bytes().to_vec()).unwrap_or_default();
    let key = RowKey::from_columns(&RowColumns { kind, group, key: row.key.key }).ok()?;
    Some(Row { key, value: row.bytes })
}
