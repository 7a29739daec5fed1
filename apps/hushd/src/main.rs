//! Hushwire's server: one binary that starts with no configuration.

mod args;
mod doctor;
mod operate;
mod serve;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Args, Command};

fn main() -> ExitCode {
    let args = Args::parse();
    let outcome = match args.command {
        Command::Dev(dev) => serve::dev(&dev),
        Command::Serve(place) => serve::serve(&place),
        Command::Init { file } => operate::init(&file),
        Command::Invite { place, invite } => operate::invite(&place, invite),
        Command::User { place, user } => operate::user(&place, user),
        Command::Doctor(place) => doctor::examine(&place),
        Command::Backup { place, to } => operate::backup(&place, to),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("hushd: {error:#}");
            ExitCode::FAILURE
        }
    }
}
