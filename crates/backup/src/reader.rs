//! Reading a backup: sealed chunks in, records out.

use std::fmt;
use std::io::{self, Read};

use aead_stream::aead::Payload;
use aead_stream::{DecryptorBE32, KeyInit, NewStream, StreamBE32};
use chacha20poly1305::XChaCha20Poly1305;
use zeroize::Zeroizing;

use crate::error::ReadError;
use crate::header::{Header, Key};
use crate::record::{Record, decode};
use crate::{CHUNK_BYTES, RECORD_BYTES, TAG_BYTES};

/// Reads the records of a backup from `R`, which stands behind the header. Only who has read to the end knows that the backup
/// is whole: read it once before anything of it is used.
pub struct Reader<R> {
    file: R,
    header: Header,
    /// None once the last chunk was opened.
    opener: Option<DecryptorBE32<XChaCha20Poly1305>>,
    /// The sealed chunk that comes next; the last one is known by that nothing follows it.
    sealed: Vec<u8>,
    /// What was opened, and how much of it was given out.
    opened: Zeroizing<Vec<u8>>,
    taken: usize,
}

impl<R: Read> Reader<R> {
    /// Opens the first chunk, which proves the key. Making a key of a passphrase takes a moment and 64 MiB.
    ///
    /// # Errors
    /// [`ReadError::WrongKey`], [`ReadError::NeedsKey`], [`ReadError::NeedsPassphrase`], or the file cannot be read.
    pub fn new(mut file: R, header: &Header, key: &Key) -> Result<Self, ReadError> {
        let chunk_key = header.reading_key(key)?;
        let aead = XChaCha20Poly1305::new((&*chunk_key).into());
        let stream = StreamBE32::from_aead(aead, header.nonce().into());
        let sealed = chunk(&mut file)?;
        let mut reader = Self {
            file,
            header: header.clone(),
            opener: Some(DecryptorBE32::from_stream_primitive(stream)),
            sealed,
            opened: Zeroizing::new(Vec::new()),
            taken: 0,
        };
        reader.open_chunk().map_err(|error| match error {
            ReadError::Damaged => ReadError::WrongKey,
            other => other,
        })?;
        Ok(reader)
    }

    /// The next record that this version knows; none at the end of a whole backup.
    ///
    /// # Errors
    /// [`ReadError::Damaged`], or the file cannot be read.
    pub fn next_record(&mut self) -> Result<Option<Record>, ReadError> {
        loop {
            if self.is_at_end()? {
                return Ok(None);
            }
            let mut length = [0; 4];
            self.take(&mut length)?;
            let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
            if length > RECORD_BYTES {
                return Err(ReadError::Damaged);
            }
            let mut bytes = Zeroizing::new(vec![0; length]);
            self.take(&mut bytes)?;
            if let Some(record) = decode(&bytes).map_err(|_| ReadError::Damaged)? {
                return Ok(Some(record));
            }
        }
    }

    fn is_at_end(&mut self) -> Result<bool, ReadError> {
        while self.taken == self.opened.len() {
            if self.opener.is_none() {
                return Ok(true);
            }
            self.open_chunk()?;
        }
        Ok(false)
    }

    fn take(&mut self, mut buffer: &mut [u8]) -> Result<(), ReadError> {
        while !buffer.is_empty() {
            if self.is_at_end()? {
                return Err(ReadError::Damaged);
            }
            let here = self.opened.get(self.taken..).unwrap_or_default();
            let length = here.len().min(buffer.len());
            let (now, later) = buffer.split_at_mut(length);
            now.copy_from_slice(here.get(..length).unwrap_or_default());
            self.taken += length;
            buffer = later;
        }
        Ok(())
    }

    fn open_chunk(&mut self) -> Result<(), ReadError> {
        let Some(mut opener) = self.opener.take() else { return Err(ReadError::Damaged) };
        let next = chunk(&mut self.file)?;
        let payload = Payload { msg: &self.sealed, aad: self.header.raw() };
        let opened = if next.is_empty() {
            opener.decrypt_last(payload)
        } else {
            let opened = opener.decrypt_next(payload);
            self.opener = Some(opener);
            opened
        };
        self.opened = Zeroizing::new(opened.map_err(|_| ReadError::Damaged)?);
        self.taken = 0;
        self.sealed = next;
        Ok(())
    }
}

/// As much of a sealed chunk as is left of the file.
fn chunk(file: &mut impl Read) -> Result<Vec<u8>, io::Error> {
    let mut sealed = Vec::new();
    let most = u64::try_from(CHUNK_BYTES + TAG_BYTES).unwrap_or(u64::MAX);
    file.take(most).read_to_end(&mut sealed)?;
    Ok(sealed)
}

impl<R> fmt::Debug for Reader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("header", &self.header).finish_non_exhaustive()
    }
}
