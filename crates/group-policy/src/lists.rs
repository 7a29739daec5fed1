//! Device lists as the policy sees them: a question about one prefix, and the record of what was not known.

use std::sync::{Arc, Mutex, PoisonError};

use hushwire_identity::{At, DeviceList, LeafCredential, ListHead, PublicKey};
use hushwire_types::{AccountId, DeviceId};
use mls_rs::group::ExportedTree;
use mls_rs::identity::SigningIdentity;

use crate::{GroupExtension, PolicyError, Refusal, leaf_credential};

/// What a prefix of a device list says of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prefix {
    /// The prefix is known and verified, and has the device active.
    Active {
        /// The device's MLS key, from its list entry.
        mls_key: PublicKey,
    },
    /// The prefix is known and verified, and does not have the device active; or it cannot be a prefix of the
    /// account's list in any future (a fork that rule R2 does not accept).
    NotActive,
    /// The prefix is not known: entries must be fetched first.
    Missing,
}

impl Prefix {
    /// What `list`, cut at `head`, says of `device`: what a [`DeviceLists`] answers for an account whose list it has.
    #[must_use]
    pub fn of(list: &DeviceList, head: ListHead, device: DeviceId) -> Self {
        match list.device_at(head, device) {
            At::Active(device) => Self::Active { mls_key: device.mls_key },
            At::NotActive => Self::NotActive,
            At::Unknown => Self::Missing,
        }
    }
}

/// The verified device lists that its holder knows. Pure: the same prefix always gets the same answer, but for
/// [`Prefix::Missing`], which later knowledge may turn into one of the others.
pub trait DeviceLists: Send + Sync {
    /// Whether the list of `account`, cut at `head`, has `device` active (rule R3).
    fn prefix(&self, account: AccountId, head: ListHead, device: DeviceId) -> Prefix;

    /// Whether the list of `account`, cut at `head`, is at or above `floor`: it contains the floor, or a recovery-signed
    /// entry of it displaced the floor (rule R2). `None` where either is not known.
    fn reaches(&self, account: AccountId, head: ListHead, floor: ListHead) -> Option<bool>;
}

/// [`DeviceLists`] with the record of the prefixes that were asked for and missing. Clones share the record.
#[derive(Clone)]
pub struct Lists {
    known: Arc<dyn DeviceLists>,
    missing: Arc<Mutex<Vec<(AccountId, ListHead)>>>,
}

impl Lists {
    /// Lists with an empty record.
    #[must_use]
    pub fn new(known: Arc<dyn DeviceLists>) -> Self {
        Self { known, missing: Arc::default() }
    }

    /// What was missing since the last call, without repeats, oldest first. Take it after each operation of mls-rs that
    /// failed: mls-rs passes on one error only, and may have met several.
    #[must_use]
    pub fn take_missing(&self) -> Vec<(AccountId, ListHead)> {
        std::mem::take(&mut *self.missing.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Judges a leaf by the prefix that its credential names (rule R3).
    ///
    /// # Errors
    /// [`PolicyError::Refused`] where the credential is malformed, the device not active there, or the key not its own;
    /// [`PolicyError::MissingLists`], also recorded, where the prefix is not known.
    pub fn judge(&self, identity: &SigningIdentity) -> Result<LeafCredential, PolicyError> {
        let leaf = leaf_credential(identity)?;
        match self.known.prefix(leaf.account, leaf.list, leaf.device) {
            Prefix::Active { mls_key } if *identity.signature_key.as_ref() == *mls_key.as_bytes() => Ok(leaf),
            Prefix::Active { .. } => Err(Refusal::WrongKey(leaf.account, leaf.device).into()),
            Prefix::NotActive => Err(Refusal::NotActive(leaf.account, leaf.device).into()),
            Prefix::Missing => Err(self.record(leaf.account, leaf.list)),
        }
    }

    /// Judges all leaves of a ratchet tree, so that all missing lists come back at once.
    ///
    /// # Errors
    /// As [`Lists::judge`]; a refusal goes before missing lists.
    pub fn judge_tree(&self, tree: &ExportedTree<'_>) -> Result<(), PolicyError> {
        let mut missing = Vec::new();
        for identity in tree.roster().member_identities_iter() {
            match self.judge(identity) {
                Ok(_) => {}
                Err(PolicyError::MissingLists(heads)) => missing.extend(heads),
                Err(refused) => return Err(refused),
            }
        }
        if missing.is_empty() { Ok(()) } else { Err(PolicyError::MissingLists(missing)) }
    }

    /// Refuses a new leaf below its account's floor in the group (rule R3). mls-rs does not judge the leaf of a Commit
    /// that it makes itself: ask before making one, and where this refuses, take a newer credential first.
    ///
    /// # Errors
    /// [`Refusal::BelowFloor`], or [`PolicyError::MissingLists`], also recorded.
    pub fn check_floor(&self, group: &GroupExtension, leaf: &LeafCredential) -> Result<(), PolicyError> {
        match group.floors.get(&leaf.account) {
            Some(floor) if !self.reaches(leaf.account, leaf.list, *floor)? => {
                Err(Refusal::BelowFloor(leaf.account).into())
            }
            _ => Ok(()),
        }
    }

    /// Whether `device` is active in the prefix.
    pub(crate) fn is_active(
        &self,
        account: AccountId,
        head: ListHead,
        device: DeviceId,
    ) -> Result<bool, PolicyError> {
        match self.known.prefix(account, head, device) {
            Prefix::Active { .. } => Ok(true),
            Prefix::NotActive => Ok(false),
            Prefix::Missing => Err(self.record(account, head)),
        }
    }

    /// Whether the list of `account`, cut at `head`, is at or above `floor`.
    ///
    /// # Errors
    /// [`PolicyError::MissingLists`], also recorded, where either is not known.
    pub fn reaches(&self, account: AccountId, head: ListHead, floor: ListHead) -> Result<bool, PolicyError> {
        if head == floor {
            return Ok(true);
        }
        let missing = || match self.is_known(account, floor) {
            true => self.record(account, head),
            false => self.record(account, floor),
        };
        self.known.reaches(account, head, floor).ok_or_else(missing)
    }

    /// Fails where the prefix is not known.
    pub(crate) fn require(&self, account: AccountId, head: ListHead) -> Result<(), PolicyError> {
        if self.is_known(account, head) { Ok(()) } else { Err(self.record(account, head)) }
    }

    fn is_known(&self, account: AccountId, head: ListHead) -> bool {
        // Asked of any device: only whether the prefix is known matters here.
        self.known.prefix(account, head, DeviceId::new([0; DeviceId::LEN])) != Prefix::Missing
    }

    fn record(&self, account: AccountId, head: ListHead) -> PolicyError {
        let mut missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        if !missing.contains(&(account, head)) {
            missing.push((account, head));
        }
        PolicyError::MissingLists(vec![(account, head)])
    }
}
