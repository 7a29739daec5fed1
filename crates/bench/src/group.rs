//! A large group: what a member of ours does in it, beside a member by bare mls-rs in the same run.
//!
//! Both are members of the same group and get the same Welcome, the same ciphertexts and the same Commits, one after the other and
//! in turns, so that whatever else the machine does meets both. Ours is the engine's whole step, over its encrypted database on the
//! disk. The bare one is what [`bare`] says: mls-rs over plain SQLite on the same disk, as durable as ours.

mod bare;
mod crowd;
mod member;
mod pair;
mod run;

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, bail};
use hdrhistogram::Histogram;

pub use pair::messages_per_second;
use run::{Run, Took};

/// How large, and how often.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Devices in the group, each of an account of its own. At least [`Shape::LEAST`].
    pub devices: usize,
    /// Members of each kind that join, and that make a Commit. At least 3.
    pub rounds: usize,
    /// Messages that each sends.
    pub messages: u32,
    /// Batches that are received.
    pub batches: u32,
    /// Messages of a batch.
    pub batch: u32,
}

/// How long one operation took, in microseconds.
#[derive(Debug, Clone)]
pub struct Both {
    /// The engine.
    pub ours: Histogram<u64>,
    /// Bare mls-rs, durable.
    pub bare: Histogram<u64>,
    /// Of that, mls-rs without its database.
    pub bare_in_memory: Histogram<u64>,
}

/// How long everything took.
#[derive(Debug, Clone)]
pub struct Times {
    /// To let the group grow.
    pub grown: Duration,
    /// A member of ours learns who all the others are: their lists are verified and stored. Before it joins.
    pub met: Histogram<u64>,
    /// Joining by a Welcome, until it is stored.
    pub joined: Both,
    /// A message, until it is durable in the outbox.
    pub sent: Both,
    /// A batch of messages, until all are stored.
    pub received: Both,
    /// A Commit with a fresh leaf, until it is durable.
    pub committed: Both,
    /// A Commit of somebody else, until the new epoch is stored.
    pub processed: Both,
    /// An own Commit that came back, until the new epoch is stored.
    pub applied: Both,
}

impl Both {
    fn new() -> Result<Self> {
        Ok(Self { ours: histogram()?, bare: histogram()?, bare_in_memory: histogram()? })
    }

    fn ours(&mut self, time: Duration) {
        self.ours.saturating_record(micros(time));
    }

    fn bare(&mut self, took: Took) {
        self.bare.saturating_record(micros(took.durable));
        self.bare_in_memory.saturating_record(micros(took.in_memory));
    }
}

fn histogram() -> Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1, 60_000_000, 3)?)
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX).max(1)
}

impl Shape {
    /// The smallest group: it is larger than those in which fresh leaves are not spread over time.
    pub const LEAST: usize = 24;
}

/// Makes the group and measures everything in it. Databases are made in `folder`.
///
/// # Errors
/// A shape that is too small, the disk, or a member that did not do what it should.
pub fn measure(folder: &Path, shape: &Shape) -> Result<Times> {
    if shape.devices < Shape::LEAST.max(2 * shape.rounds + 2) || shape.rounds < 3 {
        bail!("a group of {} devices is too small for {} rounds", shape.devices, shape.rounds);
    }
    let mut run = Run::new(folder, shape)?;
    run.join()?;
    run.send()?;
    run.receive()?;
    run.commit()?;
    Ok(run.times)
}
