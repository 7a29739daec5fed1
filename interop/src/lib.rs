//! Two implementations of MLS in the same groups: [`Ours`] is the `mls` crate's `Device` on mls-rs, [`Theirs`] a
//! member on OpenMLS, each in each role, with the server's observer following all of it.
//!
//! mls-rs has no public audit and our ciphersuite is put together from parts; OpenMLS has the audit and brings a suite of
//! its own. Equal epoch authenticators (RFC 9420, section 8.7) in every epoch show that both compute the same key
//! schedule, tree and transcript.
//!
//! Nothing here is shipped. Time is the machine's, for OpenMLS asks nobody for it.

pub mod ours;
pub mod registry;
pub mod room;
pub mod theirs;

pub use ours::Ours;
pub use registry::Registry;
pub use room::{Room, Seat};
pub use theirs::Theirs;
