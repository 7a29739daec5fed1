//! The database of the original program, `E2EE_clients.db`, read only: what somebody who moves over brings along.
//!
//! Its columns hold what Python put there, whatever type they were declared with; what is in them is judged by whoever imports.

use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, Row};

use crate::error::{self, OpenError};

/// Everything that is in it.
#[derive(Default)]
pub struct Original {
    /// Its accounts.
    pub clients: Vec<OriginalClient>,
    /// The messages that wait, oldest first.
    pub messages: Vec<OriginalMessage>,
}

/// A row of `CLIENT_TABLE`.
pub struct OriginalClient {
    /// `Phone`.
    pub phone: String,
    /// `DHKey`.
    pub dh: Option<Vec<u8>>,
    /// `RSAKey`.
    pub rsa: Option<Vec<u8>>,
    /// `Verified`.
    pub verified: bool,
}

/// A row of `MESSAGE_TABLE`.
pub struct OriginalMessage {
    /// `Receiver`.
    pub receiver: String,
    /// `Sender`.
    pub sender: String,
    /// `Message`: the bytes, or a text for them.
    pub message: Vec<u8>,
}

impl Original {
    /// Reads the database at `path`, which is not changed.
    ///
    /// # Errors
    /// [`OpenError::NotOurs`] where it is not a database of the original.
    pub fn read(path: &Path) -> Result<Self, OpenError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        let tables: i64 = connection.query_row(
            "SELECT count(*) FROM sqlite_schema WHERE name IN ('CLIENT_TABLE', 'MESSAGE_TABLE')",
            [],
            |row| row.get(0),
        )?;
        if tables != 2 {
            return Err(OpenError::NotOurs);
        }
        let clients = rows(
            &connection,
            "SELECT Phone, DHKey, RSAKey, Verified FROM CLIENT_TABLE ORDER BY rowid",
            client,
        )?;
        let order = "SELECT Receiver, Sender, Message FROM MESSAGE_TABLE ORDER BY Time, rowid";
        let messages = rows(&connection, order, message)?;
        Ok(Self { clients, messages })
    }
}

fn rows<T>(
    connection: &Connection,
    sql: &str,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, OpenError> {
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], read)?;
    rows.collect::<rusqlite::Result<_>>().map_err(|fault| error::store(fault).into())
}

fn client(row: &Row<'_>) -> rusqlite::Result<OriginalClient> {
    Ok(OriginalClient {
        phone: text(row.get_ref(0)?),
        dh: some_bytes(row.get_ref(1)?),
        rsa: some_bytes(row.get_ref(2)?),
        verified: matches!(row.get_ref(3)?, ValueRef::Integer(number) if number != 0),
    })
}

fn message(row: &Row<'_>) -> rusqlite::Result<OriginalMessage> {
    Ok(OriginalMessage {
        receiver: text(row.get_ref(0)?),
        sender: text(row.get_ref(1)?),
        message: some_bytes(row.get_ref(2)?).unwrap_or_default(),
    })
}

fn some_bytes(value: ValueRef<'_>) -> Option<Vec<u8>> {
    match value {
        ValueRef::Blob(bytes) | ValueRef::Text(bytes) => Some(bytes.to_vec()),
        _ => None,
    }
}

/// The text of a phone, padded or not, also one of digits alone that was taken for a number.
fn text(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Blob(bytes) | ValueRef::Text(bytes) => {
            String::from_utf8_lossy(bytes).trim_end_matches('\0').trim().to_owned()
        }
        ValueRef::Integer(number) => number.to_string(),
        _ => String::new(),
    }
}
