//! Coming back into a group by an external Commit (RFC 9420, section 12.4.3.2; rule R7).
//!
//! Invariants:
//! - The rejoin is staged beside the group, never in it: until the stream brings the Commit back, an old state that
//!   still works keeps working, and a lost race costs nothing.
//! - It removes exactly this device's old leaf where there is one, and nobody else's.
//! - An epoch below one that this device knows of is refused: the server may be showing an old group.

use hushwire_group_policy::{GroupExtension, Kind, Lists};
use hushwire_identity::LeafCredential;
use hushwire_suite::remembering;
use hushwire_types::{Epoch, GroupId, SecretBytes, Timestamp};
use mls_rs::error::MlsError as LibraryError;
use mls_rs::group::{ExportedTree, GroupInfo};
use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize};
use zeroize::Zeroizing;

use crate::adapter::{self, Group};
use crate::change::{EpochChange, Membership, Origin};
use crate::commit::Pending;
use crate::device::Device;
use crate::error::{MlsError, Refusal, StateError};
use crate::group::{LeafKeys, Loaded};
use crate::head::Head;
use crate::join;
use crate::message::{MessageHash, message_hash};
use crate::row;
use crate::staging::Staging;

/// A rejoin that counts only when the stream brings it back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StagedRejoin {
    /// The group.
    pub group_id: GroupId,
    /// The external Commit to send, and to send again unchanged.
    pub bytes: Vec<u8>,
    /// Its [`message_hash`], by which its echo is known.
    pub hash: MessageHash,
    /// The GroupInfo of the new epoch, to publish with the Commit.
    pub group_info: Vec<u8>,
    /// The epoch that the Commit ends.
    pub epoch: Epoch,
    /// What the members of the group agree on: the caller checks that it is the conversation it meant.
    pub extension: GroupExtension,
    /// Whose the leaves of the new epoch are.
    pub members: Vec<LeafCredential>,
    /// What [`Device::apply_own_commit`] needs; to be stored with the Commit, and deleted when it lost.
    pub secrets: SecretBytes,
}

/// The group as it is after the external Commit.
#[derive(MlsSize, MlsEncode, MlsDecode)]
pub(crate) struct PendingRejoin {
    #[mls_codec(with = "mls_rs_codec::byte_vec")]
    group_id: Vec<u8>,
    /// The epoch that the external Commit ends.
    epoch: u64,
    /// The old leaf that the Commit removes, in the form of its credential; empty where there is none.
    #[mls_codec(with = "mls_rs_codec::byte_vec")]
    removed: Vec<u8>,
    #[mls_codec(with = "mls_rs_codec::byte_vec")]
    state: Zeroizing<Vec<u8>>,
    tree: ExportedTree<'static>,
}

impl Device {
    /// Makes an external Commit into a group that this device has lost, or never entered though it was added.
    ///
    /// `at_least` is the highest epoch that the caller has seen of the group in any way (messages, answers, other
    /// devices); a loaded state counts by itself.
    ///
    /// # Errors
    /// [`MlsError::Refused`] with [`Refusal::Rollback`], [`Refusal::GroupInfo`], [`Refusal::Tree`], [`Refusal::Policy`]
    /// or [`Refusal::OtherConversation`]; [`MlsError::MissingLists`].
    pub fn stage_rejoin(
        &mut self,
        group_info: &[u8],
        ratchet_tree: &[u8],
        at_least: Epoch,
    ) -> Result<StagedRejoin, MlsError> {
        let message = adapter::parse(group_info)?;
        let info = message.as_group_info().ok_or(MlsError::Refused(Refusal::GroupInfo))?;
        let id = self.check_target(info, at_least)?;
        let epoch = Epoch(info.group_context().epoch);
        let tree = adapter::tree(ratchet_tree)?;
        join::judge(&self.lists, &tree)?;
        let old = self.old_leaf(&tree);

        // A scratch store: mls-rs must find no older epochs of the group, and must not write into the live one.
        let scratch = Staging::default();
        let client = adapter::client(&self.keys, &self.suite, &self.lists, &scratch)?;
        let mut builder = client.external_commit_builder().map_err(StateError::library)?.with_tree_data(tree);
        if let Some((leaf, _)) = old {
            builder = builder.with_removal(leaf);
        }
        let (mut group, commit) =
            remembering(|| builder.build(message)).map_err(|error| rejoin_error(&self.lists, &error))?;
        group.write_to_storage_without_ratchet_tree().map_err(StateError::library)?;
        let pending = PendingRejoin {
            group_id: id.as_bytes().to_vec(),
            epoch: epoch.0,
            removed: old.map(|(_, credential)| credential.encode()).unwrap_or_default(),
            state: scratch.state_of(&id).ok_or(StateError::Inconsistent(id))?,
            tree: group.export_tree().into_owned(),
        };
        let bytes = commit.to_bytes().map_err(StateError::library)?;
        Ok(StagedRejoin {
            group_id: id,
            hash: message_hash(&bytes),
            bytes,
            group_info: published(&group)?,
            epoch,
            extension: adapter::extension(&group)?,
            members: adapter::members(&group)?,
            secrets: row::encode(&Pending::Rejoin(pending))?,
        })
    }

    /// Refuses a GroupInfo that is older than what is known, or of another conversation.
    fn check_target(&mut self, info: &GroupInfo, at_least: Epoch) -> Result<GroupId, MlsError> {
        let context = info.group_context();
        let id = adapter::group_id(context)?;
        let found = GroupExtension::from_context(&context.extensions)
            .map_err(|refusal| MlsError::Refused(refusal.into()))?;
        let mut known = at_least;
        if let Some(loaded) = self.groups.get(&id) {
            known = known.max(loaded.head.epoch());
            let ours = adapter::extension(&loaded.group)?;
            // A charter is amended by Commits that this device may have missed; in one epoch there is one.
            let amended = matches!((&ours.kind, &found.kind), (Kind::Group(_), Kind::Group(_)))
                && Epoch(context.epoch) > loaded.head.epoch();
            let same = (ours.conversation, ours.generation) == (found.conversation, found.generation);
            if !same || (ours.kind != found.kind && !amended) {
                return Err(MlsError::Refused(Refusal::OtherConversation));
            }
        }
        if Epoch(context.epoch) < known {
            return Err(MlsError::Refused(Refusal::Rollback));
        }
        Ok(id)
    }

    /// This device's leaf in a tree that is not checked yet: if it lies, the Commit is refused.
    fn old_leaf(&self, tree: &ExportedTree<'_>) -> Option<(u32, LeafCredential)> {
        let own = self.keys.credential;
        tree.roster().members_iter().find_map(|member| {
            let credential = adapter::credential(&member.signing_identity).ok()?;
            ((credential.account, credential.device) == (own.account, own.device))
                .then_some((member.index, credential))
        })
    }

    /// Puts the group of a rejoin in the place of whatever there was.
    pub(crate) fn apply_rejoin(
        &mut self,
        group: &GroupId,
        pending: PendingRejoin,
        now: Timestamp,
    ) -> Result<EpochChange, MlsError> {
        if pending.group_id != group.as_bytes() {
            return Err(MlsError::Misuse("the rejoin is into another group"));
        }
        if self.groups.peek(group).is_some_and(|loaded| loaded.head.epoch() > Epoch(pending.epoch)) {
            return Err(MlsError::PastEpoch { epoch: Epoch(pending.epoch) });
        }
        let old = self.groups.pop(group);
        self.drop_rows(group, old.as_ref());
        let known = old.map(|old| old.head.details_key().clone());
        self.staging.load_state(group, pending.state);
        let joined = self
            .client
            .load_group_with_ratchet_tree(group.as_bytes(), pending.tree)
            .map_err(StateError::library)?;
        let epoch = Epoch(joined.current_epoch());
        let mut head = Head::entering(epoch, LeafKeys::Commit { since: now });
        head.set_details_key(known.unwrap_or_default());
        let loaded = Loaded::new(joined, head);
        let removed = match pending.removed.as_slice() {
            [] => Vec::new(),
            bytes => vec![LeafCredential::decode(bytes).map_err(|_| StateError::BadRow)?],
        };
        let change = EpochChange {
            epoch,
            committer: loaded.credential_at(loaded.group.current_member_index())?,
            origin: Origin::External,
            added: Vec::new(),
            removed,
            extension: None,
            membership: Membership::Member,
            transcript_hash: adapter::transcript_hash(&loaded.group),
        };
        self.groups.put(*group, loaded);
        Ok(change)
    }
}

fn published(group: &Group) -> Result<Vec<u8>, MlsError> {
    let info = group.group_info_message_allowing_ext_commit(false).map_err(StateError::library)?;
    Ok(info.to_bytes().map_err(StateError::library)?)
}

fn rejoin_error(lists: &Lists, error: &LibraryError) -> MlsError {
    let reason = match error {
        LibraryError::TreeHashMismatch => Refusal::Tree,
        _ => Refusal::GroupInfo,
    };
    adapter::judged(lists, error, reason)
}
