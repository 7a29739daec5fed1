//! The policy against real groups: every refusal, by a member and by the server's observer alike.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, its helpers too"
)]

mod direct;
mod group;
mod key_package;
mod observer;
mod r3_leaves;
mod r7_external_commits;
mod r9_admission;
mod world;
