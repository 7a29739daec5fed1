//! What waits for the task of a connection.
//!
//! The writer thread must never wait for a slow client, and a slow client must never pin memory: publications beyond
//! [`ROOM`] are dropped but for the newest, which leaves a hole that makes the session read the store. Answers are
//! never dropped; there are at most as many as requests in flight.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use hushwire_delivery::{ConnectionId, Event, Outbound};
use tokio::sync::Notify;

/// Events that may wait for one connection before publications are dropped.
const ROOM: usize = 512;

/// The queue of one connection.
#[derive(Default)]
pub(crate) struct Inbox {
    events: Mutex<VecDeque<Event>>,
    wake: Notify,
}

impl Inbox {
    fn push(&self, event: Event) {
        let mut events = self.lock();
        match &event {
            Event::Ephemeral(_) if events.len() >= ROOM => return,
            Event::Published(_) if events.len() >= ROOM => {
                if let Some(last @ Event::Published(_)) = events.back_mut() {
                    *last = event;
                    return;
                }
                events.push_back(event);
            }
            _ => events.push_back(event),
        }
        drop(events);
        self.wake.notify_one();
    }

    /// Everything that waits; waits itself while that is nothing. Safe to cancel.
    pub(crate) async fn take(&self) -> VecDeque<Event> {
        loop {
            let events = std::mem::take(&mut *self.lock());
            if !events.is_empty() {
                return events;
            }
            self.wake.notified().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Event>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The inboxes of all connections.
#[derive(Default)]
pub(crate) struct Inboxes {
    by_connection: RwLock<HashMap<ConnectionId, Arc<Inbox>>>,
}

impl Inboxes {
    /// Opens the inbox of a connection; it is closed when the value is dropped.
    #[must_use]
    pub(crate) fn open(self: &Arc<Self>, connection: ConnectionId) -> OpenInbox {
        let inbox = Arc::<Inbox>::default();
        let mut all = self.by_connection.write().unwrap_or_else(PoisonError::into_inner);
        all.insert(connection, Arc::clone(&inbox));
        OpenInbox { all: Arc::clone(self), connection, inbox }
    }

    /// Hands each to the connection that it names; what is for a connection that is gone is dropped.
    pub(crate) fn post(&self, outbound: impl IntoIterator<Item = Outbound>) {
        let all = self.by_connection.read().unwrap_or_else(PoisonError::into_inner);
        for Outbound { connection, event } in outbound {
            if let Some(inbox) = all.get(&connection) {
                inbox.push(event);
            }
        }
    }
}

/// The inbox of a connection that lives.
pub(crate) struct OpenInbox {
    all: Arc<Inboxes>,
    connection: ConnectionId,
    inbox: Arc<Inbox>,
}

impl std::ops::Deref for OpenInbox {
    type Target = Inbox;

    fn deref(&self) -> &Inbox {
        &self.inbox
    }
}

impl Drop for OpenInbox {
    fn drop(&mut self) {
        self.all.by_connection.write().unwrap_or_else(PoisonError::into_inner).remove(&self.connection);
    }
}
