//! People who keep the delivery promise from their side, and an oracle that looks whether the server keeps it from its own.
//!
//! A sender says everything again, with the same bytes and number, until it is answered; a receiver takes each number of its mailbox once
//! and acknowledges it. Both come back whenever they lose the connection. What must hold whatever happens to the server:
//!
//! - **Nothing that was acknowledged is lost**: in the end each receiver has every message that was answered with `MessageSent`.
//! - **Nothing is there twice**: no message stands under two numbers of a mailbox, however often it was said.
//! - **A mailbox has one life**: its incarnation stays the same, its numbers only grow.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use hdrhistogram::Histogram;
use hushwire_types::{Entropy, Epoch, Generation, IncarnationId, OsEntropy, SendSeq, Seq, rng};
use hushwire_wire::{EntryKind, ErrorCode, MessageReceived, Opaque, Response, SendMessage};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::line::Line;
use crate::load::{MESSAGE_BYTES, Stamp};
use crate::people::{Chat, Person};

/// Messages of one sender that are on their way.
const IN_FLIGHT: usize = 4;
/// After this long without an answer the connection is given up.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(20);
/// How long everything may take to arrive once the machine is well again.
const HEALING: Duration = Duration::from_secs(90);

/// What was seen.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Messages that were acknowledged to their senders.
    pub acknowledged: u64,
    /// Connections that were lost or refused.
    pub broken: u64,
    /// Requests that were answered with an error that says to try again.
    pub put_off: u64,
    /// From the first sending to the delivery, in microseconds.
    pub latency: Histogram<u64>,
    /// Broken promises, each as a sentence.
    pub violations: Vec<String>,
}

/// Everybody at work.
pub struct Crew {
    shared: Arc<Shared>,
    address: watch::Sender<SocketAddr>,
    senders: JoinSet<Result<(usize, u64)>>,
    receivers: JoinSet<Result<()>>,
    mailboxes: Vec<Arc<Mutex<Mailbox>>>,
}

struct Shared {
    begin: Instant,
    run: [u8; 8],
    filler: Vec<u8>,
    every: Duration,
    is_over: AtomicBool,
    broken: AtomicU64,
    put_off: AtomicU64,
    /// What a sender was told last when something did not work.
    trouble: Mutex<String>,
}

/// What one receiver has.
struct Mailbox {
    incarnation: Option<IncarnationId>,
    last: Seq,
    /// Where each message of the run stands.
    taken: BTreeMap<u64, Seq>,
    latency: Histogram<u64>,
    violations: Vec<String>,
}

impl Shared {
    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }
}

impl Crew {
    /// All pairs begin to write, each a message every `every`, as far as it is answered. Their sends are numbered from `first` on.
    ///
    /// # Errors
    /// There are no pairs.
    pub fn start(address: SocketAddr, talks: &[Chat], first: SendSeq, every: Duration) -> Result<Self> {
        if talks.is_empty() {
            bail!("a crew without pairs");
        }
        let mut filler = vec![0; MESSAGE_BYTES];
        OsEntropy.fill(&mut filler);
        let shared = Arc::new(Shared {
            begin: Instant::now(),
            run: rng::bytes(&OsEntropy),
            filler,
            every,
            is_over: AtomicBool::new(false),
            broken: AtomicU64::new(0),
            put_off: AtomicU64::new(0),
            trouble: Mutex::default(),
        });
        let (address, at) = watch::channel(address);
        let (mut senders, mut receivers) = (JoinSet::new(), JoinSet::new());
        let mut mailboxes = Vec::new();
        for (index, talk) in talks.iter().enumerate() {
            let sender = Sender {
                shared: Arc::clone(&shared),
                talk: talk.clone(),
                at: at.clone(),
                next: first.0,
                unanswered: BTreeMap::new(),
            };
            senders.spawn(async move { Ok((index, sender.work().await?)) });
            let receiver = talk.receivers.first().context("a pair of one")?.clone();
            let mailbox = Arc::new(Mutex::new(Mailbox::new()?));
            mailboxes.push(Arc::clone(&mailbox));
            receivers.spawn(receive(Arc::clone(&shared), mailbox, receiver, at.clone()));
        }
        Ok(Self { shared, address, senders, receivers, mailboxes })
    }

    /// The server is somewhere else now.
    pub fn moved(&self, address: SocketAddr) {
        self.address.send_replace(address);
    }

    /// Nobody writes anything new; what was written is said until it is answered, and everything acknowledged must arrive.
    ///
    /// # Errors
    /// Somebody was refused for good, which is no fault of a machine.
    pub async fn finish(mut self) -> Result<Seen> {
        self.shared.is_over.store(true, Ordering::Relaxed);
        let mut violations = Vec::new();
        let acknowledged = timeout(HEALING, answers(&mut self.senders, self.mailboxes.len()));
        let Ok(acknowledged) = acknowledged.await else {
            bail!("somebody was never answered; what was said last: {}", lock(&self.shared.trouble));
        };
        let acknowledged = acknowledged?;
        let due: Vec<_> = self.mailboxes.iter().zip(&acknowledged).collect();
        let arrived = async {
            while due.iter().any(|(mailbox, count)| lock(mailbox).taken.len() as u64 != **count) {
                tokio::time::sleep(PAUSE).await;
            }
        };
        let _ = timeout(HEALING, arrived).await;
        for (index, (mailbox, count)) in due.into_iter().enumerate() {
            let taken = lock(mailbox).taken.len();
            if taken as u64 != *count {
                violations.push(format!("pair {index}: {count} messages were acknowledged, {taken} arrived"));
            }
        }
        self.receivers.abort_all();
        while self.receivers.join_next().await.is_some() {}
        let mut latency = histogram()?;
        for mailbox in &self.mailboxes {
            let mut mailbox = lock(mailbox);
            violations.append(&mut mailbox.violations);
            latency.add(&mailbox.latency)?;
        }
        Ok(Seen {
            acknowledged: acknowledged.iter().sum(),
            broken: self.shared.broken.load(Ordering::Relaxed),
            put_off: self.shared.put_off.load(Ordering::Relaxed),
            latency,
            violations,
        })
    }
}

/// How many messages of each sender were acknowledged, once all are.
async fn answers(senders: &mut JoinSet<Result<(usize, u64)>>, talks: usize) -> Result<Vec<u64>> {
    let mut acknowledged = vec![0; talks];
    while let Some(ended) = senders.join_next().await {
        let (index, count) = ended??;
        if let Some(of) = acknowledged.get_mut(index) {
            *of = count;
        }
    }
    Ok(acknowledged)
}

fn histogram() -> Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1, 600_000_000, 3)?)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Sender {
    shared: Arc<Shared>,
    talk: Chat,
    at: watch::Receiver<SocketAddr>,
    next: u64,
    /// With their bytes, which must be the same whenever they are said.
    unanswered: BTreeMap<u64, Opaque>,
}

impl Sender {
    /// How many messages were acknowledged.
    async fn work(mut self) -> Result<u64> {
        let first = self.next;
        while !(self.shared.is_over() && self.unanswered.is_empty()) {
            if let Err(error) = self.session().await {
                self.shared.broken.fetch_add(1, Ordering::Relaxed);
                *lock(&self.shared.trouble) = format!("{error:#}");
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(self.next - first)
    }

    /// As long as one connection lasts.
    async fn session(&mut self) -> Result<()> {
        let address = *self.at.borrow();
        let mut line = timeout(PATIENCE, Line::open(address, &self.talk.sender)).await??;
        let mut asked = BTreeMap::new();
        for (number, body) in self.unanswered.clone() {
            asked.insert(self.say(&mut line, number, body).await?, number);
        }
        loop {
            if self.shared.is_over() && self.unanswered.is_empty() {
                return Ok(());
            }
            while !self.shared.is_over() && self.unanswered.len() < IN_FLIGHT {
                let number = self.next;
                let stamp = Stamp { run: self.shared.run, at: self.shared.begin.elapsed(), number };
                let body = stamp.message(&self.talk, MESSAGE_BYTES, &self.shared.filler);
                self.next += 1;
                self.unanswered.insert(number, body.clone());
                asked.insert(self.say(&mut line, number, body).await?, number);
            }
            let frame = timeout(PATIENCE, line.source.next()).await??;
            let Some(number) = frame.request_id.and_then(|id| asked.remove(&id.number())) else { continue };
            match frame.response {
                Response::MessageSent(_) => {
                    self.unanswered.remove(&number);
                    tokio::time::sleep(self.shared.every).await;
                }
                Response::Error(error) if is_passing(error.code) => {
                    self.shared.put_off.fetch_add(1, Ordering::Relaxed);
                    *lock(&self.shared.trouble) = format!("{:?}: {}", error.code, error.text);
                    tokio::time::sleep(PAUSE).await;
                    let body = self.unanswered.get(&number).cloned().context("an answer to nothing")?;
                    asked.insert(self.say(&mut line, number, body).await?, number);
                }
                other => bail!("a message was answered with {other:?}"),
            }
        }
    }

    /// The number of the request.
    async fn say(&self, line: &mut Line, number: u64, body: Opaque) -> Result<u64> {
        let send = SendMessage {
            send_seq: SendSeq(number),
            conversation_id: self.talk.conversation,
            generation: Generation(1),
            epoch: Epoch(1),
            body,
        };
        timeout(PATIENCE, line.sink.send(send)).await??;
        Ok(line.sink.last())
    }
}

/// Whether the same request may well be granted later.
const fn is_passing(code: ErrorCode) -> bool {
    matches!(code, ErrorCode::Busy | ErrorCode::Internal | ErrorCode::Unavailable | ErrorCode::RateLimited)
}

async fn receive(
    shared: Arc<Shared>,
    mailbox: Arc<Mutex<Mailbox>>,
    person: Person,
    at: watch::Receiver<SocketAddr>,
) -> Result<()> {
    loop {
        let address = *at.borrow();
        if take(&shared, &mailbox, &person, address).await.is_err() {
            shared.broken.fetch_add(1, Ordering::Relaxed);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// As long as one connection lasts. Where the server moves, the old connection ends.
async fn take(shared: &Shared, mailbox: &Mutex<Mailbox>, person: &Person, address: SocketAddr) -> Result<()> {
    let Line { mut sink, mut source, incarnation } = timeout(PATIENCE, Line::open(address, person)).await??;
    lock(mailbox).live(incarnation);
    loop {
        let Response::Delivery(delivery) = source.next().await?.response else { continue };
        let now = shared.begin.elapsed();
        let mut through = Seq(0);
        for entry in &delivery.entries {
            through = entry.seq;
            let stamp = match &entry.kind {
                EntryKind::Application(body) => Stamp::of(body).filter(|stamp| stamp.run == shared.run),
                _ => None,
            };
            lock(mailbox).take(entry.seq, stamp, now);
        }
        timeout(PATIENCE, sink.send(MessageReceived { incarnation, through_seq: through })).await??;
    }
}

impl Mailbox {
    fn new() -> Result<Self> {
        Ok(Self {
            incarnation: None,
            last: Seq(0),
            taken: BTreeMap::new(),
            latency: histogram()?,
            violations: Vec::new(),
        })
    }

    fn live(&mut self, incarnation: IncarnationId) {
        if self.incarnation.is_some_and(|known| known != incarnation) {
            self.violations.push("a mailbox began a new life".to_owned());
        }
        self.incarnation = Some(incarnation);
    }

    fn take(&mut self, seq: Seq, stamp: Option<Stamp>, now: Duration) {
        // Delivered again because the acknowledgement did not arrive.
        if seq <= self.last {
            return;
        }
        self.last = seq;
        let Some(stamp) = stamp else { return };
        let micros = u64::try_from(now.saturating_sub(stamp.at).as_micros()).unwrap_or(u64::MAX);
        self.latency.saturating_record(micros.max(1));
        if let Some(before) = self.taken.insert(stamp.number, seq) {
            self.violations.push(format!(
                "message {} stands twice in a mailbox, under {} and {}",
                stamp.number, before.0, seq.0
            ));
        }
    }
}
