//! The task that owns the socket: it carries inputs to the engine and its effects to the server.
//!
//! ```text
//!          commands                    inputs                steps (one transaction each)
//!  Client ──────────► Driver ───────────────────► Worker ─────────────► effects ──┐
//!                       ▲   └── frames ──► server ──► frames ──┐                    │
//!                       └──────────────────────────────────────┴────────────────────┘
//! ```
//!
//! Invariants:
//! - What does not fit into frames goes and comes beside them ([`crate::large`]); the engine never sees the difference.
//! - A connection is a matter of this task alone; all else hears of it by [`Link`].
//! - Whatever breaks, the answer is the same: give [`Input::Offline`], wait, connect, log in, give [`Input::Online`]. The
//!   engine derives what is owed from its rows.
//! - Every wait has a bound: a request that is not answered within [`ANSWER_DEADLINE`] ends the connection, a quiet
//!   connection is asked with a Ping.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hushwire_engine::{Broken, Command, CommandId, Effect, Input, Outcome, Tag};
use hushwire_types::{AccountId, Clock, ConversationId, Entropy, Seq, Timestamp};
use hushwire_wire::{self as wire, ErrorCode, Request, RequestId, Response, ServerFrame};
use tokio::sync::mpsc::{Receiver, UnboundedReceiver};
use tokio::sync::{broadcast, oneshot, watch};
use tokio::time::{Instant, sleep_until};

use crate::backoff::Backoff;
use crate::connect::{Connection, ServerAddress};
use crate::large::{Pushed, Transferred, Transfers};
use crate::link::{ClockSkew, Link, Trouble, TroubleKind};
use crate::login::{self, LoggedIn};
use crate::transfer::{SideLine, TransferError};
use crate::worker::{Stepped, Worker};

/// How long the server may take to answer a request.
const ANSWER_DEADLINE: Duration = Duration::from_secs(30);
/// A connection on which nothing came for this long is asked.
const QUIET: Duration = Duration::from_secs(40);

/// A command of a front end and where its outcome goes.
pub(crate) struct Ask {
    pub(crate) command: Command,
    pub(crate) done: oneshot::Sender<Outcome>,
}

/// Somebody writes in a conversation, or has stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Typing {
    /// Where.
    pub conversation: ConversationId,
    /// Who.
    pub account: AccountId,
    /// Whether they have stopped; else it holds for twice [`TYPING_EVERY`](hushwire_engine::TYPING_EVERY).
    pub stopped: bool,
}

/// What a driver is made of.
pub(crate) struct Parts {
    pub(crate) address: ServerAddress,
    pub(crate) worker: Worker,
    pub(crate) stepped: UnboundedReceiver<Stepped>,
    pub(crate) asks: Receiver<Ask>,
    pub(crate) link: watch::Sender<Link>,
    pub(crate) journal: watch::Sender<Seq>,
    pub(crate) skew: watch::Sender<Option<ClockSkew>>,
    pub(crate) typing: broadcast::Sender<Typing>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
}

type Attempt = Pin<Box<dyn Future<Output = Result<(Connection, LoggedIn), Trouble>> + Send>>;

enum Line {
    /// Until the next attempt; for ever where there is none.
    Waiting(Option<Instant>),
    Attempting(Attempt),
    Up(Box<Up>),
}

/// A logged-in connection.
struct Up {
    connection: Connection,
    in_flight: HashMap<RequestId, (Option<Tag>, Instant)>,
    heard: Instant,
    asked: bool,
    /// Whether the server said that it has pushed everything.
    listening: bool,
    /// What goes and comes beside the frames.
    transfers: Transfers,
}

pub(crate) struct Driver {
    parts: Parts,
    line: Line,
    backoff: Backoff,
    commands: HashMap<CommandId, oneshot::Sender<Outcome>>,
    last_command: u64,
    wake: Option<Timestamp>,
    /// Inputs that the engine has not handled yet.
    given: usize,
    /// The engine's step failed: the connection starts over.
    failed: Option<Trouble>,
}

/// What happened next.
enum Happening {
    Asked(Option<Ask>),
    Stepped(Option<Stepped>),
    Retry,
    Attempted(Box<Result<(Connection, LoggedIn), Trouble>>),
    Frame(Result<ServerFrame, crate::connect::Lost>),
    Transferred(Transferred),
    Quiet,
    Wake,
}

impl Driver {
    pub(crate) fn new(parts: Parts) -> Self {
        Self {
            parts,
            line: Line::Waiting(Some(now())),
            backoff: Backoff::default(),
            commands: HashMap::new(),
            last_command: 0,
            wake: None,
            given: 0,
            failed: None,
        }
    }

    /// Runs until the last front end is gone.
    pub(crate) async fn run(mut self) {
        self.give(vec![Input::Start]);
        loop {
            match self.next().await {
                Happening::Asked(None) | Happening::Stepped(None) => break,
                Happening::Asked(Some(ask)) => self.ask(ask),
                Happening::Stepped(Some(stepped)) => self.stepped(stepped).await,
                Happening::Retry => self.attempt(),
                Happening::Attempted(attempted) => self.attempted(*attempted),
                Happening::Frame(Ok(frame)) => self.frame(frame),
                Happening::Transferred(transferred) => self.transferred(transferred).await,
                Happening::Frame(Err(lost)) => self.drop_line(Trouble::new(TroubleKind::Network, lost)),
                Happening::Quiet => self.quiet().await,
                Happening::Wake => {
                    self.wake = None;
                    self.give(vec![Input::Tick]);
                }
            }
        }
        if let Line::Up(up) = self.line {
            up.connection.close().await;
        }
    }

    async fn next(&mut self) -> Happening {
        let wake = self.wake.map(|at| now() + at.since(self.parts.clock.now()));
        let line = &mut self.line;
        let line = async move {
            match line {
                Line::Waiting(Some(at)) => {
                    sleep_until(*at).await;
                    Happening::Retry
                }
                Line::Waiting(None) => std::future::pending().await,
                Line::Attempting(attempt) => Happening::Attempted(Box::new(attempt.await)),
                Line::Up(up) => {
                    let deadline = up.deadline();
                    tokio::select! {
                        frame = up.connection.receive() => Happening::Frame(frame),
                        transferred = up.transfers.next() => Happening::Transferred(transferred),
                        () = sleep_until(deadline) => Happening::Quiet,
                    }
                }
            }
        };
        tokio::select! {
            // Effects first: an acknowledgement or an answer never waits behind new work.
            biased;
            stepped = self.parts.stepped.recv() => Happening::Stepped(stepped),
            happening = line => happening,
            ask = self.parts.asks.recv() => Happening::Asked(ask),
            () = at(wake) => Happening::Wake,
        }
    }

    fn give(&mut self, inputs: Vec<Input>) {
        self.given += 1;
        self.parts.worker.give(inputs);
    }

    fn ask(&mut self, ask: Ask) {
        self.last_command += 1;
        let id = CommandId(self.last_command);
        self.commands.insert(id, ask.done);
        self.give(vec![Input::Command { id, command: ask.command }]);
    }

    fn attempt(&mut self) {
        self.parts.link.send_replace(Link::Connecting);
        let (address, worker) = (self.parts.address.clone(), self.parts.worker.clone());
        let entropy = Arc::clone(&self.parts.entropy);
        self.line =
            Line::Attempting(Box::pin(async move { login::log_in(&address, &worker, &*entropy).await }));
    }

    fn attempted(&mut self, attempted: Result<(Connection, LoggedIn), Trouble>) {
        match attempted {
            Ok((connection, mut logged_in)) => {
                let skew = ClockSkew::between(self.parts.clock.now(), logged_in.server_time);
                self.parts.skew.send_replace(skew);
                self.parts.link.send_replace(Link::CatchingUp);
                let side = logged_in.body_ticket.take().map(|ticket| {
                    SideLine::new(self.parts.address.clone(), connection.certificate(), ticket)
                });
                let up = Up {
                    connection,
                    in_flight: HashMap::new(),
                    heard: now(),
                    asked: false,
                    listening: false,
                    transfers: Transfers::new(side, Arc::clone(&self.parts.entropy)),
                };
                self.line = Line::Up(Box::new(up));
                self.give(vec![Input::Online(logged_in)]);
            }
            Err(trouble) => self.drop_line(trouble),
        }
    }

    /// The connection is over, for this reason.
    fn drop_line(&mut self, trouble: Trouble) {
        tracing::debug!(%trouble, "offline");
        if matches!(self.line, Line::Up(_)) {
            self.give(vec![Input::Offline]);
        }
        if trouble.passes() {
            let pause = self.backoff.failed(&*self.parts.entropy);
            self.line = Line::Waiting(Some(now() + pause));
            self.parts.link.send_replace(Link::Offline { reason: Some(trouble) });
        } else {
            self.line = Line::Waiting(None);
            self.parts.link.send_replace(Link::Ended { reason: trouble });
        }
    }

    async fn stepped(&mut self, stepped: Stepped) {
        self.given = self.given.saturating_sub(stepped.given);
        match stepped.effects {
            Ok(effects) => {
                for effect in effects {
                    self.effect(effect).await;
                }
            }
            Err(error) => {
                tracing::warn!(%error, "a step failed");
                self.failed = Some(Trouble::new(TroubleKind::Storage, error));
            }
        }
        if let Some(trouble) = self.failed.take() {
            self.drop_line(trouble);
        }
        self.look_whether_live();
    }

    /// All that the server had is dealt with when it says so, and when nothing of it waits for an answer: a Welcome for
    /// its tree, a message for its author's device list.
    fn look_whether_live(&mut self) {
        let Line::Up(up) = &self.line else { return };
        let settled = self.given == 0 && up.transfers.is_idle();
        if up.listening && settled && up.in_flight.values().all(|(tag, _)| tag.is_none()) {
            // A login alone is no success: whatever ends each connection while it catches up would have us back at once.
            self.backoff.succeeded();
            self.parts.link.send_if_modified(|link| std::mem::replace(link, Link::Live) != Link::Live);
        }
    }

    async fn effect(&mut self, effect: Effect) {
        match effect {
            Effect::Request { tag, request } => {
                let Line::Up(up) = &mut self.line else { return };
                let ready = up.transfers.send(tag, request);
                self.requests(ready).await;
            }
            Effect::Acknowledge { incarnation, through } => {
                let received = wire::MessageReceived { incarnation, through_seq: through };
                self.request(None, Request::MessageReceived(received)).await;
            }
            Effect::Done { id, outcome } => {
                if let Some(done) = self.commands.remove(&id) {
                    // Whoever asked may have stopped waiting.
                    let _ = done.send(outcome);
                }
            }
            Effect::Typing { conversation, account, stopped } => {
                // Nobody may be looking.
                let _ = self.parts.typing.send(Typing { conversation, account, stopped });
            }
            Effect::Wake(at) => self.wake = Some(at),
            Effect::Journal(seq) => {
                self.parts.journal.send_replace(seq);
            }
            Effect::Reconnect(broken) => {
                self.failed = Some(Trouble::new(TroubleKind::Network, words(broken)));
            }
        }
    }

    async fn requests(&mut self, ready: Vec<(Tag, Request)>) {
        for (tag, request) in ready {
            self.request(Some(tag), request).await;
        }
    }

    /// Sends a request. Effects of an earlier connection that come late are dropped: the engine makes them again.
    async fn request(&mut self, tag: Option<Tag>, request: Request) {
        let Line::Up(up) = &mut self.line else { return };
        match up.connection.send(&request).await {
            Ok(request_id) => {
                up.in_flight.insert(request_id, (tag, now()));
            }
            Err(lost) => self.failed = Some(Trouble::new(TroubleKind::Network, lost)),
        }
    }

    fn frame(&mut self, frame: ServerFrame) {
        let Line::Up(up) = &mut self.line else { return };
        up.heard = now();
        up.asked = false;
        if let Some(request_id) = frame.request_id {
            let Some((Some(tag), _)) = up.in_flight.remove(&request_id) else { return };
            let result = match frame.response {
                Response::Error(error) => Err(error),
                Response::ReferredGroup(group) => return up.transfers.fetch_group(tag, group),
                response => Ok(response),
            };
            self.give(vec![Input::Answer { tag, result }]);
            return;
        }
        match frame.response {
            Response::Delivery(delivery) => {
                let inputs = up.transfers.pushed(delivery.entries.into_iter().map(Pushed::Entry));
                self.give_some(inputs);
            }
            Response::Listening(listening) => {
                up.listening = true;
                let inputs = up.transfers.pushed([Pushed::Listening(listening.through_seq)]);
                self.give_some(inputs);
            }
            Response::Ephemeral(ephemeral) => self.give(vec![Input::Ephemeral(ephemeral)]),
            Response::Fenced(_) => {
                let text = "this device logged in from somewhere else: the profile was copied, and two copies cannot be \
                            used at once. Use one of them only";
                self.drop_line(Trouble::new(TroubleKind::Fenced, text));
            }
            Response::Error(error) => self.drop_line(login::turned_away(&error)),
            other => tracing::debug!(?other, "a push that is not known here"),
        }
    }

    fn give_some(&mut self, inputs: Vec<Input>) {
        if !inputs.is_empty() {
            self.give(inputs);
        }
    }

    /// A body has gone up or come down, or not.
    async fn transferred(&mut self, transferred: Transferred) {
        let Line::Up(up) = &mut self.line else { return };
        match transferred {
            Transferred::Entry(Ok(entry)) => {
                let inputs = up.transfers.fetched(*entry);
                self.give_some(inputs);
            }
            Transferred::Entry(Err(error)) => self.drop_line(untransferred(&error)),
            Transferred::Group(tag, Ok(group)) => {
                self.give(vec![Input::Answer { tag, result: Ok(Response::Group(*group)) }]);
            }
            Transferred::Upload(tag, Ok(send)) => {
                let mut ready = vec![(tag, send.into())];
                ready.extend(up.transfers.uploaded());
                self.requests(ready).await;
            }
            Transferred::Group(tag, Err(error)) => self.unanswered(tag, error),
            Transferred::Upload(tag, Err(error)) => {
                let ready = up.transfers.uploaded();
                self.unanswered(tag, error);
                self.requests(ready).await;
            }
        }
        if let Some(trouble) = self.failed.take() {
            self.drop_line(trouble);
        }
        self.look_whether_live();
    }

    /// A request could not be made or completed: the engine is told, or the connection is of no more use.
    fn unanswered(&mut self, tag: Tag, error: TransferError) {
        match error {
            TransferError::Lie | TransferError::OtherCertificate => self.drop_line(untransferred(&error)),
            TransferError::Refused(ref refused) if refused.code == ErrorCode::NotLoggedIn => {
                self.drop_line(untransferred(&error));
            }
            other => self.give(vec![Input::Answer { tag, result: Err(other.into_error()) }]),
        }
    }

    /// Nothing came for a while, or an answer is overdue.
    async fn quiet(&mut self) {
        let Line::Up(up) = &mut self.line else { return };
        let overdue = up.in_flight.values().any(|(_, since)| since.elapsed() >= ANSWER_DEADLINE);
        if overdue || up.asked {
            let text = format!("the server did not answer within {} s", ANSWER_DEADLINE.as_secs());
            self.drop_line(Trouble::new(TroubleKind::Network, text));
            return;
        }
        up.asked = true;
        up.heard = now();
        self.request(None, Request::Ping(wire::Ping)).await;
        if let Some(trouble) = self.failed.take() {
            self.drop_line(trouble);
        }
    }
}

impl Up {
    /// When to look whether the other end is still there.
    fn deadline(&self) -> Instant {
        let answer = self.in_flight.values().map(|(_, since)| *since + ANSWER_DEADLINE).min();
        let quiet = self.heard + if self.asked { ANSWER_DEADLINE } else { QUIET };
        answer.map_or(quiet, |answer| answer.min(quiet))
    }
}

/// Why a connection ends beside which a body could not be transferred.
fn untransferred(error: &TransferError) -> Trouble {
    let kind = match error {
        TransferError::Lie => TroubleKind::Untrusted,
        _ => TroubleKind::Network,
    };
    Trouble::new(kind, error)
}

const fn words(broken: Broken) -> &'static str {
    match broken {
        Broken::MissingEntries => "the server left out messages; asking for them again",
        Broken::Copy => {
            "the server knows another message of this device under the same number; looking into it"
        }
        Broken::WrongAnswer => "the server answered something else than was asked",
        _ => "the server broke the protocol",
    }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// The runtime's clock, which tests can stop.
#[allow(
    clippy::disallowed_methods,
    reason = "timers follow the runtime's clock, which is tokio's to virtualise"
)]
fn now() -> Instant {
    Instant::now()
}
