//! A client's connection, as lean as the protocol allows: TLS 1.3, WebSocket, hello, login, frames.
//!
//! It trusts whatever server answers: it is the one that this program has started.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use hushwire_identity::{ChannelBinding, PublicKey};
use hushwire_types::{IncarnationId, OsEntropy, rng};
use hushwire_wire::frame;
use hushwire_wire::{Hello, Request, RequestId, Response, ServerFrame, Welcomed};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;

use crate::machine::trusting;
use crate::people::{Person, login};

type Socket = WebSocketStream<TlsStream<TcpStream>>;

/// A logged-in connection.
pub struct Line {
    /// Requests go in here.
    pub sink: Sink,
    /// What the server says comes out here.
    pub source: Source,
    /// The mailbox's incarnation, for acknowledgements.
    pub incarnation: IncarnationId,
}

/// The half that requests go into.
pub struct Sink {
    socket: SplitSink<Socket, Message>,
    number: u64,
}

/// The half that frames come out of.
pub struct Source {
    socket: SplitStream<Socket>,
}

/// A connection on which the server has said who it is, and nobody is logged in.
pub struct Greeted {
    /// Requests go in here.
    pub sink: Sink,
    /// What the server says comes out here.
    pub source: Source,
    /// What the server said.
    pub welcomed: Welcomed,
    /// What a login binds to.
    pub binding: ChannelBinding,
}

impl Greeted {
    /// Connects and says hello.
    ///
    /// # Errors
    /// The server is not there or refuses.
    pub async fn open(address: SocketAddr) -> Result<Self> {
        let tcp = TcpStream::connect(address).await?;
        tcp.set_nodelay(true)?;
        let name = ServerName::IpAddress(address.ip().into());
        let tls = TlsConnector::from(trusting()?).connect(name, tcp).await?;
        let exporter = tls.get_ref().1.export_keying_material([0_u8; 32], b"EXPORTER-hushwire-v2", None)?;
        let mut request = format!("ws://{address}/v2/ws").into_client_request()?;
        request.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static("hushwire.v2"));
        let (socket, _) = tokio_tungstenite::client_async(request, tls).await?;
        let (socket, source) = socket.split();
        let (mut sink, mut source) = (Sink { socket, number: 0 }, Source { socket: source });
        let hello =
            Hello { min_version: 2, max_version: 2, features: Vec::new(), nonce: rng::bytes(&OsEntropy) };
        sink.send(hello).await?;
        let Response::Welcomed(welcomed) = source.next().await?.response else { bail!("not welcome") };
        Ok(Self { sink, source, welcomed, binding: ChannelBinding::Exporter(exporter) })
    }
}

impl Line {
    /// Connects and logs in.
    ///
    /// # Errors
    /// The server is not there or refuses.
    pub async fn open(address: SocketAddr, person: &Person) -> Result<Self> {
        let Greeted { mut sink, mut source, welcomed, binding } = Greeted::open(address).await?;
        let server = PublicKey::from_bytes(&welcomed.server_key)?;
        sink.send(login(person, &server, &binding, &welcomed.nonce)).await?;
        let Response::LoggedIn(logged_in) = source.next().await?.response else { bail!("not logged in") };
        Ok(Self { sink, source, incarnation: logged_in.cursor.incarnation })
    }
}

impl Sink {
    /// The number of the last request.
    #[must_use]
    pub const fn last(&self) -> u64 {
        self.number
    }

    /// Puts a request behind those that wait to be sent.
    ///
    /// # Errors
    /// The connection broke.
    pub async fn feed(&mut self, request: impl Into<Request>) -> Result<()> {
        self.number += 1;
        let id = RequestId::new(self.number).context("no request id")?;
        let bytes = frame::encode_client(id, &request.into())?;
        Ok(self.socket.feed(Message::Binary(bytes)).await?)
    }

    /// Sends bytes that need not be a frame of the protocol.
    ///
    /// # Errors
    /// The connection broke.
    pub async fn send_raw(&mut self, bytes: Vec<u8>) -> Result<()> {
        Ok(self.socket.send(Message::Binary(bytes.into())).await?)
    }

    /// Sends what waits.
    ///
    /// # Errors
    /// The connection broke.
    pub async fn flush(&mut self) -> Result<()> {
        Ok(self.socket.flush().await?)
    }

    /// Sends a request at once.
    ///
    /// # Errors
    /// The connection broke.
    pub async fn send(&mut self, request: impl Into<Request>) -> Result<()> {
        self.feed(request).await?;
        self.flush().await
    }
}

impl Source {
    /// The next frame.
    ///
    /// # Errors
    /// The connection broke.
    pub async fn next(&mut self) -> Result<ServerFrame> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Binary(bytes))) => return Ok(frame::decode_server(bytes)?),
                Some(Ok(Message::Close(_))) | None => bail!("the server closed the connection"),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error.into()),
            }
        }
    }
}
