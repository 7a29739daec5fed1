//! When a handle that has an account passes to another one (registration lock).

use hushwire_types::Timestamp;

use crate::bounds::Bounds;
use crate::claim::{Claim, ClaimAnswer, ClaimStanding, ClaimState};
use crate::error::Refusal;

/// Whether a device of the owner was there after the notice of a claim, other than by a login, which is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// None has acknowledged it.
    Unread,
    /// One has.
    Read,
}

/// What asking for a handle comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing changes.
    Stands(ClaimStanding),
    /// Write this claim in the place of what is there, and tell the owner's devices.
    Claim(Claim),
}

/// A claim as it stands, if it is one still.
#[must_use]
pub fn live(claim: Option<Claim>, notice: Notice, now: Timestamp) -> Option<Claim> {
    let claim = claim?;
    let claim = if notice == Notice::Read { keep(claim) } else { claim };
    (now < claim.ends_at).then_some(claim)
}

/// The claim after a device of the owner was there.
#[must_use]
pub fn keep(claim: Claim) -> Claim {
    match claim.state {
        ClaimState::Pending => Claim { state: ClaimState::Kept, ends_at: claim.locked_until, ..claim },
        ClaimState::Kept | ClaimState::Allowed | ClaimState::Refused => claim,
    }
}

/// The claim after its owner has decided.
#[must_use]
pub fn answer(claim: Claim, answer: ClaimAnswer, bounds: &Bounds, now: Timestamp) -> Claim {
    match answer {
        // Time to come back for whoever claimed it, from the consent on.
        ClaimAnswer::Allow => {
            Claim { state: ClaimState::Allowed, ends_at: now.after(bounds.takeover_after), ..claim }
        }
        // As long as it would have waited anyway, so that it is not told again at once, and whoever claimed it sees nothing.
        ClaimAnswer::Refuse => Claim { state: ClaimState::Refused, ends_at: claim.locked_until, ..claim },
    }
}

/// Asks for a handle. `own` is the claim of the account that asks, live; `others` are when live claims of other accounts to
/// the same handle end.
///
/// # Errors
/// `TooManyClaims`.
pub fn ask(
    own: Option<Claim>,
    others: &[Timestamp],
    bounds: &Bounds,
    now: Timestamp,
) -> Result<Step, Refusal> {
    if let Some(claim) = own {
        return Ok(Step::Stands(standing(&claim, now)));
    }
    let most = usize::try_from(bounds.claims).unwrap_or(usize::MAX);
    if others.len() >= most {
        let until = others.iter().copied().min().unwrap_or(now);
        return Err(Refusal::TooManyClaims { until });
    }
    Ok(Step::Claim(Claim {
        claimed_at: now,
        locked_until: now.after(bounds.takeover_after),
        ends_at: now.after(bounds.claim_ttl),
        state: ClaimState::Pending,
    }))
}

fn standing(claim: &Claim, now: Timestamp) -> ClaimStanding {
    match claim.state {
        ClaimState::Allowed => ClaimStanding::Passes,
        ClaimState::Pending if now >= claim.locked_until => ClaimStanding::Passes,
        ClaimState::Pending | ClaimState::Kept | ClaimState::Refused => {
            ClaimStanding::Locked { until: claim.locked_until }
        }
    }
}

/// Whether a handle passes to the account whose live claim this is.
///
/// # Errors
/// `HandleLocked`.
pub fn passes(own: Option<Claim>, now: Timestamp) -> Result<(), Refusal> {
    match own.map(|claim| standing(&claim, now)) {
        Some(ClaimStanding::Passes) => Ok(()),
        Some(ClaimStanding::Locked { until }) => Err(Refusal::HandleLocked { until: Some(until) }),
        None => Err(Refusal::HandleLocked { until: None }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const T0: Timestamp = Timestamp::from_ms(1_000_000);
    const DAY: Duration = Duration::from_secs(86_400);

    fn claimed() -> Claim {
        match ask(None, &[], &Bounds::default(), T0).unwrap() {
            Step::Claim(claim) => claim,
            Step::Stands(standing) => panic!("not new: {standing:?}"),
        }
    }

    fn asked(claim: Claim, notice: Notice, at: Timestamp) -> Step {
        ask(live(Some(claim), notice, at), &[], &Bounds::default(), at).unwrap()
    }

    #[test]
    fn a_claim_that_nobody_saw_passes_after_its_time_and_is_forgotten_later() {
        let claim = claimed();
        let locked = Step::Stands(ClaimStanding::Locked { until: claim.locked_until });
        assert_eq!(asked(claim, Notice::Unread, T0.after(6 * DAY)), locked);
        assert_eq!(asked(claim, Notice::Unread, T0.after(7 * DAY)), Step::Stands(ClaimStanding::Passes));
        assert!(matches!(asked(claim, Notice::Unread, T0.after(30 * DAY)), Step::Claim(_)));
    }

    #[test]
    fn a_claim_whose_notice_was_read_looks_the_same_and_starts_again_after_its_time() {
        let claim = claimed();
        let locked = Step::Stands(ClaimStanding::Locked { until: claim.locked_until });
        for claim in [claim, keep(claim)] {
            assert_eq!(asked(claim, Notice::Read, T0.after(6 * DAY)), locked);
            assert!(matches!(asked(claim, Notice::Read, T0.after(7 * DAY)), Step::Claim(_)));
        }
    }

    #[test]
    fn an_answer_decides_and_can_be_taken_back() {
        let (bounds, at) = (Bounds::default(), T0.after(DAY));
        let allowed = answer(keep(claimed()), ClaimAnswer::Allow, &bounds, at);
        assert_eq!(asked(allowed, Notice::Read, at), Step::Stands(ClaimStanding::Passes));
        assert!(matches!(asked(allowed, Notice::Read, at.after(7 * DAY)), Step::Claim(_)));
        let refused = answer(allowed, ClaimAnswer::Refuse, &bounds, at);
        let until = refused.locked_until;
        assert_eq!(passes(Some(refused), at), Err(Refusal::HandleLocked { until: Some(until) }));
        assert!(matches!(asked(refused, Notice::Read, until), Step::Claim(_)));
    }

    #[test]
    fn a_handle_has_a_bounded_number_of_claims() {
        let bounds = Bounds { claims: 2, ..Bounds::default() };
        assert!(ask(None, &[T0], &bounds, T0).is_ok());
        let until = T0.after(DAY);
        assert_eq!(ask(None, &[until.after(DAY), until], &bounds, T0), Err(Refusal::TooManyClaims { until }));
        assert!(ask(Some(claimed()), &[until, until], &bounds, T0).is_ok());
    }
}
