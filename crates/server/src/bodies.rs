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
use hushwire_delivery::{Bearer, Peer};
use hushwire_types::{BodyDigest, ConversationId, Epoch, Generation, Seq};
use hushwire_wire::bodies::{self, GroupPart};
use hushwire_wire::{BodyRef, Error, ErrorCode, limits};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

use crate::node::Node;

/// How long an upload may take: its next bytes, and all of it, which is the largest one at 100 KiB/s.
const DEADLINES: Deadlines = Deadlines { next: Duration::from_secs(15), whole: Duration::from_secs(125) };
/// How long the rest of an upload that is refused is read and thrown away, so that its sender reads the answer.
const REFUSED_DEADLINE: Duration = Duration::from_secs(2);
/// Downloads at once: each holds a body of at most 4 MiB until it is sent.
const DOWNLOADS: usize = 32;
/// When to ask again where there are too many.
const TOO_MANY: Duration = Duration::from_secs(1);
/// Bytes that are handed to a connection at once.
const PIECE: usize = 64 * 1024;

/// See [`DEADLINES`].
#[derive(Clone, Copy)]
struct Deadlines {
    next: Duration,
    whole: Duration,
}

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
    fill(|bytes| upload.push(bytes), stream, DEADLINES).await?;
    upload.finish(node.clock.now())
}

/// Reads an upload to its end, within its time.
async fn fill(
    mut take: impl FnMut(&[u8]) -> Result<(), Error>,
    stream: &mut BodyDataStream,
    deadlines: Deadlines,
) -> Result<(), Error> {
    let end = Instant::now() + deadlines.whole;
    loop {
        let until = end.min(Instant::now() + deadlines.next);
        match timeout_at(until, stream.next()).await {
            Ok(Some(Ok(chunk))) => take(&chunk)?,
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
    node.service.bearer(ticket.as_ref(), peer, node.clock.now())
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

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    async fn upload(body: Body, deadlines: Deadlines) -> (usize, Result<(), Error>) {
        let mut bytes = 0;
        let count = |chunk: &[u8]| {
            bytes += chunk.len();
            Ok(())
        };
        let done = fill(count, &mut body.into_data_stream(), deadlines).await;
        (bytes, done)
    }

    /// A first piece, and then nothing, though the connection stays.
    fn stalled() -> Body {
        let first = stream::iter([Ok::<_, std::convert::Infallible>(Bytes::from_static(b"first"))]);
        Body::from_stream(first.chain(stream::pending()))
    }

    #[tokio::test]
    async fn an_upload_that_stalls_is_given_up() {
        let next = Duration::from_millis(20);
        let (bytes, done) = upload(stalled(), Deadlines { next, whole: LONG }).await;
        assert_eq!((bytes, done.unwrap_err().code), (5, ErrorCode::Unavailable));
    }

    #[tokio::test]
    async fn an_upload_that_takes_too_long_is_given_up_however_it_crawls() {
        let whole = Duration::from_millis(20);
        let (_, done) = upload(stalled(), Deadlines { next: LONG, whole }).await;
        let error = done.unwrap_err();
        assert_eq!(
            (error.code, status(error.code)),
            (ErrorCode::Unavailable, StatusCode::SERVICE_UNAVAILABLE)
        );
    }

    #[tokio::test]
    async fn an_upload_that_ends_in_time_is_whole() {
        let (bytes, done) = upload(Body::from(vec![7; 300_000]), DEADLINES).await;
        assert_eq!((bytes, done), (300_000, Ok(())));
    }

    #[tokio::test]
    async fn a_download_gives_its_seat_back_with_the_last_piece_or_when_it_is_dropped() {
        let seats = Arc::new(Semaphore::new(1));
        let seat = || Arc::clone(&seats).try_acquire_owned();
        let body = Bytes::from(vec![7; 3 * PIECE / 2]);
        let sent: Vec<Bytes> = pieces(body.clone(), seat().unwrap()).map(Result::unwrap).collect().await;
        assert_eq!((sent.len(), sent.concat()), (2, body.to_vec()));
        let half_sent = pieces(body, seat().unwrap());
        assert!(seat().is_err());
        drop(half_sent);
        assert!(seat().is_ok());
    }
}
