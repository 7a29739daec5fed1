//! Receipts: what was delivered, and what a person read.
//!
//! Invariants:
//! - A message is owed one receipt of delivery by each account: what another device of the account has confirmed is not confirmed again.
//! - Only what is accepted is confirmed, and only what a person read is confirmed as read.
//! - In a group a receipt names the author whom it is for, and in a large one nobody is told what was delivered.

use std::collections::BTreeMap;

use hushwire_client_store::about::{self, Aspect};
use hushwire_client_store::conversation::Conversation;
use hushwire_client_store::timeline::{self, Entry, RowId};
use hushwire_client_store::{StoreError, expiry, member, receipt as receipts};
use hushwire_content::{Kind, Receipt, ReceiptKind, limits};
use hushwire_mls::{Application, GroupView};
use hushwire_types::{AccountId, ContentId, ConversationId, Generation, Order, Subject};

use crate::about::MessageRef;
use crate::setting::{self, account_settings, code, flag};
use crate::step::Step;
use crate::stop::Stop;
use crate::{Event, Outcome, Refusal, schedule};

impl Step<'_, '_> {
    /// A person has read everything up to a message, or all there is: the authors hear of it, and one's other devices.
    pub(crate) fn read(
        &mut self,
        id: &ConversationId,
        through: Option<&MessageRef>,
    ) -> Result<Outcome, Stop> {
        let Some(conversation) = self.conversation(id)? else {
            return Ok(Outcome::Refused(Refusal::UnknownHere("conversation")));
        };
        let place = match through {
            None => timeline::last_order(self.tx, id)?,
            Some(message) => timeline::by_content(self.tx, id, &message.account, &message.content)?
                .and_then(|entry| Some((entry.entry.generation, entry.entry.order?))),
        };
        let unread = Subject::Conversation(*id);
        if setting::is_on(self.tx, &unread, code::UNREAD)? == Some(true) {
            self.put_register(unread, code::UNREAD, &flag(false))?;
        }
        let Some((generation, order)) = place else { return Ok(Outcome::Done) };
        expiry::begin_through(self.tx, id, (generation, order), self.now)?;
        let limit = u32::try_from(limits::RECEIPT_IDS).unwrap_or(u32::MAX);
        loop {
            let unread = about::unread_through(self.tx, id, (generation, order), limit)?;
            let last = unread.last().and_then(|entry| Some((entry.entry.generation, entry.entry.order?)));
            let Some((at_generation, at)) = last else { break };
            if self.tells_read(&conversation)? {
                self.confirm_read(&conversation, &unread)?;
            } else {
                let value = setting::place((at_generation, at));
                self.put_register(Subject::Conversation(*id), code::READ_TO, &value)?;
            }
            about::read_to(self.tx, id, at_generation, at)?;
        }
        if about::read_to(self.tx, id, generation, order)? {
            self.event(&Event::Read, Some(*id), None)?;
        }
        Ok(Outcome::Done)
    }

    /// Whether others in a conversation are told what is read.
    fn tells_read(&self, conversation: &Conversation) -> Result<bool, Stop> {
        let here = setting::is_on(self.tx, &Subject::Conversation(conversation.id), code::RECEIPTS_IN)?;
        let on = here.map_or_else(|| Ok(account_settings(self.tx)?.read_receipts), Ok::<_, StoreError>)?;
        Ok(on && self.is_accepted(conversation)?)
    }

    fn confirm_read(&mut self, conversation: &Conversation, read: &[Entry]) -> Result<(), Stop> {
        let mut by_author: BTreeMap<AccountId, Vec<ContentId>> = BTreeMap::new();
        for entry in read {
            by_author.entry(entry.entry.account).or_default().push(entry.entry.content_id);
        }
        for (account, content_ids) in by_author {
            let receipt = Receipt { kind: ReceiptKind::Read, content_ids, account: Some(account) };
            // Where nothing can be sent, nothing is told; read it is all the same.
            self.say_about(conversation, Kind::Receipt(receipt), Aspect::Read, None)?;
        }
        Ok(())
    }

    /// Whether who writes in a conversation hears what was delivered here.
    pub(crate) fn confirms_delivery(&self, conversation: &Conversation) -> Result<bool, Stop> {
        Ok(conversation.kind.peer().is_some()
            || member::are_at_most(self.tx, &conversation.id, schedule::RECEIPTS_AMONG)?)
    }

    /// Confirms what was received, several at once.
    pub(crate) fn compose_receipts(
        &mut self,
        conversation: &Conversation,
        view: &GroupView,
        left: u64,
    ) -> Result<(), Stop> {
        let limit = u32::try_from(schedule::RECEIPT_BATCH).unwrap_or(u32::MAX);
        let owed = receipts::owed(self.tx, &conversation.id, limit)?;
        if owed.is_empty() || left == 0 || !self.receipts_due(&conversation.id, owed.len()) {
            return Ok(());
        }
        if !self.has_room_for(&conversation.id)? {
            return Ok(());
        }
        // Where several people write, each hears of their own.
        let author = owed.first().map(|first| first.entry.account);
        let theirs = || owed.iter().filter(|entry| Some(entry.entry.account) == author);
        let rows: Vec<RowId> = theirs().map(|entry| entry.row).collect();
        let content_ids = theirs().map(|entry| entry.entry.content_id).collect();
        let account = author.filter(|_| conversation.kind.peer().is_none());
        let kind = Kind::Receipt(Receipt { kind: ReceiptKind::Delivered, content_ids, account });
        let content = self.content(kind)?;
        self.encrypt(conversation, view, content, None, &rows)?;
        for row in rows {
            receipts::settle(self.tx, row)?;
        }
        self.session.attend(conversation.id);
        Ok(())
    }

    /// Receipts wait a moment for others once the stream is live; a full batch and those for entries from before do not:
    /// a device that only looks in should leave none behind.
    fn receipts_due(&mut self, conversation: &ConversationId, owed: usize) -> bool {
        if !self.session.is_listening() {
            return owed >= schedule::RECEIPT_BATCH;
        }
        let Some(due) = self.session.receipts_due.get(conversation).copied() else { return true };
        if due <= self.now || owed >= schedule::RECEIPT_BATCH {
            self.session.receipts_due.remove(conversation);
            return true;
        }
        self.session.attend_at(*conversation, due);
        false
    }

    /// Somebody has messages of this account, or has read them; or another device of this account has read those of others.
    pub(crate) fn take_receipt(
        &mut self,
        id: &ConversationId,
        message: &Application,
        receipt: &Receipt,
    ) -> Result<(), Stop> {
        let (by, me) = (message.sender.account, self.me.account);
        let read = receipt.kind == ReceiptKind::Read;
        let of = receipt.account.unwrap_or(me);
        match receipt.kind {
            ReceiptKind::Read if by == me && of != me => self.read_elsewhere(id, of, &receipt.content_ids),
            // One device of an account is enough.
            ReceiptKind::Delivered if by == me && of != me => {
                self.confirmed_elsewhere(id, of, &receipt.content_ids)
            }
            ReceiptKind::Delivered | ReceiptKind::Read if by != me && of == me => {
                receipt.content_ids.iter().try_for_each(|content| self.confirmed(id, by, content, read))
            }
            _ => Ok(()),
        }
    }

    fn confirmed(
        &mut self,
        id: &ConversationId,
        by: AccountId,
        content: &ContentId,
        read: bool,
    ) -> Result<(), Stop> {
        let Some(line) = timeline::by_content(self.tx, id, &self.me.account, content)? else { return Ok(()) };
        if !about::put_seen(self.tx, line.row, &by, read, self.now)? {
            return Ok(());
        }
        if line.delivered_at.is_none() {
            timeline::set_delivered(self.tx, line.row, self.now)?;
            self.event(&Event::Delivered { content: *content }, Some(*id), Some(line.row))?;
        }
        if read {
            self.event(&Event::ReadBy { account: by, content: *content }, Some(*id), Some(line.row))?;
        }
        Ok(())
    }

    fn confirmed_elsewhere(
        &mut self,
        id: &ConversationId,
        of: AccountId,
        contents: &[ContentId],
    ) -> Result<(), Stop> {
        for content in contents {
            if let Some(entry) = timeline::by_content(self.tx, id, &of, content)? {
                receipts::settle(self.tx, entry.row)?;
            }
        }
        Ok(())
    }

    fn read_elsewhere(&mut self, id: &ConversationId, of: AccountId, read: &[ContentId]) -> Result<(), Stop> {
        let mut furthest: Option<(Generation, Order)> = None;
        for content in read {
            let entry = timeline::by_content(self.tx, id, &of, content)?;
            let place = entry.and_then(|entry| Some((entry.entry.generation, entry.entry.order?)));
            furthest = furthest.max(place);
        }
        let Some((generation, order)) = furthest else { return Ok(()) };
        expiry::begin_through(self.tx, id, (generation, order), self.now)?;
        if about::read_to(self.tx, id, generation, order)? {
            self.event(&Event::Read, Some(*id), None)?;
        }
        Ok(())
    }
}
