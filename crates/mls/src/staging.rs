//! The storage that mls-rs sees: a mirror in memory of the rows that are loaded, and the changes a step made.
//!
//! mls-rs wants storage that is shared and thread-safe; a database transaction is neither. So mls-rs writes here, and
//! the step's transaction applies what [`Staging::take_changes`] says. Nothing here is durable.
//!
//! Invariants:
//! - A row in `changes` is what the database must hold after the step; each key stands there once.
//! - A KeyPackage is deleted only when mls-rs says that it was used.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hushwire_types::{Epoch, GroupId, SecretBytes};
use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize};
use mls_rs_core::group::{EpochRecord, GroupState, GroupStateStorage};
use mls_rs_core::key_package::{KeyPackageData, KeyPackageStorage};
use zeroize::Zeroizing;

use crate::error::{MlsError, StateError};
use crate::row::{self, RowKey};

/// The mirror, shared by the mls-rs client and all its groups.
#[derive(Clone, Default)]
pub(crate) struct Staging(Arc<Mutex<Mirror>>);

#[derive(Default)]
struct Mirror {
    groups: BTreeMap<Vec<u8>, GroupMirror>,
    key_packages: BTreeMap<Vec<u8>, KeyPackageData>,
    changes: BTreeMap<RowKey, Option<SecretBytes>>,
}

/// What mls-rs stores of one group. Dropped bytes are wiped.
#[derive(Default)]
struct GroupMirror {
    state: Zeroizing<Vec<u8>>,
    epochs: BTreeMap<u64, Zeroizing<Vec<u8>>>,
}

/// Bytes that mls-rs encoded itself, in a row of ours.
#[derive(MlsSize, MlsEncode, MlsDecode)]
struct Opaque(#[mls_codec(with = "mls_rs_codec::byte_vec")] Zeroizing<Vec<u8>>);

impl Staging {
    fn lock(&self) -> MutexGuard<'_, Mirror> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Mirrors one past epoch as the database has it.
    pub(crate) fn load_epoch(
        &self,
        group: &GroupId,
        epoch: Epoch,
        value: &SecretBytes,
    ) -> Result<(), MlsError> {
        let Opaque(data) = row::decode(value)?;
        self.lock().groups.entry(group.as_bytes().to_vec()).or_default().epochs.insert(epoch.0, data);
        Ok(())
    }

    /// Mirrors a KeyPackage as the database has it.
    pub(crate) fn load_key_package(&self, reference: Vec<u8>, value: &SecretBytes) -> Result<(), MlsError> {
        let data = row::decode(value)?;
        self.lock().key_packages.insert(reference, data);
        Ok(())
    }

    /// Mirrors a group's state.
    pub(crate) fn load_state(&self, group: &GroupId, state: Zeroizing<Vec<u8>>) {
        self.lock().groups.entry(group.as_bytes().to_vec()).or_default().state = state;
    }

    /// The state that mls-rs last wrote or that was loaded.
    pub(crate) fn state_of(&self, group: &GroupId) -> Option<Zeroizing<Vec<u8>>> {
        self.lock().groups.get(group.as_bytes().as_slice()).map(|mirror| mirror.state.clone())
    }

    /// Deletes the past epochs that `keep` does not name.
    pub(crate) fn retain_epochs(&self, group: &GroupId, keep: impl Fn(Epoch) -> bool) {
        let mut mirror = self.lock();
        let Mirror { groups, changes, .. } = &mut *mirror;
        let Some(stored) = groups.get_mut(group.as_bytes().as_slice()) else { return };
        stored.epochs.retain(|epoch, _| {
            let kept = keep(Epoch(*epoch));
            if !kept {
                changes.insert(RowKey::Epoch(*group, Epoch(*epoch)), None);
            }
            kept
        });
    }

    /// Stages one row.
    pub(crate) fn change(&self, key: RowKey, value: Option<SecretBytes>) {
        self.lock().changes.insert(key, value);
    }

    /// Drops a group from the mirror without a change to its rows.
    pub(crate) fn unload(&self, group: &GroupId) {
        self.lock().groups.remove(group.as_bytes().as_slice());
    }

    /// What the step must write, each row once, in the order of the keys. KeyPackages leave the mirror with it: their
    /// secrets stay in memory no longer than the step that uses them.
    pub(crate) fn take_changes(&self) -> BTreeMap<RowKey, Option<SecretBytes>> {
        let mut mirror = self.lock();
        mirror.key_packages.clear();
        std::mem::take(&mut mirror.changes)
    }

    /// Drops everything.
    pub(crate) fn clear(&self) {
        *self.lock() = Mirror::default();
    }
}

impl GroupStateStorage for Staging {
    type Error = StateError;

    fn state(&self, group_id: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, StateError> {
        Ok(self.lock().groups.get(group_id).map(|mirror| mirror.state.clone()))
    }

    fn epoch(&self, group_id: &[u8], epoch_id: u64) -> Result<Option<Zeroizing<Vec<u8>>>, StateError> {
        Ok(self.lock().groups.get(group_id).and_then(|mirror| mirror.epochs.get(&epoch_id).cloned()))
    }

    fn write(
        &mut self,
        state: GroupState,
        epoch_inserts: Vec<EpochRecord>,
        epoch_updates: Vec<EpochRecord>,
    ) -> Result<(), StateError> {
        let group_id = GroupId::try_from(state.id.as_slice()).map_err(|_| StateError::BadRow)?;
        let mut mirror = self.lock();
        let Mirror { groups, changes, .. } = &mut *mirror;
        let stored = groups.entry(state.id).or_default();
        stored.state = state.data;
        for record in epoch_inserts.into_iter().chain(epoch_updates) {
            let opaque = Opaque(record.data);
            let value = row::encode(&opaque)?;
            changes.insert(RowKey::Epoch(group_id, Epoch(record.id)), Some(value));
            stored.epochs.insert(record.id, opaque.0);
        }
        Ok(())
    }

    /// Always none. mls-rs asks only to check that past epochs are consecutive, and retention by time may leave holes.
    fn max_epoch_id(&self, _: &[u8]) -> Result<Option<u64>, StateError> {
        Ok(None)
    }
}

impl KeyPackageStorage for Staging {
    type Error = StateError;

    fn delete(&mut self, id: &[u8]) -> Result<(), StateError> {
        let mut mirror = self.lock();
        mirror.key_packages.remove(id);
        mirror.changes.insert(RowKey::KeyPackage(id.to_vec()), None);
        Ok(())
    }

    fn insert(&mut self, id: Vec<u8>, package: KeyPackageData) -> Result<(), StateError> {
        let value = row::encode(&package)?;
        let mut mirror = self.lock();
        mirror.changes.insert(RowKey::KeyPackage(id.clone()), Some(value));
        mirror.key_packages.insert(id, package);
        Ok(())
    }

    fn get(&self, id: &[u8]) -> Result<Option<KeyPackageData>, StateError> {
        Ok(self.lock().key_packages.get(id).cloned())
    }
}
