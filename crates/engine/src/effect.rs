//! What the caller does after a step.

use hushwire_types::{AccountId, ConversationId, IncarnationId, Seq, Timestamp};
use hushwire_wire as wire;

use crate::{CommandId, Outcome, Tag};

/// One thing to do, in order, after the step that returned it.
#[derive(Debug, Clone)]
#[allow(clippy::large_enum_variant, reason = "a step has few of them, and each is moved once")]
pub enum Effect {
    /// Send this on the connection and give the answer back under the same tag. Where the connection is lost first, give [`crate::Input::Offline`].
    Request {
        /// To be given back.
        tag: Tag,
        /// What to send.
        request: wire::Request,
    },
    /// Tell the server (`MessageReceived`) that everything up to here is stored. No answer is needed; a later one stands for an earlier one.
    Acknowledge {
        /// The mailbox's incarnation.
        incarnation: IncarnationId,
        /// The last stored entry.
        through: Seq,
    },
    /// A command is done.
    Done {
        /// Whose.
        id: CommandId,
        /// How it ended.
        outcome: Outcome,
    },
    /// Give [`crate::Input::Tick`] at this time. It replaces the time of an earlier step; a step without one leaves it as it is.
    Wake(Timestamp),
    /// The journal has grown up to this `seq`: wake its readers.
    Journal(Seq),
    /// Somebody writes in a conversation, or has stopped. Show it for a few seconds; it is kept nowhere.
    Typing {
        /// Where.
        conversation: ConversationId,
        /// Who.
        account: AccountId,
        /// Whether they have stopped.
        stopped: bool,
    },
    /// Close this connection and connect again (with backoff): the reason is given.
    Reconnect(Broken),
}

/// Why a connection must end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Broken {
    /// An entry was missing between two that were pushed.
    MissingEntries,
    /// It knows a message of this device with other bytes: this profile may be an old copy, which the next login tells.
    Copy,
    /// An answer was not of the kind that its request has.
    WrongAnswer,
}
