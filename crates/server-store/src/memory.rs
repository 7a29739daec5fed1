//! The store in memory: for tests, for the simulator, and to hold the other backends against.
//!
//! Written for clarity, not for speed: ordered maps under one lock, each operation checks everything before it changes
//! anything. What is written is "durable" as long as the value lives; [`MemoryStore::restored`] is the backup that
//! came back.

mod accounts;
mod claims;
mod classic;
mod conversations;
mod key_packages;
mod mailboxes;
mod reads;
mod registration;
mod reports;
mod state;
mod upkeep;

use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use bytes::Bytes;
use hushwire_types::{
    AccountId, ConversationId, DeviceId, Epoch, Generation, IncarnationId, ListNumber, Seq, SessionId,
    Timestamp,
};

use crate::account::{Account, AccountList, Device, User};
use crate::bounds::Bounds;
use crate::classic::{ClassicAccount, ClassicMessage, ClassicPhone};
use crate::conversation::{Conversation, GroupBase, GroupInfo, Handshake, SendId, Slot};
use crate::error::{Refusal, StoreError};
use crate::key_package::KeyPackageState;
use crate::mailbox::{Mailbox, MailboxKey, Page};
use crate::registration::{CodeHash, Invite, Session};
use crate::report::{Report, ReportLine, ReportNumber};
use crate::store::{Outcomes, Store};
use crate::upkeep::{Counts, Limit};
use crate::write::{Write, Written};

use state::State;

/// A store that lives as long as its value.
#[derive(Debug)]
pub struct MemoryStore {
    bounds: Bounds,
    state: RwLock<State>,
}

impl MemoryStore {
    /// An empty store. `incarnation` is random.
    #[must_use]
    pub fn new(incarnation: IncarnationId, bounds: Bounds) -> Self {
        Self { bounds, state: RwLock::new(State::new(incarnation)) }
    }

    /// A copy of everything as it is now, as a backup that was restored: with another incarnation.
    #[must_use]
    pub fn restored(&self, incarnation: IncarnationId) -> Self {
        let state = State { incarnation, ..self.read().clone() };
        Self { bounds: self.bounds.clone(), state: RwLock::new(state) }
    }

    // A thread that panicked while it held the lock was a failing test; the others may go on.
    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn write(&self, batch: Vec<Write>, now: Timestamp) -> Result<Outcomes, StoreError> {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        Ok(batch.into_iter().map(|operation| state.apply(operation, &self.bounds, now)).collect())
    }

    fn account(&self, account: AccountId) -> Result<Option<Account>, StoreError> {
        Ok(self.read().account(account))
    }

    fn account_by_handle(&self, canonical: &str) -> Result<Option<AccountId>, StoreError> {
        Ok(self.read().handles.get(canonical).map(|(_, account)| *account))
    }

    fn list(&self, account: AccountId, from: ListNumber) -> Result<Option<AccountList>, StoreError> {
        Ok(self.read().list(account, from))
    }

    fn device(&self, account: AccountId, device: DeviceId) -> Result<Option<Device>, StoreError> {
        Ok(self.read().devices_of(account).find(|found| found.address.device == device))
    }

    fn devices(&self, account: AccountId) -> Result<Vec<Device>, StoreError> {
        Ok(self.read().devices_of(account).collect())
    }

    fn mailbox(&self, mailbox: MailboxKey) -> Result<Option<Mailbox>, StoreError> {
        Ok(self.read().mailbox(mailbox))
    }

    fn entries(
        &self,
        mailbox: MailboxKey,
        after: Seq,
        max_entries: usize,
        max_bytes: usize,
    ) -> Result<Page, StoreError> {
        Ok(self.read().entries(mailbox, after, max_entries, max_bytes))
    }

    fn body(&self, mailbox: MailboxKey, seq: Seq) -> Result<Option<Bytes>, StoreError> {
        Ok(self.read().body(mailbox, seq))
    }

    fn slot(&self, send: &SendId) -> Result<Slot, StoreError> {
        Ok(self.read().slot(send))
    }

    fn conversation(&self, conversation: ConversationId) -> Result<Option<Conversation>, StoreError> {
        Ok(self.read().conversation(conversation))
    }

    fn group_info(&self, conversation: ConversationId) -> Result<Option<GroupInfo>, StoreError> {
        Ok(self.read().group_info(conversation))
    }

    fn handshakes(
        &self,
        conversation: ConversationId,
        generation: Generation,
        from: Epoch,
        to: Epoch,
    ) -> Result<Vec<Handshake>, StoreError> {
        Ok(self.read().handshakes(conversation, generation, from, to))
    }

    fn base_at_or_before(
        &self,
        conversation: ConversationId,
        generation: Generation,
        epoch: Epoch,
    ) -> Result<Option<GroupBase>, StoreError> {
        Ok(self.read().base_at_or_before(conversation, generation, epoch))
    }

    fn key_packages(&self, mailbox: MailboxKey) -> Result<KeyPackageState, StoreError> {
        Ok(self.read().key_package_state(mailbox))
    }

    fn invites(&self) -> Result<Vec<Invite>, StoreError> {
        Ok(self.read().invites_by_age())
    }

    fn invite(&self, code: CodeHash) -> Result<Option<Invite>, StoreError> {
        Ok(self.read().invites.get(&code).cloned())
    }

    fn session(&self, session: SessionId) -> Result<Option<Session>, StoreError> {
        Ok(self.read().sessions.get(&session).cloned())
    }

    fn users(&self, after: Option<AccountId>, limit: usize) -> Result<Vec<User>, StoreError> {
        Ok(self.read().users(after, limit))
    }

    fn limits(&self) -> Result<Vec<Limit>, StoreError> {
        Ok(self.read().limits())
    }

    fn meta(&self, name: &str) -> Result<Option<Bytes>, StoreError> {
        Ok(self.read().meta.get(name).cloned())
    }

    fn classic_account(&self, phone: ClassicPhone) -> Result<Option<ClassicAccount>, StoreError> {
        Ok(self.read().classic.accounts.get(&phone).cloned())
    }

    fn classic_accounts(&self) -> Result<u64, StoreError> {
        Ok(u64::try_from(self.read().classic.accounts.len()).unwrap_or(u64::MAX))
    }

    fn classic_oldest(
        &self,
        recipient: ClassicPhone,
        except: &[ClassicPhone],
    ) -> Result<Option<ClassicMessage>, StoreError> {
        Ok(self.read().classic.oldest(recipient, except))
    }

    fn reports(&self, after: Option<ReportNumber>, limit: usize) -> Result<Vec<ReportLine>, StoreError> {
        Ok(self.read().reports.list(after, limit))
    }

    fn report(&self, number: ReportNumber) -> Result<Option<Report>, StoreError> {
        Ok(self.read().reports.kept.get(&number).cloned())
    }

    fn counts(&self) -> Result<Counts, StoreError> {
        Ok(self.read().counts())
    }
}

impl State {
    fn apply(&mut self, operation: Write, bounds: &Bounds, now: Timestamp) -> Result<Written, Refusal> {
        match operation {
            Write::CreateInvite(operation) => self.create_invite(operation, now),
            Write::RevokeInvite(operation) => self.revoke_invite(&operation),
            Write::StartSession(operation) => self.start_session(operation, bounds, now),
            Write::TryOtp(operation) => self.try_otp(operation, bounds, now),
            Write::CreateAccount(operation) => self.create_account(*operation, bounds, now),
            Write::ClaimHandle(operation) => self.claim_handle(operation, bounds, now),
            Write::AnswerClaim(operation) => self.answer_claim(operation, bounds, now),
            Write::AppendListEntry(operation) => self.append_list_entry(&operation, bounds, now),
            Write::SetSuspended(operation) => self.set_suspended(operation),
            Write::DeleteAccount(operation) => self.delete_account(operation),
            Write::PutKeyPackages(operation) => self.put_key_packages(operation, bounds),
            Write::ClaimKeyPackages(operation) => self.claim_key_packages(&operation, now),
            Write::CreateConversation(operation) => self.create_conversation(*operation, bounds, now),
            Write::Append(operation) => self.append(operation, bounds, now),
            Write::AppendCommit(operation) => self.append_commit(*operation, bounds, now),
            Write::Acknowledge(operation) => self.acknowledge(operation),
            Write::RecordLogin(operation) => self.record_login(operation, now),
            Write::Expire(operation) => Ok(self.expire(operation, bounds, now)),
            Write::SaveLimits(operation) => Ok(self.save_limits(operation, now)),
            Write::PutMeta(operation) => {
                self.meta.insert(operation.name, operation.value);
                Ok(Written::Done)
            }
            Write::BeginClassic(operation) => self.begin_classic(operation, bounds, now),
            Write::CountClassicGuess(operation) => Ok(self.count_classic_guess(operation, now)),
            Write::CreateClassic(operation) => self.create_classic(operation, now),
            Write::StoreClassic(operation) => self.store_classic(operation, bounds, now),
            Write::AcknowledgeClassic(operation) => Ok(self.acknowledge_classic(operation)),
            Write::StoreReport(operation) => self.store_report(operation, bounds, now),
            Write::DeleteReport(operation) => self.delete_report(operation),
        }
    }
}
