//! What the server remembers, as whole domain operations: the [`Store`] trait, its operations and records, the
//! decisions that every backend shares, an in-memory store, and the suite that every backend must pass.
//!
//! Invariants:
//! - A batch of [`Write`]s is one durable transaction, applied in order. A refused operation changes nothing and the
//!   rest of the batch stands; a failed batch changes nothing at all, counters included, so nothing ever has holes.
//! - Nothing above a store sees a row, a transaction or a connection. What a backend decides alone is how to keep
//!   things; *what* is accepted is decided by the pure functions in [`decide`], so that no two backends differ.
//! - A store asks nobody for time or randomness: operations carry both.
//! - Secrets of registration (invite codes, OTPs) arrive as keyed hashes only.
//!
//! To add an operation: its struct beside its noun, a variant of [`Write`], a decision in [`decide`] if there is
//! anything to decide, both backends, and its acceptance and each of its refusals in `conformance`.

pub mod account;
pub mod bounds;
pub mod claim;
pub mod classic;
pub mod codec;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod conversation;
pub mod decide;
pub mod error;
pub mod key_package;
pub mod large;
pub mod mailbox;
pub mod memory;
pub mod registration;
pub mod report;
pub mod store;
pub mod upkeep;
pub mod write;

pub use bounds::Bounds;
pub use error::{Refusal, StoreError};
pub use memory::MemoryStore;
pub use store::Store;
pub use write::{Write, Written};
