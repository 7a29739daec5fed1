//! Commits and new conversations: validated on a worker, compared again by the writer.
//!
//! ```text
//!  the same bytes again? ─ yes ─► the first answer          (before anything that the epoch could spoil)
//!  the epoch's turn?     ─ no ──► StaleEpoch …              (before any cryptography)
//!  Observer              ─ no ──► RefusedByPolicy
//!  AppendCommit          ─ the writer's compare-and-swap ─► MessageSent, or StaleEpoch for who lost the race
//! ```
//!
//! The Observer cannot see everything (rule R1): the members check again.

use bytes::Bytes;
use hushwire_group_policy::{
    CommitSummary, Followed, GroupExtension, Header, Observer, Published, Rank, direct_conversation_id,
    group_conversation_id, peek,
};
use hushwire_identity::LeafCredential;
use hushwire_server_store::account::{AccountState, DeviceAddress};
use hushwire_server_store::conversation::{self, AppendCommit, Commit, Committer, GroupBase, SendId, Slot};
use hushwire_server_store::decide::epoch;
use hushwire_types::{AccountId, Epoch, Generation, Timestamp};
use hushwire_wire::{ConversationKind, CreateConversation, Opaque, Response, SendCommit, limits};

use crate::check::{Check, Verdict, Work};
use crate::conversations::{Kind, digest, standing, turn};
use crate::fault::Fault;
use crate::job::{After, Job, address, sent_answer};
use crate::limits::Limit;
use crate::observers::{BASE_EVERY, Watched};
use crate::service::Service;
use crate::session::Caller;
use crate::step::{Origin, Step};

impl Service {
    pub(crate) fn send_commit(
        &self,
        caller: Caller,
        origin: Origin,
        commit: SendCommit,
        now: Timestamp,
    ) -> Result<Step, Fault> {
        self.limiter.take(Limit::Commit, caller.device.as_ref(), now)?;
        Ok(Step::check(Check::new(origin, Work::Commit(caller, Box::new(commit)))))
    }

    pub(crate) fn create(
        &self,
        caller: Caller,
        origin: Origin,
        create: CreateConversation,
        now: Timestamp,
    ) -> Result<Step, Fault> {
        self.limiter.take(Limit::Create, caller.account.as_ref(), now)?;
        Ok(Step::check(Check::new(origin, Work::Create(caller, Box::new(create)))))
    }

    pub(crate) fn check_commit(
        &self,
        caller: Caller,
        origin: Origin,
        commit: &SendCommit,
        now: Timestamp,
    ) -> Result<Verdict, Fault> {
        let send = commit_send(caller, commit);
        if let Some(answer) = self.repeated(&send)? {
            return Ok(Verdict::Answer(answer));
        }
        let conversation = self.conversation_of(caller.account, commit.conversation_id)?;
        // What is not of the current epoch is refused before any cryptography.
        epoch::commit(turn(&conversation), commit.generation, commit.epoch)?;
        let view = self.view(commit.conversation_id, commit.generation, commit.epoch)?;
        let view = view.ok_or(Fault::StaleEpoch(standing(&conversation)))?;
        let published = published(&commit.commit, &commit.group_info, commit.welcome.as_ref());
        let Followed { summary, next } =
            view.observer.check_commit(published, (caller.account, caller.device), now)?;
        self.check_added(caller, &summary)?;
        let base_due = summary.new_epoch.0.saturating_sub(conversation.base_epoch.0) >= BASE_EVERY;
        let base = if base_due { Some(base(&next)?) } else { None };
        let committer = if summary.external { Committer::External } else { Committer::Member };
        let append = AppendCommit {
            send,
            conversation: commit.conversation_id,
            generation: commit.generation,
            epoch: commit.epoch,
            committer,
            commit: stored((&commit.commit, &commit.group_info, commit.welcome.as_ref()), &summary, base),
        };
        let (conversation, generation) = (commit.conversation_id, commit.generation);
        let watched = Watched { conversation, generation, observer: next };
        let after = After::Sent {
            send_seq: commit.send_seq,
            sender: caller.account,
            conversation,
            watched: Some(Box::new(watched)),
        };
        Ok(Verdict::write(Job::new(origin, append, after)))
    }

    pub(crate) fn check_creation(
        &self,
        caller: Caller,
        origin: Origin,
        create: &CreateConversation,
        now: Timestamp,
    ) -> Result<Verdict, Fault> {
        // Whose conversation it is comes first: nobody else learns whether it exists.
        check_id(caller, create)?;
        self.check_successor(caller, create)?;
        let send = creation_send(caller, create);
        if let Some(answer) = self.repeated(&send)? {
            return Ok(Verdict::Answer(answer));
        }
        if let ConversationKind::Direct { peer } = create.kind {
            self.check_peer(peer)?;
        }
        let existing = self.store.conversation(create.conversation_id)?;
        if let Some(existing) = existing.filter(|existing| create.generation <= existing.generation) {
            return Err(Fault::ConversationExists(standing(&existing)));
        }
        let Followed { summary, next } = self.first_commit(caller, create, now)?;
        self.check_added(caller, &summary)?;
        let write = conversation::CreateConversation {
            send,
            conversation: create.conversation_id,
            generation: create.generation,
            kind: kind(caller, create),
            base: base(&next)?,
            commit: stored(
                (&create.commit, &create.commit_group_info, create.welcome.as_ref()),
                &summary,
                None,
            ),
        };
        let (conversation, generation) = (create.conversation_id, create.generation);
        let watched = Watched { conversation, generation, observer: next };
        let after = After::Sent {
            send_seq: create.send_seq,
            sender: caller.account,
            conversation,
            watched: Some(Box::new(watched)),
        };
        Ok(Verdict::write(Job::new(origin, write, after)))
    }

    /// A group is continued in another generation by those in charge of it (rule R1). Who is in that one and with which roles, its
    /// members judge: they know of epochs that a restored server has lost.
    fn check_successor(&self, caller: Caller, create: &CreateConversation) -> Result<(), Fault> {
        if create.kind != ConversationKind::Group || create.generation <= Generation(1) {
            return Ok(());
        }
        let known = self.conversation_of(caller.account, create.conversation_id)?;
        let view = self.view(known.conversation, known.generation, known.epoch)?.ok_or(Fault::Internal)?;
        let charter = view.observer.extension().charter().ok_or(Fault::UnknownConversation)?;
        if charter.rank(caller.account) >= Rank::Admin {
            return Ok(());
        }
        Err(Fault::Refused("only who is in charge of a group may set it up anew".to_owned()))
    }

    /// The group as its creator made it, followed through its first Commit.
    fn first_commit(
        &self,
        caller: Caller,
        create: &CreateConversation,
        now: Timestamp,
    ) -> Result<Followed, Fault> {
        let creator = (caller.account, caller.device);
        let lists = self.lists.clone();
        let observer =
            Observer::start(&self.suite, lists, &create.group_info, &create.ratchet_tree, creator, now)?;
        let fits = match create.kind {
            ConversationKind::Direct { peer } => {
                *observer.extension() == GroupExtension::direct(caller.account, peer, create.generation)
            }
            // Its charter is the observer's to judge.
            ConversationKind::Group => {
                let GroupExtension { conversation, generation, kind, .. } = observer.extension();
                matches!(kind, hushwire_group_policy::Kind::Group(_))
                    && (*conversation, *generation) == (create.conversation_id, create.generation)
            }
            _ => false,
        };
        if !fits {
            return Err(Fault::Refused("the group is of another conversation than it says".to_owned()));
        }
        let published = published(&create.commit, &create.commit_group_info, create.welcome.as_ref());
        Ok(observer.check_commit(published, creator, now)?)
    }

    /// The first answer, where this very send was accepted before.
    fn repeated(&self, send: &SendId) -> Result<Option<Response>, Fault> {
        match self.store.slot(send)? {
            Slot::Fresh => Ok(None),
            Slot::Repeated(answer) => Ok(Some(sent_answer(send.send_seq, answer))),
            Slot::Reused => Err(Fault::IdReused),
        }
    }

    /// Nobody is added who could not come.
    fn check_added(&self, caller: Caller, summary: &CommitSummary) -> Result<(), Fault> {
        let mut accounts: Vec<AccountId> = summary.added.iter().map(|leaf| leaf.account).collect();
        accounts.sort_unstable();
        accounts.dedup();
        let others = accounts.into_iter().filter(|account| *account != caller.account);
        others.into_iter().try_for_each(|account| self.check_peer(account))
    }

    fn check_peer(&self, account: AccountId) -> Result<(), Fault> {
        match self.store.account(account)?.map(|account| account.state) {
            Some(AccountState::Active) => Ok(()),
            Some(AccountState::Suspended) => Err(Fault::Suspended),
            Some(AccountState::Deleted) | None => Err(Fault::UnknownAccount),
        }
    }
}

fn commit_send(caller: Caller, commit: &SendCommit) -> SendId {
    let place = (commit.conversation_id, commit.generation, commit.epoch);
    let welcome = commit.welcome.as_ref().map_or(&[][..], |welcome| welcome.as_slice());
    let digest = digest(Kind::Commit, place, &[&commit.commit, &commit.group_info, welcome]);
    SendId { mailbox: caller.mailbox, send_seq: commit.send_seq, digest }
}

/// The id of a conversation is derived from those whose it is, so that nobody takes that of others.
fn check_id(caller: Caller, create: &CreateConversation) -> Result<(), Fault> {
    match create.kind {
        ConversationKind::Direct { peer } => {
            if create.conversation_id == direct_conversation_id(caller.account, peer) {
                return Ok(());
            }
            Err(Fault::Refused("the conversation is not between these two accounts".to_owned()))
        }
        ConversationKind::Group => {
            let Header::GroupInfo(at) = peek(&create.group_info)? else {
                return Err(Fault::Refused("a conversation begins with a GroupInfo".to_owned()));
            };
            // A later generation is another group of the same conversation: see `check_successor`.
            if create.generation > Generation(1)
                || create.conversation_id == group_conversation_id(caller.account, at.group_id)
            {
                return Ok(());
            }
            Err(Fault::Refused("the conversation's id is not that of a new group of this account".to_owned()))
        }
        _ => Err(Fault::Unsupported),
    }
}

fn kind(caller: Caller, create: &CreateConversation) -> conversation::ConversationKind {
    match create.kind {
        ConversationKind::Direct { peer } => conversation::ConversationKind::direct(caller.account, peer),
        _ => conversation::ConversationKind::Group,
    }
}

fn creation_send(caller: Caller, create: &CreateConversation) -> SendId {
    let place = (create.conversation_id, create.generation, Epoch(0));
    let peer: &[u8] = match &create.kind {
        ConversationKind::Direct { peer } => peer.as_ref(),
        _ => &[],
    };
    let welcome = create.welcome.as_ref().map_or(&[][..], |welcome| welcome.as_slice());
    let parts: [&[u8]; 6] =
        [peer, &create.group_info, &create.ratchet_tree, &create.commit, &create.commit_group_info, welcome];
    let digest = digest(Kind::Creation, place, &parts);
    SendId { mailbox: caller.mailbox, send_seq: create.send_seq, digest }
}

fn published<'a>(commit: &'a Opaque, group_info: &'a Opaque, welcome: Option<&'a Opaque>) -> Published<'a> {
    Published { commit, group_info, welcome: welcome.map(Opaque::as_slice) }
}

fn base(observer: &Observer) -> Result<GroupBase, Fault> {
    let snapshot = observer.snapshot().map_err(|error| {
        tracing::error!(%error, "a group cannot be saved");
        Fault::Internal
    })?;
    Ok(GroupBase { epoch: observer.epoch(), snapshot: snapshot.into() })
}

/// What the store does for a checked Commit.
fn stored(
    (commit, group_info, welcome): (&Opaque, &Opaque, Option<&Opaque>),
    summary: &CommitSummary,
    base: Option<GroupBase>,
) -> Commit {
    let addresses = |leaves: &[LeafCredential]| -> Vec<DeviceAddress> {
        leaves.iter().map(|leaf| address(leaf.account, leaf.device)).collect()
    };
    Commit {
        commit: kept(commit),
        group_info: kept(group_info),
        welcome: welcome.map(kept),
        added: addresses(&summary.added),
        removed: addresses(&summary.removed),
        base,
    }
}

/// Bytes for the store. Small ones are copied, so that an entry that waits in a queue does not keep the buffer of a whole
/// frame; large ones are shared with the upload, which they are nearly all of.
fn kept(body: &Opaque) -> Bytes {
    if body.len() > limits::MESSAGE_BYTES { body.clone().into_bytes() } else { Bytes::copy_from_slice(body) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_body_keeps_no_frame_and_a_large_one_is_not_copied() {
        for (bytes, shared) in
            [(10, false), (limits::MESSAGE_BYTES, false), (limits::MESSAGE_BYTES + 1, true)]
        {
            let body = Opaque::from(vec![7; bytes]);
            let kept = kept(&body);
            assert_eq!((kept.len(), kept.as_ptr() == body.as_ptr()), (bytes, shared), "{bytes}");
        }
    }
}
