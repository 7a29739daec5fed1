//! `cargo xtask bench`: builds with optimisation, and measures.

use std::process::Command;

use anyhow::Result;
use clap::Args;

use crate::classic;
use crate::run::{cargo, has_program, root, step};

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
    folder: Option<std::path::PathBuf>,
}

/// Builds and runs. Where there are two cores and util-linux' `taskset`, the load comes from the second one, and the server
/// is alone on the first.
pub(crate) fn run(options: &Options) -> Result<()> {
    step(&mut cargo("build --release --locked -p hushd -p hushwire-bench")?)?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or(root()?.join("target"), Into::into);
    let (bench, hushd) = (target.join("release/hushwire-bench"), target.join("release/hushd"));
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    let mut command = if cores > 1 && has_program("taskset") {
        let mut command = Command::new("taskset");
        command.args(["-c", "1"]).arg(bench);
        command
    } else {
        Command::new(bench)
    };
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
