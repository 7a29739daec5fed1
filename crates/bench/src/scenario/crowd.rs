//! Devices that were away, come, and take what waits for them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use hdrhistogram::Histogram;
use hushwire_types::Seq;
use hushwire_wire::{EntryKind, MessageReceived, Response};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::line::Line;
use crate::people::Person;

/// How long one device may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// What came of it.
pub(super) struct Return {
    /// From the first connection to the last device that had everything.
    pub(super) elapsed: Duration,
    /// Messages that were taken.
    pub(super) messages: u64,
    /// How long each device took from its own beginning to its last message, in microseconds.
    pub(super) each: Histogram<u64>,
}

/// All of them return at the same moment, and each takes as many messages as are due to it.
pub(super) async fn return_at_once(address: SocketAddr, devices: Vec<(Person, u64)>) -> Result<Return> {
    let start = Arc::new(Barrier::new(devices.len() + 1));
    let mut returning = JoinSet::new();
    for (person, due) in devices {
        let start = Arc::clone(&start);
        returning.spawn(async move {
            start.wait().await;
            let begin = Instant::now();
            let taken = tokio::time::timeout(PATIENCE, take(address, &person, due)).await;
            taken.context("a device did not get everything in time")??;
            Ok::<_, anyhow::Error>((begin.elapsed(), due))
        });
    }
    start.wait().await;
    let begin = Instant::now();
    let mut each = Histogram::new_with_bounds(1, 600_000_000, 3)?;
    let mut messages = 0;
    while let Some(ended) = returning.join_next().await {
        let (took, taken) = ended??;
        each.saturating_record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1));
        messages += taken;
    }
    Ok(Return { elapsed: begin.elapsed(), messages, each })
}

async fn take(address: SocketAddr, person: &Person, due: u64) -> Result<()> {
    let Line { mut sink, mut source, incarnation } = Line::open(address, person).await?;
    let mut taken = 0;
    while taken < due {
        let Response::Delivery(delivery) = source.next().await?.response else { continue };
        let mut through = Seq(0);
        for entry in &delivery.entries {
            through = entry.seq;
            taken += u64::from(matches!(entry.kind, EntryKind::Application(_)));
        }
        sink.send(MessageReceived { incarnation, through_seq: through }).await?;
    }
    if taken > due {
        bail!("{taken} messages came where {due} were sent");
    }
    Ok(())
}
