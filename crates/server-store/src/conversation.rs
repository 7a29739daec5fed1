//! Conversations: who is in one, at which epoch it stands, and what is sent to it.
//!
//! Invariants:
//! - The epoch of a generation only increases, by one with each Commit (rule R1); a closed generation stays closed.
//! - A send, its fan-out to every mailbox and its answer are one transaction; the answer is kept for 64 sends, so the
//!   same bytes again get the first answer again.
//! - Routing (who receives) changes only with the Commit that changes the group.

use bytes::Bytes;
use hushwire_types::{AccountId, ConversationId, Epoch, Generation, Order, SendSeq, Timestamp};

use crate::account::DeviceAddress;
use crate::mailbox::{MailboxKey, Publication};

/// Who sends, and under which number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SendId {
    /// The sender's mailbox.
    pub mailbox: MailboxKey,
    /// Its number, rising; numbers may be skipped.
    pub send_seq: SendSeq,
    /// SHA-256 of what is sent, all of it that must be the same to be the same send.
    pub digest: [u8; 32],
}

/// Sends an application message. Answers [`Written::Sent`](crate::Written::Sent) with one publication.
#[derive(Debug, Clone)]
pub struct Append {
    /// Who sends, and under which number.
    pub send: SendId,
    /// The conversation.
    pub conversation: ConversationId,
    /// Its generation.
    pub generation: Generation,
    /// The epoch in the message's MLS header.
    pub epoch: Epoch,
    /// The MLSMessage.
    pub body: Bytes,
}

/// What a Commit, validated by the caller, does.
#[derive(Debug, Clone)]
pub struct Commit {
    /// The MLSMessage.
    pub commit: Bytes,
    /// The published GroupInfo of the epoch after it, without the tree.
    pub group_info: Bytes,
    /// The Welcome for all that it adds.
    pub welcome: Option<Bytes>,
    /// Leaves that it adds by Add. Devices without a mailbox (revoked meanwhile) are passed over.
    pub added: Vec<DeviceAddress>,
    /// Leaves that it removes.
    pub removed: Vec<DeviceAddress>,
    /// A new base of the server's view of the group.
    pub base: Option<GroupBase>,
}

/// Who makes a Commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Committer {
    /// A current member.
    Member,
    /// A device that joins by an external Commit; the caller has checked that its account is in the group (rule R7).
    External,
}

/// Sends a Commit: compare-and-swap on the epoch; then routing, log, GroupInfo, Welcomes and notices at once.
///
/// Members before it and the committer get a Commit entry, the removed a Removed entry instead, the added a Welcome.
/// Answers [`Written::Sent`](crate::Written::Sent).
#[derive(Debug, Clone)]
pub struct AppendCommit {
    /// Who sends, and under which number.
    pub send: SendId,
    /// The conversation.
    pub conversation: ConversationId,
    /// Its generation.
    pub generation: Generation,
    /// The epoch that the Commit was made in; the next one begins with it.
    pub epoch: Epoch,
    /// Who makes it.
    pub committer: Committer,
    /// What it does.
    pub commit: Commit,
}

/// Makes a conversation with its first Commit (epoch 0 to 1), or its next generation.
///
/// Generation 1 makes it; generation g+1 of a conversation at g closes g and takes its place. The first one wins.
/// Answers [`Written::Sent`](crate::Written::Sent).
#[derive(Debug, Clone)]
pub struct CreateConversation {
    /// Who sends, and under which number.
    pub send: SendId,
    /// The conversation.
    pub conversation: ConversationId,
    /// Its generation.
    pub generation: Generation,
    /// What kind it is; a next generation keeps the kind that the conversation has.
    pub kind: ConversationKind,
    /// The server's view of the group that the log starts from: of epoch 0, or of epoch 1.
    pub base: GroupBase,
    /// The first Commit.
    pub commit: Commit,
}

/// The kinds of conversations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConversationKind {
    /// Two accounts, in ascending order of their ids.
    Direct(AccountId, AccountId),
    /// Any number of accounts: those with a member device.
    Group,
}

impl ConversationKind {
    /// The direct conversation of two accounts, given in any order.
    #[must_use]
    pub fn direct(one: AccountId, other: AccountId) -> Self {
        if one <= other { Self::Direct(one, other) } else { Self::Direct(other, one) }
    }

    /// The other account of a direct conversation.
    #[must_use]
    pub fn peer_of(self, own: AccountId) -> Option<AccountId> {
        match self {
            Self::Direct(one, other) => Some(if one == own { other } else { one }),
            Self::Group => None,
        }
    }
}

/// The server's view of a group at an epoch, as `group-policy` encodes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupBase {
    /// The epoch.
    pub epoch: Epoch,
    /// The encoded view.
    pub snapshot: Bytes,
}

/// The answer to a send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// The position in the conversation.
    pub order: Order,
    /// When it was accepted.
    pub accepted_at: Timestamp,
}

/// What came of a send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The answer for the sender.
    pub answer: Answer,
    /// What to publish, in this order; nothing where the send was a repetition.
    pub publications: Vec<Publication>,
}

/// How a send number stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// Not used yet.
    Fresh,
    /// These bytes were accepted: the first answer again.
    Repeated(Answer),
    /// It stood for other bytes, or is below the window.
    Reused,
}

/// A conversation at its current generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// Its id.
    pub conversation: ConversationId,
    /// What kind it is.
    pub kind: ConversationKind,
    /// The current generation.
    pub generation: Generation,
    /// Its epoch.
    pub epoch: Epoch,
    /// The epoch of the newest base.
    pub base_epoch: Epoch,
    /// When the last Commit was accepted.
    pub last_commit_at: Timestamp,
    /// Who receives.
    pub members: Vec<Member>,
}

/// A device that receives what is sent to a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// Its mailbox.
    pub mailbox: MailboxKey,
    /// Whose it is.
    pub address: DeviceAddress,
    /// The first epoch whose messages it can read.
    pub since_epoch: Epoch,
}

/// The published GroupInfo of the current epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupInfo {
    /// The generation.
    pub generation: Generation,
    /// The epoch.
    pub epoch: Epoch,
    /// The MLSMessage.
    pub bytes: Bytes,
}

/// A Commit in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handshake {
    /// The epoch that it was made in.
    pub epoch: Epoch,
    /// When it was accepted: what was valid then is valid for ever, so a replay goes by this time.
    pub accepted_at: Timestamp,
    /// The MLSMessage.
    pub commit: Bytes,
}
