//! The policy where mls-rs calls it: on every Commit that is made or received, before it is applied.

use mls_rs::MlsRules;
use mls_rs::group::proposal::{BorrowedProposal, Proposal};
use mls_rs::group::{GroupContext, Roster};
use mls_rs::mls_rules::{
    CommitDirection, CommitOptions, CommitSource, EncryptionOptions, ProposalBundle, ProposalSource,
};

use crate::rules::{self, Change, Committer, Group, Leaf};
use crate::{GroupExtension, Lists, PolicyError, Refusal, leaf_credential};

/// The rules of client and server (`MlsRules`). The same for made and received Commits, so that no device makes one
/// that another refuses.
#[derive(Clone)]
pub struct Policy {
    lists: Lists,
}

impl Policy {
    /// Rules over `lists`, where what is missing is recorded.
    #[must_use]
    pub fn new(lists: Lists) -> Self {
        Self { lists }
    }
}

impl MlsRules for Policy {
    type Error = PolicyError;

    fn filter_proposals(
        &self,
        _: CommitDirection,
        source: CommitSource,
        current_roster: &Roster<'_>,
        current_context: &GroupContext,
        proposals: ProposalBundle,
    ) -> Result<ProposalBundle, PolicyError> {
        let group = group_of(current_roster, current_context)?;
        let change = change_of(&source, &proposals)?;
        rules::check(&group, &change, &self.lists)?;
        Ok(proposals)
    }

    /// Every Commit brings a fresh leaf, one Welcome for all, no ratchet tree anywhere, and a GroupInfo for rejoining.
    fn commit_options(
        &self,
        _: &Roster<'_>,
        _: &GroupContext,
        _: &ProposalBundle,
    ) -> Result<CommitOptions, PolicyError> {
        Ok(CommitOptions::new()
            .with_path_required(true)
            .with_single_welcome_message(true)
            .with_ratchet_tree_extension(false)
            .with_always_out_of_band_ratchet_tree(true)
            .with_allow_external_commit(true))
    }

    /// Commits are public, for the server to follow; the content of application messages is padded before MLS sees it.
    fn encryption_options(&self, _: &Roster<'_>, _: &GroupContext) -> Result<EncryptionOptions, PolicyError> {
        Ok(EncryptionOptions::new(false, mls_rs::client_builder::PaddingMode::None))
    }
}

fn group_of(roster: &Roster<'_>, context: &GroupContext) -> Result<Group, Refusal> {
    let leaves = roster.members_iter().map(|member| {
        Ok(Leaf { index: member.index, credential: leaf_credential(&member.signing_identity)? })
    });
    Ok(Group {
        extension: GroupExtension::from_context(&context.extensions)?,
        leaves: leaves.collect::<Result<_, Refusal>>()?,
    })
}

fn change_of(source: &CommitSource, proposals: &ProposalBundle) -> Result<Change, Refusal> {
    let mut change =
        Change { committer: committer(source)?, added: vec![], removed: vec![], extension: None };
    for info in proposals.iter_proposals() {
        if !matches!(info.source, ProposalSource::ByValue) {
            return Err(Refusal::ForbiddenProposal("proposals by reference"));
        }
        match info.proposal {
            BorrowedProposal::Add(add) => change.added.push(leaf_credential(add.signing_identity())?),
            BorrowedProposal::Remove(remove) => change.removed.push(remove.to_remove()),
            BorrowedProposal::ExternalInit(_) => {}
            BorrowedProposal::GroupContextExtensions(extensions) => {
                change.extension = Some(GroupExtension::from_context(extensions)?);
            }
            other => return Err(Refusal::ForbiddenProposal(name(&Proposal::from(other)))),
        }
    }
    Ok(change)
}

fn committer(source: &CommitSource) -> Result<Committer, Refusal> {
    match source {
        CommitSource::ExistingMember(member) => {
            Ok(Committer::Member(leaf_credential(&member.signing_identity)?))
        }
        CommitSource::NewMember(identity) => Ok(Committer::External(leaf_credential(identity)?)),
    }
}

/// What to call a proposal of a kind that is not accepted.
pub(crate) fn name(proposal: &Proposal) -> &'static str {
    match proposal {
        Proposal::Psk(_) => "PreSharedKey proposals",
        Proposal::ReInit(_) => "ReInit proposals",
        _ => "proposals of such a kind",
    }
}
