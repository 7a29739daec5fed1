//! What hushd and the engine do in a second, beside what the machine can do.
//!
//! `cargo xtask bench` builds everything with optimisation and runs this crate's program. One run prints every figure with
//! its target and with the limit of the same machine at the same time, because a figure alone says nothing of a machine.
//!
//! The server is a real `hushd` process with a real database; it is pinned to one core where there are two, and the load
//! comes from the other one over TLS and WebSocket. Accounts, device lists and conversations are real, made by the services
//! themselves before the server starts; so every check that a message meets is done. Only the ciphertexts are random bytes
//! behind a true MLS header, which a server cannot tell from others.

#![allow(clippy::disallowed_methods, reason = "a measurement goes by the machine's own clock")]

pub mod classic;
pub mod engine;
pub mod faults;
pub mod group;
pub mod hushd;
pub mod line;
pub mod load;
pub mod machine;
pub mod meter;
mod newcomer;
pub mod people;
pub mod profile;
pub mod program;
pub mod scenario;
pub mod sizes;
pub mod table;
pub mod xmpp;
