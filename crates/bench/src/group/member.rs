//! A member of ours: an engine over its encrypted database on the disk, and a server that answers it at once.

use std::collections::VecDeque;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use hushwire_client_store::conversation::{self, ConversationState};
use hushwire_client_store::{Database, about};
use hushwire_delivery::Direct;
use hushwire_engine::{Command, CommandId, Effect, Engine, Input, Outcome, Recipient, Tag};
use hushwire_identity::{DeviceList, ServerKey};
use hushwire_types::{ConversationId, Epoch, Generation, Order, Seq, Timestamp};
use hushwire_wire::{Entry, EntryKind, Group, MessageSent, Opaque, Place, Request, Response, SendCommit};
use mls_rs::MlsMessage;

use super::crowd::{Crowd, Known};
use crate::newcomer;

/// The generation of the group.
pub(super) const GENERATION: Generation = Generation(1);

/// What the server has of the group.
pub(super) struct Server {
    pub(super) crowd: Crowd,
    pub(super) group_info: Vec<u8>,
    pub(super) tree: Vec<u8>,
    pub(super) epoch: Epoch,
    /// A Commit of a member of ours that was accepted, and that nobody has yet.
    pub(super) accepted: Option<SendCommit>,
    order: u64,
}

impl Server {
    pub(super) fn new(crowd: Crowd) -> Self {
        let (group_info, tree) = (Vec::new(), Vec::new());
        Self { crowd, group_info, tree, epoch: Epoch(0), accepted: None, order: 0 }
    }

    /// What stands next in the conversation.
    pub(super) fn place(&mut self) -> Place {
        self.order += 1;
        Place {
            conversation_id: self.crowd.conversation,
            generation: GENERATION,
            order: Some(Order(self.order)),
        }
    }
}

/// An engine.
pub(super) struct Member {
    db: Database,
    engine: Engine,
    key_package: Vec<u8>,
    /// The last entry of its mailbox.
    seq: u64,
    commands: u64,
    /// Requests that have no answer yet.
    open: VecDeque<(Tag, Request)>,
    /// When it wants to be woken.
    pub(super) wake: Option<Timestamp>,
}

impl Member {
    /// Somebody who has registered as `name`, with a database in `folder`.
    pub(super) fn new(
        direct: &mut Direct,
        key: &ServerKey,
        server: &mut Server,
        folder: &Path,
        name: &str,
        now: Timestamp,
    ) -> Result<Self> {
        let newcomer = newcomer::register(direct, key, folder, name, now)?;
        let (genesis, entry) = (newcomer.keys.genesis.to_vec(), newcomer.keys.list_entry.to_vec());
        let account = DeviceList::verify(&genesis, [&entry])?.account_id();
        server.crowd.known.insert(account, Known { genesis, entry });
        let key_package = newcomer.keys.key_packages.first().context("no KeyPackage")?.to_vec();
        let mut member = Self {
            db: newcomer.db,
            engine: newcomer.engine,
            key_package,
            seq: newcomer.logged_in.cursor.seq.0,
            commands: 0,
            open: VecDeque::new(),
            wake: None,
        };
        let seq = Seq(member.seq);
        member.step(vec![Input::Online(newcomer.logged_in)], now)?;
        member.step(vec![Input::Listening(seq)], now)?;
        member.settle(server, now)?;
        Ok(member)
    }

    /// What adds it to a group.
    pub(super) fn key_package(&self) -> Result<MlsMessage> {
        Ok(MlsMessage::from_bytes(&self.key_package)?)
    }

    /// A command, as a person gives it: how long its step took.
    pub(super) fn command(&mut self, command: Command, now: Timestamp) -> Result<Duration> {
        self.commands += 1;
        self.step(vec![Input::Command { id: CommandId(self.commands), command }], now)
    }

    /// A text to the group: from the command to the ciphertext in the outbox.
    pub(super) fn send(
        &mut self,
        conversation: ConversationId,
        text: &str,
        now: Timestamp,
    ) -> Result<Duration> {
        let to = Recipient::Conversation(conversation);
        let elapsed = self.command(Command::Send { to, text: text.to_owned(), key: None }, now)?;
        if !self.open.iter().any(|(_, request)| matches!(request, Request::SendMessage(_))) {
            bail!("the message was not encrypted");
        }
        Ok(elapsed)
    }

    /// Entries of the stream: how long it takes until they are stored.
    pub(super) fn deliver(
        &mut self,
        entries: impl IntoIterator<Item = (Place, EntryKind)>,
        now: Timestamp,
    ) -> Result<Duration> {
        let mut batch = Vec::new();
        for (place, kind) in entries {
            self.seq += 1;
            batch.push(Entry { seq: Seq(self.seq), accepted_at: now, place: Some(place), kind });
        }
        self.step(vec![Input::Deliveries(batch)], now)
    }

    /// The clock has gone on.
    pub(super) fn tick(&mut self, now: Timestamp) -> Result<Duration> {
        self.step(vec![Input::Tick], now)
    }

    /// Whether it is about to make a Commit known.
    pub(super) fn has_commit(&self) -> bool {
        self.open.iter().any(|(_, request)| matches!(request, Request::SendCommit(_)))
    }

    fn step(&mut self, inputs: Vec<Input>, now: Timestamp) -> Result<Duration> {
        let begin = Instant::now();
        let effects = self.engine.step(&mut self.db, inputs, now)?;
        let elapsed = begin.elapsed();
        for effect in effects {
            match effect {
                Effect::Request { tag, request } => self.open.push_back((tag, request)),
                Effect::Wake(at) => self.wake = Some(at),
                Effect::Done { outcome: Outcome::Refused(why), .. } => bail!("refused: {why}"),
                Effect::Reconnect(why) => bail!("the engine hangs up: {why:?}"),
                _ => {}
            }
        }
        Ok(elapsed)
    }

    /// Answers everything that is open, all at once, until nothing is.
    pub(super) fn settle(&mut self, server: &mut Server, now: Timestamp) -> Result<Settled> {
        let mut settled = Settled::default();
        while !self.open.is_empty() {
            let (mut answers, mut echoes) = (Vec::new(), Vec::new());
            let mut has_tree = false;
            for (tag, request) in std::mem::take(&mut self.open) {
                has_tree |= matches!(request, Request::FetchGroup(_));
                let Some(response) = self.answer(server, request, now, &mut echoes) else { continue };
                answers.push(Input::Answer { tag, result: Ok(response) });
            }
            if !answers.is_empty() {
                let elapsed = self.step(answers, now)?;
                if has_tree { settled.tree = elapsed } else { settled.others += elapsed }
            }
            if !echoes.is_empty() {
                self.deliver(echoes, now)?;
            }
        }
        Ok(settled)
    }

    /// What the server answers; nothing where it need not. What it accepts of this member's other conversations comes back by the
    /// stream.
    fn answer(
        &self,
        server: &mut Server,
        request: Request,
        now: Timestamp,
        echoes: &mut Vec<(Place, EntryKind)>,
    ) -> Option<Response> {
        let mut sent = |send_seq| {
            let order = server.place().order.unwrap_or_default();
            Some(MessageSent { send_seq, order, accepted_at: now }.into())
        };
        match request {
            Request::SendMessage(message) => sent(message.send_seq),
            Request::SendCommit(commit) => {
                let answer = sent(commit.send_seq);
                server.accepted = Some(commit);
                answer
            }
            Request::CreateConversation(create) => {
                let answer = sent(create.send_seq);
                let place = Place {
                    conversation_id: create.conversation_id,
                    generation: create.generation,
                    order: Some(Order(1)),
                };
                echoes.push((place, EntryKind::Commit(create.commit)));
                answer
            }
            Request::SenderKeys(ask) => {
                Some(server.crowd.known.get(&ask.account_id)?.keys(ask.account_id).into())
            }
            Request::FetchGroup(ask) if ask.conversation_id == server.crowd.conversation => Some(
                Group {
                    conversation_id: ask.conversation_id,
                    generation: GENERATION,
                    epoch: server.epoch,
                    group_info: Some(Opaque::from(server.group_info.clone())),
                    ratchet_tree: Opaque::from(server.tree.clone()),
                }
                .into(),
            ),
            _ => None,
        }
    }

    /// Whether it takes part in the conversation.
    pub(super) fn is_in(&mut self, conversation: &ConversationId) -> Result<bool> {
        let known = self.db.read(|view| conversation::find(view, conversation))?;
        Ok(known.is_some_and(|known| known.state == ConversationState::Active))
    }

    /// Messages that it has of others.
    pub(super) fn received(&mut self, conversation: &ConversationId) -> Result<u64> {
        Ok(self.db.read(|view| about::unread(view, conversation))?)
    }
}

/// How long the steps took that answers led to.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Settled {
    /// The last one that had a tree.
    pub(super) tree: Duration,
    /// All without one.
    pub(super) others: Duration,
}
