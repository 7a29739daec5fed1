//! A client's WebSocket: frames to the services and back.
//!
//! One task owns the socket and the [`Session`]. It reads a frame only while it can take one more, writes what waits
//! in its inbox, all that has gathered there at once, and ends when the peer is silent for [`SILENCE`] or takes nothing for [`SEND_DEADLINE`]. Whatever it
//! had not sent is in the store.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket};
use bytes::Bytes;
use futures_util::{FutureExt, SinkExt, StreamExt};
use hushwire_delivery::{Event, Next, Peer, Session, Step};
use hushwire_types::Clock;
use hushwire_wire::frame::{self, ClientFrame, ServerFrame};
use hushwire_wire::{Error, ErrorCode, Response};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use crate::inbox::OpenInbox;
use crate::listener::stopped;
use crate::node::Node;

/// A peer that says nothing for this long is asked.
const QUIET: Duration = Duration::from_secs(45);
/// A peer that says nothing for this long, though asked, is gone.
const SILENCE: Duration = Duration::from_secs(120);
/// How long the peer may take to accept what is sent.
const SEND_DEADLINE: Duration = Duration::from_secs(30);
/// Messages that are taken before what waits to go out has its turn.
const TOGETHER: usize = 64;

/// Serves one client until it leaves, is fenced, falls silent, or the server stops.
///
/// Thousands of these wait at the same time, so each is small: the client is in a box of its own, where it is made (an async function would
/// keep room for its arguments as well), and whatever is done with a frame has its room only while it is done.
pub(crate) fn serve(
    node: Arc<Node>,
    socket: WebSocket,
    peer: Peer,
    stop: watch::Receiver<bool>,
) -> impl Future<Output = ()> + Send {
    let (session, inbox) = node.enter(peer);
    Box::new(Line { node, socket, session, inbox, asked: false }).serve(stop)
}

/// One client.
struct Line {
    node: Arc<Node>,
    socket: WebSocket,
    session: Session,
    inbox: OpenInbox,
    /// Whether a ping is under way to a quiet peer.
    asked: bool,
}

/// The connection is over.
struct Over;

impl Line {
    async fn serve(mut self: Box<Self>, mut stop: watch::Receiver<bool>) {
        metrics::gauge!("hushd_connections").increment(1);
        tokio::select! {
            () = self.run() => {}
            () = stopped(&mut stop) => {}
        }
        metrics::gauge!("hushd_connections").decrement(1);
        Box::pin(self.leave()).await;
    }

    async fn leave(&mut self) {
        let _ = timeout(Duration::from_secs(1), self.socket.send(Message::Close(None))).await;
        let told = self.node.service.disconnect(&mut self.session);
        self.node.inboxes.post(told);
    }

    async fn run(&mut self) {
        let mut heard = Instant::now();
        // One timer for the life of the connection: to set one for each message would cost more than to read it.
        let mut alarm = pin!(sleep_until(heard + QUIET));
        loop {
            let done = tokio::select! {
                received = self.socket.next() => {
                    heard = Instant::now();
                    self.asked = false;
                    Box::pin(self.received(received)).await
                }
                events = self.inbox.take() => Box::pin(self.told(events)).await,
                () = alarm.as_mut() => {
                    let done = if heard.elapsed() < QUIET { Ok(()) } else { Box::pin(self.quiet()).await };
                    alarm.as_mut().reset(heard + if self.asked { SILENCE } else { QUIET });
                    done
                }
            };
            let done = match done {
                Ok(()) => Box::pin(self.flush()).await,
                over => over,
            };
            if done.is_err() {
                return;
            }
        }
    }

    /// Nothing was heard for a while.
    async fn quiet(&mut self) -> Result<(), Over> {
        if std::mem::replace(&mut self.asked, true) {
            return Err(Over);
        }
        self.feed(Message::Ping(Bytes::new())).await
    }

    /// Something waits for the client.
    async fn told(&mut self, events: VecDeque<Event>) -> Result<(), Over> {
        let step = self.node.service.events(&mut self.session, events);
        self.step(step).await
    }

    /// Takes a message, and those that came with it.
    async fn received(&mut self, first: Option<Result<Message, axum::Error>>) -> Result<(), Over> {
        let (mut next, mut left) = (Some(first), TOGETHER);
        while let Some(received) = next {
            match received {
                Some(Ok(message)) => self.message(message).await?,
                Some(Err(_)) | None => return Err(Over),
            }
            left = left.saturating_sub(1);
            // Not awaited: it is the caller's wait that is woken.
            next = if left == 0 { None } else { self.socket.next().now_or_never() };
        }
        Ok(())
    }

    async fn message(&mut self, message: Message) -> Result<(), Over> {
        match message {
            Message::Binary(bytes) => self.frame(bytes).await,
            Message::Text(_) => self.refuse("frames are binary").await,
            Message::Close(_) => Err(Over),
            Message::Ping(_) | Message::Pong(_) => Ok(()),
        }
    }

    async fn frame(&mut self, bytes: Bytes) -> Result<(), Over> {
        let now = self.node.clock.now();
        let step = match frame::decode_client(bytes) {
            Ok(ClientFrame::Request { request_id, request }) => {
                self.node.service.begin(&mut self.session, request_id, request, now)
            }
            Ok(ClientFrame::Unsupported { request_id, code }) => {
                let error = Error::new(ErrorCode::Unsupported, format!("operation {code} is not known here"));
                return self
                    .answer(ServerFrame { request_id: Some(request_id), response: Response::Error(error) })
                    .await;
            }
            Err(error) => {
                metrics::counter!("hushd_malformed_frames_total").increment(1);
                let frame =
                    ServerFrame { request_id: error.request_id(), response: Response::Error(error.answer()) };
                return self.answer(frame).await;
            }
        };
        self.step(step).await
    }

    async fn refuse(&mut self, text: &str) -> Result<(), Over> {
        let error = Error::new(ErrorCode::Malformed, text.to_owned());
        self.answer(ServerFrame { request_id: None, response: Response::Error(error) }).await
    }

    /// Sends what a step says and takes its request on.
    async fn step(&mut self, step: Step) -> Result<(), Over> {
        for frame in step.frames {
            self.answer(frame).await?;
        }
        self.node.inboxes.post(step.outbound);
        match step.next {
            Next::Nothing => Ok(()),
            Next::Close => {
                self.flush().await?;
                Err(Over)
            }
            Next::Write(job) => {
                self.node.write(job);
                Ok(())
            }
            Next::Check(check) => {
                self.node.check(check);
                Ok(())
            }
        }
    }

    async fn answer(&mut self, frame: ServerFrame) -> Result<(), Over> {
        match frame::encode_server(frame.request_id, &frame.response) {
            Ok(bytes) => self.feed(Message::Binary(bytes)).await,
            Err(error) => {
                tracing::error!(%error, "an answer cannot be encoded");
                let error =
                    Error::new(ErrorCode::Internal, "the server could not write its answer".to_owned());
                match frame::encode_server(frame.request_id, &Response::Error(error)) {
                    Ok(bytes) => self.feed(Message::Binary(bytes)).await,
                    Err(_) => Err(Over),
                }
            }
        }
    }

    async fn feed(&mut self, message: Message) -> Result<(), Over> {
        within(self.socket.feed(message)).await
    }

    async fn flush(&mut self) -> Result<(), Over> {
        within(self.socket.flush()).await
    }
}

async fn within(work: impl Future<Output = Result<(), axum::Error>>) -> Result<(), Over> {
    match timeout(SEND_DEADLINE, work).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(Over),
    }
}
