//! Commits: those of others as they come, own ones when the stream brings them back, and the reasons to make one.
//!
//! Invariants:
//! - At most one own Commit of a group is under way. It counts when the stream brings it, and is dropped only when the
//!   stream brings another one of its epoch.
//! - What a Commit is for is never remembered: lists and leaves are compared anew each time.
//! - A revoked leaf is removed before anything else, with its account's floor raised (rule R3), and nothing is encrypted
//!   to it.

use hushwire_client_store::conversation::{Conversation, ConversationKind, ConversationState};
use hushwire_client_store::mark::{self, Mark};
use hushwire_client_store::outbox::{self, Outgoing, SendKind};
use hushwire_client_store::pending_commit::{self, PendingCommit};
use hushwire_client_store::wish::WishId;
use hushwire_client_store::{progress, timeline, witness};
use hushwire_identity::{DeviceStatus, LeafCredential, ListHead};
use hushwire_mls::{
    Addition, Change, EpochChange, GroupView, Intent, LeafKeys, Membership, MlsError, Origin, Processed,
    StagedCommit, message_hash,
};
use hushwire_types::{AccountId, ConversationId, DeviceId, Epoch, Generation, GroupId};
use hushwire_wire as wire;
use hushwire_wire::{Opaque, Place};

use crate::step::Step;
use crate::stop::{Stop, Verdict};
use crate::stream::Fate;
use crate::{Event, GroupChange, Notice, StepError, Tag, schedule};

/// Whose Commit it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Others,
    This,
}

/// What a group needs, the most urgent only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Need {
    Nothing,
    Remove(Vec<LeafCredential>),
    Add(AccountId, Vec<DeviceId>),
    /// Wishes in a group, in order.
    Grant(Vec<(WishId, GroupChange)>),
    Refresh(Urgency),
}

/// Whether a fresh leaf may wait for the spacing of voluntary Commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Urgency {
    Voluntary,
    Due,
}

impl Step<'_, '_> {
    /// A Commit from the stream, or the one that removed this device.
    pub(crate) fn take_commit(
        &mut self,
        place: &Place,
        entry: &wire::Entry,
        commit: &[u8],
    ) -> Result<Fate, Stop> {
        let id = place.conversation_id;
        let Some(conversation) = self.conversation(&id)? else { return self.no_group(place, entry) };
        if let Some(group) = conversation.group
            && let Some(pending) = pending_commit::find(self.tx, &group)?
            && pending.hash == message_hash(commit).as_bytes()
        {
            return self.apply_own(conversation, &pending);
        }
        let Some((conversation, group)) = self.readable(place)? else { return self.no_group(place, entry) };
        let before = self.view(&conversation)?;
        match self.process_commit(&group, commit)? {
            Ok(Processed::Commit(change)) => {
                self.epoch_changed(conversation, &change, By::Others, before.as_ref())?;
                Ok(Fate::Done)
            }
            Ok(Processed::Application(_)) => Err(Stop::Entry(entry.seq, Verdict::Ignored)),
            // A Commit that is refused stands in the log all the same.
            Err(MlsError::Refused(_)) => Err(Stop::Entry(entry.seq, Verdict::Lost)),
            Err(error) => self.failed(place, entry, &conversation, error),
        }
    }

    /// Processes a Commit with the lists that it needs, as far as they are in rows.
    fn process_commit(
        &mut self,
        group: &GroupId,
        commit: &[u8],
    ) -> Result<Result<Processed, MlsError>, Stop> {
        loop {
            match self.device.process(group, commit, self.shared_now()) {
                Err(MlsError::MissingLists(heads)) => {
                    let missing = self.recall_missing(heads)?;
                    if !missing.is_empty() {
                        return Ok(Err(MlsError::MissingLists(missing)));
                    }
                }
                processed => return Ok(processed),
            }
        }
    }

    /// An own Commit came back: it won.
    pub(crate) fn apply_own(
        &mut self,
        conversation: Conversation,
        pending: &PendingCommit,
    ) -> Result<Fate, Stop> {
        if let ConversationKind::Direct { peer } = conversation.kind {
            self.recall(&peer)?;
        }
        // A rejoin needs no old state, any other Commit does.
        self.load_group(&pending.group)?;
        match self.device.apply_own_commit(&pending.group, &pending.secrets, self.shared_now()) {
            Ok(change) => {
                let id = conversation.id;
                self.epoch_changed(conversation, &change, By::This, None)?;
                self.end_granted(&id)?;
                Ok(Fate::Done)
            }
            Err(MlsError::PastEpoch { .. }) => {
                self.drop_pending(&pending.group)?;
                Ok(Fate::Done)
            }
            Err(_) => Err(Stop::Lost(conversation.id)),
        }
    }

    /// A group is in a new epoch.
    fn epoch_changed(
        &mut self,
        mut conversation: Conversation,
        change: &EpochChange,
        by: By,
        before: Option<&GroupView>,
    ) -> Result<(), Stop> {
        let id = conversation.id;
        let group = conversation.group.ok_or(StepError::Bug("a Commit was applied without a group"))?;
        if by == By::This {
            // Its request stays in the outbox until it is answered, for the place that the server gave it.
            pending_commit::delete(self.tx, &group)?;
            conversation.refreshed_at = self.now;
            self.tell_added(&conversation, &change.added)?;
        } else if pending_commit::find(self.tx, &group)?.is_some_and(|pending| pending.epoch < change.epoch) {
            // Another Commit ended the epoch that it was made in.
            self.drop_pending(&group)?;
        }
        let rejoined = by == By::This && change.origin == Origin::External;
        let entered = conversation.state != ConversationState::Active && by == By::This;
        let renewed = entered && !rejoined && conversation.generation > Generation(1);
        // Epochs of an own next generation begin anew.
        let known = if renewed { Epoch(0) } else { conversation.known_epoch };
        conversation.known_epoch = known.max(change.epoch);
        if entered {
            conversation.state = ConversationState::Active;
            conversation.attempts = 0;
        }
        self.save(&conversation)?;
        if renewed {
            self.renewed(&id, self.me.account)?;
        }
        if rejoined {
            self.rejoined(&id)?;
        } else {
            self.tell_changes(&id, change, entered)?;
        }
        if !rejoined {
            self.hears_newcomers(&id, change)?;
        }
        if entered {
            self.event(&Event::Conversation, Some(id), None)?;
        }
        mark::set(self.tx, &id, Mark::Review)?;
        if by == By::Others {
            mark::set(self.tx, &id, Mark::GroupInfo)?;
        }
        self.session.waiting_since.remove(&id);
        self.session.attend(id);
        self.newcomers_came(&conversation, change)?;
        match (conversation.kind, change.membership) {
            (ConversationKind::Group, Membership::Member) => {
                self.group_changed(&conversation, Some(&change.committer))
            }
            (ConversationKind::Group, Membership::Removed) => self.put_out(&conversation, change, before),
            (_, Membership::Removed) => self.lose(&id),
            (_, Membership::Member) => Ok(()),
        }
    }

    /// Says who came and went. What a device says begins anew when it enters anew (rule R4).
    fn tell_changes(&mut self, id: &ConversationId, change: &EpochChange, entered: bool) -> Result<(), Stop> {
        for leaf in change.removed.iter().chain(&change.added).chain([&change.committer]) {
            let anew = change.origin == Origin::External || *leaf != change.committer;
            if anew && leaf.device != self.me.device {
                witness::forget(self.tx, id, &leaf.account, &leaf.device)?;
            }
        }
        if entered {
            return Ok(());
        }
        if change.origin == Origin::External {
            let LeafCredential { account, device, .. } = change.committer;
            self.tell_again(id, account)?;
            return self.notice(id, &Notice::DeviceRejoined { account, device });
        }
        for leaf in &change.added {
            self.notice(id, &Notice::DeviceAdded { account: leaf.account, device: leaf.device })?;
        }
        for leaf in &change.removed {
            self.notice(id, &Notice::DeviceRemoved { account: leaf.account, device: leaf.device })?;
        }
        Ok(())
    }

    /// Looks after an active conversation: what its group needs first, then its messages.
    pub(crate) fn tend(&mut self, conversation: &Conversation) -> Result<(), Stop> {
        let Some(view) = self.view(conversation)? else { return self.lose(&conversation.id) };
        if view.removed {
            return self.lose(&conversation.id);
        }
        if view.epoch < conversation.known_epoch {
            return self.be_patient(&conversation.id);
        }
        self.session.waiting_since.remove(&conversation.id);
        let ConversationKind::Direct { peer } = conversation.kind else {
            return self.tend_group(conversation, &view);
        };
        if !self.recall(&peer)? {
            return self.fetch_list(peer);
        }
        self.check_group_info(conversation)?;
        let need = self.need(conversation, &view, peer)?;
        let blocked = matches!(need, Need::Remove(_));
        if !self.has_pending(&view)? {
            self.meet_need(conversation, &view, need)?;
        }
        if blocked {
            return Ok(());
        }
        self.owe_profile(conversation)?;
        self.compose(conversation, &view)
    }

    /// Whether a Commit of this device is under way in a group.
    pub(crate) fn has_pending(&self, view: &GroupView) -> Result<bool, Stop> {
        Ok(pending_commit::find(self.tx, &view.group_id)?.is_some())
    }

    /// Compares the leaves with the lists.
    fn need(&mut self, conversation: &Conversation, view: &GroupView, peer: AccountId) -> Result<Need, Stop> {
        if mark::is_set(self.tx, &conversation.id, Mark::Review)? {
            let mut revoked = Vec::new();
            for leaf in view.members.iter() {
                let list = self.list(&leaf.account)?;
                let status = list.map_or(DeviceStatus::Unknown, |list| list.status(leaf.device));
                if status == DeviceStatus::Revoked && leaf.device != self.me.device {
                    revoked.push(*leaf);
                }
            }
            if !revoked.is_empty() {
                return Ok(Need::Remove(revoked));
            }
            for account in [self.me.account, peer] {
                let Some(list) = self.list(&account)? else { continue };
                let missing: Vec<DeviceId> = list
                    .active_devices()
                    .into_iter()
                    .map(|device| device.id)
                    .filter(|device| !view.members.iter().any(|leaf| leaf.device == *device))
                    .collect();
                if !missing.is_empty() {
                    return Ok(Need::Add(account, missing));
                }
            }
            mark::clear(self.tx, &conversation.id, Mark::Review)?;
        }
        self.refresh_need(conversation, view)
    }

    pub(crate) fn refresh_need(&self, conversation: &Conversation, view: &GroupView) -> Result<Need, Stop> {
        // A stranger is not told that anybody is there.
        if !self.is_accepted(conversation)? {
            return Ok(Need::Nothing);
        }
        let since = match view.leaf {
            LeafKeys::KeyPackage { .. } => return Ok(Need::Refresh(Urgency::Voluntary)),
            LeafKeys::Commit { since } => since,
        };
        if u64::from(view.sent_in_epoch) >= schedule::COMMIT_MESSAGES {
            return Ok(Need::Refresh(Urgency::Due));
        }
        let many = u64::from(view.sent_with_leaf) >= schedule::REFRESH_MESSAGES;
        let old = self.shared_now().since(since) >= schedule::REFRESH_AFTER
            && !timeline::unencrypted(self.tx, &conversation.id, 1)?.is_empty();
        Ok(if many || old { Need::Refresh(Urgency::Voluntary) } else { Need::Nothing })
    }

    pub(crate) fn meet_need(
        &mut self,
        conversation: &Conversation,
        view: &GroupView,
        need: Need,
    ) -> Result<(), Stop> {
        if !self.session.is_online() {
            return Ok(());
        }
        match need {
            Need::Nothing => Ok(()),
            Need::Remove(leaves) => {
                if self.removal_due(conversation, view, &leaves)? {
                    self.remove(conversation, &leaves)
                } else {
                    Ok(())
                }
            }
            Need::Grant(open) => self.grant(conversation, view, &open),
            Need::Refresh(Urgency::Due) => self.commit(conversation, &Intent::Refresh),
            Need::Refresh(Urgency::Voluntary) => {
                if !self.refresh_turn(conversation, view) || !self.may_commit(&conversation.id)? {
                    return Ok(());
                }
                self.commit(conversation, &Intent::Refresh)
            }
            Need::Add(account, device_ids) => {
                if self.may_add(&conversation.id) {
                    let tag = Tag::Claim { conversation: conversation.id, account };
                    self.request(tag, wire::RecipientKeys { account_id: account, device_ids });
                }
                Ok(())
            }
        }
    }

    fn remove(&mut self, conversation: &Conversation, leaves: &[LeafCredential]) -> Result<(), Stop> {
        let mut floors = hushwire_group_policy::Floors::new();
        for leaf in leaves {
            if let Some(list) = self.list(&leaf.account)?
                && list.status(leaf.device) == DeviceStatus::Revoked
            {
                floors.insert(leaf.account, list.head());
            }
        }
        let remove = leaves.iter().map(|leaf| leaf.device).collect();
        self.commit(conversation, &Intent::Change(Change { remove, floors, ..Change::default() }))
    }

    /// Adds the devices that an active group lacks.
    pub(crate) fn add_devices(
        &mut self,
        conversation: &Conversation,
        add: Vec<Addition>,
    ) -> Result<(), Stop> {
        let group = conversation.group.ok_or(StepError::Bug("an active conversation has no group"))?;
        let Some(view) = self.view(conversation)? else { return Ok(()) };
        if pending_commit::find(self.tx, &group)?.is_some() {
            return Ok(());
        }
        let missing = |addition: &Addition| !view.members.iter().any(|leaf| leaf.device == addition.device);
        let add: Vec<Addition> = add.into_iter().filter(missing).collect();
        if add.is_empty() {
            return Ok(());
        }
        self.commit(conversation, &Intent::Change(Change { add, ..Change::default() }))
    }

    /// Makes a Commit and puts it into the outbox. Where it cannot be made, it is tried again later.
    pub(crate) fn commit(&mut self, conversation: &Conversation, intent: &Intent) -> Result<(), Stop> {
        let group = conversation.group.ok_or(StepError::Bug("an active conversation has no group"))?;
        if !self.has_room_for(&conversation.id)? {
            return Ok(());
        }
        let staged = match self.stage_commit(&group, intent)? {
            Ok(staged) => staged,
            Err(MlsError::MissingLists(heads)) => return self.want_all(heads),
            Err(MlsError::Refused(_)) => {
                self.session.attend_at(conversation.id, self.now.after(schedule::COMMIT_SPACING_DEVICE));
                return Ok(());
            }
            Err(_) => return Err(Stop::Lost(conversation.id)),
        };
        self.note_commit(&conversation.id)?;
        self.send_commit(conversation, group, staged)
    }

    /// Stages a Commit with the lists that it needs, as far as they are in rows.
    pub(crate) fn stage_commit(
        &mut self,
        group: &GroupId,
        intent: &Intent,
    ) -> Result<Result<StagedCommit, MlsError>, Stop> {
        loop {
            match self.device.stage_commit(group, intent, self.shared_now()) {
                Err(MlsError::MissingLists(heads)) => {
                    let missing = self.recall_missing(heads)?;
                    if !missing.is_empty() {
                        return Ok(Err(MlsError::MissingLists(missing)));
                    }
                }
                staged => return Ok(staged),
            }
        }
    }

    fn send_commit(
        &mut self,
        conversation: &Conversation,
        group: GroupId,
        staged: StagedCommit,
    ) -> Result<(), Stop> {
        let send_seq = progress::take_send_seq(self.tx)?;
        let digest = *staged.hash.as_bytes();
        let request = wire::SendCommit {
            send_seq,
            conversation_id: conversation.id,
            generation: conversation.generation,
            epoch: staged.epoch,
            commit: Opaque::from(staged.bytes),
            group_info: Opaque::from(staged.group_info),
            welcome: staged.welcome.map(Opaque::from),
        };
        let pending = PendingCommit {
            group,
            send_seq,
            epoch: staged.epoch,
            hash: digest.to_vec(),
            secrets: staged.secrets,
            intent: Vec::new(),
            made_at: self.now,
        };
        self.send_pending(conversation.id, &pending, SendKind::Commit, request.into())
    }

    /// A Commit into the outbox, with what applies it.
    pub(crate) fn send_pending(
        &mut self,
        conversation: ConversationId,
        pending: &PendingCommit,
        kind: SendKind,
        request: wire::Request,
    ) -> Result<(), Stop> {
        let digest =
            pending.hash.as_slice().try_into().map_err(|_| StepError::Bug("a hash of another length"))?;
        pending_commit::insert(self.tx, pending)?;
        outbox::insert(
            self.tx,
            &Outgoing {
                send_seq: pending.send_seq,
                conversation,
                group: pending.group,
                kind,
                epoch: pending.epoch,
                request: crate::outgoing::encode(request)?,
                digest,
                row: None,
                note: Vec::new(),
                created_at: self.now,
            },
        )?;
        Ok(())
    }

    /// The server does not allow an own Commit: the group is not what this device thinks, or the Commit breaks a rule.
    pub(crate) fn commit_refused(&mut self, id: &ConversationId) -> Result<(), Stop> {
        let Some(conversation) = self.conversation(id)? else { return Ok(()) };
        match conversation.state {
            ConversationState::Rejoining => self.rejoin_failed(id),
            ConversationState::Opening => self.creation_failed(id),
            _ => {
                // Perhaps the server has another history of the group: that shows in what it publishes (rule R4).
                self.session.refused.insert(*id);
                mark::set(self.tx, id, Mark::GroupInfo)?;
                self.session.attend_at(*id, self.now.after(schedule::COMMIT_SPACING_DEVICE));
                self.session.attend(*id);
                Ok(())
            }
        }
    }

    pub(crate) fn want_all(&mut self, heads: Vec<(AccountId, ListHead)>) -> Result<(), Stop> {
        for (account, head) in heads {
            self.want(account, head)?;
        }
        Ok(())
    }

    /// Waits for the stream to bring what the server spoke of, but not for ever once it has caught up.
    pub(crate) fn be_patient(&mut self, id: &ConversationId) -> Result<(), Stop> {
        if !self.session.is_listening() {
            return Ok(());
        }
        let until = self.session.waits_since(*id, self.now).after(schedule::STREAM_PATIENCE);
        if until > self.now {
            self.session.attend_at(*id, until);
            return Ok(());
        }
        self.session.waiting_since.remove(id);
        self.lose(id)
    }
}
