//! People who mean harm, all from one address: what they do to a server, and what of it the server lets through.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;
use hushwire_types::{AccountId, OsEntropy, rng};
use hushwire_wire::{RecipientKeys, Register, RegistrationMethod, Response, Sensitive, limits};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::line::{Greeted, Line};
use crate::people::{Chat, Person};

/// What they do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flood {
    /// A byte of a TLS handshake every second, on many connections.
    SlowLoris,
    /// Connections on which nothing is ever said.
    HalfOpen,
    /// As many connections as they can get.
    Connections,
    /// Registrations under ever new names.
    Registrations,
    /// One-time codes for ever new numbers.
    Otps,
    /// One device claims KeyPackages without end.
    Claims,
    /// Frames above every limit.
    Oversized,
}

/// What they got.
#[derive(Debug, Default)]
pub struct Tally {
    /// What they tried.
    pub tried: AtomicU64,
    /// What was granted.
    pub granted: AtomicU64,
    /// What was refused with an answer.
    pub refused: AtomicU64,
    /// Connections that were closed in their face.
    pub closed: AtomicU64,
}

/// Attackers at once.
const ATTACKERS: usize = 100;
/// Connections of those who just hold them.
const HELD: usize = 10_000;

/// They go on until this is dropped.
pub struct Attack {
    attackers: JoinSet<()>,
    /// What they got up to now.
    pub tally: Arc<Tally>,
}

impl Attack {
    /// Begins. `insider` is somebody with an account, for what only such can do, and `victim` whom they ask for.
    #[must_use]
    pub fn start(server: SocketAddr, flood: Flood, insider: &Chat, victim: AccountId) -> Self {
        let tally = Arc::<Tally>::default();
        let mut attackers = JoinSet::new();
        let many = match flood {
            Flood::Connections => HELD,
            Flood::SlowLoris | Flood::HalfOpen => 1_000,
            // A device has one connection.
            Flood::Claims => 1,
            _ => ATTACKERS,
        };
        for _ in 0..many {
            let (tally, insider) = (Arc::clone(&tally), insider.sender.clone());
            attackers.spawn(async move {
                loop {
                    if attack(server, flood, &insider, victim, &tally).await.is_err() {
                        tally.closed.fetch_add(1, Ordering::Relaxed);
                    }
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            });
        }
        Self { attackers, tally }
    }

    /// Ends it.
    pub async fn stop(mut self) -> Arc<Tally> {
        self.attackers.shutdown().await;
        self.tally
    }
}

async fn attack(
    server: SocketAddr,
    flood: Flood,
    insider: &Person,
    victim: AccountId,
    tally: &Tally,
) -> Result<()> {
    match flood {
        Flood::SlowLoris => {
            let mut stream = connect(server, tally).await?;
            // The beginning of a TLS record that says it is longer.
            for byte in [22_u8, 3, 1, 2, 0, 1].into_iter().chain(std::iter::repeat(0)) {
                stream.write_all(&[byte]).await?;
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            Ok(())
        }
        Flood::HalfOpen | Flood::Connections => {
            let mut stream = connect(server, tally).await?;
            stream.read_exact(&mut [0]).await?;
            Ok(())
        }
        Flood::Registrations => {
            register(server, tally, || {
                let name = Sensitive::new(format!("x{:016x}", u64::from_be_bytes(rng::bytes(&OsEntropy))));
                (RegistrationMethod::Open, Some(name))
            })
            .await
        }
        Flood::Otps => {
            register(server, tally, || {
                let number = u64::from_be_bytes(rng::bytes(&OsEntropy)) % 10_000_000;
                (RegistrationMethod::Phone(Sensitive::new(format!("+4915{number:08}"))), None)
            })
            .await
        }
        Flood::Claims => claim(server, insider, victim, tally).await,
        Flood::Oversized => oversized(server, tally).await,
    }
}

async fn connect(server: SocketAddr, tally: &Tally) -> Result<TcpStream> {
    tally.tried.fetch_add(1, Ordering::Relaxed);
    Ok(TcpStream::connect(server).await?)
}

/// Asks for registrations on one connection until it is closed.
async fn register(
    server: SocketAddr,
    tally: &Tally,
    next: impl Fn() -> (RegistrationMethod, Option<Sensitive>),
) -> Result<()> {
    tally.tried.fetch_add(1, Ordering::Relaxed);
    let Greeted { mut sink, mut source, .. } = Greeted::open(server).await?;
    loop {
        let (method, username) = next();
        let account_id = AccountId::new(rng::bytes(&OsEntropy));
        sink.send(Register { method, username, account_id }).await?;
        let count = match source.next().await?.response {
            Response::Registration(_) => &tally.granted,
            _ => &tally.refused,
        };
        count.fetch_add(1, Ordering::Relaxed);
        tally.tried.fetch_add(1, Ordering::Relaxed);
    }
}

async fn claim(server: SocketAddr, insider: &Person, victim: AccountId, tally: &Tally) -> Result<()> {
    let Line { mut sink, mut source, .. } = Line::open(server, insider).await?;
    loop {
        tally.tried.fetch_add(1, Ordering::Relaxed);
        sink.send(RecipientKeys { account_id: victim, device_ids: Vec::new() }).await?;
        loop {
            let count = match source.next().await?.response {
                Response::ClaimedKeyPackages(_) => &tally.granted,
                Response::Error(_) => &tally.refused,
                _ => continue,
            };
            count.fetch_add(1, Ordering::Relaxed);
            break;
        }
    }
}

async fn oversized(server: SocketAddr, tally: &Tally) -> Result<()> {
    let Greeted { mut sink, mut source, .. } = Greeted::open(server).await?;
    loop {
        tally.tried.fetch_add(1, Ordering::Relaxed);
        sink.send_raw(vec![7; 2 * limits::FRAME_BYTES]).await?;
        source.next().await?;
        tally.refused.fetch_add(1, Ordering::Relaxed);
    }
}
