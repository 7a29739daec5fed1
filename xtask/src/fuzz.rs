//! `cargo xtask fuzz`: every target in `fuzz/` for a while, with the corpora that are kept there.

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::run::{cargo, has_cargo_tool, root, step};

/// What to fuzz, and for how long.
#[derive(Args)]
pub(crate) struct Options {
    /// Seconds for each target.
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Only this target.
    #[arg(long)]
    target: Option<String>,
}

/// Runs the targets one after the other.
pub(crate) fn run(options: &Options) -> Result<()> {
    if !has_cargo_tool("fuzz") {
        step(&mut cargo("install cargo-fuzz --locked")?)?;
    }
    let targets = match &options.target {
        Some(target) => vec![target.clone()],
        None => targets()?,
    };
    for target in targets {
        let time = format!("-max_total_time={}", options.seconds);
        step(cargo("+nightly fuzz run --fuzz-dir fuzz")?.args([&target, "--", &time]))?;
    }
    Ok(())
}

fn targets() -> Result<Vec<String>> {
    let manifest = root()?.join("fuzz/Cargo.toml");
    let text = std::fs::read_to_string(&manifest).with_context(|| manifest.display().to_string())?;
    let manifest: toml::Table = text.parse().context("fuzz/Cargo.toml")?;
    let bins = manifest.get("bin").and_then(|bins| bins.as_array()).map(Vec::as_slice).unwrap_or_default();
    let targets: Vec<String> =
        bins.iter().filter_map(|bin| Some(bin.get("name")?.as_str()?.to_owned())).collect();
    if targets.is_empty() {
        bail!("fuzz/Cargo.toml names no target");
    }
    Ok(targets)
}
