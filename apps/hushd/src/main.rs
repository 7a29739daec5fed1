//! Hushwire's server: one binary that starts with no configuration.

mod args;
mod doctor;
mod operate;
mod out;
mod serve;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Args, Command};

fn main() -> ExitCode {
    let Args { place, command } = Args::parse();
    let outcome = match command {
        Command::Dev { plain } => serve::dev(&place, plain),
        Command::Serve => serve::serve(&place),
        Command::Init { file } => operate::init(&file),
        Command::Invite { invite } => operate::invite(&place, invite),
        Command::User { user } => operate::user(&place, user),
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
