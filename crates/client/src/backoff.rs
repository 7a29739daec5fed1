//! When to try again: exponential, jittered, bounded.
//!
//! Full jitter between the base and the exponential bound, so that thousands of devices that lost one server do not
//! come back in step.

use std::time::Duration;

use hushwire_types::{Entropy, rng};

/// The shortest wait.
const BASE: Duration = Duration::from_millis(250);
/// The longest wait: a person who looks at the screen should not wait longer for a server that is back.
const LONGEST: Duration = Duration::from_secs(30);

/// Failures in a row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// Something failed: how long to wait before the next try.
    pub fn failed(&mut self, entropy: &dyn Entropy) -> Duration {
        self.failures = self.failures.saturating_add(1);
        let bound = BASE.saturating_mul(1 << self.failures.min(10)).min(LONGEST);
        let spread = u64::try_from(bound.saturating_sub(BASE).as_millis()).unwrap_or(u64::MAX);
        BASE + Duration::from_millis(rng::below(entropy, spread.saturating_add(1)))
    }

    /// It works again.
    pub const fn succeeded(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use hushwire_types::OsEntropy;

    use super::*;

    #[test]
    fn waits_grow_within_their_bounds_and_start_over() {
        let mut backoff = Backoff::default();
        for _ in 0..50 {
            let wait = backoff.failed(&OsEntropy);
            assert!(wait >= BASE && wait <= LONGEST, "{wait:?}");
        }
        backoff.succeeded();
        assert!(backoff.failed(&OsEntropy) <= BASE * 2);
    }
}
