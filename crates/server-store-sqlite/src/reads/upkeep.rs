//! Limits, the server's own values, counts.

use bytes::Bytes;
use hushwire_server_store::upkeep::{Counts, Limit};
use rusqlite::{Connection, Result};

use super::accounts::DELETED;
use crate::columns::{bytes, timestamp, uint};
use crate::sql;

pub(crate) fn limits(connection: &Connection) -> Result<Vec<Limit>> {
    sql::many(connection, "SELECT key, arrival FROM rate_limit ORDER BY key", [], |row| {
        Ok(Limit { key: bytes(row, 0)?, arrival: timestamp(row, 1)? })
    })
}

pub(crate) fn meta(connection: &Connection, name: &str) -> Result<Option<Bytes>> {
    sql::one(connection, "SELECT value FROM meta WHERE name = ?1", [name], |row| bytes(row, 0))
}

pub(crate) fn counts(connection: &Connection) -> Result<Counts> {
    let sql = "SELECT (SELECT count(*) FROM account WHERE state <> ?1), (SELECT count(*) FROM device),
               (SELECT count(*) FROM conversation), (SELECT coalesce(sum(messages + handshakes), 0) FROM mailbox),
               (SELECT coalesce(sum(message_bytes + handshake_bytes), 0) FROM mailbox),
               (SELECT count(*) FROM report)";
    let counts = sql::one(connection, sql, [DELETED], |row| {
        Ok(Counts {
            accounts: uint(row, 0)?,
            devices: uint(row, 1)?,
            conversations: uint(row, 2)?,
            waiting: uint(row, 3)?,
            waiting_bytes: uint(row, 4)?,
            reports: uint(row, 5)?,
        })
    })?;
    Ok(counts.unwrap_or_default())
}
