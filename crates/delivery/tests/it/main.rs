//! The services against a store in memory and real MLS groups, on one thread and in virtual time.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, its helpers too"
)]

mod accounts;
mod admin;
mod bodies;
mod chores;
mod claims;
mod commits;
mod conversations;
mod faults;
mod groups;
mod hello_login;
mod links;
mod mailbox;
mod recovery;
mod registration;
mod reports;
mod world;
