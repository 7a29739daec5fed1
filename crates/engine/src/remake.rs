//! What an outbox row remembers of how its message was made, so that a refusal can be taken back.

use hushwire_client_store::timeline::RowId;

const PREVIOUS: u8 = 1;
const PASSING: u8 = 2;
const BUNDLE: u8 = 4;

/// The note of an application message in the outbox.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Remake {
    /// The message's own counter (rule R4).
    pub(crate) counter: u64,
    /// The hash of the content before it, if there was one.
    pub(crate) previous: Option<[u8; 32]>,
    /// The rows that it confirms.
    pub(crate) receipts: Vec<RowId>,
    /// Whether it need not be kept once it was accepted: whoever misses it asks again.
    pub(crate) is_passing: bool,
    /// The bundle that it is a part of, if it is: the part passes, and the bundle goes on once it was accepted.
    pub(crate) bundle: Option<[u8; 16]>,
}

impl Remake {
    /// `counter u64 ‖ flags ‖ hash of what was before it, if flag 1 ‖ bundle, if flag 4 ‖ row i64 *`; flag 2 says that it passes.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = self.counter.to_be_bytes().to_vec();
        out.push(
            if self.previous.is_some() { PREVIOUS } else { 0 }
                | if self.is_passing { PASSING } else { 0 }
                | if self.bundle.is_some() { BUNDLE } else { 0 },
        );
        out.extend(self.previous.into_iter().flatten());
        out.extend(self.bundle.into_iter().flatten());
        out.extend(self.receipts.iter().flat_map(|row| row.0.to_be_bytes()));
        out
    }

    /// The note that [`Remake::encode`] wrote.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (counter, rest) = bytes.split_first_chunk()?;
        let (flags, rest) = rest.split_first()?;
        if flags & !(PREVIOUS | PASSING | BUNDLE) != 0 {
            return None;
        }
        let (previous, rest) = split(rest, flags & PREVIOUS != 0)?;
        let (bundle, rows) = split(rest, flags & BUNDLE != 0)?;
        let receipts = rows
            .chunks(8)
            .map(|chunk| Some(RowId(i64::from_be_bytes(chunk.try_into().ok()?))))
            .collect::<Option<_>>()?;
        let is_passing = flags & PASSING != 0;
        Some(Self { counter: u64::from_be_bytes(*counter), previous, receipts, is_passing, bundle })
    }
}

/// The bytes that stand at the beginning, if they are there.
fn split<const N: usize>(bytes: &[u8], are_there: bool) -> Option<(Option<[u8; N]>, &[u8])> {
    if !are_there {
        return Some((None, bytes));
    }
    bytes.split_first_chunk().map(|(chunk, rest)| (Some(*chunk), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_round_trip() {
        for note in [
            Remake::default(),
            Remake {
                counter: 7,
                previous: Some([9; 32]),
                receipts: vec![RowId(1), RowId(-2)],
                ..Remake::default()
            },
            Remake { counter: 8, previous: Some([9; 32]), is_passing: true, ..Remake::default() },
            Remake {
                counter: 9,
                previous: Some([9; 32]),
                is_passing: true,
                bundle: Some([7; 16]),
                ..Remake::default()
            },
            Remake { counter: 9, is_passing: true, bundle: Some([7; 16]), ..Remake::default() },
            Remake { counter: 1, is_passing: true, ..Remake::default() },
        ] {
            assert_eq!(Remake::decode(&note.encode()), Some(note));
        }
        assert_eq!(Remake::decode(&[0; 8]), None);
        assert_eq!(Remake::decode(&[0, 0, 0, 0, 0, 0, 0, 1, 8]), None);
    }
}
