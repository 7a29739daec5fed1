//! By which words a message is found; and texts of before the search index had its present form, which are indexed some at a time,
//! the latest first.
//!
//! Invariants:
//! - A new message is indexed by whoever writes its row, in that step; only rows below the mark in the database wait, and the mark
//!   only sinks.
//! - The rows of a step and the mark are of one transaction, so that whatever is killed goes on where it was.

use hushwire_client_store::search;
use hushwire_client_store::timeline::{Entry, EntryState, RowId};
use hushwire_content::{Encoded, Kind};

use crate::schedule;
use crate::step::Step;
use crate::stop::Stop;

/// How the search index stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Index {
    /// Not looked at yet.
    #[default]
    Unknown,
    /// Rows wait to be indexed.
    Behind,
    /// Every text is in it.
    Whole,
}

impl Step<'_, '_> {
    /// Indexes the next rows that wait, if any do.
    pub(crate) fn index_some(&mut self) -> Result<(), Stop> {
        if self.session.index == Index::Whole {
            return Ok(());
        }
        let Some(below) = search::unindexed_below(self.tx)? else {
            self.session.index = Index::Whole;
            return Ok(());
        };
        let rows = search::unindexed(self.tx, below, schedule::INDEX_BATCH)?;
        for entry in &rows {
            self.index_again(entry)?;
        }
        let next = rows.last().map(|entry| entry.row);
        search::set_unindexed_below(self.tx, next)?;
        self.session.index = if next.is_some() { Index::Behind } else { Index::Whole };
        Ok(())
    }

    /// Makes a new message findable, if it has words.
    pub(crate) fn index(&self, row: RowId, kind: &Kind) -> Result<(), Stop> {
        match words(kind) {
            Some(words) => Ok(search::put(self.tx, row, &words)?),
            None => Ok(()),
        }
    }

    /// Makes a message of before findable by what it says now.
    pub(crate) fn index_again(&self, entry: &Entry) -> Result<(), Stop> {
        let is_message = matches!(
            entry.entry.state,
            EntryState::Queued | EntryState::Sent | EntryState::Failed { .. } | EntryState::Received
        );
        if !is_message {
            return Ok(());
        }
        let said = match self.wording(entry)? {
            Some(wording) => Some(wording),
            None => {
                let content = Encoded::from_row(entry.entry.content.clone()).decode().ok();
                content.and_then(|content| words(&content.kind))
            }
        };
        match said {
            Some(said) => Ok(search::put(self.tx, entry.row, &said)?),
            None => Ok(()),
        }
    }
}

/// The words by which a message is found.
fn words(kind: &Kind) -> Option<String> {
    match kind {
        Kind::Text(text) => Some(text.body.clone()),
        Kind::Poll(poll) => Some(format!("{}\n{}", poll.question, poll.options.join("\n"))),
        Kind::Card(card) => Some(format!("{} {}", card.name, card.handle)),
        _ => None,
    }
}
