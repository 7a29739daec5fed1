//! A bad line between clients and server: bytes are held up, connections are cut, pieces come twice or in another order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What is wrong with the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// Each connection is cut somewhere in its first 64 KiB, also in the middle of a frame.
    Cut,
    /// Each piece comes 20 ms late, a few hundred bytes at a time.
    Slow,
    /// One piece in twenty comes twice, or after the one behind it. TLS takes neither, so a connection ends there: what matters is that both
    /// ends notice, and that nothing is taken that was not said.
    Mangled,
}

/// What came to pass on it.
#[derive(Debug, Default)]
struct Counts {
    connections: AtomicU64,
    twice: AtomicU64,
    late: AtomicU64,
}

/// A proxy. It ends when this is dropped.
pub struct Proxy {
    address: SocketAddr,
    counts: Arc<Counts>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// In front of a server.
    ///
    /// # Errors
    /// The system has no port.
    pub async fn start(server: SocketAddr, line: Line) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let counts = Arc::new(Counts::default());
        let counted = Arc::clone(&counts);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let number = counted.connections.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(carry(client, server, line, number, Arc::clone(&counted)));
            }
        });
        Ok(Self { address, counts, accepting })
    }

    /// Where clients connect to.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections came.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.counts.connections.load(Ordering::Relaxed)
    }

    /// How many pieces came twice.
    #[must_use]
    pub fn twice(&self) -> u64 {
        self.counts.twice.load(Ordering::Relaxed)
    }

    /// How many pieces came after the one behind them.
    #[must_use]
    pub fn late(&self) -> u64 {
        self.counts.late.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn carry(client: TcpStream, server: SocketAddr, line: Line, number: u64, counts: Arc<Counts>) {
    let Ok(server) = TcpStream::connect(server).await else { return };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    // Whichever direction ends first ends both: that is what a cut line is.
    tokio::select! {
        () = pump(from_client, to_server, line, Chance(2 * number + 1), &counts) => {}
        () = pump(from_server, to_client, line, Chance(2 * number + 2), &counts) => {}
    }
}

async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    line: Line,
    mut chance: Chance,
    counts: &Counts,
) {
    let mut left = if line == Line::Cut { 2_000 + chance.below(62_000) } else { u64::MAX };
    let mut piece = vec![0; if line == Line::Slow { 400 } else { 4_096 }];
    let mut held: Option<Vec<u8>> = None;
    loop {
        let Ok(count @ 1..) = from.read(&mut piece).await else { return };
        let bytes = piece.get(..count.min(usize::try_from(left).unwrap_or(usize::MAX))).unwrap_or_default();
        if line == Line::Slow {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let is_bad = line == Line::Mangled && chance.below(20) == 0;
        let written = match (held.take(), is_bad) {
            (Some(before), _) => {
                counts.late.fetch_add(1, Ordering::Relaxed);
                let both = [bytes, before.as_slice()].concat();
                to.write_all(&both).await
            }
            (None, true) if chance.below(2) == 0 => {
                held = Some(bytes.to_vec());
                continue;
            }
            (None, true) => {
                counts.twice.fetch_add(1, Ordering::Relaxed);
                to.write_all(&[bytes, bytes].concat()).await
            }
            (None, false) => to.write_all(bytes).await,
        };
        left = left.saturating_sub(count as u64);
        if written.is_err() || left == 0 {
            return;
        }
    }
}

/// Numbers that are the same in each run (an LCG): what a line does depends on its number alone.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}
