//! Frames between a client and its server: schema, validated messages, limits, codec.
//!
//! The schema is `proto/hushwire/v2/wire.proto`. One validated struct stands for each of its messages, under the
//! same name; [`Request`] and [`Response`] are the two sums of them and [`frame`] is the codec.
//!
//! Invariants:
//! - Generated types never leave this crate. Whatever a caller holds has passed a fallible conversion: ids have
//!   their exact length, counts and lengths are within [`limits`], required parts are there.
//! - [`frame`] encodes nothing that the other side's decoder would refuse: both directions use the same checks.
//! - What a newer peer adds is never a decode failure by itself: an unknown request comes out as
//!   [`frame::ClientFrame::Unsupported`], an unknown response as [`Response::Unknown`], an unknown entry as
//!   [`EntryKind::Unknown`] with its bytes, an unknown code as the `Unknown` of its enum.
//! - No `Debug` here shows a body, a handle, an invite code or an OTP (see [`redact`]).
//!
//! MLS objects (RFC 9420), device list entries and genesis blocks are opaque here: signatures cover received bytes.

mod accounts;
pub mod bodies;
mod claims;
mod connection;
mod conversations;
mod error;
mod field;
pub mod frame;
pub mod limits;
mod linking;
mod login;
mod mailbox;
mod proto;
mod recovery;
pub mod redact;
mod registration;
mod report;
mod request;
mod response;
mod scan;

pub use accounts::{
    AccountKeys, AppendListEntry, ClaimedKeyPackage, ClaimedKeyPackages, KeyPackagesStored,
    ListEntryAppended, LookUp, PutKeyPackages, RecipientKeys, SenderKeys,
};
pub use bodies::{BodyRef, Referred, ReferredEntry, ReferredGroup, SendUploaded};
pub use claims::{
    AnswerHandleClaim, HandleClaim, HandleClaimAnswer, HandleClaimAnswered, HandleClaimState, HandleMoved,
};
pub use connection::{ChannelBinding, Fenced, Hello, Ping, Pong, VERSION, Welcomed};
pub use conversations::{
    ConversationKind, CreateConversation, Ephemeral, EphemeralSent, FetchGroup, Group, MessageSent,
    SendCommit, SendEphemeral, SendMessage,
};
pub use error::{Error, ErrorCode, Standing};
pub use field::{Fault, Invalid};
pub use frame::{ClientFrame, DecodeError, EncodeError, RequestId, ServerFrame};
pub use linking::{FindLink, LinkEnded, LinkFound, LinkMessage, LinkOpened, LinkSent, OpenLink, SendLink};
pub use login::{Cursor, LoggedIn, Login, LoginFailed, LoginFailure};
pub use mailbox::{
    Acknowledged, Delivery, Entry, EntryKind, Gap, ListChanged, Listening, MessageReceived, Place, Removed,
    WelcomeEntry,
};
pub use recovery::{Recover, RecoverDevice};
pub use redact::{Opaque, Sensitive};
pub use registration::{
    KeysSet, Otp, OtpOk, Register, Registration, RegistrationFailed, RegistrationFailure, RegistrationMethod,
    SendPublicKeys,
};
pub use report::{Report, ReportReason, ReportStored, ReportedMessage};
pub use request::Request;
pub use response::Response;
