//! Claims to a phone number or an address that has an account (registration lock).
//!
//! Whoever gives the right OTP for such a handle claims it for the account of the session. The claim and a notice to each
//! device of the owner are written together. The handle passes when a device allows it, or seven days later if no device
//! was there since: one that logs in, or that acknowledges the notice because it was connected all the time, keeps it.
//!
//! Invariants:
//! - A claim is of one handle and one claiming account. Consent to one is none to another.
//! - One claim is told once. However often it is asked for, it is neither told again nor does its time start again before
//!   that time is over; and a handle has at most [`Bounds::claims`](crate::Bounds::claims) of them.
//! - Whoever claims cannot tell a claim that was refused, or whose owner was there, from one that waits.

use std::fmt;

use hushwire_types::{AccountId, SessionId, Timestamp};

use crate::mailbox::Publication;

/// Asks that a handle passes to the account of a session whose OTP was right. Records the claim and tells the owner's
/// devices, where nothing is recorded yet. Answers [`Written::Claim`](crate::Written::Claim).
#[derive(Debug, Clone, Copy)]
pub struct ClaimHandle {
    /// The session, its OTP given.
    pub session: SessionId,
}

/// Decides about a claim to a handle of an account, and tells its devices. It can be decided again until the handle has
/// passed. Answers [`Written::ClaimAnswered`](crate::Written::ClaimAnswered).
#[derive(Debug, Clone)]
pub struct AnswerClaim {
    /// The account that has the handle.
    pub account: AccountId,
    /// The handle in its canonical form.
    pub handle: String,
    /// Whose claim is meant.
    pub claimant: AccountId,
    /// The decision.
    pub answer: ClaimAnswer,
}

/// What an owner says to a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimAnswer {
    /// The claiming account may have the handle at once.
    Allow,
    /// The handle stays, whatever time passes.
    Refuse,
}

/// What came of asking for a handle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandleClaimed {
    /// Whether the session may make its account now.
    pub standing: ClaimStanding,
    /// The notices to the owner's devices.
    pub publications: Vec<Publication>,
}

/// Whether a handle passes to who claims it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimStanding {
    /// It does.
    Passes,
    /// Not before this, if at all.
    Locked {
        /// When.
        until: Timestamp,
    },
}

/// A claim as it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// When it was made.
    pub claimed_at: Timestamp,
    /// When it passes without consent, if no device of the owner was there.
    pub locked_until: Timestamp,
    /// When it is forgotten.
    pub ends_at: Timestamp,
    /// How it stands.
    pub state: ClaimState,
}

/// How a claim stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimState {
    /// It waits for the owner or for its time.
    Pending,
    /// A device of the owner was there: only consent lets the handle pass.
    Kept,
    /// The owner has allowed it.
    Allowed,
    /// The owner has refused it.
    Refused,
}

/// What the owner's devices are told of a claim.
#[derive(Clone, PartialEq, Eq)]
pub struct ClaimNotice {
    /// The handle in its canonical form.
    pub handle: String,
    /// Who claims it.
    pub claimant: AccountId,
    /// When it was claimed.
    pub claimed_at: Timestamp,
    /// When it passes without consent, if no device of the owner is there before.
    pub locked_until: Timestamp,
    /// What happened.
    pub what: ClaimEvent,
}

/// Entries are in the `Debug` of events, and a handle must not be.
impl fmt::Debug for ClaimNotice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClaimNotice")
            .field("claimant", &self.claimant)
            .field("claimed_at", &self.claimed_at)
            .field("what", &self.what)
            .finish_non_exhaustive()
    }
}

/// What happened to a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimEvent {
    /// It was made.
    Claimed,
    /// The owner allowed it.
    Allowed,
    /// The owner refused it.
    Refused,
    /// The handle passed.
    Passed,
}
