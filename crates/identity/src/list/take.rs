//! How entries come in, and which forks are settled how (rule R2).
//!
//! A recovery-signed entry takes the place of device-signed ones from its number on, as long as no recovery-signed one
//! is among them. Device-signed entries that lost their place, or come when it is lost already, are kept
//! aside: who learns both branches holds the same list, in whichever order they came. Every other fork is an error.

use hushwire_types::ListNumber;

use super::entry::AuthorId;
use super::{DeviceList, Link, ListError, ListHead, MAX_ENTRIES, Refusal, UnverifiedEntry, count};

/// What became of an entry.
pub(super) enum Taken {
    /// It was known.
    Known,
    /// It is the new head.
    Extended,
    /// It is the new head, and entries from its number on are no longer in the chain.
    Displaced(ListNumber),
    /// It comes too late: a recovery-signed entry has its place. It is kept to judge leaves by.
    Sidelined,
}

impl DeviceList {
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<Taken, ListError> {
        let entry = UnverifiedEntry::decode(bytes)?;
        let hash = entry.hash();
        if self.entries.contains_key(&hash) {
            return Ok(Taken::Known);
        }
        let head = self.head();
        let number = ListNumber(entry.number().0.saturating_sub(1));
        let place = ListHead { number, hash: entry.previous() };
        if !self.knows(place) {
            // Below the head, the branch parts from the chain somewhere before.
            let ahead = entry.number() > head.number.next();
            let from = if ahead { head.number.next() } else { ListNumber(1) };
            return Err(ListError::Gap { from });
        }
        let device = self.check(place, &entry)?;
        let taken = if place == head { Taken::Extended } else { self.resolve_fork(place, &entry)? };
        if let Taken::Displaced(_) = taken {
            self.chain.truncate(usize::try_from(place.number.0).unwrap_or(usize::MAX));
        }
        if !matches!(taken, Taken::Sidelined) {
            self.chain.push(hash);
        }
        self.entries.insert(hash, Link { entry, device });
        self.history.push(hash);
        Ok(taken)
    }

    /// Says what an entry after `place`, which is not the head, becomes (rule R2).
    fn resolve_fork(&self, place: ListHead, entry: &UnverifiedEntry) -> Result<Taken, ListError> {
        let fork = ListError::Fork { at: entry.number() };
        let kept = usize::try_from(place.number.0).map_err(|_| fork)?;
        let later = self.chain.get(kept..).unwrap_or_default();
        let mut later_authors = later.iter().filter_map(|hash| Some(self.entries.get(hash)?.entry.author()));
        match (entry.author(), self.is_on_chain(place)) {
            (AuthorId::Recovery, true) if later_authors.all(|author| author != AuthorId::Recovery) => {
                Ok(Taken::Displaced(entry.number()))
            }
            (AuthorId::Device(_), true) if later_authors.next() == Some(AuthorId::Recovery) => {
                self.sideline()
            }
            // Off the chain is only what a recovery-signed entry displaced or came before.
            (AuthorId::Device(_), false) => self.sideline(),
            _ => Err(fork),
        }
    }

    /// A thief of a device's key could write displaced entries without end.
    fn sideline(&self) -> Result<Taken, ListError> {
        if count(&self.history).saturating_sub(count(&self.chain)) < MAX_ENTRIES {
            Ok(Taken::Sidelined)
        } else {
            Err(ListError::Refused(Refusal::Full))
        }
    }

    fn is_on_chain(&self, place: ListHead) -> bool {
        match usize::try_from(place.number.0).ok().and_then(|number| number.checked_sub(1)) {
            None => place.hash == self.genesis.hash(),
            Some(at) => self.chain.get(at) == Some(&place.hash),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::genesis::{Flags, Genesis};
    use crate::keys::ListKey;
    use crate::recovery::RecoveryKey;
    use hushwire_types::{EntryHash, OsEntropy};

    #[test]
    fn displaced_entries_are_kept_up_to_a_limit() {
        let (key, recovery) = (ListKey::generate(&OsEntropy), RecoveryKey::generate(&OsEntropy));
        let mut list = DeviceList::new(Genesis::create(Flags::default(), &key, &recovery, &OsEntropy));
        list.history = (1..MAX_ENTRIES).map(|_| EntryHash::new([7; 32])).collect();
        assert!(matches!(list.sideline(), Ok(Taken::Sidelined)));
        list.history.push(EntryHash::new([7; 32]));
        assert!(matches!(list.sideline(), Err(ListError::Refused(Refusal::Full))));
    }
}
