//! One entry of a device list, as bytes and as its parts.
//!
//! `'E' 1 ‖ number u64 ‖ previous hash ‖ change ‖ author ‖ signature ‖ [countersignature]`, where a change is
//! `1 ‖ list key ‖ MLS key ‖ u8 length ‖ name`, `2 ‖ device id`, `3 ‖ recovery key` or `4 ‖ device id ‖ u8 length ‖ name`, and an author `1 ‖ device id`
//! or `2`. Both signatures are over everything before them but each other; additions and rotations have the
//! second one, by the key that they bring in.

use std::fmt;
use std::str::FromStr;

use hushwire_types::{DeviceId, EntryHash, ListNumber};
use sha2::{Digest, Sha256};

use super::ListHead;
use crate::Malformed;
use crate::codec::Reader;
use crate::keys::{ListKey, PublicKey, Signature};
use crate::labels::{ADDED_DEVICE, LIST_ENTRY, NEW_RECOVERY_KEY};
use crate::recovery::RecoveryKey;

const KIND: [u8; 2] = *b"E\x01";
const ADD: u8 = 1;
const REVOKE: u8 = 2;
const ROTATE_RECOVERY: u8 = 3;
const RENAME: u8 = 4;
const BY_DEVICE: u8 = 1;
const BY_RECOVERY: u8 = 2;

/// What a person calls a device: 1 to 64 bytes of UTF-8, nothing in it that moves a cursor or turns text around.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DeviceName(String);

impl DeviceName {
    /// The longest name in bytes.
    pub const MAX_BYTES: usize = 64;

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DeviceName {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let harmless = |symbol: char| {
            !symbol.is_control()
                && !matches!(symbol, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{61c}')
        };
        let fine = !text.trim().is_empty() && text.len() <= Self::MAX_BYTES && text.chars().all(harmless);
        if fine { Ok(Self(text.to_owned())) } else { Err(Malformed { what: "device name" }) }
    }
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A device as the list has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Its id, the hash of its list key.
    pub id: DeviceId,
    /// The key for the list and for login.
    pub list_key: PublicKey,
    /// The key of its MLS leaves.
    pub mls_key: PublicKey,
    /// What its owner calls it.
    pub name: DeviceName,
    /// The entry that added it.
    pub added_at: ListNumber,
}

/// A device to add. It signs for itself, so its list key is needed here.
#[derive(Debug, Clone)]
pub struct NewDevice<'a> {
    /// Its key for the list and for login.
    pub list_key: &'a ListKey,
    /// The public key of its MLS leaves.
    pub mls_key: PublicKey,
    /// What its owner calls it.
    pub name: DeviceName,
}

/// What an entry changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A device joins.
    Add {
        /// Its key for the list and for login.
        list_key: PublicKey,
        /// The key of its MLS leaves.
        mls_key: PublicKey,
        /// What its owner calls it.
        name: DeviceName,
    },
    /// A device leaves for ever.
    Revoke {
        /// The device.
        device: DeviceId,
    },
    /// Another recovery key takes over.
    RotateRecovery {
        /// The new key.
        new_key: PublicKey,
    },
    /// A device gets another name.
    Rename {
        /// The device.
        device: DeviceId,
        /// What its owner calls it now.
        name: DeviceName,
    },
}

/// Who writes an entry.
#[derive(Debug, Clone, Copy)]
pub enum Author<'a> {
    /// An active device.
    Device(&'a ListKey),
    /// The recovery key.
    Recovery(&'a RecoveryKey),
}

/// Who says that it wrote an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AuthorId {
    Device(DeviceId),
    Recovery,
}

/// Who signs an entry besides its author.
#[derive(Debug, Clone, Copy)]
pub(super) enum Countersigner<'a> {
    Nobody,
    Device(&'a ListKey),
    Recovery(&'a RecoveryKey),
}

/// An entry that is well-formed; whether the list allows it, only [`super::DeviceList`] knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnverifiedEntry {
    number: ListNumber,
    previous: EntryHash,
    change: Change,
    author: AuthorId,
    hash: EntryHash,
    body_len: usize,
    signature: Signature,
    countersignature: Option<Signature>,
    bytes: Vec<u8>,
}

impl UnverifiedEntry {
    /// Reads an entry.
    ///
    /// # Errors
    /// [`Malformed`] where the bytes are not the one encoding of an entry.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes, KIND, "device list entry")?;
        let number = ListNumber(reader.u64()?);
        let previous = EntryHash::new(reader.array()?);
        let change = read_change(&mut reader)?;
        let author = match reader.byte()? {
            BY_DEVICE => AuthorId::Device(DeviceId::new(reader.array()?)),
            BY_RECOVERY => AuthorId::Recovery,
            _ => return Err(reader.malformed()),
        };
        let body_len = bytes.len().saturating_sub(reader.remaining());
        let signature = Signature(reader.array()?);
        let countersignature = match change {
            Change::Add { .. } | Change::RotateRecovery { .. } => Some(Signature(reader.array()?)),
            Change::Revoke { .. } | Change::Rename { .. } => None,
        };
        if number == ListNumber(0) {
            return Err(reader.malformed());
        }
        reader.finish()?;
        let hash = EntryHash::new(Sha256::digest(bytes).into());
        let bytes = bytes.to_vec();
        Ok(Self { number, previous, change, author, hash, body_len, signature, countersignature, bytes })
    }

    /// Its number in the list, from 1.
    #[must_use]
    pub const fn number(&self) -> ListNumber {
        self.number
    }

    /// The hash of the entry (or genesis) before it.
    #[must_use]
    pub const fn previous(&self) -> EntryHash {
        self.previous
    }

    /// What it changes.
    #[must_use]
    pub const fn change(&self) -> &Change {
        &self.change
    }

    /// SHA-256 of its bytes.
    #[must_use]
    pub const fn hash(&self) -> EntryHash {
        self.hash
    }

    /// The place in a list that it makes.
    #[must_use]
    pub const fn head(&self) -> ListHead {
        ListHead { number: self.number, hash: self.hash }
    }

    /// Whether it says that the recovery key signed it, so that it may displace others (rule R2).
    #[must_use]
    pub fn is_by_recovery(&self) -> bool {
        self.author == AuthorId::Recovery
    }

    /// The bytes that were read.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) const fn author(&self) -> AuthorId {
        self.author
    }

    /// What is signed.
    pub(super) fn body(&self) -> &[u8] {
        self.bytes.get(..self.body_len).unwrap_or_default()
    }

    pub(super) const fn signature(&self) -> &Signature {
        &self.signature
    }

    pub(super) const fn countersignature(&self) -> Option<&Signature> {
        self.countersignature.as_ref()
    }
}

fn read_change(reader: &mut Reader<'_>) -> Result<Change, Malformed> {
    match reader.byte()? {
        ADD => {
            let (list_key, mls_key) = (read_key(reader)?, read_key(reader)?);
            Ok(Change::Add { list_key, mls_key, name: read_name(reader)? })
        }
        REVOKE => Ok(Change::Revoke { device: DeviceId::new(reader.array()?) }),
        ROTATE_RECOVERY => Ok(Change::RotateRecovery { new_key: read_key(reader)? }),
        RENAME => {
            let device = DeviceId::new(reader.array()?);
            Ok(Change::Rename { device, name: read_name(reader)? })
        }
        _ => Err(reader.malformed()),
    }
}

fn read_name(reader: &mut Reader<'_>) -> Result<DeviceName, Malformed> {
    std::str::from_utf8(reader.short_bytes()?).map_err(|_| reader.malformed())?.parse()
}

fn read_key(reader: &mut Reader<'_>) -> Result<PublicKey, Malformed> {
    PublicKey::from_bytes(&reader.array()?).map_err(|_| reader.malformed())
}

/// The bytes of the entry after `place`.
pub(super) fn write(
    place: ListHead,
    change: &Change,
    author: Author<'_>,
    countersigner: Countersigner<'_>,
) -> Vec<u8> {
    let mut out = KIND.to_vec();
    out.extend(place.number.next().0.to_be_bytes());
    out.extend(place.hash.as_bytes());
    write_change(&mut out, change);
    match author {
        Author::Device(key) => {
            out.push(BY_DEVICE);
            out.extend(key.device_id().as_bytes());
        }
        Author::Recovery(_) => out.push(BY_RECOVERY),
    }
    let signature = match author {
        Author::Device(key) => key.sign(LIST_ENTRY, &[&out]),
        Author::Recovery(key) => key.sign(LIST_ENTRY, &[&out]),
    };
    let countersignature = match countersigner {
        Countersigner::Nobody => None,
        Countersigner::Device(key) => Some(key.sign(ADDED_DEVICE, &[&out])),
        Countersigner::Recovery(key) => Some(key.sign(NEW_RECOVERY_KEY, &[&out])),
    };
    out.extend(signature.0);
    out.extend(countersignature.iter().flat_map(|signature| signature.0));
    out
}

fn write_change(out: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Add { list_key, mls_key, name } => {
            out.push(ADD);
            out.extend(list_key.as_bytes());
            out.extend(mls_key.as_bytes());
            write_name(out, name);
        }
        Change::Revoke { device } => {
            out.push(REVOKE);
            out.extend(device.as_bytes());
        }
        Change::RotateRecovery { new_key } => {
            out.push(ROTATE_RECOVERY);
            out.extend(new_key.as_bytes());
        }
        Change::Rename { device, name } => {
            out.push(RENAME);
            out.extend(device.as_bytes());
            write_name(out, name);
        }
    }
}

fn write_name(out: &mut Vec<u8>, name: &DeviceName) {
    // A name has at most 64 bytes.
    out.push(u8::try_from(name.as_str().len()).unwrap_or(u8::MAX));
    out.extend(name.as_str().as_bytes());
}
