//! What a setting of a person is about.

use crate::{AccountId, ContentId, ConversationId};

/// What a setting of a person is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// Everything: the account that sets it.
    Everything,
    /// Another account.
    Account(AccountId),
    /// A conversation.
    Conversation(ConversationId),
    /// A message.
    Message {
        /// Its conversation.
        conversation: ConversationId,
        /// Its author.
        account: AccountId,
        /// Its identity.
        content: ContentId,
    },
}
