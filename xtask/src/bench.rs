//! `cargo xtask bench`: builds with optimisation, and measures.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;
use clap::{Args, Subcommand};

use crate::classic;
use crate::run::{cargo, has_program, step, target};

/// What the benchmark program is given.
#[derive(Args)]
pub(crate) struct Options {
    /// Seconds for each measurement.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
    /// Wire version 1 alone, beside a Python loop that does what the original does.
    #[arg(long)]
    classic: bool,
    /// A group of 1,000 devices alone, beside bare mls-rs.
    #[arg(long, conflicts_with = "classic")]
    only_group: bool,
    /// Where the databases are put; the disk under it is measured.
    #[arg(long)]
    folder: Option<PathBuf>,
    #[command(subcommand)]
    part: Option<Part>,
}

/// What else than the short round can be measured.
#[derive(Subcommand)]
enum Part {
    /// Thousands of clients against a hushd: online, offline, fan-out, reconnect storm, idle, claims, registration.
    Load {
        /// What `hushwire-load --help` knows.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

/// What `cargo xtask faults` is given.
#[derive(Args)]
pub(crate) struct Faults {
    /// What `hushwire-faults --help` knows.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Builds with optimisation, and lets everything go wrong around a hushd.
pub(crate) fn faults(options: &Faults) -> Result<()> {
    step(&mut cargo("build --release --locked -p hushd -p hush -p hushwire-bench")?)?;
    let release = target()?.join("release");
    let mut faults = on_second_core(release.join("hushwire-faults"));
    step(faults.arg("--hushd").arg(release.join("hushd")).args(&options.arguments))
}

/// Builds and runs. Where there are two cores and util-linux' `taskset`, the load comes from the second one, and the server
/// is alone on the first.
pub(crate) fn run(options: &Options) -> Result<()> {
    step(&mut cargo("build --release --locked -p hushd -p hushwire-bench")?)?;
    let release = target()?.join("release");
    let hushd = release.join("hushd");
    if let Some(Part::Load { arguments }) = &options.part {
        return step(on_second_core(release.join("hushwire-load")).arg("--hushd").arg(hushd).args(arguments));
    }
    let mut command = on_second_core(release.join("hushwire-bench"));
    command.arg("--hushd").arg(hushd).args(["--seconds", &options.seconds.to_string()]);
    if let Ok(python) = classic::python() {
        command.arg("--python").arg(python);
    }
    if let Some(folder) = &options.folder {
        command.arg("--folder").arg(folder);
    }
    let flags =
        [("--json", options.json), ("--classic", options.classic), ("--only-group", options.only_group)];
    for (flag, is_set) in flags {
        if is_set {
            command.arg(flag);
        }
    }
    step(&mut command)
}

fn on_second_core(program: PathBuf) -> Command {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    if cores > 1 && has_program("taskset") {
        let mut command = Command::new("taskset");
        command.args(["-c", "1"]).arg(program);
        command
    } else {
        Command::new(program)
    }
}
