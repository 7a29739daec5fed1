//! The key of a group's details (rule R5), for a device that came back by an external Commit and lacks it.
//!
//! Whoever is added gets it in the Welcome, and whoever processes the Commit that changes the details has it from the epoch. A device
//! that entered anew may have neither: it asks in the group, and one of those who have it says it.
//!
//! Invariants:
//! - The key goes through the group's own encryption to its members alone, who may read the details anyway.
//! - A key that does not open the details changes nothing.
//! - One answer is enough: those who could give it wait for their turn by their place in the tree, and whoever sees another's answer
//!   says nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use hushwire_client_store::conversation::{Conversation, ConversationKind};
use hushwire_content::Kind;
use hushwire_mls::{Application, GroupView};
use hushwire_types::{ConversationId, Secret, Timestamp};
use serde::{Deserialize, Serialize};

use crate::facts::fact;
use crate::step::Step;
use crate::stop::Stop;

/// Whoever was not answered asks again after this long.
const ASK_AGAIN: Duration = Duration::from_secs(10 * 60);
/// How long each waits for the one before it in the tree.
const TURN: Duration = Duration::from_secs(2);

const NAME: &str = "details keys";

/// Groups by their id as text, since JSON has no other keys.
#[derive(Default, Serialize, Deserialize)]
struct Keys {
    /// Where this device lacks the key, and when it asked last.
    lacking: BTreeMap<String, Option<u64>>,
    /// Where somebody lacks it, and when it is this device's turn to say it.
    owed: BTreeMap<String, u64>,
}

impl Step<'_, '_> {
    fn keys(&self) -> Result<Keys, Stop> {
        Ok(fact(self.tx, NAME)?.unwrap_or_default())
    }

    /// Whether the details of a group could be read just now.
    pub(crate) fn details_are(&mut self, id: &ConversationId, readable: bool) -> Result<(), Stop> {
        let mut keys = self.keys()?;
        let name = id.to_string();
        let changed = match (readable, keys.lacking.contains_key(&name)) {
            (true, true) => keys.lacking.remove(&name).is_some(),
            (false, false) => keys.lacking.insert(name, None).is_none(),
            _ => false,
        };
        if changed { self.keep(NAME, &keys) } else { Ok(()) }
    }

    /// Groups in which a key is lacking or owed are looked at after a login.
    pub(crate) fn attend_details(&mut self) -> Result<(), Stop> {
        let Keys { lacking, owed } = self.keys()?;
        for id in lacking.keys().chain(owed.keys()).filter_map(|id| id.parse().ok()) {
            self.session.attend(id);
        }
        Ok(())
    }

    /// Asks for the key, or says it.
    pub(crate) fn compose_details(
        &mut self,
        conversation: &Conversation,
        view: &GroupView,
        left: u64,
    ) -> Result<(), Stop> {
        if conversation.kind != ConversationKind::Group || left == 0 {
            return Ok(());
        }
        let (mut keys, name) = (self.keys()?, conversation.id.to_string());
        let asked = keys.lacking.get(&name).copied();
        let owed = keys.owed.get(&name).copied();
        if asked.is_none() && owed.is_none() {
            return Ok(());
        }
        if !self.has_room_for(&conversation.id)? {
            return Ok(());
        }
        if let Some(asked) = asked {
            let again = asked.map(|at| Timestamp::from_ms(at).after(ASK_AGAIN));
            if again.is_none_or(|again| again <= self.now) {
                self.say(conversation, view, Kind::DetailsKey(None))?;
                keys.lacking.insert(name.clone(), Some(self.now.as_ms()));
                self.keep(NAME, &keys)?;
            }
            let again = again.filter(|again| *again > self.now);
            self.session.attend_at(conversation.id, again.unwrap_or_else(|| self.now.after(ASK_AGAIN)));
        }
        let Some(turn) = owed.map(Timestamp::from_ms) else { return Ok(()) };
        if turn > self.now {
            self.session.attend_at(conversation.id, turn);
            return Ok(());
        }
        keys.owed.remove(&name);
        self.keep(NAME, &keys)?;
        let group = self.group_of(conversation)?;
        let key = self.device.details_key(&group).map_err(|error| crate::stop::own_fault(&error))?;
        match key.filter(|_| asked.is_none()) {
            Some(key) => self.say(conversation, view, Kind::DetailsKey(Some(key))),
            None => Ok(()),
        }
    }

    /// Somebody lacks the key, or says it.
    pub(crate) fn take_details_key(
        &mut self,
        conversation: &Conversation,
        message: &Application,
        key: Option<&Secret<32>>,
    ) -> Result<(), Stop> {
        if conversation.kind != ConversationKind::Group || message.sender.device == self.me.device {
            return Ok(());
        }
        let (mut keys, name) = (self.keys()?, conversation.id.to_string());
        let Some(key) = key else {
            let Some(view) = self.view(conversation)? else { return Ok(()) };
            let others = view.members.iter().filter(|member| member.device != message.sender.device);
            let place = others.take_while(|member| member.device != self.me.device).count();
            let turn = self.now.after(TURN * u32::try_from(place).unwrap_or(u32::MAX));
            keys.owed.insert(name, turn.as_ms());
            self.session.attend(conversation.id);
            return self.keep(NAME, &keys);
        };
        if keys.owed.remove(&name).is_some() {
            self.keep(NAME, &keys)?;
        }
        if !keys.lacking.contains_key(&name) {
            return Ok(());
        }
        let group = self.group_of(conversation)?;
        let learned = self.device.learn_details_key(&group, key.clone());
        if learned.map_err(|error| crate::stop::own_fault(&error))? {
            self.group_changed(conversation, None)?;
        }
        Ok(())
    }
}
