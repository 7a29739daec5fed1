//! Joining a group by a Welcome (RFC 9420, section 12.4.3.1).
//!
//! Invariants:
//! - The ratchet tree comes from the server and is worth nothing until it hashes to what the Welcome names.
//! - No clock: one expired leaf in the tree must not keep a newcomer out.

use hushwire_group_policy::{GroupExtension, Lists};
use hushwire_identity::LeafCredential;
use hushwire_suite::remembering;
use hushwire_types::{Epoch, GroupId, Timestamp};
use mls_rs::error::MlsError as LibraryError;
use mls_rs::group::ExportedTree;

use crate::adapter;
use crate::details::DetailsKey;
use crate::device::Device;
use crate::error::{MlsError, Refusal, StateError};
use crate::group::{LeafKeys, Loaded};
use crate::head::Head;

/// A group that was joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// The group.
    pub group_id: GroupId,
    /// What its members agree on.
    pub extension: GroupExtension,
    /// Its epoch.
    pub epoch: Epoch,
    /// Whose its leaves are, this device's among them.
    pub members: Vec<LeafCredential>,
    /// The member that added this device.
    pub sender: LeafCredential,
    /// The confirmed transcript hash of the epoch.
    pub transcript_hash: Vec<u8>,
}

impl Device {
    /// Reads which group and epoch a Welcome leads to, so that its tree can be fetched. The KeyPackage's row must be
    /// loaded.
    ///
    /// # Errors
    /// [`MlsError::NoKeyPackage`], [`MlsError::Refused`].
    pub fn examine_welcome(&self, welcome: &[u8]) -> Result<(GroupId, Epoch), MlsError> {
        let message = adapter::parse(welcome)?;
        let info =
            self.client.examine_welcome_message(&message).map_err(|error| join_error(&self.lists, error))?;
        let context = info.group_context();
        Ok((adapter::group_id(context)?, Epoch(context.epoch)))
    }

    /// Joins a group. A KeyPackage of the pool is deleted with it; one of last resort stays, for the caller to replace.
    ///
    /// # Errors
    /// [`MlsError::NoKeyPackage`]; [`MlsError::MissingLists`]; [`MlsError::Refused`], with [`Refusal::AlreadyMember`] where
    /// the group is loaded.
    pub fn join(&mut self, welcome: &[u8], ratchet_tree: &[u8], now: Timestamp) -> Result<Joined, MlsError> {
        let (id, epoch) = self.examine_welcome(welcome)?;
        if self.is_loaded(&id) {
            return Err(MlsError::Refused(Refusal::AlreadyMember));
        }
        let message = adapter::parse(welcome)?;
        let tree = adapter::tree(ratchet_tree)?;
        judge(&self.lists, &tree)?;
        let (group, info) = remembering(|| self.client.join_group(Some(tree), &message, None))
            .map_err(|error| join_error(&self.lists, error))?;
        GroupExtension::from_context(&group.context().extensions)
            .map_err(|refusal| MlsError::Refused(refusal.into()))?;
        let mut head = Head::entering(epoch, LeafKeys::KeyPackage { since: now });
        head.set_details_key(DetailsKey::of_welcome(info.group_info_extensions()));
        let mut loaded = Loaded::new(group, head);
        let view = loaded.view(&id)?;
        let sender = loaded.credential_at(info.sender)?;
        self.groups.put(id, loaded);
        Ok(Joined {
            group_id: id,
            extension: GroupExtension::clone(&view.extension),
            epoch,
            members: view.members.to_vec(),
            sender,
            transcript_hash: view.transcript_hash,
        })
    }
}

/// Judges the leaves of a tree that came with a group: all lists that are missing come back at once.
pub(crate) fn judge(lists: &Lists, tree: &ExportedTree<'_>) -> Result<(), MlsError> {
    lists.judge_tree(tree).map_err(|error| adapter::policy_error(lists, error))
}

fn join_error(lists: &Lists, error: LibraryError) -> MlsError {
    let reason = match error {
        LibraryError::WelcomeKeyPackageNotFound => return MlsError::NoKeyPackage,
        LibraryError::KeyPackageRepoError(_) => return StateError::library(error).into(),
        LibraryError::TreeHashMismatch => Refusal::Tree,
        _ => Refusal::Welcome,
    };
    adapter::judged(lists, &error, reason)
}
