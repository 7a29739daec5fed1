//! What of a mailbox is under way to its device: pure bookkeeping, no store.
//!
//! Invariants:
//! - Entries go out in ascending order of their number, each once a connection.
//! - A live entry is sent only as the direct successor of the last one; after a hole the store is read, so
//!   publications may be lost, late or doubled.
//! - At most a [`Window`] is unacknowledged, but one entry always fits, however large.
//! - `Listening` is said once, when the store has nothing more.

use std::collections::VecDeque;

use hushwire_types::Seq;

use crate::settings::Window;

/// How a published entry stands to what was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// It was sent already.
    Old,
    /// It is the next one, and there is room.
    Next,
    /// There is no room, or others come before it: the store has it.
    Later,
}

/// The flow of one connection.
#[derive(Debug)]
pub(crate) struct Stream {
    window: Window,
    sent: Seq,
    unacknowledged: VecDeque<(Seq, usize)>,
    bytes: usize,
    listening: bool,
    behind: bool,
}

impl Stream {
    /// A stream of what comes after `after`.
    pub(crate) fn new(window: Window, after: Seq) -> Self {
        Self {
            window,
            sent: after,
            unacknowledged: VecDeque::new(),
            bytes: 0,
            listening: false,
            behind: true,
        }
    }

    /// The last number that was sent.
    pub(crate) const fn last_sent(&self) -> Seq {
        self.sent
    }

    /// How many entries and bytes may still go out; `None` when the window is full.
    pub(crate) fn room(&self) -> Option<(usize, usize)> {
        let entries = self.window.entries.saturating_sub(self.unacknowledged.len());
        let bytes = self.window.bytes.saturating_sub(self.bytes);
        (entries > 0 && bytes > 0).then_some((entries, bytes))
    }

    /// Whether the store may have entries that were not sent.
    pub(crate) const fn is_behind(&self) -> bool {
        self.behind
    }

    /// Where a published entry stands.
    pub(crate) fn place(&self, seq: Seq) -> Place {
        if seq <= self.sent {
            Place::Old
        } else if seq == self.sent.next() && !self.behind && self.room().is_some() {
            Place::Next
        } else {
            Place::Later
        }
    }

    /// A later entry was published: the store must be read.
    pub(crate) fn fall_behind(&mut self) {
        self.behind = true;
    }

    /// An entry goes out.
    pub(crate) fn send(&mut self, seq: Seq, bytes: usize) {
        self.sent = self.sent.max(seq);
        self.bytes = self.bytes.saturating_add(bytes);
        self.unacknowledged.push_back((seq, bytes));
    }

    /// The store has nothing up to `through` that was not sent: what is missing was dropped.
    pub(crate) fn pass(&mut self, through: Seq) {
        self.sent = self.sent.max(through);
    }

    /// The client has committed everything up to `through`. Never more than was sent.
    pub(crate) fn acknowledge(&mut self, through: Seq) {
        while let Some((_, bytes)) = self.unacknowledged.pop_front_if(|(seq, _)| *seq <= through) {
            self.bytes = self.bytes.saturating_sub(bytes);
        }
    }

    /// The store has nothing more. Whether this is the first time, so that `Listening` must be said.
    pub(crate) fn caught_up(&mut self) -> bool {
        self.behind = false;
        !std::mem::replace(&mut self.listening, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live() -> Stream {
        let mut stream = Stream::new(Window { entries: 3, bytes: 100 }, Seq(10));
        assert!(stream.caught_up());
        stream
    }

    #[test]
    fn only_the_successor_goes_out_live() {
        let mut stream = live();
        assert_eq!(stream.place(Seq(10)), Place::Old);
        assert_eq!(stream.place(Seq(12)), Place::Later);
        assert_eq!(stream.place(Seq(11)), Place::Next);
        stream.send(Seq(11), 1);
        assert_eq!((stream.place(Seq(11)), stream.place(Seq(12))), (Place::Old, Place::Next));
    }

    #[test]
    fn after_a_hole_nothing_goes_out_live_until_the_store_was_read() {
        let mut stream = live();
        stream.fall_behind();
        assert_eq!(stream.place(Seq(11)), Place::Later);
        assert!(!stream.caught_up(), "listening is said once");
        assert_eq!(stream.place(Seq(11)), Place::Next);
    }

    #[test]
    fn a_full_window_waits_for_an_acknowledgement() {
        let mut stream = live();
        (11..=13).for_each(|seq| stream.send(Seq(seq), 1));
        assert_eq!((stream.room(), stream.place(Seq(14))), (None, Place::Later));
        stream.acknowledge(Seq(12));
        assert_eq!((stream.room(), stream.place(Seq(14))), (Some((2, 99)), Place::Next));
    }

    #[test]
    fn an_entry_larger_than_the_window_goes_alone() {
        let mut stream = live();
        stream.send(Seq(11), 5_000);
        assert_eq!(stream.room(), None);
        stream.acknowledge(Seq(11));
        assert_eq!(stream.room(), Some((3, 100)));
    }

    #[test]
    fn what_the_store_has_no_more_is_passed() {
        let mut stream = live();
        stream.pass(Seq(15));
        assert_eq!((stream.place(Seq(15)), stream.place(Seq(16))), (Place::Old, Place::Next));
        stream.pass(Seq(9));
        assert_eq!(stream.last_sent(), Seq(15));
    }
}
