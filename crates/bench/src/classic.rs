//! Wire version 1: hushd and a plain Python loop that does for each message what the original does, under the same load.
//!
//! As many pairs as [`PAIRS`], each sender with one message on its way, as the original's client has it. To somebody online a message
//! counts when its receiver has read it; to somebody offline when its sender was told that it is kept.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures_util::future::try_join_all;
use hushwire_classic::frame::encode_request;
use hushwire_classic::{
    DhPublicKey, MessageBlob, Phone, PublicKeys, Request, Response, ResponseDecoder, RsaPem, SigningKey,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use crate::hushd::{Cores, cpu_seconds, on};

/// Pairs that write to each other.
pub const PAIRS: usize = 100;
/// Bytes of a message: a short text, sealed.
const BLOB: usize = 700;

/// The Python loop. It ends when this is dropped.
pub struct Original {
    child: Child,
    address: SocketAddr,
}

impl Original {
    /// Starts it with its database in `folder`. It can answer [`Talk::Flow`] where `python` has `cryptography`.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(python: &Path, folder: &Path, cores: Cores) -> Result<Self> {
        let mut command = on(cores, python);
        command.args(["-c", include_str!("original.py")]).arg(folder);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let out = child.stdout.take().context("python3 has no standard output")?;
        let mut port = String::new();
        BufReader::new(out).read_line(&mut port)?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port.trim().parse().context("no port")?));
        Ok(Self { child, address })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process.
    #[must_use]
    pub fn process(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Original {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether this Python can be started and has a module.
#[must_use]
pub fn has_module(python: &Path, module: &str) -> bool {
    let mut asked = Command::new(python);
    asked.args(["-c", &format!("import {module}")]).stdout(Stdio::null()).stderr(Stdio::null());
    asked.status().is_ok_and(|status| status.success())
}

/// What is said, and to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Talk {
    /// To whoever reads and acknowledges at once, after its keys were asked for: 828, 829, 830, as the flow of the protocol is.
    Flow,
    /// The same without asking for keys.
    Online,
    /// To nobody who is there.
    Offline,
}

/// What a server did.
#[derive(Debug, Clone, Copy)]
pub struct Outcome {
    /// Messages that were read, or kept.
    pub messages: u32,
    /// How long that took.
    pub elapsed: Duration,
    /// Seconds of processor time of the server.
    pub cpu_seconds: f64,
}

impl Outcome {
    /// Messages a second.
    #[must_use]
    pub fn per_second(&self) -> f64 {
        f64::from(self.messages) / self.elapsed.as_secs_f64()
    }

    /// Messages a second of processor time.
    #[must_use]
    pub fn per_cpu_second(&self) -> f64 {
        f64::from(self.messages) / self.cpu_seconds
    }
}

/// Registers people whose numbers begin at `first`, lets them write for `time`, and looks at what that took the process at `address`.
///
/// # Errors
/// The server answers something else than it should.
pub async fn run(
    address: SocketAddr,
    process: u32,
    what: Talk,
    first: usize,
    time: Duration,
) -> Result<Outcome> {
    let pem = SigningKey::generate()?.public_pem()?;
    let pair = |number| pair(address, first + 2 * number, what, &pem);
    let pairs = try_join_all((0..PAIRS).map(pair)).await?;
    let stat = format!("/proc/{process}/stat");
    let (begin, before) = (Instant::now(), cpu_seconds(&stat)?);
    let talks =
        pairs.into_iter().map(|(sender, to, receiver)| talk(sender, to, receiver, what, begin + time));
    let counts = try_join_all(talks).await?;
    let (elapsed, after) = (begin.elapsed(), cpu_seconds(&stat)?);
    Ok(Outcome { messages: counts.iter().sum(), elapsed, cpu_seconds: after - before })
}

/// Two people who have registered; of the second one the phone alone where it is not to be online.
async fn pair(
    address: SocketAddr,
    number: usize,
    what: Talk,
    pem: &RsaPem,
) -> Result<(End, Phone, Option<End>)> {
    let mut sender = End::register(address, number, pem).await?;
    let receiver = End::register(address, number + 1, pem).await?;
    let to = receiver.phone;
    let receiver = Some(receiver).filter(|_| what != Talk::Offline);
    // Two answers later the server has seen the end of a connection that was closed before.
    for _ in 0..2 {
        sender.ask(&Request::Login).await?;
    }
    Ok((sender, to, receiver))
}

/// Messages of one pair.
async fn talk(sender: End, to: Phone, receiver: Option<End>, what: Talk, until: Instant) -> Result<u32> {
    let (tell, told) = oneshot::channel();
    let sending = async {
        let sent = send(sender, to, what, until).await?;
        let _ = tell.send(sent);
        Ok(sent)
    };
    let Some(receiver) = receiver else { return sending.await };
    let (_, read) = tokio::try_join!(sending, receive(receiver, told))?;
    Ok(read)
}

async fn send(mut sender: End, to: Phone, what: Talk, until: Instant) -> Result<u32> {
    let mut sent = 0_u32;
    while Instant::now() < until {
        if what == Talk::Flow
            && !matches!(sender.ask(&Request::RecipientKeys(to)).await?, Response::RecipientKeys(_))
        {
            bail!("no keys")
        }
        let mut bytes = vec![7; BLOB];
        bytes.splice(..4, sent.to_be_bytes());
        let message = Request::Message { recipient: to, blob: MessageBlob::new(bytes.into())? };
        match sender.ask(&message).await? {
            Response::MessageSent => sent += 1,
            other => bail!("a message was answered with {}", other.code()),
        }
    }
    Ok(sent)
}

/// Reads and acknowledges, until as many were read as were sent.
async fn receive(mut receiver: End, mut told: oneshot::Receiver<u32>) -> Result<u32> {
    let (mut read, mut sent) = (0, None);
    while sent != Some(read) {
        tokio::select! {
            response = receiver.next() => if let Response::Message { sender, .. } = response? {
                read += 1;
                receiver.say(&Request::MessageReceived(sender)).await?;
            },
            count = &mut told, if sent.is_none() => sent = Some(count?),
        }
    }
    Ok(read)
}

/// One client's connection.
struct End {
    stream: TcpStream,
    phone: Phone,
    decoder: ResponseDecoder,
}

impl End {
    async fn register(address: SocketAddr, number: usize, pem: &RsaPem) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let phone: Phone = format!("05{number:08}").parse()?;
        let mut end = Self { stream, phone, decoder: ResponseDecoder::default() };
        let Response::Registration(Some(otp)) = end.ask(&Request::Register).await? else {
            bail!("no registration")
        };
        end.ask(&Request::Otp(otp)).await?;
        let keys = PublicKeys { dh: DhPublicKey([9; 32]), rsa: pem.clone() };
        match end.ask(&Request::SendPublicKeys(keys)).await? {
            Response::KeysSet => Ok(end),
            other => bail!("keys were answered with {}", other.code()),
        }
    }

    async fn say(&mut self, request: &Request) -> Result<()> {
        Ok(self.stream.write_all(&encode_request(self.phone, request)).await?)
    }

    async fn ask(&mut self, request: &Request) -> Result<Response> {
        self.say(request).await?;
        self.next().await
    }

    /// The next frame. Safe to cancel.
    async fn next(&mut self) -> Result<Response> {
        loop {
            if let Some(response) = self.decoder.next_frame()? {
                return Ok(response);
            }
            let mut room = [0; 4096];
            match self.stream.read(&mut room).await? {
                0 => bail!("the server closed the connection"),
                count => self.decoder.push(room.get(..count).unwrap_or_default()),
            }
        }
    }
}
