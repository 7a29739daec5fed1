//! The schema, as a list of steps that only grows.
//!
//! `PRAGMA user_version` counts the steps that a database has. Each is one transaction together with its number, so
//! a process that dies half-way leaves the database before or after a step, never inside. A database with more
//! steps than this program knows is refused untouched.

use rusqlite::{Connection, TransactionBehavior};

use crate::error::StoreError;
use crate::open::OpenError;

/// Append only: a step that has been released is never edited.
const STEPS: &[&str] = &[
    include_str!("migrations/0001_first.sql"),
    include_str!("migrations/0002_list_history.sql"),
    include_str!("migrations/0003_groups.sql"),
    include_str!("migrations/0004_life_of_a_message.sql"),
    include_str!("migrations/0006_settings.sql"),
];

pub(crate) fn migrate(connection: &mut Connection) -> Result<(), OpenError> {
    let known = i64::try_from(STEPS.len()).unwrap_or(i64::MAX);
    let found: i64 =
        connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(StoreError::from)?;
    if found > known {
        return Err(OpenError::Newer { found, known });
    }
    for (version, step) in (1_i64..).zip(STEPS) {
        if version > found {
            apply(connection, version, step)?;
        }
    }
    Ok(())
}

fn apply(connection: &mut Connection, version: i64, step: &str) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(step)?;
    transaction.pragma_update(None, "user_version", version)?;
    Ok(transaction.commit()?)
}
