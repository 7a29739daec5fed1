//! One device's MLS client: its groups and KeyPackages, loaded from rows and staged back to rows.
//!
//! Invariants:
//! - Nothing is durable until the caller has written what [`Device::drain`] returned. A step that is rolled back calls
//!   [`Device::forget`]; afterwards memory knows nothing that the rows do not.
//! - A group is used only while it is loaded; only groups without unwritten changes are ever unloaded.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;

use hushwire_group_policy::{DeviceLists, Lists};
use hushwire_identity::LeafCredential;
use hushwire_suite::Suite;
use hushwire_types::{GroupId, Secret, SecretBytes, Timestamp};
use lru::LruCache;

use crate::adapter::{self, Client};
use crate::error::{MlsError, StateError};
use crate::group::{GroupView, Loaded};
use crate::row::{Row, RowChange, RowKey};
use crate::staging::Staging;
use crate::tree::TreeRows;

/// How many groups stay loaded between steps.
const LOADED_GROUPS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(63);

/// Who a device is.
#[derive(Debug, Clone)]
pub struct DeviceKeys {
    /// The credential of its leaves: account, device, and the head of the device list as it knows it.
    pub credential: LeafCredential,
    /// The Ed25519 seed of its MLS key, which its list entry names. Used for nothing but MLS.
    pub mls_key: Secret<32>,
}

/// All MLS operations of one device.
///
/// A caller's step: [`load`](Self::load) the rows of the groups it needs, call operations, write what
/// [`drain`](Self::drain) returns in the step's transaction. If anything fails: roll back and [`forget`](Self::forget).
pub struct Device {
    pub(crate) keys: DeviceKeys,
    pub(crate) suite: Suite,
    pub(crate) lists: Lists,
    pub(crate) client: Client,
    pub(crate) staging: Staging,
    pub(crate) groups: LruCache<GroupId, Loaded>,
}

impl Device {
    /// A device without any group or KeyPackage loaded.
    ///
    /// # Errors
    /// [`MlsError::State`] where the MLS key is refused by the suite.
    pub fn new(keys: DeviceKeys, suite: Suite, lists: Arc<dyn DeviceLists>) -> Result<Self, MlsError> {
        let lists = Lists::new(lists);
        let staging = Staging::default();
        let client = adapter::client(&keys, &suite, &lists, &staging)?;
        let groups = LruCache::unbounded();
        Ok(Self { keys, suite, lists, client, staging, groups })
    }

    /// The credential of KeyPackages and leaves to come.
    #[must_use]
    pub fn credential(&self) -> LeafCredential {
        self.keys.credential
    }

    /// Takes a newer head of this device's list into KeyPackages and leaves to come. Leaves in groups follow with
    /// their next Commit.
    ///
    /// # Errors
    /// [`MlsError::Misuse`] where the credential is of another account or device.
    pub fn set_credential(&mut self, credential: LeafCredential) -> Result<(), MlsError> {
        let own = self.keys.credential;
        if (credential.account, credential.device) != (own.account, own.device) {
            return Err(MlsError::Misuse("the credential of another device"));
        }
        self.keys.credential = credential;
        self.client = adapter::client(&self.keys, &self.suite, &self.lists, &self.staging)?;
        Ok(())
    }

    /// Loads rows as the database has them: all rows of one or more groups, and KeyPackages. A group that is loaded
    /// already keeps what is in memory. KeyPackages stay until the next [`drain`](Self::drain).
    ///
    /// # Errors
    /// [`MlsError::State`] where rows are damaged, of a newer format, or of a group whose group or tree row is missing.
    pub fn load(&mut self, rows: Vec<Row>) -> Result<(), MlsError> {
        let mut groups: Vec<(GroupId, SecretBytes)> = Vec::new();
        let mut trees: BTreeMap<GroupId, TreeRows> = BTreeMap::new();
        for Row { key, value } in rows {
            match key {
                RowKey::KeyPackage(reference) => self.staging.load_key_package(reference, &value)?,
                RowKey::Epoch(id, epoch) if !self.is_loaded(&id) => {
                    self.staging.load_epoch(&id, epoch, &value)?
                }
                RowKey::Group(id) if !self.is_loaded(&id) => groups.push((id, value)),
                RowKey::Tree(id) if !self.is_loaded(&id) => trees.entry(id).or_default().head = Some(value),
                RowKey::TreePart(id, part) if !self.is_loaded(&id) => {
                    trees.entry(id).or_default().parts.insert(part, value);
                }
                _ => {}
            }
        }
        for (id, group) in groups {
            let tree = trees.get(&id).ok_or(StateError::Inconsistent(id))?;
            let loaded = Loaded::from_rows(&self.client, &self.staging, &id, &group, tree)?;
            self.groups.put(id, loaded);
        }
        Ok(())
    }

    /// Whether a group is in memory. If not, its rows must be loaded before it is used.
    #[must_use]
    pub fn is_loaded(&self, group: &GroupId) -> bool {
        self.groups.contains(group)
    }

    /// What the step must write, each row once, in a fixed order. Afterwards memory counts as written; groups beyond
    /// the 64 used last are unloaded.
    ///
    /// # Errors
    /// [`MlsError::State`] where a group failed in this step: roll back and [`forget`](Self::forget).
    pub fn drain(&mut self) -> Result<Vec<RowChange>, MlsError> {
        for (id, loaded) in self.groups.iter_mut() {
            loaded.flush(&self.staging, id)?;
        }
        while self.groups.len() > LOADED_GROUPS.get() {
            if let Some((id, _)) = self.groups.pop_lru() {
                self.staging.unload(&id);
            }
        }
        let changes = self.staging.take_changes().into_iter();
        Ok(changes
            .map(|(key, value)| match value {
                Some(value) => RowChange::Put(key, value),
                None => RowChange::Delete(key),
            })
            .collect())
    }

    /// Drops everything that is loaded or staged, as after a step that was rolled back.
    pub fn forget(&mut self) {
        self.groups.clear();
        self.staging.clear();
    }

    /// A loaded group as it stands.
    ///
    /// # Errors
    /// [`MlsError::UnknownGroup`], [`MlsError::State`].
    pub fn view(&mut self, group: &GroupId) -> Result<GroupView, MlsError> {
        self.loaded(group)?.view(group)
    }

    /// The epoch authenticator of a loaded group (RFC 9420, section 8.7): members of one epoch have the same, and
    /// nobody else has it.
    ///
    /// # Errors
    /// [`MlsError::UnknownGroup`], [`MlsError::State`]; [`MlsError::Misuse`] after this device was removed.
    pub fn epoch_authenticator(&mut self, group: &GroupId) -> Result<SecretBytes, MlsError> {
        let secret = self.joined(group)?.group.epoch_authenticator().map_err(StateError::library)?;
        Ok(SecretBytes::new(secret.to_vec()))
    }

    /// Deletes a loaded group with all its rows.
    ///
    /// # Errors
    /// [`MlsError::UnknownGroup`]: load its rows first, so that each can be deleted.
    pub fn delete(&mut self, group: &GroupId) -> Result<(), MlsError> {
        let loaded = self.groups.pop(group).ok_or(MlsError::UnknownGroup(*group))?;
        self.drop_rows(group, Some(&loaded));
        Ok(())
    }

    /// Deletes past epochs of loaded groups that are over 24 hours old (rule R8). To be called with the groups that
    /// have [`RowKey::Epoch`] rows, at least hourly; epochs beyond the third go by themselves.
    pub fn prune(&mut self, now: Timestamp) {
        for (_, loaded) in self.groups.iter_mut() {
            if loaded.head.prune(now) {
                loaded.touch();
            }
        }
    }

    /// A loaded group that can be used.
    pub(crate) fn loaded(&mut self, group: &GroupId) -> Result<&mut Loaded, MlsError> {
        self.groups.get_mut(group).ok_or(MlsError::UnknownGroup(*group))?.usable(group)
    }

    /// A loaded group of which this device is still a member.
    pub(crate) fn joined(&mut self, group: &GroupId) -> Result<&mut Loaded, MlsError> {
        let loaded = self.loaded(group)?;
        if loaded.head.is_removed() {
            return Err(MlsError::UnknownGroup(*group));
        }
        Ok(loaded)
    }

    /// Stages the deletion of all rows of a group, of which `loaded` is what was in memory.
    pub(crate) fn drop_rows(&self, group: &GroupId, loaded: Option<&Loaded>) {
        self.staging.retain_epochs(group, |_| false);
        self.staging.unload(group);
        self.staging.change(RowKey::Group(*group), None);
        self.staging.change(RowKey::Tree(*group), None);
        if let Some(loaded) = loaded {
            loaded.drop_tree(&self.staging, group);
        }
    }
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Device").field("credential", &self.keys.credential).finish_non_exhaustive()
    }
}
