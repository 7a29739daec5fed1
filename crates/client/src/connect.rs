//! From an address to a server that has proved itself (rule R6).
//!
//! ```text
//! TCP ─► TLS 1.3 ─► WebSocket /v2/ws ─► Hello { nonce } ─► Welcomed { server key, binding, signature }
//!                                                             │ key fits the pinned fingerprint?
//!                                                             │ binding is that of this very channel?
//!                                                             └ signature holds? ─► Connection
//! ```
//!
//! Nothing of the account is said before the last check. Every stage has a deadline and an error of its own, which
//! names what was waited for.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use hushwire_engine::check_hello;
use hushwire_identity::{ChannelBinding, Fingerprint, Host, PublicKey};
use hushwire_types::{Entropy, rng};
use hushwire_wire::{self as wire, Request, RequestId, Response, ServerFrame, frame, limits};
use rustls::pki_types::ServerName;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as WebSocketError, Message};

use crate::tls;

/// How long each stage of connecting may take.
pub const STAGE_DEADLINE: Duration = Duration::from_secs(10);
/// How long a frame may take to leave.
const SEND_DEADLINE: Duration = Duration::from_secs(20);

const PATH: &str = "/v2/ws";
const SUBPROTOCOL: &str = "hushwire.v2";

/// Where a server is and how it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerAddress {
    /// Its host.
    pub host: Host,
    /// Its port.
    pub port: u16,
    /// The pinned identity.
    pub fingerprint: Fingerprint,
    /// How the bytes travel.
    pub transport: Transport,
}

/// How the bytes travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Transport {
    /// `wss://`.
    #[default]
    Tls,
    /// `ws://`, on loopback only.
    Plain,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// Nobody answers there. Try again later.
    #[error("the server {server} cannot be reached: {reason}")]
    Unreachable {
        /// Host and port.
        server: String,
        /// What the network said.
        reason: String,
    },
    /// Something answers, but not a Hushwire server. Check the address.
    #[error("what answers at {server} is not a Hushwire server: {reason}")]
    NotHushwire {
        /// Host and port.
        server: String,
        /// What it said instead.
        reason: String,
    },
    /// The server is not the one that was pinned, or somebody sits in between. Do not go on; ask its operator.
    #[error("the server {server} did not prove the identity from your invite link: {reason}")]
    Untrusted {
        /// Host and port.
        server: String,
        /// Which proof failed.
        reason: &'static str,
    },
    /// The server speaks another version. Upgrade the older side.
    #[error("the server {server} speaks no version of the protocol that this program knows")]
    Version {
        /// Host and port.
        server: String,
    },
    /// Too slow. Try again later.
    #[error("the server {server} did not answer within {} s while {stage}", STAGE_DEADLINE.as_secs())]
    TimedOut {
        /// Host and port.
        server: String,
        /// What was waited for.
        stage: &'static str,
    },
    /// Clear text was asked for beyond this machine.
    #[error("an unprotected connection is possible on this machine only, not to {server}")]
    ClearText {
        /// Host and port.
        server: String,
    },
    /// The server turned the connection away, with its own words.
    #[error("the server {server} turned the connection away: {reason}")]
    TurnedAway {
        /// Host and port.
        server: String,
        /// Its words.
        reason: String,
    },
}

/// A connection broke. What was not answered is sent again on the next one.
#[derive(Debug, thiserror::Error)]
#[error("the connection to the server was lost: {reason}")]
pub struct Lost {
    reason: String,
}

impl Lost {
    fn because(reason: impl std::fmt::Display) -> Self {
        Self { reason: reason.to_string() }
    }
}

/// What the server proved and said, and over which channel.
#[derive(Debug, Clone)]
pub struct Greeting {
    /// The server's identity, which fits the pinned fingerprint.
    pub server_key: PublicKey,
    /// The server's words.
    pub welcomed: wire::Welcomed,
    /// What this channel binds to.
    pub binding: ChannelBinding,
    /// What the server signed.
    pub client_nonce: [u8; 32],
}

pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// Frames to and from a server that has proved itself.
pub struct Connection {
    socket: WebSocketStream<Box<dyn Stream>>,
    greeting: Greeting,
    certificate: Option<[u8; 32]>,
    next_request: RequestId,
}

/// Connects to `address` and holds it to its identity.
///
/// # Errors
/// [`ConnectError`].
pub async fn connect(address: &ServerAddress, entropy: &dyn Entropy) -> Result<Connection, ConnectError> {
    let server = format!("{}:{}", address.host, address.port);
    let (stream, channel) = open(address, &server).await?;
    let mut socket = upgrade(stream, &server).await?;
    let nonce = rng::bytes::<32>(entropy);
    let welcomed = greet(&mut socket, nonce, &server).await?;
    let greeting = check(address, &channel, nonce, welcomed)
        .map_err(|reason| ConnectError::Untrusted { server, reason })?;
    let certificate = channel.certificate;
    Ok(Connection { socket, greeting, certificate, next_request: RequestId::FIRST.next() })
}

/// What this end saw of the channel, from which each binding can be computed.
pub(crate) struct Channel {
    exporter: Option<[u8; 32]>,
    /// SHA-256 of the certificate that the channel was made with.
    pub(crate) certificate: Option<[u8; 32]>,
}

/// Opens a channel. Who is at its other end has not proved anything yet.
pub(crate) async fn open(
    address: &ServerAddress,
    server: &str,
) -> Result<(Box<dyn Stream>, Channel), ConnectError> {
    let unreachable = |error: std::io::Error| ConnectError::Unreachable {
        server: server.to_owned(),
        reason: error.to_string(),
    };
    let target = (address.host.to_string().trim_matches(['[', ']']).to_owned(), address.port);
    let tcp = within("connecting", server, TcpStream::connect(target)).await?.map_err(unreachable)?;
    let _ = tcp.set_nodelay(true);
    if address.transport == Transport::Plain {
        let loopback = tcp.peer_addr().is_ok_and(|peer| peer.ip().is_loopback());
        if !loopback {
            return Err(ConnectError::ClearText { server: server.to_owned() });
        }
        return Ok((Box::new(tcp), Channel { exporter: None, certificate: None }));
    }
    let not_tls = |reason: String| ConnectError::NotHushwire { server: server.to_owned(), reason };
    let config = tls::client_config().map_err(|error| not_tls(error.to_string()))?;
    let name = ServerName::try_from(address.host.to_string().trim_matches(['[', ']']).to_owned())
        .map_err(|error| not_tls(error.to_string()))?;
    let stream = within("setting up TLS", server, TlsConnector::from(config).connect(name, tcp)).await?;
    let stream = stream.map_err(|error| not_tls(format!("TLS failed: {error}")))?;
    let session = stream.get_ref().1;
    let exporter = session.export_keying_material([0; 32], tls::EXPORTER_LABEL, None).ok();
    let leaf = session.peer_certificates().and_then(<[_]>::first);
    let certificate = leaf.map(|certificate| Sha256::digest(certificate).into());
    Ok((Box::new(stream), Channel { exporter, certificate }))
}

async fn upgrade(
    stream: Box<dyn Stream>,
    server: &str,
) -> Result<WebSocketStream<Box<dyn Stream>>, ConnectError> {
    let not_ours = |error: WebSocketError| ConnectError::NotHushwire {
        server: server.to_owned(),
        reason: error.to_string(),
    };
    let mut request = format!("ws://{server}{PATH}").into_client_request().map_err(not_ours)?;
    request.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static(SUBPROTOCOL));
    let config = WebSocketConfig::default()
        .max_message_size(Some(limits::FRAME_BYTES))
        .max_frame_size(Some(limits::FRAME_BYTES));
    let upgrading = tokio_tungstenite::client_async_with_config(request, stream, Some(config));
    let (socket, _response) = within("opening the WebSocket", server, upgrading).await?.map_err(not_ours)?;
    Ok(socket)
}

async fn greet(
    socket: &mut WebSocketStream<Box<dyn Stream>>,
    nonce: [u8; 32],
    server: &str,
) -> Result<wire::Welcomed, ConnectError> {
    let lost = |lost: Lost| ConnectError::Unreachable { server: server.to_owned(), reason: lost.reason };
    let hello =
        wire::Hello { min_version: wire::VERSION, max_version: wire::VERSION, features: Vec::new(), nonce };
    send(socket, RequestId::FIRST, &Request::Hello(hello)).await.map_err(lost)?;
    let answer = within("waiting for the server's proof", server, receive(socket)).await?.map_err(lost)?;
    match answer.response {
        Response::Welcomed(welcomed) if welcomed.version == wire::VERSION => Ok(welcomed),
        Response::Welcomed(_) => Err(ConnectError::Version { server: server.to_owned() }),
        Response::Error(error) if error.code == wire::ErrorCode::Unsupported => {
            Err(ConnectError::Version { server: server.to_owned() })
        }
        Response::Error(error) => {
            Err(ConnectError::TurnedAway { server: server.to_owned(), reason: error.text })
        }
        _ => Err(ConnectError::NotHushwire {
            server: server.to_owned(),
            reason: "it did not answer the hello".to_owned(),
        }),
    }
}

/// Holds the server's answer to the pinned identity and to the channel that it came over.
fn check(
    address: &ServerAddress,
    channel: &Channel,
    client_nonce: [u8; 32],
    welcomed: wire::Welcomed,
) -> Result<Greeting, &'static str> {
    let server_key = PublicKey::from_bytes(&welcomed.server_key).map_err(|_| "its key is not a key")?;
    if !address.fingerprint.fits(&server_key) {
        return Err("its fingerprint is another one");
    }
    let none = "it binds the connection to something that this end did not see";
    let binding = match (welcomed.binding, address.transport) {
        (wire::ChannelBinding::Exporter, Transport::Tls) => {
            ChannelBinding::Exporter(channel.exporter.ok_or(none)?)
        }
        (wire::ChannelBinding::EndPoint, Transport::Tls) => {
            ChannelBinding::EndPoint(channel.certificate.ok_or(none)?)
        }
        (wire::ChannelBinding::None, Transport::Plain) => ChannelBinding::None,
        _ => return Err(none),
    };
    if !check_hello(&welcomed, &binding, &client_nonce) {
        return Err("its signature over this connection does not hold");
    }
    Ok(Greeting { server_key, welcomed, binding, client_nonce })
}

async fn within<T>(
    stage: &'static str,
    server: &str,
    work: impl Future<Output = T>,
) -> Result<T, ConnectError> {
    timeout(STAGE_DEADLINE, work)
        .await
        .map_err(|_| ConnectError::TimedOut { server: server.to_owned(), stage })
}

async fn send(
    socket: &mut WebSocketStream<Box<dyn Stream>>,
    request_id: RequestId,
    request: &Request,
) -> Result<(), Lost> {
    let bytes = frame::encode_client(request_id, request).map_err(Lost::because)?;
    let sending = socket.send(Message::Binary(bytes));
    timeout(SEND_DEADLINE, sending)
        .await
        .map_err(|_| Lost::because("sending took too long"))?
        .map_err(Lost::because)
}

async fn receive(socket: &mut WebSocketStream<Box<dyn Stream>>) -> Result<ServerFrame, Lost> {
    loop {
        match socket.next().await {
            Some(Ok(Message::Binary(bytes))) => return frame::decode_server(bytes).map_err(Lost::because),
            Some(Ok(Message::Close(_))) | None => return Err(Lost::because("the server closed it")),
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(Lost::because(error)),
        }
    }
}

impl Connection {
    /// What the server proved and said.
    #[must_use]
    pub const fn greeting(&self) -> &Greeting {
        &self.greeting
    }

    /// SHA-256 of the certificate that this connection's channel was made with; none without TLS.
    pub(crate) const fn certificate(&self) -> Option<[u8; 32]> {
        self.certificate
    }

    /// Sends a request; the answer carries the returned id.
    ///
    /// # Errors
    /// [`Lost`].
    pub async fn send(&mut self, request: &Request) -> Result<RequestId, Lost> {
        let request_id = self.next_request;
        self.next_request = request_id.next();
        send(&mut self.socket, request_id, request).await?;
        Ok(request_id)
    }

    /// The next frame. Safe to cancel.
    ///
    /// # Errors
    /// [`Lost`].
    pub async fn receive(&mut self) -> Result<ServerFrame, Lost> {
        receive(&mut self.socket).await
    }

    /// Says goodbye; best effort.
    pub async fn close(mut self) {
        let _ = timeout(Duration::from_secs(1), self.socket.close(None)).await;
    }
}
