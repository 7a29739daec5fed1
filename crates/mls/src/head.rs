//! What a group's row says beside the mls-rs state: counters, past epochs, and leaves that were removed.
//!
//! Invariants:
//! - A past epoch is named here as long as its secrets may be used, and no longer: at most [`PAST_EPOCHS`] of them, for
//!   at most [`PAST_EPOCH_TIME`] (rule R8).
//! - A removed leaf is named here as long as a past epoch from before its removal is.

use std::time::Duration;

use hushwire_types::{Epoch, Timestamp};
use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize};

use crate::details::DetailsKey;
use crate::group::LeafKeys;

/// Past epochs whose messages can still be read (rule R8).
pub const PAST_EPOCHS: u64 = 3;

/// How long a past epoch's messages can still be read (rule R8).
pub const PAST_EPOCH_TIME: Duration = Duration::from_secs(24 * 60 * 60);

/// Messages of one device in one epoch. mls-rs follows a sender at most 1,024 messages ahead of the last that it read;
/// half of that leaves room for messages that were lost or never stored. The 512th waits for a Commit.
pub const MAX_SENT_PER_EPOCH: u32 = 511;

/// The part of a group's row that is ours.
#[derive(Debug, Clone, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub(crate) struct Head {
    epoch: u64,
    epoch_since_ms: u64,
    /// 0 from a KeyPackage, 1 from a Commit.
    leaf_source: u8,
    leaf_since_ms: u64,
    sent_in_epoch: u32,
    received_in_epoch: u32,
    sent_with_leaf: u32,
    /// 1 once a Commit removed this device.
    removed: u8,
    past: Vec<PastEpoch>,
    removals: Vec<Removal>,
    details_key: DetailsKey,
}

/// An epoch that is over, whose secrets are kept for late messages.
#[derive(Debug, Clone, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub(crate) struct PastEpoch {
    epoch: u64,
    ended_ms: u64,
    /// Its confirmed transcript hash.
    #[mls_codec(with = "mls_rs_codec::byte_vec")]
    pub(crate) transcript_hash: Vec<u8>,
}

impl PastEpoch {
    fn is_young(&self, now: Timestamp) -> bool {
        now.since(Timestamp::from_ms(self.ended_ms)) < PAST_EPOCH_TIME
    }
}

/// A leaf that a Commit removed, and the first epoch without it. The leaf's place may be taken again, even by the same
/// device and key.
#[derive(Debug, Clone, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
struct Removal {
    leaf: u32,
    epoch: u64,
}

impl Head {
    /// Of a group that this device enters now, at `epoch`, with keys from a KeyPackage or from a Commit of its own.
    pub(crate) fn entering(epoch: Epoch, leaf: LeafKeys) -> Self {
        let (leaf_source, since) = match leaf {
            LeafKeys::KeyPackage { since } => (0, since),
            LeafKeys::Commit { since } => (1, since),
        };
        Self {
            epoch: epoch.0,
            epoch_since_ms: since.as_ms(),
            leaf_source,
            leaf_since_ms: since.as_ms(),
            sent_in_epoch: 0,
            received_in_epoch: 0,
            sent_with_leaf: 0,
            removed: 0,
            past: Vec::new(),
            removals: Vec::new(),
            details_key: DetailsKey::default(),
        }
    }

    /// Moves to the next epoch, in which the leaves `removed` are gone.
    pub(crate) fn advance(&mut self, transcript_hash: Vec<u8>, removed: &[u32], now: Timestamp) {
        self.past.push(PastEpoch { epoch: self.epoch, ended_ms: now.as_ms(), transcript_hash });
        self.epoch = self.epoch.saturating_add(1);
        self.epoch_since_ms = now.as_ms();
        self.sent_in_epoch = 0;
        self.received_in_epoch = 0;
        let epoch = self.epoch;
        self.removals.extend(removed.iter().map(|leaf| Removal { leaf: *leaf, epoch }));
        // By count only: what was accepted while this device was away may still be of an older one of them.
        self.keep(|_| true);
    }

    /// This device's leaf has fresh keys from a Commit of its own.
    pub(crate) fn refreshed(&mut self, now: Timestamp) {
        self.leaf_source = 1;
        self.leaf_since_ms = now.as_ms();
        self.sent_with_leaf = 0;
    }

    /// Forgets past epochs that are over their limits. Whether any was.
    pub(crate) fn prune(&mut self, now: Timestamp) -> bool {
        self.keep(|past| past.is_young(now))
    }

    /// Keeps at most [`PAST_EPOCHS`] past epochs, and of them what is wanted. Whether any was forgotten.
    fn keep(&mut self, wanted: impl Fn(&PastEpoch) -> bool) -> bool {
        let before = self.past.len();
        let current = self.epoch;
        self.past.retain(|past| past.epoch.saturating_add(PAST_EPOCHS) >= current && wanted(past));
        let oldest = self.past.iter().map(|past| past.epoch).min();
        self.removals.retain(|removal| oldest.is_some_and(|oldest| oldest < removal.epoch));
        self.past.len() != before
    }

    /// A past epoch whose secrets are kept.
    pub(crate) fn past(&self, epoch: Epoch) -> Option<&PastEpoch> {
        self.past.iter().find(|past| past.epoch == epoch.0)
    }

    /// A past epoch whose messages can be read at `now`.
    pub(crate) fn readable(&self, epoch: Epoch, now: Timestamp) -> Option<&PastEpoch> {
        self.past(epoch).filter(|past| past.is_young(now))
    }

    /// Whether the sender of a message of `epoch` at `leaf` was removed since (rule R8).
    pub(crate) fn was_removed(&self, leaf: u32, epoch: Epoch) -> bool {
        self.removals.iter().any(|removal| removal.leaf == leaf && epoch.0 < removal.epoch)
    }

    /// The key of the group's details.
    pub(crate) fn details_key(&self) -> &DetailsKey {
        &self.details_key
    }

    pub(crate) fn set_details_key(&mut self, key: DetailsKey) {
        self.details_key = key;
    }

    pub(crate) fn count_sent(&mut self) {
        self.sent_in_epoch = self.sent_in_epoch.saturating_add(1);
        self.sent_with_leaf = self.sent_with_leaf.saturating_add(1);
    }

    pub(crate) fn count_received(&mut self) {
        self.received_in_epoch = self.received_in_epoch.saturating_add(1);
    }

    pub(crate) fn close(&mut self) {
        self.removed = 1;
    }

    pub(crate) fn is_removed(&self) -> bool {
        self.removed != 0
    }

    pub(crate) fn epoch(&self) -> Epoch {
        Epoch(self.epoch)
    }

    pub(crate) fn epoch_since(&self) -> Timestamp {
        Timestamp::from_ms(self.epoch_since_ms)
    }

    pub(crate) fn leaf(&self) -> LeafKeys {
        let since = Timestamp::from_ms(self.leaf_since_ms);
        if self.leaf_source == 0 { LeafKeys::KeyPackage { since } } else { LeafKeys::Commit { since } }
    }

    pub(crate) fn sent_in_epoch(&self) -> u32 {
        self.sent_in_epoch
    }

    pub(crate) fn received_in_epoch(&self) -> u32 {
        self.received_in_epoch
    }

    pub(crate) fn sent_with_leaf(&self) -> u32 {
        self.sent_with_leaf
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head_after(epochs: u64) -> Head {
        let mut head = Head::entering(Epoch(0), LeafKeys::KeyPackage { since: Timestamp::from_ms(0) });
        for step in 0..epochs {
            head.advance(Vec::new(), &[u32::try_from(step).unwrap()], Timestamp::from_ms(step));
        }
        head
    }

    #[test]
    fn three_past_epochs_are_kept() {
        let head = head_after(7);
        let kept: Vec<u64> = (0..8).filter(|epoch| head.past(Epoch(*epoch)).is_some()).collect();
        assert_eq!(kept, [4, 5, 6]);
    }

    #[test]
    fn past_epochs_go_after_a_day() {
        let mut head = head_after(2);
        assert!(!head.prune(Timestamp::from_ms(0).after(PAST_EPOCH_TIME).before(Duration::from_millis(1))));
        assert!(head.prune(Timestamp::from_ms(1).after(PAST_EPOCH_TIME)));
        assert!(head.past(Epoch(0)).is_none() && head.past(Epoch(1)).is_none());
    }

    #[test]
    fn a_removed_leaf_is_refused_in_every_kept_epoch_before_its_removal() {
        let head = head_after(4);
        assert!(head.was_removed(3, Epoch(1)) && head.was_removed(3, Epoch(3)));
        assert!(!head.was_removed(3, Epoch(4)));
        assert!(!head.was_removed(9, Epoch(1)));
    }
}
