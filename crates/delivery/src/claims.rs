//! The registration lock, seen from the owner of a handle: its devices decide about claims.
//!
//! Consent is as good as the login that it came over: whoever holds a device of the account may give the account's
//! handles away, as it may add devices.

use hushwire_identity::Handle;
use hushwire_server_store::claim::{AnswerClaim, ClaimAnswer, ClaimEvent, ClaimNotice};
use hushwire_types::Timestamp;
use hushwire_wire::{AnswerHandleClaim, HandleClaim, HandleClaimAnswer, HandleClaimState, Sensitive};

use crate::fault::Fault;
use crate::job::{After, Job};
use crate::limits::Limit;
use crate::service::Service;
use crate::session::Caller;
use crate::step::{Origin, Step};

impl Service {
    pub(crate) fn answer_claim(
        &self,
        caller: Caller,
        origin: Origin,
        answer: &AnswerHandleClaim,
        now: Timestamp,
    ) -> Result<Step, Fault> {
        self.limiter.take(Limit::AnswerClaim, caller.account.as_ref(), now)?;
        let decision = match answer.answer {
            HandleClaimAnswer::Allow => ClaimAnswer::Allow,
            HandleClaimAnswer::Refuse => ClaimAnswer::Refuse,
            _ => return Err(Fault::Malformed("a claim is allowed or refused, and this is neither")),
        };
        let handle: Handle = answer.handle.expose().parse().map_err(|_| Fault::UnknownClaim)?;
        let write = AnswerClaim {
            account: caller.account,
            handle: handle.to_string(),
            claimant: answer.account_id,
            answer: decision,
        };
        Ok(Step::write(Job::new(origin, write, After::ClaimAnswered)))
    }
}

/// A notice as the wire has it.
pub(crate) fn to_wire(notice: &ClaimNotice) -> HandleClaim {
    let ClaimNotice { handle, claimant, claimed_at, locked_until, what } = notice;
    let state = match what {
        ClaimEvent::Claimed => HandleClaimState::Claimed,
        ClaimEvent::Allowed => HandleClaimState::Allowed,
        ClaimEvent::Refused => HandleClaimState::Refused,
        ClaimEvent::Passed => HandleClaimState::Passed,
    };
    HandleClaim {
        handle: Sensitive::new(handle.as_str()),
        account_id: *claimant,
        claimed_at: *claimed_at,
        locked_until: *locked_until,
        state,
    }
}
