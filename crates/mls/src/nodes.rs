//! Where the nodes of an encoded ratchet tree stand (RFC 9420, sections 7.8 and 12.4.3.3).

use std::ops::Range;

use mls_rs_codec::{MlsDecode, VarInt};

/// Where all nodes of an encoded tree stand, blank ones too; none where it is no tree.
pub(crate) fn of(tree: &[u8]) -> Option<Vec<Range<usize>>> {
    let mut reader = Reader { whole: tree, rest: tree };
    if reader.length()? != reader.rest.len() {
        return None;
    }
    let mut nodes = Vec::new();
    while !reader.rest.is_empty() {
        let begin = reader.at();
        reader.node()?;
        nodes.push(begin..reader.at());
    }
    Some(nodes)
}

struct Reader<'a> {
    whole: &'a [u8],
    rest: &'a [u8],
}

impl Reader<'_> {
    fn at(&self) -> usize {
        self.whole.len().saturating_sub(self.rest.len())
    }

    /// An optional node.
    fn node(&mut self) -> Option<()> {
        match self.byte()? {
            0 => return Some(()),
            1 => {}
            _ => return None,
        }
        match self.byte()? {
            1 => self.leaf(),
            // Encryption key, parent hash, unmerged leaves.
            2 => self.vectors(3),
            _ => None,
        }
    }

    /// A LeafNode (section 7.2).
    fn leaf(&mut self) -> Option<()> {
        // Encryption key and signature key; the credential, whose type goes before its content; five capabilities.
        self.vectors(2)?;
        self.skip(2)?;
        self.vectors(1 + 5)?;
        match self.byte()? {
            // From a KeyPackage: a lifetime. From an Update: nothing. From a Commit: a parent hash.
            1 => self.skip(16)?,
            2 => {}
            3 => self.vectors(1)?,
            _ => return None,
        }
        // Extensions, signature.
        self.vectors(2)
    }

    fn vectors(&mut self, count: usize) -> Option<()> {
        for _ in 0..count {
            let length = self.length()?;
            self.skip(length)?;
        }
        Some(())
    }

    fn length(&mut self) -> Option<usize> {
        usize::try_from(u32::from(VarInt::mls_decode(&mut self.rest).ok()?)).ok()
    }

    fn skip(&mut self, count: usize) -> Option<()> {
        self.rest = self.rest.get(count..)?;
        Some(())
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, behind) = self.rest.split_first()?;
        self.rest = behind;
        Some(*first)
    }
}
