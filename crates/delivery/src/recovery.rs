//! Recovery: an account whose devices are all lost gets a new one by its recovery key.
//!
//! ```text
//!  Recover { handle, signature by the recovery key } ──► AccountKeys        (its list, to write the next entry after it)
//!  RecoverDevice { entry signed by the recovery key } ──► as AppendListEntry
//! ```
//!
//! Invariant: whether a handle has an account, and what its list is, is told to the recovery key alone. Every other answer is the
//! same.

use hushwire_identity::{Handle, Signature, UnverifiedEntry, statement};
use hushwire_server_store::account::AccountState;
use hushwire_types::Timestamp;
use hushwire_wire::{AppendListEntry, Recover, RecoverDevice};

use crate::check::{Check, Work};
use crate::fault::Fault;
use crate::limits::Limit;
use crate::service::Service;
use crate::session::Session;
use crate::step::{Origin, Step};

impl Service {
    pub(crate) fn recover(
        &self,
        session: &Session,
        origin: Origin,
        recover: &Recover,
        now: Timestamp,
    ) -> Result<Step, Fault> {
        let nonce = session.greeted()?;
        self.limit_address(session, Limit::Recover, now)?;
        let handle: Handle = recover.handle.expose().parse().map_err(|_| Fault::NotRecoverable)?;
        let account = self.store.account_by_handle(&handle.to_string())?;
        let list = account.map(|account| self.lists.of(account)).transpose()?.flatten();
        // Somebody unknown costs the same check as somebody known, against a key that signs no such thing.
        let key = list.as_ref().map_or(self.identity.public(), |list| list.recovery_key());
        let proof = statement::Recovery {
            server: &self.identity.public(),
            binding: &session.peer.binding,
            server_nonce: &nonce,
            handle: &handle,
        };
        let proved = proof.verify(&key, &Signature::from_bytes(recover.signature)).is_ok();
        match account.filter(|_| proved) {
            Some(account) => Ok(Step::answer(origin, self.account_keys(account, recover.from_number)?)),
            None => Err(Fault::NotRecoverable),
        }
    }

    pub(crate) fn recover_device(
        &self,
        session: &Session,
        origin: Origin,
        recover: RecoverDevice,
        now: Timestamp,
    ) -> Result<Step, Fault> {
        session.greeted()?;
        self.limit_address(session, Limit::Recover, now)?;
        let entry = UnverifiedEntry::decode(&recover.entry)
            .map_err(|_| Fault::Malformed("the device list entry cannot be read"))?;
        // A device's entry comes from a device that is logged in.
        if !entry.is_by_recovery() {
            return Err(Fault::NotRecoverable);
        }
        match self.store.account(recover.account_id)?.map(|account| account.state) {
            Some(AccountState::Active) => {}
            Some(AccountState::Suspended) => return Err(Fault::Suspended),
            Some(AccountState::Deleted) | None => return Err(Fault::NotRecoverable),
        }
        self.limiter.take(Limit::ListEntry, recover.account_id.as_ref(), now)?;
        let append = AppendListEntry { entry: recover.entry };
        Ok(Step::check(Check::new(origin, Work::ListEntry(recover.account_id, append))))
    }
}
