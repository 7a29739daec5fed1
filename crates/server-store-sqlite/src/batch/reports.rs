//! Reports.

use hushwire_server_store::decide::report::may_store;
use hushwire_server_store::report::{DeleteReport, ReportNumber, StoreReport};
use hushwire_server_store::{Refusal, Written};
use hushwire_types::Timestamp;

use super::Batch;
use crate::columns::{int, time, uint};
use crate::error::Step;
use crate::reads::{accounts, reports as reads};
use crate::sql;

impl Batch<'_> {
    pub(super) fn store_report(&self, operation: &StoreReport) -> Step<Written> {
        let StoreReport { id, reporter, complaint } = operation;
        let seen = "SELECT 1 FROM report_seen WHERE id = ?1";
        if sql::one(self.connection, seen, [id.as_bytes()], |_| Ok(()))?.is_some() {
            return Ok(Written::Done);
        }
        let reported = accounts::account(self.connection, complaint.reported)?.map(|account| account.state);
        may_store(reported, reads::kept(self.connection, *reporter)?, self.bounds)?;
        self.exec("INSERT INTO report_seen(id, at) VALUES (?1, ?2)", (id.as_bytes(), time(self.now)))?;
        self.exec(
            "INSERT INTO report(at, reporter, reported, reason, note) VALUES (?1, ?2, ?3, ?4, ?5)",
            (
                time(self.now),
                reporter.as_bytes(),
                complaint.reported.as_bytes(),
                complaint.reason as u8,
                &complaint.note,
            ),
        )?;
        let number = self.connection.last_insert_rowid();
        for (position, message) in (0_i64..).zip(&complaint.messages) {
            self.exec(
                "INSERT INTO report_message(report, position, content, sent_at, text) VALUES (?1, ?2, ?3, ?4, ?5)",
                (number, position, message.content.as_bytes(), time(message.sent_at), &message.text),
            )?;
        }
        Ok(Written::Done)
    }

    pub(super) fn delete_report(&self, operation: DeleteReport) -> Step<Written> {
        if self.erase_report(operation.number)? {
            Ok(Written::Done)
        } else {
            Err(Refusal::UnknownReport.into())
        }
    }

    /// Reports from before `before` go, and what is remembered of others.
    pub(super) fn expire_reports(&self, before: Timestamp) -> rusqlite::Result<()> {
        let sql = "SELECT number FROM report WHERE at < ?1";
        let old = sql::many(self.connection, sql, [time(before)], |row| uint(row, 0).map(ReportNumber))?;
        for number in old {
            self.erase_report(number)?;
        }
        self.exec("DELETE FROM report_seen WHERE at < ?1", [time(before)]).map(drop)
    }

    fn erase_report(&self, number: ReportNumber) -> rusqlite::Result<bool> {
        self.exec("DELETE FROM report_message WHERE report = ?1", [int(number.0)])?;
        Ok(self.exec("DELETE FROM report WHERE number = ?1", [int(number.0)])? > 0)
    }
}
