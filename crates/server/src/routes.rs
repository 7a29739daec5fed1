//! What the one port serves: the WebSocket, large bodies, health, and a page for people who open an invite link in a browser.

use std::sync::Arc;

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use hushwire_delivery::Peer;
use hushwire_identity::InviteCode;
use hushwire_wire::limits;
use tokio::sync::watch;

use crate::bodies;
use crate::listener::Seat;
use crate::node::Node;
use crate::socket;

/// Subprotocol of the WebSocket.
const SUBPROTOCOL: &str = "hushwire.v2";
/// Read buffer of a WebSocket: an idle connection keeps it. Most frames fit; what is larger is read in several pieces, which come out of the
/// buffer of TLS without a system call.
const READ_BUFFER: usize = 2 * 1024;
/// Frames gather up to so many bytes before they are written without being flushed: one TLS record. The buffer is made with
/// the first frame and grows with what is in it, so an idle connection does not have it.
const WRITE_BUFFER: usize = 16 * 1024;

#[derive(Clone)]
struct Shared {
    node: Arc<Node>,
    stop: watch::Receiver<bool>,
    fingerprint: Arc<str>,
}

/// The routes over a node. Connections end when `stop` turns true.
pub(crate) fn routes(node: Arc<Node>, stop: watch::Receiver<bool>) -> Router {
    let fingerprint = node.service.server_key();
    let fingerprint = hushwire_identity::Fingerprint::of(&fingerprint).to_string().into();
    Router::new()
        .route("/v2/ws", get(web_socket))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/i/{code}", get(invite_page))
        .with_state(Shared { node: Arc::clone(&node), stop, fingerprint })
        .merge(bodies::routes(node))
}

async fn web_socket(
    State(shared): State<Shared>,
    Extension(peer): Extension<Peer>,
    Extension(seat): Extension<Arc<Seat>>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let upgrade = upgrade
        .protocols([SUBPROTOCOL])
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(4 * limits::FRAME_BYTES)
        // A little above the limit, so that a frame that is too large is answered and not cut off without a word.
        .max_message_size(2 * limits::FRAME_BYTES)
        .max_frame_size(2 * limits::FRAME_BYTES);
    if upgrade.selected_protocol().is_none() {
        return (StatusCode::BAD_REQUEST, "the subprotocol hushwire.v2 is required\n").into_response();
    }
    upgrade.on_upgrade(move |web_socket| {
        let served = socket::serve(shared.node, web_socket, peer, shared.stop);
        async move {
            served.await;
            drop(seat);
        }
    })
}

/// Ready as long as the store answers.
async fn ready(State(shared): State<Shared>) -> (StatusCode, &'static str) {
    let asked = tokio::task::spawn_blocking(move || shared.node.service.is_ready()).await;
    match asked {
        Ok(true) => (StatusCode::OK, "ready\n"),
        Ok(false) | Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the store does not answer\n"),
    }
}

/// Says how to join. The page has no script and asks nobody anything; the link's fingerprint is the server's own word
/// here, so the page says to use the link as it was received.
async fn invite_page(State(shared): State<Shared>, Path(code): Path<String>, headers: HeaderMap) -> Response {
    let Ok(code) = code.parse::<InviteCode>() else {
        return (StatusCode::NOT_FOUND, "This is not an invite. Ask for the link again.\n").into_response();
    };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let host: String = host.chars().filter(|c| c.is_ascii_alphanumeric() || ".:-[]".contains(*c)).collect();
    let link = format!("hush://{host}/i/{code}#{}", shared.fingerprint);
    let page = include_str!("invite.html").replace("{link}", &link);
    let headers = [
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'"),
        ),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (headers, Html(page)).into_response()
}
