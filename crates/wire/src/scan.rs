//! A look at the fields of an encoded protobuf message without its schema.
//!
//! Generated decoders drop what they do not know and merge what is repeated; the frame codec needs the number of
//! an unknown operation and the bytes of an unknown entry, and refuses a frame with two operations.

use bytes::{Buf, Bytes};

/// One field of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Field {
    /// The field number.
    pub(crate) number: u32,
    /// The content of a length-delimited field; empty for the others.
    pub(crate) value: Bytes,
}

/// The bytes are not a protobuf message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotProtobuf;

/// The fields of a message in order. Ends after the first error.
pub(crate) fn fields(message: Bytes) -> impl Iterator<Item = Result<Field, NotProtobuf>> {
    let mut rest = message;
    std::iter::from_fn(move || {
        if !rest.has_remaining() {
            return None;
        }
        let field = next(&mut rest);
        if field.is_err() {
            rest.clear();
        }
        Some(field)
    })
}

/// Reads one field; its bytes are shared with the message.
fn next(rest: &mut Bytes) -> Result<Field, NotProtobuf> {
    let (number, wire_type) = {
        let key = varint(rest)?;
        (u32::try_from(key >> 3).map_err(|_| NotProtobuf)?, key & 7)
    };
    let value = match wire_type {
        0 => varint(rest).map(|_| Bytes::new())?,
        1 => take(rest, 8).map(|_| Bytes::new())?,
        2 => {
            let len = usize::try_from(varint(rest)?).map_err(|_| NotProtobuf)?;
            take(rest, len)?
        }
        5 => take(rest, 4).map(|_| Bytes::new())?,
        // Groups (3 and 4) are not of proto3; 6 and 7 do not exist.
        _ => return Err(NotProtobuf),
    };
    Ok(Field { number, value })
}

fn take(rest: &mut Bytes, len: usize) -> Result<Bytes, NotProtobuf> {
    if len > rest.len() { Err(NotProtobuf) } else { Ok(rest.split_to(len)) }
}

fn varint(rest: &mut Bytes) -> Result<u64, NotProtobuf> {
    prost::encoding::decode_varint(rest).map_err(|_| NotProtobuf)
}
