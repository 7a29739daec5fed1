//! The policy itself: a pure function of a group before a Commit, and the Commit.

use std::collections::BTreeSet;

use hushwire_identity::LeafCredential;
use hushwire_identity::list::ListHead;
use hushwire_types::AccountId;

use crate::{GroupExtension, Lists, PolicyError, Refusal};

/// A leaf of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leaf {
    /// Its index in the tree.
    pub index: u32,
    /// What its credential claims.
    pub credential: LeafCredential,
}

/// A group before a Commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its extension.
    pub extension: GroupExtension,
    /// All of its leaves.
    pub leaves: Vec<Leaf>,
}

/// Who made a Commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Committer {
    /// A member.
    Member,
    /// A device that joins by external Commit, by the credential of its new leaf.
    External(LeafCredential),
}

/// What a Commit does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Who made it.
    pub committer: Committer,
    /// The leaves that it adds; not the external committer's own.
    pub added: Vec<LeafCredential>,
    /// Indices of the leaves that it removes.
    pub removed: Vec<u32>,
    /// The new extension where it replaces the old one.
    pub extension: Option<GroupExtension>,
}

/// Decides whether a Commit is allowed. That its leaves are valid is [`Identities`](crate::Identities)' part.
///
/// # Errors
/// [`PolicyError::Refused`] for what is not allowed, [`PolicyError::MissingLists`] where that depends on lists that
/// are not known.
pub fn check(group: &Group, change: &Change, lists: &Lists) -> Result<(), PolicyError> {
    let removed = removed_leaves(group, &change.removed)?;
    if let Some(next) = &change.extension {
        check_extension(&group.extension, next, lists)?;
    }
    let next = change.extension.as_ref().unwrap_or(&group.extension);
    if let Some(foreign) = change.added.iter().find(|leaf| !next.admits(leaf.account)) {
        return Err(Refusal::ForeignAccount(foreign.account).into());
    }
    match change.committer {
        Committer::Member => check_removed_accounts(group, change, &removed, next, lists),
        Committer::External(new) => Ok(check_external(group, &removed, &new)?),
    }
}

fn removed_leaves(group: &Group, removed: &[u32]) -> Result<Vec<Leaf>, Refusal> {
    let find = |index: &u32| group.leaves.iter().find(|leaf| leaf.index == *index).copied();
    removed.iter().map(|index| find(index).ok_or(Refusal::NoSuchLeaf)).collect()
}

/// The extension never changes but for floors that rise.
fn check_extension(old: &GroupExtension, new: &GroupExtension, lists: &Lists) -> Result<(), PolicyError> {
    let frozen =
        |extension: &GroupExtension| (extension.conversation, extension.generation, extension.kind.clone());
    if frozen(old) != frozen(new) {
        return Err(Refusal::ExtensionChanged.into());
    }
    for (account, old_floor) in &old.floors {
        let new_floor = new.floors.get(account).ok_or(Refusal::FloorLowered(*account))?;
        if !lists.reaches(*account, *new_floor, *old_floor)? {
            return Err(Refusal::FloorLowered(*account).into());
        }
    }
    check_floors_known(new, lists)
}

/// Floors stand at heads that exist: one that nobody can reach would lock its account out.
pub(crate) fn check_floors_known(extension: &GroupExtension, lists: &Lists) -> Result<(), PolicyError> {
    extension.floors.iter().try_for_each(|(account, floor)| lists.require(*account, *floor))
}

/// A member may remove any leaf but its own, yet no account may be put out of a direct conversation: it could not
/// come back (rule R7), and nobody could let it in but who put it out. The exception is an account all of whose removed
/// leaves its own list shows as revoked at the floor that the Commit leaves (rule R3).
fn check_removed_accounts(
    group: &Group,
    change: &Change,
    removed: &[Leaf],
    next: &GroupExtension,
    lists: &Lists,
) -> Result<(), PolicyError> {
    let kept = group.leaves.iter().filter(|leaf| !change.removed.contains(&leaf.index));
    let after: BTreeSet<AccountId> = kept
        .map(|leaf| leaf.credential.account)
        .chain(change.added.iter().map(|leaf| leaf.account))
        .collect();
    for leaf in removed.iter().filter(|leaf| !after.contains(&leaf.credential.account)) {
        let LeafCredential { account, device, .. } = leaf.credential;
        let floor: &ListHead = next.floors.get(&account).ok_or(Refusal::AccountRemoved(account))?;
        if lists.is_active(account, *floor, device)? {
            return Err(Refusal::AccountRemoved(account).into());
        }
    }
    Ok(())
}

/// Rule R7.
fn check_external(group: &Group, removed: &[Leaf], new: &LeafCredential) -> Result<(), Refusal> {
    let of_account = |leaf: &&Leaf| leaf.credential.account == new.account;
    if !group.leaves.iter().any(|leaf| of_account(&leaf)) {
        return Err(Refusal::NotInGroup(new.account));
    }
    let own: Vec<Leaf> = group
        .leaves
        .iter()
        .filter(of_account)
        .filter(|leaf| leaf.credential.device == new.device)
        .copied()
        .collect();
    if own == removed { Ok(()) } else { Err(Refusal::ExternalRemoves) }
}
