//! Frames written by hand, for what the encoder refuses to write.

use bytes::Bytes;
use hushwire_wire::frame::{self, ClientFrame, DecodeError, ServerFrame};

/// Fields of a protobuf message.
#[derive(Default, Clone)]
pub(crate) struct Raw(Vec<u8>);

impl Raw {
    pub(crate) fn number(mut self, field: u32, value: u64) -> Self {
        self.varint(u64::from(field) << 3);
        self.varint(value);
        self
    }

    pub(crate) fn bytes(mut self, field: u32, value: impl AsRef<[u8]>) -> Self {
        self.varint(u64::from(field) << 3 | 2);
        self.varint(value.as_ref().len() as u64);
        self.0.extend_from_slice(value.as_ref());
        self
    }

    /// A number of fixed length, 8 or 4 bytes.
    pub(crate) fn fixed<const N: usize>(mut self, field: u32, value: [u8; N]) -> Self {
        self.varint(u64::from(field) << 3 | if N == 8 { 1 } else { 5 });
        self.0.extend_from_slice(&value);
        self
    }

    pub(crate) fn decode_client(self) -> Result<ClientFrame, DecodeError> {
        frame::decode_client(Bytes::from(self.0))
    }

    pub(crate) fn decode_server(self) -> Result<ServerFrame, DecodeError> {
        frame::decode_server(Bytes::from(self.0))
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

impl AsRef<[u8]> for Raw {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}
