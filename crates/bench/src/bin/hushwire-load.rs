//! `hushwire-load`, which `cargo xtask bench load` builds and runs: the load generator.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use hushwire_bench::hushd::{Cores, open_many_files};
use hushwire_bench::program::{Output, end, workplace};
use hushwire_bench::scenario::{Ground, Pace, Scale, Scenario};
use hushwire_bench::sizes::Sizes;

/// Puts a real hushd under the load of thousands of clients over TLS, beside what the machine can do.
#[derive(Parser)]
struct Options {
    /// The hushd to load.
    #[arg(long)]
    hushd: PathBuf,
    /// Only these; all where none is named.
    #[arg(long, value_enum)]
    scenario: Vec<Scenario>,
    /// Where the database is; the disk under it is measured.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Seconds of each measurement.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// All messages of so many bytes; else as people write, most of them short.
    #[arg(long)]
    bytes: Option<usize>,
    /// Messages a second of all pairs together in the open loop; else half of what was reached at full speed.
    #[arg(long)]
    rate: Option<u64>,
    /// Pairs that write to each other.
    #[arg(long, default_value_t = 50)]
    pairs: usize,
    /// Members of the group.
    #[arg(long, default_value_t = 100)]
    members: usize,
    /// Devices that return at the same moment.
    #[arg(long, default_value_t = 5_000)]
    returning: usize,
    /// Connections that do nothing.
    #[arg(long, default_value_t = 1_000)]
    idle: usize,
    /// People who claim each other's KeyPackages.
    #[arg(long, default_value_t = 200)]
    claimants: usize,
    /// Accounts that are made.
    #[arg(long, default_value_t = 1_000)]
    registrations: usize,
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    end(run(&Options::parse()).map(|()| true))
}

fn run(options: &Options) -> Result<()> {
    open_many_files()?;
    let (folder, output) = (workplace(options.folder.as_deref())?, Output::of(options.json));
    let scale = Scale {
        time: Duration::from_secs(options.seconds.max(1)),
        sizes: options.bytes.map_or(Sizes::People, |bytes| Sizes::Fixed(bytes.max(256))),
        pairs: options.pairs.max(1),
        members: options.members.max(2),
        returning: options.returning,
        idle: options.idle,
        claimants: options.claimants,
        registrations: options.registrations,
        paced: options.rate.map_or(Pace::HalfOfFull, |rate| Pace::PerSecond(rate.max(1))),
    };
    let scenarios: &[Scenario] = if options.scenario.is_empty() { &Scenario::ALL } else { &options.scenario };
    let ground = Ground::survey(&options.hushd, folder.path(), Cores::of_server(), scale)?;
    output.print(&ground.limits());
    eprintln!("making people and conversations …");
    let cast = ground.cast(scenarios)?;
    for scenario in scenarios {
        let figures = ground.run(*scenario, &cast).with_context(|| format!("scenario {scenario:?}"))?;
        output.print(&figures);
    }
    Ok(())
}
