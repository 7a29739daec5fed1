//! Accounts and their keys: look-ups, the device list, KeyPackages, the end of a registration.

use std::sync::Arc;

use bytes::Bytes;
use hushwire_group_policy::{Lists, check_key_package};
use hushwire_identity::{
    DeviceList, Genesis, Handle, ListError, PublicKey, Signature, UnverifiedEntry, statement,
};
use hushwire_server_store::account::{self, Account, AccountState, CreateAccount, HandleKind, NewDevice};
use hushwire_server_store::key_package::{self, ClaimKeyPackages, NewKeyPackage, NewKeyPackages, PutMode};
use hushwire_server_store::registration::OtpGiven;
use hushwire_types::{AccountId, DeviceId, ListNumber, MailboxId, Timestamp, rng};
use hushwire_wire::{
    AccountKeys, AppendListEntry, KeysSet, ListEntryAppended, LookUp, Opaque, PutKeyPackages, RecipientKeys,
    SendPublicKeys, SenderKeys, Sensitive, limits,
};
use sha2::{Digest, Sha256};

use crate::check::{Check, Verdict, Work};
use crate::fault::{Fault, Unregistered};
use crate::job::{After, Job};
use crate::limits::Limit;
use crate::lists::NewList;
use crate::service::Service;
use crate::session::Caller;
use crate::step::{Origin, Step};

impl Service {
    pub(crate) fn sender_keys(
        &self,
        caller: Caller,
        origin: Origin,
        wanted: &SenderKeys,
        now: Timestamp,
    ) -> Result<Step, Fault> {
        // One's own list is read after each login and each notice; that is never an outsider's probing.
        if wanted.account_id != caller.account {
            self.limiter.take(Limit::Keys, caller.account.as_ref(), now)?;
        }
        let keys = self.account_keys(wanted.account_id, wanted.from_number)?;
        Ok(Step::answer(origin, keys))
    }

    pub(crate) fn look_up(
        &self,
        caller: Caller,
        origin: Origin,
        look_up: &LookUp,
        now: Timestamp,
    ) -> Result<Step, Fault> {
        self.limiter.take(Limit::LookUp, caller.account.as_ref(), now)?;
        let handle: Handle = look_up.handle.expose().parse().map_err(|_| Fault::UnknownAccount)?;
        let account = self.store.account_by_handle(&handle.to_string())?.ok_or(Fault::UnknownAccount)?;
        Ok(Step::answer(origin, self.account_keys(account, ListNumber(0))?))
    }

    /// Deleted accounts answer too: others still judge old leaves by their lists (rule R3).
    pub(crate) fn account_keys(&self, account_id: AccountId, from: ListNumber) -> Result<AccountKeys, Fault> {
        let account = self.store.account(account_id)?.ok_or(Fault::UnknownAccount)?;
        let first = from.max(ListNumber(1));
        let list = self.store.list(account_id, first)?.ok_or(Fault::UnknownAccount)?;
        let entries: Vec<Opaque> =
            list.entries.into_iter().take(limits::LIST_ENTRIES).map(Opaque::from).collect();
        Ok(AccountKeys {
            account_id,
            genesis: (from == ListNumber(0)).then(|| list.genesis.into()),
            first_number: first,
            entries,
            username: username(&account),
            suspended: account.state == AccountState::Suspended,
        })
    }

    pub(crate) fn claim(
        &self,
        caller: Caller,
        origin: Origin,
        wanted: &RecipientKeys,
        now: Timestamp,
    ) -> Result<Step, Fault> {
        let account = self.store.account(wanted.account_id)?.ok_or(Fault::UnknownAccount)?;
        match account.state {
            AccountState::Active => {}
            AccountState::Suspended => return Err(Fault::Suspended),
            AccountState::Deleted => return Err(Fault::UnknownAccount),
        }
        if wanted.account_id != caller.account {
            let pair = Sha256::new().chain_update(caller.account).chain_update(wanted.account_id).finalize();
            self.limiter.take(Limit::ClaimPair, &pair, now)?;
            self.limiter.take(Limit::Claim, caller.account.as_ref(), now)?;
        }
        let mut devices = wanted.device_ids.clone();
        if devices.is_empty() {
            devices.extend(self.store.devices(wanted.account_id)?.iter().map(|device| device.address.device));
        }
        // A claimed KeyPackage is gone, so no more are claimed than an answer holds; and nobody needs its own.
        devices.retain(|device| (wanted.account_id, *device) != (caller.account, caller.device));
        devices.truncate(limits::CLAIMED_KEY_PACKAGES);
        if devices.is_empty() {
            return Err(Fault::NoKeyPackage);
        }
        let write = ClaimKeyPackages { account: wanted.account_id, devices };
        Ok(Step::write(Job::new(origin, write, After::Claimed { account: wanted.account_id })))
    }

    pub(crate) fn put_key_packages(
        &self,
        caller: Caller,
        origin: Origin,
        put: PutKeyPackages,
        now: Timestamp,
    ) -> Result<Step, Fault> {
        self.limiter.take(Limit::PutKeyPackages, caller.device.as_ref(), now)?;
        Ok(Step::check(Check::new(origin, Work::KeyPackages(caller, Box::new(put)))))
    }

    pub(crate) fn check_key_packages(
        &self,
        caller: Caller,
        origin: Origin,
        put: &PutKeyPackages,
        now: Timestamp,
    ) -> Result<Verdict, Fault> {
        let lists = Lists::new(self.lists.clone());
        let owner = (caller.account, caller.device);
        let last_resort = put.last_resort_key_package.as_ref();
        let packages = self.checked_packages(&lists, &put.key_packages, last_resort, owner, now);
        let packages = packages.map_err(|why| Fault::Refused(why.to_owned()))?;
        let mode = if put.replace { PutMode::Replace } else { PutMode::Add };
        let write = key_package::PutKeyPackages { mailbox: caller.mailbox, packages, mode };
        Ok(Verdict::write(Job::new(origin, write, After::KeyPackages)))
    }

    /// Each KeyPackage is of this device and valid now, and the one of last resort alone may be used twice.
    fn checked_packages(
        &self,
        lists: &Lists,
        pool: &[Opaque],
        last_resort: Option<&Opaque>,
        owner: (AccountId, DeviceId),
        now: Timestamp,
    ) -> Result<NewKeyPackages, &'static str> {
        let check = |bytes: &Opaque, wanted_last_resort: bool| {
            let checked = check_key_package(&self.suite, lists, bytes, owner, now)
                .map_err(|_| "a KeyPackage is not a valid one of this device")?;
            if checked.last_resort != wanted_last_resort {
                return Err("a KeyPackage is marked as of last resort and is none, or the other way round");
            }
            let bytes = Bytes::from(bytes.clone());
            Ok(NewKeyPackage { digest: Sha256::digest(&bytes).into(), bytes })
        };
        Ok(NewKeyPackages {
            pool: pool.iter().map(|bytes| check(bytes, false)).collect::<Result<_, _>>()?,
            last_resort: last_resort.map(|bytes| check(bytes, true)).transpose()?,
        })
    }

    pub(crate) fn append_entry(
        &self,
        caller: Caller,
        origin: Origin,
        append: AppendListEntry,
        now: Timestamp,
    ) -> Result<Step, Fault> {
        self.limiter.take(Limit::ListEntry, caller.account.as_ref(), now)?;
        Ok(Step::check(Check::new(origin, Work::ListEntry(caller.account, append))))
    }

    /// Checks an entry against the list as it stands (rule R2). The writer compares the head again.
    pub(crate) fn check_entry(
        &self,
        account: AccountId,
        origin: Origin,
        append: &AppendListEntry,
    ) -> Result<Verdict, Fault> {
        let before = self.lists.fresh(account)?.ok_or(Fault::UnknownAccount)?;
        let mut list = DeviceList::clone(&before);
        let accepted = list.append(&append.entry).map_err(refused_entry)?;
        let entry = UnverifiedEntry::decode(&append.entry)
            .map_err(|_| Fault::Malformed("the device list entry cannot be read"))?;
        if list.head().hash != entry.hash()
            && before.entries(entry.number()).next() != Some(&append.entry[..])
        {
            // It is true and too late: a recovery-signed entry has its place.
            return Err(Fault::ListConflict);
        }
        if accepted.new_entries == 0 {
            // An answer was lost: the entry has been in the list since.
            let appended = ListEntryAppended { list_number: entry.number(), list_hash: entry.hash() };
            return Ok(Verdict::Answer(appended.into()));
        }
        let added = accepted.added.iter().filter_map(|id| list.device(*id));
        let head = before.head();
        let write = account::AppendListEntry {
            account,
            head: account::ListHead { number: head.number, hash: head.hash },
            number: entry.number(),
            hash: entry.hash(),
            entry: append.entry.clone().into(),
            added: added.map(|device| self.new_device(device.id, &device.list_key)).collect(),
            revoked: accepted.revoked,
        };
        Ok(Verdict::write(Job::new(origin, write, After::List { account })))
    }

    /// Checks all that ends a registration: genesis, entry 1, the device's consent to the handles, its KeyPackages.
    pub(crate) fn check_keys(
        &self,
        origin: Origin,
        keys: &SendPublicKeys,
        now: Timestamp,
    ) -> Result<Verdict, Fault> {
        let session = self.store.session(keys.session_id)?;
        let Some(session) = session.filter(|session| now < session.expires_at) else {
            return self.made_before(keys);
        };
        if session.otp.is_some_and(|otp| otp.given == OtpGiven::No) {
            return Err(Unregistered::SessionInvalid.into());
        }
        let genesis = Genesis::verify(&keys.genesis).map_err(|_| Unregistered::Keys(BAD_GENESIS))?;
        if genesis.account_id() != session.account {
            return Err(Unregistered::Keys("the keys are of another account than the registration").into());
        }
        let list = DeviceList::verify(&keys.genesis, [&keys.list_entry])
            .map_err(|_| Unregistered::Keys("the first device list entry does not verify"))?;
        let Some(device) = list.active_devices().first().copied().cloned() else {
            return Err(Unregistered::Keys("the first device list entry adds no device").into());
        };
        self.check_consent(&session, genesis.list_key(), &keys.signature)?;
        let lists = Lists::new(Arc::new(NewList(list.clone())));
        let owner = (session.account, device.id);
        let key_packages = self
            .checked_packages(&lists, &keys.key_packages, Some(&keys.last_resort_key_package), owner, now)
            .map_err(Unregistered::Keys)?;
        let write = CreateAccount {
            session: session.session,
            account: session.account,
            genesis: keys.genesis.clone().into(),
            entry: keys.list_entry.clone().into(),
            entry_hash: list.head().hash,
            device: self.new_device(device.id, &device.list_key),
            key_packages,
        };
        Ok(Verdict::write(Job::new(origin, write, After::Account { account: session.account })))
    }

    /// The session is over: it may have ended with this very account, and the answer was lost.
    fn made_before(&self, keys: &SendPublicKeys) -> Result<Verdict, Fault> {
        let genesis = Genesis::verify(&keys.genesis).map_err(|_| Unregistered::SessionInvalid)?;
        let account_id = genesis.account_id();
        let list = self.store.list(account_id, ListNumber(1))?.ok_or(Unregistered::SessionInvalid)?;
        if list.entries.first().is_some_and(|entry| entry[..] == keys.list_entry[..]) {
            return Ok(Verdict::Answer(KeysSet { account_id }.into()));
        }
        Err(Unregistered::SessionInvalid.into())
    }

    /// The device has signed for exactly the handles of the session, at this server.
    fn check_consent(
        &self,
        session: &hushwire_server_store::registration::Session,
        list_key: &PublicKey,
        signature: &[u8; 64],
    ) -> Result<(), Fault> {
        let stored = session.contact.iter().chain(&session.username);
        let handles: Vec<Handle> = stored.filter_map(|handle| handle.canonical.parse().ok()).collect();
        let statement = statement::Registration {
            server: &self.identity.public(),
            handles: &handles,
            account: &session.account,
        };
        statement
            .verify(list_key, &Signature::from_bytes(*signature))
            .map_err(|_| Unregistered::Keys("the device has not signed for these names").into())
    }

    fn new_device(&self, device: DeviceId, list_key: &PublicKey) -> NewDevice {
        let mailbox = MailboxId::new(rng::bytes(&*self.entropy));
        NewDevice { device, list_key: *list_key.as_bytes(), mailbox }
    }
}

const BAD_GENESIS: &str = "the account's genesis does not verify";

/// The username without its at sign.
fn username(account: &Account) -> Option<Sensitive> {
    let handle = account.handles.iter().find(|handle| matches!(handle.kind, HandleKind::Username { .. }))?;
    Some(Sensitive::new(handle.canonical.trim_start_matches('@')))
}

fn refused_entry(error: ListError) -> Fault {
    match error {
        ListError::Gap { .. } | ListError::Fork { .. } => Fault::ListConflict,
        ListError::Refused(rule) => Fault::Refused(rule.to_string()),
        _ => Fault::Malformed("the device list entry cannot be read"),
    }
}
