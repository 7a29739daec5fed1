//! What a person told the server's operator of others: kept until the server has it, then without its words. Of those that another
//! device of theirs has made, no words are ever here.
//!
//! Invariants:
//! - A report is stored whole before anything of it is sent, and the same bytes are sent until the server has answered.
//! - Once it is settled, nothing that anybody wrote is left of it here.

use std::fmt;

use hushwire_types::{AccountId, ReportId, Timestamp};
use rusqlite::params;

use crate::column::{fixed_at, opt_time_at, time, time_at};
use crate::{StoreError, Tx, View};

/// A report that is to be written.
#[derive(Clone, PartialEq, Eq)]
pub struct NewReport {
    /// By which the server knows a repeat.
    pub id: ReportId,
    /// Who is reported.
    pub account: AccountId,
    /// Why, as the engine numbers it.
    pub reason: u32,
    /// How many messages are in it.
    pub messages: u32,
    /// When it was made.
    pub made_at: Timestamp,
    /// What is sent.
    pub request: Vec<u8>,
}

impl fmt::Debug for NewReport {
    /// Shows nothing of what is sent.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewReport").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A report, as far as it is remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Its id.
    pub id: ReportId,
    /// Who is reported.
    pub account: AccountId,
    /// Why, as the engine numbers it.
    pub reason: u32,
    /// How many messages are in it.
    pub messages: u32,
    /// When it was made.
    pub made_at: Timestamp,
    /// How it stands.
    pub state: ReportState,
}

/// How a report stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReportState {
    /// The server has not answered.
    Waiting,
    /// The server has it.
    Arrived {
        /// Since when that is known.
        at: Timestamp,
    },
    /// The server does not take it.
    Refused {
        /// Since when that is known.
        at: Timestamp,
        /// One sentence.
        reason: String,
    },
}

/// Stores a report.
///
/// # Errors
/// [`StoreError::Conflict`] where the id is taken.
pub fn insert(tx: &Tx<'_>, report: &NewReport) -> Result<(), StoreError> {
    tx.run(
        "INSERT INTO report (id, account, reason, messages, made_at, request) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            report.id.as_ref(),
            report.account.as_ref(),
            report.reason,
            report.messages,
            time(report.made_at),
            report.request,
        ],
    )?;
    Ok(())
}

/// The reports that the server has not answered, the oldest first.
///
/// # Errors
/// The database cannot be read.
pub fn waiting(view: &View<'_>) -> Result<Vec<ReportId>, StoreError> {
    view.many("SELECT id FROM report WHERE request IS NOT NULL ORDER BY number", [], |row| {
        fixed_at(row, "id")
    })
}

/// What is sent of a report; none where it is settled, or not here.
///
/// # Errors
/// The database cannot be read.
pub fn request(view: &View<'_>, id: &ReportId) -> Result<Option<Vec<u8>>, StoreError> {
    let found =
        view.one("SELECT request FROM report WHERE id = ?1", params![id.as_ref()], |row| row.get("request"))?;
    Ok(found.flatten())
}

/// A report.
///
/// # Errors
/// The database cannot be read.
pub fn find(view: &View<'_>, id: &ReportId) -> Result<Option<Report>, StoreError> {
    view.one("SELECT * FROM report WHERE id = ?1", params![id.as_ref()], read)
}

/// All reports, the oldest first.
///
/// # Errors
/// The database cannot be read.
pub fn all(view: &View<'_>) -> Result<Vec<Report>, StoreError> {
    view.many("SELECT * FROM report ORDER BY number", [], read)
}

/// The server has answered: it has the report, or says why it does not take it. What was sent is erased.
///
/// # Errors
/// The database cannot be written.
pub fn settle(tx: &Tx<'_>, id: &ReportId, at: Timestamp, refused: Option<&str>) -> Result<(), StoreError> {
    tx.erase(
        "UPDATE report SET request = NULL, settled_at = ?2, refused = ?3 WHERE id = ?1",
        params![id.as_ref(), time(at), refused],
    )?;
    Ok(())
}

/// Stores what another device says of a report that it has made, or says now. One that is sent from here stays as it is.
///
/// # Errors
/// The database cannot be written.
pub fn put_told(tx: &Tx<'_>, report: &Report) -> Result<(), StoreError> {
    let (settled_at, refused) = match &report.state {
        ReportState::Waiting => (None, None),
        ReportState::Arrived { at } => (Some(time(*at)), None),
        ReportState::Refused { at, reason } => (Some(time(*at)), Some(reason)),
    };
    tx.run(
        "INSERT INTO report (id, account, reason, messages, made_at, settled_at, refused)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (id) DO UPDATE SET settled_at = ?6, refused = ?7 WHERE request IS NULL",
        params![
            report.id.as_ref(),
            report.account.as_ref(),
            report.reason,
            report.messages,
            time(report.made_at),
            settled_at,
            refused,
        ],
    )?;
    Ok(())
}

/// Forgets what was settled before `before`, and what another device made before and nobody settled.
///
/// # Errors
/// The database cannot be written.
pub fn prune(tx: &Tx<'_>, before: Timestamp) -> Result<(), StoreError> {
    tx.erase(
        "DELETE FROM report WHERE settled_at < ?1
             OR (settled_at IS NULL AND request IS NULL AND made_at < ?1)",
        params![time(before)],
    )?;
    Ok(())
}

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Report> {
    let refused: Option<String> = row.get("refused")?;
    let state = match (opt_time_at(row, "settled_at")?, refused) {
        (None, _) => ReportState::Waiting,
        (Some(at), None) => ReportState::Arrived { at },
        (Some(at), Some(reason)) => ReportState::Refused { at, reason },
    };
    Ok(Report {
        id: fixed_at(row, "id")?,
        account: fixed_at(row, "account")?,
        reason: row.get("reason")?,
        messages: row.get("messages")?,
        made_at: time_at(row, "made_at")?,
        state,
    })
}
