//! Conversations: sending, Commits, creation, what a joiner fetches, ephemeral messages.

use hushwire_types::{AccountId, ConversationId, Epoch, Generation, Order, SendSeq, Timestamp};

use crate::field::{self, Fault, Invalid, Message, empty, invalid};
use crate::limits::{BODY_BYTES, FRAME_BYTES, MESSAGE_BYTES};
use crate::{Opaque, proto};

/// An application message; answered by [`MessageSent`], the same one for the same bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendMessage {
    /// Number of the send by this mailbox.
    pub send_seq: SendSeq,
    /// The conversation.
    pub conversation_id: ConversationId,
    /// Its generation.
    pub generation: Generation,
    /// The epoch in the MLS header, which the server compares.
    pub epoch: Epoch,
    /// An MLSMessage with a PrivateMessage.
    pub body: Opaque,
}

impl Message for SendMessage {
    type Proto = proto::SendMessage;

    fn from_proto(proto: proto::SendMessage) -> Result<Self, Invalid> {
        Ok(Self {
            send_seq: SendSeq(field::positive("send_seq", proto.send_seq)?),
            conversation_id: field::id("conversation_id", &proto.conversation_id)?,
            generation: Generation(field::positive("generation", proto.generation)?),
            epoch: Epoch(proto.epoch),
            body: field::opaque("body", proto.body, MESSAGE_BYTES)?,
        })
    }

    fn to_proto(&self) -> proto::SendMessage {
        proto::SendMessage {
            send_seq: self.send_seq.0,
            conversation_id: field::bytes(self.conversation_id),
            generation: self.generation.0,
            epoch: self.epoch.0,
            body: field::shared(&self.body),
        }
    }
}

/// A Commit of a member, or an external Commit of a device whose account is in the tree; answered by
/// [`MessageSent`] or `STALE_EPOCH`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendCommit {
    /// Number of the send by this mailbox.
    pub send_seq: SendSeq,
    /// The conversation.
    pub conversation_id: ConversationId,
    /// Its generation.
    pub generation: Generation,
    /// The epoch that the Commit is made in.
    pub epoch: Epoch,
    /// An MLSMessage with a PublicMessage with a Commit.
    pub commit: Opaque,
    /// An MLSMessage with the GroupInfo of the new epoch, with `external_pub` and without the ratchet tree.
    pub group_info: Opaque,
    /// An MLSMessage with the Welcome for all added devices, without the ratchet tree.
    pub welcome: Option<Opaque>,
}

impl Message for SendCommit {
    type Proto = proto::SendCommit;

    fn from_proto(proto: proto::SendCommit) -> Result<Self, Invalid> {
        Ok(Self {
            send_seq: SendSeq(field::positive("send_seq", proto.send_seq)?),
            conversation_id: field::id("conversation_id", &proto.conversation_id)?,
            generation: Generation(field::positive("generation", proto.generation)?),
            epoch: Epoch(proto.epoch),
            commit: field::opaque("commit", proto.commit, BODY_BYTES)?,
            group_info: field::opaque("group_info", proto.group_info, BODY_BYTES)?,
            welcome: field::optional_opaque("welcome", proto.welcome, BODY_BYTES)?,
        })
    }

    fn to_proto(&self) -> proto::SendCommit {
        proto::SendCommit {
            send_seq: self.send_seq.0,
            conversation_id: field::bytes(self.conversation_id),
            generation: self.generation.0,
            epoch: self.epoch.0,
            commit: field::shared(&self.commit),
            group_info: field::shared(&self.group_info),
            welcome: field::optional_shared(self.welcome.as_ref()),
        }
    }
}

impl SendCommit {
    /// Holds that each part is of a size that may stand in a frame.
    pub(crate) fn check_inline(&self) -> Result<(), Invalid> {
        inline("commit", Some(&self.commit))?;
        inline("group_info", Some(&self.group_info))?;
        inline("welcome", self.welcome.as_ref())
    }
}

/// What kind of conversation is created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConversationKind {
    /// Between two accounts, the sender's and this one.
    Direct {
        /// The other account.
        peer: AccountId,
    },
    /// Among any number of accounts.
    Group,
}

/// Creates a conversation, or its next generation, with its first Commit; answered by [`MessageSent`] or
/// `CONVERSATION_EXISTS`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateConversation {
    /// Number of the send by this mailbox.
    pub send_seq: SendSeq,
    /// The conversation; for a direct one derived from the two accounts, for a group from its creator and MLS group id.
    pub conversation_id: ConversationId,
    /// The generation that is created; 1 is the first.
    pub generation: Generation,
    /// What it is.
    pub kind: ConversationKind,
    /// An MLSMessage with the GroupInfo of epoch 0, where the creator's leaf is alone.
    pub group_info: Opaque,
    /// The ratchet tree of epoch 0.
    pub ratchet_tree: Opaque,
    /// The first Commit, made in epoch 0, that adds everybody else.
    pub commit: Opaque,
    /// The GroupInfo of epoch 1.
    pub commit_group_info: Opaque,
    /// The Welcome for all added devices; absent where none was added.
    pub welcome: Option<Opaque>,
}

impl Message for CreateConversation {
    type Proto = proto::CreateConversation;

    fn from_proto(proto: proto::CreateConversation) -> Result<Self, Invalid> {
        use proto::create_conversation::{Group, Kind};
        let kind = match proto.kind.ok_or(invalid("kind", Fault::Missing))? {
            Kind::Direct(direct) => {
                ConversationKind::Direct { peer: field::id("peer_account_id", &direct.peer_account_id)? }
            }
            Kind::Group(Group {}) => ConversationKind::Group,
        };
        Ok(Self {
            send_seq: SendSeq(field::positive("send_seq", proto.send_seq)?),
            conversation_id: field::id("conversation_id", &proto.conversation_id)?,
            generation: Generation(field::positive("generation", proto.generation)?),
            kind,
            group_info: field::opaque("group_info", proto.group_info, BODY_BYTES)?,
            ratchet_tree: field::opaque("ratchet_tree", proto.ratchet_tree, BODY_BYTES)?,
            commit: field::opaque("commit", proto.commit, BODY_BYTES)?,
            commit_group_info: field::opaque("commit_group_info", proto.commit_group_info, BODY_BYTES)?,
            welcome: field::optional_opaque("welcome", proto.welcome, BODY_BYTES)?,
        })
    }

    fn to_proto(&self) -> proto::CreateConversation {
        use proto::create_conversation::{Direct, Group, Kind};
        let kind = match self.kind {
            ConversationKind::Direct { peer } => Kind::Direct(Direct { peer_account_id: field::bytes(peer) }),
            ConversationKind::Group => Kind::Group(Group {}),
        };
        proto::CreateConversation {
            send_seq: self.send_seq.0,
            conversation_id: field::bytes(self.conversation_id),
            generation: self.generation.0,
            kind: Some(kind),
            group_info: field::shared(&self.group_info),
            ratchet_tree: field::shared(&self.ratchet_tree),
            commit: field::shared(&self.commit),
            commit_group_info: field::shared(&self.commit_group_info),
            welcome: field::optional_shared(self.welcome.as_ref()),
        }
    }
}

impl CreateConversation {
    /// Holds that each part is of a size that may stand in a frame.
    pub(crate) fn check_inline(&self) -> Result<(), Invalid> {
        inline("group_info", Some(&self.group_info))?;
        inline("ratchet_tree", Some(&self.ratchet_tree))?;
        inline("commit", Some(&self.commit))?;
        inline("commit_group_info", Some(&self.commit_group_info))?;
        inline("welcome", self.welcome.as_ref())
    }
}

/// Holds that an MLS object may stand in a frame; a larger one is uploaded.
pub(crate) fn inline(field: &'static str, body: Option<&Opaque>) -> Result<(), Invalid> {
    field::require(body.is_none_or(|body| body.len() <= MESSAGE_BYTES), field, Fault::TooLarge)
}

/// A send is accepted and durable. "Sent" means this and no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageSent {
    /// The send.
    pub send_seq: SendSeq,
    /// Its position in the conversation.
    pub order: Order,
    /// When it was accepted, by the server's clock.
    pub accepted_at: Timestamp,
}

impl Message for MessageSent {
    type Proto = proto::MessageSent;

    fn from_proto(proto: proto::MessageSent) -> Result<Self, Invalid> {
        Ok(Self {
            send_seq: SendSeq(field::positive("send_seq", proto.send_seq)?),
            order: Order(field::positive("order", proto.order)?),
            accepted_at: Timestamp::from_ms(proto.accepted_at),
        })
    }

    fn to_proto(&self) -> proto::MessageSent {
        proto::MessageSent {
            send_seq: self.send_seq.0,
            order: self.order.0,
            accepted_at: self.accepted_at.as_ms(),
        }
    }
}

/// Asks for a group's public state, to join or to rejoin; answered by [`Group`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchGroup {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The generation; absent: the current one.
    pub generation: Option<Generation>,
    /// The epoch whose tree is wanted (a joiner's, at least 1); absent: the current one with its GroupInfo.
    pub epoch: Option<Epoch>,
}

impl Message for FetchGroup {
    type Proto = proto::FetchGroup;

    fn from_proto(proto: proto::FetchGroup) -> Result<Self, Invalid> {
        Ok(Self {
            conversation_id: field::id("conversation_id", &proto.conversation_id)?,
            generation: (proto.generation != 0).then_some(Generation(proto.generation)),
            epoch: (proto.epoch != 0).then_some(Epoch(proto.epoch)),
        })
    }

    fn to_proto(&self) -> proto::FetchGroup {
        proto::FetchGroup {
            conversation_id: field::bytes(self.conversation_id),
            generation: self.generation.unwrap_or_default().0,
            epoch: self.epoch.unwrap_or_default().0,
        }
    }
}

/// A group's public state: given to active devices of members and to pending joiners alone (rule R7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The generation that this is of.
    pub generation: Generation,
    /// The epoch that this is of.
    pub epoch: Epoch,
    /// An MLSMessage with the GroupInfo; absent where an older epoch's tree was asked for.
    pub group_info: Option<Opaque>,
    /// The ratchet tree.
    pub ratchet_tree: Opaque,
}

impl Message for Group {
    type Proto = proto::Group;

    fn from_proto(proto: proto::Group) -> Result<Self, Invalid> {
        Ok(Self {
            conversation_id: field::id("conversation_id", &proto.conversation_id)?,
            generation: Generation(field::positive("generation", proto.generation)?),
            epoch: Epoch(proto.epoch),
            group_info: field::optional_opaque("group_info", proto.group_info, MESSAGE_BYTES)?,
            ratchet_tree: field::opaque("ratchet_tree", proto.ratchet_tree, FRAME_BYTES)?,
        })
    }

    fn to_proto(&self) -> proto::Group {
        proto::Group {
            conversation_id: field::bytes(self.conversation_id),
            generation: self.generation.0,
            epoch: self.epoch.0,
            group_info: field::optional_shared(self.group_info.as_ref()),
            ratchet_tree: field::shared(&self.ratchet_tree),
        }
    }
}

/// A message for connected mailboxes only, never stored; answered by [`EphemeralSent`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendEphemeral {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// Its generation.
    pub generation: Generation,
    /// The epoch in the MLS header, which the server compares.
    pub epoch: Epoch,
    /// An MLSMessage with a PrivateMessage.
    pub body: Opaque,
}

impl Message for SendEphemeral {
    type Proto = proto::SendEphemeral;

    fn from_proto(proto: proto::SendEphemeral) -> Result<Self, Invalid> {
        Ok(Self {
            conversation_id: field::id("conversation_id", &proto.conversation_id)?,
            generation: Generation(field::positive("generation", proto.generation)?),
            epoch: Epoch(proto.epoch),
            body: field::opaque("body", proto.body, MESSAGE_BYTES)?,
        })
    }

    fn to_proto(&self) -> proto::SendEphemeral {
        proto::SendEphemeral {
            conversation_id: field::bytes(self.conversation_id),
            generation: self.generation.0,
            epoch: self.epoch.0,
            body: field::shared(&self.body),
        }
    }
}

empty! {
    /// An ephemeral message went to whoever is connected.
    EphemeralSent,
}

/// An ephemeral message arrives (a push).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ephemeral {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// Its generation.
    pub generation: Generation,
    /// An MLSMessage with a PrivateMessage.
    pub body: Opaque,
}

impl Message for Ephemeral {
    type Proto = proto::Ephemeral;

    fn from_proto(proto: proto::Ephemeral) -> Result<Self, Invalid> {
        Ok(Self {
            conversation_id: field::id("conversation_id", &proto.conversation_id)?,
            generation: Generation(field::positive("generation", proto.generation)?),
            body: field::opaque("body", proto.body, MESSAGE_BYTES)?,
        })
    }

    fn to_proto(&self) -> proto::Ephemeral {
        proto::Ephemeral {
            conversation_id: field::bytes(self.conversation_id),
            generation: self.generation.0,
            body: field::shared(&self.body),
        }
    }
}
