//! The generated types. Private: `content` turns them into validated ones.
#![allow(
    clippy::all,
    missing_docs,
    unreachable_pub,
    reason = "generated from proto/hushwire/content/v1/content.proto"
)]

include!(concat!(env!("OUT_DIR"), "/hushwire.content.v1.rs"));
