//! What a group's conversation is called, and how it is run.
//!
//! Invariants:
//! - As of the newest epoch that this profile applied; it stays when the account was removed, as the last that it knew.
//! - A name that goes is gone from old pages too.

use std::fmt;

use hushwire_types::ConversationId;
use rusqlite::{Row, params};

use crate::column::{Coded, coded, coded_at, opt_fixed_at};
use crate::{StoreError, Tx, View};

/// Who may do something in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Who {
    /// Every member.
    Everybody,
    /// Admins and owners.
    Admins,
}
coded!(Who { Everybody = 0, Admins = 1 });

/// Name, description and rules of a group.
#[derive(Clone, PartialEq, Eq)]
pub struct GroupFacts {
    /// Its name; none where it has none or where its key is not known yet.
    pub name: Option<String>,
    /// Its description.
    pub description: Option<String>,
    /// Which picture it has; it may not be here yet.
    pub picture: Option<crate::picture::Hash>,
    /// Who may add accounts.
    pub add_by: Who,
    /// Who may change name, description and timer.
    pub details_by: Who,
    /// Who may write.
    pub write_by: Who,
    /// After how many seconds read messages disappear; 0 for never.
    pub timer_secs: u32,
}

impl fmt::Debug for GroupFacts {
    /// Shows no name and no description.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupFacts")
            .field("add_by", &self.add_by)
            .field("details_by", &self.details_by)
            .field("write_by", &self.write_by)
            .field("timer_secs", &self.timer_secs)
            .finish_non_exhaustive()
    }
}

/// Writes the facts of a group, in place of older ones.
///
/// # Errors
/// The database cannot be written.
pub fn put(tx: &Tx<'_>, conversation: &ConversationId, facts: &GroupFacts) -> Result<(), StoreError> {
    tx.erase("DELETE FROM group_facts WHERE conversation = ?1", params![conversation.as_ref()])?;
    tx.run(
        "INSERT INTO group_facts (conversation, name, description, add_by, details_by, write_by, timer_secs,
             picture)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            conversation.as_ref(),
            facts.name,
            facts.description,
            facts.add_by.code(),
            facts.details_by.code(),
            facts.write_by.code(),
            facts.timer_secs,
            facts.picture,
        ],
    )?;
    Ok(())
}

/// The facts of a group.
///
/// # Errors
/// The database cannot be read.
pub fn find(view: &View<'_>, conversation: &ConversationId) -> Result<Option<GroupFacts>, StoreError> {
    view.one("SELECT * FROM group_facts WHERE conversation = ?1", params![conversation.as_ref()], read)
}

fn read(row: &Row<'_>) -> rusqlite::Result<GroupFacts> {
    Ok(GroupFacts {
        name: row.get("name")?,
        description: row.get("description")?,
        picture: opt_fixed_at(row, "picture")?,
        add_by: coded_at(row, "add_by")?,
        details_by: coded_at(row, "details_by")?,
        write_by: coded_at(row, "write_by")?,
        timer_secs: row.get("timer_secs")?,
    })
}
