//! Accounts, handles, lists and devices in memory.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use hushwire_types::{AccountId, ListNumber, Seq, Timestamp};

use super::state::{AccountRow, MailboxRow, Packages, State};
use crate::account::{
    AccountState, AppendListEntry, CreateAccount, DeleteAccount, DeviceAddress, Handle, Idle, ListHead,
    NewDevice, SetSuspended, Suspension,
};
use crate::bounds::Bounds;
use crate::decide;
use crate::decide::list::Step;
use crate::error::Refusal;
use crate::mailbox::{Entry, EntryKind, MailboxKey};
use crate::registration::{InviteUses, Session, SessionMethod};
use crate::write::Written;

impl State {
    pub(super) fn create_account(
        &mut self,
        operation: CreateAccount,
        bounds: &Bounds,
        now: Timestamp,
    ) -> Result<Written, Refusal> {
        let CreateAccount { session, account, genesis, entry, entry_hash, device, key_packages } = operation;
        if let Some(present) = self.accounts.get(&account) {
            let address = DeviceAddress { account, device: device.device };
            let same = present.genesis == genesis && present.entries.first() == Some(&(entry_hash, entry));
            let mailbox =
                self.devices.get(&address).filter(|_| same).copied().ok_or(Refusal::AccountExists)?;
            return Ok(Written::AccountCreated { account, mailbox, publications: Vec::new() });
        }
        let session = self.live_session(session, now)?;
        self.may_create(&session, account, now)?;
        super::key_packages::within(&Packages::default(), &key_packages, bounds)?;

        if let SessionMethod::Invite(code) = &session.method {
            self.use_invite(code);
        }
        let mut publications = Vec::new();
        for handle in [session.contact, session.username].into_iter().flatten() {
            publications.extend(self.take_handle(&handle.canonical, account, bounds, now));
            self.handles.insert(handle.canonical, (handle.kind, account));
        }
        let entries = vec![(entry_hash, entry)];
        let head = ListHead { number: ListNumber(1), hash: entry_hash };
        let row = AccountRow { state: AccountState::Active, genesis, entries, head, created_at: now };
        self.accounts.insert(account, row);
        self.sessions.remove(&session.session);
        let mailbox = self.add_device(account, &device, now);
        if let Some(row) = self.mailboxes.get_mut(&mailbox) {
            super::key_packages::put(&mut row.packages, key_packages);
        }
        Ok(Written::AccountCreated { account, mailbox, publications })
    }

    fn may_create(&self, session: &Session, account: AccountId, now: Timestamp) -> Result<(), Refusal> {
        decide::registration::ready(session, account)?;
        if let SessionMethod::Invite(code) = &session.method {
            decide::registration::invite(self.invites.get(code), now)?;
        }
        if let Some(username) = &session.username {
            self.username_is_free(username)?;
        }
        if let Some(Handle { canonical, .. }) = &session.contact
            && self.handles.contains_key(canonical)
        {
            decide::claim::passes(self.live_claim(canonical, account, now), now)?;
        }
        Ok(())
    }

    fn use_invite(&mut self, code: &crate::registration::CodeHash) {
        if let Some(invite) = self.invites.get_mut(code) {
            invite.used = invite.used.saturating_add(1);
            if let InviteUses::Limited(left) = &mut invite.uses_left {
                *left = left.saturating_sub(1);
            }
        }
    }

    pub(super) fn append_list_entry(
        &mut self,
        operation: &AppendListEntry,
        bounds: &Bounds,
        now: Timestamp,
    ) -> Result<Written, Refusal> {
        let row = self.accounts.get_mut(&operation.account).ok_or(Refusal::UnknownAccount)?;
        if row.state == AccountState::Deleted {
            return Err(Refusal::UnknownAccount);
        }
        let head = ListHead { number: operation.number, hash: operation.hash };
        if decide::list::append(row.head, operation)? == Step::Already {
            return Ok(Written::ListAppended { head, closed: Vec::new(), publications: Vec::new() });
        }
        row.entries.push((operation.hash, operation.entry.clone()));
        row.head = head;

        let audience = self.audience(operation.account);
        let mut closed = Vec::new();
        for device in &operation.revoked {
            closed.extend(self.remove_device(DeviceAddress { account: operation.account, device: *device }));
        }
        for device in &operation.added {
            let address = DeviceAddress { account: operation.account, device: device.device };
            if !self.devices.contains_key(&address) {
                self.add_device(operation.account, device, now);
            }
        }
        let told: BTreeSet<MailboxKey> = audience
            .into_iter()
            .chain(self.devices_of(operation.account).map(|device| device.mailbox))
            .filter(|mailbox| self.mailboxes.contains_key(mailbox))
            .collect();
        let kind = EntryKind::ListChanged { account: operation.account, head };
        let entry = Entry { place: None, accepted_at: now, kind };
        let publication = self.deliver(entry, told, bounds);
        Ok(Written::ListAppended { head, closed, publications: vec![publication] })
    }

    /// The mailboxes of everybody in a conversation with an account.
    pub(super) fn audience(&self, account: AccountId) -> BTreeSet<MailboxKey> {
        self.conversations
            .values()
            .filter(|row| row.members.iter().any(|member| member.address.account == account))
            .flat_map(|row| row.members.iter().map(|member| member.mailbox))
            .collect()
    }

    pub(super) fn set_suspended(&mut self, operation: SetSuspended) -> Result<Written, Refusal> {
        let row = self.accounts.get_mut(&operation.account).filter(|row| row.state != AccountState::Deleted);
        let row = row.ok_or(Refusal::UnknownAccount)?;
        row.state = match operation.to {
            Suspension::Suspended => AccountState::Suspended,
            Suspension::Lifted => AccountState::Active,
        };
        Ok(Written::Done)
    }

    pub(super) fn delete_account(&mut self, operation: DeleteAccount) -> Result<Written, Refusal> {
        let row = self.accounts.get_mut(&operation.account).filter(|row| row.state != AccountState::Deleted);
        row.ok_or(Refusal::UnknownAccount)?.state = AccountState::Deleted;
        let handles = &self.handles;
        let owned =
            |canonical: &String| handles.get(canonical).is_some_and(|(_, owner)| *owner == operation.account);
        self.claims.retain(|(canonical, _), _| !owned(canonical));
        self.handles.retain(|_, (_, owner)| *owner != operation.account);
        let devices: Vec<DeviceAddress> =
            self.devices_of(operation.account).map(|device| device.address).collect();
        let closed = devices.into_iter().filter_map(|device| self.remove_device(device)).collect();
        Ok(Written::Deleted { closed })
    }

    fn add_device(&mut self, account: AccountId, device: &NewDevice, now: Timestamp) -> MailboxKey {
        let mailbox = MailboxKey(self.next_mailbox);
        self.next_mailbox = self.next_mailbox.saturating_add(1);
        let owner = DeviceAddress { account, device: device.device };
        let row = MailboxRow {
            id: device.mailbox,
            owner,
            list_key: device.list_key,
            added_at: now,
            last_seen: now,
            idle: Idle::No,
            last: Seq(0),
            acked: Seq(0),
            accepted_sends: hushwire_types::SendSeq(0),
            login_mark: None,
            sent: HashMap::new(),
            entries: BTreeMap::new(),
            load: decide::overflow::Load::default(),
            packages: Packages::default(),
        };
        self.mailboxes.insert(mailbox, row);
        self.devices.insert(owner, mailbox);
        mailbox
    }

    fn remove_device(&mut self, address: DeviceAddress) -> Option<MailboxKey> {
        let mailbox = self.devices.remove(&address)?;
        self.mailboxes.remove(&mailbox);
        for row in self.conversations.values_mut() {
            row.members.retain(|member| member.mailbox != mailbox);
        }
        Some(mailbox)
    }
}
