//! Messages of a conversation: application messages, ephemeral ones, and the public state that joiners fetch.
//!
//! The header of each message is compared with what its sender says of it (rule R9), so that the store's decisions,
//! which go by the request, hold for the message itself.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use hushwire_group_policy::{Header, peek};
use hushwire_server_store::conversation::{Append, Conversation, ConversationKind, SendId};
use hushwire_server_store::decide;
use hushwire_types::{AccountId, BodyDigest, ConversationId, Epoch, Generation, GroupId, SendSeq, Timestamp};
use hushwire_wire::{
    BodyRef, Ephemeral, EphemeralSent, FetchGroup, Group, Opaque, ReferredGroup, Response, SendEphemeral,
    SendMessage, Standing, limits,
};
use lru::LruCache;
use sha2::{Digest, Sha256};

use crate::check::{Check, Verdict, Work};
use crate::fault::Fault;
use crate::job::{After, Job};
use crate::limits::Limit;
use crate::observers::Watched;
use crate::service::Service;
use crate::session::Caller;
use crate::step::{Event, Origin, Outbound, Step};

/// About 150 bytes each.
const CACHED: NonZeroUsize = NonZeroUsize::MIN.saturating_add(65_535);

/// What of a conversation does not change within a generation.
#[derive(Debug, Clone, Copy)]
struct Known {
    kind: ConversationKind,
    generation: Generation,
    group_id: GroupId,
}

/// Which group stands under which conversation, and whose it is.
pub(crate) struct Directory {
    cache: Mutex<LruCache<ConversationId, Known>>,
}

impl Directory {
    pub(crate) fn new() -> Self {
        Self { cache: Mutex::new(LruCache::new(CACHED)) }
    }

    fn find(&self, conversation: ConversationId) -> Option<Known> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner).get(&conversation).copied()
    }

    fn keep(&self, conversation: ConversationId, known: Known) {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner).put(conversation, known);
    }
}

impl Service {
    pub(crate) fn send_message(
        &self,
        caller: Caller,
        origin: Origin,
        message: SendMessage,
        now: Timestamp,
    ) -> Result<Step, Fault> {
        self.limiter.take(Limit::Send, caller.device.as_ref(), now)?;
        let SendMessage { send_seq, conversation_id: conversation, generation, epoch, body } = message;
        self.check_header(caller, (conversation, generation, epoch), &body)?;
        let digest = digest(Kind::Message, (conversation, generation, epoch), &[&body]);
        let append = Append {
            send: SendId { mailbox: caller.mailbox, send_seq, digest },
            conversation,
            generation,
            epoch,
            body: body.into(),
        };
        Ok(Step::write(Job::new(origin, append, sent(caller, send_seq, conversation))))
    }

    pub(crate) fn send_ephemeral(
        &self,
        caller: Caller,
        origin: Origin,
        message: SendEphemeral,
        now: Timestamp,
    ) -> Result<Step, Fault> {
        self.limiter.take(Limit::Ephemeral, caller.device.as_ref(), now)?;
        let SendEphemeral { conversation_id, generation, epoch, body } = message;
        self.check_header(caller, (conversation_id, generation, epoch), &body)?;
        let conversation = self.conversation_of(caller.account, conversation_id)?;
        decide::epoch::application(turn(&conversation), generation, epoch)?;
        if !conversation.members.iter().any(|member| member.mailbox == caller.mailbox) {
            return Err(Fault::NotAMember);
        }
        let others = conversation.members.iter().filter(|member| member.mailbox != caller.mailbox);
        let readers = others.filter(|member| member.since_epoch <= epoch);
        let ephemeral = Ephemeral { conversation_id, generation, body };
        let outbound = readers
            .filter_map(|member| self.hub.connection(member.mailbox))
            .map(|connection| Outbound { connection, event: Event::Ephemeral(ephemeral.clone()) });
        Ok(Step { outbound: outbound.collect(), ..Step::answer(origin, EphemeralSent) })
    }

    pub(crate) fn fetch_group(
        &self,
        caller: Caller,
        origin: Origin,
        fetch: FetchGroup,
        now: Timestamp,
    ) -> Result<Step, Fault> {
        self.limiter.take(Limit::FetchGroup, caller.device.as_ref(), now)?;
        Ok(Step::check(Check::new(origin, Work::Fetch(caller, fetch))))
    }

    /// GroupInfo and tree, for whom rule R7 allows it: an account in the current tree may have the current state, a
    /// device with a leaf in an older tree may have that tree, which it joins by.
    pub(crate) fn fetched(&self, caller: Caller, fetch: &FetchGroup) -> Result<Verdict, Fault> {
        let state = self.group_state(caller, fetch)?;
        let ratchet_tree = state.tree()?;
        let GroupState { conversation_id, generation, epoch, group_info, .. } = state;
        let at = (conversation_id, generation, epoch);
        Ok(Verdict::Answer(group_answer(at, group_info, ratchet_tree)))
    }

    /// The public state of a group for whom rule R7 allows it.
    pub(crate) fn group_state(&self, caller: Caller, fetch: &FetchGroup) -> Result<GroupState, Fault> {
        let conversation = self.conversation_of(caller.account, fetch.conversation_id)?;
        let standing = standing(&conversation);
        if fetch.generation.is_some_and(|generation| generation != conversation.generation) {
            return Err(Fault::ClosedGeneration(standing));
        }
        let info = self.store.group_info(conversation.conversation)?.ok_or(Fault::UnknownConversation)?;
        let epoch = fetch.epoch.unwrap_or(info.epoch);
        if epoch > info.epoch {
            return Err(Fault::FutureEpoch(standing));
        }
        let view = self.view(conversation.conversation, info.generation, epoch)?;
        let view = view.ok_or(Fault::StaleEpoch(standing))?;
        let roster = view.observer.roster().map_err(|_| Fault::Internal)?;
        let allowed = roster.iter().any(|leaf| {
            leaf.account == caller.account && (epoch == info.epoch || leaf.device == caller.device)
        });
        if !allowed {
            return Err(Fault::NotAMember);
        }
        let group_info = (epoch == info.epoch).then_some(info.bytes);
        let (conversation_id, generation) = (conversation.conversation, info.generation);
        Ok(GroupState { conversation_id, generation, epoch, standing, group_info, view })
    }

    /// A conversation that the caller may know of.
    pub(crate) fn conversation_of(
        &self,
        account: AccountId,
        conversation: ConversationId,
    ) -> Result<Conversation, Fault> {
        let found = self.store.conversation(conversation)?;
        found.filter(|found| concerns(found, account)).ok_or(Fault::UnknownConversation)
    }

    /// What somebody without a leaf may know: a stranger not even that there is a conversation.
    pub(crate) fn not_a_member(&self, account: AccountId, conversation: ConversationId) -> Fault {
        match self.conversation_of(account, conversation) {
            Ok(_) => Fault::NotAMember,
            Err(fault) => fault,
        }
    }

    /// The header says PrivateMessage with application data, and the same group and epoch as the request.
    fn check_header(&self, caller: Caller, at: Where, body: &[u8]) -> Result<(), Fault> {
        let (conversation, generation, epoch) = at;
        let known = self.known(conversation, generation)?;
        let known = known.filter(|known| may_concern(known.kind, caller.account));
        let known = known.ok_or(Fault::UnknownConversation)?;
        let Header::Application(header) = peek(body)? else {
            return Err(Fault::Refused("only application messages are sent this way".to_owned()));
        };
        // Of a closed generation the store refuses whatever is not a repetition.
        let group_fits = generation != known.generation || header.group_id == known.group_id;
        if group_fits && header.epoch == epoch {
            Ok(())
        } else {
            Err(Fault::Refused("the message is of another group or epoch than it says".to_owned()))
        }
    }

    fn known(&self, conversation: ConversationId, generation: Generation) -> Result<Option<Known>, Fault> {
        if let Some(known) = self.directory.find(conversation).filter(|known| known.generation >= generation)
        {
            return Ok(Some(known));
        }
        let Some(found) = self.store.conversation(conversation)? else { return Ok(None) };
        let Some(info) = self.store.group_info(conversation)? else { return Ok(None) };
        let Header::GroupInfo(at) = peek(&info.bytes)? else { return Err(Fault::Internal) };
        let known = Known { kind: found.kind, generation: info.generation, group_id: at.group_id };
        self.directory.keep(conversation, known);
        Ok(Some(known))
    }
}

/// A group in one epoch, as somebody may have it.
pub(crate) struct GroupState {
    conversation_id: ConversationId,
    generation: Generation,
    epoch: Epoch,
    pub(crate) standing: Standing,
    /// Of the current epoch only.
    pub(crate) group_info: Option<Bytes>,
    view: Arc<Watched>,
}

impl GroupState {
    /// The ratchet tree.
    pub(crate) fn tree(&self) -> Result<Vec<u8>, Fault> {
        self.view.observer.tree().map_err(|_| Fault::Internal)
    }
}

/// A group as it is told: in the frame itself while it fits, else by reference.
fn group_answer(at: Where, group_info: Option<Bytes>, ratchet_tree: Vec<u8>) -> Response {
    let (conversation_id, generation, epoch) = at;
    let size = ratchet_tree.len().saturating_add(group_info.as_ref().map_or(0, Bytes::len));
    if size > limits::FRAME_BYTES - FRAME_OVERHEAD {
        let (group_info, ratchet_tree) = (group_info.as_deref().map(refer), refer(&ratchet_tree));
        return ReferredGroup { conversation_id, generation, epoch, group_info, ratchet_tree }.into();
    }
    let (group_info, ratchet_tree) = (group_info.map(Opaque::from), Opaque::from(ratchet_tree));
    Group { conversation_id, generation, epoch, group_info, ratchet_tree }.into()
}

/// What stands for bytes that are fetched.
fn refer(bytes: &[u8]) -> BodyRef {
    let digest = BodyDigest::new(Sha256::digest(bytes).into());
    BodyRef { digest, length: u32::try_from(bytes.len()).unwrap_or(u32::MAX) }
}

/// A conversation, a generation and an epoch.
pub(crate) type Where = (ConversationId, Generation, Epoch);

/// Bytes of a frame around a tree and a GroupInfo.
const FRAME_OVERHEAD: usize = 256;

/// Whether an account has a part in a conversation, so that it may know of it.
fn concerns(conversation: &Conversation, account: AccountId) -> bool {
    match conversation.kind {
        ConversationKind::Direct(..) => may_concern(conversation.kind, account),
        ConversationKind::Group => {
            conversation.members.iter().any(|member| member.address.account == account)
        }
    }
}

/// The same by the kind alone, which does not tell who is in a group: the store refuses strangers there.
fn may_concern(kind: ConversationKind, account: AccountId) -> bool {
    match kind {
        ConversationKind::Direct(one, other) => account == one || account == other,
        ConversationKind::Group => true,
    }
}

/// Where a conversation stands, for its members' errors.
pub(crate) const fn standing(conversation: &Conversation) -> Standing {
    Standing { generation: conversation.generation, epoch: conversation.epoch }
}

/// The same for the decisions that the store shares with us.
pub(crate) const fn turn(conversation: &Conversation) -> decide::epoch::Standing {
    decide::epoch::Standing { generation: conversation.generation, epoch: conversation.epoch }
}

/// What a send is, so that no two kinds ever have the same digest.
#[derive(Debug, Clone, Copy)]
#[repr(u8)]
pub(crate) enum Kind {
    Message = 1,
    Commit = 2,
    Creation = 3,
}

/// SHA-256 of everything that must be the same for a send to be the same.
pub(crate) fn digest(kind: Kind, (conversation, generation, epoch): Where, parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new()
        .chain_update([kind as u8])
        .chain_update(conversation)
        .chain_update(generation.0.to_be_bytes())
        .chain_update(epoch.0.to_be_bytes());
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// What a send without an Observer leads to.
fn sent(caller: Caller, send_seq: SendSeq, conversation: ConversationId) -> After {
    After::Sent { send_seq, sender: caller.account, conversation, watched: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hushwire_wire::{RequestId, frame};

    #[test]
    fn a_group_goes_in_the_frame_while_it_fits() {
        let at = (ConversationId::new([1; 32]), Generation(u64::MAX), Epoch(u64::MAX));
        let most = limits::FRAME_BYTES - 256;
        for info in [None, Some(1_000)] {
            let answer = |bytes: usize| {
                let tree = vec![7; bytes - info.unwrap_or(0)];
                group_answer(at, info.map(|bytes| vec![8; bytes].into()), tree)
            };
            let largest = answer(most);
            assert!(matches!(largest, Response::Group(_)));
            let written = frame::encode_server(RequestId::new(u64::MAX), &largest);
            assert!(written.is_ok(), "what stands in a frame is no longer than one");
            assert!(matches!(answer(most + 1), Response::ReferredGroup(_)));
        }
    }
}
