//! Kinds that are about another message: what a reply quotes, reactions, edits, deletions.
//!
//! A message is named by the account of its author and its content id: that survives re-encryption, and no two accounts can
//! take each other's. Whether somebody may edit or delete it, the reader decides.

use std::fmt;

use hushwire_types::{AccountId, ContentId};

use crate::content::{Invalid, fixed, text};
use crate::{limits, proto};

/// Which message is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    /// Its author.
    pub account: AccountId,
    /// Its identity.
    pub content_id: ContentId,
}

impl Target {
    pub(crate) fn from_proto(field: &'static str, proto: Option<proto::Target>) -> Result<Self, Invalid> {
        let proto = proto.ok_or(Invalid::Missing { field })?;
        Ok(Self { account: fixed(field, &proto.account)?, content_id: fixed(field, &proto.content_id)? })
    }

    pub(crate) fn to_proto(self) -> proto::Target {
        proto::Target {
            account: self.account.as_bytes().to_vec(),
            content_id: self.content_id.as_bytes().to_vec(),
        }
    }
}

/// What a reply replies to.
#[derive(Clone, PartialEq, Eq)]
pub struct Quote {
    /// The message.
    pub target: Target,
    /// How it begins, for who does not have it. Untrusted text, and no proof of what it said.
    pub excerpt: String,
}

impl Quote {
    pub(crate) fn from_proto(proto: proto::Quote) -> Result<Self, Invalid> {
        let target = Target::from_proto("quote", proto.target)?;
        Ok(Self { target, excerpt: text("excerpt", proto.excerpt, limits::EXCERPT_BYTES)? })
    }

    pub(crate) fn to_proto(&self) -> proto::Quote {
        proto::Quote { target: Some(self.target.to_proto()), excerpt: self.excerpt.clone() }
    }
}

/// Somebody's feeling about a message: one of each account, the last one counts.
#[derive(Clone, PartialEq, Eq)]
pub struct Reaction {
    /// The message.
    pub target: Target,
    /// An emoji, untrusted; empty takes the reaction back.
    pub emoji: String,
}

impl Reaction {
    pub(crate) fn from_proto(proto: proto::Reaction) -> Result<Self, Invalid> {
        let emoji = text("emoji", proto.emoji, limits::EMOJI_BYTES)?;
        if emoji.chars().any(|symbol| symbol.is_control() || symbol.is_whitespace()) {
            return Err(Invalid::Value { field: "emoji" });
        }
        Ok(Self { target: Target::from_proto("target", proto.target)?, emoji })
    }

    pub(crate) fn to_proto(&self) -> proto::Reaction {
        proto::Reaction { target: Some(self.target.to_proto()), emoji: self.emoji.clone() }
    }
}

/// A new wording of a text of the author's own. The old ones are kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Edit {
    /// The text.
    pub content_id: ContentId,
    /// What it says now. Untrusted text.
    pub body: String,
}

impl Edit {
    pub(crate) fn from_proto(proto: proto::Edit) -> Result<Self, Invalid> {
        Ok(Self { content_id: fixed("content_id", &proto.content_id)?, body: body(proto.body)? })
    }

    pub(crate) fn to_proto(&self) -> proto::Edit {
        proto::Edit { content_id: self.content_id.as_bytes().to_vec(), body: self.body.clone() }
    }
}

/// The body of a text, which is never empty.
pub(crate) fn body(body: String) -> Result<String, Invalid> {
    if body.is_empty() {
        return Err(Invalid::Missing { field: "body" });
    }
    let body = text("body", body, limits::TEXT_BYTES)?;
    if body.chars().count() > limits::TEXT_CHARS {
        return Err(Invalid::too_large("body"));
    }
    Ok(body)
}

impl fmt::Debug for Quote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Quote({:?}, {} bytes)", self.target, self.excerpt.len())
    }
}

impl fmt::Debug for Reaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reaction({:?}, {} bytes)", self.target, self.emoji.len())
    }
}

impl fmt::Debug for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Edit({:?}, {} bytes)", self.content_id, self.body.len())
    }
}
