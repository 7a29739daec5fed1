//! The past, handed to a new device by another of the same account, while both are online.
//!
//! ```text
//!  new device: wants the past ─► HistoryAsk { from, parts } ─┐  conversation with oneself   ┌─► taken over, place kept ─► asks on
//!  old device:      asked for it ◄───────────────────────────┴──► HistoryPart { from, to } ─┘
//! ```
//!
//! What travels are the records of a backup, inside MLS like everything else; [`crate::backup`] says what is in them.
//!
//! Invariants:
//! - It is asked for and given in the conversation with oneself, which only devices of the account are in; a device that is put out
//!   gets nothing more.
//! - Both sides keep where they are in the transaction that moves it: whoever is killed goes on from there. A part that is lost is
//!   asked for again; one that does not begin where the last one ended is passed over.
//! - Never more than [`WINDOW`] parts are under way: the server holds little, and nothing for a device that is away.
//! - What was handed over is not kept to be sent again after a server's restore: it is asked for again.

pub(crate) mod parcel;
mod place;

use std::time::Duration;

use hushwire_backup::{RECORD_BYTES, Record};
use hushwire_client_store::conversation::Conversation;
use hushwire_client_store::{StoreError, View, setting as facts};
use hushwire_content::{HistoryAsk, HistoryPart, Kind};
use hushwire_mls::{Application, GroupView};
use hushwire_types::{DeviceId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::facts::fact;
use crate::profiles::Known;
use crate::step::Step;
use crate::stop::Stop;
use crate::{Event, Outcome, Refusal, text};

/// Parts that may come until it is asked again.
const WINDOW: u32 = 8;
/// Whoever hears nothing for so long asks again.
const ASK_AGAIN: Duration = Duration::from_secs(30);

/// What this device wants of the past.
const WANTED: &str = "history wanted";
/// The beginning of a record that goes on in the next part.
const PIECE: &str = "history piece";
/// That the past is not wanted has yet to be told.
const FORGONE: &str = "history forgone";
/// Which devices ask this one.
const ASKED: &str = "history asked";

/// How far a new device has the past.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HistoryProgress {
    /// Messages that were new here.
    pub messages: u64,
    /// How far it is …
    pub done: u64,
    /// … of how much; 0 where nothing has come yet.
    pub whole: u64,
}

#[derive(Serialize, Deserialize)]
struct Wanted {
    /// Whom; none for whoever answers first.
    of: Option<Named>,
    from: Vec<u8>,
    left: u32,
    asked_at: Option<u64>,
    progress: HistoryProgress,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Named(#[serde(with = "text")] DeviceId);

#[derive(Serialize, Deserialize)]
struct Asked {
    by: Named,
    from: Vec<u8>,
    left: u32,
    is_over: bool,
}

/// How far this device has the past of others; none where it wants none, or has all of it.
///
/// # Errors
/// The database cannot be read.
pub fn history_wanted(view: &View<'_>) -> Result<Option<HistoryProgress>, StoreError> {
    Ok(fact::<Wanted>(view, WANTED)?.map(|wanted| wanted.progress))
}

/// Whether a device that asked for the past has all that it wants; none where it has not asked.
///
/// # Errors
/// The database cannot be read.
pub fn history_handed(view: &View<'_>, to: DeviceId) -> Result<Option<bool>, StoreError> {
    let asked = fact::<Vec<Asked>>(view, ASKED)?.unwrap_or_default();
    Ok(asked.into_iter().find(|asked| asked.by == Named(to)).map(|asked| asked.is_over))
}

/// The new device.
impl Step<'_, '_> {
    /// A person wants the past here. What has come already stays.
    pub(crate) fn fetch_history(&mut self, of: Option<DeviceId>) -> Result<Outcome, Stop> {
        let own = self.own_list()?;
        let is_there = |device: DeviceId| device != self.me.device && own.device(device).is_some();
        if !of.map_or_else(|| own.active_devices().len() > 1, is_there) {
            return Ok(Outcome::Refused(Refusal::UnknownHere("other device of yours")));
        }
        let of = of.map(Named);
        let known = fact::<Wanted>(self.tx, WANTED)?.filter(|known| of.is_none() || known.of == of);
        let wanted = match known {
            Some(known) => Wanted { left: 0, asked_at: None, ..known },
            None => {
                facts::delete(self.tx, PIECE)?;
                let progress = HistoryProgress::default();
                Wanted { of, from: Vec::new(), left: 0, asked_at: None, progress }
            }
        };
        self.keep(WANTED, &wanted)?;
        facts::delete(self.tx, FORGONE)?;
        let conversation = self.open_conversation(self.me.account)?;
        self.session.attend(conversation.id);
        Ok(Outcome::Done)
    }

    /// A person does not want the past here, or no more of it.
    pub(crate) fn forgo_history(&mut self) -> Result<Outcome, Stop> {
        let wanted = Wanted {
            of: None,
            from: Vec::new(),
            left: 0,
            asked_at: None,
            progress: HistoryProgress::default(),
        };
        facts::delete(self.tx, PIECE)?;
        self.keep(WANTED, &wanted)?;
        self.keep(FORGONE, &true)?;
        let conversation = self.open_conversation(self.me.account)?;
        self.session.attend(conversation.id);
        Ok(Outcome::Done)
    }

    /// A part has come.
    pub(crate) fn take_history_part(
        &mut self,
        conversation: &Conversation,
        message: &Application,
        part: &HistoryPart,
    ) -> Result<(), Stop> {
        let by = message.sender.device;
        if !self.is_of_mine(conversation, message) || part.device != self.me.device {
            return Ok(());
        }
        let Some(mut wanted) = fact::<Wanted>(self.tx, WANTED)? else { return Ok(()) };
        let fits = wanted.of.is_none_or(|of| of == Named(by)) && wanted.from == part.from;
        if !fits || wanted.asked_at.is_none() {
            return Ok(());
        }
        let records = self.whole_records(PIECE, &part.records, part.continues)?;
        if let Outcome::Restored(restored) =
            self.restore_history(self.me.account, &records, Known::Everywhere)?
        {
            wanted.progress.messages += restored.messages;
        }
        wanted.progress.done = part.done;
        wanted.progress.whole = part.whole;
        let HistoryProgress { messages, done, whole } = wanted.progress;
        let finished = part.to.is_empty();
        if finished {
            facts::delete(self.tx, WANTED)?;
            facts::delete(self.tx, PIECE)?;
        } else {
            wanted.of = Some(Named(by));
            wanted.from.clone_from(&part.to);
            wanted.left = wanted.left.saturating_sub(1);
            wanted.asked_at = Some(self.now.as_ms());
            self.keep(WANTED, &wanted)?;
        }
        self.session.attend(conversation.id);
        self.event(&Event::History { messages, done, whole, finished }, None, None)
    }

    /// The records that are whole with this part; the beginning of one is kept under the name `piece`. What cannot be read is passed
    /// over: a newer version may have written it.
    pub(crate) fn whole_records(
        &self,
        piece: &str,
        parts: &[Vec<u8>],
        continues: bool,
    ) -> Result<Vec<Record>, Stop> {
        let mut begun = facts::find(self.tx, piece)?.unwrap_or_default();
        let mut records = Vec::new();
        for (index, bytes) in parts.iter().enumerate() {
            begun.extend_from_slice(bytes);
            if continues && index + 1 == parts.len() {
                break;
            }
            records.extend(Record::from_bytes(&begun).ok().flatten());
            begun.clear();
        }
        if begun.is_empty() || begun.len() > RECORD_BYTES {
            facts::delete(self.tx, piece)?;
        } else {
            facts::put(self.tx, piece, &begun)?;
        }
        Ok(records)
    }

    /// Asks, or asks on.
    fn ask_for_history(&mut self, conversation: &Conversation, view: &GroupView) -> Result<bool, Stop> {
        let Some(mut wanted) = fact::<Wanted>(self.tx, WANTED)? else { return Ok(false) };
        let forgone = fact::<bool>(self.tx, FORGONE)?.is_some();
        let again = wanted.asked_at.map(|at| Timestamp::from_ms(at).after(ASK_AGAIN));
        let waits = again.filter(|again| *again > self.now && wanted.left > 0);
        if let Some(again) = waits {
            self.session.attend_at(conversation.id, again);
            return Ok(false);
        }
        // The first one to answer is the one to ask on; until then nobody sends much.
        let parts = if wanted.of.is_some() { WINDOW } else { 1 };
        let parts = if forgone { 0 } else { parts };
        let device = wanted.of.map(|Named(device)| device);
        let ask = HistoryAsk { device, from: wanted.from.clone(), parts };
        self.say(conversation, view, Kind::HistoryAsk(ask))?;
        if forgone {
            facts::delete(self.tx, WANTED)?;
            facts::delete(self.tx, FORGONE)?;
            return Ok(true);
        }
        wanted.left = parts;
        wanted.asked_at = Some(self.now.as_ms());
        self.keep(WANTED, &wanted)?;
        self.session.attend_at(conversation.id, self.now.after(ASK_AGAIN));
        Ok(true)
    }
}

/// The old device.
impl Step<'_, '_> {
    /// Another device of this account asks for the past.
    pub(crate) fn take_history_ask(
        &mut self,
        conversation: &Conversation,
        message: &Application,
        ask: &HistoryAsk,
    ) -> Result<(), Stop> {
        let is_meant = ask.device.is_none_or(|device| device == self.me.device);
        let by = Named(message.sender.device);
        let mut asked = fact::<Vec<Asked>>(self.tx, ASKED)?.unwrap_or_default();
        if !self.is_of_mine(conversation, message) {
            return Ok(());
        }
        // Whoever asks another one does not ask this one any more.
        asked.retain(|asked| asked.by != by);
        if is_meant {
            let left = ask.parts.min(WINDOW);
            asked.push(Asked { by, from: ask.from.clone(), left, is_over: left == 0 });
        }
        self.keep(ASKED, &asked)?;
        self.session.attend(conversation.id);
        Ok(())
    }

    fn hand_over(
        &mut self,
        conversation: &Conversation,
        view: &GroupView,
        left: &mut u64,
    ) -> Result<(), Stop> {
        let mut asked = fact::<Vec<Asked>>(self.tx, ASKED)?.unwrap_or_default();
        for asked in asked.iter_mut().filter(|asked| !asked.is_over) {
            let Named(device) = asked.by;
            while asked.left > 0 && *left > 0 {
                if !self.is_active(&self.me.account, &device)? {
                    asked.is_over = true;
                    break;
                }
                if !self.has_room_for(&conversation.id)? {
                    break;
                }
                let part = self.part(device, &asked.from)?;
                asked.from.clone_from(&part.to);
                asked.left -= 1;
                asked.is_over = part.to.is_empty();
                *left -= 1;
                self.say(conversation, view, Kind::HistoryPart(part))?;
                if asked.is_over {
                    break;
                }
            }
        }
        if asked.is_empty() { Ok(()) } else { self.keep(ASKED, &asked) }
    }
}

/// Both.
impl Step<'_, '_> {
    /// Asks for the past and hands it over, as much as there is room for.
    pub(crate) fn compose_history(
        &mut self,
        conversation: &Conversation,
        view: &GroupView,
        mut left: u64,
    ) -> Result<(), Stop> {
        if left == 0
            || !self.reaches_own_devices(conversation, view)
            || !self.has_room_for(&conversation.id)?
        {
            return Ok(());
        }
        if self.ask_for_history(conversation, view)? {
            left -= 1;
        }
        self.hand_over(conversation, view, &mut left)
    }

    /// The conversation with oneself is looked at where the past is wanted or asked for.
    pub(crate) fn attend_history(&mut self) -> Result<(), Stop> {
        let asked = fact::<Vec<Asked>>(self.tx, ASKED)?.unwrap_or_default();
        let wanted = fact::<Wanted>(self.tx, WANTED)?;
        if wanted.is_some() || asked.iter().any(|asked| !asked.is_over) {
            self.attend_oneself();
        }
        Ok(())
    }

    pub(crate) fn is_of_mine(&self, conversation: &Conversation, message: &Application) -> bool {
        let (sender, me) = (&message.sender, &self.me);
        conversation.kind.peer() == Some(me.account)
            && sender.account == me.account
            && sender.device != me.device
    }
}
