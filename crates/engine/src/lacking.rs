//! What a device lacks of a group and the other members have: the key of its details (rule R5), its picture.
//!
//! Whoever is added gets the key in the Welcome, and whoever processes the Commit that changes the details has it from the epoch. A device
//! that entered anew may have neither. The details name the picture only by its hash: who gave it says it once their Commit is in the
//! group, and who adds somebody says it again. Whoever lacks one of these nevertheless asks in the group, and one of those who have it says
//! it.
//!
//! Invariants:
//! - What is said goes through the group's own encryption to its members alone, who may read the details anyway.
//! - A key that does not open the details and a picture that they do not name change nothing.
//! - One answer is enough: those who could give it wait for their turn by their place in the tree, and whoever sees another's answer
//!   says nothing. One question is enough as well: who lacks the same waits for the answer to another's.

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
/// How long a picture may take to come without being asked for.
const EXPECTED: Duration = Duration::from_secs(30);
/// How long each waits for the one before it in the tree.
pub(crate) const TURN: Duration = Duration::from_secs(2);

/// Something that can be lacking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Thing {
    /// The key of the details.
    Key,
    /// The picture.
    Picture,
}

impl Thing {
    const ALL: [Self; 2] = [Self::Key, Self::Picture];

    /// The name of its fact.
    const fn name(self) -> &'static str {
        match self {
            Self::Key => "details keys",
            Self::Picture => "group pictures",
        }
    }

    /// The question for it.
    const fn question(self) -> Kind {
        match self {
            Self::Key => Kind::DetailsKey(None),
            Self::Picture => Kind::GroupPicture(None),
        }
    }
}

/// Groups by their id as text, since JSON has no other keys.
#[derive(Default, Serialize, Deserialize)]
struct Needs {
    /// Where this device lacks it, and when it was asked for last.
    lacking: BTreeMap<String, Option<u64>>,
    /// Where somebody lacks it, and when it is this device's turn to say it.
    owed: BTreeMap<String, u64>,
}

impl Step<'_, '_> {
    fn needs(&self, thing: Thing) -> Result<Needs, Stop> {
        Ok(fact(self.tx, thing.name())?.unwrap_or_default())
    }

    /// Whether something of a group is not here just now.
    pub(crate) fn lacks(&mut self, thing: Thing, id: &ConversationId, lacks: bool) -> Result<(), Stop> {
        let mut needs = self.needs(thing)?;
        let name = id.to_string();
        let changed = match (lacks, needs.lacking.contains_key(&name)) {
            (false, true) => needs.lacking.remove(&name).is_some(),
            (true, false) => {
                // As if it had been asked for then, so that it is asked for when it could have come by itself.
                let ahead = ASK_AGAIN.saturating_sub(EXPECTED).as_millis();
                let asked = self.now.as_ms().saturating_sub(u64::try_from(ahead).unwrap_or(u64::MAX));
                self.session.attend(*id);
                needs.lacking.insert(name, (thing == Thing::Picture).then_some(asked)).is_none()
            }
            _ => false,
        };
        if changed { self.keep(thing.name(), &needs) } else { Ok(()) }
    }

    /// This device says something to a group without being asked.
    pub(crate) fn owe_to_group(&mut self, thing: Thing, id: &ConversationId) -> Result<(), Stop> {
        let mut needs = self.needs(thing)?;
        needs.owed.insert(id.to_string(), self.now.as_ms());
        self.session.attend(*id);
        self.keep(thing.name(), &needs)
    }

    /// Groups in which something is lacking or owed are looked at after a login.
    pub(crate) fn attend_lacking(&mut self) -> Result<(), Stop> {
        for thing in Thing::ALL {
            let Needs { lacking, owed } = self.needs(thing)?;
            for id in lacking.keys().chain(owed.keys()).filter_map(|id| id.parse().ok()) {
                self.session.attend(id);
            }
        }
        Ok(())
    }

    /// Asks for what is lacking, and says what others lack.
    pub(crate) fn compose_lacking(
        &mut self,
        conversation: &Conversation,
        view: &GroupView,
        left: u64,
    ) -> Result<(), Stop> {
        for thing in Thing::ALL {
            self.compose_thing(conversation, view, thing, left)?;
        }
        Ok(())
    }

    fn compose_thing(
        &mut self,
        conversation: &Conversation,
        view: &GroupView,
        thing: Thing,
        left: u64,
    ) -> Result<(), Stop> {
        if conversation.kind != ConversationKind::Group || left == 0 {
            return Ok(());
        }
        let (mut needs, name) = (self.needs(thing)?, conversation.id.to_string());
        let asked = needs.lacking.get(&name).copied();
        let owed = needs.owed.get(&name).copied();
        if (asked.is_none() && owed.is_none()) || !self.has_room_for(&conversation.id)? {
            return Ok(());
        }
        if let Some(asked) = asked {
            let again = asked.map(|at| Timestamp::from_ms(at).after(ASK_AGAIN));
            if again.is_none_or(|again| again <= self.now) {
                self.say(conversation, view, thing.question())?;
                needs.lacking.insert(name.clone(), Some(self.now.as_ms()));
                self.keep(thing.name(), &needs)?;
            }
            let again = again.filter(|again| *again > self.now);
            self.session.attend_at(conversation.id, again.unwrap_or_else(|| self.now.after(ASK_AGAIN)));
        }
        let Some(turn) = owed.map(Timestamp::from_ms) else { return Ok(()) };
        if turn > self.now {
            self.session.attend_at(conversation.id, turn);
            return Ok(());
        }
        needs.owed.remove(&name);
        self.keep(thing.name(), &needs)?;
        match self.what_is_lacking(conversation, thing)?.filter(|_| asked.is_none()) {
            Some(answer) => self.say(conversation, view, answer),
            None => Ok(()),
        }
    }

    /// What this device can say.
    fn what_is_lacking(&mut self, conversation: &Conversation, thing: Thing) -> Result<Option<Kind>, Stop> {
        if thing == Thing::Picture {
            let picture = self.group_picture(&conversation.id)?;
            return Ok(picture.map(|picture| Kind::GroupPicture(Some(picture))));
        }
        let group = self.group_of(conversation)?;
        let key = self.device.details_key(&group).map_err(|error| crate::stop::own_fault(&error))?;
        Ok(key.map(|key| Kind::DetailsKey(Some(key))))
    }

    /// Somebody lacks something.
    pub(crate) fn is_lacking(
        &mut self,
        conversation: &Conversation,
        message: &Application,
        thing: Thing,
    ) -> Result<(), Stop> {
        if conversation.kind != ConversationKind::Group || message.sender.device == self.me.device {
            return Ok(());
        }
        let Some(view) = self.view(conversation)? else { return Ok(()) };
        let (mut needs, name) = (self.needs(thing)?, conversation.id.to_string());
        if let Some(asked) = needs.lacking.get_mut(&name) {
            *asked = Some(self.now.as_ms());
        }
        let others = view.members.iter().filter(|member| member.device != message.sender.device);
        let place = others.take_while(|member| member.device != self.me.device).count();
        let turn = self.now.after(TURN * u32::try_from(place).unwrap_or(u32::MAX));
        needs.owed.insert(name, turn.as_ms());
        self.session.attend(conversation.id);
        self.keep(thing.name(), &needs)
    }

    /// Somebody has said something to all: nobody else needs to. Whether this device lacks it.
    pub(crate) fn is_said(
        &mut self,
        conversation: &Conversation,
        message: &Application,
        thing: Thing,
    ) -> Result<bool, Stop> {
        if conversation.kind != ConversationKind::Group || message.sender.device == self.me.device {
            return Ok(false);
        }
        let (mut needs, name) = (self.needs(thing)?, conversation.id.to_string());
        if needs.owed.remove(&name).is_some() {
            self.keep(thing.name(), &needs)?;
        }
        Ok(needs.lacking.contains_key(&name))
    }

    /// Somebody lacks the key of the details, or says it.
    pub(crate) fn take_details_key(
        &mut self,
        conversation: &Conversation,
        message: &Application,
        key: Option<&Secret<32>>,
    ) -> Result<(), Stop> {
        let Some(key) = key else { return self.is_lacking(conversation, message, Thing::Key) };
        if !self.is_said(conversation, message, Thing::Key)? {
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
