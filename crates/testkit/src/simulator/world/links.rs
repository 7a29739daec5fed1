//! Whoever is outside of the group and knows its link asks to be let in; those in charge do that, or not.

use hushwire_engine::{Command, CommandId, GroupChange, Input, Outcome, Refusal, join_asks};
use hushwire_identity::LinkSecret;
use hushwire_types::{AccountId, ConversationId, rng};

use super::rooms::ASK;
use super::{Happening, World};
use crate::simulator::client::Client;
use crate::simulator::failure::{Failure, OrFail};
use crate::simulator::people;
use crate::simulator::plan::index;

/// Somebody asked to be let in, or was not let in.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    /// Who did it.
    pub(crate) client: usize,
    /// Who is asked, or who is not let in.
    account: AccountId,
    pub(crate) what: What,
    /// Whether the engine said that it is done.
    pub(crate) done: bool,
}

/// What it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Asks,
    Declines,
}

impl World {
    /// Whoever made the group gives it a link, and wants somebody to be in it; whoever is outside asks for that. Some of it while things go
    /// wrong, some when they have just ceased to.
    pub(super) fn foresee_newcomers(&mut self, span: u64) {
        for begins in [span / 4, span / 2, span] {
            let after = begins + self.dice.below(span / 4);
            self.later(after, Happening::Invite { client: 0 });
        }
        for client in 1..self.clients.len() {
            for begins in [span / 2, span] {
                let after = begins + self.dice.below(span / 2);
                self.later(after, Happening::Seek { client });
            }
        }
    }

    /// What cannot be now is tried again, while things go wrong.
    fn again(&mut self, happening: Happening) {
        if !self.calm {
            let after = self.dice.between(500, 2500);
            self.later(after, happening);
        }
    }

    /// A device wants the group to have a link, or somebody outside to be in it.
    pub(super) fn invite(&mut self, client: usize) -> Result<(), Failure> {
        let conversation = self.room.as_ref().and_then(|room| room.conversation);
        let stage = conversation.and_then(|id| self.truth.of(id).next_back());
        let (Some(id), Some(stage), true) = (conversation, stage, self.client_runs(client)) else {
            self.again(Happening::Invite { client });
            return Ok(());
        };
        let outside =
            self.clients.iter().map(|client| client.account).find(|account| !stage.has_account(*account));
        let change = match (stage.charter.link, outside) {
            (Some(_), Some(account)) => GroupChange::Add { account },
            _ => GroupChange::Link { secret: LinkSecret::new(rng::bytes(&self.dice)) },
        };
        self.wish(client, id, change)
    }

    /// A device asks to be let in, if it is outside.
    pub(super) fn seek(&mut self, client: usize) -> Result<(), Failure> {
        let conversation = self.room.as_ref().and_then(|room| room.conversation);
        let has_link = self.room.as_ref().is_some_and(|room| !room.links.is_empty());
        match conversation {
            Some(id) if has_link && self.client_runs(client) => {
                if self.is_outside(client, id) {
                    self.ask_to_join(client, id)
                } else {
                    Ok(())
                }
            }
            _ => {
                self.again(Happening::Seek { client });
                Ok(())
            }
        }
    }

    fn client_runs(&self, client: usize) -> bool {
        self.clients.get(client).is_some_and(Client::is_running)
    }

    /// Whether the server has no device of an account in the group.
    pub(super) fn is_outside(&self, client: usize, id: ConversationId) -> bool {
        let me = self.clients.get(client).map(|client| client.account);
        let last = self.truth.of(id).next_back();
        !self.is_race() && last.is_some_and(|stage| me.is_some_and(|me| !stage.has_account(me)))
    }

    /// Somebody outside asks one of those in charge, by the link that the group has or had, if it ever had one.
    pub(super) fn ask_to_join(&mut self, client: usize, conversation: ConversationId) -> Result<(), Failure> {
        let room = self.room.as_ref().or_fail("a room")?;
        let stage = self.truth.of(conversation).next_back().or_fail("an epoch")?;
        let present = room.links.iter().find(|secret| stage.charter.link == Some(secret.hash()));
        let any = room.links.get(index(self.dice.below(room.links.len().max(1) as u64)));
        let in_charge: Vec<AccountId> = stage
            .charter
            .named()
            .map(|(account, _)| account)
            .filter(|account| stage.has_account(*account))
            .collect();
        let whom = in_charge.get(index(self.dice.below(in_charge.len().max(1) as u64))).copied();
        let (Some(secret), Some(account)) = (present.or(any).cloned(), whom) else { return Ok(()) };
        let person = self.clients.iter().find(|other| other.account == account).or_fail("a person")?.person;
        let handle = people::handle(person)?;
        let look_up =
            Input::Command { id: CommandId(super::rooms::FOUND), command: Command::LookUp { handle } };
        self.client(client)?.inbox.push(look_up);
        self.command(client, account, What::Asks, Command::AskToJoin { account, conversation, secret })
    }

    fn command(
        &mut self,
        client: usize,
        account: AccountId,
        what: What,
        command: Command,
    ) -> Result<(), Failure> {
        self.note(|| format!("{client} {what:?}"));
        let room = self.room.as_mut().or_fail("a room")?;
        let id = CommandId(ASK.saturating_add(room.asks.len() as u64));
        room.asks.push(Ask { client, account, what, done: false });
        self.client(client)?.inbox.push(Input::Command { id, command });
        self.work_soon(client);
        Ok(())
    }

    /// What became of it.
    pub(super) fn asked(&mut self, number: usize, outcome: &Outcome) -> Result<bool, Failure> {
        let ask = self.room.as_mut().or_fail("a room")?.asks.get_mut(number).or_fail("an ask")?;
        let (client, what, account) = (ask.client, ask.what, ask.account);
        match (what, outcome) {
            (What::Asks, Outcome::Done) => {
                ask.done = true;
                let deciding: Vec<usize> = self
                    .clients
                    .iter()
                    .enumerate()
                    .filter(|(_, other)| other.account == account)
                    .map(|(device, _)| device)
                    .collect();
                for device in deciding {
                    let after = self.dice.between(2000, 20_000);
                    self.later(after, Happening::Decide { client: device });
                }
            }
            (What::Declines, Outcome::Done) => ask.done = true,
            // Whoever is asked is looked up first.
            (What::Asks, Outcome::Refused(Refusal::UnknownHere(_))) => {
                let after = self.dice.between(2000, 5000);
                self.later(after, Happening::Seek { client });
            }
            (What::Asks, Outcome::Refused(Refusal::InGroup))
            | (What::Declines, Outcome::Refused(Refusal::HasNotAsked)) => {}
            (_, other) => return Err(Failure::new(format!("{what:?} ended with {other:?}"))),
        }
        Ok(true)
    }

    /// Somebody in charge looks who asks, and lets them in or not.
    pub(super) fn decide(&mut self, client: usize) -> Result<(), Failure> {
        let Some(conversation) = self.room.as_ref().and_then(|room| room.conversation) else { return Ok(()) };
        if !self.client(client)?.is_running() {
            self.again(Happening::Decide { client });
            return Ok(());
        }
        let asking =
            self.client(client)?.db()?.read(|view| join_asks(view, &conversation)).or_fail("asks")?;
        let Some(account) = asking.get(index(self.dice.below(asking.len().max(1) as u64))).copied() else {
            // It is on its way, or somebody else has decided.
            self.again(Happening::Decide { client });
            return Ok(());
        };
        if self.dice.happens(350) {
            let command = Command::RefuseAsk { conversation, account };
            return self.command(client, account, What::Declines, command);
        }
        self.wish(client, conversation, GroupChange::Add { account })
    }

    /// How often somebody asked, or was not let in.
    pub(super) fn asked_and_done(&self, what: What) -> u64 {
        let asks = self.room.iter().flat_map(|room| &room.asks);
        asks.filter(|ask| ask.done && ask.what == what).count() as u64
    }
}
