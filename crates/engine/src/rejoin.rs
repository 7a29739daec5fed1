//! The way back into a group: an external Commit with the stored GroupInfo (rules R1, R7).
//!
//! Invariants:
//! - The group of a rejoin exists only when the stream has brought its Commit back; until then what was there is kept.
//! - An epoch below any that this device knows of is refused.
//! - Before a rejoin is sent, unanswered messages of the old leaf are taken back: nobody reads them after it (rule R8).

use hushwire_client_store::conversation::{self, Conversation, ConversationKind, ConversationState};
use hushwire_client_store::mark::{self, Mark};
use hushwire_client_store::outbox::{self, SendKind};
use hushwire_client_store::parked;
use hushwire_client_store::pending_commit::{self, PendingCommit};
use hushwire_client_store::{mls_row, progress, setting, witness};
use hushwire_mls::{GroupInfoCheck, Intent, MlsError, StagedRejoin};
use hushwire_types::{ConversationId, Epoch, Generation};
use hushwire_wire as wire;
use hushwire_wire::{Opaque, Place};

use crate::join::blank;
use crate::notice::Mismatch;
use crate::step::Step;
use crate::stop::Stop;
use crate::{Alert, Event, Notice, Tag, schedule};

/// The fact that says that a group which this account was out of is entered on trial.
fn reopened(id: &ConversationId) -> String {
    format!("reopened {id}")
}

impl Step<'_, '_> {
    /// A conversation's group cannot be used any more.
    pub(crate) fn lose(&mut self, id: &ConversationId) -> Result<(), Stop> {
        self.session.attend(*id);
        let Some(mut conversation) = self.conversation(id)? else { return Ok(()) };
        if matches!(conversation.state, ConversationState::Closed | ConversationState::Broken) {
            return Ok(());
        }
        if conversation.state != ConversationState::Rejoining {
            self.drop_own_creation(id)?;
            if let Some(group) = conversation.group {
                self.drop_pending(&group)?;
            }
            conversation = self.conversation(id)?.unwrap_or(conversation);
            conversation.state = ConversationState::Rejoining;
            conversation.attempts = 0;
            self.save(&conversation)?;
            self.event(&Event::Conversation, Some(*id), None)?;
        }
        Ok(())
    }

    /// A Welcome cannot be used: whoever has added this account is followed all the same, also into a group that it was out of, or
    /// that was given up for now. Where the group that is here works, the server is asked first whether there is another.
    pub(crate) fn follow_orphan(&mut self, id: &ConversationId) -> Result<(), Stop> {
        if self.conversation(id)?.is_some_and(|known| known.state == ConversationState::Active) {
            return Ok(());
        }
        let opens = |known: &Conversation| match known.state {
            ConversationState::Closed => known.kind == ConversationKind::Group,
            ConversationState::Broken => true,
            _ => false,
        };
        let Some(known) = self.conversation(id)?.filter(opens) else { return self.lose(id) };
        if known.state == ConversationState::Closed {
            setting::put(self.tx, &reopened(id), &[1])?;
        }
        let state = ConversationState::Rejoining;
        self.save(&Conversation { state, attempts: 0, ..known })?;
        self.session.attend(*id);
        self.event(&Event::Conversation, Some(*id), None)
    }

    /// There was nothing to follow: this account is out of the group as before, and what came of it meanwhile is nothing.
    fn shut_again(&mut self, conversation: Conversation) -> Result<(), Stop> {
        let id = conversation.id;
        setting::delete(self.tx, &reopened(&id))?;
        self.save(&Conversation { state: ConversationState::Closed, ..conversation })?;
        for entry in parked::of_conversation(self.tx, &id)? {
            parked::delete(self.tx, entry.id)?;
        }
        self.event(&Event::Conversation, Some(id), None)
    }

    /// What this device has of a conversation's group is damaged: it goes, whatever the conversation's state was.
    pub(crate) fn give_up_group(&mut self, id: &ConversationId) -> Result<(), Stop> {
        self.lose(id)?;
        if let Some(group) = self.conversation(id)?.and_then(|conversation| conversation.group) {
            self.drop_pending(&group)?;
            mls_row::delete_group(self.tx, &group)?;
        }
        Ok(())
    }

    pub(crate) fn is_rejoining(&self, id: &ConversationId) -> Result<bool, Stop> {
        Ok(self
            .conversation(id)?
            .is_some_and(|conversation| conversation.state == ConversationState::Rejoining))
    }

    /// Looks after a conversation that must be entered anew.
    pub(crate) fn rejoin(&mut self, conversation: &Conversation) -> Result<(), Stop> {
        if !self.session.is_online() || !self.is_active(&self.me.account, &self.me.device)? {
            return Ok(());
        }
        if let Some(group) = conversation.group
            && let Some(pending) = pending_commit::find(self.tx, &group)?
        {
            return self.await_rejoin(conversation, &pending);
        }
        self.fetch_group(&conversation.id);
        Ok(())
    }

    /// A rejoin is under way. Accepted and not brought back by the stream for long, it is tried anew.
    fn await_rejoin(&mut self, conversation: &Conversation, pending: &PendingCommit) -> Result<(), Stop> {
        let unanswered = outbox::find(self.tx, pending.send_seq)?.is_some();
        if unanswered || !self.session.is_listening() {
            return Ok(());
        }
        let until = self.session.waits_since(conversation.id, self.now).after(schedule::STREAM_PATIENCE);
        if until > self.now {
            self.session.attend_at(conversation.id, until);
            return Ok(());
        }
        self.session.waiting_since.remove(&conversation.id);
        pending_commit::delete(self.tx, &pending.group)?;
        self.rejoin_failed(&conversation.id)
    }

    /// Asks for the current group of a conversation.
    pub(crate) fn fetch_group(&mut self, id: &ConversationId) {
        let tag = Tag::Group { conversation: *id, generation: Generation(0), epoch: Epoch(0) };
        self.request(tag, wire::FetchGroup { conversation_id: *id, generation: None, epoch: None });
    }

    /// GroupInfo and tree of the current epoch came: to rejoin with, or to compare with.
    pub(crate) fn group_fetched(&mut self, id: &ConversationId, group: &wire::Group) -> Result<(), Stop> {
        match self.conversation(id)? {
            Some(known) if known.state == ConversationState::Active => self.group_seen(known, group),
            Some(known) if known.state == ConversationState::Rejoining => self.stage_rejoin(known, group),
            Some(_) => Ok(()),
            None => self.stage_first_join(id, group),
        }
    }

    /// What the server has of a group that this device is in. A later generation whose messages are here already is entered, as its
    /// Welcome was left out.
    fn group_seen(&mut self, known: Conversation, group: &wire::Group) -> Result<(), Stop> {
        if !self.settle_generations(&known, Some(group.generation))? {
            return self.compare_group_info(&known, group);
        }
        self.lose(&known.id)?;
        match self.conversation(&known.id)? {
            Some(lost) if lost.state == ConversationState::Rejoining => self.stage_rejoin(lost, group),
            _ => Ok(()),
        }
    }

    /// A conversation of which only messages came: its Welcome was lost.
    fn stage_first_join(&mut self, id: &ConversationId, group: &wire::Group) -> Result<(), Stop> {
        if parked::of_conversation(self.tx, id)?.is_empty() {
            return Ok(());
        }
        let own = self.me.account;
        // What kind it is, its group will say.
        let mut conversation = blank(*id, ConversationKind::Direct { peer: own }, self.now);
        conversation.state = ConversationState::Rejoining;
        self.stage_rejoin(conversation, group)
    }

    fn stage_rejoin(&mut self, conversation: Conversation, group: &wire::Group) -> Result<(), Stop> {
        let Some(group_info) = &group.group_info else { return self.rejoin_failed(&conversation.id) };
        if let ConversationKind::Direct { peer } = conversation.kind {
            self.recall(&peer)?;
        }
        if let Some(old) = conversation.group
            && pending_commit::find(self.tx, &old)?.is_some()
        {
            return Ok(());
        }
        if !self.has_room_for(&conversation.id)? {
            return Ok(());
        }
        let at_least =
            if group.generation == conversation.generation { conversation.known_epoch } else { Epoch(0) };
        if group.generation < conversation.generation {
            return self.rejoin_failed(&conversation.id);
        }
        match self.device.stage_rejoin(group_info, &group.ratchet_tree, at_least) {
            Ok(staged) if !self.may_follow(&conversation, group.generation, &staged)? => {
                self.rejoin_failed(&conversation.id)
            }
            Ok(staged) => self.send_rejoin(conversation, group.generation, staged),
            Err(MlsError::MissingLists(heads)) => self.recall_or_want(conversation, group, heads),
            Err(_) => self.rejoin_failed(&conversation.id),
        }
    }

    /// Lists that only have to be brought into memory are, and the rejoin is staged again; others are fetched.
    fn recall_or_want(
        &mut self,
        conversation: Conversation,
        group: &wire::Group,
        heads: Vec<(hushwire_types::AccountId, hushwire_identity::ListHead)>,
    ) -> Result<(), Stop> {
        let missing = self.recall_missing(heads)?;
        if missing.is_empty() { self.stage_rejoin(conversation, group) } else { self.want_all(missing) }
    }

    fn send_rejoin(
        &mut self,
        mut conversation: Conversation,
        generation: Generation,
        staged: StagedRejoin,
    ) -> Result<(), Stop> {
        let id = conversation.id;
        let Some(kind) = self.fitting_kind(&id, generation, &staged.extension) else {
            return self.rejoin_failed(&id);
        };
        let is_new = conversation::find(self.tx, &id)?.is_none();
        if !is_new
            && conversation
                .group
                .is_some_and(|group| group != staged.group_id && conversation.generation == generation)
        {
            self.alert(Alert::SecondGroup { conversation: id }, Some(id))?;
            return self.rejoin_failed(&id);
        }
        self.take_back_messages(&id)?;
        self.enter_generation(&mut conversation, generation, staged.group_id, staged.epoch)?;
        conversation.kind = kind;
        if is_new {
            conversation::insert(self.tx, &conversation)?;
        } else {
            self.save(&conversation)?;
        }
        let send_seq = progress::take_send_seq(self.tx)?;
        let pending = PendingCommit {
            group: staged.group_id,
            send_seq,
            epoch: staged.epoch,
            hash: staged.hash.as_bytes().to_vec(),
            secrets: staged.secrets,
            intent: Vec::new(),
            made_at: self.now,
        };
        let request = wire::SendCommit {
            send_seq,
            conversation_id: id,
            generation,
            epoch: staged.epoch,
            commit: Opaque::from(staged.bytes),
            group_info: Opaque::from(staged.group_info),
            welcome: None,
        };
        self.send_pending(id, &pending, SendKind::Commit, request.into())
    }

    /// This device is in the group again, with a new leaf.
    pub(crate) fn rejoined(&mut self, id: &ConversationId) -> Result<(), Stop> {
        self.take_back_messages(id)?;
        self.end_renewal(id)?;
        setting::delete(self.tx, &reopened(id))?;
        mark::clear(self.tx, id, Mark::Superseded)?;
        witness::forget_others(self.tx, id, &self.me.device)?;
        self.said(id, 0, [0; 32])?;
        self.notice(id, &Notice::Rejoined)
    }

    /// A rejoin failed. After the second time a person is told (rule R1), and it is tried again only much later.
    pub(crate) fn rejoin_failed(&mut self, id: &ConversationId) -> Result<(), Stop> {
        let Some(mut conversation) = self.conversation(id)? else {
            // Nothing but parked messages of a conversation that cannot be entered.
            for entry in parked::of_conversation(self.tx, id)? {
                parked::delete(self.tx, entry.id)?;
            }
            return Ok(());
        };
        if conversation.state != ConversationState::Rejoining {
            return Ok(());
        }
        conversation.attempts = conversation.attempts.saturating_add(1);
        if conversation.attempts < schedule::REJOIN_TRIES {
            self.save(&conversation)?;
            self.put_off_group(id, schedule::STREAM_PATIENCE);
            return Ok(());
        }
        self.save(&conversation)?;
        if setting::find(self.tx, &reopened(id))?.is_some() {
            return self.shut_again(conversation);
        }
        if self.may_renew(&conversation)? { self.begin_renewal(id) } else { self.stuck(conversation) }
    }

    /// Nothing more can be done now: a person is told.
    pub(crate) fn stuck(&mut self, mut conversation: Conversation) -> Result<(), Stop> {
        let id = conversation.id;
        conversation.state = ConversationState::Broken;
        // From here the time to the next try is counted.
        conversation.refreshed_at = self.now;
        self.save(&conversation)?;
        self.notice(&id, &Notice::Stuck)?;
        self.alert(Alert::Stuck { conversation: id }, Some(id))?;
        self.event(&Event::Conversation, Some(id), None)?;
        self.session.attend_at(id, self.now.after(schedule::STUCK_AGAIN));
        Ok(())
    }

    /// A conversation that could not be healed is tried again, hours later; sooner where something has come of it since, for then others
    /// go on with it.
    pub(crate) fn retry_broken(&mut self, conversation: &Conversation) -> Result<(), Stop> {
        let since = conversation.refreshed_at;
        let waiting = parked::of_conversation(self.tx, &conversation.id)?;
        let is_heard = waiting.iter().any(|parked| parked.entry.at > since);
        let due = since.after(if is_heard { schedule::STUCK_HEARD } else { schedule::STUCK_AGAIN });
        if due > self.now {
            self.session.attend_at(conversation.id, due);
            return Ok(());
        }
        if !self.session.is_online() {
            return Ok(());
        }
        let mut conversation = conversation.clone();
        conversation.state = ConversationState::Rejoining;
        conversation.attempts = schedule::REJOIN_TRIES.saturating_sub(1);
        conversation.refreshed_at = self.now;
        self.save(&conversation)?;
        self.fetch_group(&conversation.id);
        Ok(())
    }

    fn put_off_group(&mut self, id: &ConversationId, span: std::time::Duration) {
        let tag = Tag::Group { conversation: *id, generation: Generation(0), epoch: Epoch(0) };
        let now = self.now;
        if let Some(connection) = self.connection() {
            connection.put_off(tag, span, now);
        }
        self.session.attend_at(*id, now.after(span));
    }

    /// After a Commit of somebody else the published GroupInfo is compared with the own state (rule R7).
    pub(crate) fn check_group_info(&mut self, conversation: &Conversation) -> Result<(), Stop> {
        if self.session.is_online() && mark::is_set(self.tx, &conversation.id, Mark::GroupInfo)? {
            self.fetch_group(&conversation.id);
        }
        Ok(())
    }

    /// A message of the present group that cannot be decrypted is forged, or of another history of the group: what the server
    /// publishes is compared.
    pub(crate) fn suspect_fork(&mut self, place: &Place) -> Result<(), Stop> {
        let Some(conversation) = self.conversation(&place.conversation_id)? else { return Ok(()) };
        if conversation.state == ConversationState::Active && conversation.generation == place.generation {
            mark::set(self.tx, &conversation.id, Mark::GroupInfo)?;
            self.session.attend(conversation.id);
        }
        Ok(())
    }

    /// The server has another history of a group than this device: it is told, and the group that the others are shown is
    /// entered instead.
    fn forked(&mut self, conversation: &Conversation) -> Result<(), Stop> {
        let id = conversation.id;
        self.session.refused.remove(&id);
        mark::clear(self.tx, &id, Mark::GroupInfo)?;
        let teller = conversation.kind.peer().unwrap_or(self.me.account);
        self.mismatch(id, teller, Mismatch::Transcript)?;
        self.lose(&id)
    }

    fn compare_group_info(&mut self, conversation: &Conversation, group: &wire::Group) -> Result<(), Stop> {
        let (Some(own), Some(published)) = (conversation.group, &group.group_info) else { return Ok(()) };
        if group.generation != conversation.generation {
            // A later one comes by the stream; an earlier one is shown by a server that was restored, or lies.
            return Ok(mark::clear(self.tx, &conversation.id, Mark::GroupInfo)?);
        }
        if self.view(conversation)?.is_none() {
            return Ok(());
        }
        let check = self.device.check_group_info(&own, published);
        if !matches!(check, Ok(GroupInfoCheck::OtherEpoch(_))) {
            mark::clear(self.tx, &conversation.id, Mark::GroupInfo)?;
        }
        match check {
            Ok(GroupInfoCheck::OtherEpoch(epoch)) => {
                conversation::raise_known_epoch(self.tx, &conversation.id, epoch)?;
                Ok(mark::clear(self.tx, &conversation.id, Mark::GroupInfo)?)
            }
            Ok(GroupInfoCheck::Holds) => {
                self.session.refused.remove(&conversation.id);
                Ok(())
            }
            // A Commit was tried already, and the server refused it.
            _ if self.session.refused.contains(&conversation.id) => self.forked(conversation),
            // Nobody could rejoin with it: a Commit publishes a true one.
            _ if pending_commit::find(self.tx, &own)?.is_none() => {
                self.commit(conversation, &Intent::Refresh)
            }
            _ => Ok(()),
        }
    }
}
