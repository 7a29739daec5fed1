//! KeyPackages in memory.

use std::collections::BTreeSet;

use hushwire_types::{DeviceId, Timestamp};

use super::state::{Packages, State};
use crate::account::{AccountState, DeviceAddress};
use crate::bounds::Bounds;
use crate::error::Refusal;
use crate::key_package::{
    ClaimKeyPackages, ClaimedKeyPackage, KeyPackageState, LastResort, NewKeyPackages, PutKeyPackages,
    PutMode, Source,
};
use crate::mailbox::MailboxKey;
use crate::write::Written;

impl State {
    pub(super) fn put_key_packages(
        &mut self,
        operation: PutKeyPackages,
        bounds: &Bounds,
    ) -> Result<Written, Refusal> {
        let row = self.mailboxes.get_mut(&operation.mailbox).ok_or(Refusal::UnknownMailbox)?;
        let start = match operation.mode {
            PutMode::Add => row.packages.clone(),
            PutMode::Replace => Packages { claimed: row.packages.claimed.clone(), ..Packages::default() },
        };
        within(&start, &operation.packages, bounds)?;
        row.packages = start;
        put(&mut row.packages, operation.packages);
        Ok(Written::KeyPackages(self.key_package_state(operation.mailbox)))
    }

    pub(super) fn claim_key_packages(
        &mut self,
        operation: &ClaimKeyPackages,
        now: Timestamp,
    ) -> Result<Written, Refusal> {
        match self.accounts.get(&operation.account).map(|row| row.state) {
            Some(AccountState::Active) => {}
            Some(AccountState::Suspended) => return Err(Refusal::AccountSuspended),
            Some(AccountState::Deleted) | None => return Err(Refusal::UnknownAccount),
        }
        let wanted: BTreeSet<DeviceId> = if operation.devices.is_empty() {
            self.devices_of(operation.account).map(|device| device.address.device).collect()
        } else {
            operation.devices.iter().copied().collect()
        };
        let mut claimed = Vec::new();
        for device in wanted {
            let address = DeviceAddress { account: operation.account, device };
            let row = self.devices.get(&address).and_then(|mailbox| self.mailboxes.get_mut(mailbox));
            claimed.extend(row.and_then(|row| claim(&mut row.packages, device, now)));
        }
        if claimed.is_empty() { Err(Refusal::NoKeyPackage) } else { Ok(Written::Claimed(claimed)) }
    }

    pub(super) fn key_package_state(&self, mailbox: MailboxKey) -> KeyPackageState {
        let Some(row) = self.mailboxes.get(&mailbox) else {
            return KeyPackageState { left: 0, last_resort: LastResort::Missing };
        };
        let last_resort = match (&row.packages.last_resort, row.packages.last_resort_used) {
            (None, _) => LastResort::Missing,
            (Some(_), false) => LastResort::Fresh,
            (Some(_), true) => LastResort::Used,
        };
        KeyPackageState { left: u32::try_from(row.packages.pool.len()).unwrap_or(u32::MAX), last_resort }
    }
}

fn fresh(packages: &Packages, digest: &[u8; 32]) -> bool {
    !packages.claimed.contains_key(digest) && packages.pool.iter().all(|present| present.digest != *digest)
}

/// Whether an upload fits into the pool.
pub(super) fn within(packages: &Packages, new: &NewKeyPackages, bounds: &Bounds) -> Result<(), Refusal> {
    let digests: BTreeSet<&[u8; 32]> = new.pool.iter().map(|package| &package.digest).collect();
    let added = digests.into_iter().filter(|digest| fresh(packages, digest)).count();
    let total = packages.pool.len().saturating_add(added);
    if total > usize::try_from(bounds.pool).unwrap_or(usize::MAX) {
        return Err(Refusal::TooManyKeyPackages);
    }
    Ok(())
}

pub(super) fn put(packages: &mut Packages, new: NewKeyPackages) {
    for package in new.pool {
        if fresh(packages, &package.digest) {
            packages.pool.push_back(package);
        }
    }
    if let Some(last_resort) = new.last_resort {
        let same = packages.last_resort.as_ref().is_some_and(|present| present.digest == last_resort.digest);
        packages.last_resort_used &= same;
        packages.last_resort = Some(last_resort);
    }
}

fn claim(packages: &mut Packages, device: DeviceId, now: Timestamp) -> Option<ClaimedKeyPackage> {
    if let Some(package) = packages.pool.pop_front() {
        packages.claimed.insert(package.digest, now);
        return Some(ClaimedKeyPackage { device, bytes: package.bytes, source: Source::Pool });
    }
    let last_resort = packages.last_resort.as_ref()?;
    packages.last_resort_used = true;
    Some(ClaimedKeyPackage { device, bytes: last_resort.bytes.clone(), source: Source::LastResort })
}
