//! What a request under way is for.

use hushwire_types::{AccountId, ConversationId, Epoch, Generation, ListNumber, ReportId, SendSeq};

/// Says what the answer to a request is for. It holds no state: an answer that comes when its reason is gone is ignored.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Tag {
    /// A row of the outbox: a message, a Commit or a new conversation.
    Send(SendSeq),
    /// The account behind a handle in its canonical form.
    LookUp(String),
    /// The genesis and list of an account.
    Keys(AccountId),
    /// KeyPackages for the devices that a conversation lacks.
    Claim {
        /// The conversation that needs them.
        conversation: ConversationId,
        /// Whose.
        account: AccountId,
    },
    /// The tree that a Welcome needs, or (epoch 0) GroupInfo and tree for a rejoin.
    Group {
        /// The conversation.
        conversation: ConversationId,
        /// The generation, 0 for the current one.
        generation: Generation,
        /// The epoch, 0 for the current one.
        epoch: Epoch,
    },
    /// An ephemeral message to a conversation.
    Ephemeral(ConversationId),
    /// New KeyPackages of this device.
    KeyPackages,
    /// A decision about a claim to a handle of this account.
    Decision {
        /// The handle.
        handle: String,
        /// Who claims it.
        claimant: AccountId,
    },
    /// An entry of the own list that the server lost.
    ListEntry(ListNumber),
    /// A report.
    Report(ReportId),
}
