//! The world: what happens next, and what comes of it.
//!
//! Invariant: one queue of happenings, ordered by time and then by when they were thought of, and one stream of dice:
//! so everything follows from the seed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hushwire_engine::{Broken, Command, CommandId, Effect, Input, Outcome, Recipient, Refusal};
use hushwire_types::{ContentId, Timestamp};
use hushwire_wire::frame::{self, ClientFrame, ServerFrame};
use hushwire_wire::{Hello, MessageReceived, Request, RequestId, Response};

use super::client::{Client, Line, Phase};
use super::failure::{Failure, OrFail};
use super::link::{Link, LinkId, Side};
use super::people::T0;
use super::plan::{Devices, Plan, index};
use super::server::{Server, peer};
use super::trace::Trace;
use super::{Run, people};
use crate::entropy::SeededEntropy;

const NONCE: [u8; 32] = [3; 32];

/// How long after the last fault the world has to come to rest: the longest retry is a minute, and Commits of a device keep a
/// minute between them.
const HEALING: Duration = Duration::from_secs(20 * 60);

/// More happenings than any world of this size has: then two sides go in circles.
const MOST: u64 = 60_000;

/// What happens.
#[derive(Debug, Clone)]
enum Happening {
    Arrive { link: LinkId, to: Side, frame: bytes::Bytes },
    Notice { link: LinkId, by: Side },
    Work { client: usize, life: u64 },
    Wake { client: usize, life: u64, at: Timestamp },
    Connect { client: usize, life: u64 },
    Start { client: usize },
    StartServer,
    Chores,
    Say { text: usize },
    Jump { hours: u64 },
    Calm,
}

/// Something that a person writes.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    pub(crate) client: usize,
    pub(crate) to: usize,
    pub(crate) body: String,
    /// Once the engine has said that it is stored.
    pub(crate) content: Option<ContentId>,
}

/// Everything there is.
pub(crate) struct World {
    pub(crate) plan: Plan,
    dice: SeededEntropy,
    now: Timestamp,
    queue: BTreeMap<(Timestamp, u64), Happening>,
    thought: u64,
    links: BTreeMap<LinkId, Link>,
    pub(crate) clients: Vec<Client>,
    pub(crate) texts: Vec<Text>,
    /// The texts from here on were written when everybody was in their conversations, unless these began then.
    pub(crate) settled: usize,
    server: Server,
    calm: bool,
    trace: Trace,
    steps: u64,
    kills: u64,
    breaks: u64,
}

impl World {
    /// A world in which everybody is registered and nobody is online.
    pub(crate) fn new(plan: &Plan) -> Result<Self, Failure> {
        let entropy = Arc::new(SeededEntropy::new(plan.seed, 1));
        let start = people::Start::shared(plan.devices)?;
        let server = start.server(&entropy)?;
        let mut clients = Vec::new();
        for (person, folder) in start.profiles(plan.people)? {
            clients.push(Client::new(person, folder, &entropy)?);
        }
        let mut world = Self {
            plan: plan.clone(),
            dice: SeededEntropy::new(plan.seed, 2),
            now: T0,
            queue: BTreeMap::new(),
            thought: 0,
            links: BTreeMap::new(),
            clients,
            texts: Vec::new(),
            settled: usize::MAX,
            server,
            calm: false,
            trace: Trace::new(),
            steps: 0,
            kills: 0,
            breaks: 0,
        };
        world.foresee();
        Ok(world)
    }

    /// Puts what the plan says into the queue.
    fn foresee(&mut self) {
        let span = u64::try_from(self.plan.span.as_millis()).unwrap_or(u64::MAX);
        for client in 0..self.clients.len() {
            self.work_soon(client);
            let after = self.dice.below(span / 4);
            self.later(after, Happening::Connect { client, life: 0 });
        }
        for _ in 0..self.plan.texts {
            let client = index(self.dice.below(self.clients.len() as u64));
            let (to, after) = (self.somebody_else(client), self.dice.below(span));
            self.write(client, to, after);
        }
        for _ in 0..self.plan.jumps {
            let (after, hours) = (self.dice.below(span), self.dice.between(1, 40));
            self.later(after, Happening::Jump { hours });
        }
        self.later(span, Happening::Calm);
        self.later(1000, Happening::Chores);
    }

    /// Somebody whom a device may write to.
    fn somebody_else(&self, client: usize) -> usize {
        let from = self.clients.get(client).map_or(0, |client| client.person);
        let others: Vec<usize> = (0..self.plan.people).filter(|person| *person != from).collect();
        others.get(index(self.dice.below(others.len() as u64))).copied().unwrap_or_default()
    }

    /// Somebody will write something.
    fn write(&mut self, client: usize, to: usize, after: u64) {
        let from = self.clients.get(client).map_or(0, |client| client.person);
        let number = self.texts.len();
        let body = format!("{number} from {} to {}", people::name(from), people::name(to));
        self.texts.push(Text { client, to, body, content: None });
        self.later(after, Happening::Say { text: number });
    }

    /// Everything happens, faults and healing.
    pub(crate) fn live(&mut self) -> Result<(), Failure> {
        while !self.calm {
            self.next()?;
        }
        self.rest(HEALING)?;
        // Nobody may be stuck: each device says one thing more. That may begin a conversation; the one after it finds all
        // devices there.
        let first = self.texts.len();
        for client in 0..self.clients.len() {
            let to = self.somebody_else(client);
            self.write(client, to, 0);
        }
        self.rest(HEALING)?;
        self.settled = self.texts.len();
        if self.plan.devices == Devices::Two {
            for text in self.texts.get(first..).unwrap_or_default().to_vec() {
                self.write(text.client, text.to, 0);
            }
            self.rest(HEALING)?;
        }
        Ok(())
    }

    /// Lets time pass without faults.
    fn rest(&mut self, span: Duration) -> Result<(), Failure> {
        let end = self.now.after(span);
        while self.queue.first_key_value().is_some_and(|((at, _), _)| *at <= end) {
            self.next()?;
        }
        self.now = end;
        Ok(())
    }

    /// What a run came to.
    pub(crate) fn report(&self) -> Run {
        Run {
            trace: self.trace.hash(),
            lines: self.trace.lines(),
            texts: self.texts.len(),
            steps: self.steps,
            kills: self.kills,
            breaks: self.breaks,
        }
    }

    fn later(&mut self, ms: u64, happening: Happening) {
        self.at(self.now.after(Duration::from_millis(ms)), happening);
    }

    fn at(&mut self, at: Timestamp, happening: Happening) {
        self.thought = self.thought.saturating_add(1);
        self.queue.insert((at, self.thought), happening);
    }

    fn note(&mut self, line: impl FnOnce() -> String) {
        self.trace.note(self.now.since(T0), &line());
    }

    fn next(&mut self) -> Result<(), Failure> {
        let ((at, _), happening) = self.queue.pop_first().or_fail("something to happen")?;
        if self.trace.count() > MOST {
            return Err(Failure::new("the world does not come to rest"));
        }
        // After a jump of the clock, what was due happens at once.
        self.now = self.now.max(at);
        match happening {
            Happening::Arrive { link, to, frame } => self.arrive(link, to, at, frame),
            Happening::Notice { link, by } => {
                self.notice(link, by);
                Ok(())
            }
            Happening::Work { client, life } => self.work(client, life),
            Happening::Wake { client, life, at } => {
                self.wake(client, life, at);
                Ok(())
            }
            Happening::Connect { client, life } => self.connect(client, life),
            Happening::Start { client } => self.start(client),
            Happening::StartServer => {
                self.note(|| "server starts".to_owned());
                self.server.start()
            }
            Happening::Chores => {
                self.chores();
                Ok(())
            }
            Happening::Say { text } => self.say(text),
            Happening::Jump { hours } => {
                self.now = self.now.after(Duration::from_secs(3600 * hours));
                self.note(|| format!("{hours} hours pass"));
                Ok(())
            }
            Happening::Calm => {
                self.note(|| "calm".to_owned());
                self.calm = true;
                Ok(())
            }
        }
    }

    fn client(&mut self, client: usize) -> Result<&mut Client, Failure> {
        self.clients.get_mut(client).or_fail("a device")
    }

    fn is_life(&self, client: usize, life: u64) -> bool {
        self.clients.get(client).is_some_and(|client| client.is_running() && client.life == life)
    }

    /// Whether a fault happens that happens so often in a thousand.
    fn fault(&self, per_mille: u64) -> bool {
        !self.calm && self.dice.happens(per_mille)
    }

    // The device.

    fn start(&mut self, client: usize) -> Result<(), Failure> {
        self.note(|| format!("{client} starts"));
        self.client(client)?.start()?;
        self.work_soon(client);
        let (life, after) = (self.client(client)?.life, self.dice.below(500));
        self.later(after, Happening::Connect { client, life });
        Ok(())
    }

    fn work_soon(&mut self, client: usize) {
        let life = self.clients.get(client).map_or(0, |client| client.life);
        // Often long enough for more to come in, so that steps have batches.
        let after = if self.dice.happens(500) { 0 } else { self.dice.below(100) };
        self.later(after, Happening::Work { client, life });
    }

    fn work(&mut self, client: usize, life: u64) -> Result<(), Failure> {
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
        let effects = self.client(client)?.step(now).or_fail(format_args!("device {client}, at {inputs}"))?;
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

    fn kill(&mut self, client: usize, when: &str) {
        self.kills = self.kills.saturating_add(1);
        self.note(|| format!("{client} is killed {when}"));
        let Some(device) = self.clients.get_mut(client) else { return };
        device.kill();
        if let Some(line) = device.line.take() {
            self.hang_up(line.link);
        }
        let after = self.dice.below(15_000);
        self.later(after, Happening::Start { client });
    }

    /// The device's end is closed; the server notices later.
    fn hang_up(&mut self, link: LinkId) {
        let now = self.now;
        if let Some(ends) = self.links.get_mut(&link) {
            ends.cut(Side::Client, now);
        }
        let after = self.dice.below(3000);
        self.later(after, Happening::Notice { link, by: Side::Server });
    }

    fn carry_out(&mut self, client: usize, effect: Effect) -> Result<(), Failure> {
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

    fn reconnect(&mut self, client: usize, why: Broken) -> Result<(), Failure> {
        Err(Failure::new(format!("device {client} distrusts an honest server: {why:?}")))
    }

    fn request(&mut self, client: usize, number: u64, request: &Request) -> Result<(), Failure> {
        let Some(line) = self.client(client)?.line.as_ref() else { return Ok(()) };
        let link = line.link;
        let id = RequestId::new(number).or_fail("a request id")?;
        let frame = frame::encode_client(id, request).or_fail(request.name())?;
        self.note(|| format!("{client} asks {number} {}", request.name()));
        self.transmit(link, Side::Server, frame);
        Ok(())
    }

    fn wake(&mut self, client: usize, life: u64, at: Timestamp) {
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

    // People.

    fn say(&mut self, number: usize) -> Result<(), Failure> {
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

    fn done(&mut self, id: CommandId, outcome: Outcome) -> Result<(), Failure> {
        let number = usize::try_from(id.0).or_fail("a text")?;
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

    // The network.

    fn connect(&mut self, client: usize, life: u64) -> Result<(), Failure> {
        if !self.is_life(client, life) || self.client(client)?.line.is_some() {
            return Ok(());
        }
        let Some(direct) = self.server.running.as_mut() else {
            let after = self.dice.between(300, 2000);
            self.later(after, Happening::Connect { client, life });
            return Ok(());
        };
        let connection = direct.connect(peer());
        // Happenings are numbered, so their count names what came of one.
        let link = LinkId(self.thought);
        self.links.insert(link, Link::new(client, connection));
        self.note(|| format!("{client} connects"));
        let mut line = Line::new(link);
        let number = line.number();
        self.client(client)?.line = Some(line);
        let hello = Hello { min_version: 2, max_version: 2, features: Vec::new(), nonce: NONCE };
        self.request(client, number, &hello.into())
    }

    fn transmit(&mut self, link: LinkId, to: Side, frame: bytes::Bytes) {
        if self.fault(self.plan.breaks) {
            self.break_link(link);
        }
        let slow = if self.dice.happens(50) { 3000 } else { 80 };
        let delay = Duration::from_millis(self.dice.between(1, slow));
        let now = self.now;
        let Some(ends) = self.links.get_mut(&link) else { return };
        let at = ends.send(to, now, delay);
        self.at(at, Happening::Arrive { link, to, frame });
    }

    /// Both directions end, each at its own time, and each side notices at its own.
    fn break_link(&mut self, link: LinkId) {
        self.breaks = self.breaks.saturating_add(1);
        self.note(|| format!("link {} breaks", link.0));
        for side in [Side::Server, Side::Client] {
            let at = self.now.after(Duration::from_millis(self.dice.below(100)));
            if let Some(ends) = self.links.get_mut(&link) {
                ends.cut(side, at);
            }
            let after = self.dice.between(100, 8000);
            self.later(after, Happening::Notice { link, by: side });
        }
    }

    fn notice(&mut self, link: LinkId, by: Side) {
        let now = self.now;
        let Some(ends) = self.links.get_mut(&link) else { return };
        let client = ends.client;
        match by {
            Side::Server => {
                ends.cut(Side::Server, now);
                if let (Some(connection), Some(direct)) =
                    (ends.connection.take(), self.server.running.as_mut())
                {
                    direct.disconnect(connection);
                }
            }
            Side::Client => self.lose_line(client, link),
        }
    }

    fn lose_line(&mut self, client: usize, link: LinkId) {
        let Some(device) = self.clients.get_mut(client) else { return };
        let Some(line) = device.line.take_if(|line| line.link == link) else { return };
        if line.phase == Phase::Online {
            device.inbox.push(Input::Offline);
        }
        let life = device.life;
        self.note(|| format!("{client} is offline"));
        self.hang_up(link);
        self.work_soon(client);
        let after = self.dice.between(50, 2000);
        self.later(after, Happening::Connect { client, life });
    }

    fn arrive(&mut self, link: LinkId, to: Side, at: Timestamp, frame: bytes::Bytes) -> Result<(), Failure> {
        let Some(ends) = self.links.get_mut(&link) else { return Ok(()) };
        if ends.is_cut(to, at) {
            return Ok(());
        }
        self.trace.frame(&frame);
        match to {
            Side::Server => self.arrive_at_server(link, frame),
            Side::Client => self.arrive_at_client(link, frame),
        }
    }

    fn arrive_at_client(&mut self, link: LinkId, frame: bytes::Bytes) -> Result<(), Failure> {
        let Some(client) = self.links.get(&link).map(|ends| ends.client) else { return Ok(()) };
        let ServerFrame { request_id, response } =
            frame::decode_server(frame).or_fail("the server's frame")?;
        let device = self.client(client)?;
        let Some(line) = device.line.as_mut().filter(|line| line.link == link) else { return Ok(()) };
        let input = match (line.phase, request_id, response) {
            (Phase::Greeting, Some(_), Response::Welcomed(welcomed)) => {
                line.phase = Phase::LoggingIn;
                let number = line.number();
                let login = device.login(&welcomed, &NONCE)?;
                return self.request(client, number, &login);
            }
            (Phase::LoggingIn, Some(_), Response::LoggedIn(logged_in)) => {
                line.phase = Phase::Online;
                Input::Online(logged_in)
            }
            (Phase::Online, Some(id), response) => {
                let Some(tag) = line.answered(id.number()) else { return Ok(()) };
                let result = match response {
                    Response::Error(error) => Err(error),
                    response => Ok(response),
                };
                Input::Answer { tag, result }
            }
            (Phase::Online, None, Response::Delivery(delivery)) => Input::Deliveries(delivery.entries),
            (Phase::Online, None, Response::Listening(listening)) => Input::Listening(listening.through_seq),
            (_, None, Response::Fenced(_)) => return Ok(()),
            (phase, _, response) => {
                return Err(Failure::new(format!("device {client}, {phase:?}, was told {response:?}")));
            }
        };
        device.inbox.push(input);
        self.work_soon(client);
        Ok(())
    }

    // The server.

    fn arrive_at_server(&mut self, link: LinkId, frame: bytes::Bytes) -> Result<(), Failure> {
        let connection = self.links.get(&link).and_then(|ends| ends.connection);
        let (Some(connection), true) = (connection, self.server.running.is_some()) else { return Ok(()) };
        let ClientFrame::Request { request_id, request } =
            frame::decode_client(frame).or_fail("a device's frame")?
        else {
            return Err(Failure::new("a device asked what this version does not know"));
        };
        if self.fault(self.plan.server_kills) {
            self.kill_server("before a request");
            return Ok(());
        }
        let (now, name) = (self.now, request.name());
        let direct = self.server.running.as_mut().or_fail("the server")?;
        direct.request(connection, request_id, request, now);
        self.note(|| format!("server did {} {name}", request_id.number()));
        if self.fault(self.plan.server_kills) {
            self.kill_server("after a request");
            return Ok(());
        }
        self.flush()
    }

    /// What the server has to say goes out on every connection.
    fn flush(&mut self) -> Result<(), Failure> {
        let open: Vec<_> =
            self.links.iter().filter_map(|(link, ends)| Some((*link, ends.connection?))).collect();
        for (link, connection) in open {
            let Some(direct) = self.server.running.as_mut() else { return Ok(()) };
            let (frames, is_open) = (direct.take_frames(connection), direct.is_open(connection));
            for ServerFrame { request_id, response } in frames {
                let frame = frame::encode_server(request_id, &response).or_fail(response.name())?;
                self.note(|| {
                    format!("server says {} on link {}: {}", response.name(), link.0, said(&response))
                });
                self.transmit(link, Side::Client, frame);
            }
            if !is_open {
                self.close(link);
            }
        }
        Ok(())
    }

    /// The server ends a connection; what it has sent still arrives.
    fn close(&mut self, link: LinkId) {
        let now = self.now;
        let Some(ends) = self.links.get_mut(&link) else { return };
        if let (Some(connection), Some(direct)) = (ends.connection.take(), self.server.running.as_mut()) {
            direct.disconnect(connection);
        }
        ends.cut(Side::Server, now);
        let at = ends.send(Side::Client, now, Duration::from_millis(1));
        self.at(at, Happening::Notice { link, by: Side::Client });
    }

    fn kill_server(&mut self, when: &str) {
        self.kills = self.kills.saturating_add(1);
        self.note(|| format!("the server is killed {when}"));
        self.server.kill();
        let links: Vec<LinkId> =
            self.links.iter().filter(|(_, ends)| ends.connection.is_some()).map(|(link, _)| *link).collect();
        for link in links {
            self.close(link);
        }
        let after = self.dice.below(8000);
        self.later(after, Happening::StartServer);
    }

    fn chores(&mut self) {
        let now = self.now;
        if let Some(direct) = self.server.running.as_mut() {
            direct.tick(now);
        }
        self.later(60_000, Happening::Chores);
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

fn said(response: &Response) -> String {
    match response {
        Response::Error(error) => format!("{:?} {}", error.code, error.text),
        Response::Delivery(delivery) => {
            let entries = delivery.entries.iter().map(|entry| {
                let kind = format!("{:?}", entry.kind);
                let kind: String = kind.chars().take_while(|letter| letter.is_alphanumeric()).collect();
                format!("{}={kind}", entry.seq.0)
            });
            entries.collect::<Vec<_>>().join(" ")
        }
        Response::MessageSent(sent) => format!("send {} order {}", sent.send_seq.0, sent.order.0),
        _ => String::new(),
    }
}
