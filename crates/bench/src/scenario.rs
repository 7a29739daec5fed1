//! What a server is put through, one scenario after the other, each with its own process over one database.
//!
//! | scenario | what happens |
//! | --- | --- |
//! | [`online`] | pairs write to each other, at full speed and at half of it |
//! | [`beside`] | the same with 1 KiB each, and other servers under the same load |
//! | [`offline`] | pairs write to people who are away; then these come and fetch everything |
//! | [`storm`] | thousands of devices that were away return at the same moment |
//! | [`idle`] | connections that do nothing |
//! | [`fan_out`] | one writes to many |
//! | [`claims`] | KeyPackages are claimed as fast as they are given |
//! | [`registration`] | accounts are made over the network |
//!
//! People and conversations are made before, over the server's own database while it does not run. The server has a core of its own
//! where there are two.

mod beside;
mod claims;
mod crowd;
mod idle;
mod offline;
mod online;
mod registration;
mod storm;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use hdrhistogram::Histogram;

use crate::hushd::{Cores, Hushd};
use crate::people::{Chat, Maker, Person};
use crate::sizes::Sizes;
use crate::table::{Figure, milliseconds};
use crate::{group, machine};

pub use beside::beside;
pub use claims::claims;
pub use idle::idle;
pub use offline::offline;
pub use online::{fan_out, online};
pub use registration::registration;
pub use storm::storm;

/// A scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Scenario {
    /// Pairs that are online.
    Online,
    /// Prosody and ejabberd under the same load.
    Beside,
    /// To people who are away, and their return.
    Offline,
    /// Thousands return at once.
    Storm,
    /// Connections that do nothing.
    Idle,
    /// A group.
    FanOut,
    /// KeyPackages.
    Claims,
    /// Accounts.
    Registration,
}

impl Scenario {
    /// All, in the order in which they are best run.
    pub const ALL: [Self; 8] = [
        Self::Online,
        Self::Beside,
        Self::Offline,
        Self::FanOut,
        Self::Storm,
        Self::Idle,
        Self::Claims,
        Self::Registration,
    ];
}

/// How much of everything.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    /// Seconds of each measurement.
    pub time: Duration,
    /// How long messages are.
    pub sizes: Sizes,
    /// Pairs that write to each other.
    pub pairs: usize,
    /// Members of the group.
    pub members: usize,
    /// Devices that return at once.
    pub returning: usize,
    /// Connections that do nothing.
    pub idle: usize,
    /// People who claim each other's KeyPackages.
    pub claimants: usize,
    /// Accounts that are made.
    pub registrations: usize,
    /// How fast pairs write in an open loop.
    pub paced: Pace,
}

/// How fast pairs write in an open loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// At half of what the server can do.
    HalfOfFull,
    /// So many messages a second of all pairs together.
    PerSecond(u64),
}

/// Where it happens, and what the machine can do without any of ours.
pub struct Ground {
    /// The program.
    pub hushd: PathBuf,
    /// The server's data folder.
    pub folder: PathBuf,
    /// Where the server runs.
    pub cores: Cores,
    /// Runs the load, on one thread.
    pub runtime: tokio::runtime::Runtime,
    /// How much.
    pub scale: Scale,
    /// The machine.
    pub limits: Limits,
}

/// What the machine can do at this moment.
#[derive(Debug, Clone)]
pub struct Limits {
    /// A sync of the disk, in microseconds.
    pub syncs: Histogram<u64>,
    /// Rows of 1 KiB into plain SQLite, a second.
    pub rows: f64,
    /// Echoes of 1 KiB over bare rustls, a second.
    pub echoes: f64,
    /// Handshakes of bare rustls, a second.
    pub handshakes: f64,
    /// Messages of 1 KiB that bare mls-rs encrypts and decrypts on one core, a second.
    pub messages: f64,
}

/// Everybody who is needed.
pub struct Cast {
    pairs: Vec<Chat>,
    beside: Vec<Chat>,
    away: Vec<Chat>,
    group: Chat,
    returning: Vec<Chat>,
    idle: Vec<Person>,
    claimants: Vec<Person>,
}

/// Members of each group whose members return at once.
const CROWD: usize = 100;

impl Ground {
    /// Measures the machine.
    ///
    /// # Errors
    /// The disk or the network.
    pub fn survey(hushd: &Path, folder: &Path, cores: Cores, scale: Scale) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let time = scale.time;
        let limits = Limits {
            syncs: machine::sync_times(folder, time / 4)?,
            rows: machine::sqlite_rows_per_second(folder, time / 4)?,
            echoes: runtime.block_on(machine::tls_echoes_per_second(time / 2))?,
            handshakes: runtime.block_on(machine::tls_handshakes_per_second(time / 4))?,
            messages: group::messages_per_second(time / 4)?,
        };
        Ok(Self { hushd: hushd.to_owned(), folder: folder.to_owned(), cores, runtime, scale, limits })
    }

    /// What the machine can do, as figures.
    #[must_use]
    pub fn limits(&self) -> Vec<Figure> {
        let Limits { syncs, rows, echoes, handshakes, messages } = &self.limits;
        vec![
            Figure::new("limit: a sync of the disk, p50", milliseconds(syncs, 50.0), "ms"),
            Figure::new("limit: a sync of the disk, p99", milliseconds(syncs, 99.0), "ms"),
            Figure::new("limit: rows of 1 KiB into bare SQLite, 1,000 a transaction", *rows, "/s"),
            Figure::new("limit: echoes of 1 KiB over bare TLS, both ends on one core", *echoes, "/s"),
            Figure::new("limit: bare TLS handshakes, both ends on one core", *handshakes, "/s"),
            Figure::new(
                "limit: messages of 1 KiB by bare mls-rs, encrypted and decrypted on one core",
                *messages,
                "/s",
            ),
        ]
    }

    /// Makes the people that these scenarios need, in the database of a server that has run once.
    ///
    /// # Errors
    /// hushd cannot be started, or refuses.
    pub fn cast(&self, scenarios: &[Scenario]) -> Result<Cast> {
        drop(self.start()?);
        let mut maker = Maker::open(&self.folder.join(hushwire_server::run::DATABASE_NAME))?;
        let with = |scenario: Scenario, count: usize| if scenarios.contains(&scenario) { count } else { 0 };
        let Scale { pairs, members, returning, idle, claimants, .. } = self.scale;
        let crowds = with(Scenario::Storm, returning).div_ceil(CROWD);
        Ok(Cast {
            pairs: people(with(Scenario::Online, pairs), || maker.pair())?,
            beside: people(with(Scenario::Beside, pairs), || maker.pair())?,
            // So many that no mailbox overflows within the time.
            away: people(with(Scenario::Offline, 4 * pairs), || maker.pair())?,
            group: maker.group(with(Scenario::FanOut, members).max(2))?,
            returning: people(crowds, || maker.group(CROWD + 1))?,
            idle: people(with(Scenario::Idle, idle), || maker.person())?,
            claimants: people(with(Scenario::Claims, claimants), || maker.person())?,
        })
    }

    /// Runs one scenario.
    ///
    /// # Errors
    /// A connection broke, or the server refused what it should not.
    pub fn run(&self, scenario: Scenario, cast: &Cast) -> Result<Vec<Figure>> {
        match scenario {
            Scenario::Online => online(self, &cast.pairs),
            Scenario::Beside => beside(self, &cast.beside),
            Scenario::Offline => offline(self, &cast.away),
            Scenario::FanOut => fan_out(self, &cast.group),
            Scenario::Storm => storm(self, &cast.returning),
            Scenario::Idle => idle(self, &cast.idle),
            Scenario::Claims => claims(self, &cast.claimants),
            Scenario::Registration => registration(self),
        }
    }

    fn start(&self) -> Result<Hushd> {
        Hushd::start(&self.hushd, &self.folder, self.cores)
    }

    fn warm_up(&self) -> Duration {
        self.scale.time / 5
    }
}

fn people<T>(count: usize, mut make: impl FnMut() -> Result<T>) -> Result<Vec<T>> {
    (0..count).map(|_| make()).collect()
}

/// p50, p90, p99 and p99.9 of what took so long.
pub(crate) fn percentiles(what: &str, times: &Histogram<u64>) -> Vec<Figure> {
    let at = |at: f64| Figure::new(format!("  {what}, p{at}"), milliseconds(times, at), "ms");
    [50.0, 90.0, 99.0, 99.9].map(at).into()
}

#[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
fn per_second(count: u64, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}
