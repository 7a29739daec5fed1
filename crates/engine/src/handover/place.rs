//! Where the past was handed over to, and what comes next.

use hushwire_backup::Record;
use hushwire_client_store::conversation as conversations;
use hushwire_client_store::timeline::RowId;
use hushwire_client_store::{account, history, profile};
use hushwire_content::HistoryPart;
use hushwire_types::DeviceId;

use super::parcel::{Fit, Parcel};
use crate::step::Step;
use crate::stop::Stop;
use crate::{StepError, backup};

/// Rows that are read at once.
const AT_ONCE: u32 = 64;

/// Records, each with its key in its section.
type Keyed = Vec<(Vec<u8>, Option<Record>)>;

impl Step<'_, '_> {
    /// As much as fits into one content, from a place on.
    pub(super) fn part(&self, device: DeviceId, from: &[u8]) -> Result<HistoryPart, Stop> {
        let mut place = Place::decode(from).unwrap_or_default();
        let whole = history::last(self.tx)?.0;
        let mut part = HistoryPart {
            device,
            from: from.to_vec(),
            to: Vec::new(),
            records: Vec::new(),
            continues: false,
            done: 0,
            whole: u64::try_from(whole).unwrap_or_default(),
        };
        let mut parcel = Parcel::new();
        'full: loop {
            let some = self.after(&place)?;
            if some.is_empty() {
                let Some(next) = place.section.next() else {
                    part.done = part.whole;
                    part.records = parcel.records;
                    return Ok(part);
                };
                place = Place { section: next, ..Place::default() };
                continue;
            }
            for (key, record) in some {
                let bytes = record.map(|record| record.to_bytes()).unwrap_or_default();
                match parcel.put(bytes.get(place.offset..).unwrap_or_default()) {
                    Fit::Whole => place = Place { section: place.section, offset: 0, key },
                    Fit::Begun(bytes) => {
                        place.offset += bytes;
                        break 'full;
                    }
                    Fit::Full => break 'full,
                }
            }
        }
        part.records = parcel.records;
        part.continues = parcel.continues;
        part.done = place.row().and_then(|row| u64::try_from(row.0).ok()).unwrap_or_default();
        part.to = place.encode();
        Ok(part)
    }

    /// Some records behind a place, each with its key; none of a row that is no part of the past.
    fn after(&self, place: &Place) -> Result<Keyed, Stop> {
        let me = profile::find(self.tx)?.ok_or(StepError::Damaged("account"))?.account;
        let mut found = Vec::new();
        match place.section {
            Section::Contacts => {
                let mut all = account::all(self.tx)?;
                all.retain(|known| known.account != me && known.account.as_bytes().as_slice() > &*place.key);
                all.sort_by_key(|known| known.account);
                for known in all.into_iter().take(usize::try_from(AT_ONCE).unwrap_or(usize::MAX)) {
                    let key = known.account.as_bytes().to_vec();
                    found.push((key, Some(Record::Contact(backup::contact(self.tx, known)?))));
                }
            }
            Section::Conversations => {
                let mut all = conversations::all(self.tx)?;
                all.retain(|known| known.id.as_bytes().as_slice() > &*place.key);
                all.sort_by_key(|known| known.id);
                for known in all.into_iter().take(usize::try_from(AT_ONCE).unwrap_or(usize::MAX)) {
                    let record = backup::conversation(self.tx, &known)?.map(Record::Conversation);
                    found.push((known.id.as_bytes().to_vec(), record));
                }
            }
            Section::Messages => {
                let last = place.row().unwrap_or(RowId(0));
                for past in history::after(self.tx, last, AT_ONCE)? {
                    let key = past.entry.row.0.to_be_bytes().to_vec();
                    found.push((key, backup::message(self.tx, me, past)?.map(Record::Message)));
                }
            }
        }
        Ok(found)
    }
}

/// Where a part begins: behind the record of `key`, and behind `offset` bytes of the one that follows it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Place {
    section: Section,
    offset: usize,
    key: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Section {
    #[default]
    Contacts,
    Conversations,
    Messages,
}

impl Section {
    const fn next(self) -> Option<Self> {
        match self {
            Self::Contacts => Some(Self::Conversations),
            Self::Conversations => Some(Self::Messages),
            Self::Messages => None,
        }
    }
}

impl Place {
    /// `section u8 ‖ offset u32 ‖ key`
    fn encode(&self) -> Vec<u8> {
        let section = match self.section {
            Section::Contacts => 0,
            Section::Conversations => 1,
            Section::Messages => 2,
        };
        let mut out = vec![section];
        out.extend(u32::try_from(self.offset).unwrap_or(u32::MAX).to_be_bytes());
        out.extend(&self.key);
        out
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (section, rest) = bytes.split_first()?;
        let section = match section {
            0 => Section::Contacts,
            1 => Section::Conversations,
            2 => Section::Messages,
            _ => return None,
        };
        let (offset, key) = rest.split_first_chunk()?;
        let offset = usize::try_from(u32::from_be_bytes(*offset)).ok()?;
        Some(Self { section, offset, key: key.to_vec() })
    }

    /// The row that it stands behind, among messages.
    fn row(&self) -> Option<RowId> {
        let key = self.key.as_slice().try_into().ok()?;
        (self.section == Section::Messages).then_some(RowId(i64::from_be_bytes(key)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_round_trip_and_begin_where_they_cannot_be_read() {
        for place in [
            Place::default(),
            Place { section: Section::Conversations, offset: 0, key: vec![9; 32] },
            Place { section: Section::Messages, offset: 70_000, key: 7_i64.to_be_bytes().to_vec() },
        ] {
            assert_eq!(Place::decode(&place.encode()), Some(place));
        }
        for bytes in [&[][..], &[3, 0, 0, 0, 0], &[1, 0]] {
            assert_eq!(Place::decode(bytes), None);
        }
    }
}
