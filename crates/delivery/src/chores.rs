//! What is done without anybody asking: limits are saved, what is too old is swept out.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hushwire_server_store::upkeep::{Expire, SaveLimits};
use hushwire_types::Timestamp;

use crate::job::{After, Job};
use crate::service::Service;

/// Limits are saved at most this often; a crash gives back what was used up since.
const SAVE_EVERY: Duration = Duration::from_secs(10);
/// Entries live for 30 days: a minute more does no harm.
const SWEEP_EVERY: Duration = Duration::from_secs(60);
/// Mailboxes of one sweep, so that a batch stays short.
const SWEPT_AT_ONCE: u32 = 256;

#[derive(Debug, Default)]
struct Done {
    saved: Timestamp,
    swept: Timestamp,
}

/// When what was done last.
pub(crate) struct Chores {
    done: Mutex<Done>,
}

impl Chores {
    pub(crate) fn new() -> Self {
        Self { done: Mutex::default() }
    }
}

impl Service {
    /// The chores that are due, for the writer. Call it about once a second.
    #[must_use]
    pub fn tick(&self, now: Timestamp) -> Vec<Job> {
        self.staging.expire(now);
        let (mut save, mut sweep) = (false, false);
        {
            let mut done = self.chores.done.lock().unwrap_or_else(PoisonError::into_inner);
            if is_due(done.saved, now, SAVE_EVERY) {
                (done.saved, save) = (now, true);
            }
            if is_due(done.swept, now, SWEEP_EVERY) {
                (done.swept, sweep) = (now, true);
            }
        }
        let mut jobs = Vec::new();
        let limits = if save { self.limiter.save(now, SAVE_EVERY) } else { Vec::new() };
        if !limits.is_empty() {
            jobs.push(Job::quiet(SaveLimits { limits }, After::Nothing));
        }
        if sweep {
            jobs.push(Job::quiet(Expire { mailboxes: SWEPT_AT_ONCE }, After::Swept));
        }
        jobs
    }

    /// A sweep has ended; where it left something, the next one is due at once.
    pub(crate) fn swept(&self, more: bool) {
        if more {
            self.chores.done.lock().unwrap_or_else(PoisonError::into_inner).swept = Timestamp::default();
        }
    }
}

/// A clock that was set back counts as due, or nothing would be done until it catches up.
fn is_due(last: Timestamp, now: Timestamp, every: Duration) -> bool {
    now < last || now.since(last) >= every
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chore_is_due_after_its_time_and_after_a_clock_was_set_back() {
        let last = Timestamp::from_ms(1_000_000);
        let due = |now| is_due(last, now, SAVE_EVERY);
        assert!(!due(last) && !due(last.after(SAVE_EVERY - Duration::from_millis(1))));
        assert!(due(last.after(SAVE_EVERY)) && due(Timestamp::from_ms(999_999)));
    }
}
