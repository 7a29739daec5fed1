//! Reports: what people tell the operator of other accounts.
//!
//! A report is what its reporter says: the store cannot know who wrote the messages in it, and nobody above it can.
//!
//! Invariants:
//! - A report that is sent again is stored once, also after an operator has deleted it: its id is remembered as long as reports are
//!   kept, apart from everything else in it.
//! - Nothing of a report is told to the account that it is about.
//! - Reports go after [`Bounds::report_ttl`](crate::Bounds::report_ttl), whoever has read them.

use std::fmt;

use hushwire_types::{AccountId, ContentId, ReportId, Timestamp};

/// Number of a stored report; never given twice, ascending in the order of storing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReportNumber(pub u64);

/// Stores a report for the operator, once. Answers [`Written::Done`](crate::Written::Done), for a repeat too.
#[derive(Debug, Clone)]
pub struct StoreReport {
    /// By which a repeat is known.
    pub id: ReportId,
    /// Who reports: the account that asked.
    pub reporter: AccountId,
    /// What.
    pub complaint: Complaint,
}

/// Deletes a report. Answers [`Written::Done`](crate::Written::Done).
#[derive(Debug, Clone, Copy)]
pub struct DeleteReport {
    /// Which.
    pub number: ReportNumber,
}

/// What somebody reports.
#[derive(Clone, PartialEq, Eq)]
pub struct Complaint {
    /// Of whom.
    pub reported: AccountId,
    /// Why.
    pub reason: ReportReason,
    /// What the reporter adds; untrusted.
    pub note: String,
    /// The messages that the reporter chose, in that order.
    pub messages: Vec<ReportedMessage>,
}

/// Why somebody is reported. The number is stored and never changes its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ReportReason {
    /// Unwanted advertising, or the same to many.
    Spam = 1,
    /// Insults, threats, harassment.
    Abuse = 2,
    /// Something else.
    Other = 3,
}

impl ReportReason {
    /// The reason that has this number.
    #[must_use]
    pub const fn of_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Spam),
            2 => Some(Self::Abuse),
            3 => Some(Self::Other),
            _ => None,
        }
    }
}

/// A message as its reporter shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct ReportedMessage {
    /// Its identity.
    pub content: ContentId,
    /// When its author says to have written it.
    pub sent_at: Timestamp,
    /// What it says; untrusted.
    pub text: String,
}

/// A stored report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Its number.
    pub number: ReportNumber,
    /// When it was stored.
    pub at: Timestamp,
    /// Who reported.
    pub reporter: AccountId,
    /// What.
    pub complaint: Complaint,
}

/// One line of `hushd report list`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportLine {
    /// Its number.
    pub number: ReportNumber,
    /// When it was stored.
    pub at: Timestamp,
    /// Who reported.
    pub reporter: AccountId,
    /// Whom.
    pub reported: AccountId,
    /// Why.
    pub reason: ReportReason,
    /// How many messages are in it.
    pub messages: u32,
}

/// Operations are printed by tests and may be by others; what people wrote must not be.
impl fmt::Debug for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Complaint")
            .field("reported", &self.reported)
            .field("reason", &self.reason)
            .field("messages", &self.messages)
            .finish_non_exhaustive()
    }
}

/// As for [`Complaint`].
impl fmt::Debug for ReportedMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReportedMessage").field("content", &self.content).finish_non_exhaustive()
    }
}
