//! JSON-RPC 2.0 over an open profile: what scripts, bots and other front ends ask hush for, and what `hush` itself is made of.
//!
//! ```text
//!  hush COMMAND ─► Profile ─┬─ Here: this process has the profile open ───────────┐
//!                           └─ There: remote ─► Unix socket ─┐                     ├─► Method::carry_out(Desk) ─► client
//!  a bot ─► Unix socket, standard input, HTTP, WebSocket ────┴─► protocol ─► Entry ┘
//! ```
//!
//! A method is one type: its fields are the parameters, its doc comment is the description, and [`Method::carry_out`] does it. The
//! commands of `hush` call the same methods, so a command and its method cannot differ.
//!
//! # To add a method
//! 1. In the module of `method/` that fits, or a new one: a struct with a doc comment, each field with one, derived like the others
//!    (`Serialize, Deserialize, JsonSchema`, `deny_unknown_fields`), and `impl Method` for it. Its name is the words of the command
//!    with dots: `hush group add` is `group.add`. What it answers with is a type of [`shape`], or one beside it.
//! 2. `pub use` it and give it a line in [`method::METHODS`]. Every transport and the schema have it now.
//! 3. The command: parse the arguments, `context.profile().await?.call(TheMethod { … }).await?`, show the answer.
//! 4. A line in `docs/rpc.md`, and `UPDATE_GOLDEN=1 cargo nextest run -p hushwire-rpc` writes `docs/rpc.json` anew.
//!
//! Tests fail where a command has no method, a method no line in the docs, or the docs another schema than the code.
//!
//! # Invariants
//! - What is answered is durable, and an event that was not acknowledged comes again, also after a restart.
//! - Nobody but the profile's owner is served: the socket is 0600 in a folder of 0700; HTTP is on loopback and wants a token.
//! - Memory is bounded: requests have a size, connections a number of requests in work, and a subscriber that does not read is not
//!   written for.

pub mod daemon;
pub mod fault;
pub mod method;
pub mod place;
pub mod schema;
pub mod shape;
pub mod time;

mod connection;
mod desk;
mod lines;
mod profile;
mod protocol;
mod remote;
mod subscription;
mod target;
mod web;

pub use daemon::{Daemon, Options};
pub use desk::{Desk, PEOPLE};
pub use fault::{Fault, FaultKind};
pub use hushwire_picture as picture;
pub use method::{METHODS, Method};
pub use profile::Profile;
pub use remote::Remote;
pub use time::Time;
