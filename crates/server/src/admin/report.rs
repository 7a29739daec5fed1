//! Reports, as an operator reads them.
//!
//! Invariant: everything that people wrote is here as they wrote it; whoever shows it makes it harmless.

use hushwire_delivery::{AdminError, Service};
use hushwire_server_store::report::{ReportLine, ReportNumber, ReportReason};
use hushwire_types::AccountId;
use serde::{Deserialize, Serialize};

/// Reports of one page.
const PAGE: usize = 500;

/// An account, as an operator names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    /// Its id.
    pub account: String,
    /// Its handles; none where it was deleted.
    pub handles: Vec<String>,
}

/// A report in the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportRow {
    /// Its number.
    pub id: u64,
    /// When it came, in milliseconds since 1970.
    pub at_ms: u64,
    /// `spam`, `abuse` or `other`.
    pub reason: String,
    /// Who reported.
    pub reporter: Who,
    /// Whom.
    pub reported: Who,
    /// How many messages are in it.
    pub messages: u32,
}

/// A whole report. It is the reporter's word: nothing proves that the account wrote the messages.
#[derive(Clone, Serialize, Deserialize)]
pub struct ReportPage {
    /// Its number.
    pub id: u64,
    /// When it came, in milliseconds since 1970.
    pub at_ms: u64,
    /// `spam`, `abuse` or `other`.
    pub reason: String,
    /// Who reported.
    pub reporter: Who,
    /// Whom.
    pub reported: Who,
    /// What the reporter adds; untrusted.
    pub note: String,
    /// The messages that the reporter chose.
    pub messages: Vec<ReportedRow>,
}

/// Shows nothing that people wrote.
impl std::fmt::Debug for ReportPage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReportPage").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A message as its reporter shows it.
#[derive(Clone, Serialize, Deserialize)]
pub struct ReportedRow {
    /// Its id, as the reporter says.
    pub id: String,
    /// When it was written, as the reporter says, in milliseconds since 1970.
    pub sent_at_ms: u64,
    /// What it says, as the reporter says; untrusted.
    pub text: String,
}

/// As for [`ReportPage`].
impl std::fmt::Debug for ReportedRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReportedRow").field("id", &self.id).finish_non_exhaustive()
    }
}

/// All reports, oldest first.
pub(super) fn list(service: &Service) -> Result<Vec<ReportRow>, AdminError> {
    let mut rows = Vec::new();
    let mut after = None;
    loop {
        let page = service.reports(after, PAGE)?;
        let Some(last) = page.last() else { return Ok(rows) };
        after = Some(last.number);
        for line in page {
            rows.push(row(service, line)?);
        }
    }
}

fn row(service: &Service, line: ReportLine) -> Result<ReportRow, AdminError> {
    Ok(ReportRow {
        id: line.number.0,
        at_ms: line.at.as_ms(),
        reason: word(line.reason),
        reporter: who(service, line.reporter)?,
        reported: who(service, line.reported)?,
        messages: line.messages,
    })
}

/// A whole report.
pub(super) fn whole(service: &Service, number: u64) -> Result<ReportPage, AdminError> {
    let report = service.find_report(ReportNumber(number))?;
    let complaint = report.complaint;
    let messages = complaint.messages.into_iter().map(|message| ReportedRow {
        id: message.content.to_string(),
        sent_at_ms: message.sent_at.as_ms(),
        text: message.text,
    });
    Ok(ReportPage {
        id: report.number.0,
        at_ms: report.at.as_ms(),
        reason: word(complaint.reason),
        reporter: who(service, report.reporter)?,
        reported: who(service, complaint.reported)?,
        note: complaint.note,
        messages: messages.collect(),
    })
}

fn who(service: &Service, account: AccountId) -> Result<Who, AdminError> {
    Ok(Who { account: account.to_string(), handles: service.handles_of(account)? })
}

fn word(reason: ReportReason) -> String {
    match reason {
        ReportReason::Spam => "spam",
        ReportReason::Abuse => "abuse",
        ReportReason::Other => "other",
    }
    .to_owned()
}
