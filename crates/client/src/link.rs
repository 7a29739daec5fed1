//! How the connection to the server stands.

use std::time::Duration;

/// How the connection to the server stands, for whoever waits for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// Not connected, and trying again on its own.
    Offline {
        /// What went wrong last; nothing at the start.
        reason: Option<Trouble>,
    },
    /// Connecting and logging in.
    Connecting,
    /// Logged in; entries from before are still coming.
    CatchingUp,
    /// Logged in, and everything from before has come.
    Live,
    /// Not connected, and not trying again: a person must act.
    Ended {
        /// Why.
        reason: Trouble,
    },
}

/// What is wrong with a connection, sorted by who can do something about it. `Display` is one sentence for a person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Trouble {
    /// What kind it is.
    pub kind: TroubleKind,
    /// One sentence.
    pub text: String,
}

/// What kind of trouble a connection has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TroubleKind {
    /// The network or the server is not there. It is tried again.
    Network,
    /// The server did not prove its pinned identity. It is not tried again on this start.
    Untrusted,
    /// The server does not let this device in.
    Refused,
    /// The server asks to slow down. It is tried again.
    RateLimit,
    /// The same device logged in elsewhere: this profile was copied.
    Fenced,
    /// The profile's database failed.
    Storage,
}

impl Trouble {
    pub(crate) fn new(kind: TroubleKind, text: impl std::fmt::Display) -> Self {
        Self { kind, text: text.to_string() }
    }

    /// Whether trying again may help without anybody doing anything.
    pub(crate) const fn passes(&self) -> bool {
        matches!(self.kind, TroubleKind::Network | TroubleKind::RateLimit | TroubleKind::Storage)
    }
}

/// From this difference on, a person is told that a clock is wrong.
pub const CLOCK_TOLERANCE: Duration = Duration::from_secs(5 * 60);
