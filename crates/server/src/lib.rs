//! Sockets, routes, OTP drivers and configuration of hushd.
//!
//! ```text
//!  listener ── TLS, channel binding ──► routes ──► socket (one task a client) ──► delivery::Service
//!                                                     ▲        │ jobs                  checks on worker threads
//!                                       inbox ◄── writer (one thread, batches) ──► effects: OTP drivers
//! ```
//!
//! Bodies that do not fit into frames go over the same port by HTTPS (the `bodies` module).
//!
//! What is decided is decided in `delivery`; here is only what touches the world: sockets, threads, files, the clock.

pub mod admin;
mod bodies;
pub mod classic;
pub mod config;
mod inbox;
pub mod keys;
mod lanes;
pub mod listener;
mod node;
mod observe;
pub mod otp;
mod routes;
pub mod run;
mod socket;
pub mod tls;
mod writer;

pub use config::{Config, ConfigError};
pub use run::{Premises, Server, StartError};
