//! Opening a direct conversation: lists, KeyPackages, group, first Commit and Welcome in one request.
//!
//! Invariants:
//! - The group is made of devices in the peer's verified list only; a KeyPackage of any other is refused loudly.
//! - The first creation wins. The loser drops its group, waits for the winner's Welcome, and rejoins if that does not come.

use std::time::Duration;

use hushwire_client_store::conversation::{Conversation, ConversationKind, ConversationState};
use hushwire_client_store::mark::{self, Mark};
use hushwire_client_store::outbox::{self, Outgoing, SendKind};
use hushwire_client_store::pending_commit::{self, PendingCommit};
use hushwire_client_store::{progress, register, timeline};
use hushwire_group_policy::GroupExtension;
use hushwire_mls::{Addition, Change, Intent, MlsError, NewGroup, Published, StagedCommit, peek_key_package};
use hushwire_types::{AccountId, ConversationId, DeviceId, Epoch, Generation, GroupId, rng};
use hushwire_wire as wire;
use hushwire_wire::{ErrorCode, Opaque, Standing};

use crate::handover::history_wanted;
use crate::step::Step;
use crate::stop::{Stop, own_fault};
use crate::{Alert, Event, Tag, schedule};

const FIRST: Generation = Generation(1);

/// Whether keys that do not fit were told about on this connection already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loudness {
    First,
    Again,
}

impl Step<'_, '_> {
    /// Looks after a conversation whose group does not exist yet.
    pub(crate) fn open(&mut self, conversation: &Conversation) -> Result<(), Stop> {
        if !self.session.is_online() {
            return Ok(());
        }
        if conversation.group.is_none() && self.is_renewing(&conversation.id)? {
            return self.renew(conversation);
        }
        let ConversationKind::Direct { peer } = conversation.kind else {
            return self.open_group(conversation);
        };
        if conversation.group.is_some() {
            return self.await_creation(conversation);
        }
        if conversation.generation > Generation(0) {
            // It exists on the server: the Welcome is on its way, or lost.
            return self.be_patient(&conversation.id);
        }
        // Settings for the other devices, and asking them for the past, are no texts, and wait as well.
        let untold = peer == self.me.account
            && (!register::untold(self.tx, 1)?.is_empty() || history_wanted(self.tx)?.is_some());
        if !untold && timeline::unencrypted(self.tx, &conversation.id, 1)?.is_empty() {
            return Ok(());
        }
        let others = self.claimed_of_peer(&conversation.id, peer)?;
        let own = self.claimed_of_own(&conversation.id)?;
        let (Some(mut add), Some(own)) = (others, own) else { return Ok(()) };
        if !self.has_room_for(&conversation.id)? {
            return Ok(());
        }
        add.extend(own);
        self.create(conversation.clone(), peer, add)
    }

    /// The KeyPackages of a peer, of whom one is needed at least; none yet while they are asked for. Of oneself there are
    /// none but those of [`Step::claimed_of_own`].
    pub(crate) fn claimed_of_peer(
        &mut self,
        id: &ConversationId,
        peer: AccountId,
    ) -> Result<Option<Vec<Addition>>, Stop> {
        if peer == self.me.account {
            return Ok(Some(Vec::new()));
        }
        let fresh = self.connection().is_some_and(|connection| connection.fresh.contains(&peer));
        if !fresh || !self.recall(&peer)? {
            self.fetch_list(peer)?;
            return Ok(None);
        }
        if let Some(claimed) = self.session.claimed.get(&(*id, peer)) {
            return Ok(Some(claimed.clone()));
        }
        let tag = Tag::Claim { conversation: *id, account: peer };
        self.request(tag, wire::RecipientKeys { account_id: peer, device_ids: Vec::new() });
        Ok(None)
    }

    /// The KeyPackages of this account's other devices, which are in a conversation from its first epoch on, so that they
    /// have its first message; none yet while they are asked for. One that has none now is added when it has.
    pub(crate) fn claimed_of_own(&mut self, id: &ConversationId) -> Result<Option<Vec<Addition>>, Stop> {
        let own = self.me.account;
        let list = self.own_list()?;
        let devices = list.active_devices().into_iter().map(|device| device.id);
        let device_ids: Vec<DeviceId> = devices
            .filter(|device| *device != self.me.device)
            .take(wire::limits::CLAIMED_KEY_PACKAGES)
            .collect();
        if device_ids.is_empty() {
            return Ok(Some(Vec::new()));
        }
        if let Some(claimed) = self.session.claimed.get(&(*id, own)) {
            return Ok(Some(claimed.clone()));
        }
        let tag = Tag::Claim { conversation: *id, account: own };
        self.request(tag, wire::RecipientKeys { account_id: own, device_ids });
        Ok(None)
    }

    /// The own creation is under way. Accepted and not brought back by the stream for long, the group is entered anew.
    pub(crate) fn await_creation(&mut self, conversation: &Conversation) -> Result<(), Stop> {
        let requests = outbox::of_conversation(self.tx, &conversation.id)?;
        if requests.iter().any(|row| row.kind == SendKind::Create) {
            Ok(())
        } else {
            self.be_patient(&conversation.id)
        }
    }

    /// The server's answer to [`Tag::Claim`].
    pub(crate) fn claim_answer(
        &mut self,
        id: &ConversationId,
        account: AccountId,
        result: Result<&wire::ClaimedKeyPackages, &wire::Error>,
    ) -> Result<(), Stop> {
        let tag = Tag::Claim { conversation: *id, account };
        self.session.attend(*id);
        if let Some(conversation) = self.conversation(id)?
            && conversation.kind == ConversationKind::Group
        {
            return self.claimed_for_group(&conversation, account, result);
        }
        let own_of_a_new_one = account == self.me.account && self.is_to_be_made(id)?;
        let claimed = match result {
            Ok(claimed) => claimed,
            Err(error) => match error.code {
                ErrorCode::NoKeyPackage if own_of_a_new_one => {
                    self.session.claimed.insert((*id, account), Vec::new());
                    return Ok(());
                }
                ErrorCode::UnknownAccount | ErrorCode::AccountSuspended => {
                    let reason = match error.text.as_str() {
                        "" => "the server refused it",
                        text => text,
                    };
                    return self.fail_texts(id, reason);
                }
                _ => return self.put_off(tag, error),
            },
        };
        let Some(conversation) = self.conversation(id)? else { return Ok(()) };
        let again = self.connection().is_some_and(|connection| connection.tries(&tag) > 0);
        let loudness = if again { Loudness::Again } else { Loudness::First };
        let add = self.additions(account, claimed, loudness)?;
        if add.is_empty() && !own_of_a_new_one {
            self.claim_later(tag);
            return Ok(());
        }
        match conversation.state {
            ConversationState::Opening if self.is_to_be_made(id)? => {
                self.session.claimed.insert((*id, account), add);
                Ok(())
            }
            ConversationState::Active => self.add_devices(&conversation, add),
            _ => Ok(()),
        }
    }

    /// Whether this device is still to make the group of a conversation.
    pub(crate) fn is_to_be_made(&self, id: &ConversationId) -> Result<bool, Stop> {
        let renewing = self.is_renewing(id)?;
        let to_be_made = |known: Conversation| {
            known.state == ConversationState::Opening
                && known.group.is_none()
                && (known.generation == Generation(0) || renewing)
        };
        Ok(self.conversation(id)?.is_some_and(to_be_made))
    }

    /// A claim that brought nothing: whoever has no KeyPackages may have some later.
    pub(crate) fn claim_later(&mut self, tag: Tag) {
        let now = self.now;
        if let Some(connection) = self.connection() {
            connection.put_off(tag, Duration::ZERO, now);
        }
    }

    /// The claimed KeyPackages that can be used: of active devices of the account, under a list head that is known.
    pub(crate) fn additions(
        &mut self,
        account: AccountId,
        claimed: &wire::ClaimedKeyPackages,
        loudness: Loudness,
    ) -> Result<Vec<Addition>, Stop> {
        let Some(list) = self.list(&account)? else { return Ok(Vec::new()) };
        let mut additions = Vec::new();
        for package in &claimed.key_packages {
            let peeked = peek_key_package(&package.key_package).ok().map(|peeked| peeked.credential);
            let known = list.device(package.device_id).is_some();
            let Some(credential) = peeked.filter(|credential| {
                known && credential.account == account && credential.device == package.device_id
            }) else {
                if loudness == Loudness::First {
                    self.alert(Alert::BadKeys { account }, None)?;
                }
                continue;
            };
            if !list.knows(credential.list) {
                self.want(account, credential.list)?;
                continue;
            }
            additions.push(Addition {
                account,
                device: package.device_id,
                key_package: package.key_package.to_vec(),
            });
        }
        Ok(additions)
    }

    /// Makes the group of a direct conversation, of its first or of a later generation.
    pub(crate) fn create(
        &mut self,
        mut conversation: Conversation,
        peer: AccountId,
        add: Vec<Addition>,
    ) -> Result<(), Stop> {
        let group_id = GroupId::new(rng::bytes(self.entropy));
        let generation = conversation.generation.next();
        let extension = GroupExtension::direct(self.me.account, peer, generation);
        self.forget_claims(&conversation.id);
        let published = self.device.create(NewGroup { group_id, extension }, self.shared_now());
        let Ok(published) = published else { return self.creation_failed(&conversation.id) };
        let intent = match add.is_empty() {
            true => Intent::Refresh,
            false => Intent::Change(Change { add, ..Change::default() }),
        };
        let staged = match self.stage_commit(&group_id, &intent)? {
            Ok(staged) => staged,
            Err(error) => return self.creation_impossible(&conversation, group_id, peer, error),
        };
        conversation.group = Some(group_id);
        conversation.generation = generation;
        self.save(&conversation)?;
        self.send_creation(&conversation, wire::ConversationKind::Direct { peer }, published, staged)
    }

    /// The KeyPackages that the server gave do not fit the peer's list: nothing is created.
    fn creation_impossible(
        &mut self,
        conversation: &Conversation,
        group: GroupId,
        peer: AccountId,
        error: MlsError,
    ) -> Result<(), Stop> {
        self.device.delete(&group).map_err(|error| own_fault(&error))?;
        match error {
            MlsError::MissingLists(heads) => return self.want_all(heads),
            MlsError::Refused(_) => self.alert(Alert::BadKeys { account: peer }, Some(conversation.id))?,
            error => return Err(own_fault(&error)),
        }
        let (tag, now) = (Tag::Claim { conversation: conversation.id, account: peer }, self.now);
        if let Some(connection) = self.connection() {
            connection.put_off(tag, schedule::COMMIT_SPACING_DEVICE, now);
        }
        Ok(())
    }

    pub(crate) fn send_creation(
        &mut self,
        conversation: &Conversation,
        kind: wire::ConversationKind,
        published: Published,
        staged: StagedCommit,
    ) -> Result<(), Stop> {
        let send_seq = progress::take_send_seq(self.tx)?;
        let hash = staged.hash.as_bytes().to_vec();
        let request = wire::CreateConversation {
            send_seq,
            conversation_id: conversation.id,
            generation: conversation.generation,
            kind,
            group_info: Opaque::from(published.group_info),
            ratchet_tree: Opaque::from(published.ratchet_tree),
            commit: Opaque::from(staged.bytes),
            commit_group_info: Opaque::from(staged.group_info),
            welcome: staged.welcome.map(Opaque::from),
        };
        let Some(group) = conversation.group else { return Ok(()) };
        let pending = PendingCommit {
            group,
            send_seq,
            epoch: Epoch(0),
            hash,
            secrets: staged.secrets,
            intent: Vec::new(),
            made_at: self.now,
        };
        self.send_pending(conversation.id, &pending, SendKind::Create, request.into())
    }

    /// Somebody else created the conversation first, or this device did and has forgotten it.
    pub(crate) fn exists_already(&mut self, row: &Outgoing, standing: Option<Standing>) -> Result<(), Stop> {
        self.drop_creation(row)?;
        let Some(mut conversation) = self.conversation(&row.conversation)? else { return Ok(()) };
        if self.is_renewing(&row.conversation)? {
            // What this device knows stays what it compares the other generation with.
            self.end_renewal(&row.conversation)?;
            mark::set(self.tx, &row.conversation, Mark::Superseded)?;
        } else if conversation.state == ConversationState::Opening {
            let standing = standing.unwrap_or(Standing { generation: FIRST, epoch: Epoch(0) });
            conversation.generation = standing.generation;
            conversation.known_epoch = standing.epoch;
            self.save(&conversation)?;
        }
        self.session.attend(row.conversation);
        Ok(())
    }

    /// Drops an own group that was never accepted, with its request. One that was accepted once and is sent again to a
    /// server that lost it stays.
    pub(crate) fn drop_creation(&mut self, row: &Outgoing) -> Result<(), Stop> {
        outbox::delete(self.tx, row.send_seq)?;
        if pending_commit::find(self.tx, &row.group)?.is_none_or(|pending| pending.send_seq != row.send_seq) {
            return Ok(());
        }
        pending_commit::delete(self.tx, &row.group)?;
        if self.load_group(&row.group)? {
            self.device.delete(&row.group).map_err(|error| own_fault(&error))?;
        }
        let Some(mut conversation) = self.conversation(&row.conversation)? else { return Ok(()) };
        if conversation.group == Some(row.group) {
            conversation.group = None;
            conversation.generation = Generation(conversation.generation.0.saturating_sub(1));
            self.save(&conversation)?;
        }
        Ok(())
    }

    /// Drops the own group of a conversation that is being opened, where there is one.
    pub(crate) fn drop_own_creation(&mut self, id: &ConversationId) -> Result<(), Stop> {
        for row in outbox::of_conversation(self.tx, id)? {
            if row.kind == SendKind::Create {
                self.drop_creation(&row)?;
            }
        }
        Ok(())
    }

    /// The server refuses to create the conversation.
    pub(crate) fn creation_failed(&mut self, id: &ConversationId) -> Result<(), Stop> {
        let Some(mut conversation) = self.conversation(id)? else { return Ok(()) };
        conversation.attempts = conversation.attempts.saturating_add(1);
        let given_up = conversation.attempts > schedule::REJOIN_TRIES;
        self.save(&conversation)?;
        if given_up && self.is_renewing(id)? {
            return self.renewal_failed(id);
        }
        if given_up {
            self.fail_texts(id, "the server does not let this conversation be created")?;
            return self.event(&Event::Conversation, Some(*id), None);
        }
        self.session.attend_at(*id, self.now.after(schedule::STREAM_PATIENCE));
        Ok(())
    }
}
