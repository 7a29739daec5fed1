//! Accounts and their keys: device lists, handles, KeyPackages.

use hushwire_types::{AccountId, DeviceId, EntryHash, ListNumber};

use crate::field::{self, Fault, Invalid, Message, require};
use crate::{Opaque, Sensitive, limits, proto};

/// Asks for genesis and device list of an account from an entry on; answered by [`AccountKeys`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SenderKeys {
    /// The account.
    pub account_id: AccountId,
    /// The first entry that is wanted, counted in the order in which the server took them, displaced ones too; 0 is the
    /// genesis.
    pub from_number: ListNumber,
}

impl Message for SenderKeys {
    type Proto = proto::SenderKeys;

    fn from_proto(proto: proto::SenderKeys) -> Result<Self, Invalid> {
        Ok(Self {
            account_id: field::id("account_id", &proto.account_id)?,
            from_number: ListNumber(proto.from_number),
        })
    }

    fn to_proto(&self) -> proto::SenderKeys {
        proto::SenderKeys { account_id: field::bytes(self.account_id), from_number: self.from_number.0 }
    }
}

/// Asks who has a handle; answered by [`AccountKeys`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookUp {
    /// Canonical: `@name`, `+15551234567` or `name@example.org`.
    pub handle: Sensitive,
}

impl Message for LookUp {
    type Proto = proto::LookUp;

    fn from_proto(proto: proto::LookUp) -> Result<Self, Invalid> {
        Ok(Self { handle: field::sensitive("handle", proto.handle, limits::HANDLE_BYTES)? })
    }

    fn to_proto(&self) -> proto::LookUp {
        proto::LookUp { handle: self.handle.expose().to_owned() }
    }
}

/// Genesis and device list of an account. The chain proves itself; the username is the server's word (rule R4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountKeys {
    /// The account.
    pub account_id: AccountId,
    /// The genesis, where the answer begins with it.
    pub genesis: Option<Opaque>,
    /// Place of the first of `entries` in the order in which the server took them, at least 1; where there are none, the
    /// place that was asked for.
    pub first_number: ListNumber,
    /// The entries from there on, those that were displaced too (rules R2 and R3), at most [`limits::LIST_ENTRIES`]: as many as
    /// that means that there may be more.
    pub entries: Vec<Opaque>,
    /// The username without the at sign. Never a phone number or an e-mail address.
    pub username: Option<Sensitive>,
    /// Whether the account is suspended.
    pub suspended: bool,
}

impl Message for AccountKeys {
    type Proto = proto::AccountKeys;

    fn from_proto(proto: proto::AccountKeys) -> Result<Self, Invalid> {
        let entries =
            field::opaques("entries", proto.entries, limits::LIST_ENTRIES, limits::LIST_ENTRY_BYTES)?;
        Ok(Self {
            account_id: field::id("account_id", &proto.account_id)?,
            genesis: field::optional_opaque("genesis", proto.genesis, limits::GENESIS_BYTES)?,
            first_number: ListNumber(field::positive("first_number", proto.first_number)?),
            entries,
            username: field::optional_sensitive("username", proto.username, limits::USERNAME_BYTES)?,
            suspended: proto.suspended,
        })
    }

    fn to_proto(&self) -> proto::AccountKeys {
        proto::AccountKeys {
            account_id: field::bytes(self.account_id),
            genesis: field::optional_shared(self.genesis.as_ref()),
            first_number: self.first_number.0,
            entries: field::shared_list(&self.entries),
            username: field::optional_text(self.username.as_ref()),
            suspended: self.suspended,
        }
    }
}

/// Claims one KeyPackage for each wanted device of the account; answered by [`ClaimedKeyPackages`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecipientKeys {
    /// The account.
    pub account_id: AccountId,
    /// Devices to claim for; none means all active ones, the first [`limits::CLAIMED_KEY_PACKAGES`] of them.
    pub device_ids: Vec<DeviceId>,
}

impl Message for RecipientKeys {
    type Proto = proto::RecipientKeys;

    fn from_proto(proto: proto::RecipientKeys) -> Result<Self, Invalid> {
        require(proto.device_ids.len() <= limits::CLAIMED_KEY_PACKAGES, "device_ids", Fault::TooLarge)?;
        Ok(Self {
            account_id: field::id("account_id", &proto.account_id)?,
            device_ids: proto
                .device_ids
                .iter()
                .map(|bytes| field::id("device_ids", bytes))
                .collect::<Result<_, _>>()?,
        })
    }

    fn to_proto(&self) -> proto::RecipientKeys {
        proto::RecipientKeys {
            account_id: field::bytes(self.account_id),
            device_ids: self.device_ids.iter().map(field::bytes).collect(),
        }
    }
}

/// One claimed KeyPackage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedKeyPackage {
    /// The device that it is of, as the server says: its leaf has the proof.
    pub device_id: DeviceId,
    /// An MLSMessage with the KeyPackage.
    pub key_package: Opaque,
    /// Whether the pool was empty and this is the last resort.
    pub last_resort: bool,
}

impl Message for ClaimedKeyPackage {
    type Proto = proto::ClaimedKeyPackage;

    fn from_proto(proto: proto::ClaimedKeyPackage) -> Result<Self, Invalid> {
        Ok(Self {
            device_id: field::id("device_id", &proto.device_id)?,
            key_package: field::opaque("key_package", proto.key_package, limits::KEY_PACKAGE_BYTES)?,
            last_resort: proto.last_resort,
        })
    }

    fn to_proto(&self) -> proto::ClaimedKeyPackage {
        proto::ClaimedKeyPackage {
            device_id: field::bytes(self.device_id),
            key_package: field::shared(&self.key_package),
            last_resort: self.last_resort,
        }
    }
}

/// The claimed KeyPackages: those of devices that have none at all are not among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedKeyPackages {
    /// The account.
    pub account_id: AccountId,
    /// At most one a device, at most [`limits::CLAIMED_KEY_PACKAGES`].
    pub key_packages: Vec<ClaimedKeyPackage>,
}

impl Message for ClaimedKeyPackages {
    type Proto = proto::ClaimedKeyPackages;

    fn from_proto(proto: proto::ClaimedKeyPackages) -> Result<Self, Invalid> {
        require(proto.key_packages.len() <= limits::CLAIMED_KEY_PACKAGES, "key_packages", Fault::TooLarge)?;
        Ok(Self {
            account_id: field::id("account_id", &proto.account_id)?,
            key_packages: proto
                .key_packages
                .into_iter()
                .map(ClaimedKeyPackage::from_proto)
                .collect::<Result<_, _>>()?,
        })
    }

    fn to_proto(&self) -> proto::ClaimedKeyPackages {
        proto::ClaimedKeyPackages {
            account_id: field::bytes(self.account_id),
            key_packages: self.key_packages.iter().map(ClaimedKeyPackage::to_proto).collect(),
        }
    }
}

/// Refills the device's own pool; answered by [`KeyPackagesStored`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutKeyPackages {
    /// KeyPackages for the pool.
    pub key_packages: Vec<Opaque>,
    /// A new last resort, which replaces the old one.
    pub last_resort_key_package: Option<Opaque>,
    /// Drop all that are stored first (after a restore or a change of the list entry).
    pub replace: bool,
}

impl Message for PutKeyPackages {
    type Proto = proto::PutKeyPackages;

    fn from_proto(proto: proto::PutKeyPackages) -> Result<Self, Invalid> {
        Ok(Self {
            key_packages: field::opaques(
                "key_packages",
                proto.key_packages,
                limits::KEY_PACKAGES,
                limits::KEY_PACKAGE_BYTES,
            )?,
            last_resort_key_package: field::optional_opaque(
                "last_resort_key_package",
                proto.last_resort_key_package,
                limits::KEY_PACKAGE_BYTES,
            )?,
            replace: proto.replace,
        })
    }

    fn to_proto(&self) -> proto::PutKeyPackages {
        proto::PutKeyPackages {
            key_packages: field::shared_list(&self.key_packages),
            last_resort_key_package: field::optional_shared(self.last_resort_key_package.as_ref()),
            replace: self.replace,
        }
    }
}

/// The pool after an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPackagesStored {
    /// KeyPackages in the pool, the last resort not counted.
    pub key_packages_left: u32,
}

impl Message for KeyPackagesStored {
    type Proto = proto::KeyPackagesStored;

    fn from_proto(proto: proto::KeyPackagesStored) -> Result<Self, Invalid> {
        Ok(Self { key_packages_left: proto.key_packages_left })
    }

    fn to_proto(&self) -> proto::KeyPackagesStored {
        proto::KeyPackagesStored { key_packages_left: self.key_packages_left }
    }
}

/// Appends to the account's own device list; answered by [`ListEntryAppended`] or `LIST_CONFLICT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppendListEntry {
    /// The entry, which names its number and the hash before it.
    pub entry: Opaque,
}

impl Message for AppendListEntry {
    type Proto = proto::AppendListEntry;

    fn from_proto(proto: proto::AppendListEntry) -> Result<Self, Invalid> {
        Ok(Self { entry: field::opaque("entry", proto.entry, limits::LIST_ENTRY_BYTES)? })
    }

    fn to_proto(&self) -> proto::AppendListEntry {
        proto::AppendListEntry { entry: field::shared(&self.entry) }
    }
}

/// The new head of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListEntryAppended {
    /// Number of the appended entry.
    pub list_number: ListNumber,
    /// Its hash.
    pub list_hash: EntryHash,
}

impl Message for ListEntryAppended {
    type Proto = proto::ListEntryAppended;

    fn from_proto(proto: proto::ListEntryAppended) -> Result<Self, Invalid> {
        Ok(Self {
            list_number: ListNumber(proto.list_number),
            list_hash: field::id("list_hash", &proto.list_hash)?,
        })
    }

    fn to_proto(&self) -> proto::ListEntryAppended {
        proto::ListEntryAppended { list_number: self.list_number.0, list_hash: field::bytes(self.list_hash) }
    }
}
