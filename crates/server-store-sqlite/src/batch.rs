//! One batch: its operations in order, inside one transaction.
//!
//! Each operation checks all that could refuse it before it changes anything, so a refusal needs no rollback. Rows that
//! change with every message are changed in the cache and written once by [`Batch::flush`]; operations that change the
//! same tables by SQL flush first and clear the cache after ([`Batch::settle`]).

mod accounts;
mod claims;
mod classic;
mod conversations;
mod delivery;
mod key_packages;
mod registration;
mod reports;
mod rows;
mod upkeep;

use hushwire_server_store::mailbox::MailboxKey;
use hushwire_server_store::store::Outcomes;
use hushwire_server_store::{Bounds, Write, Written};
use hushwire_types::{ConversationId, Timestamp};
use rusqlite::Connection;

use crate::cache::Cache;
use crate::columns::{int, time};
use crate::error::{Step, Stop};
use crate::sql;

/// A batch under way.
pub(crate) struct Batch<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) cache: &'a mut Cache,
    pub(crate) bounds: &'a Bounds,
    pub(crate) now: Timestamp,
}

impl Batch<'_> {
    /// Carries out all operations. An error means that the transaction must be rolled back.
    pub(crate) fn run(&mut self, batch: Vec<Write>) -> rusqlite::Result<Outcomes> {
        batch
            .into_iter()
            .map(|operation| match self.apply(operation) {
                Ok(written) => Ok(Ok(written)),
                Err(Stop::Refused(refusal)) => Ok(Err(refusal)),
                Err(Stop::Failed(error)) => Err(error),
            })
            .collect()
    }

    fn apply(&mut self, operation: Write) -> Step<Written> {
        match operation {
            Write::CreateInvite(operation) => self.create_invite(&operation),
            Write::RevokeInvite(operation) => self.revoke_invite(&operation),
            Write::StartSession(operation) => self.start_session(&operation),
            Write::TryOtp(operation) => self.try_otp(operation),
            Write::CreateAccount(operation) => self.create_account(&operation),
            Write::ClaimHandle(operation) => self.claim_handle(operation),
            Write::AnswerClaim(operation) => self.answer_claim(&operation),
            Write::AppendListEntry(operation) => self.append_list_entry(&operation),
            Write::SetSuspended(operation) => self.set_suspended(operation),
            Write::DeleteAccount(operation) => self.delete_account(operation),
            Write::PutKeyPackages(operation) => self.put_key_packages(&operation),
            Write::ClaimKeyPackages(operation) => self.claim_key_packages(&operation),
            Write::CreateConversation(operation) => self.create_conversation(*operation),
            Write::Append(operation) => self.append(operation),
            Write::AppendCommit(operation) => self.append_commit(*operation),
            Write::Acknowledge(operation) => self.acknowledge(operation),
            Write::RecordLogin(operation) => self.record_login(operation),
            Write::Expire(operation) => self.expire(operation),
            Write::SaveLimits(operation) => self.save_limits(&operation),
            Write::PutMeta(operation) => self.put_meta(&operation),
            Write::BeginClassic(operation) => self.begin_classic(operation),
            Write::CountClassicGuess(operation) => self.count_classic_guess(operation),
            Write::CreateClassic(operation) => self.create_classic(&operation),
            Write::StoreClassic(operation) => self.store_classic(&operation),
            Write::AcknowledgeClassic(operation) => self.acknowledge_classic(operation),
            Write::StoreReport(operation) => self.store_report(&operation),
            Write::DeleteReport(operation) => self.delete_report(operation),
        }
    }

    pub(crate) fn exec(&self, sql: &str, params: impl rusqlite::Params) -> rusqlite::Result<usize> {
        sql::exec(self.connection, sql, params)
    }

    /// Writes the rows that were changed in the cache, and lets go what nobody names any more.
    pub(crate) fn flush(&mut self) -> rusqlite::Result<()> {
        let mailboxes: Vec<MailboxKey> = self.cache.changed_mailboxes.drain().collect();
        for mailbox in mailboxes {
            self.write_mailbox(mailbox)?;
        }
        let conversations: Vec<ConversationId> = self.cache.changed_conversations.drain().collect();
        for conversation in conversations {
            self.write_conversation(conversation)?;
        }
        let released: Vec<(i64, i64)> = self.cache.released.drain().collect();
        for (payload, names) in released {
            self.release(payload, names)?;
        }
        self.write_classic_waiting()?;
        Ok(())
    }

    /// Makes tables and cache the same, the cache by being empty.
    fn settle(&mut self) -> rusqlite::Result<()> {
        self.flush()?;
        self.cache.clear_rows();
        Ok(())
    }

    fn write_mailbox(&self, mailbox: MailboxKey) -> rusqlite::Result<()> {
        let Some(row) = self.cache.mailboxes.peek(&mailbox) else { return Ok(()) };
        let load = row.load;
        self.exec(
            "UPDATE mailbox SET last = ?2, acked = ?3, accepted_sends = ?4, messages = ?5, message_bytes = ?6,
             handshakes = ?7, handshake_bytes = ?8 WHERE id = ?1",
            (
                int(mailbox.0),
                int(row.last.0),
                int(row.acked.0),
                int(row.accepted_sends.0),
                int(load.messages.entries),
                int(load.messages.bytes),
                int(load.handshakes.entries),
                int(load.handshakes.bytes),
            ),
        )
        .map(|_| ())
    }

    fn write_conversation(&self, conversation: ConversationId) -> rusqlite::Result<()> {
        let Some(row) = self.cache.conversations.peek(&conversation) else { return Ok(()) };
        self.exec(
            "UPDATE conversation SET generation = ?2, epoch = ?3, last_order = ?4, last_commit_at = ?5, base_epoch = ?6
             WHERE id = ?1",
            (
                row.key,
                int(row.standing.generation.0),
                int(row.standing.epoch.0),
                int(row.last_order.0),
                time(row.last_commit_at),
                int(row.base_epoch.0),
            ),
        )
        .map(|_| ())
    }

    fn release(&self, payload: i64, names: i64) -> rusqlite::Result<()> {
        let sql = "UPDATE payload_ref SET refs = refs - ?2 WHERE id = ?1 RETURNING refs";
        let left = sql::one(self.connection, sql, (payload, names), |row| row.get::<_, i64>(0))?;
        if left.is_none_or(|left| left <= 0) {
            self.exec("DELETE FROM payload_ref WHERE id = ?1", [payload])?;
            self.delete_payload(payload)?;
        }
        Ok(())
    }
}
