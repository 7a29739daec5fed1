//! Rows: what the caller's database holds for this crate, as opaque secret bytes under a typed key.
//!
//! Invariants:
//! - Every row begins with its format number. A format that this build does not know is an error that says so,
//!   never a guess.
//! - The key is the whole identity of a row: writing one key twice leaves the later value.

use hushwire_types::{Epoch, GroupId, SecretBytes};
use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize};

use crate::error::{MlsError, StateError};

/// Names one row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum RowKey {
    /// The small state of a group: secrets, ratchets, counters. Written with every step that touches the group.
    Group(GroupId),
    /// The head of the ratchet tree of a group's current epoch. Written when the epoch changes.
    Tree(GroupId),
    /// Some nodes of that tree. Those that a new epoch changed are written with the head.
    TreePart(GroupId, u32),
    /// The secrets of one past epoch of a group.
    Epoch(GroupId, Epoch),
    /// A KeyPackage's private keys, under its reference (RFC 9420, section 5.2).
    KeyPackage(Vec<u8>),
}

/// The kinds of row, as a database column holds them. The numbers are part of the stored format.
const GROUP: u8 = 1;
const TREE: u8 = 2;
const EPOCH: u8 = 3;
const KEY_PACKAGE: u8 = 4;

/// A [`RowKey`] as three columns. All rows of one group share the `group` bytes, so that they are read by one query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowColumns {
    /// 1 group, 2 tree, 3 past epoch, 4 KeyPackage.
    pub kind: u8,
    /// The group id, or empty for a KeyPackage.
    pub group: Vec<u8>,
    /// The epoch as 8 bytes big endian, the number of a part of the tree as 4, the KeyPackage's reference, or empty.
    pub key: Vec<u8>,
}

impl RowKey {
    /// The group that the row belongs to, or `None` for a KeyPackage.
    #[must_use]
    pub fn group_id(&self) -> Option<&GroupId> {
        match self {
            Self::Group(id) | Self::Tree(id) | Self::TreePart(id, _) | Self::Epoch(id, _) => Some(id),
            Self::KeyPackage(_) => None,
        }
    }

    /// The key as three columns.
    #[must_use]
    pub fn to_columns(&self) -> RowColumns {
        let (kind, key) = match self {
            Self::Group(_) => (GROUP, Vec::new()),
            Self::Tree(_) => (TREE, Vec::new()),
            Self::TreePart(_, part) => (TREE, part.to_be_bytes().to_vec()),
            Self::Epoch(_, epoch) => (EPOCH, epoch.0.to_be_bytes().to_vec()),
            Self::KeyPackage(reference) => (KEY_PACKAGE, reference.clone()),
        };
        let group = self.group_id().map(|id| id.as_bytes().to_vec()).unwrap_or_default();
        RowColumns { kind, group, key }
    }

    /// The key that [`RowKey::to_columns`] gave.
    ///
    /// # Errors
    /// [`MlsError::State`] where the columns are none of ours.
    pub fn from_columns(columns: &RowColumns) -> Result<Self, MlsError> {
        let group = || GroupId::try_from(columns.group.as_slice()).map_err(|_| StateError::BadRow);
        match (columns.kind, columns.group.is_empty(), columns.key.as_slice()) {
            (GROUP, false, []) => Ok(Self::Group(group()?)),
            (TREE, false, []) => Ok(Self::Tree(group()?)),
            (TREE, false, key) => {
                let part = key.try_into().map_err(|_| StateError::BadRow)?;
                Ok(Self::TreePart(group()?, u32::from_be_bytes(part)))
            }
            (EPOCH, false, key) => {
                let epoch = key.try_into().map_err(|_| StateError::BadRow)?;
                Ok(Self::Epoch(group()?, Epoch(u64::from_be_bytes(epoch))))
            }
            (KEY_PACKAGE, true, key) => Ok(Self::KeyPackage(key.to_vec())),
            _ => Err(StateError::BadRow.into()),
        }
    }
}

/// One row as the database has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Which row.
    pub key: RowKey,
    /// Its bytes, as [`RowChange::Put`] gave them.
    pub value: SecretBytes,
}

/// One change that a step must write, in the same transaction as everything else of the step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowChange {
    /// Insert or replace.
    Put(RowKey, SecretBytes),
    /// Delete. A row that is not there is no error.
    Delete(RowKey),
}

/// The format of every row of today but the head of a tree. A change of any of them, of mls-rs' stored format or of its features
/// takes the next number and a migration that reads the old one.
pub(crate) const FORMAT: u16 = 1;

/// `value` behind its format number.
pub(crate) fn encode(value: &impl MlsEncode) -> Result<SecretBytes, StateError> {
    encode_as(FORMAT, value)
}

/// `value` behind another format number.
pub(crate) fn encode_as(format: u16, value: &impl MlsEncode) -> Result<SecretBytes, StateError> {
    // One allocation: a buffer that grows leaves copies of secrets behind.
    let mut bytes = Vec::with_capacity(format.mls_encoded_len().saturating_add(value.mls_encoded_len()));
    format.mls_encode(&mut bytes).map_err(StateError::library)?;
    value.mls_encode(&mut bytes).map_err(StateError::library)?;
    Ok(SecretBytes::new(bytes))
}

/// The format number of a row.
pub(crate) fn format(bytes: &SecretBytes) -> Result<u16, StateError> {
    u16::mls_decode(&mut bytes.expose()).map_err(|_| StateError::BadRow)
}

/// The value that [`encode`] wrote; nothing may follow it.
pub(crate) fn decode<T: MlsDecode>(bytes: &SecretBytes) -> Result<T, StateError> {
    decode_as(FORMAT, bytes)
}

/// The value that [`encode_as`] wrote.
pub(crate) fn decode_as<T: MlsDecode>(format: u16, bytes: &SecretBytes) -> Result<T, StateError> {
    let mut reader = bytes.expose();
    match u16::mls_decode(&mut reader) {
        Ok(found) if found == format => {}
        Ok(found) => return Err(StateError::UnknownFormat { found }),
        Err(_) => return Err(StateError::BadRow),
    }
    let value = T::mls_decode(&mut reader).map_err(|_| StateError::BadRow)?;
    if reader.is_empty() { Ok(value) } else { Err(StateError::BadRow) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_survive_their_columns() {
        let group = GroupId::new([3; 32]);
        let keys = [
            RowKey::Group(group),
            RowKey::Tree(group),
            RowKey::TreePart(group, 258),
            RowKey::Epoch(group, Epoch(258)),
            RowKey::KeyPackage(vec![1, 2]),
        ];
        for key in keys {
            assert_eq!(RowKey::from_columns(&key.to_columns()).unwrap(), key);
        }
    }

    #[test]
    fn columns_of_nobody_are_refused() {
        let columns =
            |kind, group: &[u8], key: &[u8]| RowColumns { kind, group: group.into(), key: key.into() };
        for bad in [
            columns(9, &[3; 32], &[]),
            columns(1, &[3; 31], &[]),
            columns(2, &[3; 32], &[1]),
            columns(3, &[3; 32], &[1]),
            columns(4, &[1], &[1]),
        ] {
            assert!(matches!(RowKey::from_columns(&bad), Err(MlsError::State(StateError::BadRow))));
        }
    }

    #[test]
    fn a_row_of_a_newer_format_names_it() {
        let bytes = SecretBytes::new(vec![0, 2, 7]);
        assert!(matches!(decode::<u8>(&bytes), Err(StateError::UnknownFormat { found: 2 })));
    }

    #[test]
    fn trailing_bytes_are_refused() {
        let bytes = SecretBytes::new(vec![0, 1, 7, 8]);
        assert!(matches!(decode::<u8>(&bytes), Err(StateError::BadRow)));
    }
}
