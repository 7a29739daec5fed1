//! Accounts whose every key follows from a number.

use std::sync::atomic::{AtomicU64, Ordering};

use hushwire_identity::{
    Author, DeviceList, Flags, Genesis, ListKey, NewDevice, PublicKey, RecoveryKey, UnverifiedEntry,
};
use hushwire_types::{Entropy, Secret};

/// Bytes that follow from a seed: the counter of the call, repeated.
pub(crate) struct Seeded(AtomicU64);

impl Seeded {
    pub(crate) fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }
}

impl Entropy for Seeded {
    fn fill(&self, out: &mut [u8]) {
        let bytes = self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        for (to, from) in out.iter_mut().zip(bytes.iter().rev().cycle()) {
            *to = *from;
        }
    }
}

pub(crate) fn list_key(n: u8) -> ListKey {
    ListKey::from_seed(&Secret::new([n; 32]))
}

pub(crate) fn recovery_key(n: u8) -> RecoveryKey {
    RecoveryKey::from_seed(&Secret::new([0x80 | n; 32]))
}

/// An MLS key; any other public key does.
pub(crate) fn mls_key(n: u8) -> PublicKey {
    ListKey::from_seed(&Secret::new([0x40 | n; 32])).public()
}

pub(crate) fn device(key: &ListKey, n: u8) -> NewDevice<'_> {
    NewDevice { list_key: key, mls_key: mls_key(n), name: format!("device {n}").parse().unwrap() }
}

pub(crate) fn genesis() -> Genesis {
    Genesis::create(Flags::default(), &list_key(1), &recovery_key(1), &Seeded::new(7))
}

/// A list with device 1 alone, at number 1.
pub(crate) fn list() -> DeviceList {
    let genesis = genesis();
    let entry =
        DeviceList::first_entry(&genesis, &list_key(1), mls_key(1), "device 1".parse().unwrap()).unwrap();
    let mut list = DeviceList::new(genesis);
    list.append(&entry).unwrap();
    list
}

/// `list` with the addition of device `n`, written by device `by`.
pub(crate) fn add(list: &mut DeviceList, by: u8, n: u8) -> Vec<u8> {
    let entry = list.add_device(Author::Device(&list_key(by)), &device(&list_key(n), n)).unwrap();
    list.append(&entry).unwrap();
    entry
}

/// `list` with the revocation of device `n`, written by device `by`.
pub(crate) fn revoke(list: &mut DeviceList, by: u8, n: u8) -> Vec<u8> {
    let entry = list.revoke(Author::Device(&list_key(by)), list_key(n).device_id()).unwrap();
    list.append(&entry).unwrap();
    entry
}

/// The recovery-signed revocation of device `n` right after `number`.
pub(crate) fn recovery_revokes(list: &DeviceList, number: u64, n: u8) -> Vec<u8> {
    let prefix = list.prefix(hushwire_types::ListNumber(number)).unwrap();
    prefix.revoke(Author::Recovery(&recovery_key(1)), list_key(n).device_id()).unwrap()
}

pub(crate) fn head_of(entry: &[u8]) -> hushwire_identity::ListHead {
    UnverifiedEntry::decode(entry).unwrap().head()
}

/// Each way to change one bit of `bytes`.
pub(crate) fn with_a_flipped_bit(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    (0..bytes.len() * 8).map(|bit| {
        let mut changed = bytes.to_vec();
        changed[bit / 8] ^= 1 << (bit % 8);
        changed
    })
}
