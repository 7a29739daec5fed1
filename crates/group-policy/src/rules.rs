//! The policy itself: a pure function of a group before a Commit, and the Commit.

use std::collections::BTreeSet;

use hushwire_identity::LeafCredential;
use hushwire_identity::list::ListHead;
use hushwire_types::AccountId;

use crate::{GroupExtension, Kind, Lists, PolicyError, Refusal};

mod direct;
mod group;

/// Leaves of the largest group: what a Commit of 2.7 MB can still carry, and what a member processes in a blink.
pub const MAX_LEAVES: usize = 1_000;

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
    /// A member, by the credential that its leaf had before.
    Member(LeafCredential),
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
    let step = Transition::of(group, change)?;
    if let Some(next) = &change.extension {
        check_extension(&group.extension, next, lists)?;
    }
    if let Some(foreign) = change.added.iter().find(|leaf| !step.next.admits(leaf.account)) {
        return Err(Refusal::ForeignAccount(foreign.account).into());
    }
    if step.leaves_after() > MAX_LEAVES {
        return Err(Refusal::GroupFull.into());
    }
    match (change.committer, &group.extension.kind, &step.next.kind) {
        (Committer::External(new), kind, _) => Ok(check_external(&step, kind, &new)?),
        (Committer::Member(_), Kind::Direct { .. }, _) => direct::check(&step, lists),
        (Committer::Member(by), Kind::Group(old), Kind::Group(new)) => {
            group::check(&step, by.account, (old, new), lists)
        }
        // `check_extension` refused it.
        (Committer::Member(_), Kind::Group(_), Kind::Direct { .. }) => Err(Refusal::ExtensionChanged.into()),
    }
}

/// A Commit, worked out: who is there before and after it.
struct Transition<'a> {
    group: &'a Group,
    change: &'a Change,
    /// The extension after the Commit.
    next: &'a GroupExtension,
    /// The leaves that it removes.
    removed: Vec<Leaf>,
    before: BTreeSet<AccountId>,
    after: BTreeSet<AccountId>,
}

impl<'a> Transition<'a> {
    fn of(group: &'a Group, change: &'a Change) -> Result<Self, Refusal> {
        let find = |index: &u32| group.leaves.iter().find(|leaf| leaf.index == *index).copied();
        let removed: Vec<Leaf> = change
            .removed
            .iter()
            .map(|index| find(index).ok_or(Refusal::NoSuchLeaf))
            .collect::<Result<_, _>>()?;
        let gone: BTreeSet<u32> = change.removed.iter().copied().collect();
        let kept = group.leaves.iter().filter(|leaf| !gone.contains(&leaf.index));
        Ok(Self {
            group,
            change,
            next: change.extension.as_ref().unwrap_or(&group.extension),
            removed,
            before: group.leaves.iter().map(|leaf| leaf.credential.account).collect(),
            after: kept
                .map(|leaf| leaf.credential.account)
                .chain(change.added.iter().map(|leaf| leaf.account))
                .collect(),
        })
    }

    fn leaves_after(&self) -> usize {
        let external = matches!(self.change.committer, Committer::External(_));
        let joining = self.change.added.len() + usize::from(external);
        (self.group.leaves.len() + joining).saturating_sub(self.removed.len())
    }

    /// Whether the account's own list shows the device of a removed leaf as revoked, at the floor that the Commit leaves
    /// (rule R3): then any member may remove it.
    fn is_revoked(&self, leaf: &Leaf, lists: &Lists) -> Result<bool, PolicyError> {
        let LeafCredential { account, device, .. } = leaf.credential;
        match self.next.floors.get(&account) {
            Some(floor) => Ok(!lists.is_active(account, *floor, device)?),
            None => Ok(false),
        }
    }
}

/// What a group is never changes, and floors only rise. What else may change, the kind says.
fn check_extension(old: &GroupExtension, new: &GroupExtension, lists: &Lists) -> Result<(), PolicyError> {
    if !old.is_same_group(new) {
        return Err(Refusal::ExtensionChanged.into());
    }
    for (account, old_floor) in &old.floors {
        let new_floor: &ListHead = new.floors.get(account).ok_or(Refusal::FloorLowered(*account))?;
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

/// Rule R7.
fn check_external(step: &Transition<'_>, kind: &Kind, new: &LeafCredential) -> Result<(), Refusal> {
    if !step.before.contains(&new.account) {
        return Err(Refusal::NotInGroup(new.account));
    }
    if let Kind::Group(charter) = kind
        && charter.role(new.account) == crate::Role::Leaving
    {
        return Err(Refusal::HasLeft(new.account));
    }
    let own = |leaf: &&Leaf| (leaf.credential.account, leaf.credential.device) == (new.account, new.device);
    let own: Vec<Leaf> = step.group.leaves.iter().filter(own).copied().collect();
    // RFC 9420, section 12.4.3.2: an external Commit changes nothing else.
    let alone = step.change.added.is_empty() && step.change.extension.is_none();
    if own == step.removed && alone { Ok(()) } else { Err(Refusal::ExternalRemoves) }
}
