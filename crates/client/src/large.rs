//! Turns references into bodies before the engine sees them, and requests that are too large into uploads.
//!
//! Invariants:
//! - What the stream brings reaches the engine in its order: behind an entry whose body is being fetched everything
//!   waits, so nothing after it is stored or acknowledged before it is.
//! - Sends leave in their order: behind one that is being uploaded the later ones wait.
//! - All of it belongs to one connection and goes with it. The engine asks again on the next one, and the stream begins
//!   again after what was acknowledged.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use hushwire_engine::{Input, Tag};
use hushwire_types::{Entropy, Seq};
use hushwire_wire::bodies::{self, GroupPart};
use hushwire_wire::{
    self as wire, BodyRef, EntryKind, ErrorCode, Opaque, ReferredGroup, Request, SendUploaded, frame,
};

use crate::backoff::Backoff;
use crate::transfer::{SideLine, TransferError};

/// Something that the stream brought.
pub(crate) enum Pushed {
    Entry(wire::Entry),
    Listening(Seq),
}

/// A transfer has ended.
pub(crate) enum Transferred {
    Upload(Tag, Result<SendUploaded, TransferError>),
    Entry(Result<Box<wire::Entry>, TransferError>),
    Group(Tag, Result<Box<wire::Group>, TransferError>),
}

type Transfer = Pin<Box<dyn Future<Output = Transferred> + Send>>;

/// The transfers of one connection, and what waits for them.
pub(crate) struct Transfers {
    side: Option<Arc<SideLine>>,
    entropy: Arc<dyn Entropy>,
    running: FuturesUnordered<Transfer>,
    stream: VecDeque<Pushed>,
    fetching: bool,
    sends: VecDeque<(Tag, Request)>,
    uploading: bool,
}

impl Transfers {
    /// Beside a connection; without a side line, bodies can neither go nor come.
    pub(crate) fn new(side: Option<Arc<SideLine>>, entropy: Arc<dyn Entropy>) -> Self {
        Self {
            side,
            entropy,
            running: FuturesUnordered::new(),
            stream: VecDeque::new(),
            fetching: false,
            sends: VecDeque::new(),
            uploading: false,
        }
    }

    /// Whether nothing is under way and nothing waits.
    pub(crate) fn is_idle(&self) -> bool {
        self.running.is_empty() && self.stream.is_empty() && self.sends.is_empty()
    }

    /// The next transfer that ends; never, where none is under way. Safe to cancel.
    pub(crate) async fn next(&mut self) -> Transferred {
        match self.running.next().await {
            Some(transferred) => transferred,
            None => std::future::pending().await,
        }
    }

    /// What of the stream the engine gets now.
    pub(crate) fn pushed(&mut self, pushed: impl IntoIterator<Item = Pushed>) -> Vec<Input> {
        self.stream.extend(pushed);
        self.flow()
    }

    /// An entry has its body: it and what waited for it.
    pub(crate) fn fetched(&mut self, entry: wire::Entry) -> Vec<Input> {
        self.fetching = false;
        self.stream.push_front(Pushed::Entry(entry));
        self.flow()
    }

    fn flow(&mut self) -> Vec<Input> {
        let (mut inputs, mut entries) = (Vec::new(), Vec::new());
        while !self.fetching {
            match self.stream.pop_front() {
                None => break,
                Some(Pushed::Entry(entry)) if matches!(entry.kind, EntryKind::Referred(_)) => {
                    self.fetch(entry)
                }
                Some(Pushed::Entry(entry)) => entries.push(entry),
                Some(Pushed::Listening(through)) => {
                    give(&mut inputs, &mut entries);
                    inputs.push(Input::Listening(through));
                }
            }
        }
        give(&mut inputs, &mut entries);
        inputs
    }

    fn fetch(&mut self, entry: wire::Entry) {
        self.fetching = true;
        let (side, entropy) = (self.side.clone(), Arc::clone(&self.entropy));
        self.running.push(Box::pin(async move {
            Transferred::Entry(fetch_entry(side, entry, &*entropy).await.map(Box::new))
        }));
    }

    /// Fetches what a group's answer refers to.
    pub(crate) fn fetch_group(&mut self, tag: Tag, group: ReferredGroup) {
        let side = self.side.clone();
        self.running.push(Box::pin(async move {
            Transferred::Group(tag, fetch_group(side, &group).await.map(Box::new))
        }));
    }

    /// What may be sent now of a request of the engine: itself, or nothing yet.
    pub(crate) fn send(&mut self, tag: Tag, request: Request) -> Vec<(Tag, Request)> {
        if !matches!(tag, Tag::Send(_)) {
            return vec![(tag, request)];
        }
        self.sends.push_back((tag, request));
        self.drain()
    }

    /// An upload has ended, well or not: what may be sent now.
    pub(crate) fn uploaded(&mut self) -> Vec<(Tag, Request)> {
        self.uploading = false;
        self.drain()
    }

    fn drain(&mut self) -> Vec<(Tag, Request)> {
        let mut now = Vec::new();
        while !self.uploading {
            let Some((tag, request)) = self.sends.pop_front() else { break };
            if frame::needs_upload(&request) {
                self.upload(tag, &request);
            } else {
                now.push((tag, request));
            }
        }
        now
    }

    fn upload(&mut self, tag: Tag, request: &Request) {
        self.uploading = true;
        let (side, bytes) = (self.side.clone(), frame::encode_whole(request));
        self.running.push(Box::pin(async move {
            let upload = async {
                let too_large = |error: frame::EncodeError| {
                    TransferError::Refused(wire::Error::new(ErrorCode::TooLarge, error.to_string()))
                };
                let upload = there(side)?.upload(bytes.map_err(too_large)?).await?;
                Ok(SendUploaded { upload })
            };
            Transferred::Upload(tag, upload.await)
        }));
    }
}

/// Entries of one batch, where there are any.
fn give(inputs: &mut Vec<Input>, entries: &mut Vec<wire::Entry>) {
    if !entries.is_empty() {
        inputs.push(Input::Deliveries(std::mem::take(entries)));
    }
}

fn there(side: Option<Arc<SideLine>>) -> Result<Arc<SideLine>, TransferError> {
    side.ok_or_else(|| {
        let text = "this server does not carry messages of this size: it must be upgraded";
        TransferError::Refused(wire::Error::new(ErrorCode::TooLarge, text))
    })
}

/// Fetches the body of an entry, for as long as that may work.
async fn fetch_entry(
    side: Option<Arc<SideLine>>,
    entry: wire::Entry,
    entropy: &dyn Entropy,
) -> Result<wire::Entry, TransferError> {
    let EntryKind::Referred(referred) = entry.kind else { return Ok(entry) };
    let (side, path, mut backoff) = (there(side)?, bodies::entry_path(entry.seq), Backoff::default());
    loop {
        let error = match side.download(&path, referred.body).await {
            Ok(bytes) => return Ok(wire::Entry { kind: referred.with_body(Opaque::new(bytes)), ..entry }),
            Err(error) => error,
        };
        let Some(asked) = error.retry_after() else { return Err(error) };
        tracing::debug!(%error, "the body of a message could not be fetched yet");
        tokio::time::sleep(backoff.failed(entropy).max(asked)).await;
    }
}

async fn fetch_group(
    side: Option<Arc<SideLine>>,
    group: &ReferredGroup,
) -> Result<wire::Group, TransferError> {
    let ReferredGroup { conversation_id, generation, epoch, group_info, ratchet_tree } = *group;
    let side = there(side)?;
    let part = async |part: GroupPart, body: BodyRef| {
        let path = bodies::group_path(conversation_id, generation, epoch, part);
        side.download(&path, body).await.map(Opaque::new)
    };
    let group_info = match group_info {
        Some(body) => Some(part(GroupPart::Info, body).await.map_err(moved_on)?),
        None => None,
    };
    let ratchet_tree = part(GroupPart::Tree, ratchet_tree).await?;
    Ok(wire::Group { conversation_id, generation, epoch, group_info, ratchet_tree })
}

/// The group may have moved on since its answer, which is no failure: it is asked for again.
fn moved_on(error: TransferError) -> TransferError {
    match error {
        TransferError::Refused(error) if error.code == ErrorCode::StaleEpoch => {
            TransferError::Refused(wire::Error { code: ErrorCode::Busy, ..error })
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use hushwire_types::{
        BodyDigest, ConversationId, Epoch, Generation, Order, OsEntropy, Secret, SendSeq, Timestamp,
    };
    use hushwire_wire::{Referred, ReferredEntry, SendCommit, SendMessage, limits};
    use sha2::{Digest, Sha256};

    use super::*;
    use crate::canned::{answer, serve};

    const BODY: &[u8] = b"a Welcome of many devices";

    fn entry(seq: u64, kind: EntryKind) -> wire::Entry {
        let conversation_id = ConversationId::new([1; 32]);
        let place = wire::Place { conversation_id, generation: Generation(1), order: Some(Order(seq)) };
        wire::Entry { seq: Seq(seq), accepted_at: Timestamp::from_ms(1), place: Some(place), kind }
    }

    fn referred(seq: u64) -> wire::Entry {
        let digest = BodyDigest::new(Sha256::digest(BODY).into());
        let body = BodyRef { digest, length: u32::try_from(BODY.len()).unwrap() };
        entry(seq, EntryKind::Referred(ReferredEntry { of: Referred::Welcome { epoch: Epoch(1) }, body }))
    }

    fn text(seq: u64) -> wire::Entry {
        entry(seq, EntryKind::Application(Opaque::from(vec![0; 9])))
    }

    async fn transfers(answers: Vec<Vec<u8>>) -> (Transfers, tokio::task::JoinHandle<Vec<String>>) {
        let (address, serving) = serve(answers).await;
        let side = SideLine::new(address, None, Secret::new([3; 32]));
        (Transfers::new(Some(side), Arc::new(OsEntropy)), serving)
    }

    fn seqs(inputs: &[Input]) -> Vec<u64> {
        let numbers = inputs.iter().flat_map(|input| match input {
            Input::Deliveries(entries) => entries.iter().map(|entry| entry.seq.0).collect(),
            Input::Listening(_) => vec![0],
            _ => panic!("nothing of the stream: {input:?}"),
        });
        numbers.collect()
    }

    #[tokio::test]
    async fn everything_waits_behind_a_body_that_comes_at_the_second_try() {
        let busy = answer("503 Service Unavailable", "hushwire-error: 7\r\nRetry-After: 0\r\n", b"busy");
        let (mut transfers, serving) = transfers(vec![busy, answer("200 OK", "", BODY)]).await;
        let pushed = [text(1), referred(2), text(3)].map(Pushed::Entry);
        assert_eq!(seqs(&transfers.pushed(pushed)), [1]);
        assert!(transfers.pushed([Pushed::Entry(text(4)), Pushed::Listening(Seq(4))]).is_empty());
        let Transferred::Entry(Ok(entry)) = transfers.next().await else { panic!("not fetched") };
        assert!(matches!(&entry.kind, EntryKind::Welcome(welcome) if *welcome.welcome == *BODY));
        assert_eq!(seqs(&transfers.fetched(*entry)), [2, 3, 4, 0]);
        assert!(transfers.is_idle());
        assert_eq!(serving.await.unwrap(), ["GET /v2/mailbox/2 HTTP/1.1"; 2]);
    }

    #[tokio::test]
    async fn a_body_that_is_gone_or_a_lie_ends_the_connection_at_once() {
        let missing = answer("404 Not Found", "hushwire-error: 22\r\n", b"gone");
        for answered in [missing, answer("200 OK", "", b"another Welcome of many..")] {
            let (mut transfers, serving) = transfers(vec![answered]).await;
            assert!(transfers.pushed([Pushed::Entry(referred(2)), Pushed::Entry(text(3))]).is_empty());
            let Transferred::Entry(Err(error)) = transfers.next().await else { panic!("fetched") };
            assert!(error.retry_after().is_none(), "{error}");
            assert!(!transfers.is_idle(), "what came behind it is not given out");
            assert_eq!(serving.await.unwrap().len(), 1, "asked again");
        }
    }

    #[tokio::test]
    async fn later_sends_wait_for_an_upload() {
        let (mut transfers, serving) = transfers(vec![answer("200 OK", "", b"")]).await;
        let id = ConversationId::new([1; 32]);
        let commit = SendCommit {
            send_seq: SendSeq(1),
            conversation_id: id,
            generation: Generation(1),
            epoch: Epoch(1),
            commit: vec![1; limits::MESSAGE_BYTES + 1].into(),
            group_info: vec![1; 9].into(),
            welcome: None,
        };
        let message = SendMessage {
            send_seq: SendSeq(2),
            conversation_id: id,
            generation: Generation(1),
            epoch: Epoch(1),
            body: vec![1; 9].into(),
        };
        assert!(transfers.send(Tag::Send(SendSeq(1)), commit.into()).is_empty());
        assert!(transfers.send(Tag::Send(SendSeq(2)), message.into()).is_empty());
        let Transferred::Upload(tag, Ok(_)) = transfers.next().await else { panic!("not uploaded") };
        assert_eq!(tag, Tag::Send(SendSeq(1)));
        let ready: Vec<Tag> = transfers.uploaded().into_iter().map(|(tag, _)| tag).collect();
        assert_eq!(ready, [Tag::Send(SendSeq(2))]);
        assert!(serving.await.unwrap()[0].starts_with("PUT /v2/bodies/"));
    }
}
