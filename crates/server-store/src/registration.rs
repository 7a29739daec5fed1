//! Invites and registration sessions with their one-time codes.
//!
//! Codes come as keyed hashes, never in clear. A wrong OTP is an *accepted* operation, because it must be counted; so
//! it is a [`Written`](crate::Written), not a refusal.

use hushwire_types::{AccountId, SessionId, Timestamp};

use crate::account::Handle;

/// A keyed hash of an invite code or an OTP, made by the caller.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CodeHash(pub [u8; 32]);

impl std::fmt::Debug for CodeHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CodeHash(..)")
    }
}

/// How many accounts an invite makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InviteUses {
    /// So many, counted down.
    Limited(u32),
    /// Any number.
    Unlimited,
}

/// Makes an invite. Answers [`Written::Done`](crate::Written::Done).
#[derive(Debug, Clone)]
pub struct CreateInvite {
    /// The keyed hash of its code.
    pub code: CodeHash,
    /// The first four symbols of its code, for lists.
    pub prefix: String,
    /// What its maker called it.
    pub label: Option<String>,
    /// How many accounts it makes.
    pub uses: InviteUses,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

/// Which invite is meant.
#[derive(Debug, Clone)]
pub enum InviteRef {
    /// By the keyed hash of its whole code.
    Code(CodeHash),
    /// By the beginning that lists show; refused where that is not unique.
    Prefix(String),
}

/// Revokes an invite. Sessions that it started cannot finish. Answers [`Written::Done`](crate::Written::Done).
#[derive(Debug, Clone)]
pub struct RevokeInvite {
    /// The invite.
    pub invite: InviteRef,
}

/// An invite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invite {
    /// The keyed hash of its code.
    pub code: CodeHash,
    /// The first four symbols of its code.
    pub prefix: String,
    /// What its maker called it.
    pub label: Option<String>,
    /// Accounts that it may still make.
    pub uses_left: InviteUses,
    /// Accounts that it made.
    pub used: u32,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

impl Invite {
    /// Whether it still makes an account.
    #[must_use]
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.uses_left != InviteUses::Limited(0) && self.expires_at.is_none_or(|end| now < end)
    }
}

/// What lets somebody register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionMethod {
    /// An invite, by the keyed hash of its code.
    Invite(CodeHash),
    /// A phone number, an e-mail address: an OTP proves it.
    Otp,
    /// The server is open.
    Open,
}

/// The OTP of a new session.
#[derive(Debug, Clone, Copy)]
pub struct NewOtp {
    /// Its keyed hash.
    pub code: CodeHash,
    /// When it ends.
    pub expires_at: Timestamp,
    /// How often it may be tried.
    pub tries: u32,
}

/// Starts a registration. A username that is taken is refused here and again at the end; a phone number or an address
/// that has an account is not, because only its owner may learn that (see [`ClaimHandle`](crate::claim::ClaimHandle)).
/// Answers [`Written::Done`](crate::Written::Done).
#[derive(Debug, Clone)]
pub struct StartSession {
    /// Drawn at random by the caller.
    pub session: SessionId,
    /// The account that it will make, fixed before any OTP is sent.
    pub account: AccountId,
    /// What lets it register.
    pub method: SessionMethod,
    /// The phone number or the address that the OTP proves.
    pub contact: Option<Handle>,
    /// The wanted username.
    pub username: Option<Handle>,
    /// The OTP, where one is needed.
    pub otp: Option<NewOtp>,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// Tries an OTP. Answers [`Written::Otp`](crate::Written::Otp).
#[derive(Debug, Clone, Copy)]
pub struct TryOtp {
    /// The session.
    pub session: SessionId,
    /// The keyed hash of what was typed.
    pub code: CodeHash,
}

/// What came of an OTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtpOutcome {
    /// It was right: the session may make its account.
    Right,
    /// It was wrong, and was counted.
    Wrong {
        /// Tries that are left in this session.
        tries_left: u32,
    },
}

/// A registration under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub session: SessionId,
    /// The account that it will make.
    pub account: AccountId,
    /// What lets it register.
    pub method: SessionMethod,
    /// The phone number or the address.
    pub contact: Option<Handle>,
    /// The wanted username.
    pub username: Option<Handle>,
    /// Its OTP.
    pub otp: Option<Otp>,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// The OTP of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Otp {
    /// Its keyed hash.
    pub code: CodeHash,
    /// When it ends.
    pub expires_at: Timestamp,
    /// Tries that are left.
    pub tries_left: u32,
    /// Whether it was given.
    pub given: OtpGiven,
}

/// Whether an OTP was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtpGiven {
    /// Not yet.
    No,
    /// Yes: it opens nothing else any more.
    Yes,
}
