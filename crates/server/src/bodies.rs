//! The HTTPS routes for bodies that do not fit into frames.
//!
//! | route | what it is |
//! | --- | --- |
//! | `PUT /v2/bodies/<digest>` | an upload, which a `SendUploaded` names next |
//! | `GET /v2/mailbox/<seq>` | the body of an entry that waits in the own mailbox |
//! | `GET /v2/groups/<conversation>/<generation>/<epoch>/tree`, `…/info` | what a `ReferredGroup` names |
//!
//! Invariants:
//! - Nothing is read of an upload before its ticket was looked at and its room was taken.
//! - Every wait has a bound: an upload that stalls or crawls is answered and given up, and so is its room.
//! - Every failure is an answer with one sentence and the number of its `ErrorCode`.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use axum::{Extension, Router};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use hushwire_delivery::{Bearer, Peer, Service, Upload};
use hushwire_types::{BodyDigest, ConversationId, Epoch, Generation, Seq};
use hushwire_wire::bodies::{self, GroupPart};
use hushwire_wire::{BodyRef, Error, ErrorCode, limits};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

use crate::node::Node;

/// How long the next bytes of an upload may take.
const CHUNK_DEADLINE: Duration = Duration::from_secs(15);
/// How long a whole upload may take: the largest one at 100 KiB/s.
const UPLOAD_DEADLINE: Duration = Duration::from_secs(125);
/// How long the rest of an upload that is refused is read and thrown away, so that its sender reads the answer.
const REFUSED_DEADLINE: Duration = Duration::from_secs(2);
/// Downloads at once: each holds a body of at most 4 MiB until it is sent.
const DOWNLOADS: usize = 32;
/// When to ask again where there are too many.
const TOO_MANY: Duration = Duration::from_secs(1);
/// Bytes that are handed to a connection at once.
const PIECE: usize = 64 * 1024;

#[derive(Clone)]
struct Shared {
    node: Arc<Node>,
    downloads: Arc<Semaphore>,
}

/// The routes over a node.
pub(crate) fn routes(node: Arc<Node>) -> Router {
    Router::new()
        .route("/v2/bodies/{digest}", put(upload))
        .route("/v2/mailbox/{seq}", get(entry))
        .route("/v2/groups/{conversation}/{generation}/{epoch}/{part}", get(group))
        .with_state(Shared { node, downloads: Arc::new(Semaphore::new(DOWNLOADS)) })
}

async fn upload(
    State(shared): State<Shared>,
    Extension(peer): Extension<Peer>,
    Path(digest): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let mut stream = body.into_data_stream();
    match receive(&shared.node, &peer, &digest, &headers, &mut stream).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => {
            // An answer that comes before the upload has ended is lost with a connection that is cut off in its middle.
            let rest = async { while let Some(Ok(_)) = stream.next().await {} };
            let _ = timeout(REFUSED_DEADLINE, rest).await;
            refusal(&error)
        }
    }
}

async fn receive(
    node: &Node,
    peer: &Peer,
    digest: &str,
    headers: &HeaderMap,
    stream: &mut BodyDataStream,
) -> Result<(), Error> {
    let bearer = bearer(node, peer, headers)?;
    let digest: BodyDigest =
        digest.parse().map_err(|_| malformed("the path does not end in a SHA-256 in base32"))?;
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    let length: u64 = length
        .and_then(|length| length.parse().ok())
        .filter(|length| *length > 0)
        .ok_or_else(|| malformed("an upload says in Content-Length how long it is"))?;
    let most = limits::UPLOAD_BYTES;
    let length =
        u32::try_from(length).ok().filter(|length| usize::try_from(*length).is_ok_and(|it| it <= most));
    let length = length.ok_or_else(|| {
        Error::new(ErrorCode::TooLarge, format!("an upload has at most {most} bytes: send less at once"))
    })?;
    let mut upload = node.service.upload(bearer, BodyRef { digest, length }, node.clock.now())?;
    fill(&mut upload, stream).await?;
    upload.finish(node.clock.now())
}

/// Reads an upload to its end, within its time.
async fn fill(upload: &mut Upload, stream: &mut BodyDataStream) -> Result<(), Error> {
    let end = Instant::now() + UPLOAD_DEADLINE;
    loop {
        let until = end.min(Instant::now() + CHUNK_DEADLINE);
        match timeout_at(until, stream.next()).await {
            Ok(Some(Ok(chunk))) => upload.push(&chunk)?,
            Ok(None) => return Ok(()),
            Ok(Some(Err(_))) => return Err(malformed("the upload broke off")),
            Err(_) => {
                return Err(Error::new(ErrorCode::Unavailable, "the upload was too slow; try again"));
            }
        }
    }
}

async fn entry(
    State(shared): State<Shared>,
    Extension(peer): Extension<Peer>,
    Path(seq): Path<String>,
    headers: HeaderMap,
) -> Response {
    let Ok(seq) = seq.parse().map(Seq) else {
        return refusal(&malformed("the path does not end in a number"));
    };
    let read = move |node: &Node, bearer: Bearer| node.service.entry_body(bearer, seq, node.clock.now());
    download(shared, &peer, &headers, read).await
}

async fn group(
    State(shared): State<Shared>,
    Extension(peer): Extension<Peer>,
    Path((conversation, generation, epoch, part)): Path<(String, String, String, String)>,
    headers: HeaderMap,
) -> Response {
    let at = || -> Option<(ConversationId, Generation, Epoch)> {
        let generation = generation.parse().ok().map(Generation)?;
        Some((conversation.parse().ok()?, generation, Epoch(epoch.parse().ok()?)))
    };
    let (Some(at), Some(part)) = (at(), GroupPart::from_name(&part)) else {
        return refusal(&malformed("the path does not name a part of a group"));
    };
    let read = move |node: &Node, bearer: Bearer| node.service.group_part(bearer, at, part, node.clock.now());
    download(shared, &peer, &headers, read).await
}

async fn download(
    shared: Shared,
    peer: &Peer,
    headers: &HeaderMap,
    read: impl FnOnce(&Node, Bearer) -> Result<Bytes, Error> + Send + 'static,
) -> Response {
    let bearer = match bearer(&shared.node, peer, headers) {
        Ok(bearer) => bearer,
        Err(error) => return refusal(&error),
    };
    let Ok(permit) = Arc::clone(&shared.downloads).try_acquire_owned() else {
        let busy = Error::new(ErrorCode::Busy, "too many are fetching at the moment; try again in a moment");
        return refusal(&busy.retry_after(TOO_MANY));
    };
    let node = Arc::clone(&shared.node);
    let body = match tokio::task::spawn_blocking(move || read(&node, bearer)).await {
        Ok(Ok(body)) => body,
        Ok(Err(error)) => return refusal(&error),
        Err(_) => {
            return refusal(&Error::new(ErrorCode::Internal, "the server made a mistake; try again later"));
        }
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
        (header::CONTENT_LENGTH, HeaderValue::from(body.len())),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (headers, Body::from_stream(pieces(body, permit))).into_response()
}

/// The bytes in pieces; the permit is given back after the last one, or with the connection.
fn pieces(
    body: Bytes,
    permit: OwnedSemaphorePermit,
) -> impl futures_util::Stream<Item = Result<Bytes, std::convert::Infallible>> {
    stream::unfold((body, permit), |(mut rest, permit)| async move {
        let piece = rest.split_to(rest.len().min(PIECE));
        (!piece.is_empty()).then_some((Ok(piece), (rest, permit)))
    })
}

fn bearer(node: &Node, peer: &Peer, headers: &HeaderMap) -> Result<Bearer, Error> {
    let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let ticket = shown.and_then(bodies::ticket);
    let service: &Service = &node.service;
    service.bearer(ticket.as_ref(), peer, node.clock.now())
}

fn malformed(text: &str) -> Error {
    Error::new(ErrorCode::Malformed, text)
}

fn refusal(error: &Error) -> Response {
    let mut response = (status(error.code), format!("{}\n", error.text)).into_response();
    let headers = response.headers_mut();
    headers.insert(bodies::ERROR_HEADER, HeaderValue::from(error.code.code()));
    if let Some(wait) = error.retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
    }
    response
}

const fn status(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorCode::NotLoggedIn => StatusCode::UNAUTHORIZED,
        ErrorCode::NotAMember => StatusCode::FORBIDDEN,
        ErrorCode::BodyMissing | ErrorCode::UnknownConversation => StatusCode::NOT_FOUND,
        ErrorCode::StaleEpoch | ErrorCode::FutureEpoch | ErrorCode::ClosedGeneration => StatusCode::CONFLICT,
        ErrorCode::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::Busy | ErrorCode::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::BAD_REQUEST,
    }
}
