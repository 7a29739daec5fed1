//! `cargo xtask test`: everything that CI runs, cheapest first, up to the first failure.

use anyhow::{Result, bail};
use clap::Args;

use crate::run::{cargo, has_cargo_tool, has_program, heading, root, step};
use crate::{bans, classic, layout, toolchain};

/// Folders with a workspace of their own, which `--workspace` does not see.
const OTHER_WORKSPACES: [&str; 2] = ["interop", "fuzz"];

/// What `cargo xtask test` may leave out.
#[derive(Args)]
pub(crate) struct Options {
    /// Fail where an optional tool (typos, cargo-machete, cargo-deny, Python) is not installed, instead of saying so.
    #[arg(long)]
    all_tools: bool,
}

/// Runs all steps.
pub(crate) fn run(options: &Options) -> Result<()> {
    formatting()?;
    heading("cargo xtask check-layout");
    layout::check_tree()?;
    bans::check_tree()?;
    toolchain::check_tree()?;
    optional_tools(options)?;
    step(&mut cargo("clippy --workspace --all-targets --locked -- -D warnings")?)?;
    nextest()?;
    one_core()?;
    step(&mut cargo("test --doc --workspace --locked --quiet")?)?;
    interop()?;
    classic::cross_check(options.all_tools)?;
    heading("everything passed");
    Ok(())
}

fn formatting() -> Result<()> {
    step(&mut cargo("fmt --all --check")?)?;
    for folder in OTHER_WORKSPACES {
        if root()?.join(folder).is_dir() {
            step(cargo("fmt --check --manifest-path")?.arg(format!("{folder}/Cargo.toml")))?;
        }
    }
    Ok(())
}

/// The runner is needed, so it is installed where it is missing: some minutes, once.
fn nextest() -> Result<()> {
    if !has_cargo_tool("nextest") {
        step(&mut cargo("install cargo-nextest --locked")?)?;
    }
    step(&mut cargo("nextest run --workspace --locked")?)
}

/// The server's tests once more on one core, where its writer takes turns with the connections.
fn one_core() -> Result<()> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    if cores == 1 {
        return Ok(());
    }
    if !has_program("taskset") {
        heading("left out: hushwire-server on one core (util-linux' taskset)");
        return Ok(());
    }
    let words = "-c 0 cargo nextest run --workspace --locked -E package(hushwire-server)";
    step(std::process::Command::new("taskset").args(words.split_whitespace()).current_dir(root()?))
}

/// An OpenMLS member and ours in the same groups; a workspace of its own, because both sides want their own SQLite.
fn interop() -> Result<()> {
    step(&mut cargo("nextest run --manifest-path interop/Cargo.toml --locked")?)
}

/// Tools that take minutes to build are used where they are installed. What matters most of `deny.toml` is checked
/// by [`bans`] on every machine.
fn optional_tools(options: &Options) -> Result<()> {
    let tools = [
        ("typos", has_program("typos"), "typos-cli"),
        ("cargo-machete", has_program("cargo-machete"), "cargo-machete"),
        ("cargo deny --all-features check bans licenses sources", has_cargo_tool("deny"), "cargo-deny"),
    ];
    for (line, installed, package) in tools {
        let mut words = line.split_whitespace();
        match (installed, words.next()) {
            (true, Some(program)) => {
                step(std::process::Command::new(program).args(words).current_dir(root()?))?;
            }
            _ if options.all_tools => bail!("{package} is missing: cargo install --locked {package}"),
            _ => heading(&format!("left out: {line} (cargo install --locked {package})")),
        }
    }
    Ok(())
}
