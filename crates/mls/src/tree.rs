//! The ratchet tree of a group as rows: a head, and parts of a few nodes each.
//!
//! A Commit changes a leaf and the nodes above it: in a group of 1,000 devices some ten nodes of two thousand. In one row, all of
//! them would be written anew with every Commit, 2.7 MB; in parts, only those that differ are.
//!
//! Invariants:
//! - The head names the epoch, the number of parts and a digest of them all: parts of different epochs are never taken for a tree.
//! - Nodes are cut apart and never changed: put together, the parts are the bytes that were cut.

use std::collections::BTreeMap;

use hushwire_types::{Epoch, GroupId, SecretBytes};
use mls_rs::group::ExportedTree;
use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize, VarInt};
use sha2::{Digest, Sha256};

use crate::error::{MlsError, StateError};
use crate::nodes;
use crate::row::{self, RowKey};
use crate::staging::Staging;

/// Nodes of one part: few, as those above a leaf are far apart, and enough that a row is not smaller than a page of the database.
const NODES: usize = 8;

/// The format of a head. A row of format 1 is a whole tree, as it was written before there were parts.
const HEAD_FORMAT: u16 = 2;

type Hash = [u8; 32];

/// What the rows of a group's tree hold.
#[derive(Default)]
pub(crate) struct StoredTree {
    epoch: Option<Epoch>,
    parts: Vec<Hash>,
}

/// A tree as it was written before there were parts.
#[derive(MlsSize, MlsEncode, MlsDecode)]
struct Whole {
    epoch: u64,
    tree: ExportedTree<'static>,
}

#[derive(MlsSize, MlsEncode, MlsDecode)]
struct Head {
    epoch: u64,
    parts: u32,
    digest: Hash,
}

#[derive(MlsSize, MlsEncode, MlsDecode)]
struct Part(#[mls_codec(with = "mls_rs_codec::byte_vec")] Vec<u8>);

/// The tree rows of a group, as they are given to be loaded.
#[derive(Default)]
pub(crate) struct TreeRows {
    pub(crate) head: Option<SecretBytes>,
    pub(crate) parts: BTreeMap<u32, SecretBytes>,
}

impl StoredTree {
    /// The tree of its rows, and its epoch.
    pub(crate) fn load(
        id: &GroupId,
        rows: &TreeRows,
    ) -> Result<(Self, ExportedTree<'static>, Epoch), MlsError> {
        let head = rows.head.as_ref().ok_or(StateError::Inconsistent(*id))?;
        if row::format(head)? == row::FORMAT {
            let Whole { epoch, tree } = row::decode(head)?;
            let stored = Self { epoch: Some(Epoch(epoch)), parts: Vec::new() };
            return Ok((stored, tree, Epoch(epoch)));
        }
        let Head { epoch, parts, digest } = row::decode_as(HEAD_FORMAT, head)?;
        let (mut hashes, mut nodes) = (Vec::new(), Vec::new());
        for number in 0..parts {
            let part = rows.parts.get(&number).ok_or(StateError::Inconsistent(*id))?;
            let Part(bytes) = row::decode(part)?;
            hashes.push(hash(&bytes));
            nodes.extend(bytes);
        }
        if digest_of(&hashes) != digest {
            return Err(StateError::Inconsistent(*id).into());
        }
        let tree = put_together(&nodes)?;
        Ok((Self { epoch: Some(Epoch(epoch)), parts: hashes }, tree, Epoch(epoch)))
    }

    /// Stages what differs of `tree`, which is that of `epoch`.
    pub(crate) fn stage(
        &mut self,
        staging: &Staging,
        id: &GroupId,
        epoch: Epoch,
        tree: &ExportedTree<'_>,
    ) -> Result<(), StateError> {
        if self.epoch == Some(epoch) {
            return Ok(());
        }
        let bytes = tree.to_bytes().map_err(StateError::library)?;
        let parts = cut(&bytes).ok_or(StateError::Bug("a ratchet tree that cannot be cut"))?;
        let hashes: Vec<Hash> = parts.iter().map(|part| hash(part)).collect();
        for (number, (part, hash)) in (0..).zip(parts.into_iter().zip(&hashes)) {
            if self.parts.get(usize::try_from(number).unwrap_or(usize::MAX)) != Some(hash) {
                staging.change(RowKey::TreePart(*id, number), Some(row::encode(&Part(part.to_vec()))?));
            }
        }
        let count = number(hashes.len());
        for gone in count..number(self.parts.len()) {
            staging.change(RowKey::TreePart(*id, gone), None);
        }
        let head = Head { epoch: epoch.0, parts: count, digest: digest_of(&hashes) };
        staging.change(RowKey::Tree(*id), Some(row::encode_as(HEAD_FORMAT, &head)?));
        *self = Self { epoch: Some(epoch), parts: hashes };
        Ok(())
    }

    /// Stages the deletion of all rows.
    pub(crate) fn stage_deletion(&self, staging: &Staging, id: &GroupId) {
        staging.change(RowKey::Tree(*id), None);
        for part in 0..number(self.parts.len()) {
            staging.change(RowKey::TreePart(*id, part), None);
        }
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn hash(bytes: &[u8]) -> Hash {
    Sha256::digest(bytes).into()
}

fn digest_of(hashes: &[Hash]) -> Hash {
    let mut digest = Sha256::new();
    hashes.iter().for_each(|hash| digest.update(hash));
    digest.finalize().into()
}

/// A tree of all its nodes.
fn put_together(nodes: &[u8]) -> Result<ExportedTree<'static>, StateError> {
    let length = VarInt::try_from(nodes.len()).map_err(|_| StateError::BadRow)?;
    let mut bytes = Vec::with_capacity(length.mls_encoded_len().saturating_add(nodes.len()));
    length.mls_encode(&mut bytes).map_err(|_| StateError::BadRow)?;
    bytes.extend_from_slice(nodes);
    let mut reader = bytes.as_slice();
    let tree = ExportedTree::mls_decode(&mut reader).map_err(|_| StateError::BadRow)?;
    if reader.is_empty() { Ok(tree) } else { Err(StateError::BadRow) }
}

/// The nodes of an encoded ratchet tree in parts of [`NODES`].
fn cut(tree: &[u8]) -> Option<Vec<&[u8]>> {
    let nodes = nodes::of(tree)?;
    nodes.chunks(NODES).map(|part| tree.get(part.first()?.start..part.last()?.end)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A blank, a parent with an empty key, parent hash and no unmerged leaves.
    const NODES_OF_TWO_KINDS: [&[u8]; 2] = [&[0], &[1, 2, 1, 7, 0, 0]];

    fn tree(nodes: usize) -> Vec<u8> {
        let nodes: Vec<u8> = (0..nodes).flat_map(|n| NODES_OF_TWO_KINDS[n % 2].to_vec()).collect();
        let mut bytes = VarInt::try_from(nodes.len()).unwrap().mls_encode_to_vec().unwrap();
        bytes.extend(nodes);
        bytes
    }

    #[test]
    fn parts_are_the_bytes_that_were_cut() {
        for count in [0, 1, 7, 8, 9, 33] {
            let bytes = tree(count);
            let parts = cut(&bytes).unwrap();
            assert_eq!(parts.len(), count.div_ceil(NODES));
            assert!(bytes.ends_with(&parts.concat()));
        }
    }

    #[test]
    fn what_is_no_tree_is_not_cut() {
        let whole = tree(9);
        assert!(cut(&whole[..whole.len() - 1]).is_none());
        let mut other = whole.clone();
        other[2] = 9;
        assert!(cut(&other).is_none());
    }
}
