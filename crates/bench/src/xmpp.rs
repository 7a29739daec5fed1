//! Prosody and ejabberd, two servers that people host for the same purpose, under the load that hushd is under: pairs over TLS, bodies
//! of 1 KiB, 20 messages in flight for each pair.
//!
//! What the three promise differs, and is printed with each figure. hushd answers when a message is synced to the disk, and keeps it until
//! it was acknowledged. Neither of the others says anything to the sender, so a message counts as done when it arrives. Without
//! an archive they keep nothing of a message for somebody who is there; with one (XEP-0313) they write it for both sides and
//! pass it on, and sync neither before nor after: what that leaves of it when the power fails is the system's affair.
//!
//! Both are Debian's packages and are left out, which is said, where they are not installed.

mod host;
mod talk;

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::scenario::{Ground, percentiles};
use crate::table::Figure;

pub use host::{Archive, Host, Program};

/// Bytes of a message's body.
const BODY_BYTES: usize = 1024;
/// Messages of each pair that have not arrived.
const IN_FLIGHT: usize = 20;

/// How pairs write.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Pairs that write to each other.
    pub pairs: usize,
    /// Time before anything is counted.
    pub warm_up: Duration,
    /// The measured time.
    pub measured: Duration,
}

/// All that are installed, one after the other, without and with an archive. What does not start or ends its connections, as it may on a
/// busy machine, is left out, which is said: it is not for others to end a run.
pub(crate) fn others(ground: &Ground, plan: Plan) -> Vec<Figure> {
    let mut figures = Vec::new();
    for program in Program::ALL {
        if !program.is_installed() {
            eprintln!("left out: {program} is not installed (apt-get install {})", program.package());
            continue;
        }
        for archive in [Archive::Without, Archive::With] {
            match measure(ground, program, archive, plan) {
                Ok(measured) => figures.extend(measured),
                Err(error) => eprintln!("left out: {program}, {archive}: {error:#}"),
            }
        }
    }
    figures
}

#[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
fn measure(ground: &Ground, program: Program, archive: Archive, plan: Plan) -> Result<Vec<Figure>> {
    let host = Host::start(program, archive, plan.pairs, &ground.folder, ground.cores)?;
    let (begin, before) = (Instant::now(), host.cpu_seconds()?);
    let run = ground.runtime.block_on(talk::run(host.address(), plan))?;
    let (span, used) = (begin.elapsed().as_secs_f64(), host.cpu_seconds()? - before);
    let rate = run.arrived as f64 / plan.measured.as_secs_f64();
    let mut figures = vec![Figure::new(format!("beside: {program}, {archive}"), rate, "/s")];
    figures.extend(percentiles("delivered", &run.latency));
    figures.extend([
        Figure::new(format!("  {program}'s share of its core"), 100.0 * used / span, "%"),
        Figure::new(
            format!("  {program}'s processor time for 1,000"),
            1e6 * used / run.all.max(1) as f64,
            "ms",
        ),
        Figure::new(
            format!("  {program}'s memory afterwards, resident"),
            host.resident_bytes()? as f64 / 1e6,
            "MB",
        ),
    ]);
    Ok(figures)
}
