//! What a server uses while something happens: processor time, memory, what it writes to the disk, transactions.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::hushd::{Hushd, own_cpu_seconds};
use crate::scenario::Limits;
use crate::table::Figure;

/// Where a server stood when the measuring began.
pub struct Meter {
    begin: Instant,
    server: f64,
    own: f64,
    written_bytes: u64,
    transactions: u64,
}

/// What was used since then.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    /// The time between.
    pub elapsed: Duration,
    /// Seconds of processor time of the server.
    pub server_cpu: f64,
    /// Seconds of processor time of the generator.
    pub own_cpu: f64,
    /// Bytes that the server's writes caused on the disk (`write_bytes` of `/proc/…/io`).
    pub written_bytes: u64,
    /// Transactions, each with one sync of the disk.
    pub transactions: u64,
    /// The server's resident memory at the end.
    pub resident_bytes: u64,
}

impl Meter {
    /// Begins.
    ///
    /// # Errors
    /// The system or the server does not say.
    pub fn start(hushd: &Hushd) -> Result<Self> {
        Ok(Self {
            begin: Instant::now(),
            server: hushd.cpu_seconds()?,
            own: own_cpu_seconds()?,
            written_bytes: written_bytes(hushd.process())?,
            transactions: transactions(hushd.metrics())?,
        })
    }

    /// What was used up to now.
    ///
    /// # Errors
    /// As [`Meter::start`].
    pub fn read(&self, hushd: &Hushd) -> Result<Usage> {
        Ok(Usage {
            elapsed: self.begin.elapsed(),
            server_cpu: hushd.cpu_seconds()? - self.server,
            own_cpu: own_cpu_seconds()? - self.own,
            written_bytes: written_bytes(hushd.process())?.saturating_sub(self.written_bytes),
            transactions: transactions(hushd.metrics())?.saturating_sub(self.transactions),
            resident_bytes: hushd.resident_bytes()?,
        })
    }
}

impl Usage {
    /// Lines below a figure of `things` that were done, beside what the machine can do.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
    pub fn figures(&self, things: u64, limits: &Limits) -> Vec<Figure> {
        let (span, each) = (self.elapsed.as_secs_f64(), things.max(1) as f64);
        let (server, own) = (100.0 * self.server_cpu / span, 100.0 * self.own_cpu / span);
        let mut figures = vec![
            Figure::new("  hushd's share of its core", server, "%"),
            Figure::new("  the generator's share of a core", own, "%"),
            Figure::new("  hushd's processor time for 1,000", 1e6 * self.server_cpu / each, "ms")
                .beside("as many echoes over bare TLS", 1e6 / limits.echoes),
            Figure::new("  hushd's memory afterwards, resident", self.resident_bytes as f64 / 1e6, "MB"),
            Figure::new("  on the disk for each", self.written_bytes as f64 / each, "bytes"),
            Figure::new("  syncs of the disk", self.transactions as f64 / span, "/s")
                .beside("one after the other", 1e6 / limits.syncs.mean()),
        ];
        if own > 90.0 && own > server {
            figures.push(Figure::new("  NOTE: the generator was the bottleneck; its share", own, "%"));
        }
        figures
    }
}

fn written_bytes(process: u32) -> Result<u64> {
    let io = std::fs::read_to_string(format!("/proc/{process}/io"))?;
    let line = io.lines().find_map(|line| line.strip_prefix("write_bytes: ")).context("no write_bytes")?;
    Ok(line.trim().parse()?)
}

/// How many transactions there were, as the server's own metrics say.
fn transactions(metrics: SocketAddr) -> Result<u64> {
    let mut stream = TcpStream::connect(metrics)?;
    write!(stream, "GET /metrics HTTP/1.1\r\nHost: {metrics}\r\nConnection: close\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let count = text.lines().find_map(|line| line.strip_prefix("hushd_batch_jobs_count "));
    // Before the first transaction there is no such line.
    Ok(count.map(|count| count.trim().parse()).transpose()?.unwrap_or(0))
}
