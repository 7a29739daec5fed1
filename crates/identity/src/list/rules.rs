//! Who may write which entry where (rule R2).

use hushwire_types::ListNumber;

use super::entry::AuthorId;
use super::{At, Change, Device, DeviceList, ListError, ListHead, MAX_ENTRIES, Refusal, UnverifiedEntry};
use crate::keys::{PublicKey, device_id};
use crate::labels::{self, ADDED_DEVICE, LIST_ENTRY, NEW_RECOVERY_KEY};

impl DeviceList {
    /// Checks an entry as the one after `place`, and gives the device that it adds.
    pub(super) fn check(
        &self,
        place: ListHead,
        entry: &UnverifiedEntry,
    ) -> Result<Option<Device>, ListError> {
        let device = self.check_rules(place, entry).map_err(ListError::Refused)?;
        Ok(device)
    }

    fn check_rules(&self, place: ListHead, entry: &UnverifiedEntry) -> Result<Option<Device>, Refusal> {
        if entry.number().0 > MAX_ENTRIES {
            return Err(Refusal::Full);
        }
        let author_key = self.author_key(place, entry)?;
        labels::verify(&author_key, LIST_ENTRY, &[entry.body()], entry.signature())
            .map_err(|_| Refusal::Signature)?;
        match entry.change() {
            Change::Add { list_key, mls_key, name } => {
                countersigned(entry, list_key, ADDED_DEVICE)?;
                self.check_unused(place, list_key)?;
                self.check_unused(place, mls_key)?;
                if list_key == mls_key {
                    return Err(Refusal::KeyReused);
                }
                let (list_key, mls_key, name) = (*list_key, *mls_key, name.clone());
                let (id, added_at) = (device_id(&list_key), entry.number());
                Ok(Some(Device { id, list_key, mls_key, name, added_at }))
            }
            Change::Revoke { device } | Change::Rename { device, .. } => match self.device_at(place, *device)
            {
                At::Active(_) => Ok(None),
                At::NotActive | At::Unknown => Err(Refusal::NotActive),
            },
            Change::RotateRecovery { new_key } => {
                if entry.author() != AuthorId::Recovery {
                    return Err(Refusal::NotByRecovery);
                }
                countersigned(entry, new_key, NEW_RECOVERY_KEY)?;
                self.check_unused(place, new_key)?;
                Ok(None)
            }
        }
    }

    /// The key that must have signed the entry.
    fn author_key(&self, place: ListHead, entry: &UnverifiedEntry) -> Result<PublicKey, Refusal> {
        if entry.number() == ListNumber(1) {
            let first = *self.genesis().list_key();
            let by_itself = entry.author() == AuthorId::Device(device_id(&first));
            let adds_itself = matches!(entry.change(), Change::Add { list_key, .. } if *list_key == first);
            return if by_itself && adds_itself { Ok(first) } else { Err(Refusal::FirstEntry) };
        }
        match entry.author() {
            AuthorId::Recovery => Ok(self.recovery_key_at(place)),
            AuthorId::Device(device) => match self.device_at(place, device) {
                At::Active(device) => Ok(device.list_key),
                At::NotActive | At::Unknown => Err(Refusal::Author),
            },
        }
    }

    /// A key has one purpose and comes into a chain once.
    fn check_unused(&self, place: ListHead, key: &PublicKey) -> Result<(), Refusal> {
        let used = self.links_back_from(place.hash).any(|link| match link.entry.change() {
            Change::Add { list_key, mls_key, .. } => list_key == key || mls_key == key,
            Change::RotateRecovery { new_key } => new_key == key,
            Change::Revoke { .. } | Change::Rename { .. } => false,
        });
        // The genesis names the first device's list key too, which entry 1 brings in.
        if used || self.genesis().recovery_key() == key { Err(Refusal::KeyReused) } else { Ok(()) }
    }
}

fn countersigned(entry: &UnverifiedEntry, key: &PublicKey, label: labels::Label) -> Result<(), Refusal> {
    let signature = entry.countersignature().ok_or(Refusal::Signature)?;
    labels::verify(key, label, &[entry.body()], signature).map_err(|_| Refusal::Signature)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::genesis::{Flags, Genesis};
    use crate::keys::ListKey;
    use crate::list::Author;
    use crate::list::entry::{Countersigner, write};
    use crate::recovery::RecoveryKey;
    use hushwire_types::{OsEntropy, Secret};

    fn recovery_key(n: u8) -> RecoveryKey {
        RecoveryKey::from_seed(&Secret::new([n; 32]))
    }

    /// A list with its first device, and that device's key.
    fn list() -> (DeviceList, ListKey) {
        let key = ListKey::generate(&OsEntropy);
        let genesis = Genesis::create(Flags::default(), &key, &recovery_key(1), &OsEntropy);
        let mls_key = ListKey::generate(&OsEntropy).public();
        let entry = DeviceList::first_entry(&genesis, &key, mls_key, "first".parse().unwrap()).unwrap();
        let mut list = DeviceList::new(genesis);
        list.append(&entry).unwrap();
        (list, key)
    }

    #[test]
    fn a_chain_ends_at_its_limit() {
        let (list, _) = list();
        let new_key = recovery_key(2).public();
        let judged = |number| {
            let place = ListHead { number: ListNumber(number), ..list.head() };
            let change = Change::RotateRecovery { new_key };
            let (author, by) =
                (Author::Recovery(&recovery_key(1)), Countersigner::Recovery(&recovery_key(2)));
            let entry = UnverifiedEntry::decode(&write(place, &change, author, by)).unwrap();
            list.check(place, &entry)
        };
        assert_eq!(judged(MAX_ENTRIES - 1), Ok(None));
        assert_eq!(judged(MAX_ENTRIES), Err(ListError::Refused(Refusal::Full)));
    }

    #[test]
    fn r2_a_device_does_not_replace_the_recovery_key_whatever_it_signs() {
        let (list, key) = list();
        let change = Change::RotateRecovery { new_key: recovery_key(2).public() };
        let by = Countersigner::Recovery(&recovery_key(2));
        let entry = write(list.head(), &change, Author::Device(&key), by);
        assert_eq!(list.clone().append(&entry), Err(ListError::Refused(Refusal::NotByRecovery)));
    }
}
