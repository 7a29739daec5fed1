//! How the connection to the server stands.

use std::fmt;
use std::time::Duration;

use hushwire_types::Timestamp;

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
    /// This device is no part of its account any more.
    PutOut,
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
const CLOCK_TOLERANCE: Duration = Duration::from_secs(5 * 60);

/// This machine's clock and the server's do not agree. `Display` is one sentence for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockSkew {
    here: Timestamp,
    server: Timestamp,
}

impl ClockSkew {
    /// What there is to be told, if it is worth it.
    pub(crate) fn between(here: Timestamp, server: Timestamp) -> Option<Self> {
        let skew = Self { here, server };
        (skew.by() > CLOCK_TOLERANCE).then_some(skew)
    }

    /// By how much.
    #[must_use]
    pub fn by(&self) -> Duration {
        self.here.max(self.server).since(self.here.min(self.server))
    }
}

impl fmt::Display for ClockSkew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(&str, u64); 3] = [("days", 86_400), ("hours", 3600), ("minutes", 60)];
        let seconds = self.by().as_secs();
        let (unit, length) =
            UNITS.into_iter().find(|(_, length)| seconds / length >= 2).unwrap_or(("minutes", 60));
        let side = if self.here > self.server { "ahead of" } else { "behind" };
        let number = (seconds + length / 2) / length;
        write!(
            f,
            "this machine's clock is {number} {unit} {side} the server's: one of them must be set right"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_nearly_right_is_no_news() {
        let at = |minutes: u64| Timestamp::from_ms((1_000_000 + minutes) * 60_000);
        assert_eq!(ClockSkew::between(at(0), at(5)), None);
        let skew = ClockSkew::between(at(0), at(6)).unwrap().to_string();
        assert!(skew.contains("6 minutes behind"), "{skew}");
        let skew = ClockSkew::between(at(365 * 1440), at(0)).unwrap().to_string();
        assert!(skew.contains("365 days ahead of"), "{skew}");
    }
}
