//! The identity crate's tests, one module for each thing that it makes.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may end where it fails"
)]

mod credential;
mod fixtures;
mod forks;
mod genesis;
mod handle;
mod invite;
mod keys;
mod linking;
mod list;
mod lookup;
mod recovery;
mod safety;
mod statement;
mod vectors;
