//! Conversations in memory.

use bytes::Bytes;
use hushwire_types::{AccountId, ConversationId, Epoch, Generation, Order, Timestamp};

use super::state::{ConversationRow, Dated, State};
use crate::account::{AccountState, DeviceAddress};
use crate::bounds::Bounds;
use crate::conversation::{
    Answer, Append, AppendCommit, Commit, Committer, CreateConversation, Member, SendId, Sent, Slot,
};
use crate::decide::epoch::{self, Standing};
use crate::decide::routing::{self, CommitRoutes};
use crate::decide::window::{self, Used};
use crate::error::Refusal;
use crate::mailbox::{Entry, EntryKind, MailboxKey, Place, Publication};
use crate::write::Written;

impl State {
    pub(super) fn slot(&self, send: &SendId) -> Slot {
        let row = self.mailboxes.get(&send.mailbox);
        window::slot(row.and_then(|row| row.sent.get(&window::index(send.send_seq))), send)
    }

    /// The sender's own address, or the answer that it got for this send before.
    fn begin_send(&self, send: &SendId) -> Result<Result<DeviceAddress, Answer>, Refusal> {
        let row = self.mailboxes.get(&send.mailbox).ok_or(Refusal::UnknownMailbox)?;
        match self.slot(send) {
            Slot::Repeated(answer) => Ok(Err(answer)),
            Slot::Reused => Err(Refusal::IdReused),
            Slot::Fresh if self.is_suspended(row.owner) => Err(Refusal::AccountSuspended),
            Slot::Fresh => Ok(Ok(row.owner)),
        }
    }

    fn is_suspended(&self, address: DeviceAddress) -> bool {
        self.accounts.get(&address.account).is_some_and(|row| row.state == AccountState::Suspended)
    }

    fn is_deleted(&self, account: AccountId) -> bool {
        self.accounts.get(&account).is_some_and(|row| row.state == AccountState::Deleted)
    }

    fn end_send(&mut self, send: &SendId, answer: Answer) {
        if let Some(row) = self.mailboxes.get_mut(&send.mailbox) {
            let used = Used { send_seq: send.send_seq, digest: send.digest, answer };
            row.sent.insert(window::index(send.send_seq), used);
            row.accepted_sends = row.accepted_sends.max(send.send_seq);
        }
    }

    pub(super) fn append(
        &mut self,
        operation: Append,
        bounds: &Bounds,
        now: Timestamp,
    ) -> Result<Written, Refusal> {
        let Append { send, conversation, generation, epoch, body } = operation;
        let own = match self.begin_send(&send)? {
            Ok(own) => own,
            Err(answer) => return Ok(repeated(answer)),
        };
        let row = self.conversations.get(&conversation).ok_or(Refusal::UnknownConversation)?;
        epoch::application(row.standing, generation, epoch)?;
        let to = routing::application(&row.members, send.mailbox, epoch)?;
        let mut others = row.members.iter().filter(|member| member.address.account != own.account).peekable();
        let to_nobody = others.peek().is_none();
        if !to_nobody && others.all(|member| self.is_suspended(member.address)) {
            return Err(Refusal::AccountSuspended);
        }
        // Nobody is left: either the other side has no device at the moment, or there is no other side any more.
        if to_nobody && row.kind.peer_of(own.account).is_some_and(|peer| self.is_deleted(peer)) {
            return Err(Refusal::UnknownAccount);
        }
        if epoch < row.standing.epoch {
            let ended_at = self.log.get(&(conversation, generation, epoch)).map(|dated| dated.at);
            epoch::not_outlived(row.standing, ended_at, now)?;
        }
        let answer = self.stamp(conversation, now)?;
        let place = Place { conversation, generation, order: answer.order };
        let entry = Entry { place: Some(place), accepted_at: now, kind: EntryKind::Application(body) };
        let publication = self.deliver(entry, to, bounds);
        self.end_send(&send, answer);
        Ok(Written::Sent(Sent { answer, publications: vec![publication] }))
    }

    pub(super) fn append_commit(
        &mut self,
        operation: AppendCommit,
        bounds: &Bounds,
        now: Timestamp,
    ) -> Result<Written, Refusal> {
        let AppendCommit { send, conversation, generation, epoch, committer, commit } = operation;
        let own = match self.begin_send(&send)? {
            Ok(own) => own,
            Err(answer) => return Ok(repeated(answer)),
        };
        let row = self.conversations.get(&conversation).ok_or(Refusal::UnknownConversation)?;
        epoch::commit(row.standing, generation, epoch)?;
        let (added, removed) = (self.resolve(&commit.added), self.resolve(&commit.removed));
        let routes = routing::commit(&row.members, send.mailbox, committer, &added, &removed)?;
        let answer = self.stamp(conversation, now)?;
        let place = Place { conversation, generation, order: answer.order };
        let publications = self.commit(place, epoch, own, commit, &routes, bounds, now);
        self.end_send(&send, answer);
        Ok(Written::Sent(Sent { answer, publications }))
    }

    pub(super) fn create_conversation(
        &mut self,
        operation: CreateConversation,
        bounds: &Bounds,
        now: Timestamp,
    ) -> Result<Written, Refusal> {
        let CreateConversation { send, conversation, generation, kind, base, commit } = operation;
        let own = match self.begin_send(&send)? {
            Ok(own) => own,
            Err(answer) => return Ok(repeated(answer)),
        };
        let present = self.conversations.get(&conversation);
        epoch::creation(present.map(|row| row.standing), generation)?;
        let members = vec![Member { mailbox: send.mailbox, address: own, since_epoch: Epoch(0) }];
        let added = self.resolve(&commit.added);
        let routes = routing::commit(&members, send.mailbox, Committer::Member, &added, &[])?;
        let row = ConversationRow {
            kind: present.map_or(kind, |row| row.kind),
            standing: Standing { generation, epoch: Epoch(0) },
            last_order: present.map_or(Order(0), |row| row.last_order),
            last_commit_at: now,
            base_epoch: base.epoch,
            group_info: Bytes::new(),
            members,
        };
        self.conversations.insert(conversation, row);
        self.bases.insert((conversation, generation, base.epoch), Dated { at: now, bytes: base.snapshot });
        let answer = self.stamp(conversation, now)?;
        let place = Place { conversation, generation, order: answer.order };
        let publications = self.commit(place, Epoch(0), own, commit, &routes, bounds, now);
        self.end_send(&send, answer);
        Ok(Written::Sent(Sent { answer, publications }))
    }

    fn resolve(&self, devices: &[DeviceAddress]) -> Vec<MailboxKey> {
        devices.iter().filter_map(|device| self.devices.get(device)).copied().collect()
    }

    fn stamp(&mut self, conversation: ConversationId, now: Timestamp) -> Result<Answer, Refusal> {
        let row = self.conversations.get_mut(&conversation).ok_or(Refusal::UnknownConversation)?;
        row.last_order = row.last_order.next();
        Ok(Answer { order: row.last_order, accepted_at: now })
    }

    /// Carries out a Commit that was accepted.
    #[allow(clippy::too_many_arguments, reason = "all of one Commit, in one place")]
    fn commit(
        &mut self,
        place: Place,
        epoch: Epoch,
        own: DeviceAddress,
        commit: Commit,
        routes: &CommitRoutes,
        bounds: &Bounds,
        now: Timestamp,
    ) -> Vec<Publication> {
        let joined = self.joined(routes, own, epoch.next());
        self.log.insert(
            (place.conversation, place.generation, epoch),
            Dated { at: now, bytes: commit.commit.clone() },
        );
        if let Some(row) = self.conversations.get_mut(&place.conversation) {
            row.standing.epoch = epoch.next();
            row.group_info = commit.group_info;
            row.last_commit_at = now;
            row.members.retain(|member| !routes.leave.contains(&member.mailbox));
            row.members.extend(joined);
            row.members.sort_unstable_by_key(|member| member.mailbox);
            if let Some(base) = &commit.base {
                row.base_epoch = base.epoch;
            }
        }
        if let Some(base) = commit.base {
            let key = (place.conversation, place.generation, base.epoch);
            self.bases.insert(key, Dated { at: now, bytes: base.snapshot });
        }
        let entry = |kind| Entry { place: Some(place), accepted_at: now, kind };
        let bytes = commit.commit;
        let mut publications = Vec::new();
        let kind = EntryKind::Commit(bytes.clone());
        publications.push(self.deliver(entry(kind), routes.commit.iter().copied(), bounds));
        if !routes.removed.is_empty() {
            let kind = EntryKind::Removed { commit: bytes };
            publications.push(self.deliver(entry(kind), routes.removed.iter().copied(), bounds));
        }
        if let (Some(welcome), false) = (commit.welcome, routes.welcome.is_empty()) {
            let kind = EntryKind::Welcome { epoch: epoch.next(), welcome };
            publications.push(self.deliver(entry(kind), routes.welcome.iter().copied(), bounds));
        }
        publications
    }

    fn joined(&self, routes: &CommitRoutes, own: DeviceAddress, since_epoch: Epoch) -> Vec<Member> {
        let address = |mailbox: &MailboxKey| self.mailboxes.get(mailbox).map_or(own, |row| row.owner);
        let member =
            |mailbox: &MailboxKey| Member { mailbox: *mailbox, address: address(mailbox), since_epoch };
        routes.join.iter().map(member).collect()
    }

    pub(super) fn log_of(
        &self,
        conversation: ConversationId,
        generation: Generation,
    ) -> impl DoubleEndedIterator<Item = (Epoch, &Dated)> {
        let range = (conversation, generation, Epoch(0))..=(conversation, generation, Epoch(u64::MAX));
        self.log.range(range).map(|((_, _, epoch), dated)| (*epoch, dated))
    }

    pub(super) fn bases_of(
        &self,
        conversation: ConversationId,
        generation: Generation,
    ) -> impl DoubleEndedIterator<Item = (Epoch, &Dated)> {
        let range = (conversation, generation, Epoch(0))..=(conversation, generation, Epoch(u64::MAX));
        self.bases.range(range).map(|((_, _, epoch), dated)| (*epoch, dated))
    }
}

fn repeated(answer: Answer) -> Written {
    Written::Sent(Sent { answer, publications: Vec::new() })
}
