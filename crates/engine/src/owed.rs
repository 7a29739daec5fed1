//! What is owed: after the inputs of a step, each conversation that something happened to is looked at, and requests are
//! made for what the rows say is missing.
//!
//! Invariant: everything here is derived from rows and from what is under way on this connection, so doing it twice
//! does nothing more.

use hushwire_client_store::conversation::{self, ConversationState};
use hushwire_client_store::mls_row::{self, MlsKind};
use hushwire_client_store::parked::{self, ParkReason};
use hushwire_client_store::{journal, mark, receipt, seen, sent_log, timeline, wish};
use hushwire_identity::ListHead;
use hushwire_types::{AccountId, ConversationId, EntryHash, GroupId, ListNumber};

use crate::step::Step;
use crate::stop::Stop;
use crate::{StepError, schedule};

/// Looks at conversations until none is left; more rounds than this mean that two flows undo each other.
const ROUNDS: usize = 10_000;

/// One list head in the detail of a parked entry: account, number, hash.
const HEAD_LEN: usize = AccountId::LEN + 8 + EntryHash::LEN;

impl Step<'_, '_> {
    /// Makes the requests that are owed.
    pub(crate) fn owed(&mut self) -> Result<(), Stop> {
        if self.session.is_online() {
            self.owe_own_list()?;
            self.owe_look_ups();
            self.owe_moved()?;
            self.owe_decisions();
            self.owe_reports()?;
            self.owe_registers()?;
        }
        for _ in 0..ROUNDS {
            let Some(id) = self.session.attend.pop_first() else { break };
            self.look_at(&id)?;
        }
        if !self.session.attend.is_empty() {
            return Err(StepError::Bug("conversations are looked at in circles").into());
        }
        if self.session.is_online() {
            self.owe_lists()?;
            self.owe_key_packages()?;
            self.owe_outbox()?;
        }
        Ok(())
    }

    fn look_at(&mut self, id: &ConversationId) -> Result<(), Stop> {
        self.unpark(id)?;
        let Some(conversation) = self.conversation(id)? else { return Ok(()) };
        match conversation.state {
            ConversationState::Opening => self.open(&conversation),
            ConversationState::Active => self.tend(&conversation),
            ConversationState::Rejoining => self.rejoin(&conversation),
            ConversationState::Broken => self.retry_broken(&conversation),
            ConversationState::Closed => self.fail_unsent(id),
        }
    }

    /// Everything that is not at rest is looked at: after a login, and when the stream has caught up.
    pub(crate) fn attend_unsettled(&mut self) -> Result<(), Stop> {
        for id in conversation::unsettled(self.tx)? {
            self.session.attend(id);
        }
        let marked = mark::all(self.tx)?.into_iter().map(|(id, _)| id);
        let parked = parked::all(self.tx)?.into_iter().map(|parked| parked.entry.conversation);
        let waiting = timeline::waiting(self.tx)?.into_iter().chain(receipt::conversations(self.tx)?);
        let wishing = wish::conversations(self.tx)?;
        for id in marked.chain(parked).chain(waiting).chain(wishing) {
            self.session.attend(id);
        }
        self.session.receipts_due.clear();
        self.attend_history()?;
        self.attend_pictures()?;
        self.recall_lags()?;
        self.attend_bundles()?;
        self.attend_lacking()
    }

    /// Asks for what a parked entry waits for.
    pub(crate) fn wait_for(&mut self, id: &ConversationId, reason: ParkReason) -> Result<(), Stop> {
        match reason {
            ParkReason::Tree => self.fetch_tree(id),
            // One that is set up anew is waited for by whoever does that.
            ParkReason::Epoch if self.is_renewing(id)? => Ok(()),
            ParkReason::Epoch => self.be_patient(id),
            ParkReason::Group if self.conversation(id)?.is_none() => {
                self.fetch_group(id);
                Ok(())
            }
            ParkReason::Group | ParkReason::Lists | ParkReason::Behind | ParkReason::UnknownKind => Ok(()),
        }
    }

    /// Wants lists that an entry is to wait for: what [`Step::lists_arrived`] is told of them.
    pub(crate) fn want_for(&mut self, heads: Vec<(AccountId, ListHead)>) -> Result<Vec<u8>, Stop> {
        let mut detail = Vec::with_capacity(HEAD_LEN.saturating_mul(heads.len()));
        for (account, head) in heads {
            self.want(account, head)?;
            detail.extend(account.as_bytes());
            detail.extend(head.number.0.to_be_bytes());
            detail.extend(head.hash.as_bytes());
        }
        Ok(detail)
    }

    /// Whether the lists that a parked entry waits for came, or were asked for in vain: then it is tried for the last time.
    pub(crate) fn lists_arrived(&mut self, detail: &[u8]) -> Result<bool, Stop> {
        for chunk in detail.chunks(HEAD_LEN) {
            let (account, head) = head(chunk).ok_or(StepError::Damaged("parked message"))?;
            let known = self.list(&account)?.is_some_and(|list| list.knows(head));
            if !known && hushwire_client_store::wanted::find(self.tx, &account)?.is_some() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Forgets what need not be kept any longer, now and then.
    pub(crate) fn sweep(&mut self) -> Result<(), Stop> {
        let due = self.session.swept.is_none_or(|swept| self.now.since(swept) >= schedule::SWEEP_EVERY);
        if !due {
            return Ok(());
        }
        self.session.swept = Some(self.now);
        sent_log::prune(self.tx, self.now.before(schedule::SENT_KEPT))?;
        seen::prune(self.tx, self.now.before(schedule::SEEN_KEPT))?;
        let retention = journal::Retention {
            handled_before: self.now.before(schedule::EVENTS_KEPT),
            any_before: self.now.before(schedule::EVENTS_KEPT_AT_MOST),
        };
        journal::prune(self.tx, &retention)?;
        self.forget_reports()?;
        if self.session.is_online() {
            // Others still use these, and a clock that was not compared may be a year off.
            self.sweep_key_packages()?;
        }
        self.sweep_epochs()
    }

    /// Past epochs go after a day, also in groups in which nothing happens (rule R8); but not before what was accepted
    /// while this device was away has come in, which may be of one of them.
    pub(crate) fn sweep_epochs(&mut self) -> Result<(), Stop> {
        let Some(heard) = self.session.heard else { return Ok(()) };
        let at = self.now.min(heard.after(schedule::PAST_EPOCH_ACCEPTED));
        let rows = mls_row::of_kind(self.tx, MlsKind::Epoch)?;
        let mut groups: Vec<GroupId> = rows.into_iter().filter_map(|row| row.key.group).collect();
        groups.dedup();
        for group in groups {
            if let Some(conversation) = conversation::by_group(self.tx, &group)? {
                self.view(&conversation)?;
            }
        }
        self.device.prune(self.session.shared(at));
        Ok(())
    }
}

fn head(bytes: &[u8]) -> Option<(AccountId, ListHead)> {
    let (account, rest) = bytes.split_first_chunk()?;
    let (number, rest) = rest.split_first_chunk()?;
    let hash = EntryHash::try_from(rest).ok()?;
    let head = ListHead { number: ListNumber(u64::from_be_bytes(*number)), hash };
    Some((AccountId::new(*account), head))
}
