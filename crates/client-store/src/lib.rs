//! The encrypted database of a client: one SQLCipher file in a profile's folder, and beside it a small header that
//! wraps its key.
//!
//! Everything that a client must not lose is a row here: its keys, MLS state (opaque bytes to this crate), device
//! lists, conversations, timelines, the outbox, the journal. There is one module for each noun, with its row as a
//! plain struct and its questions as functions; SQL stands nowhere else.
//!
//! Invariants:
//! - **One step, one transaction.** [`Database::step`] is the only way to write. What it did is on the disk when it
//!   returns (`synchronous=FULL`), or nothing of it is. Reading functions take a [`View`], writing ones a [`Tx`],
//!   so a [`Reader`] cannot write.
//! - **One process a profile.** An exclusive lock on a file is held as long as the [`Database`] lives.
//! - **Nothing is in clear.** Pages, WAL and temporary structures are encrypted or in memory; deleted content is
//!   overwritten, also in the search index, and the WAL is truncated after a step that deleted.
//! - This crate asks nobody for time; randomness (for a new profile's key only) is an argument.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use hushwire_client_store::{Database, KeySource, StoreError, setting};
//! use hushwire_types::{OsEntropy, Secret};
//!
//! let folder = tempfile::tempdir()?;
//! let key = KeySource::Key(Secret::new([7; 32]));
//! let mut database = Database::create(folder.path(), &key, &OsEntropy)?;
//! database.step(|tx| setting::put(tx, "theme", b"dark"))?;
//! let theme = database.read(|view| setting::find(view, "theme"))?;
//! assert_eq!(theme.as_deref(), Some(b"dark".as_slice()));
//! database.close()?;
//! # Ok(()) }
//! ```

pub mod about;
mod column;
mod database;
mod error;
mod header;
mod key;
mod lock;
mod migrate;
mod open;

pub mod account;
pub mod conversation;
pub mod expiry;
pub mod group_facts;
pub mod history;
pub mod journal;
pub mod key_package;
pub mod list;
pub mod mark;
pub mod member;
pub mod mls_row;
pub mod outbox;
pub mod parked;
pub mod pending_commit;
pub mod picture;
pub mod profile;
pub mod progress;
pub mod receipt;
pub mod register;
pub mod report;
pub mod search;
pub mod seen;
pub mod sent_log;
pub mod setting;
pub mod timeline;
pub mod wanted;
pub mod wish;
pub mod witness;

pub use database::{Database, Reader, Tx, View};
pub use error::{Cause, StoreError};
pub use key::{KeyFile, KeyFileError, KeyKind, KeySource};
pub use open::OpenError;
