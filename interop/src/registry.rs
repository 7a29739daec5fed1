//! Device lists as a table: every registered device is active from entry 1 of its account's list on.

use std::collections::BTreeMap;
use std::sync::Mutex;

use hushwire_group_policy::{DeviceLists, Prefix};
use hushwire_identity::{LeafCredential, ListHead, PublicKey};
use hushwire_types::{AccountId, DeviceId, EntryHash, ListNumber};

/// The one head that every list has.
const HEAD: ListHead = ListHead { number: ListNumber(1), hash: EntryHash::new([1; 32]) };

/// Which devices there are, with their MLS keys.
#[derive(Default)]
pub struct Registry {
    devices: Mutex<BTreeMap<(AccountId, DeviceId), PublicKey>>,
}

impl Registry {
    /// Registers the next device of an account and gives the credential of its leaves.
    ///
    /// # Panics
    /// On a key that is none.
    pub fn register(&self, account: AccountId, mls_key: &[u8]) -> LeafCredential {
        let mut devices = self.devices.lock().unwrap();
        let device = DeviceId::new([u8::try_from(devices.len()).unwrap() + 1; 16]);
        devices.insert((account, device), PublicKey::try_from(mls_key).unwrap());
        LeafCredential { account, device, list: HEAD }
    }
}

impl DeviceLists for Registry {
    fn prefix(&self, account: AccountId, head: ListHead, device: DeviceId) -> Prefix {
        match self.devices.lock().unwrap().get(&(account, device)) {
            _ if head != HEAD => Prefix::Missing,
            Some(key) => Prefix::Active { mls_key: *key },
            None => Prefix::NotActive,
        }
    }

    fn reaches(&self, _: AccountId, head: ListHead, floor: ListHead) -> Option<bool> {
        (head == HEAD && floor == HEAD).then_some(true)
    }
}
