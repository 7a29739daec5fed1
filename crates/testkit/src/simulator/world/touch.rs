//! What people do to messages that they have: react, put their own ones otherwise, delete them, read.

use hushwire_client_store::timeline::{self, EntryState};
use hushwire_client_store::{StoreError, conversation};
use hushwire_engine::{Command, CommandId, Input, MessageRef, Outcome, Reach, Refusal};
use hushwire_types::{AccountId, ContentId};

use super::World;
use crate::simulator::failure::{Failure, OrFail};
use crate::simulator::plan::index;

/// Numbers of commands from here on are touches.
const FIRST: u64 = 1_000_000;

/// Something that a person did to a message.
#[derive(Debug, Clone)]
pub(crate) struct Touch {
    pub(crate) client: usize,
    pub(crate) message: MessageRef,
    pub(crate) what: What,
    pub(crate) fate: Fate,
}

/// What the engine has said of a touch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Nothing: it waits, or whoever did it was killed before or after it was stored.
    Unknown,
    /// It is stored.
    Done,
    Refused,
}

/// What people do to messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    React,
    Edit,
    Delete,
    Read,
}

impl World {
    /// A device does something to one of the messages that it has, if it has any and runs.
    pub(super) fn touch(&mut self, client: usize) -> Result<(), Failure> {
        if !self.client(client)?.is_running() {
            return Ok(());
        }
        let messages = self.messages(client)?;
        let me = self.client(client)?.account;
        let own = |(account, _): &(AccountId, ContentId)| *account == me;
        let what = match self.dice.below(10) {
            0..=3 => What::React,
            4..=6 => What::Edit,
            7 => What::Delete,
            _ => What::Read,
        };
        let fits = |message: &&MessageRef| {
            matches!(what, What::React | What::Read) || own(&(message.account, message.content))
        };
        let among: Vec<MessageRef> = messages.iter().filter(fits).copied().collect();
        let Some(message) = among.get(index(self.dice.below(among.len().max(1) as u64))).copied() else {
            return Ok(());
        };
        let number = self.touches.len();
        let command = match what {
            What::React => Command::React { to: message, emoji: format!("👍{number}") },
            What::Edit => Command::Edit { message, text: format!("edit {number}") },
            What::Delete => Command::Delete { message, reach: Reach::Everyone },
            What::Read => Command::Read { conversation: message.conversation, through: Some(message) },
        };
        self.note(|| format!("device {client} touches: {what:?}"));
        self.touches.push(Touch { client, message, what, fate: Fate::Unknown });
        let id = CommandId(FIRST + number as u64);
        self.client(client)?.inbox.push(Input::Command { id, command });
        self.work_soon(client);
        Ok(())
    }

    /// The messages that a device has, in an order that the seed decides.
    fn messages(&mut self, client: usize) -> Result<Vec<MessageRef>, Failure> {
        let db = self.client(client)?.db()?;
        db.read::<_, StoreError>(|view| {
            let mut messages = Vec::new();
            for known in conversation::all(view)? {
                for row in timeline::page(view, &known.id, None, u32::MAX >> 1)? {
                    let entry = row.entry;
                    if matches!(entry.state, EntryState::Queued | EntryState::Sent | EntryState::Received) {
                        let (conversation, account, content) = (known.id, entry.account, entry.content_id);
                        messages.push(MessageRef { conversation, account, content });
                    }
                }
            }
            Ok(messages)
        })
        .or_fail("the messages of a profile")
    }

    /// The outcome of a touch; whether it was one.
    pub(super) fn touched(&mut self, id: CommandId, outcome: &Outcome) -> Result<bool, Failure> {
        let Some(number) = id.0.checked_sub(FIRST) else { return Ok(false) };
        let room = self.room.as_ref().and_then(|room| room.conversation);
        let touch = self.touches.get_mut(index(number)).or_fail("a touch")?;
        let in_room = room == Some(touch.message.conversation);
        match outcome {
            Outcome::Done => touch.fate = Fate::Done,
            // It was deleted meanwhile.
            Outcome::Refused(Refusal::UnknownHere(_)) => touch.fate = Fate::Refused,
            // Whoever is in a group need not be in it any more, and may be put to silence.
            Outcome::Refused(Refusal::NotInGroup | Refusal::MayNotWrite) if in_room => {
                touch.fate = Fate::Refused;
            }
            other => return Err(Failure::new(format!("{:?} ended with {other:?}", touch.what))),
        }
        Ok(true)
    }
}
