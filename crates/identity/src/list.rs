//! An account's device list: a hash chain of numbered, signed entries that grows from the genesis.
//!
//! Number 0 is the genesis, number 1 the addition of the first device. Every later entry adds, renames or revokes a device or
//! rotates the recovery key, and is signed by an active device or by the recovery key (rule R2).
//!
//! Invariants:
//! - Every entry that a [`DeviceList`] holds was checked against the list that it continues.
//! - A list never loses an entry. One that a recovery-signed entry displaced stays known, so that leaves which were
//!   made under it can still be judged (rule R3), and its additions count as revoked.
//! - A device id is used once in a chain: what was revoked never comes back.

mod build;
mod entry;
mod rules;
mod take;

use std::collections::{BTreeMap, HashMap, HashSet};

use hushwire_types::{AccountId, DeviceId, EntryHash, ListNumber};

pub use build::{Joining, complete};
pub use entry::{Author, Change, Device, DeviceName, NewDevice, UnverifiedEntry};

use crate::Malformed;
use crate::genesis::{Genesis, GenesisError};
use crate::keys::PublicKey;
use take::Taken;

/// The most entries that a chain may have: a list is loaded and checked as one, and 4,096 entries are about 1.2 MB
/// and a second of signature checks.
pub const MAX_ENTRIES: u64 = 4_096;

/// A place in a device list: its number and the hash of everything up to there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ListHead {
    /// Number of the entry; the genesis is 0.
    pub number: ListNumber,
    /// Hash of the entry, which holds the hash of the one before.
    pub hash: EntryHash,
}

/// Why entries were not taken. The list is as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ListError {
    /// Not the encoding of an entry; who gave it misbehaves.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The genesis does not hold; who gave it misbehaves.
    #[error(transparent)]
    Genesis(#[from] GenesisError),
    /// The entry does not continue what is known: ask for the entries from `from` on. Who still gives such entries
    /// then misbehaves.
    #[error("device list entries are missing from number {from} on")]
    Gap {
        /// The first number that is wanted.
        from: ListNumber,
    },
    /// Two entries with the same number, both properly signed, and none may displace the other (rule R2): whoever
    /// gave it shows different lists to different people, or a device's key is stolen. Keep the known list and say so.
    #[error("the device list was forked at number {at}")]
    Fork {
        /// The number that has two entries.
        at: ListNumber,
    },
    /// The entry breaks a rule of the list; who gave it misbehaves.
    #[error("a device list entry is not allowed: {0}")]
    Refused(Refusal),
}

/// The rule that an entry breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Entry 1 must be the first device's own addition.
    #[error("entry 1 is not the addition of the first device")]
    FirstEntry,
    /// The author is no device that is active there.
    #[error("its author is not an active device")]
    Author,
    /// A signature of the author, the added device or the new recovery key is wrong.
    #[error("a signature is wrong")]
    Signature,
    /// Only the current recovery key rotates recovery.
    #[error("only the recovery key may replace itself")]
    NotByRecovery,
    /// A key that the chain has used already.
    #[error("a key is used twice")]
    KeyReused,
    /// The revoked or renamed device is not active there.
    #[error("the device that it changes is not active")]
    NotActive,
    /// The chain has [`MAX_ENTRIES`].
    #[error("the list is full")]
    Full,
}

/// What a device is at a place in the list (rule R3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At<'a> {
    /// The device is active there.
    Active(&'a Device),
    /// The place is known and the device is not active there.
    NotActive,
    /// The place is not known (yet): ask for newer entries.
    Unknown,
}

/// What a device is by all that is known now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceStatus {
    /// Active at the head.
    Active,
    /// Added once and no longer active: revoked, or its addition was displaced. Nobody sends to it.
    Revoked,
    /// Never heard of.
    Unknown,
}

/// What taking entries changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Accepted {
    /// Devices that are active now and were not before.
    pub added: Vec<DeviceId>,
    /// Devices that were active before and are not now.
    pub revoked: Vec<DeviceId>,
    /// The first number of the entries that a recovery-signed one displaced, if one did.
    pub displaced_from: Option<ListNumber>,
    /// Whether the recovery key is another one than before.
    pub recovery_rotated: bool,
    /// How many entries were new.
    pub new_entries: usize,
}

/// A verified device list.
#[derive(Debug, Clone)]
pub struct DeviceList {
    genesis: Genesis,
    /// Every entry ever taken, by hash.
    entries: HashMap<EntryHash, Link>,
    /// The hashes of every entry ever taken, in the order of their coming.
    history: Vec<EntryHash>,
    /// The hashes of the current chain; the genesis is not in it, so entry k stands at k - 1.
    chain: Vec<EntryHash>,
}

#[derive(Debug, Clone)]
struct Link {
    entry: UnverifiedEntry,
    /// The device that it adds, as look-ups give it out.
    device: Option<Device>,
}

impl DeviceList {
    /// Checks a genesis and the entries after it, in the order of [`DeviceList::entries`] or [`DeviceList::history`].
    /// No entries at all are fine: the list is then at number 0, and no device is active.
    ///
    /// # Errors
    /// [`ListError`]: who gave the bytes misbehaves.
    pub fn verify<B: AsRef<[u8]>>(
        genesis: &[u8],
        entries: impl IntoIterator<Item = B>,
    ) -> Result<Self, ListError> {
        let mut list = Self::new(Genesis::verify(genesis)?);
        for entry in entries {
            list.take(entry.as_ref())?;
        }
        Ok(list)
    }

    /// The list of a genesis alone, at number 0.
    #[must_use]
    pub fn new(genesis: Genesis) -> Self {
        Self { genesis, entries: HashMap::new(), history: Vec::new(), chain: Vec::new() }
    }

    /// Takes newer entries, all or none. Entries that are known are passed over.
    ///
    /// # Errors
    /// [`ListError`]; the list is as it was.
    pub fn accept<B: AsRef<[u8]>>(
        &mut self,
        entries: impl IntoIterator<Item = B>,
    ) -> Result<Accepted, ListError> {
        let mut next = self.clone();
        let mut displaced_from: Option<ListNumber> = None;
        for entry in entries {
            if let Taken::Displaced(number) = next.take(entry.as_ref())? {
                displaced_from = Some(displaced_from.map_or(number, |earlier| earlier.min(number)));
            }
        }
        let (before, after) = (self.actives(self.head()), next.actives(next.head()));
        let accepted = Accepted {
            added: after.keys().filter(|id| !before.contains_key(*id)).copied().collect(),
            revoked: before.keys().filter(|id| !after.contains_key(*id)).copied().collect(),
            displaced_from,
            recovery_rotated: self.recovery_key() != next.recovery_key(),
            new_entries: next.history.len().saturating_sub(self.history.len()),
        };
        *self = next;
        Ok(accepted)
    }

    /// Takes one entry: the next one, or a recovery-signed one that displaces (rule R2).
    ///
    /// # Errors
    /// [`ListError`]; the list is as it was.
    pub fn append(&mut self, entry: &[u8]) -> Result<Accepted, ListError> {
        self.accept([entry])
    }

    /// The account that the list belongs to.
    #[must_use]
    pub fn account_id(&self) -> AccountId {
        self.genesis.account_id()
    }

    /// The genesis under the list.
    #[must_use]
    pub const fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// The newest place.
    #[must_use]
    pub fn head(&self) -> ListHead {
        let hash = self.chain.last().copied().unwrap_or_else(|| self.genesis.hash());
        ListHead { number: ListNumber(count(&self.chain)), hash }
    }

    /// The recovery key at the head.
    #[must_use]
    pub fn recovery_key(&self) -> PublicKey {
        self.recovery_key_at(self.head())
    }

    /// What `device` is at `head`, which may be any place that was ever known, a displaced one too (rule R3).
    #[must_use]
    pub fn device_at(&self, head: ListHead, device: DeviceId) -> At<'_> {
        if !self.knows(head) {
            return At::Unknown;
        }
        for link in self.links_back_from(head.hash) {
            match (link.entry.change(), &link.device) {
                (Change::Revoke { device: revoked }, _) if *revoked == device => return At::NotActive,
                (Change::Add { .. }, Some(added)) if added.id == device => return At::Active(added),
                _ => {}
            }
        }
        At::NotActive
    }

    /// Whether `head` is a place that was ever known.
    #[must_use]
    pub fn knows(&self, head: ListHead) -> bool {
        match self.entries.get(&head.hash) {
            Some(link) => link.entry.number() == head.number,
            None => head.hash == self.genesis.hash() && head.number == ListNumber(0),
        }
    }

    /// Whether the list at `head` is at or above `floor`, so that a leaf at `head` is not below it: it contains the
    /// floor, or displaced it with a recovery-signed entry (rule R2). `None` where either is not known.
    #[must_use]
    pub fn reaches(&self, head: ListHead, floor: ListHead) -> Option<bool> {
        if !self.knows(head) || !self.knows(floor) {
            return None;
        }
        let behind: HashSet<EntryHash> =
            self.links_back_from(floor.hash).map(|link| link.entry.previous()).chain([floor.hash]).collect();
        // The entry at which the list at `head` leaves the one at `floor`.
        let parting =
            self.links_back_from(head.hash).take_while(|link| !behind.contains(&link.entry.hash())).last();
        Some(match parting {
            None => head == floor,
            Some(link) => link.entry.previous() == floor.hash || link.entry.is_by_recovery(),
        })
    }

    /// What `device` is by all that is known now.
    #[must_use]
    pub fn status(&self, device: DeviceId) -> DeviceStatus {
        if matches!(self.device_at(self.head(), device), At::Active(_)) {
            DeviceStatus::Active
        } else if self.entries.values().any(|link| link.adds(device)) {
            DeviceStatus::Revoked
        } else {
            DeviceStatus::Unknown
        }
    }

    /// The active device with this id.
    #[must_use]
    pub fn device(&self, device: DeviceId) -> Option<&Device> {
        match self.device_at(self.head(), device) {
            At::Active(device) => Some(device),
            At::NotActive | At::Unknown => None,
        }
    }

    /// What its owner calls a device that is or was in the chain.
    #[must_use]
    pub fn name(&self, device: DeviceId) -> Option<&DeviceName> {
        self.links_back_from(self.head().hash).find_map(|link| match link.entry.change() {
            Change::Rename { device: renamed, name } if *renamed == device => Some(name),
            Change::Add { name, .. } if link.adds(device) => Some(name),
            _ => None,
        })
    }

    /// Whether the recovery key brought a device in: its account may have no other one left.
    #[must_use]
    pub fn is_recovered(&self, device: DeviceId) -> bool {
        let mut links = self.links_back_from(self.head().hash);
        links.any(|link| link.adds(device) && link.entry.is_by_recovery())
    }

    /// The devices that are active at the head, oldest first, with the names that they came with: see [`DeviceList::name`].
    #[must_use]
    pub fn active_devices(&self) -> Vec<&Device> {
        let mut devices: Vec<&Device> = self.actives(self.head()).into_values().collect();
        devices.sort_by_key(|device| device.added_at);
        devices
    }

    /// The bytes of the current chain's entries with numbers from `from` on, oldest first.
    pub fn entries(&self, from: ListNumber) -> impl Iterator<Item = &[u8]> {
        let skipped = usize::try_from(from.0.saturating_sub(1)).unwrap_or(usize::MAX);
        self.chain.iter().skip(skipped).filter_map(|hash| Some(self.entries.get(hash)?.entry.as_bytes()))
    }

    /// The bytes of every entry ever taken, displaced ones too, in the order of their coming: what to store, and what
    /// to give to others, so that they can judge leaves that were made under a displaced entry.
    pub fn history(&self) -> impl Iterator<Item = &[u8]> {
        self.history.iter().filter_map(|hash| Some(self.entries.get(hash)?.entry.as_bytes()))
    }

    /// The list as it was at `number` of the current chain, to write a recovery-signed entry there that displaces what
    /// came after.
    #[must_use]
    pub fn prefix(&self, number: ListNumber) -> Option<Self> {
        let kept = self.chain.get(..usize::try_from(number.0).ok()?)?;
        let entries = kept.iter().filter_map(|hash| Some((*hash, self.entries.get(hash)?.clone()))).collect();
        Some(Self { genesis: self.genesis.clone(), entries, history: kept.to_vec(), chain: kept.to_vec() })
    }

    /// The links from the one with this hash back to entry 1.
    fn links_back_from(&self, hash: EntryHash) -> impl Iterator<Item = &Link> {
        std::iter::successors(self.entries.get(&hash), |link| self.entries.get(&link.entry.previous()))
    }

    fn recovery_key_at(&self, place: ListHead) -> PublicKey {
        let rotated = self.links_back_from(place.hash).find_map(|link| match link.entry.change() {
            Change::RotateRecovery { new_key } => Some(*new_key),
            Change::Add { .. } | Change::Revoke { .. } | Change::Rename { .. } => None,
        });
        rotated.unwrap_or(*self.genesis.recovery_key())
    }

    fn actives(&self, place: ListHead) -> BTreeMap<DeviceId, &Device> {
        let mut active = BTreeMap::new();
        let links: Vec<&Link> = self.links_back_from(place.hash).collect();
        for link in links.into_iter().rev() {
            match (link.entry.change(), &link.device) {
                (Change::Revoke { device }, _) => {
                    active.remove(device);
                }
                (Change::Add { .. }, Some(device)) => {
                    active.insert(device.id, device);
                }
                _ => {}
            }
        }
        active
    }
}

impl Link {
    fn adds(&self, device: DeviceId) -> bool {
        self.device.as_ref().is_some_and(|added| added.id == device)
    }
}

fn count<T>(items: &[T]) -> u64 {
    u64::try_from(items.len()).unwrap_or(u64::MAX)
}
