//! Reading the group extension: bytes from the front, [`Refusal::Extensions`] where there are too few.

use crate::Refusal;

pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Refusal> {
        let (head, rest) = self.0.split_first_chunk().ok_or(Refusal::Extensions)?;
        self.0 = rest;
        Ok(*head)
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Result<&'a [u8], Refusal> {
        let (head, rest) = self.0.split_at_checked(length).ok_or(Refusal::Extensions)?;
        self.0 = rest;
        Ok(head)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Refusal> {
        Ok(u8::from_be_bytes(self.array()?))
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Refusal> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Refusal> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Refusal> {
        Ok(u64::from_be_bytes(self.array()?))
    }
}
