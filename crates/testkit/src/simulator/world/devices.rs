//! What a device does, and what the person in front of it wants.

use hushwire_engine::{Broken, Command, CommandId, Effect, Input, Outcome, Recipient, Refusal};
use hushwire_group_policy::direct_conversation_id;
use hushwire_types::{ConversationId, Timestamp};
use hushwire_wire::{MessageReceived, Request, RequestId, frame};

use super::{Happening, World};
use crate::simulator::failure::{Failure, OrFail};
use crate::simulator::link::{LinkId, Side};
use crate::simulator::people;

/// The command that is no text.
const RESUME: CommandId = CommandId(u64::MAX);

impl World {
    pub(super) fn start(&mut self, client: usize) -> Result<(), Failure> {
        if self.client(client)?.is_running() {
            return Ok(());
        }
        self.note(|| format!("{client} starts"));
        self.client(client)?.start()?;
        self.work_soon(client);
        let (life, after) = (self.client(client)?.life, self.dice.below(500));
        self.later(after, Happening::Connect { client, life });
        Ok(())
    }

    pub(super) fn work_soon(&mut self, client: usize) {
        let life = self.clients.get(client).map_or(0, |client| client.life);
        // Often long enough for more to come in, so that steps have batches.
        let after = if self.dice.happens(500) { 0 } else { self.dice.below(100) };
        self.later(after, Happening::Work { client, life });
    }

    pub(super) fn work(&mut self, client: usize, life: u64) -> Result<(), Failure> {
        if !self.is_life(client, life) || self.client(client)?.inbox.is_empty() {
            return Ok(());
        }
        if self.fault(self.plan.kills) {
            self.kill(client, "before a step");
            return Ok(());
        }
        self.steps = self.steps.saturating_add(1);
        let now = self.now;
        let inputs = self.client(client)?.inbox.iter().map(input_name).collect::<Vec<_>>().join(", ");
        let stepped = self.client(client)?.step(now);
        let effects = stepped
            .map_err(|failure| Failure::new(format!("device {client}, at {inputs}: {}", failure.what())))?;
        self.note(|| format!("{client} steps: {inputs} -> {} effects", effects.len()));
        if self.fault(self.plan.kills) {
            self.kill(client, "after a step");
            return Ok(());
        }
        for effect in effects {
            self.carry_out(client, effect)?;
        }
        Ok(())
    }

    pub(super) fn kill(&mut self, client: usize, when: &str) {
        self.fell(client, when);
        let after = self.dice.below(15_000);
        self.later(after, Happening::Start { client });
    }

    /// A device dies, and nobody starts it yet.
    pub(super) fn fell(&mut self, client: usize, when: &str) {
        self.kills = self.kills.saturating_add(1);
        self.note(|| format!("{client} is killed {when}"));
        let Some(device) = self.clients.get_mut(client) else { return };
        device.kill();
        if let Some(line) = device.line.take() {
            self.hang_up(line.link);
        }
    }

    /// The device's end is closed; the server notices later.
    pub(super) fn hang_up(&mut self, link: LinkId) {
        let now = self.now;
        if let Some(ends) = self.links.get_mut(&link) {
            ends.cut(Side::Client, now);
        }
        let after = self.dice.below(3000);
        self.later(after, Happening::Notice { link, by: Side::Server });
    }

    pub(super) fn carry_out(&mut self, client: usize, effect: Effect) -> Result<(), Failure> {
        match effect {
            Effect::Request { tag, request } => {
                let Some(line) = self.client(client)?.line.as_mut() else { return Ok(()) };
                let number = line.number();
                line.remember(number, tag);
                self.request(client, number, &request)
            }
            Effect::Acknowledge { incarnation, through } => {
                let Some(line) = self.client(client)?.line.as_mut() else { return Ok(()) };
                let number = line.number();
                self.request(client, number, &MessageReceived { incarnation, through_seq: through }.into())
            }
            Effect::Done { id, outcome } => self.done(id, outcome),
            Effect::Wake(at) => {
                let device = self.client(client)?;
                device.wake = Some(at);
                let life = device.life;
                self.at(at, Happening::Wake { client, life, at });
                Ok(())
            }
            Effect::Reconnect(why) => self.reconnect(client, why),
            _ => Ok(()),
        }
    }

    pub(super) fn reconnect(&mut self, client: usize, why: Broken) -> Result<(), Failure> {
        if self.plan.lies == 0 {
            return Err(Failure::new(format!("device {client} distrusts an honest server: {why:?}")));
        }
        self.note(|| format!("{client} distrusts the server: {why:?}"));
        if let Some(link) = self.client(client)?.line.as_ref().map(|line| line.link) {
            self.lose_line(client, link);
        }
        Ok(())
    }

    pub(super) fn request(&mut self, client: usize, number: u64, request: &Request) -> Result<(), Failure> {
        let Some(line) = self.client(client)?.line.as_ref() else { return Ok(()) };
        let link = line.link;
        let id = RequestId::new(number).or_fail("a request id")?;
        let frame = frame::encode_client(id, request).or_fail(request.name())?;
        self.note(|| format!("{client} asks {number} {}", request.name()));
        self.transmit(link, Side::Server, frame);
        Ok(())
    }

    pub(super) fn wake(&mut self, client: usize, life: u64, at: Timestamp) {
        if !self.is_life(client, life) {
            return;
        }
        let Some(device) = self.clients.get_mut(client).filter(|device| device.wake == Some(at)) else {
            return;
        };
        device.wake = None;
        device.inbox.push(Input::Tick);
        self.work_soon(client);
    }

    pub(super) fn say(&mut self, number: usize) -> Result<(), Failure> {
        let text = self.texts.get(number).or_fail("a text")?.clone();
        if text.content.is_some() {
            return Ok(());
        }
        if self.client(text.client)?.is_running() {
            let command = Command::Send {
                to: Recipient::Handle(people::handle(text.to)?),
                text: text.body.clone(),
                key: Some(text.body),
            };
            let id = CommandId(number as u64);
            self.client(text.client)?.inbox.push(Input::Command { id, command });
            self.work_soon(text.client);
        }
        // No answer may mean that it was stored: the key says that it is the same.
        let after = self.dice.between(2000, 6000);
        self.later(after, Happening::Say { text: number });
        Ok(())
    }

    pub(super) fn done(&mut self, id: CommandId, outcome: Outcome) -> Result<(), Failure> {
        if id == RESUME
            || self.presented(id, &outcome)?
            || self.roomed(id, &outcome)?
            || self.touched(id, &outcome)?
        {
            return Ok(());
        }
        let number = usize::try_from(id.0).or_fail("a text")?;
        if let (Outcome::Refused(refusal @ Refusal::Stopped), true) = (&outcome, self.is_restored()) {
            return self.insist(number, refusal);
        }
        if let (Outcome::Refused(refusal), true) = (&outcome, self.plan.lies > 0) {
            return self.insist(number, refusal);
        }
        let text = self.texts.get_mut(number).or_fail("a text")?;
        match outcome {
            Outcome::Queued { content, .. } if text.content.is_none_or(|known| known == content) => {
                text.content = Some(content);
                Ok(())
            }
            Outcome::Refused(Refusal::Offline(_)) => Ok(()),
            other => Err(Failure::new(format!("the text {:?} ended with {other:?}", text.body))),
        }
    }

    /// A person reads what is wrong and goes on; the text is written again later.
    fn insist(&mut self, number: usize, refusal: &Refusal) -> Result<(), Failure> {
        if !matches!(refusal, Refusal::Stopped) {
            return Ok(());
        }
        let text = self.texts.get(number).or_fail("a text")?;
        let (client, to) = (text.client, text.to);
        let other = self.clients.iter().find(|other| other.person == to).or_fail("a person")?.account;
        let conversation = direct_conversation_id(self.client(client)?.account, other);
        self.resume(client, conversation)
    }

    fn resume(&mut self, client: usize, conversation: ConversationId) -> Result<(), Failure> {
        let command = Command::Resume { conversation };
        self.client(client)?.inbox.push(Input::Command { id: RESUME, command });
        self.work_soon(client);
        Ok(())
    }

    /// The same in the group.
    pub(super) fn resume_room(&mut self, client: usize) -> Result<bool, Failure> {
        let conversation = self.room.as_ref().and_then(|room| room.conversation).or_fail("the group")?;
        self.resume(client, conversation).map(|()| true)
    }
}

fn input_name(input: &Input) -> String {
    match input {
        Input::Answer { tag, result } => match result {
            Ok(response) => format!("answer to {tag:?}: {}", response.name()),
            Err(error) => format!("answer to {tag:?}: {:?}", error.code),
        },
        Input::Deliveries(entries) => {
            let seqs: Vec<String> = entries.iter().map(|entry| entry.seq.0.to_string()).collect();
            format!("entries {}", seqs.join(" "))
        }
        Input::Command { id, .. } => format!("command {}", id.0),
        Input::Online(login) => {
            format!("online at {} with {} sends", login.cursor.seq.0, login.accepted_sends.0)
        }
        other => format!("{other:?}"),
    }
}
