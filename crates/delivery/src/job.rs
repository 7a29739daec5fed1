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

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use hushwire_server_store::account::DeviceAddress;
    use hushwire_server_store::classic::{ClassicPhone, StoreClassic};
    use hushwire_server_store::conversation::{
        Append, AppendCommit, Commit, Committer, ConversationKind, CreateConversation, GroupBase, SendId,
    };
    use hushwire_server_store::report::{Complaint, ReportReason, ReportedMessage, StoreReport};
    use hushwire_server_store::upkeep::Expire;
    use hushwire_types::{ContentId, DeviceId, Epoch, Generation, ReportId};

    const ACCOUNT: AccountId = AccountId::new([1; 32]);
    const CONVERSATION: ConversationId = ConversationId::new([2; 32]);

    fn send() -> SendId {
        SendId { mailbox: MailboxKey(1), send_seq: SendSeq(1), digest: [3; 32] }
    }

    fn base(bytes: usize) -> GroupBase {
        GroupBase { epoch: Epoch(1), snapshot: vec![0; bytes].into() }
    }

    /// Of 1,000 bytes, 200 of GroupInfo, 30 of Welcome and a base of 4.
    fn commit() -> Commit {
        Commit {
            commit: vec![0; 1_000].into(),
            group_info: vec![0; 200].into(),
            welcome: Some(vec![0; 30].into()),
            added: vec![DeviceAddress { account: ACCOUNT, device: DeviceId::new([4; 16]) }],
            removed: vec![],
            base: Some(base(4)),
        }
    }

    fn report() -> StoreReport {
        let text = |length| ReportedMessage {
            content: ContentId::new([5; 16]),
            sent_at: Timestamp::from_ms(1),
            text: "a".repeat(length),
        };
        let messages = vec![text(20), text(3)];
        let complaint =
            Complaint { reported: ACCOUNT, reason: ReportReason::Spam, note: "n".repeat(100), messages };
        StoreReport { id: ReportId::new([6; 16]), reporter: ACCOUNT, complaint }
    }

    #[test]
    fn a_job_is_as_large_as_what_it_writes() {
        let bytes = |write: Write| Job::quiet(write, After::Nothing).bytes();
        let (conversation, generation, epoch) = (CONVERSATION, Generation(1), Epoch(1));
        let body = Bytes::from(vec![0; 50]);
        let append = Append { send: send(), conversation, generation, epoch, body: body.clone() };
        assert_eq!(bytes(append.into()), 256 + 50);
        let (committer, commit) = (Committer::Member, commit());
        let again = commit.clone();
        let append = AppendCommit { send: send(), conversation, generation, epoch, committer, commit };
        assert_eq!(bytes(append.into()), 256 + 1_234);
        let (kind, base, commit) = (ConversationKind::Group, base(5_000), again);
        let create = CreateConversation { send: send(), conversation, generation, kind, base, commit };
        assert_eq!(bytes(create.into()), 256 + 6_234);
        let (recipient, sender) = (ClassicPhone([1; 10]), ClassicPhone([2; 10]));
        assert_eq!(bytes(StoreClassic { recipient, sender, digest: [0; 32], blob: body }.into()), 256 + 50);
        assert_eq!(bytes(report().into()), 256 + 123);
        assert_eq!(bytes(Expire { mailboxes: 7 }.into()), 256);
    }

    #[test]
    fn what_nobody_waits_for_may_wait_itself() {
        let expire = || Expire { mailboxes: 7 };
        for after in [After::Swept, After::Nothing, After::Acknowledged] {
            let job = Job::quiet(expire(), after);
            assert_eq!((job.urgency(), job.is_awaited()), (Urgency::Lazy, false));
        }
        let told = Job::aside(expire(), Box::new(|_| {}));
        assert_eq!((told.urgency(), told.is_awaited()), (Urgency::Now, false));
        assert!(format!("{told:?}").contains("Told(..)"));
    }
}
