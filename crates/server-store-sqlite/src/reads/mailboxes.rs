//! Mailboxes, windows of sends, KeyPackages.

use std::sync::Arc;

use bytes::Bytes;
use hushwire_server_store::account::DeviceAddress;
use hushwire_server_store::codec;
use hushwire_server_store::conversation::{Answer, SendId, Slot};
use hushwire_server_store::decide::overflow::{Load, Usage};
use hushwire_server_store::decide::window::{self, Used};
use hushwire_server_store::key_package::{KeyPackageState, LastResort};
use hushwire_server_store::large::{Large, REFERENCE_BYTES};
use hushwire_server_store::mailbox::{
    Entry, EntryKind, Mailbox, MailboxKey, Page, Place, Rest, StoredEntry, incarnation,
};
use hushwire_types::{ConversationId, Generation, IncarnationId, MailboxId, Order, SendSeq, Seq};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Result, Row};

use super::accounts::SUSPENDED;
use crate::cache::{MailboxRow, Window};
use crate::columns::{Unreadable, bytes, damaged, fixed, int, timestamp, uint};
use crate::sql;

const MAILBOX: &str =
    "SELECT m.random, d.account, d.device, a.state, m.last, m.acked, m.accepted_sends, m.messages,
    m.message_bytes, m.handshakes, m.handshake_bytes, m.login_mark
    FROM mailbox m JOIN device d ON d.mailbox = m.id JOIN account a ON a.id = d.account WHERE m.id = ?1";

pub(crate) fn row(connection: &Connection, mailbox: MailboxKey) -> Result<Option<MailboxRow>> {
    sql::one(connection, MAILBOX, [int(mailbox.0)], read_row)
}

fn read_row(row: &Row<'_>) -> Result<MailboxRow> {
    Ok(MailboxRow {
        owner: DeviceAddress { account: fixed(row, 1)?, device: fixed(row, 2)? },
        suspended: row.get::<_, i64>(3)? == SUSPENDED,
        last: Seq(uint(row, 4)?),
        acked: Seq(uint(row, 5)?),
        accepted_sends: SendSeq(uint(row, 6)?),
        load: Load {
            messages: Usage { entries: uint(row, 7)?, bytes: uint(row, 8)? },
            handshakes: Usage { entries: uint(row, 9)?, bytes: uint(row, 10)? },
        },
    })
}

pub(crate) fn mailbox(
    connection: &Connection,
    mailbox: MailboxKey,
    store: IncarnationId,
) -> Result<Option<Mailbox>> {
    sql::one(connection, MAILBOX, [int(mailbox.0)], |row| {
        let MailboxRow { owner, last, acked, accepted_sends, load, .. } = read_row(row)?;
        Ok(Mailbox {
            owner,
            incarnation: incarnation(store, fixed::<MailboxId>(row, 0)?),
            acked,
            last,
            accepted_sends,
            login_mark: match row.get_ref(11)? {
                ValueRef::Null => None,
                _ => Some(fixed(row, 11)?),
            },
            waiting: load.messages.entries.saturating_add(load.handshakes.entries),
            waiting_bytes: load.messages.bytes.saturating_add(load.handshakes.bytes),
        })
    })
}

pub(crate) fn entries(
    connection: &Connection,
    mailbox: MailboxKey,
    after: Seq,
    max_entries: usize,
    max_bytes: usize,
) -> Result<Page> {
    let last =
        sql::one(connection, "SELECT last FROM mailbox WHERE id = ?1", [int(mailbox.0)], |row| uint(row, 0))?;
    // A column that is not asked for is not read: a large body stays on its pages.
    let sql = "SELECT e.seq, e.kind, c.name, e.generation, e.ord, e.at,
               CASE WHEN l.id IS NULL THEN p.body END, e.size, l.outline FROM entry e
               JOIN payload p ON p.id = e.payload LEFT JOIN large_payload l ON l.id = e.payload
               LEFT JOIN conversation c ON c.id = e.conversation
               WHERE e.mailbox = ?1 AND e.seq > ?2 ORDER BY e.seq";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query((int(mailbox.0), int(after.0)))?;
    let most_bytes = u64::try_from(max_bytes).unwrap_or(u64::MAX);
    let mut taken_bytes = 0_u64;
    let mut entries = Vec::new();
    let mut rest = Rest::Nothing;
    while let Some(row) = rows.next()? {
        let outline = row.get::<_, Option<Vec<u8>>>(8)?;
        let bytes = if outline.is_some() { REFERENCE_BYTES } else { uint(row, 7)? };
        taken_bytes = taken_bytes.saturating_add(bytes);
        if entries.len() >= max_entries || (!entries.is_empty() && taken_bytes > most_bytes) {
            rest = Rest::More;
            break;
        }
        entries.push(read_entry(row, outline.as_deref())?);
    }
    let through = match rest {
        Rest::Nothing => Seq(last.unwrap_or_default()).max(after),
        Rest::More => entries.last().map_or(after, |entry| entry.seq),
    };
    Ok(Page { entries, through, rest })
}

fn read_entry(row: &Row<'_>, outline: Option<&[u8]>) -> Result<StoredEntry> {
    let place = match row.get::<_, Option<Vec<u8>>>(2)? {
        None => None,
        Some(name) => Some(Place {
            conversation: ConversationId::try_from(name.as_slice()).map_err(|error| damaged(2, error))?,
            generation: Generation(uint(row, 3)?),
            order: Order(uint(row, 4)?),
        }),
    };
    let number = row.get(1)?;
    let kind = match outline {
        Some(outline) => {
            EntryKind::Large(Large::from_bytes(number, outline).ok_or_else(|| damaged(8, Unreadable))?)
        }
        None => read_kind(number, bytes(row, 6)?)?,
    };
    Ok(StoredEntry {
        seq: Seq(uint(row, 0)?),
        entry: Arc::new(Entry { place, accepted_at: timestamp(row, 5)?, kind }),
    })
}

pub(crate) fn read_kind(number: u8, payload: Bytes) -> Result<EntryKind> {
    codec::decode(number, payload).ok_or_else(|| damaged(0, Unreadable))
}

pub(crate) fn body(connection: &Connection, mailbox: MailboxKey, seq: Seq) -> Result<Option<Bytes>> {
    let sql = "SELECT e.kind, p.body FROM entry e JOIN payload p ON p.id = e.payload
               WHERE e.mailbox = ?1 AND e.seq = ?2";
    let kind = sql::one(connection, sql, (int(mailbox.0), int(seq.0)), |row| {
        read_kind(row.get(0)?, bytes(row, 1)?)
    })?;
    Ok(kind.and_then(|kind| kind.body().cloned()))
}

pub(crate) fn window(connection: &Connection, mailbox: MailboxKey) -> Result<Window> {
    let sql = "SELECT slot, send_seq, digest, ord, at FROM sent WHERE mailbox = ?1";
    let used = sql::many(connection, sql, [int(mailbox.0)], |row| Ok((uint(row, 0)?, read_used(row)?)))?;
    Ok(used.into_iter().collect())
}

pub(crate) fn slot(connection: &Connection, send: &SendId) -> Result<Slot> {
    let sql = "SELECT slot, send_seq, digest, ord, at FROM sent WHERE mailbox = ?1 AND slot = ?2";
    let slot = window::index(send.send_seq);
    let used = sql::one(connection, sql, (int(send.mailbox.0), int(slot)), read_used)?;
    Ok(window::slot(used.as_ref(), send))
}

fn read_used(row: &Row<'_>) -> Result<Used> {
    let answer = Answer { order: Order(uint(row, 3)?), accepted_at: timestamp(row, 4)? };
    Ok(Used { send_seq: SendSeq(uint(row, 1)?), digest: fixed(row, 2)?, answer })
}

pub(crate) fn key_packages(connection: &Connection, mailbox: MailboxKey) -> Result<KeyPackageState> {
    let key = [int(mailbox.0)];
    let sql = "SELECT count(*) FROM key_package WHERE mailbox = ?1";
    let left = sql::one(connection, sql, key, |row| row.get(0))?.unwrap_or_default();
    let sql = "SELECT used FROM last_resort WHERE mailbox = ?1";
    let last_resort = match sql::one(connection, sql, key, |row| row.get::<_, i64>(0))? {
        None => LastResort::Missing,
        Some(0) => LastResort::Fresh,
        Some(_) => LastResort::Used,
    };
    Ok(KeyPackageState { left, last_resort })
}
