//! The generated types. Private: `record` turns them into validated ones.
#![allow(
    clippy::all,
    missing_docs,
    unreachable_pub,
    reason = "generated from proto/hushwire/backup/v1/backup.proto"
)]

include!(concat!(env!("OUT_DIR"), "/hushwire.backup.v1.rs"));
