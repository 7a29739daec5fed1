//! How entries are written. Each is checked by the list's own rules before it is given out.

use hushwire_types::DeviceId;

use super::entry::{Countersigner, UnverifiedEntry, write};
use super::{Author, Change, DeviceList, DeviceName, ListError, ListHead, NewDevice, Refusal};
use crate::Malformed;
use crate::genesis::Genesis;
use crate::keys::{ListKey, PublicKey, Signature};
use crate::labels::ADDED_DEVICE;
use crate::recovery::RecoveryKey;

/// A device that is to be added and has its secret keys elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joining {
    /// Its key for the list and for login.
    pub list_key: PublicKey,
    /// The key of its MLS leaves.
    pub mls_key: PublicKey,
    /// What its owner calls it.
    pub name: DeviceName,
}

impl Joining {
    fn change(&self) -> Change {
        let Self { list_key, mls_key, name } = self.clone();
        Change::Add { list_key, mls_key, name }
    }
}

/// Makes a draft whole with the signature of the device that it adds, if it adds just that device, right after `head`.
///
/// # Errors
/// [`Malformed`]: it is no such draft.
pub fn complete(
    draft: &[u8],
    head: ListHead,
    joining: &Joining,
    list_key: &ListKey,
) -> Result<Vec<u8>, Malformed> {
    let whole = |signature: &Signature| [draft, &signature.0].concat();
    let entry = UnverifiedEntry::decode(&whole(&Signature([0; 64])))?;
    let fits = entry.number() == head.number.next()
        && entry.previous() == head.hash
        && *entry.change() == joining.change()
        && list_key.public() == joining.list_key;
    if !fits {
        return Err(Malformed { what: "draft of a device list entry" });
    }
    Ok(whole(&list_key.sign(ADDED_DEVICE, &[entry.body()])))
}

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

    /// The next entry, which adds a device elsewhere, up to that one's own signature: [`complete`] makes it whole.
    ///
    /// # Errors
    /// [`ListError::Refused`] where `author` is no active device.
    pub fn draft(&self, author: &ListKey, joining: &Joining) -> Result<Vec<u8>, ListError> {
        if self.device(author.device_id()).is_none() {
            return Err(ListError::Refused(Refusal::Author));
        }
        let author = Author::Device(author);
        Ok(write(self.head(), &joining.change(), author, Countersigner::Nobody))
    }

    /// The next entry, which revokes `device`.
    ///
    /// # Errors
    /// [`ListError::Refused`] where the list's rules do not allow it.
    pub fn revoke(&self, author: Author<'_>, device: DeviceId) -> Result<Vec<u8>, ListError> {
        self.checked(write(self.head(), &Change::Revoke { device }, author, Countersigner::Nobody))
    }

    /// The next entry, which gives `device` another name.
    ///
    /// # Errors
    /// [`ListError::Refused`] where the list's rules do not allow it.
    pub fn rename(
        &self,
        author: Author<'_>,
        device: DeviceId,
        name: DeviceName,
    ) -> Result<Vec<u8>, ListError> {
        self.checked(write(self.head(), &Change::Rename { device, name }, author, Countersigner::Nobody))
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
