//! The mailbox: entries as the server pushes them.
//!
//! Invariants:
//! - The cursor moves with the entries, in one transaction, and only then is anything acknowledged.
//! - Entries of a conversation are handled in their order: while one is parked, later ones queue behind it.
//! - A hole in the numbers is asked for again once, on a new connection; only then is it passed over, with an alert.
//! - A number above the last one that the mailbox ever had was made up. Else all that comes up to there would be passed over in silence.

use hushwire_client_store::conversation::{self, ConversationState};
use hushwire_client_store::parked::{self, NewParked, ParkReason};
use hushwire_client_store::{pending_commit, progress, setting, witness};
use hushwire_identity::ListHead;
use hushwire_mls::message_hash;
use hushwire_types::{ConversationId, IncarnationId, Seq};
use hushwire_wire as wire;
use hushwire_wire::{EntryKind, Place};

use crate::step::Step;
use crate::stop::{Stop, Verdict};
use crate::{Alert, Broken, Effect, Notice, StepError};

/// What became of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It was handled.
    Done,
    /// It must wait for this.
    Park(ParkReason, Vec<u8>),
}

/// Where the stream is, while a transaction runs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor {
    incarnation: IncarnationId,
    seq: Seq,
    acknowledge: bool,
}

/// The setting that says up to where a Gap explained holes in the mailbox's numbers: it stands where the first dropped
/// entry was, and entries of other conversations go on between.
pub(crate) const EXPLAINED: &str = "gap through";

/// Entries that belong to no conversation and are not understood are kept under this.
const NOWHERE: ConversationId = ConversationId::new([0; 32]);

impl Step<'_, '_> {
    /// Handles one pushed entry.
    pub(crate) fn deliver(&mut self, entry: &wire::Entry) -> Result<(), Stop> {
        if !self.session.is_online() {
            return Ok(());
        }
        let Some(cursor) = self.read_cursor()? else { return Ok(()) };
        if entry.seq <= cursor.seq {
            self.move_cursor(cursor.seq);
            return Ok(());
        }
        if entry.seq > cursor.seq.next() && !self.pass_hole(cursor.seq.next(), entry.seq)? {
            return Ok(());
        }
        self.take_entry(entry)?;
        self.move_cursor(entry.seq);
        Ok(())
    }

    /// The server says that the stream has caught up.
    pub(crate) fn listening(&mut self, through: Seq) -> Result<(), Stop> {
        self.come_back(through)?;
        if let Some(connection) = self.connection() {
            connection.listening = Some(through);
        }
        self.session.heard = Some(self.now);
        self.sweep_epochs()?;
        self.attend_unsettled()
    }

    /// Goes back to the last entry that the mailbox ever had, where the server showed one beyond it, and tells. What is taken twice by
    /// that is known.
    fn come_back(&mut self, last: Seq) -> Result<(), Stop> {
        let Some(cursor) = self.read_cursor()?.filter(|cursor| cursor.seq > last) else { return Ok(()) };
        self.alert(Alert::EntriesMissing { from_seq: last.next().0, through_seq: cursor.seq.0 }, None)?;
        setting::put(self.tx, EXPLAINED, &self.explained()?.min(last.0).to_be_bytes())?;
        progress::set_cursor(self.tx, cursor.incarnation, last)?;
        self.cursor = Some(Cursor { seq: last, acknowledge: false, ..cursor });
        Ok(())
    }

    fn read_cursor(&mut self) -> Result<Option<Cursor>, Stop> {
        if self.cursor.is_none() {
            let progress = progress::load(self.tx)?;
            self.cursor = progress.incarnation.map(|incarnation| Cursor {
                incarnation,
                seq: progress.cursor,
                acknowledge: false,
            });
        }
        Ok(self.cursor)
    }

    fn move_cursor(&mut self, seq: Seq) {
        if let Some(cursor) = &mut self.cursor {
            cursor.seq = cursor.seq.max(seq);
            cursor.acknowledge = true;
        }
    }

    /// Writes the cursor where it moved; what it passed is acknowledged after the commit.
    pub(crate) fn write_cursor(&mut self) -> Result<(), Stop> {
        if let Some(Cursor { incarnation, seq, acknowledge: true }) = self.cursor {
            progress::set_cursor(self.tx, incarnation, seq)?;
            self.effect(Effect::Acknowledge { incarnation, through: seq });
        }
        Ok(())
    }

    /// Entries `expected` to just before `found` were not pushed. Whether to go on all the same.
    fn pass_hole(&mut self, expected: Seq, found: Seq) -> Result<bool, Stop> {
        if found.0 <= self.explained()?.saturating_add(1) {
            return Ok(true);
        }
        if self.session.hole != Some(expected) {
            self.session.hole = Some(expected);
            self.reconnect(Broken::MissingEntries);
            return Ok(false);
        }
        self.session.hole = None;
        let alert = Alert::EntriesMissing { from_seq: expected.0, through_seq: found.0.saturating_sub(1) };
        self.alert(alert, None)?;
        Ok(true)
    }

    /// Up to where a Gap explained that entries are missing.
    fn explained(&self) -> Result<u64, Stop> {
        let bytes = setting::find(self.tx, EXPLAINED)?;
        Ok(bytes.and_then(|bytes| Some(u64::from_be_bytes(bytes.try_into().ok()?))).unwrap_or(0))
    }

    fn explain(&self, gap: &wire::Gap) -> Result<(), Stop> {
        let through = self.explained()?.max(gap.through_seq.0);
        Ok(setting::put(self.tx, EXPLAINED, &through.to_be_bytes())?)
    }

    fn take_entry(&mut self, entry: &wire::Entry) -> Result<(), Stop> {
        match (&entry.kind, &entry.place) {
            (EntryKind::ListChanged(changed), _) => {
                let head = ListHead { number: changed.list_number, hash: changed.list_hash };
                self.want_known(changed.account_id, head)
            }
            (EntryKind::HandleClaim(claim), _) => self.claim_told(claim),
            (EntryKind::HandleMoved(moved), _) => self.handle_moved(&moved.account_id),
            (EntryKind::Gap(gap), Some(place)) => self.gap(&place.conversation_id, gap),
            (EntryKind::Gap(gap), None) => self.explain(gap),
            (EntryKind::Unknown(_), place) => {
                let id = place.map_or(NOWHERE, |place| place.conversation_id);
                self.park(&id, entry, ParkReason::UnknownKind, Vec::new())?;
                self.notice(&id, &Notice::Newer)
            }
            (_, Some(place)) => self.take_placed(place, entry),
            (_, None) => Ok(()),
        }
    }

    /// The list of an account that this profile knows has grown; others are of no interest.
    fn want_known(&mut self, account: hushwire_types::AccountId, head: ListHead) -> Result<(), Stop> {
        if self.recall(&account)? { self.want(account, head) } else { Ok(()) }
    }

    fn take_placed(&mut self, place: &Place, entry: &wire::Entry) -> Result<(), Stop> {
        let id = place.conversation_id;
        if self.waits(&id)? && !self.is_own_rejoin(&id, entry)? {
            self.session.attend(id);
            return self.park(&id, entry, ParkReason::Behind, Vec::new());
        }
        match self.process(place, entry)? {
            Fate::Done => Ok(()),
            Fate::Park(reason, detail) => {
                self.session.attend(id);
                self.park(&id, entry, reason, detail)
            }
        }
    }

    /// Whether this is the external Commit that parked entries wait for: it alone goes before them.
    fn is_own_rejoin(&self, id: &ConversationId, entry: &wire::Entry) -> Result<bool, Stop> {
        let EntryKind::Commit(commit) = &entry.kind else { return Ok(false) };
        let Some(conversation) = self.conversation(id)? else { return Ok(false) };
        let Some(group) = conversation.group.filter(|_| conversation.state == ConversationState::Rejoining)
        else {
            return Ok(false);
        };
        let pending = pending_commit::find(self.tx, &group)?;
        Ok(pending.is_some_and(|pending| pending.hash == message_hash(commit).as_bytes()))
    }

    /// Whether earlier entries of a conversation are parked. What only a newer version understands holds nobody up.
    fn waits(&self, id: &ConversationId) -> Result<bool, Stop> {
        if !parked::any_in(self.tx, id)? {
            return Ok(false);
        }
        let parked = parked::of_conversation(self.tx, id)?;
        Ok(parked.iter().any(|parked| parked.entry.reason != ParkReason::UnknownKind))
    }

    fn park(
        &mut self,
        id: &ConversationId,
        entry: &wire::Entry,
        reason: ParkReason,
        detail: Vec<u8>,
    ) -> Result<(), Stop> {
        let bytes = entry.to_bytes().map_err(|_| StepError::Bug("a received entry cannot be written"))?;
        let new = NewParked {
            conversation: *id,
            seq: entry.seq,
            reason,
            detail,
            bytes: bytes.to_vec(),
            at: self.now,
        };
        parked::insert(self.tx, &new)?;
        Ok(())
    }

    /// Handles what is parked of a conversation as far as it goes.
    pub(crate) fn unpark(&mut self, id: &ConversationId) -> Result<(), Stop> {
        for parked in parked::of_conversation(self.tx, id)? {
            if parked.entry.reason == ParkReason::UnknownKind {
                continue;
            }
            let entry = wire::Entry::from_bytes(parked.entry.bytes.clone().into());
            let entry = entry.map_err(|_| StepError::Damaged("parked message"))?;
            let place = entry.place.ok_or(StepError::Damaged("parked message"))?;
            if !self.is_ready(&parked, &place)? {
                return Ok(());
            }
            match self.process(&place, &entry)? {
                Fate::Done => parked::delete(self.tx, parked.id)?,
                Fate::Park(reason, detail) => {
                    parked::set_reason(self.tx, parked.id, reason, &detail)?;
                    self.wait_for(id, reason)?;
                    if reason == ParkReason::Group {
                        self.doubt_generation(&place)?;
                    }
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Whether what a parked entry waits for is here. If not, it is asked for.
    fn is_ready(&mut self, parked: &parked::Parked, place: &Place) -> Result<bool, Stop> {
        let id = place.conversation_id;
        // An orphan Welcome that waits for the rejoin was handled as its verdict says.
        let verdict = self.verdict(parked.entry.seq);
        let is_followed =
            parked.entry.reason == ParkReason::Group && matches!(verdict, Some(Verdict::Orphan));
        let ready = (verdict.is_some() && !is_followed)
            || match parked.entry.reason {
                ParkReason::Behind | ParkReason::UnknownKind => true,
                ParkReason::Tree => false,
                ParkReason::Lists => self.lists_arrived(&parked.entry.detail)?,
                ParkReason::Epoch => self.epoch_arrived(place, &parked.entry.detail)?,
                ParkReason::Group => !self.doubt_generation(place)? && self.group_arrived(&id, place)?,
            };
        if !ready {
            self.wait_for(&id, parked.entry.reason)?;
        }
        Ok(ready)
    }

    fn gap(&mut self, id: &ConversationId, gap: &wire::Gap) -> Result<(), Stop> {
        self.explain(gap)?;
        if conversation::find(self.tx, id)?.is_none() {
            return Ok(());
        }
        // What others said in between is missing for a known reason.
        witness::forget_others(self.tx, id, &self.me.device)?;
        self.notice(id, &Notice::Gap { dropped: gap.dropped })
    }

    /// Handles an entry as an earlier try of this transaction found that it must be.
    pub(crate) fn follow(
        &mut self,
        verdict: Verdict,
        place: &Place,
        entry: &wire::Entry,
    ) -> Result<Fate, Stop> {
        let id = place.conversation_id;
        match verdict {
            Verdict::Unreadable => {
                self.unreadable(place, entry)?;
                self.suspect_fork(place)?;
            }
            Verdict::Ignored => {}
            Verdict::SecondGroup => self.alert(Alert::SecondGroup { conversation: id }, Some(id))?,
            Verdict::NeedsLists(heads) => return Ok(Fate::Park(ParkReason::Lists, self.want_for(heads)?)),
            Verdict::Lost => {
                self.lose(&id)?;
                // It is of the epoch that cannot be followed: the rejoin makes it moot.
                return Ok(Fate::Done);
            }
            Verdict::Orphan => {
                self.follow_orphan(&id)?;
                return Ok(Fate::Park(ParkReason::Group, Vec::new()));
            }
        }
        Ok(Fate::Done)
    }
}
