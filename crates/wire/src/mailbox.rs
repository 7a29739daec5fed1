//! The mailbox: deliveries and their acknowledgement.
//!
//! An entry whose kind this version does not know keeps its bytes as [`EntryKind::Unknown`]: the receiver parks
//! them with [`Entry::to_bytes`], acknowledges, and reads them again with [`Entry::from_bytes`] after an upgrade.

use bytes::Bytes;
use hushwire_types::{
    AccountId, ConversationId, EntryHash, Epoch, Generation, IncarnationId, ListNumber, Order, Seq, Timestamp,
};
use prost::Message as _;

use crate::bodies::ReferredEntry;
use crate::claims::{HandleClaim, HandleMoved};
use crate::conversations::inline;
use crate::field::{self, Fault, Invalid, Message, invalid, require};
use crate::limits::{self, BODY_BYTES, MESSAGE_BYTES};
use crate::{Opaque, proto, scan};

/// Entries of the mailbox after the client's cursor (a push).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// At least one, in ascending order of `seq`, at most [`limits::DELIVERY_ENTRIES`]. A number is left out only
    /// where a [`Gap`] that came before covers it.
    pub entries: Vec<Entry>,
}

impl Delivery {
    /// Reads a delivery together with its own bytes, which unknown kinds are cut from.
    pub(crate) fn from_parts(proto: proto::Delivery, body: &Bytes) -> Result<Self, Invalid> {
        require(!proto.entries.is_empty(), "entries", Fault::Missing)?;
        require(proto.entries.len() <= limits::DELIVERY_ENTRIES, "entries", Fault::TooLarge)?;
        let mut raw = scan::fields(body.clone()).filter_map(Result::ok).filter(|field| field.number == 1);
        let entries: Vec<Entry> = proto
            .entries
            .into_iter()
            .map(|entry| Entry::from_parts(entry, raw.next().map(|field| field.value).unwrap_or_default()))
            .collect::<Result<_, _>>()?;
        let ascending = entries.iter().zip(entries.iter().skip(1)).all(|(left, right)| left.seq < right.seq);
        require(ascending, "seq", Fault::Value)?;
        entries.iter().try_for_each(|entry| entry.kind.check_inline())?;
        Ok(Self { entries })
    }

    pub(crate) fn to_proto(&self) -> Result<proto::Delivery, Invalid> {
        Ok(proto::Delivery { entries: self.entries.iter().map(Entry::to_proto).collect::<Result<_, _>>()? })
    }
}

/// One entry of a mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its number in the mailbox.
    pub seq: Seq,
    /// When the server accepted it.
    pub accepted_at: Timestamp,
    /// Where it stands; absent for entries that belong to no conversation.
    pub place: Option<Place>,
    /// What it is.
    pub kind: EntryKind,
}

/// Where an entry stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Place {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// Its generation.
    pub generation: Generation,
    /// The position in the conversation: of the message or the Commit, for a Welcome or a removal that of the
    /// Commit it came with, for a [`Gap`] that of the last entry that was dropped, where it had one.
    pub order: Option<Order>,
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EntryKind {
    /// An MLSMessage with a PrivateMessage.
    Application(Opaque),
    /// An MLSMessage with a PublicMessage with a Commit, the receiver's own ones too.
    Commit(Opaque),
    /// The receiver was added.
    Welcome(WelcomeEntry),
    /// The receiver's leaf was removed.
    Removed(Removed),
    /// Entries were dropped.
    Gap(Gap),
    /// A device list has grown.
    ListChanged(ListChanged),
    /// How it stands with a handle of one's own that another account claims.
    HandleClaim(HandleClaim),
    /// A handle of somebody belongs to another account now.
    HandleMoved(HandleMoved),
    /// A Commit, a Welcome or a removal that does not fit into a frame: its body is fetched by HTTPS.
    Referred(ReferredEntry),
    /// A newer protocol's kind: the bytes of the whole entry. Never encoded in a delivery.
    Unknown(Opaque),
}

/// The receiver was added by a Commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WelcomeEntry {
    /// An MLSMessage with the Welcome, without the ratchet tree.
    pub welcome: Opaque,
    /// The epoch that it leads to, whose tree is fetched with [`FetchGroup`](crate::FetchGroup).
    pub epoch: Epoch,
}

/// The receiver's leaf was removed by the Commit that stands here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    /// An MLSMessage with a PublicMessage with the Commit.
    pub commit: Opaque,
}

/// Entries were dropped: of [`from_seq`, `through_seq`] the mailbox no longer has some, all of one conversation, or
/// all of none. It stands at the first of them, so it comes before the holes that it explains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// The first dropped entry.
    pub from_seq: Seq,
    /// The last dropped entry.
    pub through_seq: Seq,
    /// How many were dropped, at least 1.
    pub dropped: u64,
}

/// The device list of an account with which the receiver shares a conversation, or of its own, has grown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListChanged {
    /// The account.
    pub account_id: AccountId,
    /// Number of the newest entry.
    pub list_number: ListNumber,
    /// Its hash.
    pub list_hash: EntryHash,
}

impl Entry {
    /// The entry's own encoding, for parking it.
    ///
    /// # Errors
    /// Names the field that the schema does not allow.
    pub fn to_bytes(&self) -> Result<Bytes, Invalid> {
        if let EntryKind::Unknown(raw) = &self.kind {
            return Ok(field::shared(raw));
        }
        let proto = self.to_proto()?;
        let bytes = Bytes::from(proto.encode_to_vec());
        Self::from_parts(proto, Bytes::new())?;
        Ok(bytes)
    }

    /// Reads what [`Entry::to_bytes`] wrote, perhaps in an older version that did not know the kind.
    ///
    /// # Errors
    /// Names the field that does not hold what the schema promises.
    pub fn from_bytes(bytes: Bytes) -> Result<Self, Invalid> {
        let proto = proto::Entry::decode(bytes.clone()).map_err(|_| invalid("entries", Fault::Value))?;
        Self::from_parts(proto, bytes)
    }

    /// Bytes that the entry takes in a delivery, for closing it at [`limits::DELIVERY_BYTES`].
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        /// Key and length before each entry.
        const PREFIX: usize = 5;
        PREFIX + self.to_proto().map_or(0, |proto| proto.encoded_len())
    }

    fn from_parts(proto: proto::Entry, raw: Bytes) -> Result<Self, Invalid> {
        let place = place(&proto)?;
        let kind = match proto.kind {
            Some(kind) => EntryKind::from_proto(kind)?,
            None => EntryKind::Unknown(Opaque::new(raw)),
        };
        kind.check_place(place)?;
        Ok(Self {
            seq: Seq(field::positive("seq", proto.seq)?),
            accepted_at: Timestamp::from_ms(proto.accepted_at),
            place,
            kind,
        })
    }

    fn to_proto(&self) -> Result<proto::Entry, Invalid> {
        Ok(proto::Entry {
            seq: self.seq.0,
            conversation_id: field::optional_bytes(self.place.map(|place| place.conversation_id)),
            generation: self.place.map_or(0, |place| place.generation.0),
            order: self.place.and_then(|place| place.order).unwrap_or_default().0,
            accepted_at: self.accepted_at.as_ms(),
            kind: Some(self.kind.to_proto()?),
        })
    }
}

fn place(proto: &proto::Entry) -> Result<Option<Place>, Invalid> {
    let Some(conversation_id) = field::optional_id("conversation_id", &proto.conversation_id)? else {
        require(proto.generation == 0, "generation", Fault::Value)?;
        require(proto.order == 0, "order", Fault::Value)?;
        return Ok(None);
    };
    Ok(Some(Place {
        conversation_id,
        generation: Generation(field::positive("generation", proto.generation)?),
        order: (proto.order != 0).then_some(Order(proto.order)),
    }))
}

impl EntryKind {
    fn from_proto(kind: proto::entry::Kind) -> Result<Self, Invalid> {
        use proto::entry::Kind;
        Ok(match kind {
            Kind::Application(body) => Self::Application(field::opaque("application", body, MESSAGE_BYTES)?),
            Kind::Commit(commit) => Self::Commit(field::opaque("commit", commit, BODY_BYTES)?),
            Kind::Welcome(entry) => Self::Welcome(WelcomeEntry {
                welcome: field::opaque("welcome", entry.welcome, BODY_BYTES)?,
                epoch: Epoch(field::positive("epoch", entry.epoch)?),
            }),
            Kind::Removed(entry) => {
                Self::Removed(Removed { commit: field::opaque("commit", entry.commit, BODY_BYTES)? })
            }
            Kind::Gap(gap) => {
                require(gap.from_seq <= gap.through_seq, "through_seq", Fault::Value)?;
                Self::Gap(Gap {
                    from_seq: Seq(field::positive("from_seq", gap.from_seq)?),
                    through_seq: Seq(gap.through_seq),
                    dropped: field::positive("dropped", gap.dropped)?,
                })
            }
            Kind::ListChanged(changed) => Self::ListChanged(ListChanged {
                account_id: field::id("account_id", &changed.account_id)?,
                list_number: ListNumber(changed.list_number),
                list_hash: field::id("list_hash", &changed.list_hash)?,
            }),
            Kind::HandleClaim(claim) => Self::HandleClaim(HandleClaim::from_proto(claim)?),
            Kind::HandleMoved(moved) => Self::HandleMoved(HandleMoved::from_proto(moved)?),
            Kind::CommitRef(body) => Self::Referred(ReferredEntry::commit(body)?),
            Kind::WelcomeRef(welcome) => Self::Referred(ReferredEntry::welcome(welcome)?),
            Kind::RemovedRef(body) => Self::Referred(ReferredEntry::removed(body)?),
        })
    }

    fn to_proto(&self) -> Result<proto::entry::Kind, Invalid> {
        use proto::entry::Kind;
        Ok(match self {
            Self::Application(body) => Kind::Application(field::shared(body)),
            Self::Commit(commit) => Kind::Commit(field::shared(commit)),
            Self::Welcome(entry) => Kind::Welcome(proto::WelcomeEntry {
                welcome: field::shared(&entry.welcome),
                epoch: entry.epoch.0,
            }),
            Self::Removed(entry) => Kind::Removed(proto::Removed { commit: field::shared(&entry.commit) }),
            Self::Gap(gap) => Kind::Gap(proto::Gap {
                from_seq: gap.from_seq.0,
                through_seq: gap.through_seq.0,
                dropped: gap.dropped,
            }),
            Self::ListChanged(changed) => Kind::ListChanged(proto::ListChanged {
                account_id: field::bytes(changed.account_id),
                list_number: changed.list_number.0,
                list_hash: field::bytes(changed.list_hash),
            }),
            Self::HandleClaim(claim) => Kind::HandleClaim(claim.to_proto()),
            Self::HandleMoved(moved) => Kind::HandleMoved(moved.to_proto()),
            Self::Referred(referred) => referred.to_proto(),
            Self::Unknown(_) => return Err(invalid("kind", Fault::Value)),
        })
    }

    /// Holds that the body may stand in a frame.
    fn check_inline(&self) -> Result<(), Invalid> {
        match self {
            Self::Commit(commit) => inline("commit", Some(commit)),
            Self::Welcome(entry) => inline("welcome", Some(&entry.welcome)),
            Self::Removed(entry) => inline("commit", Some(&entry.commit)),
            _ => Ok(()),
        }
    }

    /// Whatever changes a conversation says where it stands; the rest may.
    fn check_place(&self, place: Option<Place>) -> Result<(), Invalid> {
        match self {
            Self::Application(_)
            | Self::Commit(_)
            | Self::Welcome(_)
            | Self::Removed(_)
            | Self::Referred(_) => {
                let place = place.ok_or(invalid("conversation_id", Fault::Missing))?;
                require(place.order.is_some(), "order", Fault::Missing)
            }
            // A Gap may stand for entries of no conversation.
            Self::Gap(_)
            | Self::ListChanged(_)
            | Self::HandleClaim(_)
            | Self::HandleMoved(_)
            | Self::Unknown(_) => Ok(()),
        }
    }
}

/// Acknowledges everything up to a number, which is deleted; answered by [`Acknowledged`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageReceived {
    /// The life of the mailbox that the number is of.
    pub incarnation: IncarnationId,
    /// The last entry that the client has committed.
    pub through_seq: Seq,
}

impl Message for MessageReceived {
    type Proto = proto::MessageReceived;

    fn from_proto(proto: proto::MessageReceived) -> Result<Self, Invalid> {
        Ok(Self {
            incarnation: field::id("incarnation", &proto.incarnation)?,
            through_seq: Seq(field::positive("through_seq", proto.through_seq)?),
        })
    }

    fn to_proto(&self) -> proto::MessageReceived {
        proto::MessageReceived {
            incarnation: field::bytes(self.incarnation),
            through_seq: self.through_seq.0,
        }
    }
}

/// What is acknowledged now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acknowledged {
    /// The highest acknowledged number.
    pub through_seq: Seq,
}

impl Message for Acknowledged {
    type Proto = proto::Acknowledged;

    fn from_proto(proto: proto::Acknowledged) -> Result<Self, Invalid> {
        Ok(Self { through_seq: Seq(proto.through_seq) })
    }

    fn to_proto(&self) -> proto::Acknowledged {
        proto::Acknowledged { through_seq: self.through_seq.0 }
    }
}

/// Caught up: what follows is live (a push).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listening {
    /// The last entry that the mailbox had, 0 where it never had one.
    pub through_seq: Seq,
}

impl Message for Listening {
    type Proto = proto::Listening;

    fn from_proto(proto: proto::Listening) -> Result<Self, Invalid> {
        Ok(Self { through_seq: Seq(proto.through_seq) })
    }

    fn to_proto(&self) -> proto::Listening {
        proto::Listening { through_seq: self.through_seq.0 }
    }
}
