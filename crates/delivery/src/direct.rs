//! The services on one thread: each step runs at once, in order. What the simulator and the tests drive, and the
//! reference for what `server` does with sockets and threads.

use std::collections::BTreeMap;

use hushwire_types::Timestamp;
use hushwire_wire::{Request, RequestId, ServerFrame};

use crate::check::Checked;
use crate::service::Service;
use crate::session::{Peer, Session};
use crate::step::{ConnectionId, Effect, Next, Outbound, Outcome, Step};

/// What a connection has to show.
#[derive(Debug, Default)]
struct Line {
    frames: Vec<ServerFrame>,
    open: bool,
}

/// A server without sockets.
pub struct Direct {
    service: Service,
    sessions: BTreeMap<ConnectionId, Session>,
    lines: BTreeMap<ConnectionId, Line>,
    effects: Vec<Effect>,
}

impl Direct {
    /// A server around these services.
    #[must_use]
    pub const fn new(service: Service) -> Self {
        Self { service, sessions: BTreeMap::new(), lines: BTreeMap::new(), effects: Vec::new() }
    }

    /// The services.
    #[must_use]
    pub const fn service(&self) -> &Service {
        &self.service
    }

    /// Opens a connection.
    pub fn connect(&mut self, peer: Peer) -> ConnectionId {
        let session = self.service.connect(peer);
        let connection = session.connection();
        self.sessions.insert(connection, session);
        self.lines.insert(connection, Line { frames: Vec::new(), open: true });
        connection
    }

    /// Ends a connection; frames that nobody took are lost.
    pub fn disconnect(&mut self, connection: ConnectionId) {
        self.lines.remove(&connection);
        if let Some(mut session) = self.sessions.remove(&connection) {
            let told = self.service.disconnect(&mut session);
            self.tell(told);
        }
    }

    /// Whether a connection is open, from the server's side.
    #[must_use]
    pub fn is_open(&self, connection: ConnectionId) -> bool {
        self.lines.get(&connection).is_some_and(|line| line.open)
    }

    /// Carries a request out, with everything that follows from it on every connection. A closed connection's
    /// request goes nowhere.
    pub fn request(&mut self, connection: ConnectionId, id: RequestId, request: Request, now: Timestamp) {
        if !self.is_open(connection) {
            return;
        }
        let Some(session) = self.sessions.get_mut(&connection) else { return };
        let step = self.service.begin(session, id, request, now);
        self.take_step(connection, step, now);
    }

    /// The frames that a connection has received since the last call.
    pub fn take_frames(&mut self, connection: ConnectionId) -> Vec<ServerFrame> {
        self.lines.get_mut(&connection).map(|line| std::mem::take(&mut line.frames)).unwrap_or_default()
    }

    /// The effects that wait to be carried out.
    pub fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// Does the chores that are due.
    pub fn tick(&mut self, now: Timestamp) {
        for job in self.service.tick(now) {
            let outcome = self.service.run(job, now);
            self.take_outcome(outcome, now);
        }
    }

    /// Hands events to their connections, as an operator's command or an OTP's delivery gives them.
    pub fn route(&mut self, outbound: impl IntoIterator<Item = Outbound>, now: Timestamp) {
        for Outbound { connection, event } in outbound {
            let Some(session) = self.sessions.get_mut(&connection) else { continue };
            let step = self.service.events(session, [event]);
            self.take_step(connection, step, now);
        }
    }

    /// What somebody is told of a connection that has ended: frames alone.
    fn tell(&mut self, told: Option<Outbound>) {
        let Some(Outbound { connection, event }) = told else { return };
        let Some(session) = self.sessions.get_mut(&connection) else { return };
        let step = self.service.events(session, [event]);
        if let Some(line) = self.lines.get_mut(&connection).filter(|line| line.open) {
            line.frames.extend(step.frames);
        }
    }

    fn take_step(&mut self, connection: ConnectionId, step: Step, now: Timestamp) {
        let Step { frames, outbound, next } = step;
        if let Some(line) = self.lines.get_mut(&connection).filter(|line| line.open) {
            line.frames.extend(frames);
            line.open = !matches!(next, Next::Close);
        }
        self.route(outbound, now);
        let job = match next {
            Next::Nothing => return,
            Next::Close => {
                if let Some(session) = self.sessions.get_mut(&connection) {
                    let told = self.service.disconnect(session);
                    self.tell(told);
                }
                return;
            }
            Next::Write(job) => job,
            Next::Check(check) => match self.service.check(*check, now) {
                Checked::Write(job) => job,
                Checked::Answer(answer) => return self.route([answer], now),
            },
        };
        let outcome = self.service.run(*job, now);
        self.take_outcome(outcome, now);
    }

    fn take_outcome(&mut self, outcome: Outcome, now: Timestamp) {
        self.effects.extend(outcome.effects);
        self.route(outcome.outbound, now);
    }
}
