//! `hushwire-faults`, which `cargo xtask faults` builds and runs: the fault battery.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use hushwire_bench::faults::{Battery, Fault, Scale};
use hushwire_bench::hushd::{Cores, open_many_files};
use hushwire_bench::program::{Output, end, workplace};

/// Lets everything go wrong around a real hushd while honest people write to each other, and looks whether the delivery promise holds.
#[derive(Parser)]
struct Options {
    /// The hushd to try.
    #[arg(long)]
    hushd: PathBuf,
    /// Only these; all where none is named.
    #[arg(long, value_enum)]
    fault: Vec<Fault>,
    /// Where the databases are.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Honest pairs.
    #[arg(long, default_value_t = 20)]
    pairs: usize,
    /// Milliseconds between two messages of each.
    #[arg(long, default_value_t = 10)]
    every_ms: u64,
    /// How long something is wrong.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// How often the server is killed and loses its power; 1,000 in the long form.
    #[arg(long, default_value_t = 50)]
    times: u32,
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    end(run(&Options::parse()))
}

/// Whether all promises were kept.
fn run(options: &Options) -> Result<bool> {
    open_many_files()?;
    let (folder, output) = (workplace(options.folder.as_deref())?, Output::of(options.json));
    let scale = Scale {
        pairs: options.pairs.max(1),
        every: Duration::from_millis(options.every_ms),
        time: Duration::from_secs(options.seconds),
        times: options.times,
    };
    let battery = Battery::new(&options.hushd, folder.path(), Cores::of_server(), scale)?;
    let faults: &[Fault] = if options.fault.is_empty() { &Fault::ALL } else { &options.fault };
    let mut kept = true;
    for fault in faults {
        let verdict = match battery.run(*fault).with_context(|| format!("fault {fault:?}"))? {
            Ok(verdict) => verdict,
            Err(why) => {
                eprintln!("{fault:?}: left out, since {why}");
                continue;
            }
        };
        output.print(&verdict.figures());
        for violation in &verdict.seen.violations {
            kept = false;
            eprintln!("{fault:?} BROKE A PROMISE: {violation}");
        }
    }
    Ok(kept)
}
