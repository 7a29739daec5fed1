//! Two stores that are asked the same and must answer the same.

use std::sync::Arc;

use bytes::Bytes;
use hushwire_types::{
    AccountId, ConversationId, DeviceId, Epoch, Generation, IncarnationId, ListNumber, Seq, SessionId,
    Timestamp,
};

use crate::account::{Account, AccountList, Device, User};
use crate::classic::{ClassicAccount, ClassicMessage, ClassicPhone};
use crate::conformance::Harness;
use crate::conversation::{Conversation, GroupBase, GroupInfo, Handshake, SendId, Slot};
use crate::key_package::KeyPackageState;
use crate::mailbox::{Mailbox, MailboxKey, Page};
use crate::registration::{CodeHash, Invite, Session};
use crate::report::{Report, ReportLine, ReportNumber};
use crate::store::Outcomes;
use crate::upkeep::{Counts, Limit};
use crate::{MemoryStore, Store, StoreError, Write};

/// A store under test beside the one in memory.
pub(super) struct Both {
    pub(super) real: Box<dyn Harness>,
    pub(super) memory: Arc<MemoryStore>,
}

impl Harness for Both {
    fn store(&self) -> Arc<dyn Store> {
        Arc::new(Pair { real: self.real.store(), memory: Arc::clone(&self.memory) })
    }

    fn reopen(&mut self) {
        self.real.reopen();
    }

    fn back_up(&mut self) {
        self.real.back_up();
    }

    fn restore(&mut self) {
        self.real.restore();
    }
}

struct Pair {
    real: Arc<dyn Store>,
    memory: Arc<MemoryStore>,
}

macro_rules! same {
    ($self:ident . $read:ident ( $($argument:expr),* )) => {{
        let real = $self.real.$read($($argument),*)?;
        assert_eq!(real, $self.memory.$read($($argument),*)?);
        Ok(real)
    }};
}

impl Store for Pair {
    fn write(&self, batch: Vec<Write>, now: Timestamp) -> Result<Outcomes, StoreError> {
        let said = format!("{batch:#?}");
        let real = self.real.write(batch.clone(), now)?;
        assert_eq!(real, self.memory.write(batch, now)?, "{said}");
        Ok(real)
    }

    fn account(&self, account: AccountId) -> Result<Option<Account>, StoreError> {
        same!(self.account(account))
    }

    fn account_by_handle(&self, canonical: &str) -> Result<Option<AccountId>, StoreError> {
        same!(self.account_by_handle(canonical))
    }

    fn list(&self, account: AccountId, from: ListNumber) -> Result<Option<AccountList>, StoreError> {
        same!(self.list(account, from))
    }

    fn device(&self, account: AccountId, device: DeviceId) -> Result<Option<Device>, StoreError> {
        same!(self.device(account, device))
    }

    fn devices(&self, account: AccountId) -> Result<Vec<Device>, StoreError> {
        same!(self.devices(account))
    }

    fn mailbox(&self, mailbox: MailboxKey) -> Result<Option<Mailbox>, StoreError> {
        // Each store has an incarnation of its own.
        let blank = |found: Option<Mailbox>| {
            found.map(|mailbox| Mailbox { incarnation: IncarnationId::new([0; 16]), ..mailbox })
        };
        let real = self.real.mailbox(mailbox)?;
        assert_eq!(blank(real), blank(self.memory.mailbox(mailbox)?));
        Ok(real)
    }

    fn entries(
        &self,
        mailbox: MailboxKey,
        after: Seq,
        entries: usize,
        bytes: usize,
    ) -> Result<Page, StoreError> {
        same!(self.entries(mailbox, after, entries, bytes))
    }

    fn body(&self, mailbox: MailboxKey, seq: Seq) -> Result<Option<Bytes>, StoreError> {
        same!(self.body(mailbox, seq))
    }

    fn slot(&self, send: &SendId) -> Result<Slot, StoreError> {
        same!(self.slot(send))
    }

    fn conversation(&self, conversation: ConversationId) -> Result<Option<Conversation>, StoreError> {
        same!(self.conversation(conversation))
    }

    fn group_info(&self, conversation: ConversationId) -> Result<Option<GroupInfo>, StoreError> {
        same!(self.group_info(conversation))
    }

    fn handshakes(
        &self,
        conversation: ConversationId,
        generation: Generation,
        from: Epoch,
        to: Epoch,
    ) -> Result<Vec<Handshake>, StoreError> {
        same!(self.handshakes(conversation, generation, from, to))
    }

    fn base_at_or_before(
        &self,
        conversation: ConversationId,
        generation: Generation,
        epoch: Epoch,
    ) -> Result<Option<GroupBase>, StoreError> {
        same!(self.base_at_or_before(conversation, generation, epoch))
    }

    fn key_packages(&self, mailbox: MailboxKey) -> Result<KeyPackageState, StoreError> {
        same!(self.key_packages(mailbox))
    }

    fn invites(&self) -> Result<Vec<Invite>, StoreError> {
        same!(self.invites())
    }

    fn invite(&self, code: CodeHash) -> Result<Option<Invite>, StoreError> {
        same!(self.invite(code))
    }

    fn session(&self, session: SessionId) -> Result<Option<Session>, StoreError> {
        same!(self.session(session))
    }

    fn users(&self, after: Option<AccountId>, limit: usize) -> Result<Vec<User>, StoreError> {
        same!(self.users(after, limit))
    }

    fn limits(&self) -> Result<Vec<Limit>, StoreError> {
        same!(self.limits())
    }

    fn meta(&self, name: &str) -> Result<Option<Bytes>, StoreError> {
        same!(self.meta(name))
    }

    fn classic_account(&self, phone: ClassicPhone) -> Result<Option<ClassicAccount>, StoreError> {
        same!(self.classic_account(phone))
    }

    fn classic_accounts(&self) -> Result<u64, StoreError> {
        same!(self.classic_accounts())
    }

    fn classic_oldest(
        &self,
        recipient: ClassicPhone,
        except: &[ClassicPhone],
    ) -> Result<Option<ClassicMessage>, StoreError> {
        same!(self.classic_oldest(recipient, except))
    }

    fn reports(&self, after: Option<ReportNumber>, limit: usize) -> Result<Vec<ReportLine>, StoreError> {
        same!(self.reports(after, limit))
    }

    fn report(&self, number: ReportNumber) -> Result<Option<Report>, StoreError> {
        same!(self.report(number))
    }

    fn counts(&self) -> Result<Counts, StoreError> {
        same!(self.counts())
    }
}
