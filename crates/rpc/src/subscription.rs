//! Subscriptions of one connection.
//!
//! Nothing is kept for a subscriber in memory: the journal is on disk, and it is read on when there is room in the connection.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use hushwire_types::Seq;
use serde_json::json;
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

use crate::desk::Desk;
use crate::fault::Fault;
use crate::method::{Subscribe, Subscribed, Unsubscribe, Unsubscribed, events_start};
use crate::protocol::notification;
use crate::shape::Change;

/// The most subscriptions of a connection.
const SUBSCRIPTIONS: usize = 16;

/// What is subscribed to in one connection. Ends with it.
pub(crate) struct Subscriber {
    out: mpsc::Sender<String>,
    live: Mutex<Live>,
}

#[derive(Default)]
struct Live {
    last: u64,
    tasks: HashMap<u64, AbortHandle>,
}

impl Subscriber {
    pub(crate) fn new(out: mpsc::Sender<String>) -> Self {
        Self { out, live: Mutex::default() }
    }

    /// Begins when the returned sender is used, so that nothing overtakes the answer.
    pub(crate) async fn subscribe(
        &self,
        desk: &Desk,
        subscribe: Subscribe,
    ) -> Result<(Subscribed, oneshot::Sender<()>), Fault> {
        let after = events_start(desk, subscribe.cursor, subscribe.after).await?;
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        live.tasks.retain(|_, task| !task.is_finished());
        if live.tasks.len() >= SUBSCRIPTIONS {
            return Err(Fault::usage(format!("a connection has at most {SUBSCRIPTIONS} subscriptions")));
        }
        live.last += 1;
        let number = live.last;
        let (begin, begun) = oneshot::channel();
        let feed = Feed { desk: desk.clone(), number, out: self.out.clone() };
        let task = tokio::spawn(async move {
            if begun.await.is_ok() {
                feed.run(after).await;
            }
        });
        live.tasks.insert(number, task.abort_handle());
        Ok((Subscribed { subscription: number, after: after.0 }, begin))
    }

    pub(crate) fn unsubscribe(&self, unsubscribe: &Unsubscribe) -> Unsubscribed {
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        let task = live.tasks.remove(&unsubscribe.subscription);
        if let Some(task) = &task {
            task.abort();
        }
        Unsubscribed { ended: task.is_some() }
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        let live = self.live.get_mut().unwrap_or_else(PoisonError::into_inner);
        live.tasks.values().for_each(AbortHandle::abort);
    }
}

struct Feed {
    desk: Desk,
    number: u64,
    out: mpsc::Sender<String>,
}

impl Feed {
    async fn run(self, after: Seq) {
        let mut changes = self.desk.client.changes(after);
        let why = loop {
            match changes.next().await {
                Ok(Some(change)) => {
                    let params = json!({ "subscription": self.number, "event": Change::from(&change) });
                    if self.out.send(notification("event", &params)).await.is_err() {
                        return;
                    }
                }
                Ok(None) => break Fault::error("the profile was closed"),
                Err(error) => break error.into(),
            }
        };
        let params = json!({ "subscription": self.number, "why": why });
        let _ = self.out.send(notification("ended", &params)).await;
    }
}
