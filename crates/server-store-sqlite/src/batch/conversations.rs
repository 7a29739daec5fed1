//! Conversations: sends, Commits, generations.

use hushwire_server_store::account::{AccountState, DeviceAddress};
use hushwire_server_store::conversation::{
    Answer, Append, AppendCommit, Commit, Committer, CreateConversation, GroupBase, Member, SendId, Sent,
    Slot,
};
use hushwire_server_store::decide::epoch::{self, Standing};
use hushwire_server_store::decide::routing::{self, CommitRoutes};
use hushwire_server_store::decide::window::{self, Used};
use hushwire_server_store::mailbox::{Entry, EntryKind, MailboxKey, Place, Publication};
use hushwire_server_store::{Refusal, Written};
use hushwire_types::{AccountId, ConversationId, Epoch, Generation, Order, Timestamp};

use super::Batch;
use crate::cache::ConversationRow;
use crate::columns::{int, kind_columns, time, timestamp};
use crate::error::Step;
use crate::{reads, sql};

/// What a send is at its beginning.
enum Begun {
    /// New, by this device.
    New(DeviceAddress),
    /// Accepted before.
    Repeated(Answer),
}

impl Batch<'_> {
    fn begin_send(&mut self, send: &SendId) -> Step<Begun> {
        let row = self.mailbox_row(send.mailbox)?.ok_or(Refusal::UnknownMailbox)?;
        let used = self.window(send.mailbox)?.get(&window::index(send.send_seq)).copied();
        match window::slot(used.as_ref(), send) {
            Slot::Repeated(answer) => Ok(Begun::Repeated(answer)),
            Slot::Reused => Err(Refusal::IdReused.into()),
            Slot::Fresh if row.suspended => Err(Refusal::AccountSuspended.into()),
            Slot::Fresh => Ok(Begun::New(row.owner)),
        }
    }

    fn end_send(&mut self, send: &SendId, answer: Answer) -> Step<()> {
        let slot = window::index(send.send_seq);
        let SendId { mailbox, send_seq, digest } = *send;
        self.exec(
            "INSERT OR REPLACE INTO sent(mailbox, slot, send_seq, digest, ord, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            (int(mailbox.0), int(slot), int(send_seq.0), digest, int(answer.order.0), time(answer.accepted_at)),
        )?;
        self.window(mailbox)?.insert(slot, Used { send_seq, digest, answer });
        self.mailbox_row(mailbox)?;
        self.change_mailbox(mailbox, |row| row.accepted_sends = row.accepted_sends.max(send_seq));
        Ok(())
    }

    pub(super) fn append(&mut self, operation: Append) -> Step<Written> {
        let Append { send, conversation, generation, epoch, body } = operation;
        let own = match self.begin_send(&send)? {
            Begun::New(own) => own,
            Begun::Repeated(answer) => return Ok(repeated(answer)),
        };
        let row = self.conversation_row(conversation)?.ok_or(Refusal::UnknownConversation)?;
        let (key, standing, peer) = (row.key, row.standing, row.kind.peer_of(own.account));
        epoch::application(standing, generation, epoch)?;
        let to = routing::application(&row.members, send.mailbox, epoch)?;
        let foreign = |member: &&Member| member.address.account != own.account;
        let others: Vec<MailboxKey> =
            row.members.iter().filter(foreign).map(|member| member.mailbox).collect();
        if self.are_all_suspended(&others)? {
            return Err(Refusal::AccountSuspended.into());
        }
        if let Some(peer) = peer.filter(|_| others.is_empty())
            && self.is_deleted(peer)?
        {
            return Err(Refusal::UnknownAccount.into());
        }
        if epoch < standing.epoch {
            epoch::not_outlived(standing, self.ended_at(key, generation, epoch)?, self.now)?;
        }
        let answer = self.stamp(conversation)?;
        let place = Place { conversation, generation, order: answer.order };
        let kind = EntryKind::Application(body);
        let entry = Entry { place: Some(place), accepted_at: self.now, kind };
        let publication = self.deliver(entry, Some(key), to)?;
        self.end_send(&send, answer)?;
        Ok(Written::Sent(Sent { answer, publications: vec![publication] }))
    }

    /// Whether nobody is left because there is no other side any more; it may also just have no device.
    fn is_deleted(&self, account: AccountId) -> Step<bool> {
        let state = reads::accounts::account(self.connection, account)?.map(|account| account.state);
        Ok(state == Some(AccountState::Deleted))
    }

    /// When the Commit that ended an epoch was accepted.
    fn ended_at(
        &self,
        key: i64,
        generation: Generation,
        epoch: Epoch,
    ) -> rusqlite::Result<Option<Timestamp>> {
        let sql = "SELECT at FROM handshake WHERE conversation = ?1 AND generation = ?2 AND epoch = ?3";
        sql::one(self.connection, sql, (key, int(generation.0), int(epoch.0)), |row| timestamp(row, 0))
    }

    /// Whether there are others and each is suspended, so that nobody would ever read what is sent.
    fn are_all_suspended(&mut self, others: &[MailboxKey]) -> Step<bool> {
        for mailbox in others {
            if !self.mailbox_row(*mailbox)?.is_some_and(|row| row.suspended) {
                return Ok(false);
            }
        }
        Ok(!others.is_empty())
    }

    pub(super) fn append_commit(&mut self, operation: AppendCommit) -> Step<Written> {
        let AppendCommit { send, conversation, generation, epoch, committer, commit } = operation;
        let own = match self.begin_send(&send)? {
            Begun::New(own) => own,
            Begun::Repeated(answer) => return Ok(repeated(answer)),
        };
        let (added, removed) = (self.resolve(&commit.added)?, self.resolve(&commit.removed)?);
        let row = self.conversation_row(conversation)?.ok_or(Refusal::UnknownConversation)?;
        epoch::commit(row.standing, generation, epoch)?;
        let routes = routing::commit(&row.members, send.mailbox, committer, &added, &removed)?;
        self.accept_commit(
            &send,
            own,
            Place { conversation, generation, order: Order(0) },
            epoch,
            commit,
            &routes,
        )
    }

    pub(super) fn create_conversation(&mut self, operation: CreateConversation) -> Step<Written> {
        let CreateConversation { send, conversation, generation, kind, base, commit } = operation;
        let own = match self.begin_send(&send)? {
            Begun::New(own) => own,
            Begun::Repeated(answer) => return Ok(repeated(answer)),
        };
        let present =
            self.conversation_row(conversation)?.map(|row| (row.key, row.standing, row.last_order, row.kind));
        epoch::creation(present.map(|(_, standing, ..)| standing), generation)?;
        let added = self.resolve(&commit.added)?;
        let member = Member { mailbox: send.mailbox, address: own, since_epoch: Epoch(0) };
        let routes = routing::commit(&[member], send.mailbox, Committer::Member, &added, &[])?;
        let mut row = ConversationRow {
            key: 0,
            kind: present.map_or(kind, |(.., kind)| kind),
            standing: Standing { generation, epoch: Epoch(0) },
            last_order: present.map_or(Order(0), |(_, _, order, _)| order),
            last_commit_at: self.now,
            base_epoch: base.epoch,
            members: vec![member],
        };
        match present {
            Some((key, ..)) => {
                row.key = key;
                self.exec("DELETE FROM member WHERE conversation = ?1", [key])?;
            }
            None => row.key = self.insert_conversation(conversation, &row)?,
        }
        self.insert_member(row.key, &member)?;
        self.insert_base(row.key, generation, &base)?;
        self.cache.conversations.put(conversation, row);
        self.accept_commit(
            &send,
            own,
            Place { conversation, generation, order: Order(0) },
            Epoch(0),
            commit,
            &routes,
        )
    }

    fn insert_conversation(
        &self,
        conversation: ConversationId,
        row: &ConversationRow,
    ) -> rusqlite::Result<i64> {
        let (kind, one, other) = kind_columns(&row.kind);
        self.exec(
            "INSERT INTO conversation(name, kind, one, other, generation, epoch, last_order, last_commit_at, base_epoch)
             VALUES (?1, ?2, ?3, ?4, ?5, 0, 0, ?6, ?7)",
            (
                conversation.as_bytes(),
                kind,
                one,
                other,
                int(row.standing.generation.0),
                time(self.now),
                int(row.base_epoch.0),
            ),
        )?;
        Ok(self.connection.last_insert_rowid())
    }

    fn insert_member(&self, conversation: i64, member: &Member) -> rusqlite::Result<()> {
        let sql = "INSERT OR REPLACE INTO member(conversation, mailbox, since_epoch) VALUES (?1, ?2, ?3)";
        self.exec(sql, (conversation, int(member.mailbox.0), int(member.since_epoch.0))).map(|_| ())
    }

    fn insert_base(
        &self,
        conversation: i64,
        generation: Generation,
        base: &GroupBase,
    ) -> rusqlite::Result<()> {
        self.exec(
            "INSERT OR REPLACE INTO group_base(conversation, generation, epoch, at, body) VALUES (?1, ?2, ?3, ?4, ?5)",
            (conversation, int(generation.0), int(base.epoch.0), time(self.now), &*base.snapshot),
        )
        .map(|_| ())
    }

    fn resolve(&self, devices: &[DeviceAddress]) -> Step<Vec<MailboxKey>> {
        let mut mailboxes = Vec::new();
        for address in devices {
            let device = reads::accounts::device(self.connection, address.account, address.device)?;
            mailboxes.extend(device.map(|device| device.mailbox));
        }
        Ok(mailboxes)
    }

    fn stamp(&mut self, conversation: ConversationId) -> Step<Answer> {
        let mut order = Order(0);
        self.change_conversation(conversation, |row| {
            row.last_order = row.last_order.next();
            order = row.last_order;
        })?;
        Ok(Answer { order, accepted_at: self.now })
    }

    /// Carries out a Commit that nothing refuses any more.
    fn accept_commit(
        &mut self,
        send: &SendId,
        own: DeviceAddress,
        mut place: Place,
        epoch: Epoch,
        commit: Commit,
        routes: &CommitRoutes,
    ) -> Step<Written> {
        let answer = self.stamp(place.conversation)?;
        place.order = answer.order;
        let joined = self.joined(routes, own, epoch.next())?;
        let mut key = 0;
        let now = self.now;
        self.change_conversation(place.conversation, |row| {
            key = row.key;
            row.standing.epoch = epoch.next();
            row.last_commit_at = now;
            row.members.retain(|member| !routes.leave.contains(&member.mailbox));
            row.members.extend(joined.iter().copied());
            row.members.sort_unstable_by_key(|member| member.mailbox);
            if let Some(base) = &commit.base {
                row.base_epoch = base.epoch;
            }
        })?;
        self.store_commit(key, place.generation, epoch, &commit, routes, &joined)?;
        let publications = self.publish_commit(key, place, epoch, commit, routes)?;
        self.end_send(send, answer)?;
        Ok(Written::Sent(Sent { answer, publications }))
    }

    fn joined(&mut self, routes: &CommitRoutes, own: DeviceAddress, since_epoch: Epoch) -> Step<Vec<Member>> {
        let mut joined = Vec::new();
        for mailbox in &routes.join {
            let address = self.mailbox_row(*mailbox)?.map_or(own, |row| row.owner);
            joined.push(Member { mailbox: *mailbox, address, since_epoch });
        }
        Ok(joined)
    }

    fn store_commit(
        &self,
        key: i64,
        generation: Generation,
        epoch: Epoch,
        commit: &Commit,
        routes: &CommitRoutes,
        joined: &[Member],
    ) -> rusqlite::Result<()> {
        for mailbox in &routes.leave {
            self.exec("DELETE FROM member WHERE conversation = ?1 AND mailbox = ?2", (key, int(mailbox.0)))?;
        }
        for member in joined {
            self.insert_member(key, member)?;
        }
        self.exec(
            "INSERT OR REPLACE INTO handshake(conversation, generation, epoch, at, body) VALUES (?1, ?2, ?3, ?4, ?5)",
            (key, int(generation.0), int(epoch.0), time(self.now), &*commit.commit),
        )?;
        let sql = "INSERT OR REPLACE INTO group_info(conversation, body) VALUES (?1, ?2)";
        self.exec(sql, (key, &*commit.group_info))?;
        match &commit.base {
            Some(base) => self.insert_base(key, generation, base),
            None => Ok(()),
        }
    }

    fn publish_commit(
        &mut self,
        key: i64,
        place: Place,
        epoch: Epoch,
        commit: Commit,
        routes: &CommitRoutes,
    ) -> Step<Vec<Publication>> {
        let accepted_at = self.now;
        let entry = |kind| Entry { place: Some(place), accepted_at, kind };
        let bytes = commit.commit;
        let kind = EntryKind::Commit(bytes.clone());
        let mut publications = vec![self.deliver(entry(kind), Some(key), routes.commit.iter().copied())?];
        if !routes.removed.is_empty() {
            let kind = EntryKind::Removed { commit: bytes };
            publications.push(self.deliver(entry(kind), Some(key), routes.removed.iter().copied())?);
        }
        if let (Some(welcome), false) = (commit.welcome, routes.welcome.is_empty()) {
            let kind = EntryKind::Welcome { epoch: epoch.next(), welcome };
            publications.push(self.deliver(entry(kind), Some(key), routes.welcome.iter().copied())?);
        }
        Ok(publications)
    }
}

fn repeated(answer: Answer) -> Written {
    Written::Sent(Sent { answer, publications: Vec::new() })
}
