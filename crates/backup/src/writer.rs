//! Writing a backup: records in, sealed chunks out.

use std::fmt;
use std::io::Write;

use aead_stream::aead::Payload;
use aead_stream::{EncryptorBE32, KeyInit, NewStream, StreamBE32};
use chacha20poly1305::XChaCha20Poly1305;
use hushwire_types::Entropy;
use zeroize::Zeroizing;

use crate::error::WriteError;
use crate::header::{Header, Key};
use crate::record::{Record, encode};
use crate::{CHUNK_BYTES, RECORD_BYTES};

/// Writes the records of a backup to `W`. What is not [finished](Writer::finish) is no backup: a reader refuses it.
pub struct Writer<W> {
    out: W,
    sealer: EncryptorBE32<XChaCha20Poly1305>,
    header: Header,
    chunk: Zeroizing<Vec<u8>>,
}

impl<W: Write> Writer<W> {
    /// Writes the header. Making a key of a passphrase takes a moment and 64 MiB.
    ///
    /// # Errors
    /// [`WriteError`].
    pub fn new(mut out: W, key: &Key, entropy: &dyn Entropy) -> Result<Self, WriteError> {
        let header = Header::new(key, entropy);
        let chunk_key = header.writing_key(key)?;
        let aead = XChaCha20Poly1305::new((&*chunk_key).into());
        let stream = StreamBE32::from_aead(aead, header.nonce().into());
        out.write_all(header.raw())?;
        let chunk = Zeroizing::new(Vec::with_capacity(CHUNK_BYTES));
        Ok(Self { out, sealer: EncryptorBE32::from_stream_primitive(stream), header, chunk })
    }

    /// Appends a record.
    ///
    /// # Errors
    /// [`WriteError`].
    pub fn write(&mut self, record: &Record) -> Result<(), WriteError> {
        let bytes = Zeroizing::new(encode(record));
        let length = u32::try_from(bytes.len()).ok().filter(|_| bytes.len() <= RECORD_BYTES);
        let length = length.ok_or(WriteError::TooLarge)?;
        self.append(&length.to_be_bytes())?;
        self.append(&bytes)
    }

    fn append(&mut self, mut bytes: &[u8]) -> Result<(), WriteError> {
        while !bytes.is_empty() {
            // A full chunk waits: whether it is the last one is known only when more comes.
            if self.chunk.len() == CHUNK_BYTES {
                let payload = Payload { msg: &self.chunk, aad: self.header.raw() };
                let sealed = self.sealer.encrypt_next(payload).map_err(|_| WriteError::TooLarge)?;
                self.out.write_all(&sealed)?;
                self.chunk.clear();
            }
            let room = CHUNK_BYTES - self.chunk.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.chunk.extend_from_slice(now);
            bytes = later;
        }
        Ok(())
    }

    /// Seals the last chunk and gives back what was written to, flushed.
    ///
    /// # Errors
    /// [`WriteError`].
    pub fn finish(mut self) -> Result<W, WriteError> {
        let payload = Payload { msg: &self.chunk, aad: self.header.raw() };
        let sealed = self.sealer.encrypt_last(payload).map_err(|_| WriteError::TooLarge)?;
        self.out.write_all(&sealed)?;
        self.out.flush()?;
        Ok(self.out)
    }
}

impl<W> fmt::Debug for Writer<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("header", &self.header).finish_non_exhaustive()
    }
}
