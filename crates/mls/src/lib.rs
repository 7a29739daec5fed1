//! MLS groups (RFC 9420) of one device: create, join, commit, process, rejoin.
//!
//! No SQL and no network: a [`Device`] works on rows that the caller loads, keeps what changes in memory, and says with
//! [`Device::drain`] what the caller's transaction must write. mls-rs stays behind this crate's own types.
//!
//! ```text
//! rows ─ load ─▶ Device ─ encrypt, process, stage_commit, apply_own_commit, join, stage_rejoin ─▶ drain ─▶ rows
//!                  ▲                                    │
//!                  └──────────── forget ◀── any error ──┘
//! ```
//!
//! Invariants:
//! - Nothing counts until the caller has written it; after [`Device::forget`] everything comes from rows again.
//! - A step writes a group's small row; of the ratchet tree only what differs, when the epoch changed.
//! - A Commit is detached until the stream proves that it won: its secrets are bytes in a row of the caller's.
//! - All time is an argument, all randomness comes from the [`Suite`](hushwire_suite::Suite)'s entropy.
//! - Every check of a peer's message that rules R3, R7, R8 and R9 ask of a client is made here or in `group-policy`.

mod adapter;
mod change;
mod commit;
mod create;
mod details;
mod device;
mod error;
mod group;
mod group_info;
mod head;
#[cfg(feature = "hostile")]
pub mod hostile;
mod join;
mod key_package;
mod message;
mod nodes;
mod process;
mod rejoin;
mod row;
mod staging;
mod thin;
mod tree;

pub use change::{EpochChange, Membership, Origin};
pub use commit::{Addition, Change, Intent, StagedCommit};
pub use create::{NewGroup, Published};
pub use details::MAX_DETAILS_BYTES;
pub use device::{Device, DeviceKeys};
pub use error::{Lost, MlsError, Refusal, StateError};
pub use group::{GroupView, LeafKeys};
pub use group_info::GroupInfoCheck;
pub use head::{MAX_SENT_PER_EPOCH, PAST_EPOCH_TIME, PAST_EPOCHS};
pub use join::Joined;
pub use key_package::{
    KEY_PACKAGE_LIFETIME, KeyPackage, KeyPackageKind, UnverifiedKeyPackage, peek_key_package,
    welcome_references,
};
pub use message::{Encrypted, MessageHash, message_hash};
pub use process::{Application, Processed};
pub use rejoin::StagedRejoin;
pub use row::{Row, RowChange, RowColumns, RowKey};
