//! The accounts that this profile knows: what was verified of them, and how far a person trusts them (rule R4).
//!
//! Invariants:
//! - A handle belongs to at most one account at a time. Where the server names another account for it, the old one's
//!   trust becomes [`Trust::Changed`] and stays so until the person decides.
//! - `head` never goes back: it is the longest list of the account that this profile has verified.

use std::fmt;

use hushwire_types::{AccountId, EntryHash, ListNumber, Timestamp};
use rusqlite::types::Type;
use rusqlite::{Row, params};

use crate::column::{fixed_at, int, invalid, opt_fixed_at, opt_time_at, time, time_at, uint_at};
use crate::picture::Hash;
use crate::{StoreError, Tx, View};

/// An account, one's own included.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// The account.
    pub account: AccountId,
    /// Its genesis, encoded.
    pub genesis: Vec<u8>,
    /// Number of the newest entry of its device list that was verified.
    pub head_number: ListNumber,
    /// Hash of that entry.
    pub head_hash: EntryHash,
    /// The handle that it was looked up by, in canonical form.
    pub handle: Option<String>,
    /// The @name that it goes by, as the server says.
    pub username: Option<String>,
    /// The name that this person gave it.
    pub local_name: Option<String>,
    /// What it says of itself.
    pub says: Says,
    /// How far this person trusts it.
    pub trust: Trust,
    /// When it was first seen.
    pub learned_at: Timestamp,
}

/// What an account says of itself to those it talks with; empty where it has said nothing.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Says {
    /// What it calls itself.
    pub name: String,
    /// A few words.
    pub about: String,
    /// Which picture it shows ([`crate::picture`]).
    pub picture: Option<Hash>,
}

impl fmt::Debug for Says {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Says(..)")
    }
}

impl fmt::Debug for Account {
    /// Shows no handle or name, which may be a phone number or a person's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("account", &self.account)
            .field("head_number", &self.head_number)
            .field("trust", &self.trust)
            .finish_non_exhaustive()
    }
}

/// How far a person trusts an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// The server's word only.
    Unverified,
    /// A safety number, a card or a link has confirmed it.
    Verified {
        /// When.
        at: Timestamp,
    },
    /// The server says that its handle belongs to another account now; sending waits for the person.
    Changed {
        /// When that was seen.
        at: Timestamp,
        /// The account that the handle names now.
        successor: AccountId,
    },
}

/// Writes an account that is not known yet.
///
/// # Errors
/// [`StoreError::Conflict`] where it is known, or its handle belongs to another.
pub fn insert(tx: &Tx<'_>, account: &Account) -> Result<(), StoreError> {
    let (trust, trust_at, successor) = trust_columns(&account.trust);
    tx.run(
        "INSERT INTO account (account, genesis, head_number, head_hash, handle, username, local_name, trust,
             trust_at, successor, learned_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        params![
            account.account.as_ref(),
            account.genesis,
            int(account.head_number.0),
            account.head_hash.as_ref(),
            account.handle,
            account.username,
            account.local_name,
            trust,
            trust_at,
            successor,
            time(account.learned_at),
        ],
    )?;
    Ok(())
}

/// The account.
///
/// # Errors
/// The database cannot be read.
pub fn find(view: &View<'_>, account: &AccountId) -> Result<Option<Account>, StoreError> {
    view.one("SELECT * FROM account WHERE account = ?1", params![account.as_ref()], read)
}

/// The account that this handle (canonical form) names.
///
/// # Errors
/// The database cannot be read.
pub fn by_handle(view: &View<'_>, handle: &str) -> Result<Option<Account>, StoreError> {
    view.one("SELECT * FROM account WHERE handle = ?1", params![handle], read)
}

/// All accounts, in the order in which they were learned of.
///
/// # Errors
/// The database cannot be read.
pub fn all(view: &View<'_>) -> Result<Vec<Account>, StoreError> {
    view.many("SELECT * FROM account ORDER BY learned_at, account", [], read)
}

/// Sets how far the person trusts it.
///
/// # Errors
/// [`StoreError::Absent`] where it is not known.
pub fn set_trust(tx: &Tx<'_>, account: &AccountId, trust: &Trust) -> Result<(), StoreError> {
    let (code, at, successor) = trust_columns(trust);
    tx.change(
        "account",
        "UPDATE account SET trust = ?2, trust_at = ?3, successor = ?4 WHERE account = ?1",
        params![account.as_ref(), code, at, successor],
    )
}

/// Moves the verified head forward.
///
/// # Errors
/// [`StoreError::Absent`] where the account is not known or its head is further already.
pub fn set_head(
    tx: &Tx<'_>,
    account: &AccountId,
    number: ListNumber,
    hash: &EntryHash,
) -> Result<(), StoreError> {
    tx.change(
        "account with an older list",
        "UPDATE account SET head_number = ?2, head_hash = ?3 WHERE account = ?1 AND head_number <= ?2",
        params![account.as_ref(), int(number.0), hash.as_ref()],
    )
}

/// Gives a handle to an account, taking it from any other; none takes the account's own away.
///
/// # Errors
/// [`StoreError::Absent`] where the account is not known.
pub fn set_handle(tx: &Tx<'_>, account: &AccountId, handle: Option<&str>) -> Result<(), StoreError> {
    if let Some(handle) = handle {
        tx.run(
            "UPDATE account SET handle = NULL WHERE handle = ?2 AND account <> ?1",
            params![account.as_ref(), handle],
        )?;
    }
    tx.change(
        "account",
        "UPDATE account SET handle = ?2 WHERE account = ?1",
        params![account.as_ref(), handle],
    )
}

/// Sets the @name that the server tells.
///
/// # Errors
/// [`StoreError::Absent`] where the account is not known.
pub fn set_username(tx: &Tx<'_>, account: &AccountId, username: Option<&str>) -> Result<(), StoreError> {
    tx.change(
        "account",
        "UPDATE account SET username = ?2 WHERE account = ?1",
        params![account.as_ref(), username],
    )
}

/// Sets what it says of itself. Whether that is new.
///
/// # Errors
/// The database cannot be written.
pub fn set_says(tx: &Tx<'_>, account: &AccountId, says: &Says) -> Result<bool, StoreError> {
    let changed = tx.erase(
        "UPDATE account SET profile_name = ?2, about = ?3, picture = ?4
         WHERE account = ?1 AND (profile_name IS NOT ?2 OR about IS NOT ?3 OR picture IS NOT ?4)",
        params![account.as_ref(), says.name, says.about, says.picture],
    )?;
    Ok(changed > 0)
}

/// Sets the name that this person gives it.
///
/// # Errors
/// [`StoreError::Absent`] where the account is not known.
pub fn set_local_name(tx: &Tx<'_>, account: &AccountId, name: Option<&str>) -> Result<(), StoreError> {
    tx.change(
        "account",
        "UPDATE account SET local_name = ?2 WHERE account = ?1",
        params![account.as_ref(), name],
    )
}

fn trust_columns(trust: &Trust) -> (i64, Option<i64>, Option<&[u8]>) {
    match trust {
        Trust::Unverified => (0, None, None),
        Trust::Verified { at } => (1, Some(time(*at)), None),
        Trust::Changed { at, successor } => (2, Some(time(*at)), Some(successor.as_ref())),
    }
}

fn read_trust(row: &Row<'_>) -> rusqlite::Result<Trust> {
    let code: i64 = row.get("trust")?;
    let at = opt_time_at(row, "trust_at")?;
    let successor = opt_fixed_at(row, "successor")?;
    match (code, at, successor) {
        (0, None, None) => Ok(Trust::Unverified),
        (1, Some(at), None) => Ok(Trust::Verified { at }),
        (2, Some(at), Some(successor)) => Ok(Trust::Changed { at, successor }),
        _ => Err(invalid("trust", Type::Integer)),
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<Account> {
    Ok(Account {
        account: fixed_at(row, "account")?,
        genesis: row.get("genesis")?,
        head_number: ListNumber(uint_at(row, "head_number")?),
        head_hash: fixed_at(row, "head_hash")?,
        handle: row.get("handle")?,
        username: row.get("username")?,
        local_name: row.get("local_name")?,
        says: Says {
            name: row.get::<_, Option<String>>("profile_name")?.unwrap_or_default(),
            about: row.get::<_, Option<String>>("about")?.unwrap_or_default(),
            picture: opt_fixed_at(row, "picture")?,
        },
        trust: read_trust(row)?,
        learned_at: time_at(row, "learned_at")?,
    })
}
