//! Messages that disappear: how long they live, and their end.
//!
//! ```text
//!  direct: Timer ─► hidden row ─► accepted: it counts from its place on      group: the charter has it
//!  each content carries how long it lives ─► its time begins: own when sent, others' when read
//!                                                               └─► over: erased, with all that was said about it
//! ```
//!
//! Invariants:
//! - What counts for a message is what it carries, not what the timer is when it comes.
//! - In a direct conversation the timer that the server accepted last counts, so both sides end with the same.
//! - What is over is erased before anything else is done in a step, on every device, online or not.

use hushwire_client_store::about::{self, About, Aspect};
use hushwire_client_store::conversation::{Conversation, ConversationKind};
use hushwire_client_store::expiry;
use hushwire_client_store::timeline::{self, EntryState, Inserted, NewEntry, RowId};
use hushwire_content::{Encoded, Kind, limits};
use hushwire_mls::GroupView;
use hushwire_types::{ConversationId, Generation, Order, Timestamp};

use crate::about::MessageRef;
use crate::step::Step;
use crate::stop::Stop;
use crate::{Event, GroupChange, Notice, Outcome, Refusal};

/// Rows that one step erases: more wait for the next one, which follows at once.
const ERASED_AT_ONCE: u32 = 512;

impl Step<'_, '_> {
    /// A person says how long messages live from now on.
    pub(crate) fn set_timer(&mut self, id: &ConversationId, lives_for_s: u32) -> Result<Outcome, Stop> {
        if lives_for_s > limits::LIVES_FOR_S {
            return Ok(Outcome::Refused(Refusal::TimerTooLong(limits::LIVES_FOR_S)));
        }
        let Some(conversation) = self.conversation(id)? else {
            return Ok(Outcome::Refused(Refusal::UnknownHere("conversation")));
        };
        if conversation.kind == ConversationKind::Group {
            return self.change_group(id, &GroupChange::Timer { lives_for_s });
        }
        self.say_about(&conversation, Kind::Timer(lives_for_s), Aspect::Timer, None)
    }

    /// Somebody has said how long messages live from here on. Groups have it in their charter.
    pub(crate) fn take_timer(
        &mut self,
        conversation: &Conversation,
        entry: &NewEntry,
        lives_for_s: u32,
    ) -> Result<(), Stop> {
        if conversation.kind == ConversationKind::Group {
            return Ok(());
        }
        let Inserted::New(row) = timeline::insert(self.tx, entry)? else { return Ok(()) };
        about::hide(self.tx, row, Aspect::Timer, None)?;
        match entry.order {
            Some(order) => self.timer_counts(entry, order, lives_for_s),
            None => Ok(()),
        }
    }

    /// The server has accepted an own timer.
    pub(crate) fn timer_sent(&mut self, entry: &NewEntry, order: Order) -> Result<(), Stop> {
        match Encoded::from_row(entry.content.clone()).decode().map(|content| content.kind) {
            Ok(Kind::Timer(lives_for_s)) => self.timer_counts(entry, order, lives_for_s),
            _ => Ok(()),
        }
    }

    fn timer_counts(&mut self, entry: &NewEntry, order: Order, lives_for_s: u32) -> Result<(), Stop> {
        let (id, before) = (entry.conversation, expiry::timer(self.tx, &entry.conversation)?);
        let place = (entry.generation, order);
        if !expiry::set_timer(self.tx, &id, lives_for_s, place)? || before == lives_for_s {
            return Ok(());
        }
        self.notice(&id, &Notice::TimerSet { secs: lives_for_s, by: entry.account })?;
        self.event(&Event::Conversation, Some(id), None)
    }

    /// How long what is encrypted now lives: as was said last, also where the server has not accepted that yet.
    pub(crate) fn timer_of(&self, conversation: &Conversation, view: &GroupView) -> Result<u32, Stop> {
        if let Some(charter) = view.extension.charter() {
            return Ok(charter.timer_secs.min(limits::LIVES_FOR_S));
        }
        if let Some(said) = about::last_unsent(self.tx, &conversation.id, Aspect::Timer)?
            && let Ok(Kind::Timer(lives_for_s)) =
                Encoded::from_row(said.entry.content).decode().map(|content| content.kind)
        {
            return Ok(lives_for_s);
        }
        Ok(expiry::timer(self.tx, &conversation.id)?)
    }

    /// A message of others, or of another own device, carries how long it lives.
    pub(crate) fn begins_to_live(
        &mut self,
        row: RowId,
        entry: &NewEntry,
        lives_for_s: u32,
    ) -> Result<(), Stop> {
        if lives_for_s == 0 {
            return Ok(());
        }
        expiry::put(self.tx, row, lives_for_s)?;
        let read: Option<(Generation, Order)> = about::is_read_to(self.tx, &entry.conversation)?;
        let place = entry.order.map(|order| (entry.generation, order));
        if entry.account == self.me.account || place.is_some_and(|place| read >= Some(place)) {
            expiry::begin(self.tx, row, self.now)?;
        }
        Ok(())
    }

    /// Erases what is over.
    pub(crate) fn expire(&mut self) -> Result<(), Stop> {
        let earlier = self.session.stepped.replace(self.now);
        if earlier.is_none_or(|earlier| self.now < earlier) {
            expiry::set_back(self.tx, self.now)?;
        }
        for (row, conversation) in expiry::due(self.tx, self.now, ERASED_AT_ONCE)? {
            let Some(entry) = timeline::find(self.tx, row)? else { continue };
            let (account, content) = (entry.entry.account, entry.entry.content_id);
            self.forget_message(&MessageRef { conversation, account, content })?;
        }
        Ok(())
    }

    /// When something is over next.
    pub(crate) fn next_expiry(&self) -> Result<Option<Timestamp>, Stop> {
        Ok(expiry::next(self.tx)?)
    }

    /// Erases a message here, with all that was said about it.
    pub(crate) fn forget_message(&mut self, message: &MessageRef) -> Result<(), Stop> {
        let (account, content) = (message.account, message.content);
        let Some(entry) = timeline::by_content(self.tx, &message.conversation, &account, &content)? else {
            return Ok(());
        };
        about::erase_said(self.tx, &About { account, content }, &message.conversation)?;
        timeline::erase(self.tx, entry.row)?;
        self.event(&Event::Deleted { account, content }, Some(message.conversation), None)
    }

    /// A message of this device's own is at the server: its time begins.
    pub(crate) fn sent_begins(&mut self, row: RowId, state: &EntryState) -> Result<(), Stop> {
        if *state == EntryState::Queued {
            expiry::begin(self.tx, row, self.now)?;
        }
        Ok(())
    }
}
