//! The world: what happens next, and what comes of it.
//!
//! Invariant: one queue of happenings, ordered by time and then by when they were thought of, and one stream of dice:
//! so everything follows from the seed.

mod devices;
pub(crate) mod faces;
mod liar;
pub(crate) mod links;
mod network;
mod restores;
pub(crate) mod rooms;
mod service;
pub(crate) mod touch;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hushwire_types::{ContentId, Timestamp};

use super::client::Client;
use super::failure::{Failure, OrFail};
use super::link::{Link, LinkId, Side};
use super::people::T0;
use super::plan::{Devices, Plan, index};
use super::server::Server;
use super::trace::Trace;
use super::truth::Truth;
use super::{Counts, Run, people};
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
    Touch { client: usize },
    Present { client: usize, number: usize },
    Found,
    SayAll { text: usize },
    Change { client: usize },
    Decide { client: usize },
    Invite { client: usize },
    Seek { client: usize },
    BackUp,
    Restore { tries: u32 },
    LoseGroup { client: usize },
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
    pub(crate) touches: Vec<touch::Touch>,
    pub(crate) room: Option<rooms::Room>,
    pub(crate) truth: Truth,
    /// The texts from here on were written when everybody was in their conversations, unless these began then.
    pub(crate) settled: usize,
    server: Server,
    calm: bool,
    liar: liar::Liar,
    trace: Trace,
    steps: u64,
    kills: u64,
    breaks: u64,
    pub(crate) counts: Counts,
    /// How much time has passed at once.
    jumped: Duration,
    backup: Option<restores::Backup>,
    /// What was true and is lost with what the server lost.
    pub(crate) lost: Truth,
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
            touches: Vec::new(),
            room: None,
            truth: Truth::default(),
            settled: usize::MAX,
            server,
            calm: false,
            liar: liar::Liar::default(),
            trace: Trace::new(),
            steps: 0,
            kills: 0,
            breaks: 0,
            counts: Counts::default(),
            jumped: Duration::ZERO,
            backup: None,
            lost: Truth::default(),
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
        for _ in 0..self.plan.touches {
            let client = index(self.dice.below(self.clients.len() as u64));
            let after = self.dice.below(span);
            self.later(after, Happening::Touch { client });
        }
        for _ in 0..self.plan.jumps {
            let (after, hours) = (self.dice.below(span), self.dice.between(1, 40));
            self.later(after, Happening::Jump { hours });
        }
        self.foresee_room(span);
        self.foresee_restore(span);
        self.foresee_faces(span);
        self.later(span, Happening::Calm);
        self.later(1000, Happening::Chores);
    }

    /// Whom a device may write to.
    fn others(&self, client: usize) -> Vec<usize> {
        let from = self.clients.get(client).map_or(0, |client| client.person);
        (0..self.plan.people).filter(|person| *person != from).collect()
    }

    fn somebody_else(&self, client: usize) -> usize {
        let others = self.others(client);
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
        let healing = if self.will_be_restored() { restores::HEALING } else { HEALING };
        self.rest(healing)?;
        // Nobody may be stuck: each device says one thing more. That may begin a conversation; the one after it finds all
        // devices there.
        let first = self.texts.len();
        self.last_words();
        for client in 0..self.clients.len() {
            // What a liar left out is told at the next exchange, so there is one between all.
            let others = match self.plan.lies {
                0 if self.plan.devices == Devices::Crowd => Vec::new(),
                0 if !self.is_restored() => vec![self.somebody_else(client)],
                _ => self.others(client),
            };
            for to in others {
                self.write(client, to, 0);
            }
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
            wishes: self.room.as_ref().map_or(0, rooms::Room::stored),
            steps: self.steps,
            kills: self.kills,
            breaks: self.breaks,
            counts: Counts {
                asked: self.asked_and_done(links::What::Asks),
                declined: self.asked_and_done(links::What::Declines),
                ..self.counts
            },
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
            Happening::Touch { client } => self.touch(client),
            Happening::Present { client, number } => self.present(client, number),
            Happening::Found => self.found(),
            Happening::SayAll { text } => self.say_all(text),
            Happening::Change { client } => self.change(client),
            Happening::Decide { client } => self.decide(client),
            Happening::Invite { client } => self.invite(client),
            Happening::Seek { client } => self.seek(client),
            Happening::BackUp => {
                self.back_up();
                Ok(())
            }
            Happening::Restore { tries } => self.restore(tries),
            Happening::LoseGroup { client } => self.lose_group(client),
            Happening::Jump { hours } => {
                let jump = Duration::from_secs(3600 * hours);
                self.now = self.now.after(jump);
                self.jumped = self.jumped.saturating_add(jump);
                self.note(|| format!("{hours} hours pass"));
                Ok(())
            }
            // Hours that pass at once leave no time for what happens in a group.
            Happening::Calm
                if self.room.is_some() && self.now < T0.after(self.plan.span).after(self.jumped) =>
            {
                self.at(T0.after(self.plan.span).after(self.jumped), Happening::Calm);
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
}
