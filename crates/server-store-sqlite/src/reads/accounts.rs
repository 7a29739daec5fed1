//! Accounts, handles, lists and devices.

use hushwire_server_store::account::{
    Account, AccountList, AccountState, Device, DeviceAddress, Handle, HandleKind, Idle, ListHead, User,
};
use hushwire_server_store::mailbox::MailboxKey;
use hushwire_types::{AccountId, DeviceId, ListNumber, Timestamp};
use rusqlite::{Connection, Result, Row};

use crate::columns::{Unreadable, bytes, damaged, fixed, int, timestamp, uint};
use crate::sql;

pub(crate) const ACTIVE: i64 = 0;
pub(crate) const SUSPENDED: i64 = 1;
pub(crate) const DELETED: i64 = 2;

pub(crate) const USERNAME: i64 = 1;
pub(crate) const PHONE: i64 = 2;
pub(crate) const EMAIL: i64 = 3;

pub(crate) const fn handle_number(kind: &HandleKind) -> i64 {
    match kind {
        HandleKind::Username { .. } => USERNAME,
        HandleKind::Phone => PHONE,
        HandleKind::Email => EMAIL,
    }
}

/// The kind of a handle: a username where there is a skeleton, else what the column says.
pub(crate) fn handle_kind(row: &Row<'_>, index: usize, skeleton: Option<String>) -> Result<HandleKind> {
    if let Some(skeleton) = skeleton {
        return Ok(HandleKind::Username { skeleton });
    }
    match row.get::<_, i64>(index)? {
        PHONE => Ok(HandleKind::Phone),
        EMAIL => Ok(HandleKind::Email),
        _ => Err(damaged(index, Unreadable)),
    }
}

fn state(row: &Row<'_>, index: usize) -> Result<AccountState> {
    match row.get::<_, i64>(index)? {
        ACTIVE => Ok(AccountState::Active),
        SUSPENDED => Ok(AccountState::Suspended),
        DELETED => Ok(AccountState::Deleted),
        _ => Err(damaged(index, Unreadable)),
    }
}

pub(crate) fn account(connection: &Connection, account: AccountId) -> Result<Option<Account>> {
    let sql = "SELECT state, head_number, head_hash, created_at FROM account WHERE id = ?1";
    let found = sql::one(connection, sql, [account.as_bytes()], |row| {
        let head = ListHead { number: ListNumber(uint(row, 1)?), hash: fixed(row, 2)? };
        Ok((state(row, 0)?, head, timestamp(row, 3)?))
    })?;
    let Some((state, head, created_at)) = found else { return Ok(None) };
    Ok(Some(Account { account, state, handles: handles(connection, account)?, head, created_at }))
}

fn handles(connection: &Connection, account: AccountId) -> Result<Vec<Handle>> {
    let sql = "SELECT canonical, kind, skeleton FROM handle WHERE account = ?1 ORDER BY canonical";
    sql::many(connection, sql, [account.as_bytes()], |row| {
        Ok(Handle { canonical: row.get(0)?, kind: handle_kind(row, 1, row.get(2)?)? })
    })
}

pub(crate) fn by_handle(connection: &Connection, canonical: &str) -> Result<Option<AccountId>> {
    sql::one(connection, "SELECT account FROM handle WHERE canonical = ?1", [canonical], |row| fixed(row, 0))
}

/// Whether a username looks like one that is taken.
pub(crate) fn skeleton_is_taken(connection: &Connection, skeleton: &str) -> Result<bool> {
    let found = sql::one(connection, "SELECT 1 FROM handle WHERE skeleton = ?1", [skeleton], |_| Ok(()))?;
    Ok(found.is_some())
}

pub(crate) fn list(
    connection: &Connection,
    account: AccountId,
    from: ListNumber,
) -> Result<Option<AccountList>> {
    let first = from.max(ListNumber(1));
    let sql = "SELECT genesis, head_number, head_hash FROM account WHERE id = ?1";
    let found = sql::one(connection, sql, [account.as_bytes()], |row| {
        Ok((bytes(row, 0)?, ListHead { number: ListNumber(uint(row, 1)?), hash: fixed(row, 2)? }))
    })?;
    let Some((genesis, head)) = found else { return Ok(None) };
    let sql = "SELECT entry FROM list_entry WHERE account = ?1 AND position >= ?2 ORDER BY position";
    let entries = sql::many(connection, sql, (account.as_bytes(), int(first.0)), |row| bytes(row, 0))?;
    Ok(Some(AccountList { genesis, first, entries, head }))
}

const DEVICE: &str = "SELECT account, device, list_key, mailbox, added_at, last_seen, stale FROM device";

fn read_device(row: &Row<'_>) -> Result<Device> {
    Ok(Device {
        address: DeviceAddress { account: fixed(row, 0)?, device: fixed(row, 1)? },
        list_key: fixed(row, 2)?,
        mailbox: MailboxKey(uint(row, 3)?),
        added_at: timestamp(row, 4)?,
        last_seen: timestamp(row, 5)?,
        idle: if row.get::<_, i64>(6)? == 0 { Idle::No } else { Idle::Stale },
    })
}

pub(crate) fn device(
    connection: &Connection,
    account: AccountId,
    device: DeviceId,
) -> Result<Option<Device>> {
    let sql = format!("{DEVICE} WHERE account = ?1 AND device = ?2");
    sql::one(connection, &sql, (account.as_bytes(), device.as_bytes()), read_device)
}

pub(crate) fn devices(connection: &Connection, account: AccountId) -> Result<Vec<Device>> {
    sql::many(
        connection,
        &format!("{DEVICE} WHERE account = ?1 ORDER BY device"),
        [account.as_bytes()],
        read_device,
    )
}

pub(crate) fn users(connection: &Connection, after: Option<AccountId>, limit: usize) -> Result<Vec<User>> {
    let after = after.map(|account| account.as_bytes().to_vec()).unwrap_or_default();
    let limit = int(u64::try_from(limit).unwrap_or(u64::MAX));
    let sql = "SELECT id, state, created_at, (SELECT count(*) FROM device WHERE account = id),
               (SELECT max(last_seen) FROM device WHERE account = id)
               FROM account WHERE id > ?1 AND state <> ?2 ORDER BY id LIMIT ?3";
    let mut users = sql::many(connection, sql, (after, DELETED, limit), |row| {
        let last_seen = row.get::<_, Option<i64>>(4)?;
        Ok(User {
            account: fixed(row, 0)?,
            state: state(row, 1)?,
            handles: Vec::new(),
            devices: row.get(3)?,
            created_at: timestamp(row, 2)?,
            last_seen: last_seen.map(|at| Timestamp::from_ms(u64::try_from(at).unwrap_or_default())),
        })
    })?;
    for user in &mut users {
        user.handles = handles(connection, user.account)?;
    }
    Ok(users)
}
