//! What the writer does for a request: one operation of the store, and what its result means.
//!
//! Invariant: an answer or a publication comes from [`Service::commit`] only after the batch is durable.

use std::fmt;

use hushwire_server_store::account::DeviceAddress;
use hushwire_server_store::mailbox::{MailboxKey, Publication as Stored};
use hushwire_server_store::upkeep::Remaining;
use hushwire_server_store::{Refusal, Write, Written};
use hushwire_types::{AccountId, ConversationId, SendSeq, SessionId, Timestamp};
use hushwire_wire::{
    Acknowledged, ClaimedKeyPackage, ClaimedKeyPackages, HandleClaimAnswered, KeyPackagesStored, KeysSet,
    ListEntryAppended, MessageSent, ReportStored, Response, limits,
};

use crate::check::Turn;
use crate::fault::Fault;
use crate::observers::Watched;
use crate::registration::PendingOtp;
use crate::service::Service;
use crate::staging::Held;
use crate::step::{Event, Fence, Origin, Outbound, Outcome, Publication};

/// Whether an operation may wait for others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// Somebody waits for it.
    Now,
    /// It never starts a batch: it goes with the next one, or after 20 ms.
    Lazy,
}

/// One operation for the writer.
pub struct Job {
    pub(crate) origin: Option<Origin>,
    pub(crate) write: Write,
    pub(crate) after: After,
    /// The upload that the bytes of the operation are in: its room is taken until they are written.
    pub(crate) held: Option<Box<Held>>,
    /// Its turn in the lane of its conversation.
    pub(crate) turn: Option<Turn>,
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job")
            .field("origin", &self.origin)
            .field("after", &self.after)
            .finish_non_exhaustive()
    }
}

/// What the result of an operation means.
#[derive(Debug)]
pub(crate) enum After {
    /// Nobody waits for it.
    Nothing,
    /// A session was stored: send its OTP, or say that the keys may come.
    Session { session: SessionId, expires_at: Timestamp, otp: Option<PendingOtp> },
    /// An OTP was tried.
    Otp { session: SessionId },
    /// A handle that has an account was claimed.
    Claim,
    /// A claim was decided about.
    ClaimAnswered,
    /// An account was made.
    Account { account: AccountId },
    /// KeyPackages were claimed.
    Claimed { account: AccountId },
    /// KeyPackages were stored.
    KeyPackages,
    /// A device list has grown.
    List { account: AccountId },
    /// A message, a Commit or a creation. The Observer that validated it may be kept once it is durable.
    Sent { send_seq: SendSeq, sender: AccountId, conversation: ConversationId, watched: Option<Box<Watched>> },
    /// A mailbox was acknowledged.
    Acknowledged,
    /// A report was stored.
    Reported,
    /// The sweep.
    Swept,
    /// An operation of another protocol.
    Told(Told),
}

/// What came of an operation that another protocol asked for; nothing is told where the store failed or had no room.
pub type Tell = Box<dyn FnOnce(Result<Written, Refusal>) + Send>;

/// Whom to tell.
pub(crate) struct Told(Tell);

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Told(..)")
    }
}

impl Job {
    pub(crate) fn new(origin: Origin, write: impl Into<Write>, after: After) -> Self {
        Self { origin: Some(origin), write: write.into(), after, held: None, turn: None }
    }

    /// A job that nobody waits for.
    pub(crate) fn quiet(write: impl Into<Write>, after: After) -> Self {
        Self { origin: None, write: write.into(), after, held: None, turn: None }
    }

    /// An operation of another protocol that shares this server's store and its writer. `tell` is called once the batch is
    /// durable, on the writer's thread: it must not wait for anything. Where the job is refused or fails it is dropped uncalled.
    #[must_use]
    pub fn aside(write: impl Into<Write>, tell: Tell) -> Self {
        Self::quiet(write, After::Told(Told(tell)))
    }

    /// Whether it may wait for others.
    #[must_use]
    pub const fn urgency(&self) -> Urgency {
        match self.after {
            After::Acknowledged | After::Nothing | After::Swept => Urgency::Lazy,
            _ => Urgency::Now,
        }
    }

    /// About how many bytes it writes, for the bound of a batch.
    #[must_use]
    pub fn bytes(&self) -> usize {
        const ROW: usize = 256;
        let commit = |commit: &hushwire_server_store::conversation::Commit| {
            commit.commit.len()
                + commit.group_info.len()
                + commit.welcome.as_ref().map_or(0, bytes::Bytes::len)
                + commit.base.as_ref().map_or(0, |base| base.snapshot.len())
        };
        ROW + match &self.write {
            Write::Append(append) => append.body.len(),
            Write::AppendCommit(append) => commit(&append.commit),
            Write::StoreClassic(store) => store.blob.len(),
            Write::StoreReport(store) => crate::reports::bytes(store),
            Write::CreateConversation(create) => commit(&create.commit) + create.base.snapshot.len(),
            _ => 0,
        }
    }

    /// Whether a connection waits for its answer.
    pub(crate) const fn is_awaited(&self) -> bool {
        self.origin.is_some()
    }
}

impl Service {
    /// Carries out a batch as one durable transaction, and says what came of it. Called by the one writer thread.
    ///
    /// A store that fails fails all of the batch: everybody is told to try again later.
    pub fn commit(&self, batch: Vec<Job>, now: Timestamp) -> Outcome {
        let mut outcome = Outcome::default();
        let mut jobs = batch;
        // A job may be followed by another one: the right OTP of a handle that has an account claims it.
        while !jobs.is_empty() {
            jobs = self.commit_once(jobs, now, &mut outcome);
        }
        outcome
    }

    /// The writer has no room for a job: what its connection is told.
    pub fn busy(&self, job: Job) -> Option<Outbound> {
        job.origin.map(|origin| origin.answer(Fault::Busy))
    }

    /// Carries out one job at once: for tests and the simulator.
    pub fn run(&self, job: Job, now: Timestamp) -> Outcome {
        self.commit(vec![job], now)
    }

    fn commit_once(&self, batch: Vec<Job>, now: Timestamp, outcome: &mut Outcome) -> Vec<Job> {
        let mut writes = Vec::with_capacity(batch.len());
        let mut waiting = Vec::with_capacity(batch.len());
        let mut held = Vec::new();
        for job in batch {
            writes.push(job.write);
            waiting.push((job.origin, job.after));
            held.push((job.held, job.turn));
        }
        let results = match self.store.write(writes, now) {
            Ok(results) => results,
            Err(error) => {
                let response = Response::from(Fault::from(error));
                let origins = waiting.into_iter().filter_map(|(origin, _)| origin);
                outcome.outbound.extend(origins.map(|origin| origin.answer(response.clone())));
                return Vec::new();
            }
        };
        drop(held);
        let mut follow_up = Vec::new();
        for ((origin, after), result) in waiting.into_iter().zip(results) {
            let first = outcome.outbound.len();
            let mut settling = Settling { origin, now, outcome, follow_up: &mut follow_up };
            let answer = match self.settle(after, result, &mut settling) {
                Ok(None) => continue,
                Ok(Some(response)) => response,
                Err(fault) => fault.into(),
            };
            // The answer comes first: a device that has revoked itself must hear that before its connection ends.
            outcome.outbound.splice(first..first, origin.map(|origin| origin.answer(answer)));
        }
        follow_up
    }

    /// Turns a durable result into its answer, and everything else that follows from it.
    fn settle(
        &self,
        after: After,
        result: Result<Written, Refusal>,
        settling: &mut Settling<'_>,
    ) -> Result<Option<Response>, Fault> {
        let after = match after {
            After::Told(Told(tell)) => {
                tell(result);
                return Ok(None);
            }
            after => after,
        };
        let written = match result {
            Ok(written) => written,
            Err(refusal) => return Err(self.refused(&after, refusal, settling.now)),
        };
        match (after, written) {
            (After::Nothing, _) => Ok(None),
            (After::Session { session, expires_at, otp }, _) => {
                Ok(self.session_started(session, expires_at, otp, settling))
            }
            (After::Otp { session }, Written::Otp(tried)) => self.otp_tried(session, tried, settling),
            (After::Claim, Written::Claim(claimed)) => self.handle_claimed(claimed, settling),
            (After::ClaimAnswered, Written::ClaimAnswered { publications }) => {
                self.publish(publications, settling.outcome);
                Ok(Some(HandleClaimAnswered.into()))
            }
            (After::Account { account }, Written::AccountCreated { publications, .. }) => {
                self.publish(publications, settling.outcome);
                Ok(Some(KeysSet { account_id: account }.into()))
            }
            (After::Claimed { account }, Written::Claimed(claimed)) => {
                Ok(Some(claimed_answer(account, claimed)))
            }
            (After::KeyPackages, Written::KeyPackages(state)) => {
                Ok(Some(KeyPackagesStored { key_packages_left: state.left }.into()))
            }
            (After::List { account }, Written::ListAppended { head, closed, publications }) => {
                self.lists.forget(account);
                settling.outcome.outbound.extend(self.fence(closed, Fence::Gone));
                self.publish(publications, settling.outcome);
                Ok(Some(ListEntryAppended { list_number: head.number, list_hash: head.hash }.into()))
            }
            (After::Sent { send_seq, watched, .. }, Written::Sent(sent)) => {
                if let Some(watched) = watched {
                    self.observers.keep(*watched);
                }
                self.publish(sent.publications, settling.outcome);
                Ok(Some(sent_answer(send_seq, sent.answer)))
            }
            (After::Acknowledged, Written::Acknowledged(through_seq)) => {
                Ok(Some(Acknowledged { through_seq }.into()))
            }
            (After::Reported, Written::Done) => Ok(Some(ReportStored.into())),
            (After::Swept, Written::Expired(expired)) => {
                self.swept(expired.remaining == Remaining::More);
                Ok(None)
            }
            (after, _) => {
                tracing::error!(?after, "the store answered another operation");
                Err(Fault::Internal)
            }
        }
    }

    /// A refusal as the one who asked may know it.
    fn refused(&self, after: &After, refusal: Refusal, now: Timestamp) -> Fault {
        match (after, refusal) {
            (_, Refusal::TooManyWrongCodes { until } | Refusal::TooManyClaims { until }) => {
                Fault::RateLimited(until.since(now))
            }
            (After::Sent { sender, conversation, .. }, Refusal::NotAMember) => {
                self.not_a_member(*sender, *conversation)
            }
            (_, refusal) => Fault::from(refusal),
        }
    }

    /// Publications for those who are connected; the others find the entries when they come.
    pub(crate) fn publish(&self, publications: Vec<Stored>, outcome: &mut Outcome) {
        for publication in publications {
            for (mailbox, seq) in publication.to {
                let Some(connection) = self.hub.connection(mailbox) else { continue };
                let entry = publication.entry.clone();
                outcome
                    .outbound
                    .push(Outbound { connection, event: Event::Published(Publication { seq, entry }) });
            }
        }
    }

    /// Ends the connections of mailboxes that may not be served any more.
    pub(crate) fn fence(&self, mailboxes: impl IntoIterator<Item = MailboxKey>, why: Fence) -> Vec<Outbound> {
        let expelled = mailboxes.into_iter().filter_map(|mailbox| self.hub.expel(mailbox));
        expelled.map(|connection| Outbound { connection, event: Event::Fenced(why) }).collect()
    }
}

/// What a result may add to besides its answer.
pub(crate) struct Settling<'a> {
    pub(crate) origin: Option<Origin>,
    pub(crate) now: Timestamp,
    pub(crate) outcome: &'a mut Outcome,
    pub(crate) follow_up: &'a mut Vec<Job>,
}

pub(crate) fn sent_answer(
    send_seq: SendSeq,
    answer: hushwire_server_store::conversation::Answer,
) -> Response {
    MessageSent { send_seq, order: answer.order, accepted_at: answer.accepted_at }.into()
}

fn claimed_answer(
    account_id: AccountId,
    claimed: Vec<hushwire_server_store::key_package::ClaimedKeyPackage>,
) -> Response {
    use hushwire_server_store::key_package::Source;
    let key_packages = claimed
        .into_iter()
        .take(limits::CLAIMED_KEY_PACKAGES)
        .map(|one| ClaimedKeyPackage {
            device_id: one.device,
            key_package: one.bytes.into(),
            last_resort: one.source == Source::LastResort,
        })
        .collect();
    ClaimedKeyPackages { account_id, key_packages }.into()
}

/// The address of a device in the store.
pub(crate) const fn address(account: AccountId, device: hushwire_types::DeviceId) -> DeviceAddress {
    DeviceAddress { account, device }
}
