//! How the content of an entry is kept as bytes, for backends that keep bytes.
//!
//! A kind number and a payload. What is shared by thousands of mailboxes (a message, a Commit) is its own payload,
//! so that a Commit entry and a Removed entry can name the same one. Numbers are stored: never change one.

use bytes::{BufMut, Bytes, BytesMut};
use hushwire_types::{AccountId, EntryHash, Epoch, ListNumber, Seq, Timestamp};

use crate::account::ListHead;
use crate::claim::{ClaimEvent, ClaimNotice};
use crate::decide::overflow::Class;
use crate::large::LargeKind;
use crate::mailbox::{EntryKind, Gap};

const APPLICATION: u8 = 1;
const COMMIT: u8 = 2;
const WELCOME: u8 = 3;
const REMOVED: u8 = 4;
/// The number of [`EntryKind::Gap`], which backends look for.
pub const GAP: u8 = 5;
const LIST_CHANGED: u8 = 6;
const HANDLE_CLAIM: u8 = 7;
const HANDLE_MOVED: u8 = 8;

/// The kind number of an entry.
#[must_use]
pub const fn number(kind: &EntryKind) -> u8 {
    match kind {
        EntryKind::Application(_) => APPLICATION,
        EntryKind::Commit(_) => COMMIT,
        EntryKind::Welcome { .. } => WELCOME,
        EntryKind::Removed { .. } => REMOVED,
        EntryKind::Gap(_) => GAP,
        EntryKind::ListChanged { .. } => LIST_CHANGED,
        EntryKind::HandleClaim(_) => HANDLE_CLAIM,
        EntryKind::HandleMoved { .. } => HANDLE_MOVED,
        EntryKind::Large(large) => match large.of {
            LargeKind::Commit => COMMIT,
            LargeKind::Welcome { .. } => WELCOME,
            LargeKind::Removed => REMOVED,
        },
    }
}

/// What an entry with this kind number and a large body is; a Welcome has an epoch.
pub(crate) fn large_kind(number: u8, epoch: Option<Epoch>) -> Option<LargeKind> {
    match number {
        COMMIT => Some(LargeKind::Commit),
        REMOVED => Some(LargeKind::Removed),
        WELCOME => epoch.map(|epoch| LargeKind::Welcome { epoch }),
        _ => None,
    }
}

/// What an entry with this kind number counts as.
#[must_use]
pub const fn class(number: u8) -> Class {
    match number {
        APPLICATION => Class::Message,
        GAP => Class::Gap,
        _ => Class::Handshake,
    }
}

/// The payload of an entry. [`EntryKind::Large`], which is only ever read, has none.
#[must_use]
pub fn payload(kind: &EntryKind) -> Bytes {
    match kind {
        EntryKind::Application(body) | EntryKind::Commit(body) | EntryKind::Removed { commit: body } => {
            body.clone()
        }
        EntryKind::Welcome { epoch, welcome } => {
            let mut out = BytesMut::with_capacity(welcome.len().saturating_add(8));
            out.put_u64(epoch.0);
            out.put_slice(welcome);
            out.freeze()
        }
        EntryKind::Gap(gap) => {
            let mut out = BytesMut::with_capacity(24);
            out.put_u64(gap.from.0);
            out.put_u64(gap.through.0);
            out.put_u64(gap.dropped);
            out.freeze()
        }
        EntryKind::ListChanged { account, head } => {
            let mut out = BytesMut::with_capacity(72);
            out.put_slice(account.as_bytes());
            out.put_u64(head.number.0);
            out.put_slice(head.hash.as_bytes());
            out.freeze()
        }
        EntryKind::HandleClaim(notice) => {
            let mut out = BytesMut::with_capacity(notice.handle.len().saturating_add(49));
            out.put_u8(event_number(notice.what));
            out.put_u64(notice.claimed_at.as_ms());
            out.put_u64(notice.locked_until.as_ms());
            out.put_slice(notice.claimant.as_bytes());
            out.put_slice(notice.handle.as_bytes());
            out.freeze()
        }
        EntryKind::HandleMoved { account } => Bytes::copy_from_slice(account.as_bytes()),
        EntryKind::Large(_) => Bytes::new(),
    }
}

/// The entry of a kind number and a payload; `None` where they fit nothing that this version knows.
#[must_use]
pub fn decode(number: u8, payload: Bytes) -> Option<EntryKind> {
    match number {
        APPLICATION => Some(EntryKind::Application(payload)),
        COMMIT => Some(EntryKind::Commit(payload)),
        REMOVED => Some(EntryKind::Removed { commit: payload }),
        WELCOME => {
            let (epoch, _) = split_u64(&payload)?;
            Some(EntryKind::Welcome { epoch: Epoch(epoch), welcome: payload.slice(8..) })
        }
        GAP => {
            let (from, rest) = split_u64(&payload)?;
            let (through, rest) = split_u64(rest)?;
            let (dropped, rest) = split_u64(rest)?;
            rest.is_empty().then_some(EntryKind::Gap(Gap { from: Seq(from), through: Seq(through), dropped }))
        }
        LIST_CHANGED => {
            let (account, rest) = payload.split_at_checked(AccountId::LEN)?;
            let (number, hash) = split_u64(rest)?;
            let head = ListHead { number: ListNumber(number), hash: EntryHash::try_from(hash).ok()? };
            Some(EntryKind::ListChanged { account: AccountId::try_from(account).ok()?, head })
        }
        HANDLE_CLAIM => claim_notice(&payload).map(EntryKind::HandleClaim),
        HANDLE_MOVED => Some(EntryKind::HandleMoved { account: AccountId::try_from(&*payload).ok()? }),
        _ => None,
    }
}

const fn event_number(event: ClaimEvent) -> u8 {
    match event {
        ClaimEvent::Claimed => 1,
        ClaimEvent::Allowed => 2,
        ClaimEvent::Refused => 3,
        ClaimEvent::Passed => 4,
    }
}

fn claim_notice(payload: &[u8]) -> Option<ClaimNotice> {
    let (number, rest) = payload.split_first()?;
    let what = match number {
        1 => ClaimEvent::Claimed,
        2 => ClaimEvent::Allowed,
        3 => ClaimEvent::Refused,
        4 => ClaimEvent::Passed,
        _ => return None,
    };
    let (claimed_at, rest) = split_u64(rest)?;
    let (locked_until, rest) = split_u64(rest)?;
    let (claimant, handle) = rest.split_at_checked(AccountId::LEN)?;
    Some(ClaimNotice {
        handle: std::str::from_utf8(handle).ok()?.to_owned(),
        claimant: AccountId::try_from(claimant).ok()?,
        claimed_at: Timestamp::from_ms(claimed_at),
        locked_until: Timestamp::from_ms(locked_until),
        what,
    })
}

fn split_u64(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (number, rest) = bytes.split_first_chunk::<8>()?;
    Some((u64::from_be_bytes(*number), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_comes_back() {
        let bytes = Bytes::from_static(b"message");
        let head = ListHead { number: ListNumber(3), hash: EntryHash::new([8; 32]) };
        let notice = |what| {
            EntryKind::HandleClaim(ClaimNotice {
                handle: "+15551234567".into(),
                claimant: AccountId::new([6; 32]),
                claimed_at: Timestamp::from_ms(5),
                locked_until: Timestamp::from_ms(9),
                what,
            })
        };
        let kinds = [
            EntryKind::Application(bytes.clone()),
            EntryKind::Commit(bytes.clone()),
            EntryKind::Welcome { epoch: Epoch(7), welcome: bytes.clone() },
            EntryKind::Removed { commit: bytes },
            EntryKind::Gap(Gap { from: Seq(1), through: Seq(9), dropped: 4 }),
            EntryKind::ListChanged { account: AccountId::new([5; 32]), head },
            notice(ClaimEvent::Claimed),
            notice(ClaimEvent::Allowed),
            notice(ClaimEvent::Refused),
            notice(ClaimEvent::Passed),
            EntryKind::HandleMoved { account: AccountId::new([5; 32]) },
        ];
        for kind in kinds {
            assert_eq!(class(number(&kind)), crate::decide::overflow::class(&kind));
            assert_eq!(decode(number(&kind), payload(&kind)), Some(kind));
        }
    }

    #[test]
    fn a_damaged_payload_is_nothing() {
        assert_eq!(decode(GAP, Bytes::from_static(b"short")), None);
        assert_eq!(decode(LIST_CHANGED, Bytes::from_static(b"short")), None);
        assert_eq!(decode(HANDLE_CLAIM, Bytes::from_static(&[9; 60])), None);
        assert_eq!(decode(HANDLE_MOVED, Bytes::from_static(b"short")), None);
        assert_eq!(decode(99, Bytes::new()), None);
    }
}
