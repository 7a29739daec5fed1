//! Rows of the cache: read once, changed in memory.

use hushwire_server_store::Refusal;
use hushwire_server_store::mailbox::MailboxKey;
use hushwire_types::ConversationId;

use super::Batch;
use crate::cache::{ConversationRow, MailboxRow, Window};
use crate::error::Step;
use crate::reads;

impl Batch<'_> {
    pub(super) fn mailbox_row(&mut self, mailbox: MailboxKey) -> Step<Option<MailboxRow>> {
        if let Some(row) = self.cache.mailboxes.get(&mailbox) {
            return Ok(Some(*row));
        }
        let row = reads::mailboxes::row(self.connection, mailbox)?;
        if let Some(row) = row {
            self.cache.mailboxes.put(mailbox, row);
        }
        Ok(row)
    }

    /// Changes a row that was read before; one that is not there is none of ours.
    pub(super) fn change_mailbox(&mut self, mailbox: MailboxKey, change: impl FnOnce(&mut MailboxRow)) {
        if let Some(row) = self.cache.mailboxes.get_mut(&mailbox) {
            change(row);
            self.cache.changed_mailboxes.insert(mailbox);
        }
    }

    pub(super) fn conversation_row(
        &mut self,
        conversation: ConversationId,
    ) -> Step<Option<&ConversationRow>> {
        if !self.cache.conversations.contains(&conversation)
            && let Some(row) = reads::conversations::row(self.connection, conversation)?
        {
            self.cache.conversations.put(conversation, row);
        }
        Ok(self.cache.conversations.get(&conversation))
    }

    pub(super) fn change_conversation(
        &mut self,
        conversation: ConversationId,
        change: impl FnOnce(&mut ConversationRow),
    ) -> Step<()> {
        let row = self.cache.conversations.get_mut(&conversation).ok_or(Refusal::UnknownConversation)?;
        change(row);
        self.cache.changed_conversations.insert(conversation);
        Ok(())
    }

    pub(super) fn window(&mut self, mailbox: MailboxKey) -> Step<&mut Window> {
        if !self.cache.windows.contains(&mailbox) {
            let window = reads::mailboxes::window(self.connection, mailbox)?;
            self.cache.windows.put(mailbox, window);
        }
        Ok(self.cache.windows.get_or_insert_mut(mailbox, Window::new))
    }
}

/// So many of something, as our counters count.
pub(super) fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
