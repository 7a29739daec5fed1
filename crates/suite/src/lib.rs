//! MLS ciphersuite 0x004E, `MLS_128_MLKEM768X25519_AES256GCM_SHA384_Ed25519` (draft-ietf-mls-pq-ciphersuites),
//! as an mls-rs [`CryptoProvider`].
//!
//! mls-rs with the AWS-LC provider has every part of this suite but the KEM, so the suite is put together here:
//! AES-256-GCM, HKDF-SHA384 and Ed25519 from AWS-LC, X-Wing (ML-KEM-768 with X25519) from the `x-wing` crate, and
//! HPKE (RFC 9180) over both from `mls-rs-crypto-hpke`. No primitive is implemented here.
//!
//! Invariants:
//! - All randomness (KEM keys, encapsulations, signature keys, nonces, path secrets) comes from the one
//!   [`Entropy`] that the suite was made with, so a simulator that owns it owns every byte.
//! - No other ciphersuite exists: asking for one gives `None`.
//! - An X25519 share that makes the shared secret all-zero is refused (RFC 7748, section 6.1).
//!
//! [`Entropy`]: hushwire_types::Entropy
//! [`CryptoProvider`]: mls_rs_core::crypto::CryptoProvider

mod error;
mod provider;
mod repeats;
mod x_wing_kem;

pub use error::SuiteError;
pub use provider::{CIPHER_SUITE, Suite, SuiteProvider};
pub use repeats::remembering;
pub use x_wing_kem::XWing;
