//! Hushwire's server: one binary that starts with no configuration.

mod args;
mod classic;
mod doctor;
mod operate;
mod out;
mod report;
mod serve;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Args, Command};

fn main() -> ExitCode {
    let Args { place, command } = Args::parse();
    let outcome = match command {
        Command::Dev { plain, classic } => serve::dev(&place, plain, &classic),
        Command::Serve { classic } => serve::serve(&place, &classic),
        Command::Init { file } => operate::init(&file),
        Command::Invite { invite } => operate::invite(&place, invite),
        Command::User { user } => operate::user(&place, user),
        Command::Report { report } => report::run(&place, report),
        Command::Classic { classic } => classic::run(&place, classic),
        Command::Doctor => doctor::examine(&place),
        Command::Backup { to } => operate::backup(&place, to),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("hushd: {error:#}");
            ExitCode::FAILURE
        }
    }
}
