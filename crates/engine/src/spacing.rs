//! The spacing of voluntary Commits: at least so long apart in a group and on a device, also over restarts.
//!
//! Invariant: when this device last made a Commit is written with the Commit, so a program that is started in a loop cannot cause
//! a storm of them.

use hushwire_client_store::setting;
use hushwire_types::{ConversationId, Timestamp};

use crate::schedule;
use crate::step::Step;
use crate::stop::Stop;

/// The setting that keeps when this device last made a Commit.
const LAST_COMMIT: &str = "last commit";

impl Step<'_, '_> {
    /// Whether the spacing of voluntary Commits allows one now; if not, the conversation is looked at again when it does.
    pub(crate) fn may_commit(&mut self, id: &ConversationId) -> Result<bool, Stop> {
        let at = self.session.may_commit_at(id).max(self.spaced_before_the_start()?);
        if at > self.now {
            self.session.attend_at(*id, at);
            return Ok(false);
        }
        Ok(true)
    }

    /// Whether devices may be added now. That is not voluntary: until then they miss what is said, in every conversation of
    /// their owner at once, so only the spacing of the group counts.
    pub(crate) fn may_add(&mut self, id: &ConversationId) -> bool {
        let last = self.session.committed.get(id);
        let at = last.map(|last| last.after(schedule::COMMIT_SPACING_GROUP)).unwrap_or_default();
        if at > self.now {
            self.session.attend_at(*id, at);
        }
        at <= self.now
    }

    /// The spacing that a start does not end: a device that is started in a loop must not commit at each start.
    fn spaced_before_the_start(&self) -> Result<Timestamp, Stop> {
        let Some(bytes) = setting::find(self.tx, LAST_COMMIT)? else { return Ok(Timestamp::default()) };
        let last =
            bytes.try_into().map_or(Timestamp::default(), |at| Timestamp::from_ms(u64::from_be_bytes(at)));
        // A moment to come is of a clock that was wrong.
        Ok(if last > self.now { Timestamp::default() } else { last.after(schedule::COMMIT_SPACING_DEVICE) })
    }

    /// This device makes a Commit in a conversation.
    pub(crate) fn note_commit(&mut self, id: &ConversationId) -> Result<(), Stop> {
        self.session.committed.insert(*id, self.now);
        self.session.last_commit = Some(self.now);
        Ok(setting::put(self.tx, LAST_COMMIT, &self.now.as_ms().to_be_bytes())?)
    }
}
