//! Devices, their databases, and a server in between.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod commits;
mod determinism;
mod groups;
mod hostile;
mod joining;
mod messages;
mod rejoining;
mod rows;
mod support;
