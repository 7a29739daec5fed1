//! One transaction of a step: what every flow works with.
//!
//! The flows are `impl Step` blocks, one module each. They write rows through `tx`, change groups through `device`, and
//! leave requests to [`crate::owed`], which looks at the rows when all inputs are handled.

use std::sync::Arc;

use hushwire_client_store::conversation::{self, Conversation};
use hushwire_client_store::journal::{self, NewEvent};
use hushwire_client_store::timeline::RowId;
use hushwire_client_store::{Tx, mls_row};
use hushwire_mls::{Device, GroupView, MlsError, Row, RowChange};
use hushwire_types::{ConversationId, Entropy, GroupId, Seq, Timestamp};
use hushwire_wire as wire;

use crate::engine::Unit;
use crate::lists::ListCache;
use crate::me::Me;
use crate::session::{Connection, Session};
use crate::stop::{Learned, Stop, Verdict, own_fault};
use crate::stream::Cursor;
use crate::{Alert, Broken, Effect, Event, Input, StepError, Tag, rows, schedule};

/// The parts of the engine that a transaction borrows.
pub(crate) struct Parts<'s> {
    pub(crate) me: &'s Me,
    pub(crate) device: &'s mut Device,
    pub(crate) lists: &'s Arc<ListCache>,
    pub(crate) entropy: &'s dyn Entropy,
    pub(crate) session: &'s mut Session,
}

/// A transaction under way.
pub(crate) struct Step<'s, 't> {
    pub(crate) tx: &'s Tx<'t>,
    pub(crate) me: &'s Me,
    pub(crate) device: &'s mut Device,
    pub(crate) lists: &'s Arc<ListCache>,
    pub(crate) entropy: &'s dyn Entropy,
    pub(crate) session: &'s mut Session,
    pub(crate) now: Timestamp,
    pub(crate) cursor: Option<Cursor>,
    learned: &'s Learned,
    effects: Vec<Effect>,
    journal: Option<Seq>,
}

impl<'s, 't> Step<'s, 't> {
    pub(crate) fn new(tx: &'s Tx<'t>, parts: Parts<'s>, learned: &'s Learned, now: Timestamp) -> Self {
        let Parts { me, device, lists, entropy, session } = parts;
        Self {
            tx,
            me,
            device,
            lists,
            entropy,
            session,
            now,
            cursor: None,
            learned,
            effects: Vec::new(),
            journal: None,
        }
    }

    /// Before the units: what earlier tries of this transaction learned.
    pub(crate) fn begin(&mut self) -> Result<(), Stop> {
        self.recall(&self.me.account.clone())?;
        for id in self.learned.lost.clone() {
            self.give_up_group(&id)?;
        }
        Ok(())
    }

    /// Handles one unit.
    pub(crate) fn handle(&mut self, unit: &Unit) -> Result<(), Stop> {
        match unit {
            Unit::Entry(entry) => self.deliver(entry)?,
            Unit::Input(input) => self.handle_input(input)?,
        }
        self.hear(unit);
        Ok(())
    }

    /// Notes that the stream is alive: something came in, or it is quiet but was alive lately, as a dead connection would have been
    /// noticed since. A device that slept has no such proof.
    fn hear(&mut self, unit: &Unit) {
        let came = matches!(unit, Unit::Entry(_) | Unit::Input(Input::Listening(_) | Input::Answer { .. }));
        let lately = |heard| self.now.since(heard) <= schedule::QUIET;
        if self.session.is_listening() && (came || self.session.heard.is_some_and(lately)) {
            self.session.heard = Some(self.now);
        }
    }

    fn handle_input(&mut self, input: &Input) -> Result<(), Stop> {
        match input {
            Input::Start => self.sweep_pictures(),
            Input::Tick => Ok(()),
            Input::Online(logged_in) => self.online(logged_in),
            Input::Offline => self.offline(),
            Input::Deliveries(entries) => entries.iter().try_for_each(|entry| self.deliver(entry)),
            Input::Listening(through) => self.listening(*through),
            Input::Ephemeral(ephemeral) => self.take_ephemeral(ephemeral),
            Input::Answer { tag, result } => self.answer(tag, result),
            Input::Command { id, command } => self.command(*id, command),
        }
    }

    /// The time by which lifetimes in MLS are made and judged.
    pub(crate) fn shared_now(&self) -> Timestamp {
        self.session.shared(self.now)
    }

    /// After the units: asks for what is owed, writes MLS state, and gives out the effects.
    pub(crate) fn finish(mut self) -> Result<Vec<Effect>, Stop> {
        self.session.wake(self.now);
        self.expire()?;
        self.sweep()?;
        self.index_some()?;
        self.owed()?;
        self.write_groups()?;
        self.write_cursor()?;
        if let Some(seq) = self.journal {
            self.effects.push(Effect::Journal(seq));
        }
        let expires = self.next_expiry()?;
        if let Some(at) = self.session.next_wake(self.now).into_iter().chain(expires).min() {
            self.effects.push(Effect::Wake(at));
        }
        Ok(self.effects)
    }

    pub(crate) fn effect(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    /// Sends a request, unless it is under way or put off, or there is no connection. Whether it was sent.
    pub(crate) fn request(&mut self, tag: Tag, request: impl Into<wire::Request>) -> bool {
        let now = self.now;
        let Some(connection) = &mut self.session.connection else { return false };
        if !connection.is_free(&tag, now) || connection.in_flight.len() >= wire::limits::REQUESTS_IN_FLIGHT {
            return false;
        }
        connection.in_flight.insert(tag.clone());
        self.effects.push(Effect::Request { tag, request: request.into() });
        true
    }

    pub(crate) fn connection(&mut self) -> Option<&mut Connection> {
        self.session.connection.as_mut()
    }

    /// The server broke the protocol: this connection ends.
    pub(crate) fn reconnect(&mut self, broken: Broken) {
        self.session.connection = None;
        self.effects.push(Effect::Reconnect(broken));
    }

    /// Appends to the journal.
    pub(crate) fn event(
        &mut self,
        event: &Event,
        conversation: Option<ConversationId>,
        row: Option<RowId>,
    ) -> Result<(), Stop> {
        let new = NewEvent {
            kind: event.kind().to_owned(),
            conversation,
            row,
            payload: event.encode(),
            at: self.now,
        };
        self.journal = Some(journal::append(self.tx, &new)?);
        Ok(())
    }

    pub(crate) fn alert(&mut self, alert: Alert, conversation: Option<ConversationId>) -> Result<(), Stop> {
        self.event(&Event::Alert(alert), conversation, None)
    }

    pub(crate) fn verdict(&self, seq: Seq) -> Option<&Verdict> {
        self.learned.verdicts.get(&seq)
    }

    pub(crate) fn is_passed_over(&self, digest: &[u8; 32]) -> bool {
        self.learned.passed_over.contains(digest)
    }

    /// A conversation that must be there.
    pub(crate) fn conversation(&self, id: &ConversationId) -> Result<Option<Conversation>, Stop> {
        Ok(conversation::find(self.tx, id)?)
    }

    pub(crate) fn save(&self, conversation: &Conversation) -> Result<(), Stop> {
        Ok(conversation::update(self.tx, conversation)?)
    }

    /// Loads a group's rows where it is not in memory. Whether there is such a group.
    pub(crate) fn load_group(&mut self, group: &GroupId) -> Result<bool, Stop> {
        if self.device.is_loaded(group) {
            return Ok(true);
        }
        let rows = mls_row::of_group(self.tx, group)?;
        if rows.is_empty() {
            return Ok(false);
        }
        let rows = rows.into_iter().map(rows::from_store).collect::<Option<Vec<Row>>>();
        self.device
            .load(rows.ok_or(StepError::Damaged("group state"))?)
            .map_err(|error| own_fault(&error))?;
        Ok(true)
    }

    /// The view of a conversation's group, where there is one with usable state.
    pub(crate) fn view(&mut self, conversation: &Conversation) -> Result<Option<GroupView>, Stop> {
        let Some(group) = conversation.group else { return Ok(None) };
        match self.load_group(&group) {
            Ok(true) => {}
            Ok(false) => return Ok(None),
            Err(Stop::Failed(StepError::Damaged(_))) => return Err(Stop::Lost(conversation.id)),
            Err(stop) => return Err(stop),
        }
        match self.device.view(&group) {
            Ok(view) => Ok(Some(view)),
            Err(MlsError::State(_)) => Err(Stop::Lost(conversation.id)),
            Err(error) => Err(own_fault(&error)),
        }
    }

    /// Writes what the groups and KeyPackages staged.
    fn write_groups(&mut self) -> Result<(), Stop> {
        let changes = self.device.drain().map_err(|error| own_fault(&error))?;
        for change in changes {
            match change {
                RowChange::Put(key, value) => mls_row::put(self.tx, &rows::to_store(&key, value)?)?,
                RowChange::Delete(key) => mls_row::delete(self.tx, &rows::key_to_store(&key)?)?,
            }
        }
        Ok(())
    }
}
