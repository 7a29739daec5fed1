//! Rows that the writer keeps in memory, so that a message costs no look-ups.
//!
//! They are those of the last commit plus what the present batch has changed. They are trimmed after a commit and
//! dropped after any failure; a row that was changed is written once, when the batch ends.

use std::collections::{HashMap, HashSet};

use hushwire_server_store::account::DeviceAddress;
use hushwire_server_store::classic::{ClassicPhone, ClassicWaiting};
use hushwire_server_store::conversation::{ConversationKind, Member};
use hushwire_server_store::decide::epoch::Standing;
use hushwire_server_store::decide::overflow::Load;
use hushwire_server_store::decide::window::Used;
use hushwire_server_store::mailbox::MailboxKey;
use hushwire_types::{ConversationId, Epoch, Order, SendSeq, Seq, Timestamp};
use lru::LruCache;

const MAILBOXES: usize = 16_384;
const CONVERSATIONS: usize = 8_192;
const WINDOWS: usize = 1_024;
const CLASSIC_WAITING: usize = 8_192;

#[derive(Debug, Clone, Copy)]
pub(crate) struct MailboxRow {
    pub(crate) owner: DeviceAddress,
    pub(crate) suspended: bool,
    pub(crate) last: Seq,
    pub(crate) acked: Seq,
    pub(crate) accepted_sends: SendSeq,
    pub(crate) load: Load,
}

#[derive(Debug, Clone)]
pub(crate) struct ConversationRow {
    pub(crate) key: i64,
    pub(crate) kind: ConversationKind,
    pub(crate) standing: Standing,
    pub(crate) last_order: Order,
    pub(crate) last_commit_at: Timestamp,
    pub(crate) base_epoch: Epoch,
    pub(crate) members: Vec<Member>,
}

/// What a message of wire version 1 is known by when it comes again.
pub(crate) type Digest = [u8; 32];

/// The window of a sender, by slot.
pub(crate) type Window = HashMap<u64, Used>;

#[derive(Debug)]
pub(crate) struct Cache {
    pub(crate) mailboxes: LruCache<MailboxKey, MailboxRow>,
    pub(crate) conversations: LruCache<ConversationId, ConversationRow>,
    pub(crate) windows: LruCache<MailboxKey, Window>,
    pub(crate) changed_mailboxes: HashSet<MailboxKey>,
    pub(crate) changed_conversations: HashSet<ConversationId>,
    /// Names of shared payloads that went in this batch.
    pub(crate) released: HashMap<i64, i64>,
    /// What waits for people of wire version 1.
    pub(crate) classic_waiting: LruCache<ClassicPhone, ClassicWaiting>,
    pub(crate) changed_classic: HashSet<ClassicPhone>,
    /// All of `classic_recent`, once it was read.
    pub(crate) classic_recent: Option<HashSet<Digest>>,
    /// Of the database, when the rows were read; changes when another connection commits.
    pub(crate) data_version: i64,
}

impl Cache {
    pub(crate) fn new() -> Self {
        Self {
            mailboxes: LruCache::unbounded(),
            conversations: LruCache::unbounded(),
            windows: LruCache::unbounded(),
            changed_mailboxes: HashSet::new(),
            changed_conversations: HashSet::new(),
            released: HashMap::new(),
            classic_waiting: LruCache::unbounded(),
            changed_classic: HashSet::new(),
            classic_recent: None,
            data_version: 0,
        }
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.clear_rows();
        self.classic_recent = None;
    }

    /// Forgets the rows that more than one kind of operation changes.
    pub(crate) fn clear_rows(&mut self) {
        self.mailboxes.clear();
        self.conversations.clear();
        self.windows.clear();
        self.changed_mailboxes.clear();
        self.changed_conversations.clear();
        self.released.clear();
        self.classic_waiting.clear();
        self.changed_classic.clear();
    }

    pub(crate) fn trim(&mut self) {
        trim(&mut self.mailboxes, MAILBOXES);
        trim(&mut self.conversations, CONVERSATIONS);
        trim(&mut self.windows, WINDOWS);
        trim(&mut self.classic_waiting, CLASSIC_WAITING);
    }
}

fn trim<K: std::hash::Hash + Eq, V>(rows: &mut LruCache<K, V>, most: usize) {
    while rows.len() > most {
        rows.pop_lru();
    }
}
