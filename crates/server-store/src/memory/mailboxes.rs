//! Mailboxes in memory: delivery, overflow, acknowledgement.

use std::collections::BTreeMap;
use std::sync::Arc;

use hushwire_types::{ConversationId, Seq, Timestamp};

use super::state::{MailboxRow, State};
use crate::account::{AccountState, Idle};
use crate::bounds::Bounds;
use crate::codec;
use crate::decide::overflow::{self, Class, Dropped, Waiting, class};
use crate::error::Refusal;
use crate::large::Large;
use crate::mailbox::{Acknowledge, Entry, EntryKind, Gap, MailboxKey, Publication, RecordLogin};
use crate::write::Written;

impl State {
    /// Appends an entry to mailboxes, each with its next number, and drops what is too much then.
    pub(super) fn deliver(
        &mut self,
        entry: Entry,
        to: impl IntoIterator<Item = MailboxKey>,
        bounds: &Bounds,
    ) -> Publication {
        let entry = Arc::new(entry);
        let mut written = Vec::new();
        for mailbox in to {
            let Some(row) = self.mailboxes.get_mut(&mailbox) else { continue };
            row.last = row.last.next();
            row.entries.insert(row.last, Arc::clone(&entry));
            row.load.add(class(&entry.kind), size(&entry));
            written.push((mailbox, row.last));
            if row.load.is_over(bounds) {
                let numbers = overflow::plan(&row.waiting(), bounds);
                row.drop_entries(&numbers);
            }
        }
        let entry = match Large::of(&entry.kind) {
            Some(large) => Arc::new(Entry { kind: EntryKind::Large(large), ..Entry::clone(&entry) }),
            None => entry,
        };
        Publication { entry, to: written }
    }

    pub(super) fn acknowledge(&mut self, operation: Acknowledge) -> Result<Written, Refusal> {
        let row = self.mailboxes.get_mut(&operation.mailbox).ok_or(Refusal::UnknownMailbox)?;
        let through = operation.through.min(row.last);
        if through > row.acked {
            let rest = row.entries.split_off(&through.next());
            for entry in std::mem::replace(&mut row.entries, rest).values() {
                row.load.subtract(class(&entry.kind), size(entry));
            }
            row.acked = through;
        }
        Ok(Written::Acknowledged(row.acked))
    }

    pub(super) fn record_login(
        &mut self,
        operation: RecordLogin,
        now: Timestamp,
    ) -> Result<Written, Refusal> {
        let row = self.mailboxes.get_mut(&operation.mailbox).ok_or(Refusal::UnknownMailbox)?;
        let account = row.owner.account;
        if self.accounts.get(&account).is_some_and(|row| row.state == AccountState::Suspended) {
            return Err(Refusal::AccountSuspended);
        }
        row.login_mark = operation.mark.or(row.login_mark);
        row.last_seen = now;
        row.idle = Idle::No;
        self.keep_handles_of(account);
        Ok(Written::Done)
    }
}

/// The size of an entry, as bounds count it.
pub(super) fn size(entry: &Entry) -> u64 {
    u64::try_from(codec::payload(&entry.kind).len()).unwrap_or(u64::MAX)
}

fn conversation(entry: &Entry) -> Option<ConversationId> {
    entry.place.map(|place| place.conversation)
}

impl MailboxRow {
    fn waiting(&self) -> Vec<Waiting> {
        let waiting = |(seq, entry): (&Seq, &Arc<Entry>)| Waiting {
            seq: *seq,
            conversation: conversation(entry),
            class: class(&entry.kind),
            bytes: size(entry),
        };
        self.entries.iter().map(waiting).collect()
    }

    /// Drops entries; each conversation that loses some keeps one Gap for them.
    pub(super) fn drop_entries(&mut self, numbers: &[Seq]) {
        let mut dropped: BTreeMap<Option<ConversationId>, Vec<Dropped>> = BTreeMap::new();
        for seq in numbers {
            let Some(entry) = self.entries.remove(seq) else { continue };
            self.load.subtract(class(&entry.kind), size(&entry));
            let record = Dropped { seq: *seq, place: entry.place, accepted_at: entry.accepted_at };
            dropped.entry(conversation(&entry)).or_default().push(record);
        }
        for (conversation, dropped) in dropped {
            let present = self.gap_of(conversation);
            if let Some((seq, entry)) = overflow::gap(present, &dropped) {
                if let Some(present) = present {
                    self.entries.remove(&present.from);
                }
                self.entries.insert(seq, Arc::new(entry));
            }
        }
    }

    fn gap_of(&self, of: Option<ConversationId>) -> Option<Gap> {
        self.entries.values().find_map(|entry| match entry.kind {
            EntryKind::Gap(gap) if conversation(entry) == of => Some(gap),
            _ => None,
        })
    }

    /// Numbers of entries that are older than `before`. Gaps stay until they are read.
    pub(super) fn older_than(&self, before: Timestamp) -> Vec<Seq> {
        let old = |entry: &Entry| entry.accepted_at < before && class(&entry.kind) != Class::Gap;
        self.entries.iter().filter(|(_, entry)| old(entry)).map(|(seq, _)| *seq).collect()
    }
}
