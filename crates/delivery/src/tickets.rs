//! Tickets: what proves to the HTTPS routes which login a request belongs to.
//!
//! Invariants:
//! - A ticket is 32 random bytes, new for each login, told on its connection only, and never stored: what is here is its
//!   hash, so nothing about a ticket can be learned from how long looking it up takes.
//! - It is good while its connection is the one of its device, and not a moment longer.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hushwire_types::{Entropy, Secret, Timestamp, rng};
use sha2::{Digest, Sha256};

use crate::fault::Fault;
use crate::limits::Limit;
use crate::service::Service;
use crate::session::{Caller, Peer};
use crate::step::ConnectionId;

/// The tickets of all connections.
#[derive(Default)]
pub(crate) struct Tickets {
    known: Mutex<HashMap<TicketHash, (ConnectionId, Caller)>>,
}

/// SHA-256 of a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TicketHash([u8; 32]);

/// A device that showed a ticket that is good.
#[derive(Debug, Clone, Copy)]
pub struct Bearer(pub(crate) Caller);

impl Tickets {
    /// A ticket for a login that has just worked.
    pub(crate) fn issue(
        &self,
        connection: ConnectionId,
        caller: Caller,
        entropy: &dyn Entropy,
    ) -> (Secret<32>, TicketHash) {
        let ticket = Secret::new(rng::bytes(entropy));
        let hash = hash(&ticket);
        self.lock().insert(hash, (connection, caller));
        (ticket, hash)
    }

    /// The connection ended.
    pub(crate) fn end(&self, ticket: TicketHash) {
        self.lock().remove(&ticket);
    }

    fn find(&self, ticket: &Secret<32>) -> Option<(ConnectionId, Caller)> {
        self.lock().get(&hash(ticket)).copied()
    }

    /// The map stays valid whatever panicked while it was held.
    fn lock(&self) -> MutexGuard<'_, HashMap<TicketHash, (ConnectionId, Caller)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn hash(ticket: &Secret<32>) -> TicketHash {
    TicketHash(Sha256::digest(ticket.expose()).into())
}

impl Service {
    /// Whose ticket this is. Wrong ones count as failed logins of the address that they come from.
    ///
    /// # Errors
    /// `NOT_LOGGED_IN` for a ticket that is not good, or not any more; `RATE_LIMITED` after too many of them.
    pub fn bearer(
        &self,
        ticket: Option<&Secret<32>>,
        peer: &Peer,
        now: Timestamp,
    ) -> Result<Bearer, hushwire_wire::Error> {
        self.found_bearer(ticket, peer, now).map_err(Fault::into_error)
    }

    fn found_bearer(
        &self,
        ticket: Option<&Secret<32>>,
        peer: &Peer,
        now: Timestamp,
    ) -> Result<Bearer, Fault> {
        let whose = peer.address.map(|address| self.pepper.address(address));
        if let Some(whose) = &whose {
            self.limiter.peek(Limit::LoginAddress, whose, now)?;
        }
        let found = ticket.and_then(|ticket| self.tickets.find(ticket));
        match found {
            Some((connection, caller)) if self.hub.connection(caller.mailbox) == Some(connection) => {
                Ok(Bearer(caller))
            }
            _ => {
                if let Some(whose) = &whose {
                    self.limiter.take(Limit::LoginAddress, whose, now)?;
                }
                Err(Fault::NotLoggedIn)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hushwire_server_store::mailbox::MailboxKey;
    use hushwire_types::{AccountId, DeviceId, OsEntropy};

    #[test]
    fn a_ticket_is_known_until_its_connection_ends_and_no_trace_of_it_stays() {
        let caller = Caller {
            account: AccountId::new([1; 32]),
            device: DeviceId::new([2; 16]),
            mailbox: MailboxKey(3),
        };
        let tickets = Tickets::default();
        let (ticket, hash) = tickets.issue(ConnectionId(4), caller, &OsEntropy);
        assert_eq!(tickets.find(&ticket).map(|(connection, _)| connection), Some(ConnectionId(4)));
        assert!(tickets.find(&Secret::new([0; 32])).is_none());
        tickets.end(hash);
        assert!(tickets.find(&ticket).is_none() && tickets.lock().is_empty());
    }
}
