//! Ids, time, randomness and redaction: the words that every other crate of Hushwire speaks in.
//!
//! Invariants:
//! - An id is opaque bytes of a fixed length with one text form (lower-case base32 without padding).
//! - Time comes from a [`Clock`], randomness from an [`Entropy`]; nothing else in the workspace may ask the
//!   operating system for either (`clippy.toml` holds that), so the simulator can own both.
//! - What a stranger wrote reaches a screen through [`display`], on the server as on the client.
//! - A secret never has a `Debug` or `Display` that shows it.

pub mod display;
pub mod id;
pub mod number;
pub mod rng;
pub mod secret;
pub mod subject;
pub mod time;

pub use id::{
    AccountId, BodyDigest, ContentId, ConversationId, DeviceId, EntryHash, GroupId, IncarnationId, LoginMark,
    MailboxId, ReportId, SessionId,
};
pub use number::{Epoch, Generation, ListNumber, Order, SendSeq, Seq};
pub use rng::{Entropy, OsEntropy};
pub use secret::{Secret, SecretBytes};
pub use subject::Subject;
pub use time::{Clock, SystemClock, Timestamp};
