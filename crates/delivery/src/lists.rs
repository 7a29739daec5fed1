//! Verified device lists over the store, in a cache.
//!
//! A list has every entry that was ever taken, displaced ones too: leaves that were made under them are judged by them
//! (rules R2 and R3).
//!
//! A list in the store was verified before it was written. It is verified again when it is read, because a judgement
//! over leaves is only as good as the list under it, and a damaged store must not let anybody in.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use hushwire_group_policy::{DeviceLists, Prefix};
use hushwire_identity::{DeviceList, ListHead};
use hushwire_server_store::Store;
use hushwire_types::{AccountId, DeviceId, ListNumber};
use lru::LruCache;

use crate::fault::Fault;

/// About 1 KiB each.
const CACHED: NonZeroUsize = NonZeroUsize::MIN.saturating_add(4095);

pub(crate) struct Lists {
    store: Arc<dyn Store>,
    cache: Mutex<LruCache<AccountId, Arc<DeviceList>>>,
}

impl Lists {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, cache: Mutex::new(LruCache::new(CACHED)) }
    }

    /// The list of an account, as new as this process knows it.
    pub(crate) fn of(&self, account: AccountId) -> Result<Option<Arc<DeviceList>>, Fault> {
        if let Some(list) = self.lock().get(&account) {
            return Ok(Some(Arc::clone(list)));
        }
        self.fresh(account)
    }

    /// The list of an account as the store has it now.
    pub(crate) fn fresh(&self, account: AccountId) -> Result<Option<Arc<DeviceList>>, Fault> {
        let Some(stored) = self.store.list(account, ListNumber(1))? else { return Ok(None) };
        let list = DeviceList::verify(&stored.genesis, &stored.entries).map_err(|error| {
            tracing::error!(account = %account.short(), %error, "a stored device list does not verify");
            Fault::Internal
        })?;
        let list = Arc::new(list);
        self.lock().put(account, Arc::clone(&list));
        Ok(Some(list))
    }

    /// The list of an account; read again where the cached one does not know these places, as another process may
    /// have written it since.
    fn knowing(&self, account: AccountId, heads: &[ListHead]) -> Option<Arc<DeviceList>> {
        let cached = self.of(account).ok().flatten();
        let knows = |list: &Arc<DeviceList>| heads.iter().all(|head| list.knows(*head));
        cached.filter(knows).or_else(|| self.fresh(account).ok().flatten())
    }

    /// Forgets a list that has moved on.
    pub(crate) fn forget(&self, account: AccountId) {
        self.lock().pop(&account);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, LruCache<AccountId, Arc<DeviceList>>> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DeviceLists for Lists {
    fn prefix(&self, account: AccountId, head: ListHead, device: DeviceId) -> Prefix {
        self.knowing(account, &[head]).map_or(Prefix::Missing, |list| Prefix::of(&list, head, device))
    }

    fn reaches(&self, account: AccountId, head: ListHead, floor: ListHead) -> Option<bool> {
        self.knowing(account, &[head, floor])?.reaches(head, floor)
    }
}

/// The list of one account that is not stored yet.
pub(crate) struct NewList(pub(crate) DeviceList);

impl DeviceLists for NewList {
    fn prefix(&self, account: AccountId, head: ListHead, device: DeviceId) -> Prefix {
        if account == self.0.account_id() { Prefix::of(&self.0, head, device) } else { Prefix::Missing }
    }

    fn reaches(&self, account: AccountId, head: ListHead, floor: ListHead) -> Option<bool> {
        if account == self.0.account_id() { self.0.reaches(head, floor) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hushwire_identity::{Flags, Genesis, ListKey, RecoveryKey};
    use hushwire_types::OsEntropy;

    fn list(first: &ListKey) -> DeviceList {
        let genesis =
            Genesis::create(Flags::default(), first, &RecoveryKey::generate(&OsEntropy), &OsEntropy);
        let mls_key = ListKey::generate(&OsEntropy).public();
        let entry = DeviceList::first_entry(&genesis, first, mls_key, "phone".parse().unwrap()).unwrap();
        DeviceList::verify(genesis.as_bytes(), [&entry]).unwrap()
    }

    #[test]
    fn a_list_that_is_not_stored_yet_answers_for_its_own_account_alone() {
        let key = ListKey::generate(&OsEntropy);
        let list = list(&key);
        let (account, head, device) = (list.account_id(), list.head(), key.device_id());
        let start = ListHead { number: ListNumber(0), hash: list.genesis().hash() };
        let new = NewList(list);
        assert!(matches!(new.prefix(account, head, device), Prefix::Active { .. }));
        assert_eq!(new.reaches(account, head, start), Some(true));
        assert_eq!(new.reaches(account, start, head), Some(false));
        let another = AccountId::new([1; 32]);
        assert!(matches!(new.prefix(another, head, device), Prefix::Missing));
        assert_eq!(new.reaches(another, head, start), None);
    }
}
