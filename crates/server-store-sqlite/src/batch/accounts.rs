//! Accounts, handles, lists and devices.

use std::collections::BTreeSet;

use hushwire_server_store::account::{
    Account, AccountState, AppendListEntry, CreateAccount, DeleteAccount, DeviceAddress, Handle, ListHead,
    NewDevice, SetSuspended, Suspension,
};
use hushwire_server_store::decide::list::Step as ListStep;
use hushwire_server_store::mailbox::{Entry, EntryKind, MailboxKey};
use hushwire_server_store::registration::{Session, SessionMethod};
use hushwire_server_store::{Refusal, Written, decide};
use hushwire_types::{AccountId, ListNumber};

use super::Batch;
use super::registration::skeleton;
use crate::columns::{int, time, uint};
use crate::error::Step;
use crate::reads::accounts::{self as reads, ACTIVE, DELETED, SUSPENDED, handle_number};
use crate::reads::registration;
use crate::sql;

impl Batch<'_> {
    pub(super) fn create_account(&mut self, operation: &CreateAccount) -> Step<Written> {
        let account = operation.account;
        if let Some(list) = reads::list(self.connection, account, ListNumber(1))? {
            let device = reads::device(self.connection, account, operation.device.device)?;
            let same = list.genesis == operation.genesis && list.entries.first() == Some(&operation.entry);
            let device = device.filter(|_| same).ok_or(Refusal::AccountExists)?;
            let mailbox = device.mailbox;
            return Ok(Written::AccountCreated { account, mailbox, publications: Vec::new() });
        }
        let session = self.live_session(operation.session)?;
        self.may_create(&session, account)?;
        self.pool_has_room(None, &operation.key_packages)?;

        if let SessionMethod::Invite(code) = &session.method {
            let sql = "UPDATE invite SET used = used + 1, uses_left = uses_left - 1 WHERE code = ?1";
            self.exec(sql, [code.0])?;
        }
        self.exec("DELETE FROM session WHERE id = ?1", [session.session.as_bytes()])?;
        let mut publications = Vec::new();
        for handle in [session.contact, session.username].iter().flatten() {
            publications.extend(self.take_handle(&handle.canonical, account)?);
            self.give_handle(account, handle)?;
        }
        let (head, hash) = (int(1), operation.entry_hash.as_bytes());
        self.exec(
            "INSERT INTO account(id, state, genesis, head_number, head_hash, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            (account.as_bytes(), ACTIVE, &*operation.genesis, head, hash, time(self.now)),
        )?;
        self.insert_list_entry(
            account,
            ListHead { number: ListNumber(1), hash: operation.entry_hash },
            &operation.entry,
        )?;
        let mailbox = self.add_device(account, &operation.device)?;
        self.store_packages(mailbox, &operation.key_packages)?;
        Ok(Written::AccountCreated { account, mailbox, publications })
    }

    fn may_create(&mut self, session: &Session, account: AccountId) -> Step<()> {
        decide::registration::ready(session, account)?;
        if let SessionMethod::Invite(code) = &session.method {
            decide::registration::invite(registration::invite(self.connection, code)?.as_ref(), self.now)?;
        }
        if let Some(username) = &session.username {
            self.username_is_free(username)?;
        }
        if let Some(Handle { canonical, .. }) = &session.contact
            && reads::by_handle(self.connection, canonical)?.is_some()
        {
            decide::claim::passes(self.live_claim(canonical, account)?, self.now)?;
        }
        Ok(())
    }

    fn give_handle(&self, account: AccountId, handle: &Handle) -> rusqlite::Result<()> {
        let sql = "INSERT OR REPLACE INTO handle(canonical, kind, skeleton, account) VALUES (?1, ?2, ?3, ?4)";
        let kind = handle_number(&handle.kind);
        self.exec(sql, (&handle.canonical, kind, skeleton(handle), account.as_bytes())).map(|_| ())
    }

    fn insert_list_entry(&self, account: AccountId, head: ListHead, entry: &[u8]) -> rusqlite::Result<()> {
        let sql = "INSERT INTO list_entry(account, position, number, hash, entry) VALUES
                   (?1, (SELECT ifnull(max(position), 0) + 1 FROM list_entry WHERE account = ?1), ?2, ?3, ?4)";
        self.exec(sql, (account.as_bytes(), int(head.number.0), head.hash.as_bytes(), entry)).map(|_| ())
    }

    pub(super) fn append_list_entry(&mut self, operation: &AppendListEntry) -> Step<Written> {
        let account = operation.account;
        let present = self.live_account(account)?;
        let head = ListHead { number: operation.number, hash: operation.hash };
        if decide::list::append(present.head, operation)? == ListStep::Already {
            return Ok(Written::ListAppended { head, closed: Vec::new(), publications: Vec::new() });
        }
        self.settle()?;
        self.insert_list_entry(account, head, &operation.entry)?;
        let sql = "UPDATE account SET head_number = ?2, head_hash = ?3 WHERE id = ?1";
        self.exec(sql, (account.as_bytes(), int(head.number.0), head.hash.as_bytes()))?;

        let mut told = self.audience(account)?;
        let mut closed = Vec::new();
        for device in &operation.revoked {
            closed.extend(self.remove_device(DeviceAddress { account, device: *device })?);
        }
        for device in &operation.added {
            if reads::device(self.connection, account, device.device)?.is_none() {
                self.add_device(account, device)?;
            }
        }
        told.extend(reads::devices(self.connection, account)?.into_iter().map(|device| device.mailbox));
        told.retain(|mailbox| !closed.contains(mailbox));
        let kind = EntryKind::ListChanged { account, head };
        let entry = Entry { place: None, accepted_at: self.now, kind };
        let publication = self.deliver(entry, None, told)?;
        Ok(Written::ListAppended { head, closed, publications: vec![publication] })
    }

    fn live_account(&self, account: AccountId) -> Step<Account> {
        let found = reads::account(self.connection, account)?;
        Ok(found.filter(|found| found.state != AccountState::Deleted).ok_or(Refusal::UnknownAccount)?)
    }

    /// The mailboxes of everybody in a conversation with an account.
    pub(super) fn audience(&self, account: AccountId) -> rusqlite::Result<BTreeSet<MailboxKey>> {
        let sql = "SELECT DISTINCT other.mailbox FROM device d JOIN member own ON own.mailbox = d.mailbox
                   JOIN member other ON other.conversation = own.conversation WHERE d.account = ?1";
        let found =
            sql::many(self.connection, sql, [account.as_bytes()], |row| uint(row, 0).map(MailboxKey))?;
        Ok(found.into_iter().collect())
    }

    pub(super) fn set_suspended(&mut self, operation: SetSuspended) -> Step<Written> {
        self.live_account(operation.account)?;
        self.settle()?;
        let state = match operation.to {
            Suspension::Suspended => SUSPENDED,
            Suspension::Lifted => ACTIVE,
        };
        self.exec("UPDATE account SET state = ?2 WHERE id = ?1", (operation.account.as_bytes(), state))?;
        Ok(Written::Done)
    }

    pub(super) fn delete_account(&mut self, operation: DeleteAccount) -> Step<Written> {
        let account = operation.account;
        self.live_account(account)?;
        self.settle()?;
        let own = [account.as_bytes()];
        self.exec("UPDATE account SET state = ?2 WHERE id = ?1", (account.as_bytes(), DELETED))?;
        for table in ["handle_claim", "claim_notice"] {
            let sql = "WHERE handle IN (SELECT canonical FROM handle WHERE account = ?1)";
            self.exec(&format!("DELETE FROM {table} {sql}"), own)?;
        }
        self.exec("DELETE FROM handle WHERE account = ?1", own)?;
        let mut closed = Vec::new();
        for device in reads::devices(self.connection, account)? {
            closed.extend(self.remove_device(device.address)?);
        }
        Ok(Written::Deleted { closed })
    }

    fn add_device(&self, account: AccountId, device: &NewDevice) -> rusqlite::Result<MailboxKey> {
        self.exec("INSERT INTO mailbox(random) VALUES (?1)", [device.mailbox.as_bytes()])?;
        let mailbox = self.connection.last_insert_rowid();
        self.exec(
            "INSERT INTO device(account, device, mailbox, list_key, added_at, last_seen, stale)
             VALUES (?1, ?2, ?3, ?4, ?5, ?5, 0)",
            (account.as_bytes(), device.device.as_bytes(), mailbox, device.list_key, time(self.now)),
        )?;
        Ok(MailboxKey(u64::try_from(mailbox).unwrap_or_default()))
    }

    /// Takes a device away with all that is its own. The cache must be settled.
    fn remove_device(&mut self, address: DeviceAddress) -> rusqlite::Result<Option<MailboxKey>> {
        let Some(device) = reads::device(self.connection, address.account, address.device)? else {
            return Ok(None);
        };
        let mailbox = device.mailbox;
        let entries = "DELETE FROM entry WHERE mailbox = ?1 RETURNING payload, shared, kind, size";
        self.delete_entries(entries, [int(mailbox.0)])?;
        for sql in [
            "DELETE FROM sent WHERE mailbox = ?1",
            "DELETE FROM member WHERE mailbox = ?1",
            "DELETE FROM key_package WHERE mailbox = ?1",
            "DELETE FROM last_resort WHERE mailbox = ?1",
            "DELETE FROM claimed WHERE mailbox = ?1",
            "DELETE FROM device WHERE mailbox = ?1",
            "DELETE FROM mailbox WHERE id = ?1",
        ] {
            self.exec(sql, [int(mailbox.0)])?;
        }
        Ok(Some(mailbox))
    }
}
