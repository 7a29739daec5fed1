//! Work for any thread but the connection's and the writer's.

use std::fmt;

use hushwire_types::Timestamp;
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
}

impl Check {
    pub(crate) const fn new(origin: Origin, work: Work) -> Self {
        Self { origin, work, held: None }
    }
}

pub(crate) enum Work {
    Keys(Box<SendPublicKeys>),
    KeyPackages(Caller, Box<PutKeyPackages>),
    ListEntry(Caller, AppendListEntry),
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
    Write(Job),
    Answer(Response),
}

impl Service {
    /// Does the work of a check. May take milliseconds, for large groups more.
    pub fn check(&self, check: Check, now: Timestamp) -> Checked {
        let Check { origin, work, held } = check;
        let verdict = match work {
            Work::Keys(keys) => self.check_keys(origin, &keys, now),
            Work::KeyPackages(caller, put) => self.check_key_packages(caller, origin, &put, now),
            Work::ListEntry(caller, append) => self.check_entry(caller, origin, &append),
            Work::Create(caller, create) => self.check_creation(caller, origin, &create, now),
            Work::Commit(caller, commit) => self.check_commit(caller, origin, &commit, now),
            Work::Fetch(caller, fetch) => self.fetched(caller, &fetch),
        };
        match verdict {
            Ok(Verdict::Write(job)) => Checked::Write(Box::new(Job { held, ..job })),
            Ok(Verdict::Answer(response)) => Checked::Answer(origin.answer(response)),
            Err(fault) => Checked::Answer(origin.answer(Response::from(fault))),
        }
    }
}
