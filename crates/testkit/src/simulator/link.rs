//! A connection that delays, and breaks.

use std::time::Duration;

use hushwire_delivery::ConnectionId;
use hushwire_types::Timestamp;

/// Names a connection for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LinkId(pub(crate) u64);

/// Where a frame goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Server,
    Client,
}

/// One connection between a device and the server.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) client: usize,
    /// The server's end while the server has it.
    pub(crate) connection: Option<ConnectionId>,
    up: Way,
    down: Way,
}

/// One direction.
#[derive(Debug, Default)]
struct Way {
    /// When the frame sent last arrives: the next one not before.
    last: Timestamp,
    /// From when on nothing arrives any more.
    cut: Option<Timestamp>,
}

impl Link {
    pub(crate) fn new(client: usize, connection: ConnectionId) -> Self {
        Self { client, connection: Some(connection), up: Way::default(), down: Way::default() }
    }

    fn way(&mut self, to: Side) -> &mut Way {
        match to {
            Side::Server => &mut self.up,
            Side::Client => &mut self.down,
        }
    }

    /// When a frame that is sent now and takes `delay` arrives.
    pub(crate) fn send(&mut self, to: Side, now: Timestamp, delay: Duration) -> Timestamp {
        let way = self.way(to);
        way.last = way.last.max(now.after(delay));
        way.last
    }

    /// Whether a frame that arrives at `at` is lost.
    pub(crate) fn is_cut(&mut self, to: Side, at: Timestamp) -> bool {
        self.way(to).cut.is_some_and(|cut| cut <= at)
    }

    /// From `at` on nothing arrives in this direction. What broke earlier stays broken.
    pub(crate) fn cut(&mut self, to: Side, at: Timestamp) {
        let way = self.way(to);
        way.cut = Some(way.cut.map_or(at, |cut| cut.min(at)));
    }
}
