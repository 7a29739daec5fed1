//! Login of a device, bound to the channel (rule R6).

use hushwire_types::{
    AccountId, DeviceId, EntryHash, IncarnationId, ListNumber, LoginMark, Secret, SendSeq, Seq, Timestamp,
};

use crate::field::{self, Fault, Invalid, Message, codes, invalid};
use crate::{limits, proto};

/// A place in a mailbox. Sequence numbers mean nothing across incarnations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cursor {
    /// The life of the mailbox.
    pub incarnation: IncarnationId,
    /// Everything up to here, inclusive; 0 is before the first entry.
    pub seq: Seq,
}

impl Message for Cursor {
    type Proto = proto::Cursor;

    fn from_proto(proto: proto::Cursor) -> Result<Self, Invalid> {
        Ok(Self { incarnation: field::id("incarnation", &proto.incarnation)?, seq: Seq(proto.seq) })
    }

    fn to_proto(&self) -> proto::Cursor {
        proto::Cursor { incarnation: field::bytes(self.incarnation), seq: self.seq.0 }
    }
}

/// A device proves itself; answered by [`LoggedIn`] or [`LoginFailed`], then deliveries flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The account.
    pub account_id: AccountId,
    /// The device of it.
    pub device_id: DeviceId,
    /// Ed25519, by the device's list key over server key, channel binding, server nonce, account and device.
    pub signature: [u8; 64],
    /// What the client has committed; entries after it are streamed. Absent at the first login.
    pub cursor: Option<Cursor>,
    /// New for each login, and kept by the client. Where there is none, the server keeps the one before.
    pub mark: Option<LoginMark>,
}

impl Message for Login {
    type Proto = proto::Login;

    fn from_proto(proto: proto::Login) -> Result<Self, Invalid> {
        Ok(Self {
            account_id: field::id("account_id", &proto.account_id)?,
            device_id: field::id("device_id", &proto.device_id)?,
            signature: field::id("signature", &proto.signature)?,
            cursor: proto.cursor.map(Cursor::from_proto).transpose()?,
            mark: field::optional_id("mark", &proto.mark)?,
        })
    }

    fn to_proto(&self) -> proto::Login {
        proto::Login {
            account_id: field::bytes(self.account_id),
            device_id: field::bytes(self.device_id),
            signature: field::bytes(self.signature),
            cursor: self.cursor.as_ref().map(Cursor::to_proto),
            mark: field::optional_bytes(self.mark),
        }
    }
}

/// The device is logged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedIn {
    /// Where the mailbox stands: its incarnation and the highest acknowledged sequence number.
    pub cursor: Cursor,
    /// The highest send that this mailbox had accepted; above the client's own, the profile is an old copy (rule R10).
    pub accepted_sends: SendSeq,
    /// The server's clock.
    pub server_time: Timestamp,
    /// KeyPackages left in the pool.
    pub key_packages_left: u32,
    /// Whether the last-resort KeyPackage was given out since it was uploaded.
    pub last_resort_used: bool,
    /// Number of the newest entry of the account's own device list, as the server has it.
    pub list_number: ListNumber,
    /// Hash of that entry.
    pub list_hash: EntryHash,
    /// Proves this login to the HTTPS routes (see [`bodies`](crate::bodies)), until the connection ends. Absent where the
    /// server has none.
    pub body_ticket: Option<Secret<32>>,
    /// The mark of the login before this one; one that the client never made is of another copy of its profile (rule R10).
    pub last_mark: Option<LoginMark>,
}

impl Message for LoggedIn {
    type Proto = proto::LoggedIn;

    fn from_proto(proto: proto::LoggedIn) -> Result<Self, Invalid> {
        Ok(Self {
            cursor: Cursor::from_proto(proto.cursor.ok_or(invalid("cursor", Fault::Missing))?)?,
            accepted_sends: SendSeq(proto.accepted_sends),
            server_time: Timestamp::from_ms(proto.server_time),
            key_packages_left: proto.key_packages_left,
            last_resort_used: proto.last_resort_used,
            list_number: ListNumber(proto.list_number),
            list_hash: field::id("list_hash", &proto.list_hash)?,
            body_ticket: field::optional_id("body_ticket", &proto.body_ticket)?,
            last_mark: field::optional_id("last_mark", &proto.last_mark)?,
        })
    }

    fn to_proto(&self) -> proto::LoggedIn {
        proto::LoggedIn {
            cursor: Some(self.cursor.to_proto()),
            accepted_sends: self.accepted_sends.0,
            server_time: self.server_time.as_ms(),
            key_packages_left: self.key_packages_left,
            last_resort_used: self.last_resort_used,
            list_number: self.list_number.0,
            list_hash: field::bytes(self.list_hash),
            body_ticket: field::optional_bytes(self.body_ticket.as_ref().map(Secret::expose)),
            last_mark: field::optional_bytes(self.last_mark),
        }
    }
}

codes! {
    /// Why a login is refused.
    LoginFailure {
        /// Unknown account or device, or a wrong signature: not told apart.
        Refused = 1,
        /// The account is suspended.
        Suspended = 2,
        /// The device was revoked by its account.
        Revoked = 3,
    }
}

/// The login is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginFailed {
    /// Why.
    pub failure: LoginFailure,
    /// A sentence for a person, by the server: untrusted text.
    pub text: String,
}

impl Message for LoginFailed {
    type Proto = proto::LoginFailed;

    fn from_proto(proto: proto::LoginFailed) -> Result<Self, Invalid> {
        Ok(Self {
            failure: LoginFailure::from_code(proto.failure),
            text: field::text("text", proto.text, limits::TEXT_BYTES)?,
        })
    }

    fn to_proto(&self) -> proto::LoginFailed {
        proto::LoginFailed { failure: self.failure.code(), text: self.text.clone() }
    }
}
