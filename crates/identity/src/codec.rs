//! Reading of the fixed binary encodings. Writing is `Vec::extend`.
//!
//! Every encoding starts with a letter that says what it is and a version byte, so that the bytes of one kind are
//! never the bytes of another.

use crate::Malformed;

/// What is left of an encoding that is being read.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    what: &'static str,
}

impl<'a> Reader<'a> {
    /// Starts to read `bytes`, which must begin with this `kind` and `version`.
    pub(crate) fn new(
        bytes: &'a [u8],
        [kind, version]: [u8; 2],
        what: &'static str,
    ) -> Result<Self, Malformed> {
        let mut reader = Self { rest: bytes, what };
        if reader.array()? != [kind, version] {
            return Err(reader.malformed());
        }
        Ok(reader)
    }

    pub(crate) const fn malformed(&self) -> Malformed {
        Malformed { what: self.what }
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or(self.malformed())?;
        self.rest = rest;
        Ok(*head)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, Malformed> {
        self.array().map(|[byte]| byte)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Malformed> {
        self.array().map(u64::from_be_bytes)
    }

    /// Bytes after a length of one byte.
    pub(crate) fn short_bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let len = usize::from(self.byte()?);
        let (head, rest) = self.rest.split_at_checked(len).ok_or(self.malformed())?;
        self.rest = rest;
        Ok(head)
    }

    /// How much is left, for the length of what was read so far.
    pub(crate) const fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Ends the reading: nothing may be left.
    pub(crate) fn finish(self) -> Result<(), Malformed> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.malformed()) }
    }
}
