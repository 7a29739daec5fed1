//! Wire version 1.

use hushwire_server_store::classic::{
    ClassicAccount, ClassicId, ClassicKeys, ClassicMessage, ClassicPhone, ClassicWaiting,
};
use rusqlite::{Connection, Result, Row};

use crate::columns::{bytes, fixed, int, timestamp, uint};
use crate::sql;

pub(crate) fn account(connection: &Connection, phone: ClassicPhone) -> Result<Option<ClassicAccount>> {
    let Some(waiting) = waiting(connection, phone)? else { return Ok(None) };
    let sql = "SELECT dh, rsa, dh_signature, rsa_signature, created_at FROM classic_account WHERE phone = ?1";
    sql::one(connection, sql, [phone.0], |row| {
        let keys = ClassicKeys {
            dh: fixed(row, 0)?,
            rsa: bytes(row, 1)?,
            dh_signature: bytes(row, 2)?,
            rsa_signature: bytes(row, 3)?,
        };
        Ok(ClassicAccount { keys, waiting, created_at: timestamp(row, 4)? })
    })
}

/// How much waits for somebody who has an account.
pub(crate) fn waiting(connection: &Connection, phone: ClassicPhone) -> Result<Option<ClassicWaiting>> {
    let sql = "SELECT messages, bytes FROM classic_waiting WHERE phone = ?1";
    sql::one(connection, sql, [phone.0], |row| {
        Ok(ClassicWaiting { messages: uint(row, 0)?, bytes: uint(row, 1)? })
    })
}

pub(crate) fn accounts(connection: &Connection) -> Result<u64> {
    connection.query_row("SELECT count(*) FROM classic_account", [], |row| uint(row, 0))
}

/// The next message of one sender.
pub(crate) fn next_of(
    connection: &Connection,
    recipient: ClassicPhone,
    sender: ClassicPhone,
) -> Result<Option<ClassicMessage>> {
    let sql = "SELECT id, sender, blob FROM classic_message WHERE recipient = ?1 AND sender = ?2 ORDER BY id LIMIT 1";
    sql::one(connection, sql, (recipient.0, sender.0), message)
}

/// The oldest message of all senders but some, of whom there are few.
pub(crate) fn oldest(
    connection: &Connection,
    recipient: ClassicPhone,
    except: &[ClassicPhone],
) -> Result<Option<ClassicMessage>> {
    let mut numbers = connection
        .prepare_cached("SELECT id, sender FROM classic_message WHERE recipient = ?1 ORDER BY id")?;
    let mut rows = numbers.query([recipient.0])?;
    while let Some(row) = rows.next()? {
        if !except.contains(&fixed(row, 1)?) {
            let id = uint(row, 0)?;
            let sql = "SELECT id, sender, blob FROM classic_message WHERE id = ?1";
            return sql::one(connection, sql, [int(id)], message);
        }
    }
    Ok(None)
}

fn message(row: &Row<'_>) -> Result<ClassicMessage> {
    Ok(ClassicMessage { id: ClassicId(uint(row, 0)?), sender: fixed(row, 1)?, blob: bytes(row, 2)? })
}
