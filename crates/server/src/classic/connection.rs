//! One connection: its requests, one after the other, and the messages that come for it.
//!
//! ```text
//!  Nobody ── 825 ──► Registering ── 831, 826 ──► Online ◄── 827 ── Nobody
//!     ▲───── too late, too many guesses ┘
//! ```
//!
//! Of each sender one message at a time is *out*: sent on this connection and not acknowledged. It stays in the store until
//! 830 names its sender. Asked or unasked, a message goes out only if none of its sender is.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use hushwire_classic::frame::encode_response;
use hushwire_classic::{DecodeError, MessageBlob, Phone, Request, RequestFrame, Response};
use hushwire_server_store::classic::{
    AcknowledgeClassic, ClassicId, ClassicMessage, ClassicPhone, ClassicStored, StoreClassic,
};
use hushwire_server_store::{StoreError, Written};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::Instant;

use super::desk::{Desk, phone, stored};
use super::import::digest;
use super::phones::Line;
use super::registration::Registering;
use super::repeats::{Habit, Incoming};
use crate::listener::stopped;

/// What a message that nobody asked for keeps from whatever was written before. The original looks every 0.1 s, and takes what
/// it finds for one frame.
const DISTANCE: Duration = Duration::from_millis(150);
/// How long such a message waits for the acknowledgement of another one that is out.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long a client may take to read.
const WRITE_DEADLINE: Duration = Duration::from_secs(30);
/// How long a connection may last that is not online.
const STRANGER_LIFETIME: Duration = Duration::from_secs(300);

/// The protocol's side of a connection.
pub(super) struct Connection {
    pub(super) desk: Arc<Desk>,
    pub(super) address: Option<IpAddr>,
    pub(super) state: State,
}

/// Who is at the other end.
pub(super) enum State {
    Nobody,
    Registering(Registering),
    Online(Online),
}

/// A phone that is online.
pub(super) struct Online {
    line: Line,
    out: Vec<Out>,
    /// Whether something may wait in the store.
    waiting: bool,
}

/// A message that was sent and is not acknowledged.
struct Out {
    sender: ClassicPhone,
    id: ClassicId,
    since: Instant,
}

/// Serves one connection until either side ends it.
pub(super) async fn serve<S>(
    desk: Arc<Desk>,
    stream: S,
    address: Option<IpAddr>,
    mut stop: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let mut wire = Wire {
        stream,
        incoming: Incoming::default(),
        habit: Habit::default(),
        last_write: None,
        apart: None,
    };
    let mut connection = Connection { desk, address, state: State::Nobody };
    let strangers_end = Instant::now() + STRANGER_LIFETIME;
    loop {
        while let Some(frame) = wire.incoming.next() {
            if wire.answer(&mut connection, frame).await.is_err() {
                return;
            }
        }
        let push_at = connection.push_at(wire.last_write);
        let is_online = matches!(connection.state, State::Online(_));
        tokio::select! {
            read = wire.read() => if read.is_err() { return },
            () = connection.rung() => connection.something_waits(),
            () = tokio::time::sleep_until(push_at.unwrap_or_else(Instant::now)), if push_at.is_some() => {
                let Some(message) = connection.push() else { continue };
                if wire.write(&message).await.is_err() {
                    return;
                }
            }
            () = connection.too_late() => connection.forget_what_is_too_late(),
            () = tokio::time::sleep_until(strangers_end), if !is_online => return,
            () = stopped(&mut stop) => return,
        }
    }
}

/// The socket's side of a connection.
struct Wire<S> {
    stream: S,
    incoming: Incoming,
    habit: Habit,
    last_write: Option<Instant>,
    /// Until when nothing follows an answer that the client did not look for any more: both would be one packet to it.
    apart: Option<Instant>,
}

/// The connection is over.
struct Over;

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Wire<S> {
    /// Reads what has come. Safe to cancel.
    async fn read(&mut self) -> Result<(), Over> {
        let mut room = [0; 4096];
        match self.stream.read(&mut room).await {
            Ok(0) | Err(_) => Err(Over),
            Ok(count) => {
                self.incoming.push(room.get(..count).unwrap_or_default());
                Ok(())
            }
        }
    }

    async fn answer(
        &mut self,
        connection: &mut Connection,
        frame: Result<RequestFrame, DecodeError>,
    ) -> Result<(), Over> {
        match frame {
            Ok(frame) => {
                let is_late = self.hold(&frame).await?;
                let response = connection.answer(&frame).await;
                // What came until now came before the answer. An end of the stream is found again at the next read.
                while self.incoming.has_room() {
                    let Some(Ok(())) = self.read().now_or_never() else { break };
                }
                let repeats = self.incoming.drop_repeats(&frame);
                self.habit.answered(frame, repeats, Instant::now());
                self.write(&response).await?;
                self.apart = is_late.then(|| Instant::now() + DISTANCE);
                Ok(())
            }
            Err(DecodeError::Malformed(_)) => self.write(&Response::Error).await,
            Err(_) => {
                metrics::counter!("hushd_malformed_frames_total").increment(1);
                let _ = self.write(&Response::Error).await;
                Err(Over)
            }
        }
    }

    /// Waits where a request has to, and reads meanwhile. Whether it is one that was said again.
    async fn hold(&mut self, frame: &RequestFrame) -> Result<bool, Over> {
        let again = self.habit.held_until(frame);
        let Some(until) = again.max(self.apart) else { return Ok(false) };
        loop {
            let has_room = self.incoming.has_room();
            tokio::select! {
                () = tokio::time::sleep_until(until) => return Ok(again.is_some()),
                read = self.read(), if has_room => read?,
            }
        }
    }

    /// One write for one frame.
    async fn write(&mut self, response: &Response) -> Result<(), Over> {
        let bytes = encode_response(response);
        let written = async {
            self.stream.write_all(&bytes).await?;
            self.stream.flush().await
        };
        let written = tokio::time::timeout(WRITE_DEADLINE, written).await;
        self.last_write = Some(Instant::now());
        if matches!(written, Ok(Ok(()))) { Ok(()) } else { Err(Over) }
    }
}

impl Connection {
    pub(super) async fn answer(&mut self, frame: &RequestFrame) -> Response {
        self.forget_what_is_too_late();
        let bound = match &self.state {
            State::Nobody => None,
            State::Registering(registering) => Some(registering.line.phone()),
            State::Online(online) => Some(online.line.phone()),
        };
        if bound.is_some_and(|phone| phone != frame.phone) {
            return Response::Error;
        }
        match &frame.request {
            Request::Register => self.register(frame.phone).await,
            Request::Otp(otp) => self.try_otp(otp).await,
            Request::SendPublicKeys(keys) => self.set_keys(keys.clone()).await,
            Request::Login => self.login(frame.phone).await,
            Request::RecipientKeys(whose) => self.keys(*whose, Response::RecipientKeys).await,
            Request::SenderKeys(whose) => {
                let phone = *whose;
                self.keys(phone, |keys| Response::SenderKeys { phone, keys }).await
            }
            Request::Message { recipient, blob } => self.store(*recipient, blob).await,
            Request::MessageReceived(sender) => self.acknowledge(*sender).await,
        }
    }

    /// Waits until a registration has lasted too long: its phone is others' then, whether this client says anything or not.
    async fn too_late(&self) {
        match &self.state {
            State::Registering(registering) => {
                tokio::time::sleep(registering.expires_at.since(self.desk.now())).await;
            }
            State::Nobody | State::Online(_) => std::future::pending().await,
        }
    }

    fn forget_what_is_too_late(&mut self) {
        if let State::Registering(registering) = &self.state
            && self.desk.now() >= registering.expires_at
        {
            self.state = State::Nobody;
        }
    }

    pub(super) fn go_online(&mut self, line: Line) {
        self.state = State::Online(Online { line, out: Vec::new(), waiting: true });
    }

    /// 827.
    async fn login(&mut self, phone: Phone) -> Response {
        match &self.state {
            State::Registering(_) => return Response::LoginFailed,
            State::Online(_) => {}
            State::Nobody => {
                if !matches!(self.desk.is_known(phone), Ok(true)) {
                    return Response::LoginFailed;
                }
                let Some(line) = self.desk.phones.take_patiently(phone).await else {
                    return Response::LoginFailed;
                };
                self.go_online(line);
            }
        }
        self.push().unwrap_or(Response::Login)
    }

    /// 828 and 832.
    async fn keys(
        &self,
        whose: Phone,
        answer: impl FnOnce(hushwire_classic::SignedKeys) -> Response,
    ) -> Response {
        let State::Online(online) = &self.state else { return Response::Error };
        self.desk.pace(online.line.phone()).await;
        match self.desk.keys(whose) {
            Ok(Some(keys)) => answer(keys),
            Ok(None) => Response::Error,
            Err(error) => failed(&error),
        }
    }

    /// 829.
    async fn store(&self, recipient: Phone, blob: &MessageBlob) -> Response {
        let State::Online(online) = &self.state else { return Response::Error };
        let sender = online.line.phone();
        self.desk.pace(sender).await;
        let operation = StoreClassic {
            recipient: stored(recipient),
            sender: stored(sender),
            digest: digest(recipient, sender, blob),
            blob: blob.as_bytes().clone(),
        };
        match self.desk.write(operation).await {
            Ok(Written::ClassicStored(ClassicStored::New)) => {
                self.desk.phones.ring(recipient);
                Response::MessageSent
            }
            // Said twice, or by somebody who heard it: it is there, and it is there once.
            Ok(_) => Response::MessageSent,
            Err(_) => Response::Error,
        }
    }

    /// 830.
    async fn acknowledge(&mut self, sender: Phone) -> Response {
        let State::Online(online) = &mut self.state else { return Response::Error };
        let sender = stored(sender);
        let read = online.out.iter().find(|out| out.sender == sender).map(|out| out.id);
        let operation = AcknowledgeClassic { recipient: stored(online.line.phone()), sender, read };
        let Ok(Written::ClassicNext(next)) = self.desk.write(operation).await else { return Response::Error };
        online.out.retain(|out| out.sender != sender);
        next.and_then(|message| online.send(message)).unwrap_or(Response::Listening)
    }

    /// Waits until something comes for whoever is online. Safe to cancel.
    async fn rung(&self) {
        match &self.state {
            State::Online(online) => online.line.rung().await,
            State::Nobody | State::Registering(_) => std::future::pending().await,
        }
    }

    fn something_waits(&mut self) {
        if let State::Online(online) = &mut self.state {
            online.waiting = true;
        }
    }

    /// When the next message that nobody asked for may go out.
    fn push_at(&self, last_write: Option<Instant>) -> Option<Instant> {
        let State::Online(online) = &self.state else { return None };
        let apart = last_write.map(|at| at + DISTANCE);
        let after_others = online.out.iter().map(|out| out.since + PATIENCE).max();
        online.waiting.then(|| apart.max(after_others).unwrap_or_else(Instant::now))
    }

    /// The oldest message of a sender of whom none is out.
    fn push(&mut self) -> Option<Response> {
        let State::Online(online) = &mut self.state else { return None };
        let out: Vec<ClassicPhone> = online.out.iter().map(|out| out.sender).collect();
        match self.desk.store.classic_oldest(stored(online.line.phone()), &out) {
            Ok(Some(message)) => online.send(message),
            Ok(None) => {
                online.waiting = false;
                None
            }
            Err(error) => {
                failed(&error);
                online.waiting = false;
                None
            }
        }
    }
}

impl Online {
    /// What is written for a message, which is out from now on.
    fn send(&mut self, message: ClassicMessage) -> Option<Response> {
        let sender = phone(message.sender)?;
        let blob = MessageBlob::new(message.blob).ok()?;
        self.out.push(Out { sender: message.sender, id: message.id, since: Instant::now() });
        Some(Response::Message { sender, blob })
    }
}

fn failed(error: &StoreError) -> Response {
    tracing::error!(%error, "the store failed");
    Response::Error
}
