//! Content from outside: golden bytes, round trips, limits, newer kinds, bytes of strangers.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, in its helper functions too"
)]

mod codec;
mod golden;
mod limits;
mod samples;
