//! Reports: what somebody tells the operator of another account.
//!
//! Invariants:
//! - Who reports is whoever is logged in on the connection; nobody reports in somebody else's name.
//! - Nothing of a report is logged, and nothing of it goes to anybody but the operator.
//! - The services know nothing of the messages but what the reporter says; they pass it on as that.

use std::time::Duration;

use hushwire_server_store::report::{Complaint, ReportReason, ReportedMessage, StoreReport};
use hushwire_types::Timestamp;
use hushwire_wire as wire;

use crate::fault::Fault;
use crate::job::{After, Job};
use crate::limits::Limit;
use crate::service::Service;
use crate::session::Caller;
use crate::step::{Origin, Step};

/// When whoever found no room for a report asks again: an operator looks at them once in a while.
pub(crate) const ROOM_AFTER: Duration = Duration::from_secs(60 * 60);

impl Service {
    pub(crate) fn report(
        &self,
        caller: Caller,
        origin: Origin,
        report: wire::Report,
        now: Timestamp,
    ) -> Result<Step, Fault> {
        self.limiter.take(Limit::Report, caller.account.as_ref(), now)?;
        if report.account_id == caller.account {
            return Err(Fault::Malformed("nobody reports their own account"));
        }
        let write =
            StoreReport { id: report.report_id, reporter: caller.account, complaint: complaint(report) };
        Ok(Step::write(Job::new(origin, write, After::Reported)))
    }
}

fn complaint(report: wire::Report) -> Complaint {
    let message = |message: wire::ReportedMessage| ReportedMessage {
        content: message.content_id,
        sent_at: message.sent_at,
        text: message.text.expose().to_owned(),
    };
    Complaint {
        reported: report.account_id,
        reason: match report.reason {
            wire::ReportReason::Spam => ReportReason::Spam,
            wire::ReportReason::Abuse => ReportReason::Abuse,
            // A reason of a newer client is none of these, and its report is still one.
            _ => ReportReason::Other,
        },
        note: report.note.expose().to_owned(),
        messages: report.messages.into_iter().map(message).collect(),
    }
}

/// How many bytes people wrote in it.
pub(crate) fn bytes(report: &StoreReport) -> usize {
    let messages = report.complaint.messages.iter().map(|message| message.text.len());
    messages.fold(report.complaint.note.len(), usize::saturating_add)
}
