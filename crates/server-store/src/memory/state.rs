//! Everything that the store in memory holds.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use hushwire_types::{
    AccountId, ConversationId, EntryHash, Epoch, Generation, IncarnationId, LoginMark, MailboxId, Order,
    SendSeq, Seq, SessionId, Timestamp,
};

use super::classic::Classic;
use super::reports::Reports;
use crate::account::{AccountState, DeviceAddress, HandleKind, Idle, ListHead};
use crate::claim::Claim;
use crate::conversation::{ConversationKind, Member};
use crate::decide::epoch::Standing;
use crate::decide::overflow::Load;
use crate::decide::window::Used;
use crate::key_package::NewKeyPackage;
use crate::mailbox::{Entry, MailboxKey};
use crate::registration::{CodeHash, Invite, Session};

/// The tables.
#[derive(Debug, Clone)]
pub(super) struct State {
    pub(super) incarnation: IncarnationId,
    pub(super) invites: BTreeMap<CodeHash, Invite>,
    pub(super) sessions: BTreeMap<SessionId, Session>,
    pub(super) wrong_codes: BTreeMap<String, Vec<Timestamp>>,
    /// By handle and claiming account.
    pub(super) claims: BTreeMap<(String, AccountId), ClaimRow>,
    pub(super) accounts: BTreeMap<AccountId, AccountRow>,
    pub(super) handles: BTreeMap<String, (HandleKind, AccountId)>,
    pub(super) devices: BTreeMap<DeviceAddress, MailboxKey>,
    pub(super) mailboxes: BTreeMap<MailboxKey, MailboxRow>,
    pub(super) next_mailbox: u64,
    pub(super) conversations: BTreeMap<ConversationId, ConversationRow>,
    pub(super) log: BTreeMap<(ConversationId, Generation, Epoch), Dated>,
    pub(super) bases: BTreeMap<(ConversationId, Generation, Epoch), Dated>,
    pub(super) limits: BTreeMap<Bytes, Timestamp>,
    pub(super) meta: BTreeMap<String, Bytes>,
    pub(super) classic: Classic,
    pub(super) reports: Reports,
}

/// Bytes and when they were stored.
#[derive(Debug, Clone)]
pub(super) struct Dated {
    pub(super) at: Timestamp,
    pub(super) bytes: Bytes,
}

/// A claim and where its notice was written.
#[derive(Debug, Clone)]
pub(super) struct ClaimRow {
    pub(super) claim: Claim,
    pub(super) notices: Vec<(MailboxKey, Seq)>,
}

#[derive(Debug, Clone)]
pub(super) struct AccountRow {
    pub(super) state: AccountState,
    pub(super) genesis: Bytes,
    /// Every entry ever taken, in the order of their coming.
    pub(super) entries: Vec<(EntryHash, Bytes)>,
    /// Where the list stands.
    pub(super) head: ListHead,
    pub(super) created_at: Timestamp,
}

#[derive(Debug, Clone)]
pub(super) struct MailboxRow {
    pub(super) id: MailboxId,
    pub(super) owner: DeviceAddress,
    pub(super) list_key: [u8; 32],
    pub(super) added_at: Timestamp,
    pub(super) last_seen: Timestamp,
    pub(super) idle: Idle,
    pub(super) last: Seq,
    pub(super) acked: Seq,
    pub(super) accepted_sends: SendSeq,
    pub(super) login_mark: Option<LoginMark>,
    pub(super) sent: HashMap<u64, Used>,
    pub(super) entries: BTreeMap<Seq, Arc<Entry>>,
    pub(super) load: Load,
    pub(super) packages: Packages,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Packages {
    pub(super) pool: VecDeque<NewKeyPackage>,
    pub(super) last_resort: Option<NewKeyPackage>,
    pub(super) last_resort_used: bool,
    pub(super) claimed: BTreeMap<[u8; 32], Timestamp>,
}

#[derive(Debug, Clone)]
pub(super) struct ConversationRow {
    pub(super) kind: ConversationKind,
    pub(super) standing: Standing,
    pub(super) last_order: Order,
    pub(super) last_commit_at: Timestamp,
    pub(super) base_epoch: Epoch,
    pub(super) group_info: Bytes,
    pub(super) members: Vec<Member>,
}

impl State {
    pub(super) fn new(incarnation: IncarnationId) -> Self {
        Self {
            incarnation,
            invites: BTreeMap::new(),
            sessions: BTreeMap::new(),
            wrong_codes: BTreeMap::new(),
            claims: BTreeMap::new(),
            accounts: BTreeMap::new(),
            handles: BTreeMap::new(),
            devices: BTreeMap::new(),
            mailboxes: BTreeMap::new(),
            next_mailbox: 1,
            conversations: BTreeMap::new(),
            log: BTreeMap::new(),
            bases: BTreeMap::new(),
            limits: BTreeMap::new(),
            meta: BTreeMap::new(),
            classic: Classic::default(),
            reports: Reports::default(),
        }
    }
}
