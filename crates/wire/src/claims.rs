//! The registration lock: claims to a handle that has an account, told to its owner's devices and decided by them.

use hushwire_types::{AccountId, Timestamp};

use crate::field::{self, Invalid, Message, codes, empty};
use crate::{Sensitive, limits, proto};

codes! {
    /// How a claim stands.
    HandleClaimState {
        /// Somebody has proved the handle with a code and asks for it.
        Claimed = 1,
        /// A device of the owner has allowed it.
        Allowed = 2,
        /// A device of the owner has refused it.
        Refused = 3,
        /// The handle is the claiming account's now.
        Passed = 4,
    }
}

/// How it stands with a handle of the receiver's own account that another account claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandleClaim {
    /// The handle in its canonical form.
    pub handle: Sensitive,
    /// Who claims it. The account need not exist yet.
    pub account_id: AccountId,
    /// When it was claimed.
    pub claimed_at: Timestamp,
    /// From when on the handle passes without consent, unless a device of its owner logs in before.
    pub locked_until: Timestamp,
    /// How the claim stands.
    pub state: HandleClaimState,
}

impl Message for HandleClaim {
    type Proto = proto::HandleClaim;

    fn from_proto(proto: proto::HandleClaim) -> Result<Self, Invalid> {
        Ok(Self {
            handle: field::sensitive("handle", proto.handle, limits::HANDLE_BYTES)?,
            account_id: field::id("account_id", &proto.account_id)?,
            claimed_at: Timestamp::from_ms(proto.claimed_at),
            locked_until: Timestamp::from_ms(proto.locked_until),
            state: HandleClaimState::from_code(proto.state),
        })
    }

    fn to_proto(&self) -> proto::HandleClaim {
        proto::HandleClaim {
            handle: self.handle.expose().to_owned(),
            account_id: field::bytes(self.account_id),
            claimed_at: self.claimed_at.as_ms(),
            locked_until: self.locked_until.as_ms(),
            state: self.state.code(),
        }
    }
}

/// A handle of an account with which the receiver shares a conversation belongs to another account now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HandleMoved {
    /// The account that had it.
    pub account_id: AccountId,
}

impl Message for HandleMoved {
    type Proto = proto::HandleMoved;

    fn from_proto(proto: proto::HandleMoved) -> Result<Self, Invalid> {
        Ok(Self { account_id: field::id("account_id", &proto.account_id)? })
    }

    fn to_proto(&self) -> proto::HandleMoved {
        proto::HandleMoved { account_id: field::bytes(self.account_id) }
    }
}

codes! {
    /// What the owner of a handle says to a claim.
    HandleClaimAnswer {
        /// The claiming account may have the handle at once.
        Allow = 1,
        /// The handle stays where it is, whatever time passes.
        Refuse = 2,
    }
}

/// Decides about a claim to a handle of the caller's account; answered by [`HandleClaimAnswered`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerHandleClaim {
    /// The handle in its canonical form.
    pub handle: Sensitive,
    /// Whose claim is meant.
    pub account_id: AccountId,
    /// The decision.
    pub answer: HandleClaimAnswer,
}

impl Message for AnswerHandleClaim {
    type Proto = proto::AnswerHandleClaim;

    fn from_proto(proto: proto::AnswerHandleClaim) -> Result<Self, Invalid> {
        Ok(Self {
            handle: field::sensitive("handle", proto.handle, limits::HANDLE_BYTES)?,
            account_id: field::id("account_id", &proto.account_id)?,
            answer: HandleClaimAnswer::from_code(proto.answer),
        })
    }

    fn to_proto(&self) -> proto::AnswerHandleClaim {
        proto::AnswerHandleClaim {
            handle: self.handle.expose().to_owned(),
            account_id: field::bytes(self.account_id),
            answer: self.answer.code(),
        }
    }
}

empty! {
    /// The decision about a claim is stored.
    HandleClaimAnswered,
}
