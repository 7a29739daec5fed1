//! What a Commit did to a group, told in our own words.
//!
//! Invariant: an [`EpochChange`] is made only from a Commit that was applied, or that removed this device.

use hushwire_group_policy::GroupExtension;
use hushwire_identity::LeafCredential;
use hushwire_types::{Epoch, Timestamp};
use mls_rs::group::proposal::Proposal;
use mls_rs::group::{CommitEffect, CommitMessageDescription, NewEpoch};

use crate::adapter;
use crate::details::DetailsKey;
use crate::error::{MlsError, StateError};
use crate::group::Loaded;

/// A new epoch and who made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EpochChange {
    /// The new epoch.
    pub epoch: Epoch,
    /// The leaf that committed, as it is after the Commit.
    pub committer: LeafCredential,
    /// Whether the committer was a member before, or came in by an external Commit.
    pub origin: Origin,
    /// Leaves that were added by an Add proposal. The joiner of an external Commit is the `committer`, not here.
    pub added: Vec<LeafCredential>,
    /// Leaves that were removed, as they were before. In an external Commit this is the joiner's own old leaf, if any.
    pub removed: Vec<LeafCredential>,
    /// The group's extension, where the Commit set it.
    pub extension: Option<GroupExtension>,
    /// Whether this device is still in the group. If not, the group stays at its last epoch until it is deleted.
    pub membership: Membership,
    /// The confirmed transcript hash of the new epoch; empty where this device is not in it.
    pub transcript_hash: Vec<u8>,
}

/// Who makes a Commit (RFC 9420, section 12.4.3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A member.
    Member,
    /// A device that joined or rejoined by the Commit itself.
    External,
}

/// Whether this device is in the group after a Commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Membership {
    /// It is.
    Member,
    /// The Commit removed it.
    Removed,
}

/// Settles a Commit that mls-rs has applied to `loaded`: moves the head on and says what happened. `committer` is the
/// credential in the Commit's new leaf, `key` that of details which a Commit of the epoch before sets.
pub(crate) fn settle(
    loaded: &mut Loaded,
    commit: &CommitMessageDescription,
    committer: LeafCredential,
    key: DetailsKey,
    now: Timestamp,
) -> Result<EpochChange, MlsError> {
    let (effect, membership) = match &commit.effect {
        CommitEffect::NewEpoch(epoch) => (epoch, Membership::Member),
        CommitEffect::Removed { new_epoch, .. } => (new_epoch, Membership::Removed),
        CommitEffect::ReInit(_) => return Err(StateError::BadRow.into()),
    };
    let leaves = Leaves::of(effect)?;
    loaded.touch();
    let transcript_hash = match membership {
        Membership::Removed => {
            loaded.head.close();
            Vec::new()
        }
        Membership::Member => {
            let before = effect.prior_state().context().confirmed_transcript_hash.to_vec();
            loaded.head.advance(before, &leaves.removed_at, now);
            if leaves.details == Details::New {
                loaded.head.set_details_key(key);
            }
            loaded.group.context().confirmed_transcript_hash.to_vec()
        }
    };
    Ok(EpochChange {
        epoch: Epoch(effect.epoch()),
        committer,
        origin: if commit.is_external { Origin::External } else { Origin::Member },
        added: leaves.added,
        removed: leaves.removed,
        extension: leaves.extension,
        membership,
        transcript_hash,
    })
}

/// What the proposals of a Commit changed.
#[derive(Default)]
struct Leaves {
    added: Vec<LeafCredential>,
    removed: Vec<LeafCredential>,
    removed_at: Vec<u32>,
    extension: Option<GroupExtension>,
    details: Details,
}

/// Whether a Commit set the group's details.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Details {
    #[default]
    Kept,
    New,
}

impl Leaves {
    fn of(effect: &NewEpoch) -> Result<Self, MlsError> {
        let mut leaves = Self::default();
        for info in effect.applied_proposals() {
            match &info.proposal {
                Proposal::Add(add) => leaves.added.push(adapter::credential(add.signing_identity())?),
                Proposal::Remove(remove) => {
                    let at = remove.to_remove();
                    let member = effect.prior_state().member_at_index(at).ok_or(StateError::BadRow)?;
                    leaves.removed.push(adapter::credential(&member.signing_identity)?);
                    leaves.removed_at.push(at);
                }
                Proposal::GroupContextExtensions(extensions) => {
                    let next = GroupExtension::from_context(extensions).map_err(StateError::library)?;
                    let before = &effect.prior_state().context().extensions;
                    let before = GroupExtension::from_context(before).map_err(StateError::library)?;
                    let details = |of: &GroupExtension| of.charter().map(|charter| charter.details.clone());
                    if details(&before) != details(&next) {
                        leaves.details = Details::New;
                    }
                    leaves.extension = Some(next);
                }
                _ => {}
            }
        }
        Ok(leaves)
    }
}
