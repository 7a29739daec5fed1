//! The engine alone: how long it takes to encrypt and store a message, and to decrypt and store one, each as one durable
//! transaction of its encrypted database. On a file system in memory, so that the disk's sync is not in it.

use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use hdrhistogram::Histogram;
use hushwire_client::Place;
use hushwire_client_store::{Database, about, conversation};
use hushwire_delivery::{ConnectionId, Direct, Peer};
use hushwire_engine::{Command, CommandId, Effect, Engine, Input, Recipient, Tag};
use hushwire_identity::ServerKey;
use hushwire_types::{Clock, OsEntropy, SystemClock, Timestamp};
use hushwire_wire::{EntryKind, Hello, MessageReceived, RequestId, Response, ServerFrame};

use crate::newcomer::{self, BINDING, NONCE, Newcomer, key};

/// How long single messages took, in microseconds.
#[derive(Debug, Clone)]
pub struct Times {
    /// From the command to the ciphertext in the outbox.
    pub encrypt: Histogram<u64>,
    /// From the entry to the row in the timeline.
    pub decrypt: Histogram<u64>,
}

/// Sends `messages` of 1 KiB from one engine to another, whose databases are in `folder`.
///
/// # Errors
/// A database, or a message that did not arrive.
pub fn measure(folder: &Path, messages: u32) -> Result<Times> {
    let mut world = World::new(folder)?;
    world.send("warm-up")?;
    let text = "x".repeat(1024 - 200);
    let mut times = Times { encrypt: histogram()?, decrypt: histogram()? };
    for number in 0..messages {
        let (encrypt, decrypt) = world.send(&text)?;
        // A message that took a Commit with it is not alone in its step.
        if number > 0
            && let Some(decrypt) = decrypt
        {
            times.encrypt.saturating_record(micros(encrypt));
            times.decrypt.saturating_record(micros(decrypt));
        }
    }
    Ok(times)
}

/// How long an engine takes that was away for `messages` of 1 KiB, from its login until it has them all and they are acknowledged. The
/// databases are in `folder`, which is made.
///
/// # Errors
/// As [`measure`].
pub fn catch_up(folder: &Path, messages: u32) -> Result<Duration> {
    std::fs::create_dir(folder)?;
    let mut world = World::new(folder)?;
    world.send("warm-up")?;
    world.leave(1)?;
    let text = "x".repeat(1024 - 200);
    for _ in 0..messages {
        world.send(&text)?;
    }
    let begin = Instant::now();
    world.come_back(1)?;
    let elapsed = begin.elapsed();
    let has = world.received(1)?;
    if has < u64::from(messages) {
        bail!("{has} of {messages} messages have come");
    }
    Ok(elapsed)
}

/// A registered profile in `folder`, and nothing in it.
///
/// # Errors
/// A database.
pub fn registered(folder: &Path) -> Result<Place> {
    let world = World::new(folder)?;
    drop(world);
    Ok(Place { folder: folder.join("alice"), key: key() })
}

fn histogram() -> Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1, 60_000_000, 3)?)
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX).max(1)
}

struct Client {
    db: Database,
    engine: Engine,
    /// While it is online.
    connection: Option<ConnectionId>,
    tags: HashMap<u64, Tag>,
    requests: u64,
}

struct World {
    direct: Direct,
    clients: Vec<Client>,
    now: Timestamp,
    commands: u64,
    /// How long the last delivery of one message alone took.
    delivered: Option<Duration>,
}

impl World {
    fn new(folder: &Path) -> Result<Self> {
        let server = ServerKey::generate(&OsEntropy);
        let mut world = Self {
            direct: newcomer::services(&server)?,
            clients: Vec::new(),
            now: SystemClock.now(),
            commands: 0,
            delivered: None,
        };
        for name in ["alice", "bob"] {
            world.join(folder, name, &server)?;
        }
        Ok(world)
    }

    fn join(&mut self, folder: &Path, name: &str, server: &ServerKey) -> Result<()> {
        let Newcomer { db, engine, connection, logged_in, frames, requests, .. } =
            newcomer::register(&mut self.direct, server, folder, name, self.now)?;
        let index = self.clients.len();
        let connection = Some(connection);
        self.clients.push(Client { db, engine, connection, tags: HashMap::new(), requests });
        self.step(index, vec![Input::Online(logged_in)])?;
        self.feed(index, frames)?;
        self.settle()
    }

    fn leave(&mut self, index: usize) -> Result<()> {
        let client = self.clients.get_mut(index).context("no such client")?;
        if let Some(connection) = client.connection.take() {
            self.direct.disconnect(connection);
        }
        self.step(index, vec![Input::Offline]).map(drop)
    }

    fn come_back(&mut self, index: usize) -> Result<()> {
        let connection = self.direct.connect(Peer { binding: BINDING, address: None });
        let hello = Hello { min_version: 2, max_version: 2, features: Vec::new(), nonce: NONCE };
        let welcomed = newcomer::ask(&mut self.direct, connection, 1, hello, self.now)?;
        let Response::Welcomed(welcomed) = welcomed else { bail!("not welcome") };
        let client = self.clients.get_mut(index).context("no such client")?;
        let login = client.engine.login(&mut client.db, &welcomed, &BINDING, &NONCE)?;
        (client.connection, client.requests) = (Some(connection), 2);
        client.tags.clear();
        let id = RequestId::new(2).context("no request id")?;
        self.direct.request(connection, id, login.into(), self.now);
        let mut frames = self.direct.take_frames(connection).into_iter();
        let Some(ServerFrame { response: Response::LoggedIn(logged_in), .. }) = frames.next() else {
            bail!("the login was refused")
        };
        self.step(index, vec![Input::Online(logged_in)])?;
        self.feed(index, frames.collect())?;
        self.settle()
    }

    /// Texts of others that a client has.
    fn received(&mut self, index: usize) -> Result<u64> {
        let client = self.clients.get_mut(index).context("no such client")?;
        let id = client.db.read(conversation::all)?.first().context("no conversation")?.id;
        Ok(client.db.read(|view| about::unread(view, &id))?)
    }

    /// Sends a text from the first to the second; how long its step took, and that of its delivery.
    fn send(&mut self, text: &str) -> Result<(Duration, Option<Duration>)> {
        self.commands += 1;
        self.now = self.now.after(Duration::from_millis(20));
        let to = Recipient::Handle("@bob".parse()?);
        let command = Command::Send { to, text: text.to_owned(), key: None };
        self.delivered = None;
        let encrypt = self.step(0, vec![Input::Command { id: CommandId(self.commands), command }])?;
        self.settle()?;
        // Receipts and refreshes, which are not measured.
        self.now = self.now.after(Duration::from_millis(600));
        for index in 0..self.clients.len() {
            if self.clients.get(index).is_some_and(|client| client.connection.is_some()) {
                self.step(index, vec![Input::Tick])?;
            }
        }
        let delivered = self.delivered;
        self.settle()?;
        Ok((encrypt, delivered))
    }

    /// One step, timed; its effects are carried out afterwards.
    fn step(&mut self, index: usize, inputs: Vec<Input>) -> Result<Duration> {
        let client = self.clients.get_mut(index).context("no such client")?;
        let begin = Instant::now();
        let effects = client.engine.step(&mut client.db, inputs, self.now)?;
        let elapsed = begin.elapsed();
        for effect in effects {
            let Some(connection) = client.connection else { break };
            client.requests += 1;
            let id = RequestId::new(client.requests).context("no request id")?;
            match effect {
                Effect::Request { tag, request } => {
                    client.tags.insert(client.requests, tag);
                    self.direct.request(connection, id, request, self.now);
                }
                Effect::Acknowledge { incarnation, through } => {
                    let received = MessageReceived { incarnation, through_seq: through };
                    self.direct.request(connection, id, received.into(), self.now);
                }
                _ => {}
            }
        }
        Ok(elapsed)
    }

    fn settle(&mut self) -> Result<()> {
        loop {
            let mut any = false;
            for index in 0..self.clients.len() {
                let connection = self.clients.get(index).context("no such client")?.connection;
                let Some(connection) = connection else { continue };
                let frames = self.direct.take_frames(connection);
                any |= !frames.is_empty();
                self.feed(index, frames)?;
            }
            if !any {
                return Ok(());
            }
        }
    }

    fn feed(&mut self, index: usize, frames: Vec<ServerFrame>) -> Result<()> {
        for frame in frames {
            let client = self.clients.get_mut(index).context("no such client")?;
            let input = match (frame.request_id, frame.response) {
                (None, Response::Delivery(delivery)) => Input::Deliveries(delivery.entries),
                (None, Response::Listening(listening)) => Input::Listening(listening.through_seq),
                (None, _) => continue,
                (Some(id), response) => {
                    let Some(tag) = client.tags.remove(&id.number()) else { continue };
                    let result = match response {
                        Response::Error(error) => Err(error),
                        response => Ok(response),
                    };
                    Input::Answer { tag, result }
                }
            };
            let alone = index == 1
                && matches!(&input, Input::Deliveries(entries)
                    if matches!(entries.as_slice(), [entry] if matches!(entry.kind, EntryKind::Application(_))));
            let elapsed = self.step(index, vec![input])?;
            if alone {
                self.delivered.get_or_insert(elapsed);
            }
        }
        Ok(())
    }
}
