//! Linking: a new device and one of an account's find each other through the server, which hands bytes to and fro.
//!
//! What the bytes are, and why the server cannot change them unseen, is `hushwire_identity::linking`.

use hushwire_types::Timestamp;

use crate::field::{self, Invalid, Message, empty};
use crate::limits::{LINK_BYTES, LINK_CODE_BYTES};
use crate::{Opaque, Sensitive, proto};

/// A new device asks to be found; answered by [`LinkOpened`]. Without a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenLink {
    /// What it commits to.
    pub commitment: [u8; 32],
}

impl Message for OpenLink {
    type Proto = proto::OpenLink;

    fn from_proto(proto: proto::OpenLink) -> Result<Self, Invalid> {
        Ok(Self { commitment: field::id("commitment", &proto.commitment)? })
    }

    fn to_proto(&self) -> proto::OpenLink {
        proto::OpenLink { commitment: field::bytes(self.commitment) }
    }
}

/// How it is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkOpened {
    /// What a person types on the other device.
    pub code: Sensitive,
    /// Until when it is found.
    pub expires_at: Timestamp,
}

impl Message for LinkOpened {
    type Proto = proto::LinkOpened;

    fn from_proto(proto: proto::LinkOpened) -> Result<Self, Invalid> {
        let code = field::sensitive("code", proto.code, LINK_CODE_BYTES)?;
        Ok(Self { code, expires_at: Timestamp::from_ms(proto.expires_at) })
    }

    fn to_proto(&self) -> proto::LinkOpened {
        proto::LinkOpened { code: self.code.expose().to_owned(), expires_at: self.expires_at.as_ms() }
    }
}

/// Another device comes with the code; answered by [`LinkFound`]. A code is good for one that comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindLink {
    /// What the person typed.
    pub code: Sensitive,
}

impl Message for FindLink {
    type Proto = proto::FindLink;

    fn from_proto(proto: proto::FindLink) -> Result<Self, Invalid> {
        Ok(Self { code: field::sensitive("code", proto.code, LINK_CODE_BYTES)? })
    }

    fn to_proto(&self) -> proto::FindLink {
        proto::FindLink { code: self.code.expose().to_owned() }
    }
}

/// What the new device committed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkFound {
    /// The commitment.
    pub commitment: [u8; 32],
}

impl Message for LinkFound {
    type Proto = proto::LinkFound;

    fn from_proto(proto: proto::LinkFound) -> Result<Self, Invalid> {
        Ok(Self { commitment: field::id("commitment", &proto.commitment)? })
    }

    fn to_proto(&self) -> proto::LinkFound {
        proto::LinkFound { commitment: field::bytes(self.commitment) }
    }
}

/// Bytes for the other end; answered by [`LinkSent`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendLink {
    /// At least one byte, at most [`LINK_BYTES`].
    pub body: Opaque,
}

impl Message for SendLink {
    type Proto = proto::SendLink;

    fn from_proto(proto: proto::SendLink) -> Result<Self, Invalid> {
        Ok(Self { body: field::opaque("body", proto.body, LINK_BYTES)? })
    }

    fn to_proto(&self) -> proto::SendLink {
        proto::SendLink { body: field::shared(&self.body) }
    }
}

/// Bytes of the other end (a push).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkMessage {
    /// The bytes.
    pub body: Opaque,
}

impl Message for LinkMessage {
    type Proto = proto::LinkMessage;

    fn from_proto(proto: proto::LinkMessage) -> Result<Self, Invalid> {
        Ok(Self { body: field::opaque("body", proto.body, LINK_BYTES)? })
    }

    fn to_proto(&self) -> proto::LinkMessage {
        proto::LinkMessage { body: field::shared(&self.body) }
    }
}

empty! {
    /// The bytes went to the other end's connection.
    LinkSent,
    /// The other end has gone (a push).
    LinkEnded,
}
