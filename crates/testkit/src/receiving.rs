//! One device and a server that lies to it as the bytes of a fuzzer say: the stateful receive path, from the frame to the row that a
//! person sees.
//!
//! Bob's device was away while Alice and Carol wrote to him in conversations that he has and in one that he does not have yet
//! (`story`, made once in a process). Each run begins there, on copies of his profile and of the server. Bytes are acts (`act`): what
//! truly waits for him comes in order and out of it, again, cut, with other bytes, numbers and places; answers to his device fail,
//! are garbled or never come; hours pass, he gives commands, his process dies. Whatever his device asks for is carried out by the real
//! services.
//!
//! What must hold (`oracle`):
//! - no step fails, and no act makes the device and the server go in circles;
//! - the cursor of the mailbox never moves back, unless an alert tells that the server left entries out or made them up;
//! - nothing is shown twice, and nothing that nobody wrote there;
//! - once the server has stopped lying, everything that was written is there; where something is missing, a line in that conversation
//!   or an alert tells that something is wrong, at the latest with the next message of those who wrote (rule R4).

mod act;
mod desk;
mod liar;
mod oracle;
mod ordeal;
mod story;

use crate::simulator::{Failure, one_thread};

/// What came to pass in a run, so that a test can hold that enough does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Acts.
    pub acts: u64,
    /// Texts of others that are shown in the end.
    pub shown: u64,
    /// Texts of others that are missing in the end, which was told.
    pub missing: u64,
    /// Runs in which it took another message of the others until it was told.
    pub told_late: u64,
}

impl Tally {
    /// Both together.
    #[must_use]
    pub const fn plus(&self, other: &Self) -> Self {
        Self {
            acts: self.acts.saturating_add(other.acts),
            shown: self.shown.saturating_add(other.shown),
            missing: self.missing.saturating_add(other.missing),
            told_late: self.told_late.saturating_add(other.told_late),
        }
    }
}

/// Lets happen what the bytes say, heals the server, and asks the oracle.
///
/// # Errors
/// [`Failure`]: what does not hold, after the acts that led there.
pub fn receive(bytes: &[u8]) -> Result<Tally, Failure> {
    one_thread();
    ordeal::Ordeal::begin()?.endure(bytes)
}
