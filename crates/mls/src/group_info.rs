//! Checking the GroupInfo that the server publishes: rejoining depends on it, and the server cannot check
//! `external_pub` (rule R7).

use hushwire_types::{Epoch, GroupId};
use mls_rs::extension::built_in::ExternalPubExt;
use mls_rs::group::GroupInfo;

use crate::adapter;
use crate::device::Device;
use crate::error::{MlsError, Refusal, StateError};

/// How a published GroupInfo compares with the group as this device knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupInfoCheck {
    /// It opens the epoch that this device is in.
    Holds,
    /// It is of this device's epoch but does not open it: nobody could rejoin. Commit at once, which publishes a true one.
    Broken,
    /// It is of another epoch, so nothing can be said.
    OtherEpoch(Epoch),
}

impl Device {
    /// Compares a published GroupInfo with a loaded group: to be done after each Commit.
    ///
    /// # Errors
    /// [`MlsError::Refused`] where it is no GroupInfo of this group; [`MlsError::UnknownGroup`].
    pub fn check_group_info(
        &mut self,
        group: &GroupId,
        group_info: &[u8],
    ) -> Result<GroupInfoCheck, MlsError> {
        let message = adapter::parse(group_info)?;
        let info = message.as_group_info().ok_or(MlsError::Refused(Refusal::GroupInfo))?;
        let published = external_pub(info);
        let context = info.group_context();
        if context.group_id != group.as_bytes() {
            return Err(MlsError::Refused(Refusal::OtherGroup));
        }
        let epoch = Epoch(context.epoch);
        let loaded = self.joined(group)?;
        if epoch != loaded.head.epoch() {
            return Ok(GroupInfoCheck::OtherEpoch(epoch));
        }
        let own = loaded.group.group_info_message_allowing_ext_commit(false).map_err(StateError::library)?;
        let own = own.as_group_info().and_then(external_pub).ok_or(StateError::Inconsistent(*group))?;
        // mls-rs checks the signature, the GroupContext and the confirmation tag; it changes nothing by that.
        let holds = published == Some(own) && authentic(loaded.group.process_incoming_message(message));
        Ok(if holds { GroupInfoCheck::Holds } else { GroupInfoCheck::Broken })
    }
}

fn external_pub(info: &GroupInfo) -> Option<Vec<u8>> {
    let extension = info.extensions().get_as::<ExternalPubExt>().ok()??;
    Some(extension.external_pub.to_vec())
}

fn authentic<T, E>(checked: Result<T, E>) -> bool {
    checked.is_ok()
}
