//! Registers: what a person set, on any of their devices.
//!
//! Invariants:
//! - The value with the latest time counts; of two at one time, the greater one: so all devices end with the same, in
//!   whatever order they hear of them.
//! - What is set here is later than all that is known here.
//! - A register is untold until the send that tells it is in the outbox, or another device has told the same; a send that is taken back
//!   makes it untold again.

use std::fmt;

use hushwire_types::{AccountId, ContentId, ConversationId, SendSeq, Subject, Timestamp};
use rusqlite::{Row, params};

use crate::column::{fixed_at, int, invalid, time, time_at};
use crate::{StoreError, Tx, View};

/// A setting and its value.
#[derive(Clone, PartialEq, Eq)]
pub struct Register {
    /// What it is about.
    pub subject: Subject,
    /// Which setting it is.
    pub code: u32,
    /// Its value, as that setting reads it.
    pub value: Vec<u8>,
    /// When it was set.
    pub at: Timestamp,
}

impl fmt::Debug for Register {
    /// Shows no value: a draft is what somebody wrote.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Register")
            .field("subject", &self.subject)
            .field("code", &self.code)
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

/// The register.
///
/// # Errors
/// The database cannot be read.
pub fn find(view: &View<'_>, subject: &Subject, code: u32) -> Result<Option<Register>, StoreError> {
    let key = Key::of(subject);
    view.one(
        "SELECT * FROM register WHERE code = ?1 AND account = ?2 AND conversation = ?3 AND content = ?4",
        params![code, key.account, key.conversation, key.content],
        read,
    )
}

/// When a setting was set, whatever its value; none where it never was.
///
/// # Errors
/// The database cannot be read.
pub fn set_at(view: &View<'_>, subject: &Subject, code: u32) -> Result<Option<Timestamp>, StoreError> {
    let key = Key::of(subject);
    view.one(
        "SELECT at FROM register WHERE code = ?1 AND account = ?2 AND conversation = ?3 AND content = ?4",
        params![code, key.account, key.conversation, key.content],
        |row| time_at(row, "at"),
    )
}

/// All registers of one setting.
///
/// # Errors
/// The database cannot be read.
pub fn of_code(view: &View<'_>, code: u32) -> Result<Vec<Register>, StoreError> {
    view.many("SELECT * FROM register WHERE code = ?1", params![code], read)
}

/// At most `limit` registers behind this one, or from the first one on, in an order of their own.
///
/// # Errors
/// The database cannot be read.
pub fn after(view: &View<'_>, behind: Option<&Register>, limit: u32) -> Result<Vec<Register>, StoreError> {
    let Some(behind) = behind else {
        let sql = "SELECT * FROM register ORDER BY code, account, conversation, content LIMIT ?1";
        return view.many(sql, params![limit], read);
    };
    let key = Key::of(&behind.subject);
    view.many(
        "SELECT * FROM register WHERE (code, account, conversation, content) > (?1, ?2, ?3, ?4)
         ORDER BY code, account, conversation, content LIMIT ?5",
        params![behind.code, key.account, key.conversation, key.content, limit],
        read,
    )
}

/// All registers about an account.
///
/// # Errors
/// The database cannot be read.
pub fn of_account(view: &View<'_>, account: &AccountId) -> Result<Vec<Register>, StoreError> {
    view.many(
        "SELECT * FROM register WHERE account = ?1 AND conversation = x''",
        params![account.as_ref()],
        read,
    )
}

/// All registers about a conversation as a whole.
///
/// # Errors
/// The database cannot be read.
pub fn of_conversation(view: &View<'_>, conversation: &ConversationId) -> Result<Vec<Register>, StoreError> {
    view.many(
        "SELECT * FROM register WHERE conversation = ?1 AND account = x''",
        params![conversation.as_ref()],
        read,
    )
}

/// Sets a register here, later than what was known. Whether that changed it.
///
/// # Errors
/// The database cannot be written.
pub fn set(
    tx: &Tx<'_>,
    subject: &Subject,
    code: u32,
    value: &[u8],
    now: Timestamp,
) -> Result<bool, StoreError> {
    let known = find(tx, subject, code)?;
    if known.as_ref().is_some_and(|known| known.value == value) {
        return Ok(false);
    }
    let after =
        known.map_or(Timestamp::from_ms(0), |known| Timestamp::from_ms(known.at.as_ms().saturating_add(1)));
    let new = Register { subject: *subject, code, value: value.to_vec(), at: now.max(after) };
    write(tx, &new, None)?;
    Ok(true)
}

/// Takes what another device of the account has set, where that counts. Whether it does.
///
/// # Errors
/// The database cannot be written.
pub fn merge(tx: &Tx<'_>, told: &Register) -> Result<bool, StoreError> {
    take(tx, told, Some(SendSeq(0)))
}

/// Takes what was set before, as a backup has it, where that counts; the other devices must be told. Whether it does.
///
/// # Errors
/// The database cannot be written.
pub fn restore(tx: &Tx<'_>, past: &Register) -> Result<bool, StoreError> {
    take(tx, past, None)
}

fn take(tx: &Tx<'_>, new: &Register, told: Option<SendSeq>) -> Result<bool, StoreError> {
    let known = find(tx, &new.subject, new.code)?;
    if known.as_ref() == Some(new) {
        if let Some(told) = told {
            // Whoever told it has told all.
            tell_unless_told(tx, new, told)?;
        }
        return Ok(false);
    }
    if known.is_some_and(|known| (known.at, &known.value) >= (new.at, &new.value)) {
        return Ok(false);
    }
    write(tx, new, told)?;
    Ok(true)
}

/// At most `limit` registers that the other devices must be told.
///
/// # Errors
/// The database cannot be read.
pub fn untold(view: &View<'_>, limit: u32) -> Result<Vec<Register>, StoreError> {
    view.many("SELECT * FROM register WHERE told IS NULL LIMIT ?1", params![limit], read)
}

/// A send tells this value of a register.
///
/// # Errors
/// The database cannot be written.
pub fn tell(tx: &Tx<'_>, register: &Register, by: SendSeq) -> Result<(), StoreError> {
    let key = Key::of(&register.subject);
    tx.run(
        "UPDATE register SET told = ?5 WHERE code = ?1 AND account = ?2 AND conversation = ?3 AND content = ?4",
        params![register.code, key.account, key.conversation, key.content, int(by.0)],
    )?;
    Ok(())
}

/// Forgets a register here, whatever the other devices do.
///
/// # Errors
/// The database cannot be written.
pub fn forget(tx: &Tx<'_>, subject: &Subject, code: u32) -> Result<(), StoreError> {
    let key = Key::of(subject);
    tx.erase(
        "DELETE FROM register WHERE code = ?1 AND account = ?2 AND conversation = ?3 AND content = ?4",
        params![code, key.account, key.conversation, key.content],
    )?;
    Ok(())
}

fn tell_unless_told(tx: &Tx<'_>, register: &Register, by: SendSeq) -> Result<(), StoreError> {
    let key = Key::of(&register.subject);
    tx.run(
        "UPDATE register SET told = ?5 WHERE code = ?1 AND account = ?2 AND conversation = ?3 AND content = ?4
             AND told IS NULL",
        params![register.code, key.account, key.conversation, key.content, int(by.0)],
    )?;
    Ok(())
}

/// A send is taken back: what it told must be told by another.
///
/// # Errors
/// The database cannot be written.
pub fn untell(tx: &Tx<'_>, by: SendSeq) -> Result<(), StoreError> {
    tx.run("UPDATE register SET told = NULL WHERE told = ?1", params![int(by.0)])?;
    Ok(())
}

/// A send has another number now.
///
/// # Errors
/// The database cannot be written.
pub fn renumber(tx: &Tx<'_>, from: SendSeq, to: SendSeq) -> Result<(), StoreError> {
    tx.run("UPDATE register SET told = ?2 WHERE told = ?1", params![int(from.0), int(to.0)])?;
    Ok(())
}

/// A device that was not there must be told everything.
///
/// # Errors
/// The database cannot be written.
pub fn untell_all(tx: &Tx<'_>) -> Result<(), StoreError> {
    tx.run("UPDATE register SET told = NULL", [])?;
    Ok(())
}

fn write(tx: &Tx<'_>, register: &Register, told: Option<SendSeq>) -> Result<(), StoreError> {
    let key = Key::of(&register.subject);
    // The old value may be what somebody wrote.
    tx.erase(
        "INSERT INTO register (code, account, conversation, content, value, at, told)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (code, account, conversation, content)
             DO UPDATE SET value = excluded.value, at = excluded.at, told = excluded.told",
        params![
            register.code,
            key.account,
            key.conversation,
            key.content,
            register.value,
            time(register.at),
            told.map(|told| int(told.0)),
        ],
    )?;
    Ok(())
}

/// A subject as three columns, empty where it has none.
struct Key<'a> {
    account: &'a [u8],
    conversation: &'a [u8],
    content: &'a [u8],
}

impl<'a> Key<'a> {
    fn of(subject: &'a Subject) -> Self {
        let none = Self { account: &[], conversation: &[], content: &[] };
        match subject {
            Subject::Everything => none,
            Subject::Account(account) => Self { account: account.as_ref(), ..none },
            Subject::Conversation(conversation) => Self { conversation: conversation.as_ref(), ..none },
            Subject::Message { conversation, account, content } => Self {
                account: account.as_ref(),
                conversation: conversation.as_ref(),
                content: content.as_ref(),
            },
        }
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<Register> {
    let is_empty = |column| Ok::<_, rusqlite::Error>(row.get_ref(column)?.as_blob()?.is_empty());
    let subject = match (is_empty("account")?, is_empty("conversation")?, is_empty("content")?) {
        (true, true, true) => Subject::Everything,
        (false, true, true) => Subject::Account(fixed_at(row, "account")?),
        (true, false, true) => Subject::Conversation(fixed_at(row, "conversation")?),
        (false, false, false) => Subject::Message {
            conversation: fixed_at::<ConversationId>(row, "conversation")?,
            account: fixed_at(row, "account")?,
            content: fixed_at::<ContentId>(row, "content")?,
        },
        _ => return Err(invalid("account", rusqlite::types::Type::Blob)),
    };
    Ok(Register { subject, code: row.get("code")?, value: row.get("value")?, at: time_at(row, "at")? })
}
