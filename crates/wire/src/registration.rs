//! Making an account: a session, perhaps an OTP, the keys.

use hushwire_types::{AccountId, SessionId, Timestamp};

use crate::field::{self, Fault, Invalid, Message, codes, empty, invalid, require};
use crate::{Opaque, Sensitive};
use crate::{limits, proto};

/// How somebody asks to be let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegistrationMethod {
    /// The code of an invite, as in the link.
    Invite(Sensitive),
    /// A phone number in E.164, with the plus sign; an OTP goes there.
    Phone(Sensitive),
    /// An e-mail address; an OTP goes there.
    Email(Sensitive),
    /// Nothing is asked for.
    Open,
}

/// Starts a registration session; answered by [`Registration`] or [`RegistrationFailed`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Register {
    /// What the server shall go by.
    pub method: RegistrationMethod,
    /// The wanted username, without the at sign.
    pub username: Option<Sensitive>,
    /// The account to be, fixed for the session before an OTP is sent.
    pub account_id: AccountId,
}

impl Message for Register {
    type Proto = proto::Register;

    fn from_proto(proto: proto::Register) -> Result<Self, Invalid> {
        use proto::register::Method;
        let method = match proto.method.ok_or(invalid("method", Fault::Missing))? {
            Method::Invite(code) => {
                RegistrationMethod::Invite(field::sensitive("invite", code, limits::INVITE_BYTES)?)
            }
            Method::Phone(number) => {
                RegistrationMethod::Phone(field::sensitive("phone", number, limits::HANDLE_BYTES)?)
            }
            Method::Email(address) => {
                RegistrationMethod::Email(field::sensitive("email", address, limits::HANDLE_BYTES)?)
            }
            Method::Open(proto::register::Open {}) => RegistrationMethod::Open,
        };
        Ok(Self {
            method,
            username: field::optional_sensitive("username", proto.username, limits::USERNAME_BYTES)?,
            account_id: field::id("account_id", &proto.account_id)?,
        })
    }

    fn to_proto(&self) -> proto::Register {
        use proto::register::Method;
        let method = match &self.method {
            RegistrationMethod::Invite(code) => Method::Invite(code.expose().to_owned()),
            RegistrationMethod::Phone(number) => Method::Phone(number.expose().to_owned()),
            RegistrationMethod::Email(address) => Method::Email(address.expose().to_owned()),
            RegistrationMethod::Open => Method::Open(proto::register::Open {}),
        };
        proto::Register {
            method: Some(method),
            username: field::optional_text(self.username.as_ref()),
            account_id: field::bytes(self.account_id),
        }
    }
}

/// A session has begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// Names the session in the requests that follow.
    pub session_id: SessionId,
    /// Whether an OTP was sent and must be given with [`Otp`] before the keys.
    pub otp_required: bool,
    /// When the session ends.
    pub expires_at: Timestamp,
}

impl Message for Registration {
    type Proto = proto::Registration;

    fn from_proto(proto: proto::Registration) -> Result<Self, Invalid> {
        Ok(Self {
            session_id: field::id("session_id", &proto.session_id)?,
            otp_required: proto.otp_required,
            expires_at: Timestamp::from_ms(proto.expires_at),
        })
    }

    fn to_proto(&self) -> proto::Registration {
        proto::Registration {
            session_id: field::bytes(self.session_id),
            otp_required: self.otp_required,
            expires_at: self.expires_at.as_ms(),
        }
    }
}

codes! {
    /// Why a registration cannot go on.
    RegistrationFailure {
        /// The invite is unknown, used up, revoked or expired: not told apart.
        InviteInvalid = 1,
        /// The handle, or one that looks like it, belongs to another account.
        HandleTaken = 2,
        /// The handle is not well formed.
        HandleInvalid = 3,
        /// The server's policy does not allow this method.
        MethodNotAllowed = 4,
        /// The session is unknown or has ended: start again.
        SessionInvalid = 5,
        /// The OTP is wrong; `tries_left` says how many tries are left.
        OtpWrong = 6,
        /// The OTP has expired or its tries are used up: start again.
        OtpExpired = 7,
        /// The OTP could not be sent.
        OtpUndeliverable = 8,
        /// Genesis, list entry, KeyPackages or signature do not verify.
        KeysInvalid = 9,
        /// The handle has an account whose devices were told of this attempt (registration lock).
        HandleLocked = 10,
    }
}

/// The registration cannot go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrationFailed {
    /// Why.
    pub failure: RegistrationFailure,
    /// A sentence for a person, by the server: untrusted text.
    pub text: String,
    /// Tries left for the OTP, where it was wrong.
    pub tries_left: u32,
    /// When a registration lock ends.
    pub locked_until: Option<Timestamp>,
}

impl Message for RegistrationFailed {
    type Proto = proto::RegistrationFailed;

    fn from_proto(proto: proto::RegistrationFailed) -> Result<Self, Invalid> {
        Ok(Self {
            failure: RegistrationFailure::from_code(proto.failure),
            text: field::text("text", proto.text, limits::TEXT_BYTES)?,
            tries_left: proto.tries_left,
            locked_until: field::optional_time(proto.locked_until),
        })
    }

    fn to_proto(&self) -> proto::RegistrationFailed {
        proto::RegistrationFailed {
            failure: self.failure.code(),
            text: self.text.clone(),
            tries_left: self.tries_left,
            locked_until: self.locked_until.map_or(0, Timestamp::as_ms),
        }
    }
}

/// The code that a person received; answered by [`OtpOk`] or [`RegistrationFailed`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Otp {
    /// The session that the code was sent for.
    pub session_id: SessionId,
    /// [`limits::OTP_DIGITS`] ASCII digits.
    pub code: Sensitive,
}

impl Message for Otp {
    type Proto = proto::Otp;

    fn from_proto(proto: proto::Otp) -> Result<Self, Invalid> {
        require(proto.code.len() == limits::OTP_DIGITS, "code", Fault::Length)?;
        require(proto.code.bytes().all(|byte| byte.is_ascii_digit()), "code", Fault::Value)?;
        Ok(Self { session_id: field::id("session_id", &proto.session_id)?, code: Sensitive::new(proto.code) })
    }

    fn to_proto(&self) -> proto::Otp {
        proto::Otp { session_id: field::bytes(self.session_id), code: self.code.expose().to_owned() }
    }
}

empty! {
    /// The OTP was right: the keys may follow.
    OtpOk,
}

/// Ends the session with the account's keys; answered by [`KeysSet`] or [`RegistrationFailed`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendPublicKeys {
    /// The session.
    pub session_id: SessionId,
    /// The account's genesis, whose hash is the account id.
    pub genesis: Opaque,
    /// Entry 1 of the device list: the first device.
    pub list_entry: Opaque,
    /// The first KeyPackages of the pool.
    pub key_packages: Vec<Opaque>,
    /// The last-resort KeyPackage.
    pub last_resort_key_package: Opaque,
    /// Ed25519, by the first device over server key, handle of the session and account id.
    pub signature: [u8; 64],
}

impl Message for SendPublicKeys {
    type Proto = proto::SendPublicKeys;

    fn from_proto(proto: proto::SendPublicKeys) -> Result<Self, Invalid> {
        Ok(Self {
            session_id: field::id("session_id", &proto.session_id)?,
            genesis: field::opaque("genesis", proto.genesis, limits::GENESIS_BYTES)?,
            list_entry: field::opaque("list_entry", proto.list_entry, limits::LIST_ENTRY_BYTES)?,
            key_packages: field::opaques(
                "key_packages",
                proto.key_packages,
                limits::KEY_PACKAGES,
                limits::KEY_PACKAGE_BYTES,
            )?,
            last_resort_key_package: field::opaque(
                "last_resort_key_package",
                proto.last_resort_key_package,
                limits::KEY_PACKAGE_BYTES,
            )?,
            signature: field::id("signature", &proto.signature)?,
        })
    }

    fn to_proto(&self) -> proto::SendPublicKeys {
        proto::SendPublicKeys {
            session_id: field::bytes(self.session_id),
            genesis: field::shared(&self.genesis),
            list_entry: field::shared(&self.list_entry),
            key_packages: field::shared_list(&self.key_packages),
            last_resort_key_package: field::shared(&self.last_resort_key_package),
            signature: field::bytes(self.signature),
        }
    }
}

/// The account exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeysSet {
    /// The account.
    pub account_id: AccountId,
}

impl Message for KeysSet {
    type Proto = proto::KeysSet;

    fn from_proto(proto: proto::KeysSet) -> Result<Self, Invalid> {
        Ok(Self { account_id: field::id("account_id", &proto.account_id)? })
    }

    fn to_proto(&self) -> proto::KeysSet {
        proto::KeysSet { account_id: field::bytes(self.account_id) }
    }
}
