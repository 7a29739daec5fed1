//! The project's one menu of tasks: `cargo xtask <task>`, or `cargo xtask help`.

#![allow(clippy::print_stdout, reason = "a program for people at a terminal")]

mod bans;
mod bench;
mod classic;
mod coverage;
mod demo;
mod fuzz;
mod layout;
mod mutants;
mod run;
mod table;
mod tests;
mod toolchain;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The project's one menu of tasks.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build everything and show it: a server, two people, a real conversation.
    Demo,
    /// Compare the crates with the table in ARCHITECTURE.md, Cargo.lock with what must not be in it, and the promised Rust with the one in use.
    CheckLayout,
    /// Run everything that CI runs, and stop at the first failure.
    Test(tests::Options),
    /// Let Python peers, an independent implementation of wire version 1, at both programs.
    Classic,
    /// Measure hushd and the engine beside the machine's own limits; builds with optimisation.
    Bench(bench::Options),
    /// Let everything go wrong around a hushd under load, and look whether the delivery promise holds; builds with optimisation.
    Faults(bench::Faults),
    /// Run every fuzz target for a while; needs the nightly toolchain.
    Fuzz(fuzz::Options),
    /// Change the code a line at a time and look whether a test notices; needs cargo-mutants, and hours.
    Mutants(mutants::Options),
    /// Print how many lines of each library the tests run; needs cargo-tarpaulin.
    Coverage(coverage::Options),
}

fn main() -> ExitCode {
    match carry_out(Cli::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn carry_out(task: Task) -> anyhow::Result<()> {
    match task {
        Task::CheckLayout => {
            layout::check_tree()?;
            bans::check_tree()?;
            toolchain::check_tree()
        }
        Task::Demo => demo::run(),
        Task::Test(options) => tests::run(&options),
        Task::Classic => classic::cross_check(true),
        Task::Bench(options) => bench::run(&options),
        Task::Faults(options) => bench::faults(&options),
        Task::Fuzz(options) => fuzz::run(&options),
        Task::Mutants(options) => mutants::run(&options),
        Task::Coverage(options) => coverage::run(&options),
    }
}
