//! What a client asks for.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::blob::MessageBlob;
use crate::frame::Malformed;
use crate::keys::{DhPublicKey, PublicKeys, RsaPem};
use crate::otp::Otp;
use crate::phone::{self, Phone};

/// A request, without the phone of whoever asks, which is in the frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// 825: make me an account.
    Register,
    /// 826: these are my keys.
    SendPublicKeys(PublicKeys),
    /// 827: I am online now.
    Login,
    /// 828: the keys of somebody to write to.
    RecipientKeys(Phone),
    /// 829: a message for somebody.
    Message {
        /// Who it is for.
        recipient: Phone,
        /// The message.
        blob: MessageBlob,
    },
    /// 830: I have read the message of this sender; the next one, please.
    MessageReceived(Phone),
    /// 831: the code that I was sent.
    Otp(Otp),
    /// 832: the keys of somebody who wrote.
    SenderKeys(Phone),
}

impl Request {
    /// The code on the wire.
    #[must_use]
    pub const fn code(&self) -> u16 {
        match self {
            Self::Register => 825,
            Self::SendPublicKeys(_) => 826,
            Self::Login => 827,
            Self::RecipientKeys(_) => 828,
            Self::Message { .. } => 829,
            Self::MessageReceived(_) => 830,
            Self::Otp(_) => 831,
            Self::SenderKeys(_) => 832,
        }
    }

    pub(crate) fn write_payload(&self, out: &mut BytesMut) {
        match self {
            Self::Register | Self::Login => {}
            Self::Otp(otp) => out.put_slice(otp.expose()),
            Self::SendPublicKeys(keys) => {
                out.put_slice(&keys.dh.0);
                out.put_slice(keys.rsa.as_bytes());
            }
            Self::RecipientKeys(phone) | Self::SenderKeys(phone) | Self::MessageReceived(phone) => {
                out.put_slice(&phone.to_wire());
            }
            Self::Message { recipient, blob } => {
                out.put_slice(&recipient.to_wire());
                out.put_slice(blob.as_bytes());
            }
        }
    }

    pub(crate) fn read(code: u16, mut payload: Bytes) -> Result<Self, Malformed> {
        let request = match code {
            825 => Self::Register,
            826 => {
                let dh = DhPublicKey(array(&mut payload)?);
                let rsa = std::mem::take(&mut payload);
                Self::SendPublicKeys(PublicKeys {
                    dh,
                    rsa: RsaPem::new(rsa).map_err(|_| Malformed::Payload)?,
                })
            }
            827 => Self::Login,
            828 => Self::RecipientKeys(read_phone(&mut payload)?),
            829 => {
                let recipient = read_phone(&mut payload)?;
                let blob = std::mem::take(&mut payload);
                Self::Message { recipient, blob: MessageBlob::new(blob).map_err(|_| Malformed::Payload)? }
            }
            830 => Self::MessageReceived(read_phone(&mut payload)?),
            831 => {
                let number = payload.try_get_u32().map_err(|_| Malformed::Payload)?;
                Self::Otp(Otp::new(number).map_err(|_| Malformed::Payload)?)
            }
            832 => Self::SenderKeys(read_phone(&mut payload)?),
            code => return Err(Malformed::Code(code)),
        };
        if payload.is_empty() { Ok(request) } else { Err(Malformed::Payload) }
    }
}

pub(crate) fn array<const N: usize>(payload: &mut Bytes) -> Result<[u8; N], Malformed> {
    let mut out = [0; N];
    payload.try_copy_to_slice(&mut out).map_err(|_| Malformed::Payload)?;
    Ok(out)
}

pub(crate) fn read_phone(payload: &mut Bytes) -> Result<Phone, Malformed> {
    Phone::from_wire(array::<{ phone::BYTES }>(payload)?).map_err(|_| Malformed::Phone)
}
