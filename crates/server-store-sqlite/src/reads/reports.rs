//! Reports.

use hushwire_server_store::decide::report::Kept;
use hushwire_server_store::report::{
    Complaint, Report, ReportLine, ReportNumber, ReportReason, ReportedMessage,
};
use hushwire_types::AccountId;
use rusqlite::{Connection, Result, Row};

use crate::columns::{Unreadable, damaged, fixed, int, timestamp, uint};
use crate::sql;

pub(crate) fn kept(connection: &Connection, reporter: AccountId) -> Result<Kept> {
    let sql = "SELECT (SELECT count(*) FROM report WHERE reporter = ?1), (SELECT count(*) FROM report)";
    let kept = sql::one(connection, sql, [reporter.as_bytes()], |row| {
        Ok(Kept { of_reporter: uint(row, 0)?, all: uint(row, 1)? })
    })?;
    Ok(kept.unwrap_or(Kept { of_reporter: 0, all: 0 }))
}

pub(crate) fn list(
    connection: &Connection,
    after: Option<ReportNumber>,
    limit: usize,
) -> Result<Vec<ReportLine>> {
    let after = after.map_or(0, |after| int(after.0));
    let limit = int(u64::try_from(limit).unwrap_or(u64::MAX));
    let sql = "SELECT number, at, reporter, reported, reason,
               (SELECT count(*) FROM report_message WHERE report = number)
               FROM report WHERE number > ?1 ORDER BY number LIMIT ?2";
    sql::many(connection, sql, (after, limit), |row| {
        Ok(ReportLine {
            number: ReportNumber(uint(row, 0)?),
            at: timestamp(row, 1)?,
            reporter: fixed(row, 2)?,
            reported: fixed(row, 3)?,
            reason: reason(row, 4)?,
            messages: row.get(5)?,
        })
    })
}

pub(crate) fn whole(connection: &Connection, number: ReportNumber) -> Result<Option<Report>> {
    let sql = "SELECT at, reporter, reported, reason, note FROM report WHERE number = ?1";
    let found = sql::one(connection, sql, [int(number.0)], |row| {
        let complaint = Complaint {
            reported: fixed(row, 2)?,
            reason: reason(row, 3)?,
            note: row.get(4)?,
            messages: Vec::new(),
        };
        Ok(Report { number, at: timestamp(row, 0)?, reporter: fixed(row, 1)?, complaint })
    })?;
    let Some(mut report) = found else { return Ok(None) };
    let sql = "SELECT content, sent_at, text FROM report_message WHERE report = ?1 ORDER BY position";
    report.complaint.messages = sql::many(connection, sql, [int(number.0)], |row| {
        Ok(ReportedMessage { content: fixed(row, 0)?, sent_at: timestamp(row, 1)?, text: row.get(2)? })
    })?;
    Ok(Some(report))
}

fn reason(row: &Row<'_>, index: usize) -> Result<ReportReason> {
    ReportReason::of_number(row.get(index)?).ok_or_else(|| damaged(index, Unreadable))
}
