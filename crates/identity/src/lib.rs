//! Who is who: accounts, device lists, the server's identity, and every signature that binds them.
//!
//! All of it is pure: bytes in, checked values out, randomness as an argument. The types that other crates see
//! ([`Genesis`], [`DeviceList`], [`Handle`], …) can be made only by checks that passed, so holding one is the proof.
//!
//! Invariants:
//! - An account certifies itself: its id is the hash of its genesis, so no server can give a known account other keys.
//! - Encodings are fixed, carry a version byte and have one form: a decoder refuses trailing bytes, unknown flags and
//!   anything that it would not have written itself.
//! - Signatures cover received bytes, under a label of [`labels`], every part of the message length-prefixed.
//! - No secret key is shown by `Debug`.

pub mod backup_key;
mod codec;
pub mod credential;
mod crockford;
pub mod genesis;
pub mod group_link;
pub mod handle;
pub mod host;
pub mod invite;
pub mod keys;
pub mod labels;
pub mod linking;
pub mod list;
pub mod recovery;
pub mod safety;
pub mod server;
pub mod statement;

pub use backup_key::{BackupKey, BackupTextError};
pub use credential::LeafCredential;
pub use genesis::{Flags, Genesis, GenesisError};
pub use group_link::{GroupLink, LinkSecret};
pub use handle::{Address, Email, Handle, HandleError, Phone, Username};
pub use host::Host;
pub use invite::{InviteCode, InviteLink, LinkError};
pub use keys::{InvalidKey, ListKey, PublicKey, Signature};
pub use list::{
    Accepted, At, Author, Change, Device, DeviceList, DeviceName, DeviceStatus, ListError, ListHead,
    NewDevice, Refusal, UnverifiedEntry,
};
pub use recovery::{RecoveryKey, RecoveryTextError};
pub use safety::SafetyNumber;
pub use server::{Fingerprint, ServerKey};
pub use statement::{ChannelBinding, Login, Registration, ServerHello};

/// Bytes that are not the one encoding of what they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed {what}")]
pub struct Malformed {
    pub(crate) what: &'static str,
}
