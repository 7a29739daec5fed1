//! Bodies that do not fit into frames, by HTTPS, for one logged-in connection.
//!
//! Invariants:
//! - What answers must show the very certificate that the WebSocket's channel was made with, which proved itself by the
//!   channel binding (rule R6). Until it has, nothing is sent, the ticket least of all.
//! - What comes is what its digest says, or the server lies.
//! - Every wait has a bound, and so have the bytes that are read.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hushwire_types::{BodyDigest, Secret};
use hushwire_wire::{self as wire, BodyRef, ErrorCode, bodies, limits};
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_LENGTH, HOST, HeaderMap, HeaderValue, RETRY_AFTER};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::connect::{self, ConnectError, ServerAddress};

/// How long the server may take to begin its answer, and between two parts of it.
const STALL_DEADLINE: Duration = Duration::from_secs(30);
/// How long one transfer may take: the largest upload at 100 KiB/s, which is what the server gives it.
const TRANSFER_DEADLINE: Duration = Duration::from_secs(130);
/// Transfers at once.
const AT_ONCE: usize = 2;

/// Why a body did not go up or come down.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TransferError {
    /// The server said why.
    #[error("the server says: {}", hushwire_content::display::line(&.0.text))]
    Refused(wire::Error),
    /// Nobody answered, or too slowly, or not to the end. Try again.
    #[error("a large message could not be transferred: {0}")]
    Network(String),
    /// Somebody else answers at the server's address. Connect and prove anew.
    #[error("what answered at the server's address showed another certificate than before")]
    OtherCertificate,
    /// The server gave something else than it had named.
    #[error(
        "the server gave other bytes than it had announced: do not trust it until its operator has explained that"
    )]
    Lie,
}

impl TransferError {
    /// Whether the same transfer may work later on the same connection, and when at the soonest.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Network(_) => Some(Duration::ZERO),
            Self::Refused(error) => match error.code {
                ErrorCode::RateLimited | ErrorCode::Busy | ErrorCode::Unavailable | ErrorCode::Internal => {
                    Some(error.retry_after.unwrap_or_default())
                }
                _ => None,
            },
            Self::OtherCertificate | Self::Lie => None,
        }
    }

    /// The answer to a request that could not be made or completed because of this.
    pub(crate) fn into_error(self) -> wire::Error {
        match self {
            Self::Refused(error) => error,
            other => wire::Error::new(ErrorCode::Unavailable, other.to_string()),
        }
    }
}

impl From<ConnectError> for TransferError {
    fn from(error: ConnectError) -> Self {
        Self::Network(error.to_string())
    }
}

/// The way for bodies beside one logged-in connection.
pub(crate) struct SideLine {
    address: ServerAddress,
    certificate: Option<[u8; 32]>,
    ticket: Secret<32>,
    seats: Semaphore,
}

impl SideLine {
    /// Beside a connection over a channel with this certificate (none in clear text on loopback).
    pub(crate) fn new(
        address: ServerAddress,
        certificate: Option<[u8; 32]>,
        ticket: Secret<32>,
    ) -> Arc<Self> {
        Arc::new(Self { address, certificate, ticket, seats: Semaphore::new(AT_ONCE) })
    }

    /// Brings bytes up; what names them afterwards.
    pub(crate) async fn upload(&self, bytes: Bytes) -> Result<BodyRef, TransferError> {
        let digest = BodyDigest::new(Sha256::digest(&bytes).into());
        let too_large = |_| TransferError::Refused(wire::Error::new(ErrorCode::TooLarge, "too large"));
        let length = u32::try_from(bytes.len()).map_err(too_large)?;
        self.transfer(Method::PUT, &bodies::upload_path(digest), bytes, 0).await?;
        Ok(BodyRef { digest, length })
    }

    /// Fetches what `body` names.
    pub(crate) async fn download(&self, path: &str, body: BodyRef) -> Result<Bytes, TransferError> {
        let most = body.size().min(limits::BODY_BYTES);
        let bytes = self.transfer(Method::GET, path, Bytes::new(), most).await?;
        let digest: [u8; 32] = Sha256::digest(&bytes).into();
        if bytes.len() == body.size() && digest == *body.digest.as_bytes() {
            Ok(bytes)
        } else {
            Err(TransferError::Lie)
        }
    }

    async fn transfer(
        &self,
        method: Method,
        path: &str,
        bytes: Bytes,
        most: usize,
    ) -> Result<Bytes, TransferError> {
        // The semaphore is never closed.
        let _seat = self.seats.acquire().await.map_err(network)?;
        let exchange = Box::pin(self.exchange(method, path, bytes, most));
        timeout(TRANSFER_DEADLINE, exchange)
            .await
            .map_err(|_| network(format!("it took more than {} s", TRANSFER_DEADLINE.as_secs())))?
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        bytes: Bytes,
        most: usize,
    ) -> Result<Bytes, TransferError> {
        let server = format!("{}:{}", self.address.host, self.address.port);
        let (stream, channel) = connect::open(&self.address, &server).await?;
        if channel.certificate != self.certificate {
            return Err(TransferError::OtherCertificate);
        }
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(network)?;
        // Ends with the sender.
        let driving = Driving(tokio::spawn(async move {
            let _ = connection.await;
        }));
        let mut authorization =
            HeaderValue::from_str(&bodies::authorization(&self.ticket)).map_err(network)?;
        authorization.set_sensitive(true);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, server)
            .header(AUTHORIZATION, authorization)
            .header(CONTENT_LENGTH, bytes.len())
            .body(Full::new(bytes))
            .map_err(network)?;
        let response = sender.send_request(request).await.map_err(network)?;
        let answered = answer(response, most).await;
        drop(driving);
        answered
    }
}

/// The task that drives an HTTP connection: cut off when the transfer is over, however it ended.
struct Driving(tokio::task::JoinHandle<()>);

impl Drop for Driving {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn answer(response: Response<Incoming>, most: usize) -> Result<Bytes, TransferError> {
    let (head, body) = response.into_parts();
    if head.status.is_success() {
        return read(body, most).await;
    }
    let text = read(body, limits::TEXT_BYTES).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&text).trim().to_owned();
    match code(&head.headers) {
        Some(code) => {
            let mut error = wire::Error::new(code, text);
            error.retry_after = retry_after(&head.headers);
            Err(TransferError::Refused(error))
        }
        None => Err(network(format!("it was answered with {}", head.status))),
    }
}

/// Reads at most so many bytes: more of them are none that were announced.
async fn read(mut body: Incoming, most: usize) -> Result<Bytes, TransferError> {
    let mut bytes = Vec::new();
    loop {
        let frame = timeout(STALL_DEADLINE, body.frame()).await;
        let frame = match frame.map_err(|_| network("it stalled"))? {
            Some(frame) => frame.map_err(network)?,
            None => return Ok(bytes.into()),
        };
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len().saturating_add(data.len()) > most {
            return Err(TransferError::Lie);
        }
        bytes.extend_from_slice(&data);
    }
}

fn code(headers: &HeaderMap) -> Option<ErrorCode> {
    let number = headers.get(bodies::ERROR_HEADER)?.to_str().ok()?.parse().ok()?;
    Some(ErrorCode::from_code(number))
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok().map(Duration::from_secs)
}

fn network(reason: impl std::fmt::Display) -> TransferError {
    TransferError::Network(reason.to_string())
}

#[cfg(test)]
mod tests {
    use hushwire_server::{Config, Server};

    use super::*;
    use crate::canned::{answer, here, serve};
    use crate::connect::Transport;

    const TICKET: [u8; 32] = [3; 32];

    fn named(bytes: &[u8]) -> BodyRef {
        let digest = BodyDigest::new(Sha256::digest(bytes).into());
        BodyRef { digest, length: u32::try_from(bytes.len()).unwrap() }
    }

    async fn download(answered: Vec<u8>, body: BodyRef) -> Result<Bytes, TransferError> {
        let (address, serving) = serve(vec![answered]).await;
        let side = SideLine::new(address, None, Secret::new(TICKET));
        let fetched = side.download("/v2/mailbox/7", body).await;
        assert_eq!(serving.await.unwrap(), ["GET /v2/mailbox/7 HTTP/1.1"]);
        fetched
    }

    #[tokio::test]
    async fn bytes_that_were_not_announced_are_a_lie() {
        let (body, other) = (b"a large Commit".as_slice(), b"another Commit".as_slice());
        assert_eq!(download(answer("200 OK", "", body), named(body)).await.unwrap(), body);
        let lies = [
            (other, "of the same length"),
            (b"a large".as_slice(), "too few"),
            (b"a large Commit and more".as_slice(), "too many"),
            (b"".as_slice(), "none"),
        ];
        for (lie, how) in lies {
            let fetched = download(answer("200 OK", "", lie), named(body)).await;
            assert!(matches!(fetched, Err(TransferError::Lie)), "{how}: {fetched:?}");
        }
        // Cut off in the middle: nobody's lie, and worth another try.
        let mut cut = answer("200 OK", "", body);
        cut.truncate(cut.len() - 3);
        let fetched = download(cut, named(body)).await;
        assert!(matches!(&fetched, Err(error) if error.retry_after().is_some()), "{fetched:?}");
    }

    #[tokio::test]
    async fn a_refusal_says_whether_to_try_again() {
        let busy = answer("503 Service Unavailable", "hushwire-error: 7\r\nRetry-After: 2\r\n", b"busy");
        let error = download(busy, named(b"body")).await.unwrap_err();
        let TransferError::Refused(refused) = &error else { panic!("{error:?}") };
        assert_eq!(error.retry_after(), refused.retry_after, "{refused:?}");
        let missing = answer("404 Not Found", "hushwire-error: 22\r\n", b"not here any more");
        let error = download(missing, named(b"body")).await.unwrap_err();
        assert!(error.retry_after().is_none());
        assert!(matches!(&error, TransferError::Refused(error) if error.code == ErrorCode::BodyMissing));
        assert_eq!(error.to_string(), "the server says: not here any more");
    }

    #[tokio::test]
    async fn r6_another_certificate_gets_no_ticket() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::dev(folder.path().join("server"));
        let server =
            Server::start(&Config { listen: "127.0.0.1:0".parse().unwrap(), ..config }).await.unwrap();
        let address = here(server.address(), Transport::Tls);
        let (_, channel) = connect::open(&address, "the server").await.unwrap();
        let fetch = async |certificate| {
            let side = SideLine::new(address.clone(), certificate, Secret::new(TICKET));
            side.download("/v2/mailbox/7", named(b"body")).await.unwrap_err()
        };
        let proved = fetch(channel.certificate).await;
        assert!(
            matches!(&proved, TransferError::Refused(error) if error.code == ErrorCode::NotLoggedIn),
            "{proved:?}"
        );
        for foreign in [Some([9; 32]), None] {
            let error = fetch(foreign).await;
            assert!(matches!(error, TransferError::OtherCertificate), "{error:?}");
            assert!(error.retry_after().is_none());
        }
        server.stop().await;
    }
}
