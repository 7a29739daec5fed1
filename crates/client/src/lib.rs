//! Sockets, database thread and timers around the engine: the public API of all front ends.
//!
//! A front end opens a profile ([`open`]) or makes one ([`join`]), and holds a [`Client`]: commands go in, views and a
//! stream of changes come out. Everything else, connecting, proving, resuming, sending again, goes on by itself.
//!
//! Invariants:
//! - The engine is used by one thread, the socket by one task; they meet in channels.
//! - What a front end is told is durable. What it asks for is durable when the call returns.
//! - Nothing is sent to a server that has not proved its pinned identity on that very connection (rule R6).

pub mod backoff;
pub mod client;
pub mod connect;
mod driver;
pub mod join;
pub mod link;
mod login;
pub mod profile;
mod tls;
pub mod view;
mod worker;

pub use client::{Changes, Client, ClientError, Queued};
pub use connect::{ConnectError, ServerAddress, Transport};
pub use hushwire_client_store::account::Trust;
pub use hushwire_client_store::conversation::ConversationState;
pub use hushwire_client_store::timeline::EntryState;
pub use hushwire_client_store::{
    Database, KeyFile, KeyFileError, KeyKind, KeySource, OpenError as DatabaseOpenError, StoreError,
};
pub use hushwire_engine::{Alert, Command, Event, Notice, Outcome, Recipient, Refusal};
pub use hushwire_group_policy::direct_conversation_id;
pub use join::{CODE_DIGITS, CodeSource, Codes, JoinError, Joined, Wish, join};
pub use link::{ClockSkew, Link, Trouble, TroubleKind};
pub use profile::{OpenError, Place, World, open};
pub use worker::Gone;
