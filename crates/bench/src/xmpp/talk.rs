//! Pairs that write to each other over XMPP: just enough of RFC 6120 and 6121 for that.
//!
//! A body begins with the time of its sending, so that its receiver knows how long it took whatever the server adds around it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use data_encoding::BASE64;
use hdrhistogram::Histogram;
use memchr::memmem::find;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt, WriteHalf};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::host::{DOMAIN, PASSWORD};
use super::{BODY_BYTES, IN_FLIGHT, Plan};
use crate::load::histogram;
use crate::machine::trusting;

/// How long a server may take for a step of a login, and for the last messages.
const GRACE: Duration = Duration::from_secs(30);
/// When it is tried again whether one is ready.
const AGAIN: Duration = Duration::from_millis(200);
const OPEN: &str = "<?xml version='1.0'?><stream:stream to='localhost' version='1.0' xmlns='jabber:client' \
                    xmlns:stream='http://etherx.jabber.org/streams'>";

/// What came of a run.
pub(super) struct Outcome {
    /// Messages that arrived within the measured time.
    pub(super) arrived: u64,
    /// Messages that arrived, all of it counted.
    pub(super) all: u64,
    /// From the sending to the arrival, in microseconds, of those of the measured time.
    pub(super) latency: Histogram<u64>,
}

/// Everybody's name: those who write, and those who read.
pub(super) fn names(pairs: usize) -> impl Iterator<Item = String> {
    (0..pairs).flat_map(|pair| [writer(pair), reader(pair)])
}

fn writer(pair: usize) -> String {
    format!("a{pair}")
}

fn reader(pair: usize) -> String {
    format!("b{pair}")
}

/// Lets all pairs write as planned, and waits until everything has arrived.
///
/// # Errors
/// A login failed, a connection broke, or a message did not arrive.
pub(super) async fn run(address: SocketAddr, plan: Plan) -> Result<Outcome> {
    ready(address).await?;
    let mut lines = Vec::new();
    for pair in 0..plan.pairs {
        lines.push((Line::open(address, &writer(pair)).await?, Line::open(address, &reader(pair)).await?));
    }
    let begin = Instant::now();
    let mut pairs = JoinSet::new();
    for (pair, (from, to)) in lines.into_iter().enumerate() {
        pairs.spawn(exchange(from, to, reader(pair), plan, begin));
    }
    let mut outcome = Outcome { arrived: 0, all: 0, latency: histogram()? };
    while let Some(ended) = pairs.join_next().await {
        let (all, latency) = ended??;
        outcome.all += all;
        outcome.arrived += latency.len();
        outcome.latency.add(latency)?;
    }
    Ok(outcome)
}

/// Waits until somebody can log in: a server listens before it is ready.
async fn ready(address: SocketAddr) -> Result<()> {
    let log_in = async {
        loop {
            match Line::open(address, &writer(0)).await {
                Ok(_) => return Ok(()),
                Err(error) if error.is::<std::io::Error>() => tokio::time::sleep(AGAIN).await,
                Err(error) => return Err(error),
            }
        }
    };
    timeout(GRACE, log_in).await.context("nobody can log in")?
}

/// One pair: how many arrived, and how long those of the measured time took.
async fn exchange(
    from: Line,
    mut to: Line,
    name: String,
    plan: Plan,
    begin: Instant,
) -> Result<(u64, Histogram<u64>)> {
    let room = Arc::new(Semaphore::new(IN_FLIGHT));
    let (mut back, out) = tokio::io::split(from.tls);
    // Whatever the server tells the writer is taken off the line.
    let listening = tokio::spawn(async move {
        let mut waste = [0; 4096];
        while back.read(&mut waste).await.is_ok_and(|read| read > 0) {}
    });
    let writing = tokio::spawn(write(out, name, Arc::clone(&room), plan, begin));
    let (mut latency, mut arrived, mut sent) = (histogram()?, 0_u64, None);
    let mut writing = Box::pin(writing);
    while sent.is_none_or(|sent| arrived < sent) {
        tokio::select! {
            ended = writing.as_mut(), if sent.is_none() => sent = Some(ended??.0),
            read = timeout(GRACE, to.messages()) => for stamp in read.context("messages do not arrive")?? {
                arrived += 1;
                room.add_permits(1);
                let now = begin.elapsed();
                if now >= plan.warm_up && now < plan.warm_up + plan.measured {
                    let took = now.as_micros().saturating_sub(u128::from(stamp));
                    latency.saturating_record(u64::try_from(took).unwrap_or(u64::MAX).max(1));
                }
            },
        }
    }
    listening.abort();
    Ok((arrived, latency))
}

/// Writes while there is time, and gives the line back with what was sent: to close it would end the session.
async fn write(
    mut out: WriteHalf<TlsStream<TcpStream>>,
    to: String,
    room: Arc<Semaphore>,
    plan: Plan,
    begin: Instant,
) -> Result<(u64, WriteHalf<TlsStream<TcpStream>>)> {
    let filler = "x".repeat(BODY_BYTES);
    let mut sent = 0_u64;
    while begin.elapsed() < plan.warm_up + plan.measured {
        let Ok(permits) = room.acquire_many(1).await else { break };
        permits.forget();
        let mut text = String::new();
        // All that there is room for goes out together, as in the load on hushd.
        loop {
            let stamp = format!("{} ", begin.elapsed().as_micros());
            let rest = filler.get(stamp.len()..).unwrap_or_default();
            text.push_str(&format!(
                "<message to='{to}@{DOMAIN}' type='chat' id='{sent}'><body>{stamp}{rest}</body></message>"
            ));
            sent += 1;
            match room.try_acquire() {
                Ok(permit) => permit.forget(),
                Err(_) => break,
            }
        }
        out.write_all(text.as_bytes()).await?;
        out.flush().await?;
    }
    Ok((sent, out))
}

/// Somebody who is logged in.
struct Line {
    tls: TlsStream<TcpStream>,
    /// What was read and not used.
    read: Vec<u8>,
}

impl Line {
    async fn open(address: SocketAddr, name: &str) -> Result<Self> {
        let tcp = TcpStream::connect(address).await?;
        tcp.set_nodelay(true)?;
        let tls = TlsConnector::from(trusting()?).connect(ServerName::try_from(DOMAIN)?, tcp).await?;
        let mut line = Self { tls, read: Vec::new() };
        line.ask(OPEN, "</stream:features>").await?;
        let secret = BASE64.encode(format!("\0{name}\0{PASSWORD}").as_bytes());
        let login =
            format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{secret}</auth>");
        line.ask(&login, "<success").await?;
        line.ask(OPEN, "</stream:features>").await?;
        let bind = "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>r</resource></bind></iq>";
        line.ask(bind, "</iq>").await?;
        line.tls.write_all(b"<presence/>").await?;
        line.tls.flush().await?;
        Ok(line)
    }

    /// Says something and takes everything up to the answer.
    async fn ask(&mut self, text: &str, answer: &str) -> Result<()> {
        self.tls.write_all(text.as_bytes()).await?;
        self.tls.flush().await?;
        while find(&self.read, answer.as_bytes()).is_none() {
            timeout(GRACE, self.more()).await.with_context(|| format!("no {answer}"))??;
        }
        self.read.clear();
        Ok(())
    }

    async fn more(&mut self) -> Result<()> {
        if self.tls.read_buf(&mut self.read).await? == 0 {
            bail!("the server has closed the connection");
        }
        Ok(())
    }

    /// The times that the messages which come next were sent at. Safe to cancel.
    async fn messages(&mut self) -> Result<Vec<u64>> {
        loop {
            let stamps = self.taken()?;
            if !stamps.is_empty() {
                return Ok(stamps);
            }
            self.more().await?;
        }
    }

    /// The same of those that were read whole.
    fn taken(&mut self) -> Result<Vec<u64>> {
        const END: &[u8] = b"</message>";
        let (mut stamps, mut from) = (Vec::new(), 0);
        while let Some(at) = self.read.get(from..).and_then(|rest| find(rest, END)) {
            let message = self.read.get(from..from + at).unwrap_or_default();
            stamps.push(stamp(message).context("a message without its body")?);
            from += at + END.len();
        }
        self.read.drain(..from);
        Ok(stamps)
    }
}

/// When a message was sent, as its body says.
fn stamp(message: &[u8]) -> Option<u64> {
    const BODY: &[u8] = b"<body>";
    let body = message.get(find(message, BODY)? + BODY.len()..)?;
    let digits = body.split(|byte| *byte == b' ').next()?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}
