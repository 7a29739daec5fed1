//! Frames: a header, then exactly as many bytes as it says.
//!
//! A decoder is fed whatever came and gives frames as they are whole; where one packet ends means nothing. A frame that makes
//! no sense is skipped with an error; after one that cannot even be skipped the stream is of no more use.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::limits::{PAYLOAD_BYTES, REQUEST_HEADER, RESPONSE_HEADER};
use crate::phone::{self, Phone};
use crate::request::Request;
use crate::response::Response;

/// The version that stands in every frame.
pub const VERSION: u8 = 1;

/// A request and who it says that it is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestFrame {
    /// Who asks.
    pub phone: Phone,
    /// What for.
    pub request: Request,
}

/// Why a frame was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The frame makes no sense and was skipped: answer with an error and go on.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// Not this protocol, or another version of it: close the connection.
    #[error("a frame of version {0}")]
    Version(u8),
    /// More than any frame of this protocol has: close the connection.
    #[error("a frame with {0} bytes of payload")]
    TooLarge(u32),
}

/// What is wrong with a frame whose size is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// A code that is not of this side of the protocol.
    #[error("unknown code {0}")]
    Code(u16),
    /// A phone that is none.
    #[error("a phone that is none")]
    Phone,
    /// A payload that is not one of its code's.
    #[error("a payload that does not fit its code")]
    Payload,
}

/// Encodes a request.
#[must_use]
pub fn encode_request(phone: Phone, request: &Request) -> Bytes {
    let mut out = BytesMut::with_capacity(REQUEST_HEADER + PAYLOAD_BYTES);
    out.put_slice(&phone.to_wire());
    encode(&mut out, request.code(), |out| request.write_payload(out));
    out.freeze()
}

/// Encodes a response; at most 2048 bytes, as every value that can be in one is checked.
#[must_use]
pub fn encode_response(response: &Response) -> Bytes {
    let mut out = BytesMut::with_capacity(64);
    encode(&mut out, response.code(), |out| response.write_payload(out));
    out.freeze()
}

fn encode(out: &mut BytesMut, code: u16, write_payload: impl FnOnce(&mut BytesMut)) {
    let mut payload = BytesMut::new();
    write_payload(&mut payload);
    out.put_u8(VERSION);
    out.put_u16(code);
    out.put_u32(u32::try_from(payload.len()).unwrap_or(u32::MAX));
    out.put_slice(&payload);
}

/// Reads what a client says.
#[derive(Debug, Default)]
pub struct RequestDecoder {
    buffer: BytesMut,
}

impl RequestDecoder {
    /// Takes bytes as they came.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole frame, or `None` until more bytes come.
    ///
    /// # Errors
    /// [`DecodeError`]; only after `Malformed` there can be more.
    pub fn next_frame(&mut self) -> Result<Option<RequestFrame>, DecodeError> {
        let Some((head, code, payload)) = take_frame(&mut self.buffer, phone::BYTES)? else {
            return Ok(None);
        };
        let phone = Phone::try_from(&*head).map_err(|_| Malformed::Phone)?;
        Ok(Some(RequestFrame { phone, request: Request::read(code, payload)? }))
    }
}

/// Reads what a server says.
#[derive(Debug, Default)]
pub struct ResponseDecoder {
    buffer: BytesMut,
}

impl ResponseDecoder {
    /// Takes bytes as they came.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole frame, or `None` until more bytes come.
    ///
    /// # Errors
    /// [`DecodeError`]; only after `Malformed` there can be more.
    pub fn next_frame(&mut self) -> Result<Option<Response>, DecodeError> {
        let Some((_, code, payload)) = take_frame(&mut self.buffer, 0)? else { return Ok(None) };
        Ok(Some(Response::read(code, payload)?))
    }
}

type Frame = (Bytes, u16, Bytes);

/// Takes a whole frame off the front: the `lead` bytes before the version, the code, the payload. The header is judged as soon
/// as it is there, so that nobody makes a decoder wait for what it would not take.
fn take_frame(buffer: &mut BytesMut, lead: usize) -> Result<Option<Frame>, DecodeError> {
    let Some(header) = buffer.get(lead..lead + RESPONSE_HEADER) else {
        return match buffer.get(lead) {
            Some(version) if *version != VERSION => Err(DecodeError::Version(*version)),
            _ => Ok(None),
        };
    };
    let mut header = header;
    let (version, code, size) = (header.get_u8(), header.get_u16(), header.get_u32());
    if version != VERSION {
        return Err(DecodeError::Version(version));
    }
    let payload = usize::try_from(size).unwrap_or(usize::MAX);
    if payload > PAYLOAD_BYTES {
        return Err(DecodeError::TooLarge(size));
    }
    if buffer.len() < lead + RESPONSE_HEADER + payload {
        return Ok(None);
    }
    let head = buffer.split_to(lead).freeze();
    buffer.advance(RESPONSE_HEADER);
    Ok(Some((head, code, buffer.split_to(payload).freeze())))
}
