//! Subscriptions of one connection.
//!
//! Nothing is kept for a subscriber in memory: the journal is on disk, and it is read on when there is room in the connection.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use hushwire_client::Typing;
use hushwire_types::Seq;
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc, oneshot};
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
        let typing = subscribe.typing.then(|| desk.client.typing());
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
                feed.run(after, typing).await;
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
    async fn run(self, after: Seq, mut typing: Option<broadcast::Receiver<Typing>>) {
        let mut changes = self.desk.client.changes(after);
        let why = loop {
            let happened = tokio::select! {
                change = changes.next() => change,
                writes = next_typing(&mut typing) => {
                    if self.out.send(self.writes(&writes)).await.is_err() {
                        return;
                    }
                    continue;
                }
            };
            match happened {
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

    fn writes(&self, typing: &Typing) -> String {
        let params = json!({
            "subscription": self.number,
            "conversation": typing.conversation.to_string(),
            "account": typing.account.to_string(),
            "stopped": typing.stopped,
        });
        notification("typing", &params)
    }
}

/// Who writes next; never where nobody asked, or none will come any more.
pub(crate) async fn next_typing(typing: &mut Option<broadcast::Receiver<Typing>>) -> Typing {
    while let Some(receiver) = typing {
        match receiver.recv().await {
            Ok(writes) => return writes,
            // What was missed is over.
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => *typing = None,
        }
    }
    std::future::pending().await
}
