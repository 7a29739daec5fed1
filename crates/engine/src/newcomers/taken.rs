//! What a device makes of a part: a newcomer takes it, the others note who was handed something.

use hushwire_backup::Record;
use hushwire_backup::record::Message;
use hushwire_client_store::conversation::{Conversation, ConversationKind};
use hushwire_client_store::timeline::{EntryState, Inserted, NewEntry};
use hushwire_client_store::{history, setting as facts};
use hushwire_content::{Content, Encoded, HistoryBundle, Kind, limits};
use hushwire_mls::Application;
use hushwire_types::{AccountId, ConversationId, Generation, Order};
use hushwire_wire::Place;
use serde::{Deserialize, Serialize};

use super::Named;
use crate::facts::fact;
use crate::setting::{self, code};
use crate::step::Step;
use crate::stop::Stop;
use crate::{Event, MessageRef};

/// Accounts that came in lately: of those before them, nobody will hand them anything any more.
const CAME: usize = 64;

/// What a device knows of who may hand what to whom in a group.
#[derive(Default, Serialize, Deserialize)]
struct Room {
    /// Others who came in and were handed nothing yet, the last ones last.
    came: Vec<Came>,
    /// What may be handed to this account.
    expected: Option<Expected>,
}

#[derive(PartialEq, Eq, Serialize, Deserialize)]
struct Came {
    account: Named,
    by: Named,
}

#[derive(Serialize, Deserialize)]
struct Expected {
    by: Named,
    /// Where this device came in.
    generation: u64,
    order: u64,
    /// The bundle that began to come.
    bundle: Option<[u8; 16]>,
    /// The part that comes next.
    number: u32,
    /// What has come of it.
    messages: usize,
    bytes: usize,
}

impl Expected {
    /// Whether a part is of the one bundle that is taken, and not from before what has come of it.
    fn fits(&self, by: AccountId, part: &HistoryBundle) -> bool {
        self.by == Named(by)
            && self.bundle.is_none_or(|bundle| bundle == part.bundle)
            && part.number >= self.number
    }

    const fn is_before(&self, generation: Generation, order: Order) -> bool {
        generation.0 < self.generation || (generation.0 == self.generation && order.0 < self.order)
    }
}

impl Step<'_, '_> {
    /// This device came into a group by a Welcome: its sender may hand over what was said before. One's own device that added this
    /// one was in before, and has the past itself.
    pub(crate) fn expects_history(
        &self,
        id: &ConversationId,
        place: &Place,
        by: AccountId,
    ) -> Result<(), Stop> {
        facts::delete(self.tx, &piece(id))?;
        let expected = Expected {
            by: Named(by),
            generation: place.generation.0,
            order: place.order.unwrap_or_default().0,
            bundle: None,
            number: 0,
            messages: 0,
            bytes: 0,
        };
        let expected = Some(expected).filter(|_| by != self.me.account);
        self.keep(&room(id), &Room { came: Vec::new(), expected })
    }

    /// Accounts came in by somebody else's Commit, who may hand them something.
    pub(super) fn may_be_handed(
        &self,
        id: &ConversationId,
        came: &[AccountId],
        by: AccountId,
    ) -> Result<(), Stop> {
        let mut known = self.room(id)?;
        known.came.retain(|known| !came.contains(&known.account.0));
        known.came.extend(came.iter().map(|account| Came { account: Named(*account), by: Named(by) }));
        let over = known.came.len().saturating_sub(CAME);
        known.came.drain(..over);
        self.keep(&room(id), &known)
    }

    /// A part has come.
    pub(crate) fn take_bundle(
        &mut self,
        conversation: &Conversation,
        message: &Application,
        part: &HistoryBundle,
    ) -> Result<(), Stop> {
        let (id, by) = (conversation.id, message.sender.account);
        if conversation.kind != ConversationKind::Group || message.sender.device == self.me.device {
            return Ok(());
        }
        let mut room = self.room(&id)?;
        if part.accounts.contains(&self.me.account) {
            return match room.expected.take() {
                Some(expected) if expected.fits(by, part) => self.take_part(&id, expected, part, room),
                _ => Ok(()),
            };
        }
        let handed: Vec<Came> = room
            .came
            .extract_if(.., |came| came.by == Named(by) && part.accounts.contains(&came.account.0))
            .collect();
        if handed.is_empty() {
            return Ok(());
        }
        self.keep(&self::room(&id), &room)?;
        let handed: Vec<AccountId> = handed.into_iter().map(|came| came.account.0).collect();
        self.tell_handed(&id, by, &handed, part.messages)
    }

    /// A part for this account, of what it may be handed.
    fn take_part(
        &mut self,
        id: &ConversationId,
        mut expected: Expected,
        part: &HistoryBundle,
        room: Room,
    ) -> Result<(), Stop> {
        if part.number != expected.number {
            // One is missing, and with it the rest of what it began.
            facts::delete(self.tx, &piece(id))?;
        }
        expected.bytes += part.records.iter().map(Vec::len).sum::<usize>();
        let is_too_much = expected.bytes > limits::BUNDLE_BYTES;
        if !is_too_much {
            for record in self.whole_records(&piece(id), &part.records, part.continues)? {
                if let Record::Message(told) = record
                    && expected.messages < limits::BUNDLE_MESSAGES
                {
                    expected.messages += 1;
                    self.take_told(id, &expected, &told)?;
                }
            }
        }
        expected.bundle = Some(part.bundle);
        expected.number = part.number.saturating_add(1);
        let by = expected.by.0;
        let is_over = part.ends || is_too_much;
        if is_over {
            facts::delete(self.tx, &piece(id))?;
        }
        let expected = Some(expected).filter(|_| !is_over);
        self.keep(&self::room(id), &Room { expected, ..room })?;
        self.event(&Event::Conversation, Some(*id), None)?;
        if is_over { self.tell_handed(id, by, &[self.me.account], part.messages) } else { Ok(()) }
    }

    /// A message of before, as somebody tells it; passed over unless it is one that this account could not know.
    fn take_told(&mut self, id: &ConversationId, expected: &Expected, told: &Message) -> Result<(), Stop> {
        let Ok(content) = Encoded::from_row(told.content.clone()).decode() else { return Ok(()) };
        let named = MessageRef { conversation: *id, account: told.account, content: content.content_id };
        let is_of_before = told.conversation == *id && expected.is_before(told.generation, told.order);
        if !is_of_before || !is_message(told, &content) || told.account == self.me.account {
            return Ok(());
        }
        let is_hidden = setting::is_on(self.tx, &named.subject(), code::HIDDEN)? == Some(true);
        if is_hidden || self.is_blocked(&told.account)? {
            return Ok(());
        }
        let entry = NewEntry {
            conversation: *id,
            generation: told.generation,
            order: Some(told.order),
            content_id: content.content_id,
            account: told.account,
            device: told.device,
            sent_at: content.sent_at,
            accepted_at: told.accepted_at,
            content: told.content.clone(),
            state: EntryState::Received,
            client_key: None,
        };
        let by = Some(&expected.by.0);
        let Inserted::New(row) = history::restore(self.tx, &entry, None, by)? else { return Ok(()) };
        self.index(row, &content.kind)?;
        self.catch_up_with(&entry.at(row), &named)
    }

    fn room(&self, id: &ConversationId) -> Result<Room, Stop> {
        Ok(fact(self.tx, &room(id))?.unwrap_or_default())
    }
}

fn room(id: &ConversationId) -> String {
    format!("newcomers {id}")
}

fn piece(id: &ConversationId) -> String {
    format!("newcomers piece {id}")
}

/// Whether it is what people see, to stay, and the one that it says it is.
fn is_message(told: &Message, content: &Content) -> bool {
    told.about.is_none()
        && content.content_id == told.content_id
        && content.lives_for_s == 0
        && matches!(content.kind, Kind::Text(_) | Kind::Poll(_) | Kind::Card(_))
}
