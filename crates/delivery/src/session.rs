//! One connection: hello, then registration or login.
//!
//! ```text
//!  New ──Hello──► Greeted ──Login──► LoggedIn ──fenced──► Ended
//!                 │  ▲ Register, Otp, SendPublicKeys: the state of a registration is in the store, so that it
//!                 └──┘ survives a lost connection; the connection itself has none of it
//! ```
//!
//! A session belongs to its connection's task; others reach it by an [`Event`](crate::Event) only.

use std::fmt;
use std::net::IpAddr;

use hushwire_identity::ChannelBinding;
use hushwire_server_store::mailbox::MailboxKey;
use hushwire_types::{AccountId, DeviceId, IncarnationId};

use crate::fault::Fault;
use crate::step::ConnectionId;
use crate::stream::Stream;
use crate::tickets::TicketHash;

/// What the socket's layer knows of the other end.
#[derive(Clone)]
pub struct Peer {
    /// What the hello's and the login's signatures are bound to (rule R6).
    pub binding: ChannelBinding,
    /// Where the connection comes from, for limits only. `None` has no limits of its own.
    pub address: Option<IpAddr>,
}

/// An address is personal, a binding is of no use in a log.
impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Peer(..)")
    }
}

/// The state of one connection.
#[derive(Debug)]
pub struct Session {
    pub(crate) connection: ConnectionId,
    pub(crate) peer: Peer,
    pub(crate) phase: Phase,
    /// Requests that are with a worker or the writer.
    pub(crate) in_flight: usize,
}

#[derive(Debug)]
pub(crate) enum Phase {
    New,
    Greeted { nonce: [u8; 32] },
    LoggedIn(Box<Active>),
    Ended,
}

/// A logged-in device.
#[derive(Debug)]
pub(crate) struct Active {
    pub(crate) who: Caller,
    pub(crate) incarnation: IncarnationId,
    pub(crate) stream: Stream,
    pub(crate) ticket: TicketHash,
}

/// Who makes a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) account: AccountId,
    pub(crate) device: DeviceId,
    pub(crate) mailbox: MailboxKey,
}

impl Session {
    pub(crate) const fn new(connection: ConnectionId, peer: Peer) -> Self {
        Self { connection, peer, phase: Phase::New, in_flight: 0 }
    }

    /// The number of the connection, to which an [`Outbound`](crate::Outbound) is addressed.
    #[must_use]
    pub const fn connection(&self) -> ConnectionId {
        self.connection
    }

    /// The device that is logged in here.
    #[must_use]
    pub fn device(&self) -> Option<(AccountId, DeviceId)> {
        match &self.phase {
            Phase::LoggedIn(active) => Some((active.who.account, active.who.device)),
            _ => None,
        }
    }

    /// Who calls, where somebody is logged in.
    pub(crate) fn caller(&self) -> Result<Caller, Fault> {
        match &self.phase {
            Phase::LoggedIn(active) => Ok(active.who),
            Phase::New => Err(Fault::NotNow("say Hello first")),
            Phase::Greeted { .. } | Phase::Ended => Err(Fault::NotLoggedIn),
        }
    }

    /// Holds that the hello is done and nobody is logged in: the time for registering and logging in.
    pub(crate) fn greeted(&self) -> Result<[u8; 32], Fault> {
        match &self.phase {
            Phase::Greeted { nonce } => Ok(*nonce),
            Phase::New => Err(Fault::NotNow("say Hello first")),
            Phase::LoggedIn(_) => Err(Fault::NotNow("this connection is logged in")),
            Phase::Ended => Err(Fault::NotLoggedIn),
        }
    }
}
