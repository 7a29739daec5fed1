//! What server and client both check of a group: who may be in it, which Commits are allowed, and the server's view of
//! it as an external member.
//!
//! The policy is one pure function of group state and Commit ([`rules::check`]); the client's MLS stack calls it through
//! [`Policy`] and [`Identities`], the server through the [`Observer`], so both refuse exactly the same.
//!
//! The way of a handshake message, on either side:
//!
//! ```text
//! bytes ── admit ──▶ Admitted ── mls-rs, calling Identities and Policy ──▶ next epoch
//!          (R9)                  (R3: leaves)     (R3, R7, direct conversations)
//! ```
//!
//! Invariants:
//! - Nothing but PublicMessage Commits with inline Add, Remove, ExternalInit and GroupContextExtensions, and
//!   PrivateMessage application messages, reaches mls-rs (rule R9).
//! - A leaf is judged by the prefix of the device list that its credential names and by nothing else: no clock, no
//!   later knowledge (rule R3). A prefix that is not known yet neither accepts nor refuses: it comes back as
//!   [`PolicyError::MissingLists`].
//! - The policy never asks who is asking: a Commit that one device accepts, every device with the same lists accepts.

pub mod admission;
pub mod charter;
pub mod credential;
pub mod error;
pub mod extension;
pub mod header;
pub mod identities;
pub mod key_package;
pub mod lists;
pub mod observer;
pub mod policy;
mod reader;
pub mod rules;

pub use admission::{Admitted, admit};
pub use charter::{Amendment, Charter, LinkHash, Permissions, Rank, Role, Who};
pub use credential::{CREDENTIAL_TYPE, leaf_credential, signing_identity};
pub use error::{PolicyError, Refusal};
pub use extension::{
    Floors, GROUP_EXTENSION, GroupExtension, Kind, direct_conversation_id, group_conversation_id,
};
pub use header::{At, Header, peek};
pub use identities::Identities;
pub use key_package::{CheckedKeyPackage, check_key_package};
pub use lists::{DeviceLists, Lists, Prefix};
pub use observer::{CommitSummary, Followed, Observer, ObserverError, Published};
pub use policy::Policy;
