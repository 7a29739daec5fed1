//! One loaded group: the mls-rs group, and what we keep beside it in the same row.
//!
//! Invariants:
//! - `head` describes the group as it is in memory; both are written together or not at all.
//! - A group that failed half-way through a step is `spoiled`: it does nothing more until the step is rolled back.

use std::sync::Arc;

use hushwire_group_policy::GroupExtension;
use hushwire_identity::LeafCredential;
use hushwire_types::{DeviceId, Epoch, GroupId, SecretBytes, Timestamp};
use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize};
use zeroize::Zeroizing;

use crate::adapter::{self, Client, Group};
use crate::error::{MlsError, StateError};
use crate::head::Head;
use crate::row::{self, RowKey};
use crate::staging::Staging;
use crate::tree::{StoredTree, TreeRows};

/// A group in memory.
pub(crate) struct Loaded {
    pub(crate) group: Group,
    pub(crate) head: Head,
    /// What is stored of its tree.
    tree: StoredTree,
    /// What a view shows of its epoch, once it was asked for.
    shown: Option<Shown>,
    /// In memory is more than in `staging`.
    dirty: bool,
    spoiled: bool,
}

/// The parts of a [`GroupView`] that only a Commit changes, and that cost a look at every leaf.
struct Shown {
    epoch: Epoch,
    members: Arc<[LeafCredential]>,
    extension: Arc<GroupExtension>,
}

/// The small row of a group.
#[derive(MlsSize, MlsEncode, MlsDecode)]
struct GroupRow {
    head: Head,
    #[mls_codec(with = "mls_rs_codec::byte_vec")]
    state: Zeroizing<Vec<u8>>,
}

impl Loaded {
    /// A group that has no rows yet.
    pub(crate) fn new(group: Group, head: Head) -> Self {
        Self { group, head, tree: StoredTree::default(), shown: None, dirty: true, spoiled: false }
    }

    /// A group as its rows have it; its past epochs were given to `staging` already.
    pub(crate) fn from_rows(
        client: &Client,
        staging: &Staging,
        id: &GroupId,
        group: &SecretBytes,
        tree: &TreeRows,
    ) -> Result<Self, MlsError> {
        let GroupRow { head, state } = row::decode(group)?;
        let (stored, tree, epoch) = StoredTree::load(id, tree)?;
        staging.load_state(id, state);
        let group = client.load_group_with_ratchet_tree(id.as_bytes(), tree).map_err(StateError::library)?;
        if Epoch(group.current_epoch()) != epoch || head.epoch() != epoch {
            return Err(StateError::Inconsistent(*id).into());
        }
        Ok(Self { group, head, tree: stored, shown: None, dirty: false, spoiled: false })
    }

    /// Refuses a group that failed earlier in this step.
    pub(crate) fn usable(&mut self, id: &GroupId) -> Result<&mut Self, MlsError> {
        if self.spoiled { Err(StateError::Spoiled(*id).into()) } else { Ok(self) }
    }

    /// Notes that memory is ahead of the rows.
    pub(crate) fn touch(&mut self) {
        self.dirty = true;
    }

    /// After a failure inside mls-rs, which may have used up keys: goes back to the stored state. A group with changes of
    /// this step that are not stored has nothing to go back to, and is spoiled until the step is rolled back.
    pub(crate) fn recover(&mut self, client: &Client, id: &GroupId) {
        let reloaded = (!self.dirty)
            .then(|| client.load_group_with_ratchet_tree(id.as_bytes(), self.group.export_tree()).ok())
            .flatten();
        match reloaded {
            Some(group) => self.group = group,
            None => self.spoiled = true,
        }
    }

    /// Stages the rows of this group that differ from what is stored.
    pub(crate) fn flush(&mut self, staging: &Staging, id: &GroupId) -> Result<(), MlsError> {
        self.usable(id)?;
        if !self.dirty {
            return Ok(());
        }
        self.group.write_to_storage_without_ratchet_tree().map_err(StateError::library)?;
        let epoch = Epoch(self.group.current_epoch());
        self.tree.stage(staging, id, epoch, &self.group.export_tree())?;
        let state = staging.state_of(id).ok_or(StateError::Inconsistent(*id))?;
        let group = GroupRow { head: self.head.clone(), state };
        staging.change(RowKey::Group(*id), Some(row::encode(&group)?));
        self.retain_epochs(staging, id);
        self.dirty = false;
        Ok(())
    }

    /// The encoded ratchet tree of its epoch.
    pub(crate) fn tree_bytes(&self) -> Result<Vec<u8>, StateError> {
        self.group.export_tree().to_bytes().map_err(StateError::library)
    }

    /// Stages the deletion of the rows of its tree.
    pub(crate) fn drop_tree(&self, staging: &Staging, id: &GroupId) {
        self.tree.stage_deletion(staging, id);
    }

    /// Deletes the rows of past epochs that the head no longer names.
    fn retain_epochs(&self, staging: &Staging, id: &GroupId) {
        staging.retain_epochs(id, |epoch| self.head.past(epoch).is_some());
    }

    /// The credential at a leaf.
    pub(crate) fn credential_at(&self, leaf: u32) -> Result<LeafCredential, MlsError> {
        let member = self.group.member_at_index(leaf).ok_or(StateError::BadRow)?;
        Ok(adapter::credential(&member.signing_identity)?)
    }

    /// The leaf of a device.
    pub(crate) fn leaf_of(&self, device: DeviceId) -> Option<u32> {
        self.group.roster().members_iter().find_map(|member| {
            let credential = adapter::credential(&member.signing_identity).ok()?;
            (credential.device == device).then_some(member.index)
        })
    }
}

/// A group as it stands, for decisions and for display.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupView {
    /// The group.
    pub group_id: GroupId,
    /// Its current epoch.
    pub epoch: Epoch,
    /// When this device entered the epoch.
    pub epoch_since: Timestamp,
    /// Whose the leaves are, in leaf order. Only leaves that a Commit removed are gone: a device that its list has
    /// revoked is here until then.
    pub members: Arc<[LeafCredential]>,
    /// What all members agree on.
    pub extension: Arc<GroupExtension>,
    /// This device's own leaf.
    pub own: LeafCredential,
    /// Whether a Commit removed this device. Then the rest of the view is of the last epoch it was in, and nothing but
    /// reading it and [`Device::delete`](crate::Device::delete) works.
    pub removed: bool,
    /// The confirmed transcript hash of the epoch (RFC 9420, section 8.2); empty in epoch 0.
    pub transcript_hash: Vec<u8>,
    /// Where this device's leaf keys come from, and since when.
    pub leaf: LeafKeys,
    /// Messages that this device encrypted in this epoch. [`Device::encrypt`](crate::Device::encrypt) refuses above
    /// [`MAX_SENT_PER_EPOCH`](crate::MAX_SENT_PER_EPOCH).
    pub sent_in_epoch: u32,
    /// Messages of others that this device read in this epoch.
    pub received_in_epoch: u32,
    /// Messages that this device encrypted since its leaf keys were made, over all epochs.
    pub sent_with_leaf: u32,
}

/// Where the keys of a leaf come from (RFC 9420, section 7.2, `leaf_node_source`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeafKeys {
    /// From the KeyPackage by which the device was added, or from creating the group: due for a refresh.
    KeyPackage {
        /// When the device entered the group.
        since: Timestamp,
    },
    /// From a Commit of the device.
    Commit {
        /// When that Commit was applied.
        since: Timestamp,
    },
}

impl Loaded {
    /// The view of this group.
    pub(crate) fn view(&mut self, id: &GroupId) -> Result<GroupView, MlsError> {
        let (members, extension) = self.shown()?;
        Ok(GroupView {
            group_id: *id,
            epoch: self.head.epoch(),
            epoch_since: self.head.epoch_since(),
            members,
            extension,
            own: self.credential_at(self.group.current_member_index())?,
            removed: self.head.is_removed(),
            transcript_hash: adapter::transcript_hash(&self.group),
            leaf: self.head.leaf(),
            sent_in_epoch: self.head.sent_in_epoch(),
            received_in_epoch: self.head.received_in_epoch(),
            sent_with_leaf: self.head.sent_with_leaf(),
        })
    }

    /// Members and extension, read once an epoch: a view is asked for with every message, and a large group has many leaves.
    fn shown(&mut self) -> Result<(Arc<[LeafCredential]>, Arc<GroupExtension>), MlsError> {
        let epoch = Epoch(self.group.current_epoch());
        let shown = match self.shown.take().filter(|shown| shown.epoch == epoch) {
            Some(shown) => shown,
            None => Shown {
                epoch,
                members: adapter::members(&self.group)?.into(),
                extension: Arc::new(adapter::extension(&self.group)?),
            },
        };
        let parts = (Arc::clone(&shown.members), Arc::clone(&shown.extension));
        self.shown = Some(shown);
        Ok(parts)
    }
}
