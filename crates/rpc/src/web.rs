//! Loopback HTTP and WebSocket: `POST /` takes a request or a batch, `GET /ws` a connection that stays.
//!
//! Every local program and every web page in a local browser can reach a loopback address, so:
//! - only a loopback address is listened at;
//! - each request carries the bearer token, which is random, new with each start, and in a file that only the owner reads;
//! - `Host` must name loopback, so that no foreign name that was made to point here reaches anything (DNS rebinding), and `Origin`, which
//!   browsers add, must be this very address.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, post};
use data_encoding::HEXLOWER;
use futures_util::{SinkExt, StreamExt, future};
use hushwire_types::{Entropy, Secret, rng};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::timeout;

use crate::connection::{self, FAREWELL, Incoming};
use crate::desk::Desk;
use crate::fault::Fault;
use crate::place;
use crate::protocol::{Caller, REQUEST_BYTES};

/// Connections at a time.
const CONNECTIONS: usize = 64;
/// How long a request's head may take.
const HEAD: Duration = Duration::from_secs(10);

/// The bearer token. Prints nothing.
#[derive(Clone)]
pub(crate) struct Token(Arc<Secret<32>>);

impl Token {
    /// A new one, written to `path` for the owner alone.
    pub(crate) fn create(path: &Path, entropy: &dyn Entropy) -> Result<Self, Fault> {
        let token = Secret::new(rng::bytes(entropy));
        place::write_private(path, HEXLOWER.encode(token.expose()).as_bytes())?;
        Ok(Self(Arc::new(token)))
    }

    /// Whether the headers carry it. Compared in constant time.
    fn is_in(&self, headers: &HeaderMap) -> bool {
        let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let given = given.and_then(|value| value.strip_prefix("Bearer "));
        let given = given.and_then(|text| HEXLOWER.decode(text.trim().as_bytes()).ok());
        given.and_then(|bytes| Secret::try_from(bytes.as_slice()).ok()).is_some_and(|given| given == *self.0)
    }
}

#[derive(Clone)]
struct Shared {
    desk: Desk,
    token: Token,
    address: SocketAddr,
    closed: watch::Receiver<bool>,
    /// Dropped with each connection, so that the daemon knows when all have ended.
    open: mpsc::Sender<()>,
}

/// Listens at a loopback address.
pub(crate) async fn listen(address: SocketAddr) -> Result<TcpListener, Fault> {
    if !address.ip().is_loopback() {
        return Err(Fault::usage(format!("{address} is not on loopback: give 127.0.0.1 or ::1")));
    }
    let listener = TcpListener::bind(address).await;
    listener.map_err(|error| Fault::error(format!("{address} cannot be listened at: {error}")))
}

/// Serves until the daemon ends and every connection is closed.
pub(crate) async fn serve(listener: TcpListener, desk: Desk, token: Token, closed: watch::Receiver<bool>) {
    let Ok(address) = listener.local_addr() else { return };
    let (open, mut all_closed) = mpsc::channel(1);
    let shared = Shared { desk: desk.clone(), token, address, closed, open };
    let routes = Router::new()
        .route("/", post(call))
        .route("/ws", any(upgrade))
        .layer(middleware::from_fn_with_state(shared.clone(), guard))
        .layer(DefaultBodyLimit::max(REQUEST_BYTES))
        .with_state(shared);
    let seats = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let next = async {
            let seat = Arc::clone(&seats).acquire_owned().await.ok()?;
            Some((seat, place::accepted(|| listener.accept()).await))
        };
        let next = tokio::select! {
            next = next => next,
            () = desk.stopped() => None,
        };
        let Some((seat, stream)) = next else { break };
        let (routes, desk) = (routes.clone(), desk.clone());
        tokio::spawn(async move {
            connection(stream, routes, desk).await;
            drop(seat);
        });
    }
    drop((listener, routes));
    // Nothing is ever sent: this ends with the last sender.
    let _ = timeout(FAREWELL, all_closed.recv()).await;
}

async fn connection(stream: TcpStream, routes: Router, desk: Desk) {
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEAD);
    let connection = server.serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes));
    let mut connection = std::pin::pin!(connection.with_upgrades());
    // Whoever breaks the connection knows it.
    tokio::select! {
        _ = connection.as_mut() => return,
        () = desk.stopped() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

/// Lets nobody in who does not belong here.
async fn guard(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    if let Err(why) = is_from_here(headers, shared.address) {
        return (StatusCode::FORBIDDEN, why).into_response();
    }
    if !shared.token.is_in(headers) {
        let challenge = [(header::WWW_AUTHENTICATE, "Bearer")];
        return (StatusCode::UNAUTHORIZED, challenge, "the bearer token is missing or wrong\n")
            .into_response();
    }
    next.run(request).await
}

fn is_from_here(headers: &HeaderMap, address: SocketAddr) -> Result<(), &'static str> {
    let text = |name| headers.get(name).map(|value: &header::HeaderValue| value.to_str().unwrap_or_default());
    let host = text(header::HOST).unwrap_or_default();
    let port = address.port();
    let names = [
        address.to_string(),
        format!("localhost:{port}"),
        format!("127.0.0.1:{port}"),
        format!("[::1]:{port}"),
    ];
    if !names.iter().any(|name| name == host) {
        return Err("the Host is not this machine's\n");
    }
    match text(header::ORIGIN) {
        Some(origin) if origin.strip_prefix("http://") != Some(host) => Err("a foreign Origin\n"),
        _ => Ok(()),
    }
}

async fn call(State(shared): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    let is_json = |value: &header::HeaderValue| value.as_bytes().starts_with(b"application/json");
    if !headers.get(header::CONTENT_TYPE).is_some_and(is_json) {
        return (StatusCode::UNSUPPORTED_MEDIA_TYPE, "requests are application/json\n").into_response();
    }
    let text = String::from_utf8_lossy(&body);
    match Caller::new(&shared.desk, None).answer(&text).await {
        Some(answer) => ([(header::CONTENT_TYPE, "application/json")], answer).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    }
}

async fn upgrade(State(shared): State<Shared>, upgrade: WebSocketUpgrade) -> Response {
    let upgrade = upgrade.max_message_size(REQUEST_BYTES).max_frame_size(REQUEST_BYTES);
    upgrade.on_upgrade(move |socket| web_socket(shared, socket))
}

async fn web_socket(shared: Shared, socket: WebSocket) {
    let (outgoing, incoming) = socket.split();
    let outgoing = outgoing.with(|text: String| future::ready(Ok::<_, axum::Error>(Message::from(text))));
    let incoming =
        incoming.filter_map(|message| future::ready(message.map_or(Some(Incoming::TooLong), text)));
    connection::serve(shared.desk, incoming, outgoing, shared.closed).await;
    drop(shared.open);
}

fn text(message: Message) -> Option<Incoming> {
    match message {
        Message::Text(text) => Some(Incoming::Text(text.to_string())),
        Message::Binary(bytes) => Some(Incoming::Text(String::from_utf8_lossy(&bytes).into_owned())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(all: &[(header::HeaderName, &str)]) -> HeaderMap {
        all.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    #[test]
    fn only_this_machine_is_here() {
        let here = "127.0.0.1:4000".parse().unwrap();
        let ok = |all: &[(header::HeaderName, &str)]| is_from_here(&headers(all), here).is_ok();
        assert!(ok(&[(header::HOST, "127.0.0.1:4000")]));
        assert!(ok(&[(header::HOST, "localhost:4000"), (header::ORIGIN, "http://localhost:4000")]));
        for host in [
            "evil.example:4000",
            "evil.example",
            "127.0.0.1:80",
            "127.0.0.1",
            "127.0.0.1.evil.example:4000",
            "",
        ] {
            assert!(!ok(&[(header::HOST, host)]), "{host}");
        }
        for origin in ["http://evil.example", "http://localhost:3000", "https://localhost:4000", "null", ""] {
            assert!(!ok(&[(header::HOST, "localhost:4000"), (header::ORIGIN, origin)]), "{origin}");
        }
        assert!(!ok(&[]));
    }

    #[test]
    fn only_the_token_is_the_token() {
        let token = Token(Arc::new(Secret::new([0xab; 32])));
        let carries = |value: &str| token.is_in(&headers(&[(header::AUTHORIZATION, value)]));
        let right = "ab".repeat(32);
        assert!(carries(&format!("Bearer {right}")));
        for wrong in [
            right.clone(),
            format!("Basic {right}"),
            format!("Bearer {}", "ac".repeat(32)),
            "Bearer ".to_owned(),
            "Bearer ab".to_owned(),
        ] {
            assert!(!carries(&wrong), "{wrong}");
        }
        assert!(!token.is_in(&HeaderMap::new()));
    }
}
