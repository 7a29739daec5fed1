//! What the engine knows of the present connection, and when it wants to be woken. All of it is in memory only: after
//! a crash it is empty, and [`crate::Input::Online`] fills it from the rows.
//!
//! Invariant: a tag is in flight at most once on a connection, so an answer is never taken for that of a repeat.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hushwire_mls::Addition;
use hushwire_types::{AccountId, ConversationId, ListNumber, Seq, Timestamp};

use crate::devices::Appending;
use crate::index::Index;
use crate::{ClaimAnswer, Command, CommandId, Tag, schedule};

/// The volatile part of an engine. It is cloned before a step and put back where the step fails.
#[derive(Debug, Clone, Default)]
pub(crate) struct Session {
    /// The connection, from [`crate::Input::Online`] to [`crate::Input::Offline`].
    pub(crate) connection: Option<Connection>,
    /// Commands that wait for a look-up, by canonical handle.
    pub(crate) waiting: Vec<(CommandId, Command, String)>,
    /// Commands that wait for a decision about a claim: the handle, who claims it, what was decided.
    pub(crate) deciding: Vec<(CommandId, String, AccountId, ClaimAnswer)>,
    /// The entry of the own list that a command has written and the server has not answered.
    pub(crate) appending: Option<Appending>,
    /// Conversations to look at in this step.
    pub(crate) attend: BTreeSet<ConversationId>,
    /// Conversations to look at later.
    pub(crate) later: BTreeSet<(Timestamp, ConversationId)>,
    /// Since when a conversation waits for something that the stream should bring.
    pub(crate) waiting_since: BTreeMap<ConversationId, Timestamp>,
    /// When a group last saw a voluntary Commit of this device.
    pub(crate) committed: BTreeMap<ConversationId, Timestamp>,
    /// When this device last made a voluntary Commit.
    pub(crate) last_commit: Option<Timestamp>,
    /// KeyPackages that were claimed for a group and are not used yet. Lost with the process, they are claimed again.
    pub(crate) claimed: BTreeMap<(ConversationId, AccountId), Vec<Addition>>,
    /// Conversations in which the server refused a Commit of this device: either breaks a rule, or their histories differ.
    pub(crate) refused: BTreeSet<ConversationId>,
    /// Since when the server has not had an epoch of a conversation that this device is in.
    pub(crate) behind: BTreeMap<ConversationId, Timestamp>,
    /// Conversations whose texts wait for room in the outbox.
    pub(crate) crowded: BTreeSet<ConversationId>,
    /// When it was last said that a person writes.
    pub(crate) typing: BTreeMap<ConversationId, Timestamp>,
    /// Until when the receipts of a conversation wait for others.
    pub(crate) receipts_due: BTreeMap<ConversationId, Timestamp>,
    /// Accounts whose list the server hides, which was told.
    pub(crate) withheld: BTreeSet<AccountId>,
    /// When the stream, caught up, was last seen alive.
    pub(crate) heard: Option<Timestamp>,
    /// When the last step was.
    pub(crate) stepped: Option<Timestamp>,
    /// When old rows were last looked for.
    pub(crate) swept: Option<Timestamp>,
    /// How the search index stands.
    pub(crate) index: Index,
    /// The hole at which this device already asked for the stream again.
    pub(crate) hole: Option<Seq>,
}

/// The present connection.
#[derive(Debug, Clone, Default)]
pub(crate) struct Connection {
    /// Requests that were sent and not answered.
    pub(crate) in_flight: BTreeSet<Tag>,
    /// Requests that were refused for now: how often, and when to try again.
    pub(crate) backoff: BTreeMap<Tag, Backoff>,
    /// Both clocks at the login.
    pub(crate) clocks: Option<Clocks>,
    /// Through where the stream came from before; none until it has caught up.
    pub(crate) listening: Option<Seq>,
    /// How far the server has the own list.
    pub(crate) own_list: Option<ListNumber>,
    /// KeyPackages that the server has left, and whether it gave the last resort out.
    pub(crate) pool: Option<Pool>,
    /// Accounts whose list was fetched on this connection.
    pub(crate) fresh: BTreeSet<AccountId>,
}

/// This device's clock and the server's at a login.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clocks {
    pub(crate) here: Timestamp,
    pub(crate) server: Timestamp,
}

impl Clocks {
    /// A moment of this device's clock as all devices of a group see it: by its own clock, unless that is far off the
    /// server's. Lifetimes in MLS are judged by others, so a wrong clock must not make leaves that nobody takes, nor
    /// find those of others too old.
    fn shared(self, here: Timestamp) -> Timestamp {
        let (ahead, behind) = (self.here.since(self.server), self.server.since(self.here));
        if ahead.max(behind) <= schedule::CLOCK_TOLERANCE {
            return here;
        }
        here.after(behind).before(ahead)
    }
}

/// What the server has of this device's KeyPackages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pool {
    pub(crate) left: u32,
    pub(crate) last_resort_used: bool,
}

/// A request that waits before it is made again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Backoff {
    pub(crate) tries: u32,
    pub(crate) until: Timestamp,
}

impl Session {
    pub(crate) const fn is_online(&self) -> bool {
        self.connection.is_some()
    }

    pub(crate) fn is_listening(&self) -> bool {
        self.connection.as_ref().is_some_and(|connection| connection.listening.is_some())
    }

    /// Whether an entry came after the stream had caught up, not from before.
    pub(crate) fn is_live(&self, seq: Seq) -> bool {
        let through = self.connection.as_ref().and_then(|connection| connection.listening);
        through.is_some_and(|through| seq > through)
    }

    /// A moment of this device's clock for MLS; see [`Clocks::shared`].
    pub(crate) fn shared(&self, here: Timestamp) -> Timestamp {
        let clocks = self.connection.as_ref().and_then(|connection| connection.clocks);
        clocks.map_or(here, |clocks| clocks.shared(here))
    }

    /// Looks at a conversation at the end of this step.
    pub(crate) fn attend(&mut self, conversation: ConversationId) {
        self.attend.insert(conversation);
    }

    /// Looks at a conversation at `at`.
    pub(crate) fn attend_at(&mut self, conversation: ConversationId, at: Timestamp) {
        self.later.insert((at, conversation));
    }

    /// Moves what is due by `now` to the conversations to look at.
    pub(crate) fn wake(&mut self, now: Timestamp) {
        while let Some((at, conversation)) = self.later.first().copied() {
            if at > now {
                break;
            }
            self.later.pop_first();
            self.attend.insert(conversation);
        }
        let retries = self.connection.iter().flat_map(|connection| connection.due(now)).collect::<Vec<_>>();
        self.attend.extend(retries);
    }

    /// Since when the conversation waits; from `now` on where it did not.
    pub(crate) fn waits_since(&mut self, conversation: ConversationId, now: Timestamp) -> Timestamp {
        *self.waiting_since.entry(conversation).or_insert(now)
    }

    /// When the next thing is due. What was due by `now` was looked at, so it wakes nobody again.
    pub(crate) fn next_wake(&self, now: Timestamp) -> Option<Timestamp> {
        let later = self.later.first().map(|(at, _)| *at);
        let backoff = self.connection.as_ref().and_then(|connection| connection.next_retry(now));
        let sweep = self.swept.map(|swept| swept.after(schedule::SWEEP_EVERY));
        let index = (self.index == Index::Behind).then_some(now);
        later.into_iter().chain(backoff).chain(sweep).chain(index).min()
    }

    /// The earliest time of a voluntary Commit in this conversation.
    pub(crate) fn may_commit_at(&self, conversation: &ConversationId) -> Timestamp {
        let group = self.committed.get(conversation).map(|at| at.after(schedule::COMMIT_SPACING_GROUP));
        let device = self.last_commit.map(|at| at.after(schedule::COMMIT_SPACING_DEVICE));
        group.into_iter().chain(device).max().unwrap_or_default()
    }
}

impl Connection {
    /// Whether the request may be made now.
    pub(crate) fn is_free(&self, tag: &Tag, now: Timestamp) -> bool {
        !self.in_flight.contains(tag) && self.backoff.get(tag).is_none_or(|backoff| backoff.until <= now)
    }

    /// Puts a request off, longer each time, at least as long as the server asks.
    pub(crate) fn put_off(&mut self, tag: Tag, asked: Duration, now: Timestamp) {
        let tries = self.backoff.get(&tag).map_or(0, |backoff| backoff.tries).saturating_add(1);
        let pause = schedule::retry_after(tries).max(asked);
        self.backoff.insert(tag, Backoff { tries, until: now.after(pause) });
    }

    /// How often a request was put off.
    pub(crate) fn tries(&self, tag: &Tag) -> u32 {
        self.backoff.get(tag).map_or(0, |backoff| backoff.tries)
    }

    /// Forgets that a request was put off, unless it was put off again since.
    pub(crate) fn succeed(&mut self, tag: &Tag, tries_before: u32) {
        if self.tries(tag) == tries_before {
            self.backoff.remove(tag);
        }
    }

    fn waiting(&self) -> impl Iterator<Item = (&Tag, Timestamp)> {
        let free = self.backoff.iter().filter(|(tag, _)| !self.in_flight.contains(*tag));
        free.map(|(tag, backoff)| (tag, backoff.until))
    }

    fn next_retry(&self, now: Timestamp) -> Option<Timestamp> {
        self.waiting().map(|(_, until)| until).filter(|until| *until > now).min()
    }

    /// The conversations whose requests may be made again by `now`.
    fn due(&self, now: Timestamp) -> impl Iterator<Item = ConversationId> {
        self.waiting().filter(move |(_, until)| *until <= now).filter_map(|(tag, _)| match tag {
            Tag::Claim { conversation, .. } | Tag::Group { conversation, .. } => Some(*conversation),
            _ => None,
        })
    }
}
