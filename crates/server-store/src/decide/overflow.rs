//! What a mailbox drops when it holds too much, and the Gap that it leaves.
//!
//! Messages and handshakes are bounded apart. When one of them is over its bound, the oldest entries of that class in
//! the conversation that holds most of it go first, down to nine tenths of the bound, so that a full mailbox is not
//! cleared anew with each message. What belongs to no conversation counts as one of its own.

use std::collections::{BTreeMap, VecDeque};

use hushwire_types::{ConversationId, Seq, Timestamp};

use crate::bounds::Bounds;
use crate::mailbox::{Entry, EntryKind, Gap, Place};

/// What an entry counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// A message of a person.
    Message,
    /// What a group or a list needs to go on.
    Handshake,
    /// A Gap: never dropped, not counted.
    Gap,
}

/// The class of an entry.
#[must_use]
pub const fn class(kind: &EntryKind) -> Class {
    match kind {
        EntryKind::Application(_) => Class::Message,
        EntryKind::Gap(_) => Class::Gap,
        EntryKind::Commit(_)
        | EntryKind::Welcome { .. }
        | EntryKind::Removed { .. }
        | EntryKind::ListChanged { .. }
        | EntryKind::HandleClaim(_)
        | EntryKind::HandleMoved { .. }
        | EntryKind::Large(_) => Class::Handshake,
    }
}

/// How much of one class waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Entries.
    pub entries: u64,
    /// Bytes.
    pub bytes: u64,
}

impl Usage {
    const fn add(&mut self, bytes: u64) {
        self.entries = self.entries.saturating_add(1);
        self.bytes = self.bytes.saturating_add(bytes);
    }

    const fn subtract(&mut self, bytes: u64) {
        self.entries = self.entries.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
    }
}

/// How much waits in a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Load {
    /// Messages.
    pub messages: Usage,
    /// Handshakes.
    pub handshakes: Usage,
}

impl Load {
    /// Counts an entry in.
    pub const fn add(&mut self, class: Class, bytes: u64) {
        match class {
            Class::Message => self.messages.add(bytes),
            Class::Handshake => self.handshakes.add(bytes),
            Class::Gap => {}
        }
    }

    /// Counts an entry out.
    pub const fn subtract(&mut self, class: Class, bytes: u64) {
        match class {
            Class::Message => self.messages.subtract(bytes),
            Class::Handshake => self.handshakes.subtract(bytes),
            Class::Gap => {}
        }
    }

    /// Whether the mailbox must drop something.
    #[must_use]
    pub const fn is_over(&self, bounds: &Bounds) -> bool {
        self.messages.entries > bounds.entries
            || self.handshakes.entries > bounds.entries
            || self.messages.bytes > bounds.message_bytes
            || self.handshakes.bytes > bounds.handshake_bytes
    }
}

/// One entry that waits, as far as overflow cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// Its number.
    pub seq: Seq,
    /// Its conversation.
    pub conversation: Option<ConversationId>,
    /// What it counts as.
    pub class: Class,
    /// Its size.
    pub bytes: u64,
}

/// The numbers to drop, ascending. `waiting` is everything in the mailbox, ascending.
#[must_use]
pub fn plan(waiting: &[Waiting], bounds: &Bounds) -> Vec<Seq> {
    let mut dropped = drop_class(waiting, Class::Message, bounds.entries, bounds.message_bytes);
    dropped.extend(drop_class(waiting, Class::Handshake, bounds.entries, bounds.handshake_bytes));
    dropped.sort_unstable();
    dropped
}

#[derive(Default)]
struct Pile {
    usage: Usage,
    oldest_first: VecDeque<(Seq, u64)>,
}

fn drop_class(waiting: &[Waiting], class: Class, max_entries: u64, max_bytes: u64) -> Vec<Seq> {
    let mut total = Usage::default();
    let mut piles: BTreeMap<Option<ConversationId>, Pile> = BTreeMap::new();
    for entry in waiting.iter().filter(|entry| entry.class == class) {
        total.add(entry.bytes);
        let pile = piles.entry(entry.conversation).or_default();
        pile.usage.add(entry.bytes);
        pile.oldest_first.push_back((entry.seq, entry.bytes));
    }
    let mut dropped = Vec::new();
    if total.entries > max_entries {
        let low = nine_tenths(max_entries);
        dropped.extend(drop_until(
            &mut piles,
            &mut total,
            |total| total.entries <= low,
            |usage| usage.entries,
        ));
    }
    if total.bytes > max_bytes {
        let low = nine_tenths(max_bytes);
        dropped.extend(drop_until(&mut piles, &mut total, |total| total.bytes <= low, |usage| usage.bytes));
    }
    dropped
}

fn nine_tenths(bound: u64) -> u64 {
    bound.saturating_sub(bound / 10)
}

fn drop_until(
    piles: &mut BTreeMap<Option<ConversationId>, Pile>,
    total: &mut Usage,
    enough: impl Fn(&Usage) -> bool,
    size: impl Fn(&Usage) -> u64,
) -> Vec<Seq> {
    let mut dropped = Vec::new();
    while !enough(total) {
        let Some(pile) = piles.values_mut().max_by_key(|pile| size(&pile.usage)) else { break };
        let Some((seq, bytes)) = pile.oldest_first.pop_front() else { break };
        pile.usage.subtract(bytes);
        total.subtract(bytes);
        dropped.push(seq);
    }
    dropped
}

/// An entry that was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dropped {
    /// Its number.
    pub seq: Seq,
    /// Where it stood.
    pub place: Option<Place>,
    /// When it was accepted.
    pub accepted_at: Timestamp,
}

/// The Gap that a conversation of a mailbox holds after more of it was dropped: one, at the lowest number, with place
/// and time of the last that went. `present` is the Gap that it had; the caller takes that away and puts this one in.
/// `None` where nothing was dropped.
#[must_use]
pub fn gap(present: Option<Gap>, dropped: &[Dropped]) -> Option<(Seq, Entry)> {
    let last = dropped.iter().max_by_key(|entry| entry.seq)?;
    let lowest = dropped.iter().map(|entry| entry.seq).min()?;
    let count = u64::try_from(dropped.len()).unwrap_or(u64::MAX);
    let gap = match present {
        None => Gap { from: lowest, through: last.seq, dropped: count },
        Some(present) => Gap {
            from: present.from.min(lowest),
            through: present.through.max(last.seq),
            dropped: present.dropped.saturating_add(count),
        },
    };
    Some((gap.from, Entry { place: last.place, accepted_at: last.accepted_at, kind: EntryKind::Gap(gap) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(seq: u64, conversation: u8, class: Class, bytes: u64) -> Waiting {
        Waiting { seq: Seq(seq), conversation: Some(ConversationId::new([conversation; 32])), class, bytes }
    }

    #[test]
    fn the_oldest_of_the_largest_conversation_go_first() {
        let bounds = Bounds { entries: 5, ..Bounds::default() };
        let list: Vec<Waiting> =
            [1, 2, 1, 1, 2, 1].iter().zip(1..).map(|(c, seq)| waiting(seq, *c, Class::Message, 1)).collect();
        assert_eq!(plan(&list, &bounds), [Seq(1)]);
        let bounds = Bounds { entries: 2, ..Bounds::default() };
        assert_eq!(plan(&list, &bounds).len(), 4);
    }

    #[test]
    fn handshakes_have_bounds_of_their_own() {
        let bounds = Bounds { message_bytes: 10, handshake_bytes: 100, ..Bounds::default() };
        let list = [
            waiting(1, 1, Class::Handshake, 90),
            waiting(2, 1, Class::Message, 6),
            waiting(3, 1, Class::Message, 6),
            waiting(4, 1, Class::Gap, 900),
        ];
        assert_eq!(plan(&list, &bounds), [Seq(2)]);
    }

    #[test]
    fn a_mailbox_within_its_bounds_drops_nothing() {
        let list = [waiting(1, 1, Class::Message, 6)];
        assert!(plan(&list, &Bounds::default()).is_empty());
    }

    #[test]
    fn one_gap_grows() {
        let dropped = |seq| Dropped { seq: Seq(seq), place: None, accepted_at: Timestamp::from_ms(seq) };
        let (seq, entry) = gap(None, &[dropped(4), dropped(6)]).unwrap();
        assert_eq!((seq, entry.accepted_at), (Seq(4), Timestamp::from_ms(6)));
        let EntryKind::Gap(first) = entry.kind else { panic!("not a gap") };
        let (seq, entry) = gap(Some(first), &[dropped(9)]).unwrap();
        assert_eq!(seq, Seq(4));
        assert_eq!(entry.kind, EntryKind::Gap(Gap { from: Seq(4), through: Seq(9), dropped: 3 }));
        assert_eq!(gap(Some(first), &[]), None);
    }
}
