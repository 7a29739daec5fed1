//! One connection that stays, whatever carries it: texts come in, texts go out.
//!
//! Requests are worked on side by side and answered as they are done. When as many are in work as may be, or the other side does not
//! read, no more is read: neither side fills the memory of the other.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::desk::Desk;
use crate::protocol::{self, Caller, REQUEST_BYTES};
use crate::subscription::Subscriber;

/// Requests of a connection that are in work at a time.
const IN_WORK: usize = 64;
/// Texts that wait to be written.
const WAITING: usize = 16;
/// How long the other side may take to read its last answers when the daemon ends.
pub(crate) const FAREWELL: Duration = Duration::from_secs(5);

/// What comes in.
pub(crate) enum Incoming {
    /// A request or a batch.
    Text(String),
    /// One that is over the limit, or no text; nothing can be read after it.
    TooLong,
}

/// Serves until the other side has gone or the daemon ends, and, in the second case, stays open until `closed`: whoever asked the daemon
/// to end waits for that.
pub(crate) async fn serve<E>(
    desk: Desk,
    incoming: impl Stream<Item = Incoming>,
    outgoing: impl Sink<String, Error = E>,
    mut closed: watch::Receiver<bool>,
) {
    let leaving = desk.clone();
    let (out, waiting) = mpsc::channel(WAITING);
    let mut outgoing = std::pin::pin!(outgoing);
    let over = {
        let mut reading = std::pin::pin!(read(desk, incoming, out));
        let mut writing = std::pin::pin!(write(waiting, outgoing.as_mut()));
        let late = async {
            leaving.stopped().await;
            sleep(FAREWELL).await;
        };
        tokio::select! {
            () = writing.as_mut() => Over::Gone,
            () = late => Over::Stopped,
            over = reading.as_mut() => {
                tokio::select! {
                    () = writing => {}
                    () = sleep(FAREWELL) => {}
                }
                over
            }
        }
    };
    if matches!(over, Over::Stopped) {
        let _ = closed.wait_for(|closed| *closed).await;
    }
    let _ = outgoing.close().await;
}

/// Why a connection is over.
enum Over {
    /// The other side has gone.
    Gone,
    /// The daemon ends.
    Stopped,
}

async fn read(desk: Desk, incoming: impl Stream<Item = Incoming>, out: mpsc::Sender<String>) -> Over {
    let mut incoming = std::pin::pin!(incoming);
    let seats = Arc::new(Semaphore::new(IN_WORK));
    let subscriber = Arc::new(Subscriber::new(out.clone()));
    let mut work = JoinSet::new();
    let over = loop {
        let Ok(seat) = Arc::clone(&seats).acquire_owned().await else { break Over::Gone };
        while work.try_join_next().is_some() {}
        let text = tokio::select! {
            () = desk.stopped() => break Over::Stopped,
            incoming = incoming.next() => match incoming {
                Some(Incoming::Text(text)) => text,
                Some(Incoming::TooLong) => {
                    let _ = out.send(protocol::refuse(&format!("a request is a text of at most {REQUEST_BYTES} bytes"))).await;
                    break Over::Gone;
                }
                None => break Over::Gone,
            }
        };
        let (desk, subscriber, out) = (desk.clone(), Arc::clone(&subscriber), out.clone());
        work.spawn(async move {
            let mut caller = Caller::new(&desk, Some(&subscriber));
            if let Some(answer) = caller.answer(&text).await {
                let _ = out.send(answer).await;
            }
            for begin in caller.begin {
                let _ = begin.send(());
            }
            drop(seat);
        });
    };
    // What was asked is answered, also for whoever has said all that they had to say.
    while work.join_next().await.is_some() {}
    over
}

async fn write<E>(
    mut waiting: mpsc::Receiver<String>,
    mut outgoing: std::pin::Pin<&mut impl Sink<String, Error = E>>,
) {
    while let Some(text) = waiting.recv().await {
        if outgoing.send(text).await.is_err() {
            return;
        }
    }
}
