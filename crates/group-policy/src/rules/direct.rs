//! What a member's Commit may do in a direct conversation.

use super::Transition;
use crate::{Lists, PolicyError, Refusal};

/// A member may remove any leaf but its own, yet no account may be put out of a direct conversation: it could not
/// come back (rule R7), and nobody could let it in but who put it out. The exception is an account all of whose removed
/// leaves its own list shows as revoked (rule R3).
pub(super) fn check(step: &Transition<'_>, lists: &Lists) -> Result<(), PolicyError> {
    for leaf in &step.removed {
        let account = leaf.credential.account;
        if !step.after.contains(&account) && !step.is_revoked(leaf, lists)? {
            return Err(Refusal::AccountRemoved(account).into());
        }
    }
    Ok(())
}
