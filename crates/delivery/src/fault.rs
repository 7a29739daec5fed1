//! Why a request is not granted, and the one place where that becomes a wire code.
//!
//! What a client does follows from the code alone; the text is one sentence for a person. None of them holds
//! personal data or tells an outsider what it may not know: a stranger's conversation, an account behind a number.

use std::time::Duration;

use hushwire_group_policy::{ObserverError, PolicyError};
use hushwire_server_store::{Refusal, StoreError};
use hushwire_types::Timestamp;
use hushwire_wire::{
    Error, ErrorCode, LoginFailed, LoginFailure, RegistrationFailed, RegistrationFailure, Response, Standing,
};

use crate::limits::Wait;

/// A request is not granted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum Fault {
    /// A version or a request that this server does not speak.
    #[error("this server speaks version 2 of the protocol only")]
    Unsupported,
    /// An object inside the request cannot be read or does not verify.
    #[error("{0}")]
    Malformed(&'static str),
    /// Over a limit in bytes.
    #[error("this is larger than the server takes")]
    TooLarge,
    /// No such upload, or no such body of an entry, or not any more.
    #[error("what this refers to is not here, or not any more")]
    BodyMissing,
    /// No such link, or nobody at its other end.
    #[error("nobody waits under this code, or not any more: begin again on the new device")]
    LinkMissing,
    /// The recovery key is none of this handle's account, or there is no such account.
    #[error("this recovery key does not belong to an account with this name")]
    NotRecoverable,
    /// The connection is in another state.
    #[error("{0}")]
    NotNow(&'static str),
    /// Nobody is logged in.
    #[error("log in first")]
    NotLoggedIn,
    /// A limit.
    #[error("too many requests; try again later")]
    RateLimited(Duration),
    /// More in flight than the server takes.
    #[error("the server is busy; try again in a moment")]
    Busy,
    /// The store is down.
    #[error("the server cannot store anything at the moment; try again later")]
    Unavailable,
    /// A bug or damaged data.
    #[error("the server made a mistake; try again later")]
    Internal,
    /// No such account or handle.
    #[error("nobody here has this name")]
    UnknownAccount,
    /// Nobody claims this handle of the caller's, or not any more.
    #[error("nobody claims this number or address of yours, or not any more")]
    UnknownClaim,
    /// No such conversation, or none that the caller may know of.
    #[error("there is no such conversation")]
    UnknownConversation,
    /// The caller's device has no leaf.
    #[error("this device is not a member of the conversation")]
    NotAMember,
    /// The epoch is over.
    #[error("the conversation has moved on")]
    StaleEpoch(Standing),
    /// The epoch has not begun here.
    #[error("the server does not have this epoch yet")]
    FutureEpoch(Standing),
    /// The number was used for something else.
    #[error("this number was used for another message; the profile may be an old copy")]
    IdReused,
    /// A rule of the group, or of what is accepted at all (rule R9).
    #[error("{0}")]
    Refused(String),
    /// Somebody else was first.
    #[error("the conversation exists already")]
    ConversationExists(Standing),
    /// The list has another head.
    #[error("the device list has changed meanwhile")]
    ListConflict,
    /// The caller, or whom the caller wants to reach.
    #[error("the account is suspended")]
    Suspended,
    /// Nothing to claim.
    #[error("none of the devices has a KeyPackage at the moment")]
    NoKeyPackage,
    /// A newer generation exists.
    #[error("the conversation continues in a newer group")]
    ClosedGeneration(Standing),
    /// The registration cannot go on.
    #[error(transparent)]
    Registration(#[from] Unregistered),
    /// The login is refused.
    #[error(transparent)]
    Login(#[from] Unwelcome),
}

/// Why a registration cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unregistered {
    #[error("this invite is not valid, or not any more")]
    Invite,
    #[error("this name, or one that looks like it, is taken")]
    HandleTaken,
    #[error("this name, number or address cannot be used")]
    HandleInvalid,
    #[error("this server does not take registrations this way")]
    MethodNotAllowed,
    #[error("the registration took too long; start again")]
    SessionInvalid,
    #[error("the code is wrong")]
    OtpWrong { tries_left: u32 },
    #[error("the code is no longer valid; ask for a new one")]
    OtpExpired,
    #[error("the code could not be sent")]
    OtpUndeliverable,
    #[error("{0}")]
    Keys(&'static str),
    #[error(
        "this number or address has an account whose devices were told; it passes on when one of them allows it, or after a \
         week in which none of them logged in"
    )]
    HandleLocked { until: Option<Timestamp> },
}

/// Why a login is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unwelcome {
    /// Unknown or not proven; a stranger learns no more.
    #[error("the server does not know this device")]
    Refused,
    /// By the operator.
    #[error("the account is suspended")]
    Suspended,
    /// By the account itself.
    #[error("this device was removed from its account")]
    Revoked,
}

impl From<Wait> for Fault {
    fn from(Wait(span): Wait) -> Self {
        Self::RateLimited(span)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the store failed");
        match error {
            StoreError::Unavailable(_) => Self::Unavailable,
            _ => Self::Internal,
        }
    }
}

/// What a store refuses, as whoever asked may know it.
impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        let at = |generation, epoch| Standing { generation, epoch };
        match refusal {
            Refusal::InviteInvalid => Unregistered::Invite.into(),
            Refusal::SessionInvalid | Refusal::OtpRequired => Unregistered::SessionInvalid.into(),
            Refusal::OtpExpired | Refusal::OtpSpent => Unregistered::OtpExpired.into(),
            Refusal::HandleTaken { .. } | Refusal::HandleLooksAlike { .. } => {
                Unregistered::HandleTaken.into()
            }
            Refusal::HandleLocked { until } => Unregistered::HandleLocked { until }.into(),
            Refusal::AccountExists => Unregistered::Keys("the account exists already").into(),
            Refusal::UnknownAccount => Self::UnknownAccount,
            Refusal::UnknownClaim => Self::UnknownClaim,
            Refusal::TooManyReports => Self::RateLimited(crate::reports::ROOM_AFTER),
            Refusal::AccountSuspended => Self::Suspended,
            Refusal::ListConflict { .. } => Self::ListConflict,
            Refusal::UnknownMailbox => Self::NotLoggedIn,
            Refusal::TooManyKeyPackages => Self::Refused("there are too many KeyPackages already".to_owned()),
            Refusal::NoKeyPackage => Self::NoKeyPackage,
            Refusal::UnknownConversation => Self::UnknownConversation,
            Refusal::ConversationExists { generation, epoch } => {
                Self::ConversationExists(at(generation, epoch))
            }
            Refusal::ClosedGeneration { generation, epoch } => Self::ClosedGeneration(at(generation, epoch)),
            Refusal::StaleEpoch { generation, epoch } => Self::StaleEpoch(at(generation, epoch)),
            Refusal::FutureEpoch { generation, epoch } => Self::FutureEpoch(at(generation, epoch)),
            Refusal::NotAMember => Self::NotAMember,
            Refusal::IdReused => Self::IdReused,
            other => {
                tracing::error!(%other, "the store refused what no client asks for");
                Self::Internal
            }
        }
    }
}

impl From<hushwire_group_policy::Refusal> for Fault {
    fn from(refusal: hushwire_group_policy::Refusal) -> Self {
        Self::Refused(refusal.to_string())
    }
}

impl From<ObserverError> for Fault {
    fn from(error: ObserverError) -> Self {
        match error {
            ObserverError::Policy(PolicyError::Refused(refusal)) => refusal.into(),
            // The server has every list, so what it does not have does not exist.
            ObserverError::Policy(_) => {
                Self::Refused("a leaf names a device list that does not exist".to_owned())
            }
            ObserverError::OtherGroup | ObserverError::StaleEpoch { .. } => {
                Self::Refused("the Commit is of another group or epoch than it says".to_owned())
            }
            ObserverError::Mls(_) => Self::Refused("the message is not valid MLS".to_owned()),
            _ => Self::Internal,
        }
    }
}

impl Fault {
    /// The fault as an error, where no registration and no login can be what failed.
    pub(crate) fn into_error(self) -> Error {
        let text = self.to_string();
        match Response::from(self) {
            Response::Error(error) => error,
            _ => Error::new(ErrorCode::Internal, text),
        }
    }
}

/// A server that is full says how long it needs; nobody gains from asking sooner.
const BUSY: Duration = Duration::from_millis(200);
const UNAVAILABLE: Duration = Duration::from_secs(2);

impl From<Fault> for Response {
    fn from(fault: Fault) -> Self {
        let text = fault.to_string();
        let error = match fault {
            Fault::Registration(why) => return unregistered(why, text).into(),
            Fault::Login(why) => return unwelcome(why, text).into(),
            Fault::Unsupported => Error::new(ErrorCode::Unsupported, text),
            Fault::Malformed(_) => Error::new(ErrorCode::Malformed, text),
            Fault::TooLarge => Error::new(ErrorCode::TooLarge, text),
            Fault::BodyMissing => Error::new(ErrorCode::BodyMissing, text),
            Fault::NotRecoverable => Error::new(ErrorCode::UnknownAccount, text),
            Fault::LinkMissing => Error::new(ErrorCode::LinkMissing, text),
            Fault::NotNow(_) => Error::new(ErrorCode::NotNow, text),
            Fault::NotLoggedIn => Error::new(ErrorCode::NotLoggedIn, text),
            Fault::RateLimited(wait) => Error::new(ErrorCode::RateLimited, text).retry_after(wait),
            Fault::Busy => Error::new(ErrorCode::Busy, text).retry_after(BUSY),
            Fault::Unavailable => Error::new(ErrorCode::Unavailable, text).retry_after(UNAVAILABLE),
            Fault::Internal => Error::new(ErrorCode::Internal, text).retry_after(UNAVAILABLE),
            Fault::UnknownAccount | Fault::UnknownClaim => Error::new(ErrorCode::UnknownAccount, text),
            Fault::UnknownConversation => Error::new(ErrorCode::UnknownConversation, text),
            Fault::NotAMember => Error::new(ErrorCode::NotAMember, text),
            Fault::StaleEpoch(at) => Error::new(ErrorCode::StaleEpoch, text).at(at.generation, at.epoch),
            Fault::FutureEpoch(at) => Error::new(ErrorCode::FutureEpoch, text).at(at.generation, at.epoch),
            Fault::IdReused => Error::new(ErrorCode::IdReused, text),
            Fault::Refused(_) => Error::new(ErrorCode::RefusedByPolicy, text),
            Fault::ConversationExists(at) => {
                Error::new(ErrorCode::ConversationExists, text).at(at.generation, at.epoch)
            }
            Fault::ListConflict => Error::new(ErrorCode::ListConflict, text),
            Fault::Suspended => Error::new(ErrorCode::AccountSuspended, text),
            Fault::NoKeyPackage => Error::new(ErrorCode::NoKeyPackage, text),
            Fault::ClosedGeneration(at) => {
                Error::new(ErrorCode::ClosedGeneration, text).at(at.generation, at.epoch)
            }
        };
        error.into()
    }
}

fn unregistered(why: Unregistered, text: String) -> RegistrationFailed {
    let (failure, tries_left, locked_until) = match why {
        Unregistered::Invite => (RegistrationFailure::InviteInvalid, 0, None),
        Unregistered::HandleTaken => (RegistrationFailure::HandleTaken, 0, None),
        Unregistered::HandleInvalid => (RegistrationFailure::HandleInvalid, 0, None),
        Unregistered::MethodNotAllowed => (RegistrationFailure::MethodNotAllowed, 0, None),
        Unregistered::SessionInvalid => (RegistrationFailure::SessionInvalid, 0, None),
        Unregistered::OtpWrong { tries_left } => (RegistrationFailure::OtpWrong, tries_left, None),
        Unregistered::OtpExpired => (RegistrationFailure::OtpExpired, 0, None),
        Unregistered::OtpUndeliverable => (RegistrationFailure::OtpUndeliverable, 0, None),
        Unregistered::Keys(_) => (RegistrationFailure::KeysInvalid, 0, None),
        Unregistered::HandleLocked { until } => (RegistrationFailure::HandleLocked, 0, until),
    };
    RegistrationFailed { failure, text, tries_left, locked_until }
}

fn unwelcome(why: Unwelcome, text: String) -> LoginFailed {
    let failure = match why {
        Unwelcome::Refused => LoginFailure::Refused,
        Unwelcome::Suspended => LoginFailure::Suspended,
        Unwelcome::Revoked => LoginFailure::Revoked,
    };
    LoginFailed { failure, text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hushwire_types::{Epoch, Generation};

    /// Code, details and sentence of every fault: what clients act on, and what people read.
    #[test]
    fn each_fault_has_its_code_and_its_sentence() {
        let at = Standing { generation: Generation(2), epoch: Epoch(7) };
        let until = Some(Timestamp::from_ms(99));
        let faults: Vec<Fault> = vec![
            Fault::Unsupported,
            Fault::Malformed("it cannot be read"),
            Fault::TooLarge,
            Fault::BodyMissing,
            Fault::LinkMissing,
            Fault::NotRecoverable,
            Fault::NotNow("say Hello first"),
            Fault::NotLoggedIn,
            Fault::RateLimited(Duration::from_secs(3)),
            Fault::Busy,
            Fault::Unavailable,
            Fault::Internal,
            Fault::UnknownAccount,
            Fault::UnknownClaim,
            Fault::UnknownConversation,
            Fault::NotAMember,
            Fault::StaleEpoch(at),
            Fault::FutureEpoch(at),
            Fault::IdReused,
            Fault::Refused("a rule forbids it".to_owned()),
            Fault::ConversationExists(at),
            Fault::ListConflict,
            Fault::Suspended,
            Fault::NoKeyPackage,
            Fault::ClosedGeneration(at),
            Unregistered::Invite.into(),
            Unregistered::HandleTaken.into(),
            Unregistered::HandleInvalid.into(),
            Unregistered::MethodNotAllowed.into(),
            Unregistered::SessionInvalid.into(),
            Unregistered::OtpWrong { tries_left: 3 }.into(),
            Unregistered::OtpExpired.into(),
            Unregistered::OtpUndeliverable.into(),
            Unregistered::Keys("the keys do not fit").into(),
            Unregistered::HandleLocked { until }.into(),
            Unwelcome::Refused.into(),
            Unwelcome::Suspended.into(),
            Unwelcome::Revoked.into(),
        ];
        let lines: Vec<String> =
            faults.into_iter().map(|fault| format!("{:?}", Response::from(fault))).collect();
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn whatever_is_wrong_with_a_commit_is_its_senders_fault_but_a_snapshot_is_ours() {
        let missing = PolicyError::MissingLists(Vec::new());
        let stale = ObserverError::StaleEpoch { current: Epoch(7) };
        for wrong in [ObserverError::OtherGroup, stale, missing.into()] {
            assert!(matches!(Fault::from(wrong), Fault::Refused(_)));
        }
        assert_eq!(Fault::from(ObserverError::Snapshot), Fault::Internal);
    }
}
