//! Claims to handles.

use hushwire_server_store::claim::{Claim, ClaimState};
use hushwire_server_store::mailbox::MailboxKey;
use hushwire_types::{AccountId, Seq};
use rusqlite::{Connection, Result};

use crate::columns::{Unreadable, damaged, fixed, timestamp, uint};
use crate::sql;

/// How a state is kept. Never changes its meaning.
pub(crate) const fn state_number(state: ClaimState) -> i64 {
    match state {
        ClaimState::Pending => 0,
        ClaimState::Kept => 1,
        ClaimState::Allowed => 2,
        ClaimState::Refused => 3,
    }
}

pub(crate) fn claim(connection: &Connection, handle: &str, claimant: AccountId) -> Result<Option<Claim>> {
    let sql = "SELECT claimed_at, locked_until, ends_at, state FROM handle_claim WHERE handle = ?1 AND claimant = ?2";
    sql::one(connection, sql, (handle, claimant.as_bytes()), |row| {
        let state = match row.get::<_, i64>(3)? {
            0 => ClaimState::Pending,
            1 => ClaimState::Kept,
            2 => ClaimState::Allowed,
            3 => ClaimState::Refused,
            _ => return Err(damaged(3, Unreadable)),
        };
        Ok(Claim {
            claimed_at: timestamp(row, 0)?,
            locked_until: timestamp(row, 1)?,
            ends_at: timestamp(row, 2)?,
            state,
        })
    })
}

pub(crate) fn claimants(connection: &Connection, handle: &str) -> Result<Vec<AccountId>> {
    let sql = "SELECT claimant FROM handle_claim WHERE handle = ?1";
    sql::many(connection, sql, [handle], |row| fixed(row, 0))
}

/// Where the notice of a claim was written.
pub(crate) fn notices(
    connection: &Connection,
    handle: &str,
    claimant: AccountId,
) -> Result<Vec<(MailboxKey, Seq)>> {
    let sql = "SELECT mailbox, seq FROM claim_notice WHERE handle = ?1 AND claimant = ?2";
    sql::many(connection, sql, (handle, claimant.as_bytes()), |row| {
        Ok((MailboxKey(uint(row, 0)?), Seq(uint(row, 1)?)))
    })
}
