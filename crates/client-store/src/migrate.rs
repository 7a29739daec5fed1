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
    include_str!("migrations/0005_search.sql"),
    include_str!("migrations/0006_settings.sql"),
    include_str!("migrations/0007_handed_over.sql"),
    include_str!("migrations/0008_reports.sql"),
    include_str!("migrations/0009_pictures.sql"),
    include_str!("migrations/0010_profiles.sql"),
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

#[cfg(test)]
mod tests {
    use rusqlite::params;

    use super::*;

    #[test]
    fn what_others_said_of_themselves_before_is_told_to_own_devices() {
        let mut connection = Connection::open_in_memory().unwrap();
        for (version, step) in (1_i64..).zip(STEPS).take(9) {
            apply(&mut connection, version, step).unwrap();
        }
        let insert =
            "INSERT INTO account (account, genesis, head_number, head_hash, trust, learned_at, profile_name,
            about, picture) VALUES (?1, x'', 1, x'', 0, 5, ?2, ?3, ?4)";
        let none: Option<Vec<u8>> = None;
        connection.execute(insert, params![[1_u8], "Ann \"A\"", None::<String>, [0xab_u8; 2]]).unwrap();
        connection.execute(insert, params![[2_u8], "", "Busy", none]).unwrap();
        connection.execute(insert, params![[3_u8], "", None::<String>, none]).unwrap();
        migrate(&mut connection).unwrap();
        let mut read = connection
            .prepare("SELECT account, value FROM register WHERE code = 21 AND at = 0 AND told IS NULL ORDER BY account")
            .unwrap();
        let rows: Vec<(Vec<u8>, Vec<u8>)> =
            read.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect();
        let text = |json: &str| json.as_bytes().to_vec();
        assert_eq!(
            rows,
            [(vec![1], text(r#"["Ann \"A\"","","abab"]"#)), (vec![2], text(r#"["","Busy",null]"#)),]
        );
    }

    #[test]
    fn rows_of_before_the_new_index_wait_to_be_indexed() {
        for rows in [0_i64, 3] {
            let mut connection = Connection::open_in_memory().unwrap();
            for (version, step) in (1_i64..).zip(STEPS).take(4) {
                apply(&mut connection, version, step).unwrap();
            }
            for n in 1..=rows {
                let insert = "INSERT INTO timeline (conversation, generation, ord, content_id, account, device, sent_at,
                    content, state) VALUES (x'01', 1, ?1, ?2, x'02', x'03', 5, x'', 3)";
                connection.execute(insert, params![n, n.to_be_bytes()]).unwrap();
                connection
                    .execute("INSERT INTO search (rowid, text) VALUES (?1, 'old')", params![n])
                    .unwrap();
            }
            migrate(&mut connection).unwrap();
            let below: Option<i64> =
                connection.query_row("SELECT max(below) FROM unindexed", [], |row| row.get(0)).unwrap();
            assert_eq!(below, (rows > 0).then_some(rows + 1));
            let indexed: i64 =
                connection.query_row("SELECT count(*) FROM search", [], |row| row.get(0)).unwrap();
            assert_eq!(indexed, 0);
        }
    }
}
