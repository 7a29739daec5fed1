//! What the server shows in the place of what it has.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use hushwire_types::{EntryHash, Epoch, Generation, ListNumber, Order, Seq};
use hushwire_wire::frame::{decode_server, encode_server};
use hushwire_wire::{
    Delivery, Entry, EntryKind, Error, ErrorCode, Gap, ListChanged, Opaque, Place, Removed, Response,
    ServerFrame,
};

use super::act::{Bend, Lie};
use super::desk::{Between, Passed};
use super::story::{BOB, Story};

/// What it has for Bob's device, and what it is about to lie.
pub(super) struct Liar {
    truth: BTreeMap<Seq, Entry>,
    lies: VecDeque<Lie>,
    former: Option<Response>,
}

impl Liar {
    pub(super) fn new(truth: &[Entry]) -> Self {
        let truth = truth.iter().map(|entry| (entry.seq, entry.clone())).collect();
        Self { truth, lies: VecDeque::new(), former: None }
    }

    /// Lies about a later answer.
    pub(super) fn arm(&mut self, lie: Lie) {
        self.lies.push_back(lie);
    }

    /// A true entry by any number.
    pub(super) fn entry(&self, at: u8) -> Option<&Entry> {
        let at = usize::from(at).checked_rem(self.truth.len())?;
        self.truth.values().nth(at)
    }

    /// Of the entry from which the device has nothing on, and those after it, so many.
    pub(super) fn after(&self, cursor: Seq, count: usize) -> Vec<Entry> {
        self.truth.range(cursor.next()..).take(count).map(|(_, entry)| entry.clone()).collect()
    }

    /// From the entry with any number on, so many.
    pub(super) fn from(&self, at: u8, count: usize) -> Vec<Entry> {
        let Some(first) = self.entry(at) else { return Vec::new() };
        self.truth.range(first.seq..).take(count).map(|(_, entry)| entry.clone()).collect()
    }

    /// The last entry there is.
    pub(super) fn last(&self) -> Seq {
        self.truth.keys().next_back().copied().unwrap_or_default()
    }

    /// An entry, changed.
    pub(super) fn bend(&self, story: &Story, mut entry: Entry, bend: Bend) -> Entry {
        let at = |of| self.entry(of);
        match bend {
            Bend::No => {}
            Bend::Flip { at, with } => alter(&mut entry.kind, |body| flip(body, at, with)),
            Bend::Cut { at } => alter(&mut entry.kind, |body| {
                let length = body.len();
                body.truncate(usize::from(at).checked_rem(length).unwrap_or_default());
            }),
            Bend::Body { of } => entry.kind = at(of).map_or(entry.kind, |other| other.kind.clone()),
            Bend::Place { of } => entry.place = at(of).map_or(entry.place, |other| other.place),
            Bend::Conversation { which } => {
                change(&mut entry, |place| place.conversation_id = story.talks.nth(which));
            }
            Bend::Generation { number } => {
                change(&mut entry, |place| place.generation = Generation(u64::from(number).max(1)));
            }
            Bend::Order { number } => {
                change(&mut entry, |place| place.order = Some(Order(u64::from(number).max(1))));
            }
            Bend::Gap { through, placed } => {
                let through_seq = Seq(entry.seq.0.saturating_add(u64::from(through)));
                entry.kind = EntryKind::Gap(Gap { from_seq: entry.seq, through_seq, dropped: 1 });
                entry.place = entry.place.filter(|_| placed);
            }
            Bend::List { of, number } => {
                let of = usize::from(of).checked_rem(story.accounts.len()).unwrap_or_default();
                let Some(account_id) = story.accounts.get(of).copied() else { return entry };
                let (list_number, list_hash) = (ListNumber(u64::from(number)), EntryHash::new([number; 32]));
                entry.kind = EntryKind::ListChanged(ListChanged { account_id, list_number, list_hash });
            }
            Bend::Removed => {
                if let EntryKind::Commit(commit) = &entry.kind {
                    entry.kind = EntryKind::Removed(Removed { commit: commit.clone() });
                }
            }
            Bend::Epoch { number } => {
                if let EntryKind::Welcome(welcome) = &mut entry.kind {
                    welcome.epoch = Epoch(u64::from(number).max(1));
                }
            }
            Bend::Unknown { byte } => return newer(&entry, byte).unwrap_or(entry),
        }
        entry
    }

    /// The place of an answer.
    fn answer(&mut self, mut frame: ServerFrame) -> Passed {
        let lie = self.lies.pop_front().unwrap_or(Lie::No);
        let former = self.former.replace(frame.response.clone());
        match lie {
            Lie::No => Passed::On(frame),
            Lie::Withhold => Passed::Nothing,
            Lie::Fail { code } => {
                let code = ErrorCode::from_code(i32::from(code % 24));
                frame.response = Response::Error(Error::new(code, "so it says"));
                Passed::On(frame)
            }
            Lie::Former => {
                frame.response = former.unwrap_or(frame.response);
                Passed::On(frame)
            }
            Lie::Flip { at, with } => {
                let Ok(bytes) = encode_server(frame.request_id, &frame.response) else {
                    return Passed::Nothing;
                };
                let mut bytes = bytes.to_vec();
                flip(&mut bytes, at, with);
                decode_server(Bytes::from(bytes)).map_or(Passed::Broken, Passed::On)
            }
        }
    }
}

impl Between for Liar {
    fn pass(&mut self, person: usize, frame: ServerFrame) -> Passed {
        match (&frame.response, frame.request_id) {
            _ if person != BOB => Passed::On(frame),
            (_, Some(_)) => self.answer(frame),
            // What truly comes is shown when an act says so.
            (Response::Delivery(delivery), None) => {
                self.truth.extend(delivery.entries.iter().map(|entry| (entry.seq, entry.clone())));
                Passed::Nothing
            }
            (Response::Listening(_), None) => Passed::Nothing,
            _ => Passed::On(frame),
        }
    }
}

/// A delivery as a client reads it from the wire; nothing where it is none.
pub(super) fn over_the_wire(entries: Vec<Entry>) -> Option<ServerFrame> {
    let frame = encode_server(None, &Delivery { entries }.into()).ok()?;
    decode_server(frame).ok()
}

/// An entry in the same place with a field that no version has yet: number 17, with one byte.
fn newer(entry: &Entry, byte: u8) -> Option<Entry> {
    let place = entry.place?;
    let mut raw = Vec::new();
    let mut number = |tag: u8, mut value: u64| {
        raw.push(tag);
        while value > 0x7f {
            raw.push(value.to_le_bytes().first().copied().unwrap_or_default() | 0x80);
            value >>= 7;
        }
        raw.push(value.to_le_bytes().first().copied().unwrap_or_default());
    };
    number(0x08, entry.seq.0);
    number(0x18, place.generation.0);
    number(0x20, place.order.unwrap_or_default().0);
    raw.extend([0x12, 32]);
    raw.extend(place.conversation_id.as_ref());
    raw.extend([0x8a, 0x01, 1, byte]);
    Entry::from_bytes(Bytes::from(raw)).ok()
}

fn alter(kind: &mut EntryKind, change: impl FnOnce(&mut Vec<u8>)) {
    let body = match kind {
        EntryKind::Application(body) | EntryKind::Commit(body) => body,
        EntryKind::Welcome(welcome) => &mut welcome.welcome,
        EntryKind::Removed(removed) => &mut removed.commit,
        _ => return,
    };
    let mut bytes = body.to_vec();
    change(&mut bytes);
    *body = Opaque::from(bytes);
}

fn change(entry: &mut Entry, change: impl FnOnce(&mut Place)) {
    if let Some(place) = &mut entry.place {
        change(place);
    }
}

/// A byte, counted from either end, is another one.
fn flip(bytes: &mut [u8], at: u16, with: u8) {
    let length = bytes.len();
    let Some(at) = usize::from(at >> 1)
        .checked_rem(length)
        .map(|forth| if with & 1 == 0 { forth } else { length.saturating_sub(1).saturating_sub(forth) })
    else {
        return;
    };
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= with.max(1);
    }
}
