//! Who is connected: at most one connection a mailbox.
//!
//! Invariant: the newest login of a device is the one that is here; an older one that leaves late takes nothing away.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::step::ConnectionId;

/// Connected mailboxes, by the store's key of a mailbox.
pub(crate) struct Hub<K> {
    online: Mutex<HashMap<K, ConnectionId>>,
}

impl<K: Copy + Eq + std::hash::Hash> Hub<K> {
    pub(crate) fn new() -> Self {
        Self { online: Mutex::default() }
    }

    /// A device logged in. The older connection of the same device, which must be fenced.
    pub(crate) fn enter(&self, mailbox: K, connection: ConnectionId) -> Option<ConnectionId> {
        self.lock().insert(mailbox, connection).filter(|older| *older != connection)
    }

    /// A connection ended.
    pub(crate) fn leave(&self, mailbox: K, connection: ConnectionId) {
        let mut online = self.lock();
        if online.get(&mailbox) == Some(&connection) {
            online.remove(&mailbox);
        }
    }

    /// A device may not be logged in any more. Its connection, which must be fenced.
    pub(crate) fn expel(&self, mailbox: K) -> Option<ConnectionId> {
        self.lock().remove(&mailbox)
    }

    /// The connection of a mailbox.
    pub(crate) fn connection(&self, mailbox: K) -> Option<ConnectionId> {
        self.lock().get(&mailbox).copied()
    }

    /// How many devices are connected.
    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    /// The map stays valid whatever panicked while it was held.
    fn lock(&self) -> MutexGuard<'_, HashMap<K, ConnectionId>> {
        self.online.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newer_connection_takes_over_and_the_older_one_leaves_nothing() {
        let hub = Hub::new();
        assert_eq!(hub.enter(7, ConnectionId(1)), None);
        assert_eq!(hub.enter(7, ConnectionId(2)), Some(ConnectionId(1)));
        hub.leave(7, ConnectionId(1));
        assert_eq!(hub.connection(7), Some(ConnectionId(2)));
        assert_eq!(hub.expel(7), Some(ConnectionId(2)));
        assert_eq!((hub.connection(7), hub.len()), (None, 0));
    }
}
