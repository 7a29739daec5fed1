//! What a server answers, and what it says unasked.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::blob::MessageBlob;
use crate::frame::Malformed;
use crate::keys::{DhPublicKey, PublicKeys, RsaPem, Signature, SignedKeys};
use crate::limits::SIGNATURE_BYTES;
use crate::otp::Otp;
use crate::phone::Phone;
use crate::request::{array, read_phone};

/// A response.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "responses are written at once, not kept")]
pub enum Response {
    /// 1600: a code is on its way, or, from a server that gives it to whoever asks, here it is.
    Registration(Option<Otp>),
    /// 1601: the phone is taken, or no code can be sent.
    RegistrationFailed,
    /// 1602: the keys are stored.
    KeysSet,
    /// 1603: the keys of the one asked for.
    RecipientKeys(SignedKeys),
    /// 1604: the code is right.
    OtpOk,
    /// 1605: online, and nothing waits.
    Login,
    /// 1606: unknown, unverified, without keys, or online elsewhere.
    LoginFailed,
    /// 1607: no.
    Error,
    /// 1608: a message, as an answer or unasked.
    Message {
        /// Who the server says it is from. The signature must say so, too.
        sender: Phone,
        /// The message.
        blob: MessageBlob,
    },
    /// 1609: the message is kept, or on its way.
    MessageSent,
    /// 1610: the keys of a sender.
    SenderKeys {
        /// Whose.
        phone: Phone,
        /// The keys.
        keys: SignedKeys,
    },
    /// 1611: no more of that sender.
    Listening,
}

impl Response {
    /// The code on the wire.
    #[must_use]
    pub const fn code(&self) -> u16 {
        match self {
            Self::Registration(_) => 1600,
            Self::RegistrationFailed => 1601,
            Self::KeysSet => 1602,
            Self::RecipientKeys(_) => 1603,
            Self::OtpOk => 1604,
            Self::Login => 1605,
            Self::LoginFailed => 1606,
            Self::Error => 1607,
            Self::Message { .. } => 1608,
            Self::MessageSent => 1609,
            Self::SenderKeys { .. } => 1610,
            Self::Listening => 1611,
        }
    }

    pub(crate) fn write_payload(&self, out: &mut BytesMut) {
        match self {
            Self::Registration(otp) => out.put_slice(otp.as_ref().map_or(&[0; 4], |otp| otp.expose())),
            Self::RecipientKeys(keys) => write_keys(keys, out),
            Self::SenderKeys { phone, keys } => {
                out.put_slice(&phone.to_wire());
                write_keys(keys, out);
            }
            Self::Message { sender, blob } => {
                out.put_slice(&sender.to_wire());
                out.put_slice(blob.as_bytes());
            }
            Self::RegistrationFailed
            | Self::KeysSet
            | Self::OtpOk
            | Self::Login
            | Self::LoginFailed
            | Self::Error
            | Self::MessageSent
            | Self::Listening => {}
        }
    }

    pub(crate) fn read(code: u16, mut payload: Bytes) -> Result<Self, Malformed> {
        let response = match code {
            1600 => match payload.try_get_u32().map_err(|_| Malformed::Payload)? {
                0 => Self::Registration(None),
                number => Self::Registration(Some(Otp::new(number).map_err(|_| Malformed::Payload)?)),
            },
            1601 => Self::RegistrationFailed,
            1602 => Self::KeysSet,
            1603 => Self::RecipientKeys(read_keys(&mut payload)?),
            1604 => Self::OtpOk,
            1605 => Self::Login,
            1606 => Self::LoginFailed,
            1607 => Self::Error,
            1608 => {
                let sender = read_phone(&mut payload)?;
                let blob = std::mem::take(&mut payload);
                Self::Message { sender, blob: MessageBlob::new(blob).map_err(|_| Malformed::Payload)? }
            }
            1609 => Self::MessageSent,
            1610 => Self::SenderKeys { phone: read_phone(&mut payload)?, keys: read_keys(&mut payload)? },
            1611 => Self::Listening,
            code => return Err(Malformed::Code(code)),
        };
        if payload.is_empty() { Ok(response) } else { Err(Malformed::Payload) }
    }
}

fn write_keys(signed: &SignedKeys, out: &mut BytesMut) {
    out.put_slice(&signed.keys.dh.0);
    out.put_slice(signed.keys.rsa.as_bytes());
    out.put_slice(&signed.dh_signature.0);
    out.put_slice(&signed.rsa_signature.0);
}

/// Takes all that is left of the payload: what stands between the DH key and the two signatures is the RSA key.
fn read_keys(payload: &mut Bytes) -> Result<SignedKeys, Malformed> {
    let dh = DhPublicKey(array(payload)?);
    let pem = payload.len().checked_sub(2 * SIGNATURE_BYTES).ok_or(Malformed::Payload)?;
    let rsa = RsaPem::new(payload.split_to(pem)).map_err(|_| Malformed::Payload)?;
    let (dh_signature, rsa_signature) = (Signature(array(payload)?), Signature(array(payload)?));
    Ok(SignedKeys { keys: PublicKeys { dh, rsa }, dh_signature, rsa_signature })
}
