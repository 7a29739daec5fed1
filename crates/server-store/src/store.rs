//! The contract of a server store.

use bytes::Bytes;
use hushwire_types::{
    AccountId, ConversationId, DeviceId, Epoch, Generation, ListNumber, Seq, SessionId, Timestamp,
};

use crate::account::{Account, AccountList, Device, User};
use crate::classic::{ClassicAccount, ClassicMessage, ClassicPhone};
use crate::conversation::{Conversation, GroupBase, GroupInfo, Handshake, SendId, Slot};
use crate::error::{Refusal, StoreError};
use crate::key_package::KeyPackageState;
use crate::mailbox::{Mailbox, MailboxKey, Page};
use crate::registration::{CodeHash, Invite, Session};
use crate::report::{Report, ReportLine, ReportNumber};
use crate::upkeep::{Counts, Limit};
use crate::write::{Write, Written};

/// What each operation of a batch came to, in the order of the batch.
pub type Outcomes = Vec<Result<Written, Refusal>>;

/// A server's memory. Shared by threads; blocking; reads see the last durable batch and never wait for a writer.
pub trait Store: Send + Sync {
    /// Carries out a batch as one durable transaction: when this returns `Ok`, all of it survives a power cut.
    ///
    /// `now` is the acceptance time of everything in the batch.
    ///
    /// # Errors
    /// [`StoreError`]: nothing of the batch was stored. After `Unavailable` the same batch may be tried again.
    fn write(&self, batch: Vec<Write>, now: Timestamp) -> Result<Outcomes, StoreError>;

    /// An account, deleted ones too.
    ///
    /// # Errors
    /// [`StoreError`], as for every read.
    fn account(&self, account: AccountId) -> Result<Option<Account>, StoreError>;

    /// The account behind a canonical handle.
    ///
    /// # Errors
    /// [`StoreError`]
    fn account_by_handle(&self, canonical: &str) -> Result<Option<AccountId>, StoreError>;

    /// An account's genesis and the entries that its list ever had from the `from`-th on (at least 1), displaced ones too;
    /// deleted accounts' as well.
    ///
    /// # Errors
    /// [`StoreError`]
    fn list(&self, account: AccountId, from: ListNumber) -> Result<Option<AccountList>, StoreError>;

    /// An active device.
    ///
    /// # Errors
    /// [`StoreError`]
    fn device(&self, account: AccountId, device: DeviceId) -> Result<Option<Device>, StoreError>;

    /// The active devices of an account, by id.
    ///
    /// # Errors
    /// [`StoreError`]
    fn devices(&self, account: AccountId) -> Result<Vec<Device>, StoreError>;

    /// How a mailbox stands.
    ///
    /// # Errors
    /// [`StoreError`]
    fn mailbox(&self, mailbox: MailboxKey) -> Result<Option<Mailbox>, StoreError>;

    /// Entries after `after`, at most `max_entries`, and at most `max_bytes` of payload but at least one entry.
    /// Large bodies stay in the store and count as [`REFERENCE_BYTES`](crate::large::REFERENCE_BYTES). An unknown mailbox is
    /// an empty one.
    ///
    /// # Errors
    /// [`StoreError`]
    fn entries(
        &self,
        mailbox: MailboxKey,
        after: Seq,
        max_entries: usize,
        max_bytes: usize,
    ) -> Result<Page, StoreError>;

    /// The MLS message of one entry that waits, however large. None where no such entry waits, or one without a message.
    ///
    /// # Errors
    /// [`StoreError`]
    fn body(&self, mailbox: MailboxKey, seq: Seq) -> Result<Option<Bytes>, StoreError>;

    /// How a send number stands: so that a repeated Commit gets its first answer before anything is validated again.
    ///
    /// # Errors
    /// [`StoreError`]
    fn slot(&self, send: &SendId) -> Result<Slot, StoreError>;

    /// A conversation with its members.
    ///
    /// # Errors
    /// [`StoreError`]
    fn conversation(&self, conversation: ConversationId) -> Result<Option<Conversation>, StoreError>;

    /// The GroupInfo of a conversation's current epoch.
    ///
    /// # Errors
    /// [`StoreError`]
    fn group_info(&self, conversation: ConversationId) -> Result<Option<GroupInfo>, StoreError>;

    /// The Commits that were made in the epochs `from..to` of a generation, ascending; fewer where the log was cut.
    ///
    /// # Errors
    /// [`StoreError`]
    fn handshakes(
        &self,
        conversation: ConversationId,
        generation: Generation,
        from: Epoch,
        to: Epoch,
    ) -> Result<Vec<Handshake>, StoreError>;

    /// The newest base of a generation at or before an epoch.
    ///
    /// # Errors
    /// [`StoreError`]
    fn base_at_or_before(
        &self,
        conversation: ConversationId,
        generation: Generation,
        epoch: Epoch,
    ) -> Result<Option<GroupBase>, StoreError>;

    /// What KeyPackages a device has stored. An unknown mailbox has none.
    ///
    /// # Errors
    /// [`StoreError`]
    fn key_packages(&self, mailbox: MailboxKey) -> Result<KeyPackageState, StoreError>;

    /// All invites, oldest first.
    ///
    /// # Errors
    /// [`StoreError`]
    fn invites(&self) -> Result<Vec<Invite>, StoreError>;

    /// An invite by the keyed hash of its code, ended ones too.
    ///
    /// # Errors
    /// [`StoreError`]
    fn invite(&self, code: CodeHash) -> Result<Option<Invite>, StoreError>;

    /// A registration session, ended ones too until they are swept.
    ///
    /// # Errors
    /// [`StoreError`]
    fn session(&self, session: SessionId) -> Result<Option<Session>, StoreError>;

    /// At most `limit` accounts that are not deleted, by id, after `after`.
    ///
    /// # Errors
    /// [`StoreError`]
    fn users(&self, after: Option<AccountId>, limit: usize) -> Result<Vec<User>, StoreError>;

    /// All saved limits.
    ///
    /// # Errors
    /// [`StoreError`]
    fn limits(&self) -> Result<Vec<Limit>, StoreError>;

    /// A value of the server's own.
    ///
    /// # Errors
    /// [`StoreError`]
    fn meta(&self, name: &str) -> Result<Option<Bytes>, StoreError>;

    /// An account of wire version 1.
    ///
    /// # Errors
    /// [`StoreError`]
    fn classic_account(&self, phone: ClassicPhone) -> Result<Option<ClassicAccount>, StoreError>;

    /// How many accounts of wire version 1 there are.
    ///
    /// # Errors
    /// [`StoreError`]
    fn classic_accounts(&self) -> Result<u64, StoreError>;

    /// The oldest message of wire version 1 that waits for somebody, of all senders but `except`.
    ///
    /// # Errors
    /// [`StoreError`]
    fn classic_oldest(
        &self,
        recipient: ClassicPhone,
        except: &[ClassicPhone],
    ) -> Result<Option<ClassicMessage>, StoreError>;

    /// At most `limit` reports, in the order of their numbers, after `after`.
    ///
    /// # Errors
    /// [`StoreError`]
    fn reports(&self, after: Option<ReportNumber>, limit: usize) -> Result<Vec<ReportLine>, StoreError>;

    /// A whole report.
    ///
    /// # Errors
    /// [`StoreError`]
    fn report(&self, number: ReportNumber) -> Result<Option<Report>, StoreError>;

    /// Counts for metrics; may take milliseconds.
    ///
    /// # Errors
    /// [`StoreError`]
    fn counts(&self) -> Result<Counts, StoreError>;
}
