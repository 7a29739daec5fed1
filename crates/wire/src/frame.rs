//! The frame codec: one WebSocket message is one frame.
//!
//! Decoding is bytes → generated frame → validated message; each stage has its error, and each error says which
//! answer it deserves ([`DecodeError::answer`]). Field numbers below [`FIRST_OPERATION`] belong to the frame, the
//! others are operation codes, of which a frame has exactly one.
//!
//! A request that is kept or uploaded ([`encode_whole`]) has the same form and wider limits.

use std::num::NonZeroU64;

use bytes::Bytes;
use prost::Message as _;

use crate::field::{Fault, Invalid};
use crate::limits::{FRAME_BYTES, UPLOAD_BYTES};
use crate::{Error, ErrorCode, Request, Response, proto, scan};

/// The lowest field number that is an operation code.
pub const FIRST_OPERATION: u32 = 800;

/// The client's name for a request in flight on this connection; never 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(NonZeroU64);

impl RequestId {
    /// The first that a connection uses.
    pub const FIRST: Self = Self(NonZeroU64::MIN);

    /// The id with this number; none for 0.
    #[must_use]
    pub const fn new(number: u64) -> Option<Self> {
        match NonZeroU64::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0.get()
    }

    /// The one after this.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// What a server received.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "nearly every frame is the large one, and lives for one step")]
pub enum ClientFrame {
    /// A request of this version.
    Request {
        /// The client's name for it.
        request_id: RequestId,
        /// The request.
        request: Request,
    },
    /// A request of a newer version, to be answered with [`ErrorCode::Unsupported`].
    Unsupported {
        /// The client's name for it.
        request_id: RequestId,
        /// Its operation code.
        code: u32,
    },
}

/// What a client received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerFrame {
    /// The request that this answers; none for a push.
    pub request_id: Option<RequestId>,
    /// The answer or the push.
    pub response: Response,
}

/// A frame cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// It is longer than [`FRAME_BYTES`], or an upload than [`UPLOAD_BYTES`].
    #[error("a frame of {bytes} bytes is over the limit")]
    TooLarge {
        /// Its length.
        bytes: usize,
    },
    /// It is not a frame at all, or one with no operation, with two, or with no request id.
    #[error("not a frame")]
    NotAFrame,
    /// A field does not hold what the schema promises.
    #[error("{invalid}")]
    Invalid {
        /// The request that it is in; none for a push.
        request_id: Option<RequestId>,
        /// Its operation code.
        code: u32,
        /// The field and its fault.
        invalid: Invalid,
    },
}

impl DecodeError {
    /// The request that the error answers, where that could still be read.
    #[must_use]
    pub const fn request_id(&self) -> Option<RequestId> {
        match self {
            Self::Invalid { request_id, .. } => *request_id,
            Self::TooLarge { .. } | Self::NotAFrame => None,
        }
    }

    /// What a server answers.
    #[must_use]
    pub fn answer(&self) -> Error {
        let code = match self {
            Self::TooLarge { .. } => ErrorCode::TooLarge,
            Self::Invalid { invalid, .. } if invalid.fault == Fault::TooLarge => ErrorCode::TooLarge,
            Self::Invalid { .. } | Self::NotAFrame => ErrorCode::Malformed,
        };
        Error::new(code, self.to_string())
    }
}

/// A message cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The frame would be longer than [`FRAME_BYTES`], the upload than [`UPLOAD_BYTES`].
    #[error("a frame of {bytes} bytes is over the limit")]
    TooLarge {
        /// Its length.
        bytes: usize,
    },
    /// The other side would refuse a field.
    #[error("{0}")]
    Invalid(Invalid),
    /// [`Response::Unknown`] is only ever received.
    #[error("an unknown response cannot be written")]
    Unknown,
}

impl From<Invalid> for EncodeError {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(invalid)
    }
}

/// Writes a request.
///
/// # Errors
/// Where a server would refuse it: a field or the whole is over its limit.
pub fn encode_client(request_id: RequestId, request: &Request) -> Result<Bytes, EncodeError> {
    request.check_inline()?;
    let proto = request.to_proto();
    Request::from_proto(proto.clone())?;
    written(&proto::ClientFrame { request_id: request_id.number(), request: Some(proto) }, FRAME_BYTES)
}

/// Writes a request to be kept, or to be uploaded where it [`needs_upload`]. The id in it means nothing.
///
/// # Errors
/// Where a server would refuse it: a part or the whole is over the limits of an upload.
pub fn encode_whole(request: &Request) -> Result<Bytes, EncodeError> {
    let proto = request.to_proto();
    Request::from_proto(proto.clone())?;
    let request_id = RequestId::FIRST.number();
    written(&proto::ClientFrame { request_id, request: Some(proto) }, UPLOAD_BYTES)
}

/// Reads what [`encode_whole`] wrote.
///
/// # Errors
/// See [`DecodeError`]. A request of a newer version is [`DecodeError::NotAFrame`].
pub fn decode_whole(bytes: Bytes) -> Result<Request, DecodeError> {
    let operation = operation(&bytes, UPLOAD_BYTES)?;
    let proto = proto::ClientFrame::decode(bytes).map_err(|_| DecodeError::NotAFrame)?;
    let (code, _) = operation.ok_or(DecodeError::NotAFrame)?;
    let request = proto.request.ok_or(DecodeError::NotAFrame)?;
    Request::from_proto(request).map_err(|invalid| DecodeError::Invalid { request_id: None, code, invalid })
}

/// Whether a request has to be uploaded, because it may be large and does not fit into a frame.
#[must_use]
pub fn needs_upload(request: &Request) -> bool {
    let uploadable = matches!(request, Request::SendCommit(_) | Request::CreateConversation(_));
    uploadable
        && matches!(
            encode_client(RequestId::FIRST, request),
            Err(EncodeError::TooLarge { .. } | EncodeError::Invalid(Invalid { fault: Fault::TooLarge, .. }))
        )
}

/// Writes an answer, or a push where there is no `request_id`.
///
/// # Errors
/// Where a client would refuse it: a field or the whole is over its limit.
pub fn encode_server(request_id: Option<RequestId>, response: &Response) -> Result<Bytes, EncodeError> {
    let proto = response.to_proto()?.ok_or(EncodeError::Unknown)?;
    Response::from_proto(proto.clone(), &Bytes::new())?;
    let request_id = request_id.map_or(0, RequestId::number);
    written(&proto::ServerFrame { request_id, response: Some(proto) }, FRAME_BYTES)
}

/// Reads a request.
///
/// # Errors
/// See [`DecodeError`]; each has its [`DecodeError::answer`].
pub fn decode_client(frame: Bytes) -> Result<ClientFrame, DecodeError> {
    let operation = operation(&frame, FRAME_BYTES)?;
    let proto = proto::ClientFrame::decode(frame).map_err(|_| DecodeError::NotAFrame)?;
    let request_id = RequestId::new(proto.request_id).ok_or(DecodeError::NotAFrame)?;
    let (code, _) = operation.ok_or(DecodeError::NotAFrame)?;
    let Some(request) = proto.request else {
        return Ok(ClientFrame::Unsupported { request_id, code });
    };
    Request::from_proto(request)
        .and_then(|request| request.check_inline().map(|()| request))
        .map(|request| ClientFrame::Request { request_id, request })
        .map_err(|invalid| DecodeError::Invalid { request_id: Some(request_id), code, invalid })
}

/// Reads an answer or a push.
///
/// # Errors
/// See [`DecodeError`]: the server is not to be trusted further on this connection.
pub fn decode_server(frame: Bytes) -> Result<ServerFrame, DecodeError> {
    let operation = operation(&frame, FRAME_BYTES)?;
    let proto = proto::ServerFrame::decode(frame).map_err(|_| DecodeError::NotAFrame)?;
    let request_id = RequestId::new(proto.request_id);
    let (code, body) = operation.ok_or(DecodeError::NotAFrame)?;
    let Some(response) = proto.response else {
        return Ok(ServerFrame { request_id, response: Response::Unknown { code } });
    };
    Response::from_proto(response, &body)
        .map(|response| ServerFrame { request_id, response })
        .map_err(|invalid| DecodeError::Invalid { request_id, code, invalid })
}

fn written(frame: &impl prost::Message, max_bytes: usize) -> Result<Bytes, EncodeError> {
    let bytes = frame.encoded_len();
    if bytes > max_bytes {
        return Err(EncodeError::TooLarge { bytes });
    }
    Ok(frame.encode_to_vec().into())
}

/// Code and body of the frame's one operation.
fn operation(frame: &Bytes, max_bytes: usize) -> Result<Option<(u32, Bytes)>, DecodeError> {
    if frame.len() > max_bytes {
        return Err(DecodeError::TooLarge { bytes: frame.len() });
    }
    let mut found = None;
    for field in scan::fields(frame.clone()) {
        let field = field.map_err(|scan::NotProtobuf| DecodeError::NotAFrame)?;
        if field.number >= FIRST_OPERATION && found.replace((field.number, field.value)).is_some() {
            return Err(DecodeError::NotAFrame);
        }
    }
    Ok(found)
}
