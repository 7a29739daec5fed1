//! Wire version 1: the protocol of the original Python program, so that its clients and servers and ours work together.
//!
//! ```text
//!  request  phone 10 · version 1 · code 2 · size 4 · payload        frame ◄── request, response ◄── phone, keys, blob
//!  response            version 1 · code 2 · size 4 · payload          │
//!                                                                     ▼
//!  client folder ──► folder ──► client (one connection, blocking) ── message: seal, open ── crypto
//! ```
//!
//! The protocol is kept for those who move over, not because it is safe: a login proves nothing, nothing is forward secret,
//! and nothing in a message says when it was written. What can be made safe without breaking an honest client is
//! ([`client`], and hushd's listener); the rest is why people should move on.
//!
//! Invariants:
//! - A decoder takes bytes in any pieces; what is too large, malformed or unknown is a typed error, never a panic.
//! - A value that exists fits on the wire: lengths are checked where it is made.
//! - Keys that a server hands out are believed only with its signature ([`VerifiedKeys`]); text comes only out of a
//!   message whose signature holds ([`message::open`]).
//! - All cryptography is OpenSSL's; private keys and texts wipe themselves and print nothing.

pub mod blob;
pub mod client;

pub mod crypto;
pub mod folder;

pub mod frame;
pub mod keys;
pub mod limits;
pub mod message;
pub mod otp;
pub mod phone;
pub mod request;
pub mod response;

pub use blob::MessageBlob;
pub use crypto::{CryptoError, SigningKey, VerifyingKey};
pub use frame::{DecodeError, RequestDecoder, RequestFrame, ResponseDecoder};
pub use keys::{DhPublicKey, PublicKeys, RsaPem, Signature, SignedKeys, VerifiedKeys};
pub use otp::Otp;
pub use phone::Phone;
pub use request::Request;
pub use response::Response;
