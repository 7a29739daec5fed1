//! The wire from outside: golden bytes, round trips, limits, what a newer peer sends, what `Debug` shows.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, in its helper functions too"
)]

mod error_codes;
mod golden;
mod hostile;
mod limits;
mod newer_peer;
mod raw;
mod redaction;
mod round_trip;
mod samples;
mod strategies;
