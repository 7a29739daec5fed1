//! The validated content and its kinds.

use std::fmt;

use hushwire_types::{AccountId, ContentId, EntryHash, ListNumber, Secret, Timestamp};

use crate::about::{self, Edit, Quote, Reaction, Target};
use crate::history::{HistoryAsk, HistoryBundle, HistoryPart};
use crate::picture::{Picture, Pictures};
use crate::register::{self, Register};
use crate::short::{Card, JoinAsk, Pin, Poll, Profile, Vote};
use crate::{limits, proto};

/// A field that does not hold what the schema promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Invalid {
    /// It is required and absent or empty.
    #[error("{field} is missing")]
    Missing {
        /// The field's name in the schema.
        field: &'static str,
    },
    /// It is not of its fixed length.
    #[error("{field} has a wrong length")]
    Length {
        /// The field's name in the schema.
        field: &'static str,
    },
    /// It is over its limit in [`limits`].
    #[error("{field} is over its limit")]
    TooLarge {
        /// The field's name in the schema.
        field: &'static str,
    },
    /// It may not be there.
    #[error("{field} has a value that is not allowed")]
    Value {
        /// The field's name in the schema.
        field: &'static str,
    },
}

impl Invalid {
    pub(crate) const fn too_large(field: &'static str) -> Self {
        Self::TooLarge { field }
    }
}

/// What somebody says in a conversation.
#[derive(Clone, PartialEq, Eq)]
pub struct Content {
    /// Its identity for display, chosen at random by its author; it survives re-encryption.
    pub content_id: ContentId,
    /// When it was written, by the author's clock.
    pub sent_at: Timestamp,
    /// What a reader that does not know the kind shows. Untrusted text; empty for the kinds of this version.
    pub fallback: String,
    /// What the author's device had seen and said before (rule R4).
    pub witness: Witness,
    /// How many seconds it lives, from when it was sent for its author and from when it was read for others; at most
    /// [`limits::LIVES_FOR_S`], 0 for ever.
    pub lives_for_s: u32,
    /// What it is.
    pub kind: Kind,
}

/// What lets two devices notice that a server showed them different things.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// Consecutive from 1 for each sending device and conversation.
    pub counter: u64,
    /// [`Encoded::hash`](crate::Encoded::hash) of the device's content before this one; absent for the first.
    pub previous: Option<[u8; 32]>,
    /// The head of the author's own device list as the author knows it.
    pub list: SeenList,
    /// The confirmed transcript hash (RFC 9420, section 8.2) of the epoch that this was encrypted in.
    pub transcript_hash: Vec<u8>,
    /// The head of the device list of the reader's account as the author knows it.
    pub peer_list: Option<SeenList>,
}

/// The head of a device list as somebody knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SeenList {
    /// Number of the newest entry.
    pub number: ListNumber,
    /// Its hash.
    pub hash: EntryHash,
}

/// What a content is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Text.
    Text(Text),
    /// What reached the author.
    Receipt(Receipt),
    /// Nothing: the first message of a leaf, or a heartbeat for the witness.
    Presence,
    /// A reaction.
    Reaction(Reaction),
    /// A new wording.
    Edit(Edit),
    /// A message goes, for everyone.
    Delete(Target),
    /// The author is writing, or has stopped. Ephemeral: never stored.
    Typing {
        /// Whether the author has stopped.
        stopped: bool,
    },
    /// What one's own devices tell each other, at least one.
    Registers(Vec<Register>),
    /// A device of one's own asks another for the past.
    HistoryAsk(HistoryAsk),
    /// A part of it.
    HistoryPart(HistoryPart),
    /// What was said last in a group, for accounts that have just come in.
    HistoryBundle(HistoryBundle),
    /// The key of a group's details; none where the author lacks it and asks.
    DetailsKey(Option<Secret<32>>),
    /// A group's picture; none where the author lacks it and asks.
    GroupPicture(Option<Picture>),
    /// What one's own devices tell each other of pictures.
    Pictures(Pictures),
    /// Somebody asks to be let into a group.
    JoinAsk(JoinAsk),
    /// How long messages of a direct conversation live from here on, in seconds; 0 for ever.
    Timer(u32),
    /// A poll.
    Poll(Poll),
    /// What somebody chooses in one.
    Vote(Vote),
    /// A message that is pinned, or not any more.
    Pin(Pin),
    /// Somebody else's account.
    Card(Card),
    /// What the author says of itself.
    Profile(Profile),
    /// A kind of a newer version: show the fallback, keep the bytes and read them again after an upgrade.
    Unknown,
}

/// A text message.
#[derive(Clone, PartialEq, Eq)]
pub struct Text {
    /// A Markdown subset. Untrusted text.
    pub body: String,
    /// What it replies to.
    pub quote: Option<Quote>,
    /// Whom it calls, at most [`limits::MENTIONS`].
    pub mentions: Vec<AccountId>,
    /// Whether somebody else wrote it elsewhere.
    pub forwarded: bool,
}

impl Text {
    /// A text that replies to nothing.
    #[must_use]
    pub const fn new(body: String) -> Self {
        Self { body, quote: None, mentions: Vec::new(), forwarded: false }
    }

    fn from_proto(proto: proto::Text) -> Result<Self, Invalid> {
        let quote = proto.quote.map(Quote::from_proto).transpose()?;
        if proto.mentions.len() > limits::MENTIONS {
            return Err(Invalid::too_large("mentions"));
        }
        let mentions = proto.mentions.iter().map(|account| fixed("mentions", account));
        let mentions = mentions.collect::<Result<_, _>>()?;
        Ok(Self { body: about::body(proto.body)?, quote, mentions, forwarded: proto.forwarded })
    }

    fn to_proto(&self) -> proto::Text {
        proto::Text {
            body: self.body.clone(),
            quote: self.quote.as_ref().map(Quote::to_proto),
            mentions: self.mentions.iter().map(|account| account.as_bytes().to_vec()).collect(),
            forwarded: self.forwarded,
        }
    }
}

/// What reached the author.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// What became of them.
    pub kind: ReceiptKind,
    /// What it is about, oldest first, at least one.
    pub content_ids: Vec<ContentId>,
    /// Whose contents they are; none for the reader's own.
    pub account: Option<AccountId>,
}

/// What became of the contents of a receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReceiptKind {
    /// They were decrypted and stored by a device of the author's.
    Delivered,
    /// A person has seen them.
    Read,
    /// Something that a newer version knows; nothing is shown for it.
    Unknown(i32),
}

impl Content {
    pub(crate) fn from_proto(proto: proto::Content) -> Result<Self, Invalid> {
        let fallback = text("fallback", proto.fallback, limits::FALLBACK_BYTES)?;
        let witness = proto.witness.ok_or(Invalid::Missing { field: "witness" })?;
        Ok(Self {
            content_id: fixed("content_id", &proto.content_id)?,
            sent_at: Timestamp::from_ms(proto.sent_at),
            fallback,
            witness: Witness::from_proto(witness)?,
            lives_for_s: lives_for_s(proto.lives_for_s)?,
            kind: proto.kind.map_or(Ok(Kind::Unknown), Kind::from_proto)?,
        })
    }

    pub(crate) fn to_proto(&self) -> Result<proto::Content, Invalid> {
        Ok(proto::Content {
            content_id: self.content_id.as_bytes().to_vec(),
            sent_at: self.sent_at.as_ms(),
            fallback: self.fallback.clone(),
            witness: Some(self.witness.to_proto()),
            lives_for_s: self.lives_for_s,
            kind: Some(self.kind.to_proto()?),
        })
    }
}

impl Witness {
    fn from_proto(proto: proto::Witness) -> Result<Self, Invalid> {
        if proto.counter == 0 {
            return Err(Invalid::Missing { field: "counter" });
        }
        if proto.transcript_hash.is_empty() {
            return Err(Invalid::Missing { field: "transcript_hash" });
        }
        if proto.transcript_hash.len() > limits::TRANSCRIPT_HASH_BYTES {
            return Err(Invalid::too_large("transcript_hash"));
        }
        let previous = match proto.previous.as_slice() {
            [] => None,
            bytes => Some(fixed("previous", bytes)?),
        };
        let list = SeenList::from_proto("list_hash", proto.list_number, &proto.list_hash)?;
        Ok(Self {
            counter: proto.counter,
            previous,
            list: list.ok_or(Invalid::Missing { field: "list_hash" })?,
            transcript_hash: proto.transcript_hash,
            peer_list: SeenList::from_proto("peer_list_hash", proto.peer_list_number, &proto.peer_list_hash)?,
        })
    }

    fn to_proto(&self) -> proto::Witness {
        proto::Witness {
            counter: self.counter,
            previous: self.previous.map(|hash| hash.to_vec()).unwrap_or_default(),
            list_number: self.list.number.0,
            list_hash: self.list.hash.as_bytes().to_vec(),
            transcript_hash: self.transcript_hash.clone(),
            peer_list_number: self.peer_list.map_or(0, |list| list.number.0),
            peer_list_hash: self.peer_list.map(|list| list.hash.as_bytes().to_vec()).unwrap_or_default(),
        }
    }
}

impl SeenList {
    fn from_proto(field: &'static str, number: u64, hash: &[u8]) -> Result<Option<Self>, Invalid> {
        match (number, hash) {
            (0, []) => Ok(None),
            (_, []) => Err(Invalid::Missing { field }),
            (_, hash) => Ok(Some(Self { number: ListNumber(number), hash: fixed(field, hash)? })),
        }
    }
}

impl Kind {
    fn from_proto(proto: proto::content::Kind) -> Result<Self, Invalid> {
        use proto::content::Kind as Proto;
        match proto {
            Proto::Text(text) => Text::from_proto(text).map(Self::Text),
            Proto::Reaction(reaction) => Reaction::from_proto(reaction).map(Self::Reaction),
            Proto::Edit(edit) => Edit::from_proto(edit).map(Self::Edit),
            Proto::Delete(delete) => Target::from_proto("target", delete.target).map(Self::Delete),
            Proto::Typing(typing) => Ok(Self::Typing { stopped: typing.stopped }),
            Proto::Receipt(receipt) => Receipt::from_proto(&receipt).map(Self::Receipt),
            Proto::Presence(proto::Presence {}) => Ok(Self::Presence),
            Proto::Registers(registers) => register::from_proto(registers).map(Self::Registers),
            Proto::Timer(timer) => lives_for_s(timer.lives_for_s).map(Self::Timer),
            Proto::Poll(poll) => Poll::from_proto(poll).map(Self::Poll),
            Proto::Vote(vote) => Vote::from_proto(vote).map(Self::Vote),
            Proto::Pin(pin) => Pin::from_proto(pin).map(Self::Pin),
            Proto::Card(card) => Card::from_proto(card).map(Self::Card),
            Proto::Profile(profile) => Profile::from_proto(profile).map(Self::Profile),
            Proto::HistoryAsk(ask) => HistoryAsk::from_proto(ask).map(Self::HistoryAsk),
            Proto::HistoryPart(part) => HistoryPart::from_proto(part).map(Self::HistoryPart),
            Proto::JoinAsk(ask) => JoinAsk::from_proto(ask).map(Self::JoinAsk),
            Proto::HistoryBundle(bundle) => HistoryBundle::from_proto(bundle).map(Self::HistoryBundle),
            Proto::DetailsKey(key) => details_key(&key.key).map(Self::DetailsKey),
            Proto::GroupPicture(proto) => Picture::read(proto.picture).map(Self::GroupPicture),
            Proto::Pictures(pictures) => Pictures::from_proto(pictures).map(Self::Pictures),
        }
    }

    fn to_proto(&self) -> Result<proto::content::Kind, Invalid> {
        use proto::content::Kind as Proto;
        Ok(match self {
            Self::Text(text) => Proto::Text(text.to_proto()),
            Self::Reaction(reaction) => Proto::Reaction(reaction.to_proto()),
            Self::Edit(edit) => Proto::Edit(edit.to_proto()),
            Self::Delete(target) => Proto::Delete(proto::Delete { target: Some(target.to_proto()) }),
            Self::Typing { stopped } => Proto::Typing(proto::Typing { stopped: *stopped }),
            Self::Receipt(receipt) => Proto::Receipt(receipt.to_proto()),
            Self::Presence => Proto::Presence(proto::Presence {}),
            Self::Registers(registers) => Proto::Registers(register::to_proto(registers)),
            Self::Timer(lives_for_s) => Proto::Timer(proto::Timer { lives_for_s: *lives_for_s }),
            Self::Poll(poll) => Proto::Poll(poll.to_proto()),
            Self::Vote(vote) => Proto::Vote(vote.to_proto()),
            Self::Pin(pin) => Proto::Pin(pin.to_proto()),
            Self::Card(card) => Proto::Card(card.to_proto()),
            Self::Profile(profile) => Proto::Profile(profile.to_proto()),
            Self::HistoryAsk(ask) => Proto::HistoryAsk(ask.to_proto()),
            Self::HistoryPart(part) => Proto::HistoryPart(part.to_proto()),
            Self::JoinAsk(ask) => Proto::JoinAsk(ask.to_proto()),
            Self::HistoryBundle(bundle) => Proto::HistoryBundle(bundle.to_proto()),
            Self::DetailsKey(key) => {
                let key = key.as_ref().map(|key| key.expose().to_vec()).unwrap_or_default();
                Proto::DetailsKey(proto::DetailsKey { key })
            }
            Self::GroupPicture(picture) => {
                let picture = picture.clone().map(Picture::into_bytes).unwrap_or_default();
                Proto::GroupPicture(proto::GroupPicture { picture })
            }
            Self::Pictures(pictures) => Proto::Pictures(pictures.to_proto()),
            Self::Unknown => return Err(Invalid::Value { field: "kind" }),
        })
    }
}

impl Receipt {
    fn from_proto(proto: &proto::Receipt) -> Result<Self, Invalid> {
        let kind = match proto::ReceiptKind::try_from(proto.kind) {
            Ok(proto::ReceiptKind::Delivered) => ReceiptKind::Delivered,
            Ok(proto::ReceiptKind::Read) => ReceiptKind::Read,
            Ok(proto::ReceiptKind::Unspecified) | Err(_) => ReceiptKind::Unknown(proto.kind),
        };
        if proto.content_ids.is_empty() {
            return Err(Invalid::Missing { field: "content_ids" });
        }
        if proto.content_ids.len() > limits::RECEIPT_IDS {
            return Err(Invalid::too_large("content_ids"));
        }
        let content_ids = proto.content_ids.iter().map(|id| fixed("content_ids", id));
        let account = match proto.account.as_slice() {
            [] => None,
            bytes => Some(fixed("account", bytes)?),
        };
        Ok(Self { kind, content_ids: content_ids.collect::<Result<_, _>>()?, account })
    }

    fn to_proto(&self) -> proto::Receipt {
        let kind = match self.kind {
            ReceiptKind::Delivered => proto::ReceiptKind::Delivered.into(),
            ReceiptKind::Read => proto::ReceiptKind::Read.into(),
            ReceiptKind::Unknown(code) => code,
        };
        let content_ids = self.content_ids.iter().map(|id| id.as_bytes().to_vec());
        let account = self.account.map(|account| account.as_bytes().to_vec()).unwrap_or_default();
        proto::Receipt { kind, content_ids: content_ids.collect(), account }
    }
}

fn lives_for_s(seconds: u32) -> Result<u32, Invalid> {
    if seconds > limits::LIVES_FOR_S { Err(Invalid::too_large("lives_for_s")) } else { Ok(seconds) }
}

pub(crate) fn text(field: &'static str, text: String, max: usize) -> Result<String, Invalid> {
    if text.len() > max { Err(Invalid::TooLarge { field }) } else { Ok(text) }
}

pub(crate) fn fixed<'a, T: TryFrom<&'a [u8]>>(field: &'static str, bytes: &'a [u8]) -> Result<T, Invalid> {
    if bytes.is_empty() {
        return Err(Invalid::Missing { field });
    }
    T::try_from(bytes).map_err(|_| Invalid::Length { field })
}

fn details_key(bytes: &[u8]) -> Result<Option<Secret<32>>, Invalid> {
    if bytes.is_empty() {
        return Ok(None);
    }
    Secret::try_from(bytes).map(Some).map_err(|_| Invalid::Length { field: "key" })
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Content")
            .field("content_id", &self.content_id)
            .field("sent_at", &self.sent_at)
            .field("witness", &self.witness)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({} bytes)", self.body.len())
    }
}
