//! What a member's Commit may do in a group, by the rank that its account had before.
//!
//! | change | who |
//! | --- | --- |
//! | fresh keys, a further device of an account that is there, floors | every member |
//! | add an account | whom the permission `add` names |
//! | remove an account of lower rank | admins and owners |
//! | remove one device of several | its account, admins, owners |
//! | remove what its list shows as revoked, or an account that has left | every member |
//! | roles of accounts of lower rank | owners |
//! | lower one's own role, or leave | oneself |
//! | permissions, invite link | admins and owners |
//! | details, timer | whom the permission `details` names |
//!
//! An account that has left may do nothing more. A Commit that puts an account out does not change the details: their
//! key comes from the secrets of the epoch in which the Commit is made, which that account still has (rule R5).

use std::collections::BTreeSet;

use hushwire_types::AccountId;

use super::{Leaf, Transition};
use crate::charter::{Charter, Rank, Role};
use crate::{Lists, PolicyError, Refusal};

/// Decides whether a Commit of a device of `by` may turn `old` into `new` and change the leaves as it does.
pub(super) fn check(
    step: &Transition<'_>,
    by: AccountId,
    (old, new): (&Charter, &Charter),
    lists: &Lists,
) -> Result<(), PolicyError> {
    if old.rank(by) == Rank::Leaving {
        return Err(Refusal::HasLeft(by).into());
    }
    let joined = step.after.difference(&step.before).next();
    if joined.is_some() && !old.may_add(by) {
        return Err(Refusal::NotAllowed("add accounts").into());
    }
    if let Some(gone) = step.change.added.iter().find(|leaf| old.role(leaf.account) == Role::Leaving) {
        return Err(Refusal::HasLeft(gone.account).into());
    }
    for leaf in &step.removed {
        check_removed(step, by, old, leaf, lists)?;
    }
    check_roles(step, by, old, new)?;
    Ok(check_terms(step, by, old, new)?)
}

fn check_removed(
    step: &Transition<'_>,
    by: AccountId,
    old: &Charter,
    leaf: &Leaf,
    lists: &Lists,
) -> Result<(), PolicyError> {
    let account = leaf.credential.account;
    let rank = old.rank(by);
    let stays = step.after.contains(&account);
    let allowed = match old.rank(account) {
        Rank::Leaving => true,
        _ if stays => account == by || rank >= Rank::Admin,
        theirs => rank >= Rank::Admin && theirs < rank,
    };
    if allowed || step.is_revoked(leaf, lists)? {
        Ok(())
    } else {
        Err(Refusal::NotAllowed("remove this account").into())
    }
}

/// Roles are those of accounts with leaves. Who is not there any more has none; of the others each change is judged.
fn check_roles(step: &Transition<'_>, by: AccountId, old: &Charter, new: &Charter) -> Result<(), Refusal> {
    if new.named().any(|(account, _)| !step.after.contains(&account)) {
        return Err(Refusal::RoleWithoutLeaf);
    }
    let named: BTreeSet<AccountId> = old.named().chain(new.named()).map(|(account, _)| account).collect();
    for account in named.into_iter().filter(|account| step.after.contains(account)) {
        let (before, after) = (old.role(account), new.role(account));
        if before != after && !may_change(by, account, old, after) {
            return Err(Refusal::NotAllowed("change this role"));
        }
    }
    Ok(())
}

/// Of a role that changes.
fn may_change(by: AccountId, account: AccountId, old: &Charter, to: Role) -> bool {
    let before = old.role(account);
    if account == by {
        // Where nobody is owner, who is in charge may also take the office.
        return to < before || old.rank(by) == Rank::Owner;
    }
    old.rank(by) == Rank::Owner && old.rank(account) < Rank::Owner && ![before, to].contains(&Role::Leaving)
}

fn check_terms(step: &Transition<'_>, by: AccountId, old: &Charter, new: &Charter) -> Result<(), Refusal> {
    if (old.permissions, old.link) != (new.permissions, new.link) && old.rank(by) < Rank::Admin {
        return Err(Refusal::NotAllowed("change permissions or the invite link"));
    }
    let details = old.details != new.details;
    if (details || old.timer_secs != new.timer_secs) && !old.may_change_details(by) {
        return Err(Refusal::NotAllowed("change the group's details"));
    }
    if details && step.before.difference(&step.after).next().is_some() {
        return Err(Refusal::DetailsWithRemoval);
    }
    Ok(())
}
