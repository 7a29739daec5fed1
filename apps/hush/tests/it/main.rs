//! Real processes: `hushd` and `hush` as people and scripts run them.
//!
//! Every test has a server, a port and folders of its own. Nothing waits by sleeping: a test reads lines, or waits for
//! a process to end, each with a deadline that a slow and busy machine keeps.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, its helpers too"
)]

mod bots;
mod classic;
mod classic_kills;
mod copies;
mod daemon;
mod devices;
mod frames;
mod groups;
mod handles;
mod kills;
mod kills_in_a_group;
mod living;
mod messages;
mod outages;
mod past;
mod pictures;
mod races;
mod readme;
mod refusals;
mod reports;
mod rpc;
mod secrets;
mod support;
mod terminal;
