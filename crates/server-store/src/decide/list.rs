//! Whether a device list moves: compare-and-swap on its head.

use hushwire_types::ListNumber;

use crate::account::{AppendListEntry, ListHead};
use crate::error::Refusal;

/// What becomes of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The entry is the head already: an answer was lost.
    Already,
    /// Entries from its number on, if any, go; then it is appended.
    Append,
}

/// Decides on an entry for a list that stands at `head`.
///
/// # Errors
/// `ListConflict` where the caller knew another head, or where the number does not fit it.
pub fn append(head: ListHead, operation: &AppendListEntry) -> Result<Step, Refusal> {
    if head == (ListHead { number: operation.number, hash: operation.hash }) {
        return Ok(Step::Already);
    }
    let fits = operation.number >= ListNumber(1) && operation.number <= head.number.next();
    if head == operation.head && fits { Ok(Step::Append) } else { Err(Refusal::ListConflict { head }) }
}
