//! Work for any thread but the connection's and the writer's.

use std::any::Any;
use std::fmt;

use hushwire_types::{AccountId, ConversationId, Timestamp};
use hushwire_wire::{
    AppendListEntry, CreateConversation, FetchGroup, PutKeyPackages, Response, SendCommit, SendPublicKeys,
};

use crate::job::Job;
use crate::service::Service;
use crate::session::Caller;
use crate::staging::Held;
use crate::step::{Origin, Outbound};

/// Work that is too slow for a connection's task: cryptography over objects of clients, trees.
pub struct Check {
    pub(crate) origin: Origin,
    pub(crate) work: Work,
    /// The upload that the request came in.
    pub(crate) held: Option<Box<Held>>,
    turn: Option<Turn>,
}

/// Whose turn it is in a lane; dropping it ends the turn.
pub type Turn = Box<dyn Any + Send>;

impl Check {
    pub(crate) const fn new(origin: Origin, work: Work) -> Self {
        Self { origin, work, held: None, turn: None }
    }

    /// The lane of a Commit: its conversation. Checks of one lane should take turns, so that of many Commits for one epoch
    /// the first is validated and the others are refused by its durable result, before any cryptography. Whoever lets them
    /// run at once loses time, nothing else: the writer compares again.
    #[must_use]
    pub fn lane(&self) -> Option<ConversationId> {
        match &self.work {
            Work::Create(_, create) => Some(create.conversation_id),
            Work::Commit(_, commit) => Some(commit.conversation_id),
            Work::Keys(_) | Work::KeyPackages(..) | Work::ListEntry(..) | Work::Fetch(..) => None,
        }
    }

    /// The same with its turn, which ends once what the check leads to is durable or refused.
    #[must_use]
    pub fn in_turn(self, turn: Turn) -> Self {
        Self { turn: Some(turn), ..self }
    }
}

pub(crate) enum Work {
    Keys(Box<SendPublicKeys>),
    KeyPackages(Caller, Box<PutKeyPackages>),
    ListEntry(AccountId, AppendListEntry),
    Create(Caller, Box<CreateConversation>),
    Commit(Caller, Box<SendCommit>),
    Fetch(Caller, FetchGroup),
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Check").field("origin", &self.origin).finish_non_exhaustive()
    }
}

/// What a check led to.
#[derive(Debug)]
pub enum Checked {
    /// The request is answered.
    Answer(Outbound),
    /// It goes on to the writer.
    Write(Box<Job>),
}

/// What a check gives: a job, or an answer at once.
pub(crate) enum Verdict {
    Write(Box<Job>),
    Answer(Response),
}

impl Verdict {
    pub(crate) fn write(job: Job) -> Self {
        Self::Write(Box::new(job))
    }
}

impl Service {
    /// Does the work of a check. May take milliseconds, for large groups more.
    pub fn check(&self, check: Check, now: Timestamp) -> Checked {
        let Check { origin, work, held, turn } = check;
        let verdict = match work {
            Work::Keys(keys) => self.check_keys(origin, &keys, now),
            Work::KeyPackages(caller, put) => self.check_key_packages(caller, origin, &put, now),
            Work::ListEntry(account, append) => self.check_entry(account, origin, &append),
            Work::Create(caller, create) => self.check_creation(caller, origin, &create, now),
            Work::Commit(caller, commit) => self.check_commit(caller, origin, &commit, now),
            Work::Fetch(caller, fetch) => self.fetched(caller, &fetch),
        };
        match verdict {
            Ok(Verdict::Write(job)) => Checked::Write(Box::new(Job { held, turn, ..*job })),
            Ok(Verdict::Answer(response)) => Checked::Answer(origin.answer(response)),
            Err(fault) => Checked::Answer(origin.answer(Response::from(fault))),
        }
    }
}
