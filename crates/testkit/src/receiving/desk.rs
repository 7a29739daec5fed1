//! The server and the devices at one desk: everything happens at once and in order, on one thread.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use hushwire_client_store::{StoreError, View};
use hushwire_delivery::{ConnectionId, Direct};
use hushwire_engine::{Command, CommandId, Effect, Input, Outcome, Tag};
use hushwire_types::Timestamp;
use hushwire_wire::{Hello, MessageReceived, Request, RequestId, Response, ServerFrame};

use crate::entropy::SeededEntropy;
use crate::simulator::client::Client;
use crate::simulator::failure::{Failure, OrFail};
use crate::simulator::people::Start;
use crate::simulator::server::{Server, peer};

const NONCE: [u8; 32] = [3; 32];

/// Requests that a failure tells.
const LAST: usize = 8;

/// More turns than anything takes: then two sides go in circles.
const TURNS: u32 = 3_000;

/// What lies between the server and a device.
pub(super) trait Between {
    /// What a device is handed of a frame.
    fn pass(&mut self, person: usize, frame: ServerFrame) -> Passed;
}

/// What becomes of a frame.
#[allow(clippy::large_enum_variant, reason = "each is moved once")]
pub(super) enum Passed {
    /// It arrives.
    On(ServerFrame),
    /// It does not arrive.
    Nothing,
    /// It is no frame any more, at which a client ends the connection.
    Broken,
}

/// Frames as they are.
pub(super) struct Honest;

impl Between for Honest {
    fn pass(&mut self, _: usize, frame: ServerFrame) -> Passed {
        Passed::On(frame)
    }
}

/// A device and its connection.
struct Seat {
    client: Client,
    connection: Option<ConnectionId>,
    tags: BTreeMap<u64, Tag>,
    requests: u64,
    commands: u64,
    reconnect: bool,
    outcomes: BTreeMap<u64, Outcome>,
}

/// All of them.
pub(super) struct Desk {
    pub(super) server: Server,
    pub(super) now: Timestamp,
    seats: BTreeMap<usize, Seat>,
    /// What was asked last, for whoever reads a failure.
    asked: VecDeque<(usize, &'static str, Option<Tag>)>,
    entropy: Arc<SeededEntropy>,
}

impl Desk {
    /// The server as it was, and the devices of these people.
    pub(super) fn of(start: &Start, people: &[usize], now: Timestamp) -> Result<Self, Failure> {
        let entropy = Arc::new(SeededEntropy::new(0, 9));
        let server = start.server(&entropy)?;
        let mut desk = Self { server, now, seats: BTreeMap::new(), asked: VecDeque::new(), entropy };
        for person in people {
            desk.join(start, *person)?;
        }
        Ok(desk)
    }

    /// Another one comes, offline, with the profile as it was.
    pub(super) fn join(&mut self, start: &Start, person: usize) -> Result<(), Failure> {
        let client = Client::new(person, start.profile(person)?, &self.entropy)?;
        let seat = Seat {
            client,
            connection: None,
            tags: BTreeMap::new(),
            requests: 1,
            commands: 0,
            reconnect: false,
            outcomes: BTreeMap::new(),
        };
        self.seats.insert(person, seat);
        self.step(person)
    }

    /// What was asked last, for whoever reads a failure.
    pub(super) fn asked_last(&self) -> String {
        format!("{:?}", self.asked)
    }

    fn people(&self) -> Vec<usize> {
        self.seats.keys().copied().collect()
    }

    /// Everybody's profile and the server, as they are now that no process runs.
    pub(super) fn taken(&self, start: &Start) -> Result<Start, Failure> {
        start.later(&self.server, self.seats.iter().map(|(person, seat)| (*person, seat.client.folder())))
    }

    fn seat(&mut self, person: usize) -> Result<&mut Seat, Failure> {
        self.seats.get_mut(&person).or_fail("a device")
    }

    pub(super) fn client(&mut self, person: usize) -> Result<&mut Client, Failure> {
        Ok(&mut self.seat(person)?.client)
    }

    fn direct(&mut self) -> Result<&mut Direct, Failure> {
        self.server.running.as_mut().or_fail("the server")
    }

    /// Looks into a profile.
    pub(super) fn read<T>(
        &mut self,
        person: usize,
        work: impl FnOnce(&View<'_>) -> Result<T, StoreError>,
    ) -> Result<T, Failure> {
        self.client(person)?.db()?.read(work).or_fail("reading a profile")
    }

    /// The process starts.
    pub(super) fn start(&mut self, person: usize) -> Result<(), Failure> {
        self.client(person)?.start()?;
        self.step(person)
    }

    /// The process dies; what was under way is lost.
    pub(super) fn kill(&mut self, person: usize) -> Result<(), Failure> {
        self.client(person)?.kill();
        self.hang_up(person)
    }

    fn hang_up(&mut self, person: usize) -> Result<(), Failure> {
        let seat = self.seat(person)?;
        seat.tags.clear();
        seat.reconnect = false;
        if let Some(connection) = seat.connection.take() {
            self.direct()?.disconnect(connection);
        }
        Ok(())
    }

    /// Connects and logs in, after hanging up where a connection is there.
    pub(super) fn go_online(&mut self, person: usize, between: &mut dyn Between) -> Result<(), Failure> {
        self.go_offline(person)?;
        let direct = self.direct()?;
        let connection = direct.connect(peer());
        let hello = Hello { min_version: 2, max_version: 2, features: Vec::new(), nonce: NONCE };
        let Response::Welcomed(welcomed) = self.ask(connection, hello.into())? else {
            return Err(Failure::new("the server does not welcome a device"));
        };
        let login = self.client(person)?.login(&welcomed, &NONCE)?;
        let now = self.now;
        let direct = self.direct()?;
        direct.request(connection, RequestId::FIRST, login, now);
        let mut frames = direct.take_frames(connection).into_iter();
        let Some(ServerFrame { response: Response::LoggedIn(logged_in), .. }) = frames.next() else {
            return Err(Failure::new("the server does not let a device log in"));
        };
        let seat = self.seat(person)?;
        seat.connection = Some(connection);
        seat.requests = 1;
        self.feed(person, Input::Online(logged_in))?;
        self.take(person, frames, between)
    }

    pub(super) fn go_offline(&mut self, person: usize) -> Result<(), Failure> {
        let was_online = self.seat(person)?.connection.is_some();
        self.hang_up(person)?;
        if was_online { self.feed(person, Input::Offline) } else { Ok(()) }
    }

    fn ask(&mut self, connection: ConnectionId, request: Request) -> Result<Response, Failure> {
        let now = self.now;
        let direct = self.direct()?;
        direct.request(connection, RequestId::FIRST, request, now);
        let answer = direct.take_frames(connection).into_iter().find(|frame| frame.request_id.is_some());
        Ok(answer.or_fail("an answer")?.response)
    }

    /// One thing happens to a device.
    pub(super) fn feed(&mut self, person: usize, input: Input) -> Result<(), Failure> {
        self.client(person)?.inbox.push(input);
        self.step(person)
    }

    fn step(&mut self, person: usize) -> Result<(), Failure> {
        let now = self.now;
        for effect in self.client(person)?.step(now)? {
            self.carry_out(person, effect)?;
        }
        Ok(())
    }

    fn carry_out(&mut self, person: usize, effect: Effect) -> Result<(), Failure> {
        match effect {
            Effect::Request { tag, request } => self.request(person, Some(tag), request),
            Effect::Acknowledge { incarnation, through } => {
                let received = MessageReceived { incarnation, through_seq: through };
                self.request(person, None, received.into())
            }
            Effect::Done { id, outcome } => {
                self.seat(person)?.outcomes.insert(id.0, outcome);
                Ok(())
            }
            Effect::Wake(at) => {
                self.client(person)?.wake = Some(at);
                Ok(())
            }
            Effect::Reconnect(_) => {
                self.seat(person)?.reconnect = true;
                Ok(())
            }
            Effect::Journal(_) | Effect::Typing { .. } => Ok(()),
        }
    }

    fn request(&mut self, person: usize, tag: Option<Tag>, request: Request) -> Result<(), Failure> {
        let seat = self.seat(person)?;
        let Some(connection) = seat.connection else { return Ok(()) };
        seat.requests = seat.requests.saturating_add(1);
        let number = seat.requests;
        self.asked.push_back((person, request.name(), tag.clone()));
        if self.asked.len() > LAST {
            self.asked.pop_front();
        }
        let seat = self.seat(person)?;
        if let Some(tag) = tag {
            seat.tags.insert(number, tag);
        }
        let (id, now) = (RequestId::new(number).or_fail("a number")?, self.now);
        self.direct()?.request(connection, id, request, now);
        Ok(())
    }

    /// Frames reach a device, as far as what is between lets them.
    fn take(
        &mut self,
        person: usize,
        frames: impl IntoIterator<Item = ServerFrame>,
        between: &mut dyn Between,
    ) -> Result<(), Failure> {
        for frame in frames {
            match between.pass(person, frame) {
                Passed::On(frame) => self.arrive(person, frame)?,
                Passed::Nothing => {}
                Passed::Broken => {
                    self.seat(person)?.reconnect = true;
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// A frame reaches a device. An answer that nobody waits for is dropped, as the client does it.
    pub(super) fn arrive(&mut self, person: usize, frame: ServerFrame) -> Result<(), Failure> {
        let input = match (frame.request_id, frame.response) {
            (None, Response::Delivery(delivery)) => Input::Deliveries(delivery.entries),
            (None, Response::Listening(listening)) => Input::Listening(listening.through_seq),
            (None, Response::Ephemeral(ephemeral)) => Input::Ephemeral(ephemeral),
            (None, _) => return Ok(()),
            (Some(id), response) => {
                let Some(tag) = self.seat(person)?.tags.remove(&id.number()) else { return Ok(()) };
                let result = match response {
                    Response::Error(error) => Err(error),
                    response => Ok(response),
                };
                Input::Answer { tag, result }
            }
        };
        self.feed(person, input)
    }

    /// A device handles what waits for it; whether there was anything.
    fn pump(&mut self, person: usize, between: &mut dyn Between) -> Result<bool, Failure> {
        let seat = self.seat(person)?;
        if !seat.client.is_running() {
            return Ok(false);
        }
        if seat.reconnect {
            self.go_online(person, between)?;
            return Ok(true);
        }
        let Some(connection) = seat.connection else { return Ok(false) };
        let frames = self.direct()?.take_frames(connection);
        let any = !frames.is_empty();
        self.take(person, frames, between)?;
        Ok(any)
    }

    /// Everything happens that happens without waiting.
    pub(super) fn settle(&mut self, between: &mut dyn Between) -> Result<(), Failure> {
        for _ in 0..TURNS {
            let mut any = false;
            for person in self.people() {
                any |= self.pump(person, between)?;
            }
            if !any {
                return Ok(());
            }
        }
        Err(Failure::new(format!(
            "devices and server do not come to rest; asked last: {}",
            self.asked_last()
        )))
    }

    /// Time passes, with every wake on the way.
    pub(super) fn pass(&mut self, span: Duration, between: &mut dyn Between) -> Result<(), Failure> {
        let end = self.now.after(span);
        self.settle(between)?;
        for _ in 0..TURNS {
            let wakes = self.seats.values().filter(|seat| seat.client.is_running());
            let next = wakes.filter_map(|seat| seat.client.wake).min().filter(|next| *next <= end);
            let Some(next) = next else {
                self.now = end;
                return Ok(());
            };
            self.now = self.now.max(next);
            for person in self.people() {
                let now = self.now;
                let client = self.client(person)?;
                if client.is_running() && client.wake.is_some_and(|at| at <= now) {
                    client.wake = None;
                    self.feed(person, Input::Tick)?;
                }
            }
            self.settle(between)?;
        }
        Err(Failure::new(format!("devices wake without end; asked last: {}", self.asked_last())))
    }

    /// A person wants something.
    pub(super) fn command(&mut self, person: usize, command: Command) -> Result<u64, Failure> {
        let seat = self.seat(person)?;
        seat.commands = seat.commands.saturating_add(1);
        let number = seat.commands;
        self.feed(person, Input::Command { id: CommandId(number), command })?;
        Ok(number)
    }

    /// What came of it, as far as that is known.
    pub(super) fn outcome(&mut self, person: usize, number: u64) -> Result<Option<Outcome>, Failure> {
        Ok(self.seat(person)?.outcomes.get(&number).cloned())
    }
}
