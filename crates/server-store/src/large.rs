//! Bodies that are too large to be handed round: readers and publications hold their digest, the store keeps the body.
//!
//! A Commit of a large group is one payload for a thousand mailboxes. Whoever streams mailboxes never holds it; only who
//! asks for the body of one entry ([`Store::body`](crate::Store::body)) reads it.

use bytes::{BufMut, Bytes, BytesMut};
use hushwire_types::{BodyDigest, Epoch};
use sha2::{Digest, Sha256};

use crate::mailbox::EntryKind;

/// Bytes of the largest body that entries hold themselves: the largest message that fits into a frame of the wire.
pub const INLINE_BYTES: usize = 64 * 1024;

/// Bytes that an entry with a large body counts as in a page, which is about what it takes to be named.
pub const REFERENCE_BYTES: u64 = 64;

/// A body that is in the store only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Large {
    /// What the entry is.
    pub of: LargeKind,
    /// SHA-256 of the body.
    pub digest: BodyDigest,
    /// Its length in bytes.
    pub length: u64,
}

/// What an entry with a large body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LargeKind {
    /// See [`EntryKind::Commit`].
    Commit,
    /// See [`EntryKind::Welcome`].
    Welcome {
        /// The epoch that it leads to.
        epoch: Epoch,
    },
    /// See [`EntryKind::Removed`].
    Removed,
}

impl Large {
    /// What stands for the body of an entry, where that is large.
    #[must_use]
    pub fn of(kind: &EntryKind) -> Option<Self> {
        let (of, body) = match kind {
            EntryKind::Commit(commit) => (LargeKind::Commit, commit),
            EntryKind::Removed { commit } => (LargeKind::Removed, commit),
            EntryKind::Welcome { epoch, welcome } => (LargeKind::Welcome { epoch: *epoch }, welcome),
            EntryKind::Application(_)
            | EntryKind::Gap(_)
            | EntryKind::ListChanged { .. }
            | EntryKind::HandleClaim(_)
            | EntryKind::HandleMoved { .. }
            | EntryKind::Large(_) => return None,
        };
        if body.len() <= INLINE_BYTES {
            return None;
        }
        let digest = BodyDigest::new(Sha256::digest(body).into());
        Some(Self { of, digest, length: u64::try_from(body.len()).unwrap_or(u64::MAX) })
    }

    /// How backends that keep bytes keep this beside the payload: digest, length, epoch.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(BodyDigest::LEN + 16);
        out.put_slice(self.digest.as_bytes());
        out.put_u64(self.length);
        if let LargeKind::Welcome { epoch } = self.of {
            out.put_u64(epoch.0);
        }
        out.freeze()
    }

    /// Reads what [`Large::to_bytes`] wrote of an entry with this kind number (see [`codec`](crate::codec)).
    #[must_use]
    pub fn from_bytes(number: u8, bytes: &[u8]) -> Option<Self> {
        let (digest, rest) = bytes.split_at_checked(BodyDigest::LEN)?;
        let (length, rest) = rest.split_first_chunk::<8>()?;
        let epoch = rest.try_into().ok().map(u64::from_be_bytes);
        let of = crate::codec::large_kind(number, epoch.map(Epoch))?;
        Some(Self { of, digest: BodyDigest::try_from(digest).ok()?, length: u64::from_be_bytes(*length) })
    }
}

impl EntryKind {
    /// The MLS message of an entry that has one and holds it itself.
    #[must_use]
    pub fn body(&self) -> Option<&Bytes> {
        match self {
            Self::Application(body) | Self::Commit(body) | Self::Removed { commit: body } => Some(body),
            Self::Welcome { welcome, .. } => Some(welcome),
            Self::Gap(_)
            | Self::ListChanged { .. }
            | Self::HandleClaim(_)
            | Self::HandleMoved { .. }
            | Self::Large(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_large_has_another_form_that_comes_back_from_bytes() {
        let body = Bytes::from(vec![7; INLINE_BYTES + 1]);
        let kinds = [
            EntryKind::Commit(body.clone()),
            EntryKind::Removed { commit: body.clone() },
            EntryKind::Welcome { epoch: Epoch(9), welcome: body.clone() },
        ];
        for kind in kinds {
            let large = Large::of(&kind).unwrap();
            assert_eq!((large.length, kind.body()), (INLINE_BYTES as u64 + 1, Some(&body)));
            assert_eq!(Large::from_bytes(crate::codec::number(&kind), &large.to_bytes()), Some(large));
            assert_eq!(crate::codec::number(&EntryKind::Large(large)), crate::codec::number(&kind));
        }
        assert_eq!(
            Large::of(&EntryKind::Commit(body.slice(1..))),
            None,
            "of the largest size that is handed round"
        );
        assert_eq!(Large::from_bytes(2, b"short"), None);
    }
}
