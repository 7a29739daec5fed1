//! Bodies that do not fit into a frame: they go up and down by HTTPS, and frames name them by digest and length.
//!
//! ```text
//!  up    PUT /v2/bodies/<digest>                                  then SendUploaded { digest, length }
//!  down  Delivery with a reference                                then GET /v2/mailbox/<seq>
//!        ReferredGroup                                            then GET /v2/groups/<conversation>/<generation>/<epoch>/…
//! ```
//!
//! What is uploaded is the whole request, as it would stand in a frame: one upload for one send, whatever is large in it.
//! What it means is the same either way, so the digest by which a repeated send is known does not depend on the way.
//!
//! Every request carries the ticket of the login (`Authorization: Bearer …`). A failure has an HTTP status, one
//! sentence as its text, and the [`ErrorCode`](crate::ErrorCode) in [`ERROR_HEADER`].

use hushwire_types::id::{base32, from_base32};
use hushwire_types::{BodyDigest, ConversationId, Epoch, Generation, Secret, Seq};

use crate::field::{self, Fault, Invalid, Message, invalid, require};
use crate::limits::{BODY_BYTES, UPLOAD_BYTES};
use crate::{EntryKind, Opaque, Removed, WelcomeEntry, proto};

/// The header of a failed HTTPS request that holds the number of its [`ErrorCode`](crate::ErrorCode).
pub const ERROR_HEADER: &str = "hushwire-error";

/// A body that is elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BodyRef {
    /// Its SHA-256.
    pub digest: BodyDigest,
    /// Its length in bytes, at least 1.
    pub length: u32,
}

impl BodyRef {
    /// The length, as sizes in memory are counted.
    #[must_use]
    pub fn size(&self) -> usize {
        usize::try_from(self.length).unwrap_or(usize::MAX)
    }

    fn read(
        field: &'static str,
        proto: Option<proto::BodyRef>,
        max_bytes: usize,
    ) -> Result<Option<Self>, Invalid> {
        let Some(proto) = proto else { return Ok(None) };
        let body = Self { digest: field::id(field, &proto.sha256)?, length: proto.length };
        require(body.length != 0, field, Fault::Missing)?;
        require(body.size() <= max_bytes, field, Fault::TooLarge)?;
        Ok(Some(body))
    }

    fn require(field: &'static str, proto: Option<proto::BodyRef>) -> Result<Self, Invalid> {
        Self::read(field, proto, BODY_BYTES)?.ok_or(invalid(field, Fault::Missing))
    }

    fn to_proto(self) -> proto::BodyRef {
        proto::BodyRef { sha256: field::bytes(self.digest), length: self.length }
    }
}

/// Sends a [`SendCommit`](crate::SendCommit) or a [`CreateConversation`](crate::CreateConversation) that was uploaded
/// ([`frame::encode_whole`](crate::frame::encode_whole)); answered as that request is, or with `BODY_MISSING`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SendUploaded {
    /// What was uploaded.
    pub upload: BodyRef,
}

impl Message for SendUploaded {
    type Proto = proto::SendUploaded;

    fn from_proto(proto: proto::SendUploaded) -> Result<Self, Invalid> {
        let upload = BodyRef::read("upload", proto.upload, UPLOAD_BYTES)?;
        Ok(Self { upload: upload.ok_or(invalid("upload", Fault::Missing))? })
    }

    fn to_proto(&self) -> proto::SendUploaded {
        proto::SendUploaded { upload: Some(self.upload.to_proto()) }
    }
}

/// A [`Group`](crate::Group) that does not fit into a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReferredGroup {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The generation that this is of.
    pub generation: Generation,
    /// The epoch that this is of.
    pub epoch: Epoch,
    /// The GroupInfo; absent where an older epoch's tree was asked for.
    pub group_info: Option<BodyRef>,
    /// The ratchet tree.
    pub ratchet_tree: BodyRef,
}

impl Message for ReferredGroup {
    type Proto = proto::ReferredGroup;

    fn from_proto(proto: proto::ReferredGroup) -> Result<Self, Invalid> {
        Ok(Self {
            conversation_id: field::id("conversation_id", &proto.conversation_id)?,
            generation: Generation(field::positive("generation", proto.generation)?),
            epoch: Epoch(proto.epoch),
            group_info: BodyRef::read("group_info", proto.group_info, BODY_BYTES)?,
            ratchet_tree: BodyRef::require("ratchet_tree", proto.ratchet_tree)?,
        })
    }

    fn to_proto(&self) -> proto::ReferredGroup {
        proto::ReferredGroup {
            conversation_id: field::bytes(self.conversation_id),
            generation: self.generation.0,
            epoch: self.epoch.0,
            group_info: self.group_info.map(BodyRef::to_proto),
            ratchet_tree: Some(self.ratchet_tree.to_proto()),
        }
    }
}

/// What an entry is whose body is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Referred {
    /// See [`EntryKind::Commit`].
    Commit,
    /// See [`EntryKind::Welcome`].
    Welcome {
        /// The epoch that it leads to.
        epoch: Epoch,
    },
    /// See [`EntryKind::Removed`].
    Removed,
}

/// An entry of a mailbox whose body is fetched by the entry's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReferredEntry {
    /// What it is.
    pub of: Referred,
    /// Its body.
    pub body: BodyRef,
}

impl ReferredEntry {
    /// The entry with its body, as if it had come in the frame. The caller has compared digest and length.
    #[must_use]
    pub fn with_body(self, body: Opaque) -> EntryKind {
        match self.of {
            Referred::Commit => EntryKind::Commit(body),
            Referred::Welcome { epoch } => EntryKind::Welcome(WelcomeEntry { welcome: body, epoch }),
            Referred::Removed => EntryKind::Removed(Removed { commit: body }),
        }
    }

    pub(crate) fn commit(proto: proto::BodyRef) -> Result<Self, Invalid> {
        Ok(Self { of: Referred::Commit, body: BodyRef::require("commit_ref", Some(proto))? })
    }

    pub(crate) fn welcome(proto: proto::WelcomeRef) -> Result<Self, Invalid> {
        let epoch = Epoch(field::positive("epoch", proto.epoch)?);
        Ok(Self { of: Referred::Welcome { epoch }, body: BodyRef::require("welcome_ref", proto.welcome)? })
    }

    pub(crate) fn removed(proto: proto::BodyRef) -> Result<Self, Invalid> {
        Ok(Self { of: Referred::Removed, body: BodyRef::require("removed_ref", Some(proto))? })
    }

    pub(crate) fn to_proto(self) -> proto::entry::Kind {
        use proto::entry::Kind;
        let body = self.body.to_proto();
        match self.of {
            Referred::Commit => Kind::CommitRef(body),
            Referred::Welcome { epoch } => {
                Kind::WelcomeRef(proto::WelcomeRef { welcome: Some(body), epoch: epoch.0 })
            }
            Referred::Removed => Kind::RemovedRef(body),
        }
    }
}

/// Which part of a group is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupPart {
    /// The ratchet tree.
    Tree,
    /// The GroupInfo, of the current epoch only.
    Info,
}

impl GroupPart {
    /// The last segment of the path.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tree => "tree",
            Self::Info => "info",
        }
    }

    /// The part of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Tree, Self::Info].into_iter().find(|part| part.name() == name)
    }
}

/// Where an upload goes.
#[must_use]
pub fn upload_path(digest: BodyDigest) -> String {
    format!("/v2/bodies/{digest}")
}

/// Where the body of an entry is.
#[must_use]
pub fn entry_path(seq: Seq) -> String {
    format!("/v2/mailbox/{}", seq.0)
}

/// Where a part of a group is.
#[must_use]
pub fn group_path(
    conversation: ConversationId,
    generation: Generation,
    epoch: Epoch,
    part: GroupPart,
) -> String {
    format!("/v2/groups/{conversation}/{}/{}/{}", generation.0, epoch.0, part.name())
}

/// The value of the `Authorization` header. A secret: mark it as one where the HTTP library can.
#[must_use]
pub fn authorization(ticket: &Secret<32>) -> String {
    format!("{SCHEME}{}", base32(ticket.expose()))
}

/// The ticket in an `Authorization` header.
#[must_use]
pub fn ticket(authorization: &str) -> Option<Secret<32>> {
    let text = authorization.strip_prefix(SCHEME)?;
    Secret::try_from(from_base32(text)?.as_slice()).ok()
}

const SCHEME: &str = "Bearer ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_comes_back_from_its_header_and_nothing_else_does() {
        let secret = Secret::new([0x7f; 32]);
        assert_eq!(ticket(&authorization(&secret)), Some(secret));
        for text in ["", "Bearer ", "Bearer !", "Basic YWxpY2U6", "Bearer mfrgg"] {
            assert_eq!(ticket(text), None, "{text}");
        }
    }

    #[test]
    fn an_entry_with_its_body_is_what_it_would_have_been_in_a_frame() {
        let bytes = || Opaque::from(b"body".as_slice());
        let body = BodyRef { digest: BodyDigest::new([1; 32]), length: 4 };
        let with_body = |of| ReferredEntry { of, body }.with_body(bytes());
        let epoch = Epoch(7);
        assert_eq!(with_body(Referred::Commit), EntryKind::Commit(bytes()));
        let welcome = EntryKind::Welcome(WelcomeEntry { welcome: bytes(), epoch });
        assert_eq!(with_body(Referred::Welcome { epoch }), welcome);
        assert_eq!(with_body(Referred::Removed), EntryKind::Removed(Removed { commit: bytes() }));
    }

    #[test]
    fn paths_name_what_they_lead_to() {
        let conversation = ConversationId::new([0; 32]);
        let path = group_path(conversation, Generation(2), Epoch(9), GroupPart::Tree);
        assert_eq!(path, format!("/v2/groups/{conversation}/2/9/tree"));
        assert_eq!(GroupPart::from_name("info"), Some(GroupPart::Info));
        assert_eq!(GroupPart::from_name("secrets"), None);
        assert_eq!(entry_path(Seq(7)), "/v2/mailbox/7");
        let digest = BodyDigest::new([0xd1; 32]);
        assert_eq!(upload_path(digest), format!("/v2/bodies/{digest}"));
    }
}
