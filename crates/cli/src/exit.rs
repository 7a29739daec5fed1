//! Exit codes, as the man page lists them.

use std::process::ExitCode;

use hushwire_rpc::FaultKind;

/// How a run of hush ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// All is well.
    Ok = 0,
    /// Something failed.
    Error = 1,
    /// The command line is wrong.
    Usage = 2,
    /// The profile has no account.
    NotRegistered = 3,
    /// The server could not be reached. What was to be sent is kept.
    Network = 4,
    /// A key is not trusted.
    Untrusted = 5,
    /// The server asks to slow down.
    RateLimit = 6,
    /// Nobody has that name.
    UnknownRecipient = 7,
    /// Sent to some, not to all.
    PartlySent = 8,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl From<FaultKind> for Exit {
    fn from(kind: FaultKind) -> Self {
        match kind {
            FaultKind::Error => Self::Error,
            FaultKind::Usage => Self::Usage,
            FaultKind::NotRegistered => Self::NotRegistered,
            FaultKind::Network => Self::Network,
            FaultKind::Untrusted => Self::Untrusted,
            FaultKind::RateLimit => Self::RateLimit,
            FaultKind::UnknownRecipient => Self::UnknownRecipient,
            FaultKind::Partly => Self::PartlySent,
        }
    }
}
