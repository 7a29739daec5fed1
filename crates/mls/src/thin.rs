//! The secrets of a Commit, without what of them stands in the ratchet tree that it changes.
//!
//! mls-rs keeps the whole tree of the epoch to come among the secrets of a Commit under way: in a group of 1,000 devices 2.7 MB, which
//! are written when the Commit is made and overwritten when it has come back. All but the nodes that the Commit changes are in the
//! tree of the present epoch, which is stored anyway.
//!
//! Invariants:
//! - What was made thin against a tree is whole again with that same tree, to the byte.
//! - Nothing of mls-rs' encoding is relied on: whatever is not found in the tree is kept as it is.

use std::collections::HashMap;
use std::ops::Range;

use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize};
use zeroize::Zeroizing;

use crate::error::StateError;
use crate::nodes;

/// By so many bytes at its begin a node is found; a dozen of them are random.
const BEGIN: usize = 16;

type Begin = [u8; BEGIN];

/// Bytes, some of which are told by where they stand in a tree.
#[derive(MlsSize, MlsEncode, MlsDecode)]
pub(crate) struct Thin {
    pieces: Vec<Piece>,
}

#[derive(MlsSize, MlsEncode, MlsDecode)]
#[repr(u8)]
enum Piece {
    OfTree(Span) = 1,
    Own(#[mls_codec(with = "mls_rs_codec::byte_vec")] Zeroizing<Vec<u8>>) = 2,
}

#[derive(Clone, Copy, MlsSize, MlsEncode, MlsDecode)]
struct Span {
    at: u32,
    length: u32,
}

impl Thin {
    /// `bytes` without what of them stands in `tree`, which is an encoded ratchet tree.
    pub(crate) fn of(bytes: &[u8], tree: &[u8]) -> Result<Self, StateError> {
        let known = nodes_by_begin(tree)?;
        let mut thin = Self { pieces: Vec::new() };
        let (mut at, mut told) = (0_usize, 0_usize);
        while let Some(begin) = bytes.get(at..).and_then(|rest| rest.first_chunk::<BEGIN>()) {
            let here = bytes.get(at..).unwrap_or_default();
            let is_here = |node: &&Range<usize>| {
                tree.get(node.start..node.end).is_some_and(|node| here.starts_with(node))
            };
            match known.get(begin).filter(is_here) {
                Some(node) => {
                    thin.push_own(bytes.get(told..at));
                    thin.push_span(node)?;
                    at = at.saturating_add(node.len());
                    told = at;
                }
                None => at = at.saturating_add(1),
            }
        }
        thin.push_own(bytes.get(told..));
        Ok(thin)
    }

    /// Bytes of which nothing was taken.
    pub(crate) fn untouched(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self { pieces: vec![Piece::Own(bytes)] }
    }

    fn push_own(&mut self, bytes: Option<&[u8]>) {
        if let Some(bytes) = bytes.filter(|bytes| !bytes.is_empty()) {
            self.pieces.push(Piece::Own(Zeroizing::new(bytes.to_vec())));
        }
    }

    /// Adds a node of the tree, in one piece with the last one where it follows that in the tree too.
    fn push_span(&mut self, node: &Range<usize>) -> Result<(), StateError> {
        let number = |of: usize| u32::try_from(of).map_err(|_| StateError::Bug("a tree of four gigabytes"));
        let span = Span { at: number(node.start)?, length: number(node.len())? };
        match self.pieces.last_mut() {
            Some(Piece::OfTree(last)) if last.at.checked_add(last.length) == Some(span.at) => {
                last.length = number(node.end)?.saturating_sub(last.at);
            }
            _ => self.pieces.push(Piece::OfTree(span)),
        }
        Ok(())
    }

    /// The bytes that were made thin against this tree.
    pub(crate) fn whole(&self, tree: &[u8]) -> Result<Zeroizing<Vec<u8>>, StateError> {
        let parts: Option<Vec<&[u8]>> = self.pieces.iter().map(|piece| piece.bytes(tree)).collect();
        let parts = parts.ok_or(StateError::BadRow)?;
        // One allocation: a buffer that grows leaves copies of secrets behind.
        Ok(Zeroizing::new(parts.concat()))
    }
}

impl Piece {
    fn bytes<'a>(&'a self, tree: &'a [u8]) -> Option<&'a [u8]> {
        match self {
            Self::Own(bytes) => Some(bytes),
            Self::OfTree(span) => {
                let at = usize::try_from(span.at).ok()?;
                tree.get(at..at.checked_add(usize::try_from(span.length).ok()?)?)
            }
        }
    }
}

/// The nodes of a tree by how they begin.
fn nodes_by_begin(tree: &[u8]) -> Result<HashMap<Begin, Range<usize>>, StateError> {
    let nodes = nodes::of(tree).ok_or(StateError::Bug("a ratchet tree that cannot be cut"))?;
    let begin = |node: &Range<usize>| tree.get(node.start..node.end)?.first_chunk::<BEGIN>().copied();
    Ok(nodes.into_iter().filter_map(|node| Some((begin(&node)?, node))).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::row;

    /// A tree of parents, each with a key of its own.
    fn tree(parents: u8) -> Vec<u8> {
        let node = |n: u8| [&[1, 2, 32][..], &[n; 31], &[n ^ 1, 0, 0]].concat();
        let nodes: Vec<u8> = (0..parents).flat_map(node).collect();
        let length = mls_rs_codec::VarInt::try_from(nodes.len()).unwrap();
        [length.mls_encode_to_vec().unwrap(), nodes].concat()
    }

    fn stored(thin: &Thin) -> usize {
        row::encode(thin).unwrap().expose().len()
    }

    proptest! {
        #[test]
        fn what_was_made_thin_is_whole_again(
            pieces in prop::collection::vec((any::<Vec<u8>>(), 0_usize..800, 0_usize..800), 0..6)
        ) {
            let tree = tree(20);
            let of_tree = |from: usize, to: usize| tree.get(from.min(to)..to).unwrap_or_default().to_vec();
            let bytes: Vec<u8> =
                pieces.into_iter().flat_map(|(own, from, to)| [own, of_tree(from, to)].concat()).collect();
            let thin = Thin::of(&bytes, &tree).unwrap();
            let thin: Thin = row::decode(&row::encode(&thin).unwrap()).unwrap();
            prop_assert_eq!(&*thin.whole(&tree).unwrap(), &bytes);
        }
    }

    #[test]
    fn nodes_that_stay_are_not_kept_twice() {
        let tree = tree(100);
        let mut changed = tree.clone();
        let middle = changed.len() / 2;
        changed[middle] ^= 1;
        let bytes = [&[7; 50][..], &changed, &[9; 50]].concat();
        let thin = Thin::of(&bytes, &tree).unwrap();
        assert!(stored(&thin) < 250, "{} bytes are kept", stored(&thin));
        assert_eq!(*thin.whole(&tree).unwrap(), bytes);
    }

    #[test]
    fn another_tree_does_not_make_it_whole() {
        let (tree, smaller) = (tree(100), tree(3));
        let thin = Thin::of(&tree, &tree).unwrap();
        assert!(matches!(thin.whole(&smaller), Err(StateError::BadRow)));
    }

    #[test]
    fn nothing_is_made_thin_against_what_is_no_tree() {
        assert!(matches!(Thin::of(&[7; 50], &[1, 2, 3]), Err(StateError::Bug(_))));
    }
}
