//! `cargo xtask mutants`: changes the code that judges what strangers send, one place at a time, and looks whether a test
//! of the same crate fails. What nobody notices is a hole in the tests, or code that nobody needs.
//!
//! `.cargo/mutants.toml` names the changes that make no difference, each with its reason. So a run is good when it lists
//! nothing.

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::run::{cargo, has_cargo_tool, step, target};

/// The crates that are held to it, quickest first.
const PACKAGES: [&str; 4] =
    ["hushwire-group-policy", "hushwire-wire", "hushwire-identity", "hushwire-delivery"];

/// Seconds for the tests of one crate: far more than they take, for the changes that make a loop endless.
const TIMEOUT_SECS: &str = "120";

/// Which changes to try.
#[derive(Args)]
pub(crate) struct Options {
    /// Only this package, such as hushwire-wire; any of the workspace.
    #[arg(long)]
    package: Option<String>,
    /// Only a part of the changes, such as 0/8 up to 7/8.
    #[arg(long)]
    shard: Option<String>,
    /// What else `cargo mutants --help` knows, such as `-- --re read_frame`.
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// Tries them in a copy of the tree; the lists stay in `mutants.out` in the target folder.
pub(crate) fn run(options: &Options) -> Result<()> {
    if !has_cargo_tool("mutants") {
        bail!("cargo-mutants is missing: cargo install --locked cargo-mutants");
    }
    let out = target()?;
    let mut command = cargo("mutants --timeout")?;
    command.arg(TIMEOUT_SECS).arg("--output").arg(&out);
    // What is built is run once and thrown away: nothing to debug, but much to build again.
    command.env("CARGO_PROFILE_DEV_DEBUG", "none").env("CARGO_INCREMENTAL", "1");
    match &options.package {
        Some(package) => _ = command.args(["--package", package]),
        None => PACKAGES.iter().for_each(|package| _ = command.args(["--package", package])),
    }
    if let Some(shard) = &options.shard {
        command.args(["--shard", shard]);
    }
    let lists = out.join("mutants.out");
    step(command.args(&options.arguments))
        .with_context(|| format!("what no test noticed is in {}", lists.join("missed.txt").display()))
}
