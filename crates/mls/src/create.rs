//! Creating a group, and what of it is published.

use hushwire_group_policy::GroupExtension;
use hushwire_types::{Epoch, GroupId, Timestamp};

use crate::adapter;
use crate::device::Device;
use crate::error::{MlsError, Refusal, StateError};
use crate::group::{LeafKeys, Loaded};
use crate::head::Head;
use crate::key_package::lifetime_from;

/// A group to create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewGroup {
    /// Its id: 32 random bytes.
    pub group_id: GroupId,
    /// What all members will agree on.
    pub extension: GroupExtension,
}

/// What the Delivery Service keeps of a group, so that it can follow it and devices can rejoin it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// An `MLSMessage` with the signed GroupInfo, open to external Commits, without the tree.
    pub group_info: Vec<u8>,
    /// The ratchet tree (RFC 9420, section 12.4.3.3).
    pub ratchet_tree: Vec<u8>,
}

impl Device {
    /// Creates a group at epoch 0 with this device's leaf alone. Others are added by a Commit.
    ///
    /// # Errors
    /// [`MlsError::Refused`] where the policy does not allow this device to create such a group;
    /// [`MlsError::Misuse`] where the group is loaded already; [`MlsError::MissingLists`] without this device's own list.
    pub fn create(&mut self, new: NewGroup, now: Timestamp) -> Result<Published, MlsError> {
        let id = new.group_id;
        if self.is_loaded(&id) {
            return Err(MlsError::Misuse("the group exists already"));
        }
        let extensions = new.extension.to_context().map_err(|refusal| MlsError::Refused(refusal.into()))?;
        let group = self
            .client
            .group_builder()
            .map_err(StateError::library)?
            .with_group_id(id.as_bytes().to_vec())
            .with_group_context_extensions(extensions)
            .with_now_time(lifetime_from(now))
            .build()
            .map_err(|error| adapter::judged(&self.lists, &error, Refusal::Change))?;
        let head = Head::entering(Epoch(0), LeafKeys::KeyPackage { since: now });
        self.groups.put(id, Loaded::new(group, head));
        self.publish(&id)
    }

    /// What to publish of a group's current epoch.
    ///
    /// # Errors
    /// [`MlsError::UnknownGroup`], [`MlsError::State`].
    pub fn publish(&mut self, group: &GroupId) -> Result<Published, MlsError> {
        let loaded = self.joined(group)?;
        let group_info =
            loaded.group.group_info_message_allowing_ext_commit(false).map_err(StateError::library)?;
        Ok(Published {
            group_info: group_info.to_bytes().map_err(StateError::library)?,
            ratchet_tree: loaded.group.export_tree().to_bytes().map_err(StateError::library)?,
        })
    }
}
