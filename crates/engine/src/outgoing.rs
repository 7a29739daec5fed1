//! The outbox: exact requests until they are answered, and what each answer means.
//!
//! Invariants:
//! - Requests go out in the order of their numbers; one that is put off holds back the later ones of its conversation.
//! - Only a definite refusal takes a message back; everything else is sent again as it is.

use std::collections::BTreeSet;

use bytes::Bytes;
use hushwire_client_store::about::{self, Aspect};
use hushwire_client_store::conversation::{self, ConversationKind};
use hushwire_client_store::outbox::{self, Outgoing, SendKind};
use hushwire_client_store::{pending_commit, progress, receipt, register, timeline};
use hushwire_types::{AccountId, ConversationId, GroupId, SendSeq};
use hushwire_wire as wire;
use hushwire_wire::frame;
use hushwire_wire::{ErrorCode, Request};

use crate::newcomers::PartAnswer;
use crate::remake::Remake;
use crate::session::Backoff;
use crate::step::Step;
use crate::stop::Stop;
use crate::{Broken, Event, StepError, Tag};

/// A request as the outbox keeps it: whole, whether it fits into a frame or not.
pub(crate) fn encode(request: Request) -> Result<Vec<u8>, StepError> {
    let bytes = frame::encode_whole(&request);
    Ok(bytes.map_err(|_| StepError::Bug("a request of ours breaks the protocol"))?.to_vec())
}

/// The request that [`encode`] wrote.
pub(crate) fn decode(bytes: &[u8]) -> Result<Request, StepError> {
    frame::decode_whole(Bytes::copy_from_slice(bytes)).map_err(|_| StepError::Damaged("outbox"))
}

/// The same request under another number.
fn renumbered(request: Request, send_seq: SendSeq) -> Request {
    match request {
        Request::SendMessage(send) => wire::SendMessage { send_seq, ..send }.into(),
        Request::SendCommit(send) => wire::SendCommit { send_seq, ..send }.into(),
        Request::CreateConversation(send) => wire::CreateConversation { send_seq, ..send }.into(),
        other => other,
    }
}

impl Step<'_, '_> {
    /// Sends what is in the outbox and not under way.
    pub(crate) fn owe_outbox(&mut self) -> Result<(), Stop> {
        if !self.session.is_online() {
            return Ok(());
        }
        let limit = u32::try_from(wire::limits::REQUESTS_IN_FLIGHT).unwrap_or(u32::MAX);
        let mut held: BTreeSet<ConversationId> = BTreeSet::new();
        for row in outbox::from(self.tx, SendSeq(0), limit)? {
            let tag = Tag::Send(row.send_seq);
            if held.contains(&row.conversation) || self.in_flight(&tag) {
                continue;
            }
            if !self.request(tag, decode(&row.request)?) {
                held.insert(row.conversation);
            }
        }
        Ok(())
    }

    fn in_flight(&self, tag: &Tag) -> bool {
        self.session.connection.as_ref().is_some_and(|connection| connection.in_flight.contains(tag))
    }

    /// The server's answer to [`Tag::Send`].
    pub(crate) fn send_answer(
        &mut self,
        send_seq: SendSeq,
        result: Result<&wire::MessageSent, &wire::Error>,
    ) -> Result<(), Stop> {
        for id in std::mem::take(&mut self.session.crowded) {
            self.session.attend(id);
        }
        let Some(row) = outbox::find(self.tx, send_seq)? else { return Ok(()) };
        self.session.attend(row.conversation);
        match result {
            Ok(sent) if sent.send_seq == send_seq => self.accepted(&row, sent),
            Ok(_) => {
                self.reconnect(Broken::WrongAnswer);
                Ok(())
            }
            Err(error) => self.refused(&row, error),
        }
    }

    fn accepted(&mut self, row: &Outgoing, sent: &wire::MessageSent) -> Result<(), Stop> {
        self.server_is_level(&row.conversation)?;
        if let Some(line) = row.row {
            self.text_sent(line, sent)?;
        }
        let is_passing = row.kind == SendKind::Application
            && Remake::decode(&row.note).is_some_and(|remake| remake.is_passing);
        if is_passing {
            self.part_answered(row, PartAnswer::Accepted)?;
            return Ok(outbox::delete(self.tx, row.send_seq)?);
        }
        // By this device's clock, which also decides when it goes.
        Ok(outbox::accept(self.tx, row.send_seq, self.now)?)
    }

    fn text_sent(&mut self, line: timeline::RowId, sent: &wire::MessageSent) -> Result<(), Stop> {
        let Some(entry) = timeline::find(self.tx, line)? else { return Ok(()) };
        let first = match entry.entry.state {
            timeline::EntryState::Queued => true,
            // Sent again to a server that lost it: it has a new place there.
            timeline::EntryState::Sent => false,
            _ => return Ok(()),
        };
        timeline::set_sent(self.tx, line, sent.order, sent.accepted_at)?;
        if !first {
            return Ok(());
        }
        self.sent_begins(line, &entry.entry.state)?;
        let id = entry.entry.conversation;
        match about::aspect(self.tx, line)? {
            None => {}
            Some(Aspect::Timer) => return self.timer_sent(&entry.entry, sent.order),
            Some(_) => return Ok(()),
        }
        conversation::touch(self.tx, &id, self.now)?;
        self.event(&Event::Sent { content: entry.entry.content_id }, Some(id), Some(line))
    }

    fn refused(&mut self, row: &Outgoing, error: &wire::Error) -> Result<(), Stop> {
        if let Some(standing) = error.standing
            && let Some(known) = self.conversation(&row.conversation)?
            && known.generation == standing.generation
            && error.code != ErrorCode::FutureEpoch
        {
            conversation::raise_known_epoch(self.tx, &row.conversation, standing.epoch)?;
        }
        match error.code {
            ErrorCode::RateLimited
            | ErrorCode::Busy
            | ErrorCode::Unavailable
            | ErrorCode::Internal
            | ErrorCode::BodyMissing => self.postpone(row, error),
            ErrorCode::FutureEpoch => self.wait_for_server(row, error),
            ErrorCode::IdReused => self.suspect_copy(),
            ErrorCode::NotNow | ErrorCode::NotLoggedIn => {
                self.reconnect(Broken::WrongAnswer);
                Ok(())
            }
            ErrorCode::ConversationExists => self.exists_already(row, error.standing),
            ErrorCode::StaleEpoch => self.stale(row),
            ErrorCode::NotAMember | ErrorCode::UnknownConversation | ErrorCode::ClosedGeneration => {
                self.take_back(row)?;
                if row.kind == SendKind::Create && self.is_renewing(&row.conversation)? {
                    return self.renewal_failed(&row.conversation);
                }
                if self.is_of_the_past(row)? { Ok(()) } else { self.lose(&row.conversation) }
            }
            ErrorCode::AccountSuspended | ErrorCode::UnknownAccount => {
                self.take_back(row)?;
                match self.conversation(&row.conversation)?.map(|conversation| conversation.kind) {
                    Some(ConversationKind::Group) if row.kind != SendKind::Application => {
                        self.refuse_additions(&row.conversation, &error.text)
                    }
                    _ => self.fail_texts(&row.conversation, &error.text),
                }
            }
            _ => self.refused_for_good(row, error),
        }
    }

    /// Not now: the same bytes later. A message of a leaf that is being replaced is taken back instead, for nobody would
    /// read it after the replacement (rule R8).
    fn postpone(&mut self, row: &Outgoing, error: &wire::Error) -> Result<(), Stop> {
        let rejoining = row.kind == SendKind::Application
            && pending_commit::find(self.tx, &row.group)?.is_some()
            && self.is_rejoining(&row.conversation)?;
        if rejoining {
            return self.take_back(row);
        }
        self.put_off(Tag::Send(row.send_seq), error)
    }

    /// The server was restored and does not have the epoch yet: others will send it again what it lost. Until then the same
    /// bytes are offered now and then, under new numbers, for one that stays behind would close the server's window.
    fn wait_for_server(&mut self, row: &Outgoing, error: &wire::Error) -> Result<(), Stop> {
        if self.server_lags(&row.conversation)? {
            return Ok(());
        }
        let tries = self.connection().map_or(0, |connection| connection.tries(&Tag::Send(row.send_seq)));
        outbox::delete(self.tx, row.send_seq)?;
        let tag = Tag::Send(self.renumber(row.clone())?);
        let now = self.now;
        if let Some(connection) = self.connection() {
            connection.backoff.insert(tag.clone(), Backoff { tries, until: now });
        }
        self.put_off(tag, error)
    }

    /// A request that the server does not have into the outbox, the same bytes under a new number.
    pub(crate) fn renumber(&mut self, row: Outgoing) -> Result<SendSeq, Stop> {
        let send_seq = progress::take_send_seq(self.tx)?;
        let request = encode(renumbered(decode(&row.request)?, send_seq))?;
        if let Some(mut pending) = pending_commit::find(self.tx, &row.group)?
            && pending.send_seq == row.send_seq
        {
            pending_commit::delete(self.tx, &row.group)?;
            pending.send_seq = send_seq;
            pending_commit::insert(self.tx, &pending)?;
        }
        register::renumber(self.tx, row.send_seq, send_seq)?;
        outbox::insert(self.tx, &Outgoing { send_seq, request, ..row })?;
        Ok(send_seq)
    }

    /// The epoch is over. A message waits for the stream and is encrypted again; a Commit only stops being sent, for the stream
    /// alone says who won.
    fn stale(&mut self, row: &Outgoing) -> Result<(), Stop> {
        match row.kind {
            SendKind::Application => self.take_back(row),
            SendKind::Commit | SendKind::Create => {
                outbox::delete(self.tx, row.send_seq)?;
                if self.is_rejoining(&row.conversation)? {
                    // Nothing of a rejoin is in the group yet, so it can simply be made again.
                    pending_commit::delete(self.tx, &row.group)?;
                }
                Ok(())
            }
        }
    }

    fn refused_for_good(&mut self, row: &Outgoing, error: &wire::Error) -> Result<(), Stop> {
        self.take_back(row)?;
        match (row.kind, row.row) {
            (SendKind::Application, Some(line)) => self.fail_text(line, &error.text),
            (SendKind::Application, None) => self.part_answered(row, PartAnswer::Refused),
            (SendKind::Commit | SendKind::Create, _) => self.commit_refused(&row.conversation),
        }
    }

    /// Takes a request out of the outbox as if it had never been made; a text in it waits again.
    pub(crate) fn take_back(&mut self, row: &Outgoing) -> Result<(), Stop> {
        outbox::delete(self.tx, row.send_seq)?;
        match row.kind {
            SendKind::Application => {
                let note = Remake::decode(&row.note).ok_or(StepError::Damaged("outbox"))?;
                if !self.is_of_the_past(row)? {
                    self.unsay(&row.conversation, &note)?;
                }
                self.queue_again(row)?;
                register::untell(self.tx, row.send_seq)?;
                for line in note.receipts {
                    receipt::owe(self.tx, &row.conversation, line)?;
                }
            }
            SendKind::Commit => pending_commit::delete(self.tx, &row.group)?,
            SendKind::Create => self.drop_creation(row)?,
        }
        self.session.attend(row.conversation);
        Ok(())
    }

    /// Whether a request is of a group in whose place its conversation has another one now.
    fn is_of_the_past(&self, row: &Outgoing) -> Result<bool, Stop> {
        let group = self.conversation(&row.conversation)?.and_then(|conversation| conversation.group);
        Ok(group.is_some_and(|group| group != row.group))
    }

    /// A text that was sent once and that a restored server refuses now waits again.
    fn queue_again(&mut self, row: &Outgoing) -> Result<(), Stop> {
        let Some(line) = row.row else { return Ok(()) };
        let Some(entry) = timeline::find(self.tx, line)? else { return Ok(()) };
        if entry.entry.state == timeline::EntryState::Sent {
            timeline::set_queued(self.tx, line, entry.entry.generation)?;
        }
        Ok(())
    }

    /// Takes back all messages of a conversation that wait for their answer.
    pub(crate) fn take_back_messages(&mut self, id: &ConversationId) -> Result<(), Stop> {
        // The newest first, so that each gives its number back to the one before.
        for row in outbox::of_conversation(self.tx, id)?.iter().rev() {
            if row.kind == SendKind::Application {
                self.take_back(row)?;
            }
        }
        Ok(())
    }

    /// Drops the pending Commit of a group and its request.
    pub(crate) fn drop_pending(&mut self, group: &GroupId) -> Result<(), Stop> {
        if let Some(pending) = pending_commit::find(self.tx, group)? {
            outbox::delete(self.tx, pending.send_seq)?;
            pending_commit::delete(self.tx, group)?;
        }
        Ok(())
    }

    pub(crate) fn fail_text(&mut self, line: timeline::RowId, reason: &str) -> Result<(), Stop> {
        let Some(entry) = timeline::find(self.tx, line)? else { return Ok(()) };
        timeline::set_failed(self.tx, line, reason)?;
        let event = Event::Failed { content: entry.entry.content_id, reason: reason.to_owned() };
        self.event(&event, Some(entry.entry.conversation), Some(line))
    }

    /// The recipient takes nothing: all texts that wait in the conversation fail.
    pub(crate) fn fail_texts(&mut self, id: &ConversationId, reason: &str) -> Result<(), Stop> {
        let reason = if reason.is_empty() { "the server refused it" } else { reason };
        self.take_back_messages(id)?;
        for entry in timeline::queued(self.tx, id)? {
            self.fail_text(entry.row, reason)?;
        }
        Ok(())
    }

    pub(crate) fn fail_texts_to(&mut self, account: AccountId, reason: &str) -> Result<(), Stop> {
        if account == self.me.account {
            return Ok(());
        }
        let id = self.direct_id(account);
        self.fail_texts(&id, reason)
    }

    /// A request that failed for now is made again later.
    pub(crate) fn put_off(&mut self, tag: Tag, error: &wire::Error) -> Result<(), Stop> {
        let (asked, now) = (error.retry_after.unwrap_or_default(), self.now);
        if matches!(error.code, ErrorCode::NotNow | ErrorCode::NotLoggedIn) {
            self.reconnect(Broken::WrongAnswer);
        } else if let Some(connection) = self.connection() {
            connection.put_off(tag, asked, now);
        }
        Ok(())
    }
}
