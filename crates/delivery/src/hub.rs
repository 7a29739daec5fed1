//! Who is connected: at most one connection a mailbox.
//!
//! Invariant: the newest login of a device is the one that is here; an older one that leaves late takes nothing away.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hushwire_types::LoginMark;

use crate::step::ConnectionId;

/// A connection and what its login was named by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Online {
    pub(crate) connection: ConnectionId,
    pub(crate) mark: Option<LoginMark>,
}

/// Connected mailboxes, by the store's key of a mailbox.
pub(crate) struct Hub<K> {
    online: Mutex<HashMap<K, Online>>,
}

impl<K: Copy + Eq + std::hash::Hash> Hub<K> {
    pub(crate) fn new() -> Self {
        Self { online: Mutex::default() }
    }

    /// A device logged in. What was here of the same device; its connection must be fenced.
    pub(crate) fn enter(&self, mailbox: K, online: Online) -> Option<Online> {
        self.lock().insert(mailbox, online).filter(|older| older.connection != online.connection)
    }

    /// A connection ended.
    pub(crate) fn leave(&self, mailbox: K, connection: ConnectionId) {
        let mut online = self.lock();
        if online.get(&mailbox).is_some_and(|here| here.connection == connection) {
            online.remove(&mailbox);
        }
    }

    /// A device may not be logged in any more. Its connection, which must be fenced.
    pub(crate) fn expel(&self, mailbox: K) -> Option<ConnectionId> {
        self.lock().remove(&mailbox).map(|here| here.connection)
    }

    /// The connection of a mailbox.
    pub(crate) fn connection(&self, mailbox: K) -> Option<ConnectionId> {
        self.lock().get(&mailbox).map(|here| here.connection)
    }

    /// How many devices are connected.
    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    /// The map stays valid whatever panicked while it was held.
    fn lock(&self) -> MutexGuard<'_, HashMap<K, Online>> {
        self.online.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newer_connection_takes_over_and_the_older_one_leaves_nothing() {
        let hub = Hub::new();
        let [one, two] = [1, 2].map(|number| Online {
            connection: ConnectionId(number),
            mark: Some(LoginMark::new([u8::try_from(number).unwrap(); 16])),
        });
        assert_eq!(hub.enter(7, one), None);
        assert_eq!(hub.enter(7, two), Some(one));
        hub.leave(7, ConnectionId(1));
        assert_eq!(hub.connection(7), Some(ConnectionId(2)));
        assert_eq!(hub.expel(7), Some(ConnectionId(2)));
        assert_eq!((hub.connection(7), hub.len()), (None, 0));
    }
}
