//! The generated types. Private: each becomes a validated type by [`crate::field::Message`].
#![allow(clippy::all, missing_docs, unreachable_pub, reason = "generated from proto/hushwire/v2/wire.proto")]

include!(concat!(env!("OUT_DIR"), "/hushwire.v2.rs"));
