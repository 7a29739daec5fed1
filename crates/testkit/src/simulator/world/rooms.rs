//! A group: how it is made, what people write into it, what they want changed, and a device that loses its state.
//!
//! What a person wants is decided when they want it, from what is true then, so that most of it is possible; what is not, is
//! refused with a reason, and that is fine as well.

use std::collections::BTreeSet;

use hushwire_client_store::conversation::{self, ConversationKind};
use hushwire_client_store::{StoreError, account};
use hushwire_engine::{
    Command, CommandId, GroupChange, GroupRole, GroupWho, Input, Outcome, Recipient, Refusal,
};
use hushwire_identity::LinkSecret;
use hushwire_types::{AccountId, ContentId, ConversationId, rng};

use super::faces::picture;
use super::links::Ask;
use super::{Happening, World};
use crate::simulator::failure::{Failure, OrFail};
use crate::simulator::people;
use crate::simulator::plan::{Matter, index};

/// Numbers of commands from here on make the group.
pub(super) const FOUND: u64 = 2_000_000;
/// From here on they write into it.
const SAY: u64 = 3_000_000;
/// From here on they change it.
const CHANGE: u64 = 4_000_000;
/// From here on somebody asks to be let in, or is not let in.
pub(super) const ASK: u64 = 5_000_000;

/// Who is in the group of a crowd from its first epoch on.
const BEGINNERS: usize = 9;

/// The group of a world.
#[derive(Debug, Default)]
pub(crate) struct Room {
    /// Who is to be in it from the start; the first device makes it.
    pub(crate) invited: Vec<AccountId>,
    pub(crate) conversation: Option<ConversationId>,
    pub(crate) said: Vec<Said>,
    pub(crate) wishes: Vec<Wished>,
    /// Devices that lost their state of the group.
    pub(crate) forgetful: BTreeSet<usize>,
    /// Links that somebody wanted the group to have.
    pub(super) links: Vec<LinkSecret>,
    pub(crate) asks: Vec<Ask>,
}

impl Room {
    /// How many wishes are known to be stored.
    pub(super) fn stored(&self) -> usize {
        self.wishes.iter().filter(|wish| wish.number.is_some()).count()
    }
}

/// A text that somebody writes into the group.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    pub(crate) client: usize,
    pub(crate) body: String,
    /// Once the engine has said that it is stored.
    pub(crate) content: Option<ContentId>,
    /// Whoever wrote it was not in the group, or may not write there.
    pub(crate) refused: bool,
    /// Everything had healed when it was written.
    pub(crate) late: bool,
}

/// Something that somebody wants changed.
#[derive(Debug, Clone)]
pub(crate) struct Wished {
    pub(crate) client: usize,
    pub(crate) change: GroupChange,
    /// How many of the last messages are handed to whom it adds.
    pub(crate) history: u32,
    /// The number under which it is stored, once that was told.
    pub(crate) number: Option<i64>,
}

impl World {
    /// Puts what the plan says of the group into the queue.
    pub(super) fn foresee_room(&mut self, span: u64) {
        let Some(plan) = self.plan.room.clone() else { return };
        let mut invited: Vec<AccountId> = self.clients.iter().map(|client| client.account).collect();
        invited.dedup();
        let founder = self.clients.first().map(|client| client.account);
        invited.retain(|account| Some(*account) != founder);
        if plan.matter == Matter::Everything && invited.len() > 1 && !plan.restored && self.dice.happens(700)
        {
            invited.pop();
        }
        if plan.matter == Matter::Names {
            // A Commit that adds more does not fit into a frame, and there is no HTTPS here: the others are added after it.
            invited.truncate(BEGINNERS);
            for _ in invited.len()..self.clients.len() {
                self.later(span / 4, Happening::Change { client: 0 });
            }
        }
        self.room = Some(Room { invited, ..Room::default() });
        let after = self.dice.below(span / 4);
        self.later(after, Happening::Found);
        for _ in 0..plan.texts {
            let (client, after) = (self.any_device(), self.dice.below(span));
            self.write_all(client, after, false);
        }
        for number in 0..plan.changes {
            // In a race everybody wants something at the same time.
            let (client, after) = match plan.matter {
                Matter::Everything => (self.any_device(), self.dice.below(span)),
                Matter::Names => (number % self.clients.len().max(1), span / 2),
            };
            self.later(after, Happening::Change { client });
        }
        if plan.matter == Matter::Everything && !plan.restored {
            self.foresee_newcomers(span);
        }
        for _ in 0..plan.losses {
            let (client, after) = (self.any_device(), self.dice.below(span));
            self.later(after, Happening::LoseGroup { client });
        }
    }

    fn any_device(&self) -> usize {
        index(self.dice.below(self.clients.len() as u64))
    }

    fn write_all(&mut self, client: usize, after: u64, late: bool) {
        let Some(room) = &mut self.room else { return };
        let number = room.said.len();
        let body = format!("{number} of device {client} to all");
        room.said.push(Said { client, body, content: None, refused: false, late });
        self.later(after, Happening::SayAll { text: number });
    }

    /// Everything has healed: each device says one thing more.
    pub(super) fn last_words(&mut self) {
        for client in 0..self.clients.len() {
            self.write_all(client, 0, true);
        }
    }

    /// The first device makes the group, once it knows everybody who is to be in it.
    pub(super) fn found(&mut self) -> Result<(), Failure> {
        let Some(room) = self.room.as_ref().filter(|room| room.conversation.is_none()) else { return Ok(()) };
        let invited = room.invited.clone();
        if self.client(0)?.is_running() {
            let (made, known) = self
                .client(0)?
                .db()?
                .read::<_, StoreError>(|view| {
                    let all = conversation::all(view)?;
                    let made = all.iter().find(|known| known.kind == ConversationKind::Group);
                    let mut known = true;
                    for account in &invited {
                        known &= account::find(view, account)?.is_some();
                    }
                    Ok((made.map(|made| made.id), known))
                })
                .or_fail("a profile")?;
            // It was made before the device was killed.
            if made.is_some() {
                return self.founded(made);
            }
            let commands = if known {
                vec![Command::CreateGroup { name: "room".to_owned(), members: invited }]
            } else {
                let others = (1..self.plan.people)
                    .map(|person| Ok(Command::LookUp { handle: people::handle(person)? }));
                others.collect::<Result<_, Failure>>()?
            };
            let device = self.client(0)?;
            for command in commands {
                device.inbox.push(Input::Command { id: CommandId(FOUND), command });
            }
            self.work_soon(0);
        }
        let after = self.dice.between(1000, 3000);
        self.later(after, Happening::Found);
        Ok(())
    }

    fn founded(&mut self, conversation: Option<ConversationId>) -> Result<(), Failure> {
        self.note(|| "the group is begun".to_owned());
        self.room.as_mut().or_fail("a room")?.conversation = conversation;
        Ok(())
    }

    pub(super) fn say_all(&mut self, text: usize) -> Result<(), Failure> {
        let room = self.room.as_ref().or_fail("a room")?;
        let said = room.said.get(text).or_fail("a text")?.clone();
        if said.content.is_some() || said.refused {
            return Ok(());
        }
        if let Some(id) = room.conversation
            && self.client(said.client)?.is_running()
        {
            let to = Recipient::Conversation(id);
            let command = Command::Send { to, text: said.body.clone(), key: Some(said.body) };
            let id = CommandId(SAY.saturating_add(text as u64));
            self.client(said.client)?.inbox.push(Input::Command { id, command });
            self.work_soon(said.client);
        }
        let after = self.dice.between(2000, 6000);
        self.later(after, Happening::SayAll { text });
        Ok(())
    }

    /// Somebody wants something else than it is, if there is a group.
    pub(super) fn change(&mut self, client: usize) -> Result<(), Failure> {
        let conversation = self.room.as_ref().or_fail("a room")?.conversation;
        let begun = conversation.filter(|id| self.may_want(client, *id));
        let (Some(conversation), true) = (begun, self.client(client)?.is_running()) else {
            if !self.calm || self.is_race() {
                let after = self.dice.between(500, 2000);
                self.later(after, Happening::Change { client });
            }
            return Ok(());
        };
        if self.is_outside(client, conversation) {
            return self.ask_to_join(client, conversation);
        }
        let change = self.something(client, conversation)?;
        self.wish(client, conversation, change)
    }

    pub(super) fn wish(
        &mut self,
        client: usize,
        conversation: ConversationId,
        change: GroupChange,
    ) -> Result<(), Failure> {
        let hands = matches!(change, GroupChange::Add { .. }) && !self.is_race() && self.dice.happens(600);
        let history = if hands { u32::try_from(self.dice.between(1, 12)).unwrap_or(1) } else { 0 };
        self.note(|| format!("{client} wants {change:?} with {history} messages"));
        let room = self.room.as_mut().or_fail("a room")?;
        let id = CommandId(CHANGE.saturating_add(room.wishes.len() as u64));
        room.wishes.push(Wished { client, change: change.clone(), history, number: None });
        if let GroupChange::Link { secret } = &change {
            room.links.push(secret.clone());
        }
        let number = room.wishes.len().saturating_sub(1);
        let command = match change {
            GroupChange::Picture { picture: Some(_) } => {
                Command::SetGroupPicture { conversation, picture: Some(picture(number)?) }
            }
            GroupChange::Add { account } if history > 0 => {
                Command::AddToGroup { conversation, account, history }
            }
            change => Command::ChangeGroup { conversation, change },
        };
        self.client(client)?.inbox.push(Input::Command { id, command });
        self.work_soon(client);
        Ok(())
    }

    pub(super) fn is_race(&self) -> bool {
        self.plan.room.as_ref().is_some_and(|plan| plan.matter == Matter::Names)
    }

    /// Whether the server has a device in the group, as far as that matters: in a race nobody wants anything before.
    fn may_want(&self, client: usize, id: ConversationId) -> bool {
        let me = self.clients.get(client).map(|client| client.device);
        self.truth
            .of(id)
            .next_back()
            .is_some_and(|stage| !self.is_race() || me.is_some_and(|me| stage.has(me)))
    }

    fn something(&self, client: usize, id: ConversationId) -> Result<GroupChange, Failure> {
        let stage = self.truth.of(id).next_back().or_fail("an epoch")?;
        let me = self.clients.get(client).or_fail("a device")?.account;
        let number = self.room.as_ref().map_or(0, |room| room.wishes.len());
        let name = GroupChange::Name { name: format!("room {number}") };
        let mut others: Vec<AccountId> = self.clients.iter().map(|client| client.account).collect();
        others.retain(|account| *account != me);
        if self.is_race() {
            let wanted = |account: &AccountId| {
                let add = GroupChange::Add { account: *account };
                !self.room.as_ref().is_some_and(|room| room.wishes.iter().any(|wish| wish.change == add))
            };
            let outside = others.iter().find(|account| !stage.has_account(**account) && wanted(account));
            return Ok(match outside {
                Some(account) if client == 0 => GroupChange::Add { account: *account },
                _ => name,
            });
        }
        let (inside, outside): (Vec<AccountId>, Vec<AccountId>) =
            others.into_iter().partition(|account| stage.has_account(*account));
        let restored = self.will_be_restored();
        let one = |among: &[AccountId]| among.get(index(self.dice.below(among.len() as u64))).copied();
        let who = |dice: u64| if dice == 0 { GroupWho::Admins } else { GroupWho::Everybody };
        let secret = LinkSecret::new(rng::bytes(&self.dice));
        Ok(match (self.dice.below(18), one(&inside), one(&outside)) {
            // Who comes or goes in what is lost is there for some and not for others.
            (0..=4 | 9, ..) if restored => name,
            (0..=5, _, Some(account)) => GroupChange::Add { account },
            (2..=4, Some(account), _) => GroupChange::Remove { account },
            (5..=7, Some(account), _) => {
                let role = match self.dice.below(3) {
                    0 => GroupRole::Member,
                    1 => GroupRole::Admin,
                    _ => GroupRole::Owner,
                };
                GroupChange::Role { account, role }
            }
            (8, ..) => GroupChange::Permissions {
                add: who(self.dice.below(2)),
                details: who(self.dice.below(2)),
                write: who(self.dice.below(4)),
            },
            (9, ..) => GroupChange::Leave,
            (10, ..) => GroupChange::Describe { description: format!("about {number}") },
            (11..=13, ..) => GroupChange::Link { secret },
            (14, ..) => GroupChange::Unlink,
            (15, ..) if !restored => GroupChange::Picture { picture: Some(picture(number)?.hash()) },
            _ => name,
        })
    }

    /// A device loses its state of the group: it dies, and its disk has lost it when it starts.
    pub(super) fn lose_group(&mut self, client: usize) -> Result<(), Failure> {
        let Some(id) = self.room.as_ref().and_then(|room| room.conversation) else { return Ok(()) };
        if self.client(client)?.is_running() {
            self.kill(client, "and loses its group");
            self.client(client)?.lose_group(&id)?;
            self.room.as_mut().or_fail("a room")?.forgetful.insert(client);
        }
        Ok(())
    }

    /// The outcome of a command about the group; whether it was one.
    pub(super) fn roomed(&mut self, id: CommandId, outcome: &Outcome) -> Result<bool, Failure> {
        let is_restored = self.is_restored();
        let (Some(_), Some(room)) = (id.0.checked_sub(FOUND), &mut self.room) else { return Ok(false) };
        if let Some(number) = id.0.checked_sub(ASK) {
            return self.asked(index(number), outcome);
        }
        if let Some(number) = id.0.checked_sub(CHANGE) {
            match outcome {
                Outcome::Wished { wish, .. } => {
                    room.wishes.get_mut(index(number)).or_fail("a wish")?.number = Some(*wish);
                }
                Outcome::Refused(_) => {}
                other => return Err(Failure::new(format!("a change ended with {other:?}"))),
            }
        } else if let Some(number) = id.0.checked_sub(SAY) {
            let said = room.said.get_mut(index(number)).or_fail("a text")?;
            let client = said.client;
            match outcome {
                Outcome::Queued { content, .. } if said.content.is_none_or(|known| known == *content) => {
                    said.content = Some(*content);
                }
                Outcome::Refused(Refusal::UnknownHere(_) | Refusal::NotInGroup | Refusal::MayNotWrite) => {
                    said.refused = true
                }
                Outcome::Refused(Refusal::Stopped) if is_restored => return self.resume_room(client),
                other => return Err(Failure::new(format!("{:?} ended with {other:?}", said.body))),
            }
        } else {
            match outcome {
                Outcome::Begun { conversation } => self.founded(Some(*conversation))?,
                Outcome::Found { .. } | Outcome::Refused(Refusal::Offline(_)) => {}
                other => return Err(Failure::new(format!("making a group ended with {other:?}"))),
            }
        }
        Ok(true)
    }
}
