//! The MLS credential of a leaf: which device of which account it is, and by which list it is judged (rule R3).

use hushwire_types::{AccountId, DeviceId, EntryHash, ListNumber};

use crate::Malformed;
use crate::codec::Reader;
use crate::list::ListHead;

const KIND: [u8; 2] = *b"C\x01";

/// The content of a leaf's credential (RFC 9420, section 5.3). It claims; the list at `list` proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LeafCredential {
    /// The account that the leaf speaks for.
    pub account: AccountId,
    /// The device that holds the leaf.
    pub device: DeviceId,
    /// The prefix of the account's device list that must have the device active.
    pub list: ListHead,
}

impl LeafCredential {
    /// Length in bytes of the encoding.
    pub const LEN: usize = 2 + AccountId::LEN + DeviceId::LEN + 8 + EntryHash::LEN;

    /// The credential's bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(Self::LEN);
        out.extend(KIND);
        out.extend(self.account.as_bytes());
        out.extend(self.device.as_bytes());
        out.extend(self.list.number.0.to_be_bytes());
        out.extend(self.list.hash.as_bytes());
        out
    }

    /// Reads a credential.
    ///
    /// # Errors
    /// [`Malformed`] where the bytes are not what [`LeafCredential::encode`] writes.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes, KIND, "leaf credential")?;
        let credential = Self {
            account: AccountId::new(reader.array()?),
            device: DeviceId::new(reader.array()?),
            list: ListHead { number: ListNumber(reader.u64()?), hash: EntryHash::new(reader.array()?) },
        };
        reader.finish()?;
        Ok(credential)
    }
}
