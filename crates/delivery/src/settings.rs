//! What the operator decides.

use std::time::Duration;

use crate::limits::Limits;

/// Whether a way to register is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Way {
    /// Nobody registers this way.
    #[default]
    Closed,
    /// Whoever passes its checks may register this way.
    Open,
}

/// Which ways to register this server offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ways {
    /// With an invite.
    pub invite: Way,
    /// With a phone number and an OTP.
    pub phone: Way,
    /// With an e-mail address and an OTP.
    pub email: Way,
    /// With nothing.
    pub open: Way,
}

impl Default for Ways {
    /// Invites only.
    fn default() -> Self {
        Self { invite: Way::Open, phone: Way::Closed, email: Way::Closed, open: Way::Closed }
    }
}

/// How much may be under way to one client that has not acknowledged it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Entries.
    pub entries: usize,
    /// Bytes of their payloads.
    pub bytes: usize,
}

impl Default for Window {
    /// 256 entries and 1 MiB: a client that processes a batch in one transaction is never idle on a line with 100 ms
    /// of delay, and 10,000 stuck clients pin 10 GB at the very worst instead of their whole mailboxes.
    fn default() -> Self {
        Self { entries: 256, bytes: 1 << 20 }
    }
}

/// Everything that the operator decides about the services.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// The ways to register.
    pub ways: Ways,
    /// Quotas.
    pub limits: Limits,
    /// Flow control of deliveries.
    pub window: Window,
}

/// How long an OTP sent to a phone is good for.
pub(crate) const PHONE_OTP_LIFETIME: Duration = Duration::from_secs(60);
/// How long an OTP sent by e-mail is good for: mail is slow.
pub(crate) const EMAIL_OTP_LIFETIME: Duration = Duration::from_secs(600);
/// Tries of one code.
pub(crate) const OTP_TRIES: u32 = 5;
/// How long a registration may take after its last step.
pub(crate) const SESSION_LIFETIME: Duration = Duration::from_secs(900);
