//! Invites and sessions.

use hushwire_server_store::account::Handle;
use hushwire_server_store::registration::{
    CodeHash, Invite, InviteUses, Otp, OtpGiven, Session, SessionMethod,
};
use hushwire_types::{SessionId, Timestamp};
use rusqlite::{Connection, Result, Row};

use super::accounts::handle_kind;
use crate::columns::{Unreadable, damaged, fixed, time, timestamp, uint};
use crate::sql;

pub(crate) const BY_INVITE: i64 = 1;
pub(crate) const BY_OTP: i64 = 2;
pub(crate) const OPEN: i64 = 3;

const INVITE: &str = "SELECT code, prefix, label, uses_left, used, created_at, expires_at FROM invite";

pub(crate) fn invites(connection: &Connection) -> Result<Vec<Invite>> {
    sql::many(connection, &format!("{INVITE} ORDER BY created_at, code"), [], read_invite)
}

pub(crate) fn invite(connection: &Connection, code: &CodeHash) -> Result<Option<Invite>> {
    sql::one(connection, &format!("{INVITE} WHERE code = ?1"), [code.0], read_invite)
}

fn read_invite(row: &Row<'_>) -> Result<Invite> {
    let uses_left = match row.get::<_, Option<u32>>(3)? {
        None => InviteUses::Unlimited,
        Some(left) => InviteUses::Limited(left),
    };
    Ok(Invite {
        code: CodeHash(fixed(row, 0)?),
        prefix: row.get(1)?,
        label: row.get(2)?,
        uses_left,
        used: row.get(4)?,
        created_at: timestamp(row, 5)?,
        expires_at: optional_time(row, 6)?,
    })
}

pub(crate) fn session(connection: &Connection, session: SessionId) -> Result<Option<Session>> {
    let sql =
        "SELECT id, account, method, invite, contact, contact_kind, username, skeleton, otp, otp_expires_at,
               otp_tries_left, otp_given, expires_at FROM session WHERE id = ?1";
    sql::one(connection, sql, [session.as_bytes()], |row| {
        let method = match row.get::<_, i64>(2)? {
            BY_INVITE => SessionMethod::Invite(CodeHash(fixed(row, 3)?)),
            BY_OTP => SessionMethod::Otp,
            OPEN => SessionMethod::Open,
            _ => return Err(damaged(2, Unreadable)),
        };
        let contact = match row.get::<_, Option<String>>(4)? {
            Some(canonical) => Some(Handle { canonical, kind: handle_kind(row, 5, None)? }),
            None => None,
        };
        let username = match row.get::<_, Option<String>>(6)? {
            Some(canonical) => Some(Handle { canonical, kind: handle_kind(row, 5, row.get(7)?)? }),
            None => None,
        };
        let otp = match row.get::<_, Option<Vec<u8>>>(8)? {
            Some(_) => Some(read_otp(row)?),
            None => None,
        };
        let expires_at = timestamp(row, 12)?;
        Ok(Session { session, account: fixed(row, 1)?, method, contact, username, otp, expires_at })
    })
}

fn read_otp(row: &Row<'_>) -> Result<Otp> {
    let given = if uint(row, 11)? == 0 { OtpGiven::No } else { OtpGiven::Yes };
    Ok(Otp {
        code: CodeHash(fixed(row, 8)?),
        expires_at: timestamp(row, 9)?,
        tries_left: row.get(10)?,
        given,
    })
}

/// When wrong codes were given for a handle, since `since`.
pub(crate) fn wrong_codes(connection: &Connection, handle: &str, since: Timestamp) -> Result<Vec<Timestamp>> {
    let sql = "SELECT at FROM wrong_code WHERE handle = ?1 AND at > ?2 ORDER BY at";
    sql::many(connection, sql, (handle, time(since)), |row| timestamp(row, 0))
}

fn optional_time(row: &Row<'_>, index: usize) -> Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(index)?.map(|at| Timestamp::from_ms(u64::try_from(at).unwrap_or_default())))
}
