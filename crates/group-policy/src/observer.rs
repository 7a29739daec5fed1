//! The server's view of a group: an external member that follows the public handshake messages and checks each Commit
//! before it is accepted.
//!
//! **What it cannot check.** An external member has no group secrets, so the confirmation tag, the path secrets and
//! `external_pub` stay unverified here: a hostile member can make the server accept a Commit that the members refuse.
//! The epoch is spent all the same (rule R1); members that cannot apply it rejoin by external Commit and compare
//! `external_pub` with their own (rule R7). Nothing that an observer accepts is therefore proof to a client, which
//! checks everything again.
//!
//! An observer never changes in place: a check gives the observer of the next epoch, which counts once the store has
//! accepted the Commit.

use std::sync::Arc;

use hushwire_identity::LeafCredential;
use hushwire_suite::Suite;
use hushwire_types::{AccountId, DeviceId, Epoch, Generation, GroupId, Timestamp};
use mls_rs::MlsMessage;
use mls_rs::client::MlsError;
use mls_rs::external_client::builder::{
    ExternalBaseConfig, WithCryptoProvider, WithIdentityProvider, WithMlsRules,
};
use mls_rs::external_client::{ExternalClient, ExternalGroup, ExternalReceivedMessage, ExternalSnapshot};
use mls_rs::group::{
    CommitEffect, CommitMessageDescription, ExportedTree, NewEpoch, Roster, proposal::Proposal,
};

use crate::admission::decode;
use crate::key_package::mls_time;
use crate::{
    Admitted, DeviceLists, GroupExtension, Header, Identities, Lists, Policy, PolicyError, Rank, Refusal,
    Role, admit, leaf_credential, peek, rules,
};

mod published;

type Config =
    WithMlsRules<Policy, WithIdentityProvider<Identities, WithCryptoProvider<Suite, ExternalBaseConfig>>>;

/// Format number of a snapshot's first byte.
const SNAPSHOT_FORMAT: u8 = 1;

/// Why an observer refuses.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ObserverError {
    /// The Commit is of another epoch than the group's. A request that names another epoch itself is to be answered before: then
    /// this one is not what its request says.
    #[error("the Commit is not of the current epoch {current}")]
    StaleEpoch {
        /// The group's epoch.
        current: Epoch,
    },
    /// The Commit is of another group than the one that its request names.
    #[error("the message is of another group")]
    OtherGroup,
    /// It breaks policy, or needs device lists that the server does not have. Answer with a policy error.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// It breaks MLS: a bad signature, an invalid tree, an expired KeyPackage. Answer with a policy error.
    #[error("the message is not valid MLS")]
    Mls(#[source] MlsError),
    /// A snapshot of the server's own cannot be read. Rebuild it from an earlier one; if there is none, it is a bug or a
    /// damaged store.
    #[error("the snapshot of the group cannot be read")]
    Snapshot,
}

impl From<Refusal> for ObserverError {
    fn from(refusal: Refusal) -> Self {
        Self::Policy(refusal.into())
    }
}

impl From<MlsError> for ObserverError {
    fn from(error: MlsError) -> Self {
        match PolicyError::inside(&error) {
            Some(policy) => Self::Policy(policy.clone()),
            None => Self::Mls(error),
        }
    }
}

/// A Commit as its sender publishes it: three MLSMessages.
#[derive(Debug, Clone, Copy)]
pub struct Published<'a> {
    /// The Commit, as a PublicMessage.
    pub commit: &'a [u8],
    /// The GroupInfo of the epoch that it makes.
    pub group_info: &'a [u8],
    /// The Welcome for the devices that it adds, where it adds any.
    pub welcome: Option<&'a [u8]>,
}

/// What an allowed Commit does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitSummary {
    /// The epoch that it makes.
    pub new_epoch: Epoch,
    /// Its maker, by the credential of the leaf that it leaves.
    pub committer: LeafCredential,
    /// Whether the maker joined by it (external Commit).
    pub external: bool,
    /// Leaves that it adds, without an external committer's own.
    pub added: Vec<LeafCredential>,
    /// Leaves that it removes, an external committer's old one among them.
    pub removed: Vec<LeafCredential>,
    /// All leaves after it.
    pub roster: Vec<LeafCredential>,
}

/// An allowed Commit with the observer of the epoch that it makes.
pub struct Followed {
    /// What the Commit does.
    pub summary: CommitSummary,
    /// The observer to keep once the Commit is accepted.
    pub next: Observer,
}

/// A group as the server sees it in one epoch.
#[derive(Clone)]
pub struct Observer {
    suite: Suite,
    lists: Lists,
    group: ExternalGroup<Config>,
    id: GroupId,
    extension: GroupExtension,
}

impl Observer {
    /// Starts to observe a new group: epoch 0, its creator's leaf alone.
    ///
    /// # Errors
    /// [`ObserverError::Policy`] or [`ObserverError::Mls`].
    pub fn start(
        suite: &Suite,
        lists: Arc<dyn DeviceLists>,
        group_info: &[u8],
        tree: &[u8],
        creator: (AccountId, DeviceId),
        now: Timestamp,
    ) -> Result<Self, ObserverError> {
        if !matches!(peek(group_info)?, Header::GroupInfo(at) if at.epoch == Epoch(0)) {
            return Err(Refusal::NotANewGroup.into());
        }
        let message = decode(group_info)?;
        published::check_extensions(suite, &message, published::ExternalPub::Optional)?;
        let tree = ExportedTree::from_bytes(tree).map_err(|_| Refusal::Malformed)?;
        let lists = Lists::new(lists);
        lists.judge_tree(&tree)?;
        let group = client(suite, &lists).observe_group(message, Some(tree), Some(mls_time(now)))?;
        let observer = Self::of(suite, lists, group)?;
        observer.check_new(creator)?;
        Ok(observer)
    }

    /// Takes up an observer where [`Observer::snapshot`] left it.
    ///
    /// # Errors
    /// [`ObserverError::Snapshot`].
    pub fn from_snapshot(
        suite: &Suite,
        lists: Arc<dyn DeviceLists>,
        snapshot: &[u8],
    ) -> Result<Self, ObserverError> {
        let Some((&SNAPSHOT_FORMAT, state)) = snapshot.split_first() else {
            return Err(ObserverError::Snapshot);
        };
        let state = ExternalSnapshot::from_bytes(state).map_err(|_| ObserverError::Snapshot)?;
        let lists = Lists::new(lists);
        let group = client(suite, &lists).load_group(state).map_err(|_| ObserverError::Snapshot)?;
        Self::of(suite, lists, group).map_err(|_| ObserverError::Snapshot)
    }

    /// The observer's state, tree included, with a format number in front.
    ///
    /// # Errors
    /// [`ObserverError::Mls`] where mls-rs cannot encode its state, which is a bug.
    pub fn snapshot(&self) -> Result<Vec<u8>, ObserverError> {
        let state = self.group.snapshot().to_bytes()?;
        Ok([&[SNAPSHOT_FORMAT], state.as_slice()].concat())
    }

    /// The ratchet tree of this epoch (RFC 9420, section 12.4.3.3), for joiners and rejoiners.
    ///
    /// # Errors
    /// [`ObserverError::Mls`] where mls-rs cannot encode it, which is a bug.
    pub fn tree(&self) -> Result<Vec<u8>, ObserverError> {
        Ok(self.group.export_tree()?)
    }

    /// The group's id.
    #[must_use]
    pub fn group_id(&self) -> GroupId {
        self.id
    }

    /// The group's epoch.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        Epoch(self.group.group_context().epoch)
    }

    /// The group's extension.
    #[must_use]
    pub fn extension(&self) -> &GroupExtension {
        &self.extension
    }

    /// All leaves of this epoch.
    ///
    /// # Errors
    /// [`ObserverError::Policy`] for a malformed credential, which no check lets in.
    pub fn roster(&self) -> Result<Vec<LeafCredential>, ObserverError> {
        credentials(&self.group.roster())
    }

    /// Checks a Commit that `sender` wants accepted in this epoch.
    ///
    /// # Errors
    /// [`ObserverError`]; this observer stays as it is.
    pub fn check_commit(
        &self,
        published: Published<'_>,
        sender: (AccountId, DeviceId),
        now: Timestamp,
    ) -> Result<Followed, ObserverError> {
        let (commit, next) = self.follow(published.commit, now)?;
        let summary = next.summarize(&commit)?;
        if (summary.committer.account, summary.committer.device) != sender {
            return Err(Refusal::NotTheSender.into());
        }
        let next = next.with_group_info(published.group_info, commit.committer)?;
        published::check_welcome(&self.suite, &commit, published.welcome)?;
        Ok(Followed { summary, next })
    }

    /// Follows a Commit that was accepted at `accepted_at`, to come from a stored snapshot to a later epoch.
    ///
    /// # Errors
    /// [`ObserverError`] where it was not accepted in this epoch: the log and the snapshot do not belong together.
    pub fn replay(&self, commit: &[u8], accepted_at: Timestamp) -> Result<Self, ObserverError> {
        self.follow(commit, accepted_at).map(|(_, next)| next)
    }

    fn follow(
        &self,
        commit: &[u8],
        now: Timestamp,
    ) -> Result<(CommitMessageDescription, Self), ObserverError> {
        let message = self.admit_commit(commit)?;
        let mut group = self.group.clone();
        let received = group.process_incoming_message_with_time(message, mls_time(now))?;
        let ExternalReceivedMessage::Commit(commit) = received else { return Err(Refusal::Malformed.into()) };
        let next = Self::of(&self.suite, self.lists.clone(), group)?;
        Ok((commit, next))
    }

    fn admit_commit(&self, bytes: &[u8]) -> Result<MlsMessage, ObserverError> {
        let Admitted::Commit(at, message) = admit(bytes)? else {
            return Err(Refusal::NotAdmitted("application messages in place of a Commit").into());
        };
        if at.group_id != self.id {
            return Err(ObserverError::OtherGroup);
        }
        if at.epoch != self.epoch() {
            return Err(ObserverError::StaleEpoch { current: self.epoch() });
        }
        Ok(message)
    }

    /// Checks that the GroupInfo belongs to this epoch: mls-rs compares the whole GroupContext (group id, epoch, tree
    /// hash, confirmed transcript hash, extensions) and the confirmation tag, and verifies the signature.
    fn with_group_info(mut self, bytes: &[u8], committer: u32) -> Result<Self, ObserverError> {
        let message = decode(bytes).map_err(|_| Refusal::GroupInfo)?;
        if message.as_group_info().map(mls_rs::group::GroupInfo::sender) != Some(committer) {
            return Err(Refusal::GroupInfo.into());
        }
        published::check_extensions(&self.suite, &message, published::ExternalPub::Required)?;
        self.group.process_incoming_message(message).map_err(|_| Refusal::GroupInfo)?;
        Ok(self)
    }

    fn summarize(&self, commit: &CommitMessageDescription) -> Result<CommitSummary, ObserverError> {
        let new_epoch = new_epoch(commit)?;
        let before = |index| new_epoch.prior_state().member_at_index(index).ok_or(Refusal::NoSuchLeaf);
        let (mut added, mut removed) = (Vec::new(), Vec::new());
        for info in new_epoch.applied_proposals() {
            match &info.proposal {
                Proposal::Add(add) => added.push(leaf_credential(add.signing_identity())?),
                Proposal::Remove(remove) => {
                    removed.push(leaf_credential(&before(remove.to_remove())?.signing_identity)?);
                }
                _ => {}
            }
        }
        let committer = self.group.roster().member_with_index(commit.committer)?;
        Ok(CommitSummary {
            new_epoch: self.epoch(),
            committer: leaf_credential(&committer.signing_identity)?,
            external: commit.is_external,
            added,
            removed,
            roster: self.roster()?,
        })
    }

    fn of(suite: &Suite, lists: Lists, group: ExternalGroup<Config>) -> Result<Self, ObserverError> {
        let context = group.group_context();
        let id = GroupId::try_from(context.group_id()).map_err(|_| Refusal::Malformed)?;
        let extension = GroupExtension::from_context(context.extensions())?;
        Ok(Self { suite: suite.clone(), lists, group, id, extension })
    }

    fn check_new(&self, creator: (AccountId, DeviceId)) -> Result<(), ObserverError> {
        let roster = self.roster()?;
        let [leaf] = roster.as_slice() else { return Err(Refusal::NotANewGroup.into()) };
        if (leaf.account, leaf.device) != creator || !self.group.transcript_hash().is_empty() {
            return Err(Refusal::NotANewGroup.into());
        }
        self.check_founder(leaf.account)?;
        self.lists.check_floor(&self.extension, leaf)?;
        rules::check_floors_known(&self.extension, &self.lists)?;
        Ok(())
    }

    /// A group's first generation is its creator's, who alone has an office; a later one is made by somebody in charge, with
    /// the roles of the one before, which its members compare.
    fn check_founder(&self, founder: AccountId) -> Result<(), Refusal> {
        let Some(charter) = self.extension.charter() else { return Ok(()) };
        let fits = match self.extension.generation {
            Generation(1) => charter.named().eq([(founder, Role::Owner)]),
            _ => charter.rank(founder) >= Rank::Admin,
        };
        if fits { Ok(()) } else { Err(Refusal::NotANewGroup) }
    }
}

fn new_epoch(commit: &CommitMessageDescription) -> Result<&NewEpoch, Refusal> {
    match &commit.effect {
        CommitEffect::NewEpoch(new_epoch) | CommitEffect::Removed { new_epoch, .. } => Ok(new_epoch),
        CommitEffect::ReInit(_) => Err(Refusal::ForbiddenProposal("ReInit proposals")),
    }
}

fn credentials(roster: &Roster<'_>) -> Result<Vec<LeafCredential>, ObserverError> {
    roster.member_identities_iter().map(|identity| Ok(leaf_credential(identity)?)).collect()
}

fn client(suite: &Suite, lists: &Lists) -> ExternalClient<Config> {
    ExternalClient::builder()
        .crypto_provider(suite.clone())
        .identity_provider(Identities::new(lists.clone()))
        .mls_rules(Policy::new(lists.clone()))
        .extension_type(crate::GROUP_EXTENSION)
        .build()
}
