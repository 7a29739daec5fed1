//! What happens to an engine.

use hushwire_types::Seq;
use hushwire_wire as wire;

use crate::{Command, CommandId, Tag};

/// One thing that happened, in the order in which it happened.
#[derive(Debug, Clone)]
pub enum Input {
    /// The engine was opened. Give it once, first: what needs no server is done, and [`crate::Effect::Wake`] is set.
    Start,
    /// The server accepted the login; this is its answer.
    Online(wire::LoggedIn),
    /// The connection is gone. Requests under way are forgotten; what is still owed is asked for again when online.
    Offline,
    /// Entries that the server pushed, as they came.
    Deliveries(Vec<wire::Entry>),
    /// An ephemeral message that the server pushed.
    Ephemeral(wire::Ephemeral),
    /// The server says that everything up to here was pushed and what follows is live.
    Listening(Seq),
    /// What the server answered to an [`crate::Effect::Request`].
    Answer {
        /// The tag of the request.
        tag: Tag,
        /// The answer, or the server's refusal.
        result: Result<wire::Response, wire::Error>,
    },
    /// Somebody wants something.
    Command {
        /// Given back with the outcome.
        id: CommandId,
        /// What is wanted.
        command: Command,
    },
    /// The time that [`crate::Effect::Wake`] asked for has come. An extra one does no harm.
    Tick,
}
