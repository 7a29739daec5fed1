//! Verified device lists in memory, for `group-policy` to ask while MLS messages are judged (rule R3).
//!
//! Invariants:
//! - What is here was read from verified rows, or is being written by the step that put it here; a step that fails
//!   empties it.
//! - It never fetches: an account that is not here is `Missing`, and the flow that hears so loads its rows or asks the server.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hushwire_group_policy::{DeviceLists, Prefix};
use hushwire_identity::{DeviceList, ListHead};
use hushwire_types::{AccountId, DeviceId};

/// The lists that were needed lately.
#[derive(Default)]
pub(crate) struct ListCache(Mutex<HashMap<AccountId, Arc<DeviceList>>>);

impl ListCache {
    fn lock(&self) -> MutexGuard<'_, HashMap<AccountId, Arc<DeviceList>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn find(&self, account: &AccountId) -> Option<Arc<DeviceList>> {
        self.lock().get(account).cloned()
    }

    pub(crate) fn put(&self, list: impl Into<Arc<DeviceList>>) {
        let list = list.into();
        self.lock().insert(list.account_id(), list);
    }

    pub(crate) fn contains(&self, account: &AccountId) -> bool {
        self.lock().contains_key(account)
    }

    pub(crate) fn forget(&self) {
        self.lock().clear();
    }
}

impl DeviceLists for ListCache {
    fn prefix(&self, account: AccountId, head: ListHead, device: DeviceId) -> Prefix {
        self.lock().get(&account).map_or(Prefix::Missing, |list| Prefix::of(list, head, device))
    }

    fn reaches(&self, account: AccountId, head: ListHead, floor: ListHead) -> Option<bool> {
        self.lock().get(&account)?.reaches(head, floor)
    }
}
