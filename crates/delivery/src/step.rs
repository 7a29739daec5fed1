//! The values that travel between connections, workers and the writer.

use std::fmt;
use std::sync::Arc;

use hushwire_server_store::mailbox::Entry;
use hushwire_types::{SecretBytes, Seq, SessionId, Timestamp};
use hushwire_wire::{Ephemeral, RequestId, Response, ServerFrame};

pub use crate::check::{Check, Checked, Turn};
pub use crate::job::{Job, Urgency};

/// A connection of this process, numbered from 1 and never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// Which request of which connection is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) connection: ConnectionId,
    pub(crate) request_id: RequestId,
}

impl Origin {
    pub(crate) fn frame(self, response: impl Into<Response>) -> ServerFrame {
        ServerFrame { request_id: Some(self.request_id), response: response.into() }
    }

    /// The answer on its way to the connection.
    pub(crate) fn answer(self, response: impl Into<Response>) -> Outbound {
        Outbound { connection: self.connection, event: Event::Answer(self.frame(response)) }
    }
}

/// A frame that answers nothing.
pub(crate) fn push(response: impl Into<Response>) -> ServerFrame {
    ServerFrame { request_id: None, response: response.into() }
}

/// Where a request stands after a step of its walk.
#[derive(Debug)]
pub struct Step {
    /// To be sent on this connection now, in this order.
    pub frames: Vec<ServerFrame>,
    /// For other connections.
    pub outbound: Vec<Outbound>,
    /// What the request still needs.
    pub next: Next,
}

impl Step {
    /// The request is answered.
    pub(crate) fn answer(origin: Origin, response: impl Into<Response>) -> Self {
        Self::frames(vec![origin.frame(response)])
    }

    pub(crate) const fn frames(frames: Vec<ServerFrame>) -> Self {
        Self { frames, outbound: Vec::new(), next: Next::Nothing }
    }

    pub(crate) const fn next(next: Next) -> Self {
        Self { frames: Vec::new(), outbound: Vec::new(), next }
    }

    pub(crate) fn check(check: Check) -> Self {
        Self::next(Next::Check(Box::new(check)))
    }

    pub(crate) fn write(job: Job) -> Self {
        Self::next(Next::Write(Box::new(job)))
    }

    /// The same, ending the connection.
    pub(crate) fn and_close(self) -> Self {
        Self { next: Next::Close, ..self }
    }
}

/// What a request still needs.
#[derive(Debug)]
pub enum Next {
    /// Nothing: it is answered.
    Nothing,
    /// Work for any thread but the connection's and the writer's: [`Service::check`](crate::Service::check).
    Check(Box<Check>),
    /// An operation of the store: [`Service::commit`](crate::Service::commit).
    Write(Box<Job>),
    /// The connection is of no more use: close it once the frames are sent.
    Close,
}

/// Something for the task of a connection, which hands it to [`Service::events`](crate::Service::events). Where that
/// connection is gone it is dropped: whatever matters is in the store.
#[derive(Debug, Clone)]
pub struct Outbound {
    /// The connection.
    pub connection: ConnectionId,
    /// What happened.
    pub event: Event,
}

/// What happened to a connection from outside.
#[derive(Debug, Clone)]
pub enum Event {
    /// A request of this connection was answered.
    Answer(ServerFrame),
    /// An entry was appended to the mailbox of this connection's device.
    Published(Publication),
    /// An ephemeral message.
    Ephemeral(Ephemeral),
    /// Something of the other end of a link.
    Link(Response),
    /// The connection is of no more use to its device.
    Fenced(Fence),
}

/// Why a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fence {
    /// The device logged in on a newer connection.
    Newer,
    /// The account was suspended.
    Suspended,
    /// The device was revoked, or its account deleted.
    Gone,
}

/// An entry of a mailbox that is durable. Bodies are shared between the receivers of one message.
#[derive(Debug, Clone)]
pub struct Publication {
    /// Its place in the mailbox.
    pub seq: Seq,
    /// The entry.
    pub entry: Arc<Entry>,
}

/// What a batch of jobs led to.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Answers and publications, in the order in which they were made.
    pub outbound: Vec<Outbound>,
    /// Work for drivers.
    pub effects: Vec<Effect>,
}

/// Work that needs the world outside.
#[derive(Debug)]
#[non_exhaustive]
pub enum Effect {
    /// Bring a code to a person, then report to [`Service::otp_delivered`](crate::Service::otp_delivered).
    DeliverOtp(DeliverOtp),
}

/// A code on its way.
pub struct DeliverOtp {
    /// Where it goes.
    pub to: OtpAddress,
    /// Six digits. It exists nowhere else: the store has a keyed hash.
    pub code: SecretBytes,
    /// When it stops being accepted.
    pub expires_at: Timestamp,
    /// What to hand back when it is delivered, or not.
    pub ticket: OtpTicket,
}

impl fmt::Debug for DeliverOtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeliverOtp").field("to", &self.to).finish_non_exhaustive()
    }
}

/// Where a code goes.
#[derive(Clone, PartialEq, Eq)]
pub enum OtpAddress {
    /// A phone number in E.164.
    Phone(String),
    /// An e-mail address.
    Email(String),
}

impl fmt::Debug for OtpAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Phone(_) => "Phone(..)",
            Self::Email(_) => "Email(..)",
        })
    }
}

/// Which request waits for the delivery of a code.
#[derive(Debug)]
pub struct OtpTicket {
    pub(crate) origin: Origin,
    pub(crate) session: SessionId,
    pub(crate) expires_at: Timestamp,
}

/// The code could not be handed on by any driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the code could not be delivered")]
pub struct Undeliverable;
