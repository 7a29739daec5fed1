//! Wire version 1 on a listener of its own: the original program's clients, and `hush classic`.
//!
//! ```text
//!  listener ─► connection (one task a client) ─ requests in order ─► writer (the same thread, the same transactions)
//!                 ▲                                                       │ durable
//!                 └───────────── phones: rings whoever is online ◄────────┘
//! ```
//!
//! A login of this protocol proves nothing. What can be held without breaking an honest client:
//! - A phone belongs to the connection that registered or logged in, as long as that lives; a request in another's name is
//!   refused. Accounts are apart from those of the current protocol.
//! - A message is durable before its sender is told so, also when its recipient is online, and is deleted when it is
//!   acknowledged. What was not acknowledged on one connection is sent again on the next one.
//! - A code goes out through the configured driver, is tried five times, lives for a minute, and is in no log.
//! - The client of the original reads one packet and takes it for one frame, and asks again while it waits. So each response is
//!   one write, a message that nobody asked for keeps its distance from what was written before, and a request that came twice
//!   before it was answered is answered once (the `repeats` module).

mod connection;
mod desk;
mod gate;
mod import;
mod key;
mod listener;
mod phones;
mod registration;
mod repeats;

pub use import::{ImportError, Imported};
pub use key::{FILE_NAME as KEY_FILE_NAME, KeyError, export_public_key};

pub(crate) use gate::gate;
pub(crate) use import::import;
