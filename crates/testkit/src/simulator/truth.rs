//! What became of groups, as the server accepted it: who was in one when, and in which epoch each message was written.
//!
//! It is taken from the requests and the store, never from what a device believes, so that devices can be held to it.

use std::collections::BTreeMap;

use hushwire_group_policy::{Charter, GroupExtension, Role};
use hushwire_server_store::Store as _;
use hushwire_server_store::conversation::ConversationKind;
use hushwire_server_store::memory::MemoryStore;
use hushwire_types::{AccountId, ConversationId, DeviceId, Epoch, Generation, Order};
use hushwire_wire::{MessageSent, Request};

use super::failure::{Failure, OrFail};

/// One epoch of a group.
#[derive(Debug, Clone)]
pub(crate) struct Stage {
    pub(crate) conversation: ConversationId,
    pub(crate) generation: Generation,
    pub(crate) epoch: Epoch,
    /// Whose Commit began it.
    pub(crate) by: DeviceId,
    /// The place of that Commit.
    pub(crate) order: Order,
    pub(crate) members: BTreeMap<DeviceId, AccountId>,
    pub(crate) charter: Charter,
}

impl Stage {
    /// Whether a device is in the group, and its account means to stay.
    pub(crate) fn has(&self, device: DeviceId) -> bool {
        self.members.get(&device).is_some_and(|account| self.charter.role(*account) != Role::Leaving)
    }

    /// Whether an account is in the group, and means to stay.
    pub(crate) fn has_account(&self, account: AccountId) -> bool {
        self.members.values().any(|member| *member == account) && self.charter.role(account) != Role::Leaving
    }
}

/// Everything that was accepted in groups.
#[derive(Debug, Clone, Default)]
pub(crate) struct Truth {
    /// In the order in which they began.
    pub(crate) stages: Vec<Stage>,
    /// The epochs in which messages were written, by their places.
    pub(crate) written: BTreeMap<(ConversationId, Generation, Order), (DeviceId, Epoch)>,
}

impl Truth {
    /// The server says that it has accepted what a device asked for, now or earlier.
    pub(crate) fn accept(
        &mut self,
        store: &MemoryStore,
        by: DeviceId,
        request: &Request,
        sent: &MessageSent,
    ) -> Result<(), Failure> {
        match request {
            Request::SendMessage(message) => {
                let place = (message.conversation_id, message.generation, sent.order);
                self.written.entry(place).or_insert((by, message.epoch));
                Ok(())
            }
            Request::SendCommit(commit) => {
                self.begin(store, by, commit.conversation_id, &commit.group_info, sent.order)
            }
            Request::CreateConversation(create) => {
                self.begin(store, by, create.conversation_id, &create.commit_group_info, sent.order)
            }
            _ => Ok(()),
        }
    }

    /// A Commit was accepted: the store has the epoch that it began, unless it is said for the second time.
    fn begin(
        &mut self,
        store: &MemoryStore,
        by: DeviceId,
        id: ConversationId,
        group_info: &[u8],
        order: Order,
    ) -> Result<(), Failure> {
        let known = store.conversation(id).or_fail("the store")?.or_fail("a conversation")?;
        let place = (known.generation, known.epoch);
        let is_known = self.of(id).any(|stage| (stage.generation, stage.epoch) >= place);
        if known.kind != ConversationKind::Group || is_known {
            return Ok(());
        }
        let extension = GroupExtension::peek(group_info).or_fail("a published GroupInfo")?;
        let members = known.members.iter();
        self.stages.push(Stage {
            conversation: id,
            generation: known.generation,
            epoch: known.epoch,
            by,
            order,
            members: members.map(|member| (member.address.device, member.address.account)).collect(),
            charter: extension.charter().cloned().or_fail("a charter")?,
        });
        Ok(())
    }

    /// The epochs of a conversation.
    pub(crate) fn of(&self, id: ConversationId) -> impl DoubleEndedIterator<Item = &Stage> {
        self.stages.iter().filter(move |stage| stage.conversation == id)
    }
}
