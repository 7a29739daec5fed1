//! People who write to each other, or into groups, through a server: as fast as it answers, or at a given rate.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use hdrhistogram::Histogram;
use hushwire_types::{Entropy, Epoch, Generation, OsEntropy, SendSeq, Seq, rng};
use hushwire_wire::{EntryKind, ErrorCode, MessageReceived, Opaque, Response, SendMessage};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::line::{Line, Sink, Source};
use crate::people::Chat;
use crate::sizes::Sizes;

/// Bytes of a message's MLSMessage where all are alike.
pub const MESSAGE_BYTES: usize = 1024;
/// How long all messages of a run may take to arrive once the last was sent.
const GRACE: Duration = Duration::from_secs(30);

/// What came of a run.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Messages that the server accepted, durably, within the measured time.
    pub accepted: u64,
    /// Messages that the server had no room for at that moment, all of it counted.
    pub busy: u64,
    /// Messages that receivers had when the run ended, all of it counted.
    pub received: u64,
    /// Deliveries of messages that were sent within the measured time.
    pub delivered: u64,
    /// Messages that were sent, all of it counted.
    pub sent: u64,
    /// Messages of each talk that the server accepted, all of it counted, in the order of the talks.
    pub accepted_by: Vec<u64>,
    /// The measured time.
    pub elapsed: Duration,
    /// From the sending to the delivery, in microseconds, of messages sent in the measured time.
    pub latency: Histogram<u64>,
}

/// How the load comes.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// As many unanswered messages of each pair, always.
    Closed {
        /// How many.
        in_flight: u64,
    },
    /// So many messages a second of all pairs together, whatever the server does.
    Open {
        /// How many.
        per_second: u64,
    },
}

/// Who reads what is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// All receivers are connected and acknowledge.
    There,
    /// Nobody is.
    Away,
}

/// How people write.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// The number of each sender's first send.
    pub first: SendSeq,
    /// How the load comes.
    pub shape: Shape,
    /// How long the messages are.
    pub sizes: Sizes,
    /// Who reads them.
    pub readers: Readers,
    /// Time before anything is counted.
    pub warm_up: Duration,
    /// The measured time.
    pub measured: Duration,
}

impl Plan {
    /// Messages of [`MESSAGE_BYTES`] to receivers who are there.
    #[must_use]
    pub const fn new(first: SendSeq, shape: Shape, warm_up: Duration, measured: Duration) -> Self {
        let sizes = Sizes::Fixed(MESSAGE_BYTES);
        Self { first, shape, sizes, readers: Readers::There, warm_up, measured }
    }
}

struct Shared {
    begin: Instant,
    sizes: Sizes,
    readers: Readers,
    /// Tells the messages of this run from those of another one that were not acknowledged.
    run: [u8; 8],
    /// What ciphertexts are filled with: drawn once, so that the generator's time goes into what is measured.
    filler: Vec<u8>,
    /// Counting begins here, after a warm-up.
    from: Duration,
    until: Duration,
    accepted: AtomicU64,
    busy: AtomicU64,
    sent: AtomicU64,
    /// Deliveries that follow from what was sent.
    due: AtomicU64,
    received: AtomicU64,
}

impl Shared {
    fn new(plan: &Plan) -> Self {
        let mut filler = vec![0; plan.sizes.longest()];
        OsEntropy.fill(&mut filler);
        Self {
            begin: Instant::now(),
            sizes: plan.sizes,
            readers: plan.readers,
            run: rng::bytes(&OsEntropy),
            filler,
            from: plan.warm_up,
            until: plan.warm_up + plan.measured,
            accepted: AtomicU64::new(0),
            busy: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            due: AtomicU64::new(0),
            received: AtomicU64::new(0),
        }
    }

    /// Of each message of this talk.
    fn deliveries(&self, talk: &Chat) -> u64 {
        if self.readers == Readers::There { talk.receivers.len() as u64 } else { 0 }
    }

    fn counts(&self, at: Duration) -> bool {
        at >= self.from && at < self.until
    }
}

/// Lets all talks write as planned, and waits until everything has arrived.
///
/// # Errors
/// A connection broke, a message was refused, or one did not arrive.
pub async fn run(address: SocketAddr, talks: &[Chat], plan: Plan) -> Result<Outcome> {
    let mut lines = Vec::new();
    for talk in talks {
        let mut receivers = Vec::new();
        for receiver in talk.receivers.iter().filter(|_| plan.readers == Readers::There) {
            receivers.push(Line::open(address, receiver).await?);
        }
        lines.push((Line::open(address, &talk.sender).await?, receivers));
    }
    let shared = Arc::new(Shared::new(&plan));
    let (done, is_done) = watch::channel(false);
    let (mut senders, mut receivers) = (JoinSet::new(), JoinSet::new());
    for (index, (talk, (sender, lines))) in talks.iter().zip(lines).enumerate() {
        let pace = Pace::of(plan.shape, index, talks.len());
        let writing = write(Arc::clone(&shared), sender, talk.clone(), plan.first, pace);
        senders.spawn(async move { Ok::<_, anyhow::Error>((index, writing.await?)) });
        for receiver in lines {
            receivers.spawn(read(Arc::clone(&shared), receiver, is_done.clone()));
        }
    }
    let mut accepted_by = vec![0; talks.len()];
    while let Some(ended) = senders.join_next().await {
        let (index, accepted) = ended??;
        if let Some(of) = accepted_by.get_mut(index) {
            *of = accepted;
        }
    }
    let arrived = async {
        while shared.received.load(Ordering::Relaxed) < shared.due.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let arrived = tokio::time::timeout(GRACE, arrived).await;
    let _ = done.send(true);
    let mut latency = histogram()?;
    while let Some(ended) = receivers.join_next().await {
        latency.add(ended??)?;
    }
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    if arrived.is_err() {
        bail!("{} of {} messages arrived", count(&shared.received), count(&shared.due));
    }
    Ok(Outcome {
        accepted: count(&shared.accepted),
        busy: count(&shared.busy),
        received: count(&shared.received),
        delivered: latency.len(),
        sent: count(&shared.sent),
        accepted_by,
        elapsed: plan.measured,
        latency,
    })
}

pub(crate) fn histogram() -> Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1, 60_000_000, 3)?)
}

/// When a sender writes.
#[derive(Debug, Clone, Copy)]
enum Pace {
    InFlight(u64),
    /// The first one after `offset`, then one every `every`.
    Every {
        every: Duration,
        offset: Duration,
    },
}

impl Pace {
    fn of(shape: Shape, index: usize, pairs: usize) -> Self {
        match shape {
            Shape::Closed { in_flight } => Self::InFlight(in_flight),
            Shape::Open { per_second } => {
                let pairs = u32::try_from(pairs).unwrap_or(u32::MAX);
                let every = Duration::from_secs(1) * pairs / u32::try_from(per_second).unwrap_or(u32::MAX);
                let offset = every * u32::try_from(index).unwrap_or(0) / pairs;
                Self::Every { every, offset }
            }
        }
    }
}

/// How many messages were accepted.
async fn write(shared: Arc<Shared>, line: Line, talk: Chat, first: SendSeq, pace: Pace) -> Result<u64> {
    let Line { mut sink, source, .. } = line;
    let (answers, mut answered) = mpsc::unbounded_channel();
    let listening = tokio::spawn(hear(source, answers));
    let mut next = first.0;
    let (mut unanswered, mut accepted) = (0_u64, 0_u64);
    let mut due = Duration::ZERO;
    loop {
        let now = shared.begin.elapsed();
        if now >= shared.until {
            break;
        }
        match pace {
            Pace::InFlight(most) => {
                while unanswered < most {
                    say(&shared, &mut sink, &talk, next).await?;
                    (next, unanswered) = (next + 1, unanswered + 1);
                }
                sink.flush().await?;
                let got = answered.recv().await.context("the connection ended")?;
                accepted += note(&shared, &talk, got, &mut unanswered)?;
                while let Ok(got) = answered.try_recv() {
                    accepted += note(&shared, &talk, got, &mut unanswered)?;
                }
            }
            Pace::Every { every, offset } => {
                let at = offset + due;
                if at > now {
                    tokio::time::sleep(at.saturating_sub(now)).await;
                }
                say(&shared, &mut sink, &talk, next).await?;
                sink.flush().await?;
                (next, unanswered, due) = (next + 1, unanswered + 1, due + every);
                while let Ok(got) = answered.try_recv() {
                    accepted += note(&shared, &talk, got, &mut unanswered)?;
                }
            }
        }
    }
    while unanswered > 0 {
        let got = answered.recv().await.context("the connection ended")?;
        accepted += note(&shared, &talk, got, &mut unanswered)?;
    }
    listening.abort();
    Ok(accepted)
}

/// Counts an answer; 1 where a message was accepted.
fn note(shared: &Shared, talk: &Chat, response: Response, unanswered: &mut u64) -> Result<u64> {
    match response {
        Response::MessageSent(_) => {
            *unanswered = unanswered.saturating_sub(1);
            if shared.counts(shared.begin.elapsed()) {
                shared.accepted.fetch_add(1, Ordering::Relaxed);
            }
            Ok(1)
        }
        // What a server says that has too much to do. A client would say it again; here it is counted.
        Response::Error(error) if error.code == ErrorCode::Busy => {
            *unanswered = unanswered.saturating_sub(1);
            shared.busy.fetch_add(1, Ordering::Relaxed);
            shared.due.fetch_sub(shared.deliveries(talk), Ordering::Relaxed);
            Ok(0)
        }
        Response::Error(error) => bail!("a message was refused: {:?}: {}", error.code, error.text),
        _ => Ok(0),
    }
}

async fn hear(mut source: Source, answers: mpsc::UnboundedSender<Response>) {
    while let Ok(frame) = source.next().await {
        if frame.request_id.is_some() && answers.send(frame.response).is_err() {
            return;
        }
    }
}

async fn say(shared: &Shared, sink: &mut Sink, talk: &Chat, number: u64) -> Result<()> {
    let at = shared.begin.elapsed();
    shared.sent.fetch_add(1, Ordering::Relaxed);
    shared.due.fetch_add(shared.deliveries(talk), Ordering::Relaxed);
    sink.feed(SendMessage {
        send_seq: SendSeq(number),
        conversation_id: talk.conversation,
        generation: Generation(1),
        epoch: Epoch(1),
        body: Stamp { run: shared.run, at, number }.message(talk, shared.sizes.of(number), &shared.filler),
    })
    .await
}

/// What stands in a ciphertext of the load, so that whoever receives it knows it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Which run it is of.
    pub(crate) run: [u8; 8],
    /// When it was sent, from the beginning of the run.
    pub(crate) at: Duration,
    /// The sender's number of the message.
    pub(crate) number: u64,
}

impl Stamp {
    /// An MLSMessage with a PrivateMessage (RFC 9420, section 6.3) of the talk's group in epoch 1, whose ciphertext is this and random
    /// bytes; `size` in all.
    pub(crate) fn message(&self, talk: &Chat, size: usize, filler: &[u8]) -> Opaque {
        let mut bytes = Vec::with_capacity(size);
        bytes.extend([0, 1, 0, 2, 32]);
        bytes.extend(talk.group.as_bytes());
        bytes.extend(1_u64.to_be_bytes());
        // Application data; no authenticated data; 28 bytes of encrypted sender data.
        bytes.extend([1, 0, 28]);
        bytes.extend(filler.iter().take(28));
        // A variable-size vector's length (RFC 9420, section 2.1.2), in two bytes or in four.
        let left = size - bytes.len();
        match u16::try_from(left.saturating_sub(2)).ok().filter(|length| *length < 1 << 14) {
            Some(length) => bytes.extend((length | 0x4000).to_be_bytes()),
            None => bytes.extend((u32::try_from(left - 4).unwrap_or(0) | 0x8000_0000).to_be_bytes()),
        }
        bytes.extend(self.run);
        bytes.extend(u64::try_from(self.at.as_nanos()).unwrap_or(u64::MAX).to_be_bytes());
        bytes.extend(self.number.to_be_bytes());
        bytes.extend(filler.iter().take(size - bytes.len()));
        bytes.into()
    }

    /// What stands in a message.
    pub(crate) fn of(body: &[u8]) -> Option<Self> {
        const LENGTH: usize = 4 + 1 + 32 + 8 + 3 + 28;
        let length = body.get(LENGTH..)?;
        let ciphertext = length.get(if length.first()? >> 6 == 1 { 2 } else { 4 }..)?;
        let (run, rest) = ciphertext.split_first_chunk()?;
        let (at, rest) = rest.split_first_chunk()?;
        let number = u64::from_be_bytes(*rest.first_chunk()?);
        Some(Self { run: *run, at: Duration::from_nanos(u64::from_be_bytes(*at)), number })
    }
}

async fn read(shared: Arc<Shared>, line: Line, mut done: watch::Receiver<bool>) -> Result<Histogram<u64>> {
    let Line { mut sink, mut source, incarnation } = line;
    let mut latency = histogram()?;
    loop {
        let frame = tokio::select! {
            frame = source.next() => frame?,
            _ = done.wait_for(|done| *done) => return Ok(latency),
        };
        let Response::Delivery(delivery) = frame.response else { continue };
        let now = shared.begin.elapsed();
        let mut through = Seq(0);
        let mut messages = 0;
        for entry in &delivery.entries {
            through = entry.seq;
            let EntryKind::Application(body) = &entry.kind else { continue };
            let Some(stamp) = Stamp::of(body).filter(|stamp| stamp.run == shared.run) else { continue };
            messages += 1;
            if shared.counts(stamp.at) {
                let micros = u64::try_from(now.saturating_sub(stamp.at).as_micros()).unwrap_or(u64::MAX);
                latency.saturating_record(micros.max(1));
            }
        }
        sink.send(MessageReceived { incarnation, through_seq: through }).await?;
        shared.received.fetch_add(messages, Ordering::Relaxed);
    }
}
