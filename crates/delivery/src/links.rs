//! Links: a new device waits under a code, another device comes with it, and bytes go to and fro between their connections.
//!
//! ```text
//!  OpenLink { commitment } ──► waits ──FindLink { code }──► paired ──SendLink──► LinkMessage to the other end
//!                                │                             │
//!                                └── 10 min, or its end ───────┴── LinkEnded to the other end
//! ```
//!
//! Invariants:
//! - A code is good for one that comes: who is second is told that nobody waits.
//! - What is here is in memory only and says nothing of accounts: neither end logs in, and the server learns who was linked
//!   from the device list. A server that restarts has forgotten all links; people begin again.
//! - Everything is bounded: links in all, the life of one, the messages that it carries.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hushwire_identity::linking::LinkCode;
use hushwire_types::{Entropy, Timestamp};
use hushwire_wire::{
    FindLink, LinkEnded, LinkFound, LinkMessage, LinkOpened, LinkSent, OpenLink, SendLink, Sensitive, limits,
};

use crate::fault::Fault;
use crate::limits::Limit;
use crate::service::Service;
use crate::session::Session;
use crate::step::{ConnectionId, Event, Origin, Outbound, Step};

/// How long a new device waits, and how long linking may take.
pub(crate) const LINK_LIFETIME: Duration = Duration::from_secs(10 * 60);
/// Links at once.
const MOST: usize = 10_000;

/// All links.
#[derive(Default)]
pub(crate) struct Links {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    by_code: HashMap<LinkCode, Link>,
    by_connection: HashMap<ConnectionId, LinkCode>,
}

struct Link {
    waiting: ConnectionId,
    come: Option<ConnectionId>,
    commitment: [u8; 32],
    ends_at: Timestamp,
    messages_left: u32,
}

impl Link {
    fn other(&self, of: ConnectionId) -> Option<ConnectionId> {
        if self.waiting == of { self.come } else { Some(self.waiting) }
    }
}

impl Links {
    /// A connection that is in a link already, or a server with too many of them, gets none.
    fn open(
        &self,
        connection: ConnectionId,
        commitment: [u8; 32],
        entropy: &dyn Entropy,
        now: Timestamp,
    ) -> Result<(LinkCode, Timestamp), Fault> {
        let mut state = self.lock();
        if state.by_code.len() >= MOST {
            state.forget_ended(now);
        }
        if state.by_connection.contains_key(&connection) {
            return Err(Fault::NotNow("this connection is in a link already"));
        }
        let (code, ends_at) = (LinkCode::generate(entropy), now.after(LINK_LIFETIME));
        if state.by_code.len() >= MOST || state.by_code.contains_key(&code) {
            return Err(Fault::Busy);
        }
        let messages_left = limits::LINK_MESSAGES;
        let link = Link { waiting: connection, come: None, commitment, ends_at, messages_left };
        state.by_code.insert(code.clone(), link);
        state.by_connection.insert(connection, code.clone());
        Ok((code, ends_at))
    }

    fn find(&self, connection: ConnectionId, code: &LinkCode, now: Timestamp) -> Result<[u8; 32], Fault> {
        let mut state = self.lock();
        if state.by_connection.contains_key(&connection) {
            return Err(Fault::NotNow("this connection is in a link already"));
        }
        let waits = |link: &&mut Link| link.come.is_none() && now < link.ends_at;
        let link = state.by_code.get_mut(code).filter(waits).ok_or(Fault::LinkMissing)?;
        link.come = Some(connection);
        let commitment = link.commitment;
        state.by_connection.insert(connection, code.clone());
        Ok(commitment)
    }

    /// The connection of the other end, for one more message.
    fn other(&self, connection: ConnectionId, now: Timestamp) -> Result<ConnectionId, Fault> {
        let mut state = self.lock();
        let code = state.by_connection.get(&connection).cloned().ok_or(Fault::LinkMissing)?;
        let link =
            state.by_code.get_mut(&code).filter(|link| now < link.ends_at).ok_or(Fault::LinkMissing)?;
        let other = link.other(connection).ok_or(Fault::LinkMissing)?;
        link.messages_left =
            link.messages_left.checked_sub(1).ok_or(Fault::NotNow("this link has carried enough"))?;
        Ok(other)
    }

    /// A connection has ended, and its link with it. The other end.
    fn leave(&self, connection: ConnectionId) -> Option<ConnectionId> {
        let mut state = self.lock();
        let code = state.by_connection.remove(&connection)?;
        let other = state.by_code.remove(&code)?.other(connection)?;
        state.by_connection.remove(&other);
        Some(other)
    }

    /// The map stays valid whatever panicked while it was held.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn forget_ended(&mut self, now: Timestamp) {
        self.by_code.retain(|_, link| now < link.ends_at);
        let Self { by_code, by_connection } = self;
        by_connection.retain(|_, code| by_code.contains_key(code));
    }
}

impl Service {
    pub(crate) fn open_link(
        &self,
        session: &Session,
        origin: Origin,
        open: &OpenLink,
        now: Timestamp,
    ) -> Result<Step, Fault> {
        session.greeted()?;
        self.limit_address(session, Limit::Link, now)?;
        let (code, expires_at) =
            self.links.open(session.connection(), open.commitment, &*self.entropy, now)?;
        let code = Sensitive::new(code.to_string());
        Ok(Step::answer(origin, LinkOpened { code, expires_at }))
    }

    pub(crate) fn find_link(
        &self,
        session: &Session,
        origin: Origin,
        find: &FindLink,
        now: Timestamp,
    ) -> Result<Step, Fault> {
        session.greeted()?;
        self.limit_address(session, Limit::Link, now)?;
        let code = find.code.expose().parse().map_err(|_| Fault::LinkMissing)?;
        let commitment = self.links.find(session.connection(), &code, now)?;
        Ok(Step::answer(origin, LinkFound { commitment }))
    }

    pub(crate) fn send_link(
        &self,
        session: &Session,
        origin: Origin,
        send: SendLink,
        now: Timestamp,
    ) -> Result<Step, Fault> {
        session.greeted()?;
        let connection = self.links.other(session.connection(), now)?;
        let message = LinkMessage { body: send.body };
        let outbound = vec![Outbound { connection, event: Event::Link(message.into()) }];
        Ok(Step { outbound, ..Step::answer(origin, LinkSent) })
    }

    /// A connection has ended: the other end of its link is told.
    pub(crate) fn leave_link(&self, connection: ConnectionId) -> Option<Outbound> {
        let connection = self.links.leave(connection)?;
        Some(Outbound { connection, event: Event::Link(LinkEnded.into()) })
    }
}

#[cfg(test)]
mod tests {
    use hushwire_types::OsEntropy;

    use super::*;

    const T0: Timestamp = Timestamp::from_ms(1_000_000);
    const NEW: ConnectionId = ConnectionId(1);
    const OLD: ConnectionId = ConnectionId(2);
    const EVE: ConnectionId = ConnectionId(3);

    fn opened(links: &Links) -> LinkCode {
        links.open(NEW, [7; 32], &OsEntropy, T0).unwrap().0
    }

    #[test]
    fn a_code_is_good_for_one_and_for_some_minutes() {
        let links = Links::default();
        let code = opened(&links);
        assert!(links.open(NEW, [7; 32], &OsEntropy, T0).is_err(), "one link a connection");
        let late = T0.after(LINK_LIFETIME);
        assert_eq!(links.find(OLD, &code, late), Err(Fault::LinkMissing));
        assert_eq!(links.find(OLD, &code, T0), Ok([7; 32]));
        assert_eq!(links.find(EVE, &code, T0), Err(Fault::LinkMissing));
        assert_eq!((links.other(NEW, T0), links.other(OLD, T0)), (Ok(OLD), Ok(NEW)));
        assert_eq!(links.other(EVE, T0), Err(Fault::LinkMissing));
        assert_eq!(links.other(NEW, late), Err(Fault::LinkMissing));
    }

    #[test]
    fn whoever_goes_ends_it_for_both() {
        for goes in [NEW, OLD] {
            let links = Links::default();
            let code = opened(&links);
            links.find(OLD, &code, T0).unwrap();
            let stays = if goes == NEW { OLD } else { NEW };
            assert_eq!(links.leave(goes), Some(stays));
            assert_eq!((links.leave(stays), links.other(stays, T0)), (None, Err(Fault::LinkMissing)));
            assert!(links.lock().by_code.is_empty() && links.lock().by_connection.is_empty());
        }
    }

    #[test]
    fn a_link_carries_so_many_messages_and_no_more() {
        let links = Links::default();
        let code = opened(&links);
        assert_eq!(links.other(NEW, T0), Err(Fault::LinkMissing), "nobody has come");
        links.find(OLD, &code, T0).unwrap();
        for _ in 0..limits::LINK_MESSAGES {
            links.other(NEW, T0).unwrap();
        }
        assert!(matches!(links.other(OLD, T0), Err(Fault::NotNow(_))));
    }

    #[test]
    fn there_are_so_many_links_at_once_and_those_that_ended_count_no_more() {
        assert_eq!(LINK_LIFETIME, Duration::from_secs(600), "ten minutes, as docs/protocol.md says");
        let links = Links::default();
        let open = |number, now| links.open(ConnectionId(number), [7; 32], &OsEntropy, now).map(drop);
        for number in 0..10_000 {
            open(number, T0).unwrap();
        }
        assert_eq!(open(10_000, T0), Err(Fault::Busy));
        let last = T0.after(LINK_LIFETIME - Duration::from_millis(1));
        assert_eq!(open(10_000, last), Err(Fault::Busy));
        assert_eq!(open(10_000, T0.after(LINK_LIFETIME)), Ok(()));
        assert_eq!(links.lock().by_code.len(), 1);
        assert_eq!(links.lock().by_connection.len(), 1);
    }
}
