//! The commands of hush.
//!
//! ```text
//!  args ─► place (folder, key) ─► profile: opened here, or a daemon's ─► command ─► say: data on stdout, talk on stderr ─► exit code
//! ```
//!
//! Invariants:
//! - Standard output carries data only, in one of two shapes: lines for people, or one JSON value a line.
//! - What a command does is a method of `hushwire_rpc`, so it is the same with a daemon and without; a command reads arguments and shows.
//! - What strangers wrote is made harmless before it reaches a terminal (`hushwire_content::display`, and `markup` for the marks in
//!   messages); only a terminal is shown what marks mean, a pipe gets them as they are.
//! - No secret is an argument, in the environment or in a log.
//! - Every wait has a bound (`--timeout`) and says on a terminal what it waits for.

pub mod args;
mod command;
pub mod exit;
mod export;
mod failure;
mod place;
mod run;
mod say;
mod words;

pub use run::main;
