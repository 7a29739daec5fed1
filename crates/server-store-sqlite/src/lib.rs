//! The server's store on one SQLite file: group-committed writes through one connection, reads through a few others.
//!
//! Invariants:
//! - A batch is one `BEGIN IMMEDIATE … COMMIT` with `synchronous=FULL` in WAL mode: what [`SqliteStore::write`](
//!   hushwire_server_store::Store::write) has returned survives a power cut.
//! - Rows that are cached are those of the last commit. Whatever fails drops the caches, and so does a commit of
//!   another process (`PRAGMA data_version`), so an administrator's command and a running server may share the file.
//! - The file has an incarnation that its copies do not share: a small file beside it says whether it is the one that was written last.
//! - Plain SQLite without a key: all that is in it is ciphertext, public keys, keyed hashes, or the server's own business.

mod backup;
mod batch;
mod cache;
mod columns;
mod error;
mod life;
mod log;
mod original;
mod pool;
mod reads;
mod schema;
mod sql;
mod store;

pub use backup::BackupError;
pub use error::OpenError;
pub use original::{Original, OriginalClient, OriginalMessage};
pub use store::SqliteStore;
