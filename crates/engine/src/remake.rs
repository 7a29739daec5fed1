//! What an outbox row remembers of how its message was made, so that a refusal can be taken back.

use hushwire_client_store::timeline::RowId;

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
}

impl Remake {
    /// `counter u64 ‖ 0, or 1 and a hash; 2 and 3 for one that passes ‖ row i64 *`
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = self.counter.to_be_bytes().to_vec();
        out.push(u8::from(self.previous.is_some()) + if self.is_passing { 2 } else { 0 });
        out.extend(self.previous.into_iter().flatten());
        out.extend(self.receipts.iter().flat_map(|row| row.0.to_be_bytes()));
        out
    }

    /// The note that [`Remake::encode`] wrote.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (counter, rest) = bytes.split_first_chunk()?;
        let (flag, rest) = rest.split_first()?;
        let (previous, rows) = match flag {
            0 | 2 => (None, rest),
            1 | 3 => {
                let (hash, rest) = rest.split_first_chunk()?;
                (Some(*hash), rest)
            }
            _ => return None,
        };
        let receipts = rows
            .chunks(8)
            .map(|chunk| Some(RowId(i64::from_be_bytes(chunk.try_into().ok()?))))
            .collect::<Option<_>>()?;
        Some(Self { counter: u64::from_be_bytes(*counter), previous, receipts, is_passing: *flag >= 2 })
    }
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
                is_passing: false,
            },
            Remake { counter: 8, previous: Some([9; 32]), receipts: vec![], is_passing: true },
            Remake { counter: 1, is_passing: true, ..Remake::default() },
        ] {
            assert_eq!(Remake::decode(&note.encode()), Some(note));
        }
        assert_eq!(Remake::decode(&[0; 8]), None);
    }
}
