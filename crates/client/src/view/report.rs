//! Reports, as this device remembers them, and what one would send.

use hushwire_client_store::View;
use hushwire_client_store::report::{self, ReportState};
use hushwire_engine::{Complaint, Refusal, ReportDraft, ReportReason};
use hushwire_types::{ReportId, Timestamp};

use super::{People, Person, own};
use crate::client::ClientError;

/// A report, as this device remembers it: without what anybody wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reported {
    /// Its id.
    pub id: ReportId,
    /// Who is reported.
    pub person: Person,
    /// Why.
    pub reason: ReportReason,
    /// How many messages are in it.
    pub messages: u32,
    /// When it was made.
    pub made_at: Timestamp,
    /// How it stands.
    pub state: ReportState,
}

/// All reports, the oldest first.
pub(crate) fn reports(view: &View<'_>) -> Result<Vec<Reported>, ClientError> {
    let me = own(view)?;
    let mut people = People::new(view, &me);
    let mut reports = Vec::new();
    for report in report::all(view)? {
        reports.push(Reported {
            id: report.id,
            person: people.person(report.account)?,
            reason: ReportReason::of_number(report.reason),
            messages: report.messages,
            made_at: report.made_at,
            state: report.state,
        });
    }
    Ok(reports)
}

/// What a report would send, or why there can be none.
pub(crate) fn draft_report(
    view: &View<'_>,
    complaint: &Complaint,
) -> Result<Result<ReportDraft, Refusal>, ClientError> {
    let me = own(view)?.account;
    hushwire_engine::draft_report(view, me, complaint).map_err(|_| ClientError::Damaged("reported message"))
}
