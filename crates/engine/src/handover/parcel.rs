//! Records, cut to what one content carries.

use hushwire_content::limits;

/// Bytes of the records of one part: what is around them, and the padding's bucket, has room beside it.
const PART_BYTES: usize = limits::CONTENT_BYTES - 4 * 1024;
/// Bytes that each record takes besides its own.
const AROUND: usize = 8;

/// The records of one part.
pub(crate) struct Parcel {
    /// Records; the first may be the rest of one, the last the beginning of one.
    pub(crate) records: Vec<Vec<u8>>,
    /// Whether the last record goes on in the next part.
    pub(crate) continues: bool,
    room: usize,
}

/// How much of a record went into a parcel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fit {
    /// All that was left of it.
    Whole,
    /// So many bytes, and nothing more fits.
    Begun(usize),
    /// Nothing: it begins the next one.
    Full,
}

impl Parcel {
    pub(crate) const fn new() -> Self {
        Self { records: Vec::new(), continues: false, room: PART_BYTES }
    }

    /// Puts in what is left of a record. Only one that is longer than a whole parcel is cut.
    pub(crate) fn put(&mut self, rest: &[u8]) -> Fit {
        if rest.is_empty() {
            return Fit::Whole;
        }
        if rest.len() + AROUND <= self.room && self.records.len() < limits::HISTORY_RECORDS {
            self.room -= rest.len() + AROUND;
            self.records.push(rest.to_vec());
            return Fit::Whole;
        }
        if !self.records.is_empty() {
            return Fit::Full;
        }
        let (now, _) = rest.split_at(rest.len().min(self.room - AROUND));
        self.records.push(now.to_vec());
        self.continues = true;
        Fit::Begun(now.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_record_that_is_longer_than_a_whole_parcel_is_cut() {
        let mut parcel = Parcel::new();
        assert_eq!(parcel.put(&[1; PART_BYTES / 2]), Fit::Whole);
        assert_eq!(parcel.put(&[2; PART_BYTES / 2]), Fit::Full);
        assert_eq!((parcel.records.len(), parcel.continues), (1, false));
        let mut parcel = Parcel::new();
        let Fit::Begun(bytes) = parcel.put(&[3; PART_BYTES]) else { panic!("it is too long") };
        assert_eq!((parcel.records.len(), parcel.continues), (1, true));
        let mut parcel = Parcel::new();
        assert_eq!(parcel.put(&[3; PART_BYTES][bytes..]), Fit::Whole);
        assert_eq!(parcel.put(&[]), Fit::Whole);
        assert_eq!(parcel.put(&[4]), Fit::Whole);
        assert_eq!(parcel.records.len(), 2);
    }
}
