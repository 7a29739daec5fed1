//! Reports in memory.

use std::collections::BTreeMap;
use std::ops::Bound;

use hushwire_types::{ReportId, Timestamp};

use super::state::State;
use crate::bounds::Bounds;
use crate::decide::report::{Kept, may_store};
use crate::error::Refusal;
use crate::report::{DeleteReport, Report, ReportLine, ReportNumber, StoreReport};
use crate::write::Written;

/// The tables of reports.
#[derive(Debug, Clone, Default)]
pub(super) struct Reports {
    pub(super) kept: BTreeMap<ReportNumber, Report>,
    /// When a report with this id was stored, whether it is kept or was deleted.
    seen: BTreeMap<ReportId, Timestamp>,
    last: u64,
}

impl State {
    pub(super) fn store_report(
        &mut self,
        operation: StoreReport,
        bounds: &Bounds,
        now: Timestamp,
    ) -> Result<Written, Refusal> {
        let StoreReport { id, reporter, complaint } = operation;
        if self.reports.seen.contains_key(&id) {
            return Ok(Written::Done);
        }
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let kept = &self.reports.kept;
        let of_reporter = kept.values().filter(|report| report.reporter == reporter).count();
        let kept = Kept { of_reporter: count(of_reporter), all: count(kept.len()) };
        may_store(self.accounts.get(&complaint.reported).map(|row| row.state), kept, bounds)?;
        self.reports.last += 1;
        let number = ReportNumber(self.reports.last);
        self.reports.seen.insert(id, now);
        self.reports.kept.insert(number, Report { number, at: now, reporter, complaint });
        Ok(Written::Done)
    }

    pub(super) fn delete_report(&mut self, operation: DeleteReport) -> Result<Written, Refusal> {
        let gone = self.reports.kept.remove(&operation.number);
        gone.map(|_| Written::Done).ok_or(Refusal::UnknownReport)
    }
}

impl Reports {
    pub(super) fn list(&self, after: Option<ReportNumber>, limit: usize) -> Vec<ReportLine> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let line = |report: &Report| ReportLine {
            number: report.number,
            at: report.at,
            reporter: report.reporter,
            reported: report.complaint.reported,
            reason: report.complaint.reason,
            messages: u32::try_from(report.complaint.messages.len()).unwrap_or(u32::MAX),
        };
        self.kept.range((from, Bound::Unbounded)).take(limit).map(|(_, report)| line(report)).collect()
    }

    pub(super) fn expire(&mut self, before: Timestamp) {
        self.kept.retain(|_, report| report.at >= before);
        self.seen.retain(|_, at| *at >= before);
    }
}
