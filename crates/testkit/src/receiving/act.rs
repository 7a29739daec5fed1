//! What the bytes of a fuzzer mean.
//!
//! An act is a few bytes, whatever they are, so that each change of an input is another sequence of acts, and one that is cut in two is
//! two good ones. Places in the truth are counted from what the device has next, so that small numbers lead far.

use hushwire_types::Seq;

/// More acts than this are not looked at: what takes longer than a second finds little.
pub(super) const MOST: usize = 24;

/// One act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    /// The next true entries come in one delivery.
    Next { count: u8 },
    /// All that is true comes, and the server says that this was all.
    CatchUp,
    /// The true entries from there on come, whatever the device has.
    Run { from: u8, count: u8 },
    /// A true entry comes, changed, under some number.
    Bent { at: u8, bend: Bend, number: Number },
    /// The server says that it is caught up.
    Listening { through: Number },
    /// An application message comes as an ephemeral one.
    Ephemeral { at: u8 },
    /// Time passes: 4^n seconds.
    Time { exponent: u8 },
    /// The person wants something.
    Command { which: u8, what: u8 },
    /// This becomes of an answer that the device gets later.
    Answer { lie: Lie },
    /// The connection is lost, and there again.
    Reconnect,
    /// The process dies and starts again.
    Kill,
}

/// How an entry is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bend {
    /// Not at all.
    No,
    /// A byte of its body is another one.
    Flip { at: u16, with: u8 },
    /// Its body ends early.
    Cut { at: u16 },
    /// It has the body of another one, where it stands.
    Body { of: u8 },
    /// It stands where another one does.
    Place { of: u8 },
    /// It is of another conversation.
    Conversation { which: u8 },
    /// It is of another generation.
    Generation { number: u8 },
    /// It has another place in its conversation.
    Order { number: u8 },
    /// It says that others were dropped.
    Gap { through: u8, placed: bool },
    /// It says that a device list has grown.
    List { of: u8, number: u8 },
    /// It says that it puts the device out.
    Removed,
    /// It leads to another epoch, where it is a Welcome.
    Epoch { number: u8 },
    /// It is of a kind that nobody knows.
    Unknown { byte: u8 },
}

/// A number in the mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Number {
    /// The one that the entry has.
    Own,
    /// The one that the device expects.
    Expected,
    /// So many above or below that.
    Near { distance: i8 },
    /// Very large.
    Far,
}

/// What becomes of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lie {
    /// It arrives.
    No,
    /// An error comes in its place.
    Fail { code: u8 },
    /// A byte of its frame is another one.
    Flip { at: u16, with: u8 },
    /// It does not come.
    Withhold,
    /// The answer before comes again in its place.
    Former,
}

impl Number {
    /// As a number, for an entry that has one of its own and a device whose cursor is here.
    pub(super) fn of(self, own: Seq, cursor: Seq) -> Seq {
        let expected = cursor.next();
        let number = match self {
            Self::Own => own,
            Self::Expected => expected,
            Self::Near { distance } => Seq(expected.0.saturating_add_signed(i64::from(distance))),
            Self::Far => Seq(1 << 40),
        };
        number.max(Seq(1))
    }
}

/// The bytes of an input, of which each is used once.
pub(super) struct Tape<'a>(pub(super) &'a [u8]);

impl Tape<'_> {
    /// The acts.
    pub(super) fn acts(mut self) -> Vec<Act> {
        let mut acts = Vec::new();
        while !self.0.is_empty() && acts.len() < MOST {
            acts.push(self.act());
        }
        acts
    }

    fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((first, rest)) => {
                self.0 = rest;
                *first
            }
            None => 0,
        }
    }

    fn word(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    fn act(&mut self) -> Act {
        match self.byte() % 16 {
            0 | 1 => Act::Next { count: self.byte() % 16 },
            2 => Act::CatchUp,
            3 => Act::Run { from: self.byte(), count: self.byte() % 16 },
            4..=8 => Act::Bent { at: self.byte(), bend: self.bend(), number: self.number() },
            9 => Act::Listening { through: self.number() },
            10 => Act::Ephemeral { at: self.byte() },
            11 => Act::Time { exponent: self.byte() % 7 },
            12 => Act::Command { which: self.byte(), what: self.byte() },
            13 => Act::Answer { lie: self.lie() },
            14 => Act::Reconnect,
            _ => Act::Kill,
        }
    }

    fn bend(&mut self) -> Bend {
        match self.byte() % 16 {
            0 => Bend::No,
            1 | 2 => Bend::Flip { at: self.word(), with: self.byte() },
            3 => Bend::Cut { at: self.word() },
            4 | 5 => Bend::Body { of: self.byte() },
            6 => Bend::Place { of: self.byte() },
            7 => Bend::Conversation { which: self.byte() },
            8 => Bend::Generation { number: self.byte() },
            9 => Bend::Order { number: self.byte() },
            10 => Bend::Gap { through: self.byte(), placed: true },
            11 => Bend::Gap { through: self.byte(), placed: false },
            12 => Bend::List { of: self.byte(), number: self.byte() },
            13 => Bend::Removed,
            14 => Bend::Epoch { number: self.byte() },
            _ => Bend::Unknown { byte: self.byte() },
        }
    }

    fn number(&mut self) -> Number {
        match self.byte() % 4 {
            0 => Number::Own,
            1 => Number::Expected,
            2 => Number::Near { distance: self.byte().cast_signed() },
            _ => Number::Far,
        }
    }

    fn lie(&mut self) -> Lie {
        match self.byte() % 8 {
            0 => Lie::No,
            1 | 2 => Lie::Fail { code: self.byte() },
            3 | 4 => Lie::Flip { at: self.word(), with: self.byte() },
            5 | 6 => Lie::Withhold,
            _ => Lie::Former,
        }
    }
}
