//! Device lists of accounts: verified chains in rows, the longest that is known, never another genesis (rules R2, R3).
//!
//! Invariants:
//! - An account's list is written only after it was verified from its genesis, and only continues what was known. What a
//!   recovery-signed entry displaced stays in the rows, because old leaves are judged by it (rules R2 and R3).
//! - A list that somebody spoke of and that is not known stands in `wanted` until it is here or was asked for in vain.

use std::sync::Arc;
use std::time::Duration;

use hushwire_client_store::account::{self, Account, Says, Trust};
use hushwire_client_store::list::{self, ListEntry};
use hushwire_client_store::mark::{self, Mark};
use hushwire_client_store::wanted::{self, Wanted};
use hushwire_client_store::{View, conversation, member, wish};
use hushwire_identity::{Accepted, DeviceList, LeafCredential, ListError, ListHead, UnverifiedEntry};
use hushwire_types::{AccountId, DeviceId, EntryHash, ListNumber};
use hushwire_wire as wire;

use crate::notice::Mismatch;
use crate::step::Step;
use crate::stop::{Stop, own_fault};
use crate::{Alert, Event, StepError, Tag};

/// Answers that do not bring a wanted list before it counts as withheld.
const WITHHELD_AFTER: u32 = 3;

/// The same where the known list is as long: the newer entries and then all of them were asked for.
const CONTRADICTED_AFTER: u32 = 2;

/// Stands for the hash of an entry of which nobody has said anything but that there may be one.
pub(crate) const NOT_SAID: EntryHash = EntryHash::new([0; 32]);

/// How many entries of a list were ever taken.
fn taken(list: &DeviceList) -> u64 {
    u64::try_from(list.history().count()).unwrap_or(u64::MAX)
}

/// Who has written an entry of the own list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    This,
    Others,
}

/// What became of an account's keys that the server showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keys {
    /// Verified and stored, or known already.
    Good,
    /// Not believed.
    Bad,
}

/// The list of an account as its rows have it.
pub(crate) fn load(view: &View<'_>, account: &AccountId) -> Result<Option<DeviceList>, Stop> {
    let Some(row) = account::find(view, account)? else { return Ok(None) };
    let entries = list::of(view, account)?;
    let list = DeviceList::verify(&row.genesis, entries.iter().map(|entry| &entry.bytes));
    Ok(Some(list.map_err(|_| StepError::Damaged("device list"))?))
}

impl Step<'_, '_> {
    /// The list of an account, where it is known.
    pub(crate) fn list(&self, account: &AccountId) -> Result<Option<Arc<DeviceList>>, Stop> {
        if let Some(list) = self.lists.find(account) {
            return Ok(Some(list));
        }
        let Some(list) = load(self.tx, account)?.map(Arc::new) else { return Ok(None) };
        self.lists.put(Arc::clone(&list));
        Ok(Some(list))
    }

    /// Puts a list into memory for MLS to be judged by. Whether it is known.
    pub(crate) fn recall(&self, account: &AccountId) -> Result<bool, Stop> {
        Ok(self.lists.contains(account) || self.list(account)?.is_some())
    }

    /// Puts lists into memory that MLS missed there. Those that are not in rows that far either come back: they are to be
    /// fetched. If none does, what failed is to be tried again.
    pub(crate) fn recall_missing(
        &self,
        heads: Vec<(AccountId, ListHead)>,
    ) -> Result<Vec<(AccountId, ListHead)>, Stop> {
        let mut missing = Vec::new();
        for (account, head) in heads {
            let had = self.lists.contains(&account);
            if had || !self.recall(&account)? {
                missing.push((account, head));
            }
        }
        Ok(missing)
    }

    /// The own list, which is always there.
    pub(crate) fn own_list(&self) -> Result<Arc<DeviceList>, Stop> {
        self.list(&self.me.account)?.ok_or_else(|| StepError::Damaged("device list").into())
    }

    /// Wants a list as far as `head`, on behalf of nobody in particular.
    pub(crate) fn want(&mut self, account: AccountId, head: ListHead) -> Result<(), Stop> {
        let known = self.list(&account)?;
        if known.is_some_and(|list| list.knows(head)) {
            return Ok(());
        }
        let wanted =
            Wanted { account, number: head.number, hash: head.hash, conversation: None, witness: None };
        Ok(wanted::put(self.tx, &wanted)?)
    }

    /// Asks for the lists that are wanted.
    pub(crate) fn owe_lists(&mut self) -> Result<(), Stop> {
        for wanted in wanted::all(self.tx)? {
            self.fetch_list(wanted.account)?;
        }
        Ok(())
    }

    /// Asks for the newer entries of a list, or for all of it.
    pub(crate) fn fetch_list(&mut self, account: AccountId) -> Result<(), Stop> {
        let tag = Tag::Keys(account);
        // Both sides count what they took. A server that was restored may have taken it in another order: where the newer entries
        // did not bring what is wanted, all of them may.
        let whole = self.session.connection.as_ref().is_some_and(|connection| connection.tries(&tag) > 0);
        let known = self.list(&account)?.filter(|_| !whole);
        let from_number = known.map_or(ListNumber(0), |list| ListNumber(taken(&list)).next());
        self.request(tag, wire::SenderKeys { account_id: account, from_number });
        Ok(())
    }

    /// The server's answer to [`Tag::Keys`].
    pub(crate) fn keys_answer(
        &mut self,
        account: AccountId,
        result: Result<&wire::AccountKeys, &wire::Error>,
    ) -> Result<(), Stop> {
        let keys = match result {
            Ok(keys) if keys.account_id == account => self.take_keys(keys)?,
            Ok(_) => Keys::Bad,
            Err(error) if error.code == wire::ErrorCode::UnknownAccount => {
                self.fail_texts_to(account, "the server knows this account no more")?;
                Keys::Bad
            }
            Err(error) => return self.put_off(Tag::Keys(account), error),
        };
        if keys != Keys::Good {
            self.renew_without(account)?;
        } else if let Some(connection) = self.connection() {
            connection.fresh.insert(account);
        }
        self.settle_wanted(account)?;
        self.attend_with(account)
    }

    /// Verifies and stores what the server shows of an account.
    pub(crate) fn take_keys(&mut self, keys: &wire::AccountKeys) -> Result<Keys, Stop> {
        let account = keys.account_id;
        let taken = match self.list(&account)? {
            Some(known) => self.grow(&known, keys)?,
            None => self.meet(keys)?,
        };
        if taken == Keys::Good {
            let name = keys.username.as_ref().map(|name| format!("@{}", name.expose()));
            if let Some(row) = account::find(self.tx, &account)?
                && row.username != name
                && name.is_some()
            {
                account::set_username(self.tx, &account, name.as_deref())?;
                self.event(&Event::Contact { account }, None, None)?;
            }
            if keys.entries.len() >= wire::limits::LIST_ENTRIES {
                self.want_more(account)?;
            } else if wanted::find(self.tx, &account)?.is_some_and(|wanted| wanted.hash == NOT_SAID) {
                // That was the last page.
                wanted::delete(self.tx, &account)?;
            }
        }
        Ok(taken)
    }

    /// An account that is not known yet: its keys must begin with the genesis that hashes to its id.
    fn meet(&mut self, keys: &wire::AccountKeys) -> Result<Keys, Stop> {
        let account = keys.account_id;
        let verified =
            keys.genesis.as_ref().and_then(|genesis| DeviceList::verify(genesis, &keys.entries).ok());
        let Some(list) =
            verified.filter(|list| list.account_id() == account && list.head().number > ListNumber(0))
        else {
            self.alert(Alert::BadKeys { account }, None)?;
            return Ok(Keys::Bad);
        };
        let head = list.head();
        account::insert(
            self.tx,
            &Account {
                account,
                genesis: list.genesis().as_bytes().to_vec(),
                head_number: head.number,
                head_hash: head.hash,
                handle: None,
                username: None,
                local_name: None,
                says: Says::default(),
                trust: Trust::Unverified,
                learned_at: self.now,
            },
        )?;
        self.write_entries(&list, 0)?;
        self.event(&Event::Contact { account }, None, None)?;
        self.lists.put(list);
        self.apply_to_known(account)?;
        Ok(Keys::Good)
    }

    /// Newer entries of a known account.
    fn grow(&mut self, known: &DeviceList, keys: &wire::AccountKeys) -> Result<Keys, Stop> {
        let account = keys.account_id;
        let mut list = known.clone();
        let accepted = match list.accept(&keys.entries) {
            Ok(accepted) => accepted,
            Err(ListError::Gap { .. }) => return Ok(Keys::Bad),
            Err(ListError::Fork { .. }) => {
                self.alert(Alert::Fork { account }, None)?;
                return Ok(Keys::Bad);
            }
            Err(_) => {
                self.alert(Alert::BadKeys { account }, None)?;
                return Ok(Keys::Bad);
            }
        };
        if accepted.new_entries == 0 {
            return Ok(Keys::Good);
        }
        self.write_entries(&list, known.history().count())?;
        let head = list.head();
        if head.number >= known.head().number {
            account::set_head(self.tx, &account, head.number, &head.hash)?;
        }
        self.lists.put(list);
        self.list_grew(account, head, &accepted, By::Others)?;
        Ok(Keys::Good)
    }

    /// An entry of the own list that the server has.
    pub(crate) fn grow_own(&mut self, entry: &[u8], by: By) -> Result<(), Stop> {
        let known = self.own_list()?;
        let mut list = DeviceList::clone(&known);
        let accepted =
            list.append(entry).map_err(|_| StepError::Bug("an entry that was checked is refused"))?;
        if accepted.new_entries == 0 {
            return Ok(());
        }
        self.write_entries(&list, known.history().count())?;
        let (account, head) = (self.me.account, list.head());
        account::set_head(self.tx, &account, head.number, &head.hash)?;
        self.lists.put(list);
        self.list_grew(account, head, &accepted, by)
    }

    /// Writes all entries but the first `known`, in the order in which they were taken.
    pub(crate) fn write_entries(&self, list: &DeviceList, known: usize) -> Result<(), Stop> {
        let account = list.account_id();
        for bytes in list.history().skip(known) {
            let entry = UnverifiedEntry::decode(bytes)
                .map_err(|_| StepError::Bug("a verified entry is malformed"))?;
            list::append(
                self.tx,
                &account,
                &ListEntry { number: entry.number(), hash: entry.hash(), bytes: bytes.to_vec() },
            )?;
        }
        Ok(())
    }

    /// What follows from a longer list: groups are to be looked at, and people told.
    fn list_grew(
        &mut self,
        account: AccountId,
        head: ListHead,
        accepted: &Accepted,
        by: By,
    ) -> Result<(), Stop> {
        self.event(&Event::Contact { account }, None, None)?;
        if account == self.me.account {
            let credential = LeafCredential { account, device: self.me.device, list: head };
            self.device.set_credential(credential).map_err(|error| own_fault(&error))?;
            for device in accepted.added.iter().filter(|_| by == By::Others) {
                self.alert(Alert::OwnDeviceAdded { device: *device }, None)?;
            }
            if accepted.revoked.contains(&self.me.device) {
                self.alert(Alert::Revoked, None)?;
            }
            if !accepted.revoked.is_empty() {
                self.replace_key_packages()?;
            }
            for conversation in conversation::all(self.tx)? {
                mark::set(self.tx, &conversation.id, Mark::Review)?;
                self.session.attend(conversation.id);
            }
        } else {
            let direct = conversation::direct_with(self.tx, &account)?.map(|direct| direct.id);
            let groups = member::conversations_of(self.tx, &account)?;
            for id in direct.into_iter().chain(groups) {
                mark::set(self.tx, &id, Mark::Review)?;
                self.session.attend(id);
            }
        }
        Ok(())
    }

    /// The server has more entries than one answer holds.
    fn want_more(&mut self, account: AccountId) -> Result<(), Stop> {
        let Some(list) = self.list(&account)? else { return Ok(()) };
        let next = ListHead { number: list.head().number.next(), hash: NOT_SAID };
        self.want(account, next)
    }

    /// Looks whether what is wanted of an account came; asked for in vain too often, it counts as withheld.
    fn settle_wanted(&mut self, account: AccountId) -> Result<(), Stop> {
        let Some(wanted) = wanted::find(self.tx, &account)? else { return Ok(()) };
        let head = ListHead { number: wanted.number, hash: wanted.hash };
        let list = self.list(&account)?;
        if list.as_ref().is_some_and(|list| list.knows(head)) {
            self.session.withheld.remove(&account);
            return Ok(wanted::delete(self.tx, &account)?);
        }
        let further = list.is_some_and(|list| list.head().number >= head.number);
        let now = self.now;
        let Some(connection) = self.connection() else { return Ok(()) };
        connection.put_off(Tag::Keys(account), Duration::ZERO, now);
        let enough = if further { CONTRADICTED_AFTER } else { WITHHELD_AFTER };
        if connection.tries(&Tag::Keys(account)) < enough {
            return Ok(());
        }
        wanted::delete(self.tx, &account)?;
        if let (Some(conversation), Some(witness)) = (wanted.conversation, wanted.witness) {
            let mismatch = if account == self.me.account { Mismatch::OwnList } else { Mismatch::List };
            return self.mismatch(conversation, witness, mismatch);
        }
        if self.session.withheld.insert(account) {
            self.alert(Alert::ListWithheld { account }, None)?;
        }
        Ok(())
    }

    /// Looks at the conversations with an account, or at all where it is the own one.
    fn attend_with(&mut self, account: AccountId) -> Result<(), Stop> {
        for conversation in conversation::all(self.tx)? {
            if conversation.kind.peer() == Some(account) || account == self.me.account {
                self.session.attend(conversation.id);
            }
        }
        let groups = member::conversations_of(self.tx, &account)?;
        let wishing = wish::conversations(self.tx)?;
        for id in groups.into_iter().chain(wishing) {
            self.session.attend(id);
        }
        for parked in hushwire_client_store::parked::all(self.tx)? {
            self.session.attend(parked.entry.conversation);
        }
        Ok(())
    }

    /// Whether a device is active in the longest known list of its account.
    pub(crate) fn is_active(&self, account: &AccountId, device: &DeviceId) -> Result<bool, Stop> {
        Ok(self.list(account)?.is_some_and(|list| list.device(*device).is_some()))
    }

    /// Appends own list entries that the server lost.
    pub(crate) fn owe_own_list(&mut self) -> Result<(), Stop> {
        let own = self.own_list()?;
        let Some(server) = self.connection().and_then(|connection| connection.own_list) else {
            return Ok(());
        };
        if server >= own.head().number {
            return Ok(());
        }
        let next = server.next();
        if let Some(entry) = own.entries(next).next() {
            self.request(Tag::ListEntry(next), wire::AppendListEntry { entry: entry.into() });
        }
        Ok(())
    }

    /// The server's answer to [`Tag::ListEntry`].
    pub(crate) fn list_entry_answer(
        &mut self,
        number: ListNumber,
        result: Result<&wire::ListEntryAppended, &wire::Error>,
    ) -> Result<(), Stop> {
        if let Ok(_) = result
            && let Some(connection) = self.connection()
        {
            connection.own_list = Some(number);
        }
        if self.appended(number, result.map(|_| ()))? && result.is_ok() {
            return Ok(());
        }
        match result {
            Ok(_) => {
                if let Some(connection) = self.connection() {
                    connection.own_list = Some(number);
                }
                Ok(())
            }
            Err(error) if error.code == wire::ErrorCode::ListConflict => {
                // Somebody else of the account was faster, or the server has another list: look at it.
                if let Some(connection) = self.connection() {
                    connection.own_list = None;
                }
                self.fetch_list(self.me.account)
            }
            Err(error) => self.put_off(Tag::ListEntry(number), error),
        }
    }
}
