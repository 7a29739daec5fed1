//! What commands return.

use crate::exit::Exit;

/// A command that did not do what was asked: one sentence, and a kind that is the exit code.
pub(crate) type Failure = hushwire_rpc::Fault;

/// What commands return.
pub(crate) type Outcome = Result<Exit, Failure>;
