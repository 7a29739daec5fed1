//! KeyPackages.

use std::collections::BTreeSet;

use hushwire_server_store::account::{AccountState, Device};
use hushwire_server_store::key_package::{
    ClaimKeyPackages, ClaimedKeyPackage, NewKeyPackage, NewKeyPackages, PutKeyPackages, PutMode, Source,
};
use hushwire_server_store::mailbox::MailboxKey;
use hushwire_server_store::{Refusal, Written};
use hushwire_types::DeviceId;

use super::Batch;
use crate::columns::{bytes, fixed, int, time};
use crate::error::Step;
use crate::reads;
use crate::sql;

impl Batch<'_> {
    pub(super) fn put_key_packages(&mut self, operation: &PutKeyPackages) -> Step<Written> {
        let mailbox = operation.mailbox;
        self.mailbox_row(mailbox)?.ok_or(Refusal::UnknownMailbox)?;
        match operation.mode {
            PutMode::Add => self.pool_has_room(Some(mailbox), &operation.packages)?,
            PutMode::Replace => {
                self.replaced_pool_has_room(mailbox, &operation.packages)?;
                self.exec("DELETE FROM key_package WHERE mailbox = ?1", [int(mailbox.0)])?;
                self.exec("DELETE FROM last_resort WHERE mailbox = ?1", [int(mailbox.0)])?;
            }
        }
        self.store_packages(mailbox, &operation.packages)?;
        Ok(Written::KeyPackages(reads::mailboxes::key_packages(self.connection, mailbox)?))
    }

    /// Whether an upload fits into the pool of a mailbox, or into an empty one.
    pub(super) fn pool_has_room(&self, mailbox: Option<MailboxKey>, packages: &NewKeyPackages) -> Step<()> {
        let (mut stored, mut new) = (0, BTreeSet::new());
        if let Some(mailbox) = mailbox {
            stored = reads::mailboxes::key_packages(self.connection, mailbox)?.left;
        }
        for package in &packages.pool {
            let known = match mailbox {
                Some(mailbox) => self.is_stored(mailbox, package)? || self.was_claimed(mailbox, package)?,
                None => false,
            };
            if !known {
                new.insert(package.digest);
            }
        }
        self.fits(stored, &new)
    }

    fn replaced_pool_has_room(&self, mailbox: MailboxKey, packages: &NewKeyPackages) -> Step<()> {
        let mut new = BTreeSet::new();
        for package in &packages.pool {
            if !self.was_claimed(mailbox, package)? {
                new.insert(package.digest);
            }
        }
        self.fits(0, &new)
    }

    fn fits(&self, stored: u32, new: &BTreeSet<[u8; 32]>) -> Step<()> {
        let total = u32::try_from(new.len()).unwrap_or(u32::MAX).saturating_add(stored);
        if total > self.bounds.pool { Err(Refusal::TooManyKeyPackages.into()) } else { Ok(()) }
    }

    fn is_stored(&self, mailbox: MailboxKey, package: &NewKeyPackage) -> rusqlite::Result<bool> {
        let sql = "SELECT 1 FROM key_package WHERE mailbox = ?1 AND digest = ?2";
        Ok(sql::one(self.connection, sql, (int(mailbox.0), package.digest), |_| Ok(()))?.is_some())
    }

    fn was_claimed(&self, mailbox: MailboxKey, package: &NewKeyPackage) -> rusqlite::Result<bool> {
        let sql = "SELECT 1 FROM claimed WHERE mailbox = ?1 AND digest = ?2";
        Ok(sql::one(self.connection, sql, (int(mailbox.0), package.digest), |_| Ok(()))?.is_some())
    }

    pub(super) fn store_packages(
        &self,
        mailbox: MailboxKey,
        packages: &NewKeyPackages,
    ) -> rusqlite::Result<()> {
        for package in &packages.pool {
            if !self.was_claimed(mailbox, package)? {
                let sql = "INSERT OR IGNORE INTO key_package(mailbox, digest, body) VALUES (?1, ?2, ?3)";
                self.exec(sql, (int(mailbox.0), package.digest, &*package.bytes))?;
            }
        }
        if let Some(package) = &packages.last_resort {
            self.exec(
                "INSERT INTO last_resort(mailbox, digest, body, used) VALUES (?1, ?2, ?3, 0)
                 ON CONFLICT(mailbox) DO UPDATE SET
                 used = CASE WHEN digest = excluded.digest THEN used ELSE 0 END,
                 digest = excluded.digest, body = excluded.body",
                (int(mailbox.0), package.digest, &*package.bytes),
            )?;
        }
        Ok(())
    }

    pub(super) fn claim_key_packages(&self, operation: &ClaimKeyPackages) -> Step<Written> {
        match reads::accounts::account(self.connection, operation.account)?.map(|account| account.state) {
            Some(AccountState::Active) => {}
            Some(AccountState::Suspended) => return Err(Refusal::AccountSuspended.into()),
            Some(AccountState::Deleted) | None => return Err(Refusal::UnknownAccount.into()),
        }
        let wanted: BTreeSet<DeviceId> = operation.devices.iter().copied().collect();
        let mut claimed = Vec::new();
        for device in reads::accounts::devices(self.connection, operation.account)? {
            if wanted.is_empty() || wanted.contains(&device.address.device) {
                claimed.extend(self.claim(&device)?);
            }
        }
        if claimed.is_empty() { Err(Refusal::NoKeyPackage.into()) } else { Ok(Written::Claimed(claimed)) }
    }

    fn claim(&self, device: &Device) -> rusqlite::Result<Option<ClaimedKeyPackage>> {
        let mailbox = int(device.mailbox.0);
        let claimed = |bytes, source| ClaimedKeyPackage { device: device.address.device, bytes, source };
        let sql = "DELETE FROM key_package WHERE id = (SELECT id FROM key_package WHERE mailbox = ?1 ORDER BY id LIMIT 1)
                   RETURNING digest, body";
        let taken = sql::one(self.connection, sql, [mailbox], |row| {
            Ok((fixed::<[u8; 32]>(row, 0)?, bytes(row, 1)?))
        })?;
        if let Some((digest, body)) = taken {
            let sql = "INSERT OR IGNORE INTO claimed(mailbox, digest, at) VALUES (?1, ?2, ?3)";
            self.exec(sql, (mailbox, digest, time(self.now)))?;
            return Ok(Some(claimed(body, Source::Pool)));
        }
        let sql = "UPDATE last_resort SET used = 1 WHERE mailbox = ?1 RETURNING body";
        let body = sql::one(self.connection, sql, [mailbox], |row| bytes(row, 0))?;
        Ok(body.map(|body| claimed(body, Source::LastResort)))
    }
}
