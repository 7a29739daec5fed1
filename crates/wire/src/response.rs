//! All responses and pushes.

use crate::field::{Invalid, Message};
use crate::proto::server_frame::Response as Proto;
use crate::{
    AccountKeys, Acknowledged, ClaimedKeyPackages, Delivery, Ephemeral, EphemeralSent, Error, Fenced, Group,
    HandleClaimAnswered, KeyPackagesStored, KeysSet, LinkEnded, LinkFound, LinkMessage, LinkOpened, LinkSent,
    ListEntryAppended, Listening, LoggedIn, LoginFailed, MessageSent, OtpOk, Pong, ReferredGroup,
    Registration, RegistrationFailed, ReportStored, Welcomed,
};

macro_rules! responses {
    ($($(#[$doc:meta])* $name:ident = $code:literal as $field:ident,)*) => {
        /// What a server says: the answer to a request, or a push.
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Response {
            $($(#[$doc])* $name($name),)*
            /// Entries of the mailbox (a push).
            Delivery(Delivery),
            /// A newer server's response: the request that it answers has failed, a push is ignored.
            Unknown {
                /// Its operation code, 0 where there was none.
                code: u32,
            },
        }

        impl Response {
            /// The operation code, which is the field number in the frame.
            #[must_use]
            pub const fn code(&self) -> u32 {
                match self {
                    $(Self::$name(_) => $code,)*
                    Self::Delivery(_) => DELIVERY,
                    Self::Unknown { code } => *code,
                }
            }

            /// The name of the message in the schema, for logs and metrics.
            #[must_use]
            pub const fn name(&self) -> &'static str {
                match self {
                    $(Self::$name(_) => stringify!($name),)*
                    Self::Delivery(_) => "Delivery",
                    Self::Unknown { .. } => "Unknown",
                }
            }

            /// `body` is the encoded message itself, which unknown entries are cut from.
            pub(crate) fn from_proto(proto: Proto, body: &bytes::Bytes) -> Result<Self, Invalid> {
                Ok(match proto {
                    $(Proto::$field(proto) => Self::$name(Message::from_proto(proto)?),)*
                    Proto::Message(proto) => Self::Delivery(Delivery::from_parts(proto, body)?),
                })
            }

            /// `None` for what cannot be written: a response that this version does not know.
            pub(crate) fn to_proto(&self) -> Result<Option<Proto>, Invalid> {
                Ok(Some(match self {
                    $(Self::$name(message) => Proto::$field(message.to_proto()),)*
                    Self::Delivery(delivery) => Proto::Message(delivery.to_proto()?),
                    Self::Unknown { .. } => return Ok(None),
                }))
            }
        }

        $(impl From<$name> for Response {
            fn from(message: $name) -> Self {
                Self::$name(message)
            }
        })*
    };
}

/// The operation code of a delivery, whose unknown entries need its bytes.
const DELIVERY: u32 = 1608;

impl From<Delivery> for Response {
    fn from(delivery: Delivery) -> Self {
        Self::Delivery(delivery)
    }
}

responses! {
    /// A registration session has begun.
    Registration = 1600 as Registration,
    /// The registration cannot go on.
    RegistrationFailed = 1601 as RegistrationFailed,
    /// The account exists.
    KeysSet = 1602 as KeysSet,
    /// Claimed KeyPackages.
    ClaimedKeyPackages = 1603 as RecipientKeys,
    /// The OTP was right.
    OtpOk = 1604 as OtpOk,
    /// The device is logged in.
    LoggedIn = 1605 as Login,
    /// The login is refused.
    LoginFailed = 1606 as LoginFailed,
    /// The request failed; as a push: what the client sent could not be read at all.
    Error = 1607 as Error,
    /// A send is accepted.
    MessageSent = 1609 as MessageSent,
    /// A device list.
    AccountKeys = 1610 as SenderKeys,
    /// Caught up (a push).
    Listening = 1611 as Listening,
    /// The connection is open.
    Welcomed = 1612 as Hello,
    /// GroupInfo and tree.
    Group = 1613 as Group,
    /// The pool after an upload.
    KeyPackagesStored = 1614 as KeyPackagesStored,
    /// The new head of the list.
    ListEntryAppended = 1615 as ListEntryAppended,
    /// An ephemeral message arrives (a push).
    Ephemeral = 1616 as Ephemeral,
    /// An ephemeral message went out.
    EphemeralSent = 1617 as EphemeralSent,
    /// A newer connection took over (a push).
    Fenced = 1618 as Fenced,
    /// A sign of life.
    Pong = 1619 as Pong,
    /// What is acknowledged now.
    Acknowledged = 1620 as Acknowledged,
    /// The decision about a claim is stored.
    HandleClaimAnswered = 1621 as HandleClaimAnswered,
    /// GroupInfo and tree, to be fetched by HTTPS.
    ReferredGroup = 1622 as ReferredGroup,
    /// A new device can be found.
    LinkOpened = 1623 as LinkOpened,
    /// A new device was found.
    LinkFound = 1624 as LinkFound,
    /// Bytes went to the other end of a link.
    LinkSent = 1625 as LinkSent,
    /// Bytes of the other end of a link (a push).
    LinkMessage = 1626 as LinkMessage,
    /// The other end of a link has gone (a push).
    LinkEnded = 1627 as LinkEnded,
    /// A report is stored.
    ReportStored = 1628 as ReportStored,
}
