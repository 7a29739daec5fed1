//! How entries are written. Each is checked by the list's own rules before it is given out.

use hushwire_types::DeviceId;

use super::entry::{Countersigner, write};
use super::{Author, Change, DeviceList, DeviceName, ListError, NewDevice};
use crate::genesis::Genesis;
use crate::keys::{ListKey, PublicKey};
use crate::recovery::RecoveryKey;

impl DeviceList {
    /// The next entry, which adds `device`.
    ///
    /// # Errors
    /// [`ListError::Refused`] where the list's rules do not allow it.
    pub fn add_device(&self, author: Author<'_>, device: &NewDevice<'_>) -> Result<Vec<u8>, ListError> {
        let change = Change::Add {
            list_key: device.list_key.public(),
            mls_key: device.mls_key,
            name: device.name.clone(),
        };
        self.checked(write(self.head(), &change, author, Countersigner::Device(device.list_key)))
    }

    /// The next entry, which revokes `device`.
    ///
    /// # Errors
    /// [`ListError::Refused`] where the list's rules do not allow it.
    pub fn revoke(&self, author: Author<'_>, device: DeviceId) -> Result<Vec<u8>, ListError> {
        self.checked(write(self.head(), &Change::Revoke { device }, author, Countersigner::Nobody))
    }

    /// The next entry, which replaces the recovery key.
    ///
    /// # Errors
    /// [`ListError::Refused`] where `current` is not the recovery key, or `new` was used before.
    pub fn rotate_recovery(&self, current: &RecoveryKey, new: &RecoveryKey) -> Result<Vec<u8>, ListError> {
        let change = Change::RotateRecovery { new_key: new.public() };
        let author = Author::Recovery(current);
        self.checked(write(self.head(), &change, author, Countersigner::Recovery(new)))
    }

    /// The first entry of a new account: its first device adds itself.
    ///
    /// # Errors
    /// [`ListError::Refused`] where the genesis has another first device.
    pub fn first_entry(
        genesis: &Genesis,
        first: &ListKey,
        mls_key: PublicKey,
        name: DeviceName,
    ) -> Result<Vec<u8>, ListError> {
        let device = NewDevice { list_key: first, mls_key, name };
        Self::new(genesis.clone()).add_device(Author::Device(first), &device)
    }

    /// The entry, if the list would take it.
    fn checked(&self, entry: Vec<u8>) -> Result<Vec<u8>, ListError> {
        self.clone().take(&entry)?;
        Ok(entry)
    }
}
