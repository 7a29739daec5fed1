//! Reads of the store in memory.

use std::sync::Arc;

use bytes::Bytes;
use hushwire_types::{AccountId, ConversationId, DeviceId, Epoch, Generation, ListNumber, Seq};

use super::mailboxes::size;
use super::state::{AccountRow, State};
use crate::account::{Account, AccountList, AccountState, Device, DeviceAddress, Handle, User};
use crate::conversation::{Conversation, GroupBase, GroupInfo, Handshake};
use crate::large::{Large, REFERENCE_BYTES};
use crate::mailbox::{Entry, EntryKind, Mailbox, MailboxKey, Page, Rest, StoredEntry, incarnation};
use crate::registration::Invite;

impl State {
    pub(super) fn account(&self, account: AccountId) -> Option<Account> {
        let row = self.accounts.get(&account)?;
        Some(Account {
            account,
            state: row.state,
            handles: self.handles_of(account),
            head: row.head,
            created_at: row.created_at,
        })
    }

    fn handles_of(&self, account: AccountId) -> Vec<Handle> {
        let own = self.handles.iter().filter(|(_, (_, owner))| *owner == account);
        own.map(|(canonical, (kind, _))| Handle { canonical: canonical.clone(), kind: kind.clone() })
            .collect()
    }

    pub(super) fn list(&self, account: AccountId, from: ListNumber) -> Option<AccountList> {
        let row = self.accounts.get(&account)?;
        let first = from.max(ListNumber(1));
        let skip = usize::try_from(first.0.saturating_sub(1)).unwrap_or(usize::MAX);
        let entries = row.entries.iter().skip(skip).map(|(_, entry)| entry.clone()).collect();
        Some(AccountList { genesis: row.genesis.clone(), first, entries, head: row.head })
    }

    pub(super) fn devices_of(&self, account: AccountId) -> impl Iterator<Item = Device> {
        let first = DeviceAddress { account, device: DeviceId::new([0; 16]) };
        let last = DeviceAddress { account, device: DeviceId::new([u8::MAX; 16]) };
        self.devices.range(first..=last).filter_map(|(address, mailbox)| {
            let row = self.mailboxes.get(mailbox)?;
            Some(Device {
                address: *address,
                list_key: row.list_key,
                mailbox: *mailbox,
                added_at: row.added_at,
                last_seen: row.last_seen,
                idle: row.idle,
            })
        })
    }

    pub(super) fn mailbox(&self, mailbox: MailboxKey) -> Option<Mailbox> {
        let row = self.mailboxes.get(&mailbox)?;
        Some(Mailbox {
            owner: row.owner,
            incarnation: incarnation(self.incarnation, row.id),
            acked: row.acked,
            last: row.last,
            accepted_sends: row.accepted_sends,
            login_mark: row.login_mark,
            waiting: row.load.messages.entries.saturating_add(row.load.handshakes.entries),
            waiting_bytes: row.load.messages.bytes.saturating_add(row.load.handshakes.bytes),
        })
    }

    pub(super) fn entries(
        &self,
        mailbox: MailboxKey,
        after: Seq,
        max_entries: usize,
        max_bytes: usize,
    ) -> Page {
        let Some(row) = self.mailboxes.get(&mailbox) else {
            return Page { entries: Vec::new(), through: after, rest: Rest::Nothing };
        };
        let most_bytes = u64::try_from(max_bytes).unwrap_or(u64::MAX);
        let mut bytes = 0_u64;
        let mut entries = Vec::new();
        let mut rest = Rest::Nothing;
        for (seq, entry) in row.entries.range(after.next()..) {
            let outline = Large::of(&entry.kind);
            bytes = bytes.saturating_add(outline.map_or_else(|| size(entry), |_| REFERENCE_BYTES));
            if entries.len() >= max_entries || (!entries.is_empty() && bytes > most_bytes) {
                rest = Rest::More;
                break;
            }
            let entry = match outline {
                Some(large) => Arc::new(Entry { kind: EntryKind::Large(large), ..Entry::clone(entry) }),
                None => Arc::clone(entry),
            };
            entries.push(StoredEntry { seq: *seq, entry });
        }
        let through = match rest {
            Rest::Nothing => row.last.max(after),
            Rest::More => entries.last().map_or(after, |entry| entry.seq),
        };
        Page { entries, through, rest }
    }

    pub(super) fn body(&self, mailbox: MailboxKey, seq: Seq) -> Option<Bytes> {
        self.mailboxes.get(&mailbox)?.entries.get(&seq)?.kind.body().cloned()
    }

    pub(super) fn conversation(&self, conversation: ConversationId) -> Option<Conversation> {
        let row = self.conversations.get(&conversation)?;
        Some(Conversation {
            conversation,
            kind: row.kind,
            generation: row.standing.generation,
            epoch: row.standing.epoch,
            base_epoch: row.base_epoch,
            last_commit_at: row.last_commit_at,
            members: row.members.clone(),
        })
    }

    pub(super) fn group_info(&self, conversation: ConversationId) -> Option<GroupInfo> {
        let row = self.conversations.get(&conversation)?;
        let (generation, epoch) = (row.standing.generation, row.standing.epoch);
        Some(GroupInfo { generation, epoch, bytes: row.group_info.clone() })
    }

    pub(super) fn handshakes(
        &self,
        conversation: ConversationId,
        generation: Generation,
        from: Epoch,
        to: Epoch,
    ) -> Vec<Handshake> {
        self.log_of(conversation, generation)
            .filter(|(epoch, _)| (from..to).contains(epoch))
            .map(|(epoch, dated)| Handshake { epoch, accepted_at: dated.at, commit: dated.bytes.clone() })
            .collect()
    }

    pub(super) fn base_at_or_before(
        &self,
        conversation: ConversationId,
        generation: Generation,
        epoch: Epoch,
    ) -> Option<GroupBase> {
        let newest = self.bases_of(conversation, generation).rev().find(|(at, _)| *at <= epoch);
        newest.map(|(epoch, dated)| GroupBase { epoch, snapshot: dated.bytes.clone() })
    }

    pub(super) fn invites_by_age(&self) -> Vec<Invite> {
        let mut invites: Vec<Invite> = self.invites.values().cloned().collect();
        invites.sort_by_key(|invite| (invite.created_at, invite.code));
        invites
    }

    pub(super) fn users(&self, after: Option<AccountId>, limit: usize) -> Vec<User> {
        let live = |(account, row): &(&AccountId, &AccountRow)| {
            row.state != AccountState::Deleted && after.is_none_or(|after| **account > after)
        };
        let user = |(account, row): (&AccountId, &AccountRow)| User {
            account: *account,
            state: row.state,
            handles: self.handles_of(*account),
            devices: u32::try_from(self.devices_of(*account).count()).unwrap_or(u32::MAX),
            created_at: row.created_at,
            last_seen: self.devices_of(*account).map(|device| device.last_seen).max(),
        };
        self.accounts.iter().filter(live).take(limit).map(user).collect()
    }
}
