//! Conversations, their members and their logs.

use hushwire_server_store::account::DeviceAddress;
use hushwire_server_store::conversation::{Conversation, GroupBase, GroupInfo, Handshake, Member};
use hushwire_server_store::decide::epoch::Standing;
use hushwire_server_store::mailbox::MailboxKey;
use hushwire_types::{ConversationId, Epoch, Generation, Order};
use rusqlite::{Connection, Result};

use crate::cache::ConversationRow;
use crate::columns::{bytes, fixed, int, kind, timestamp, uint};
use crate::sql;

pub(crate) fn row(connection: &Connection, conversation: ConversationId) -> Result<Option<ConversationRow>> {
    let sql = "SELECT id, kind, one, other, generation, epoch, last_order, last_commit_at, base_epoch
               FROM conversation WHERE name = ?1";
    let found = sql::one(connection, sql, [conversation.as_bytes()], |row| {
        Ok(ConversationRow {
            key: row.get(0)?,
            kind: kind(row, 1)?,
            standing: Standing { generation: Generation(uint(row, 4)?), epoch: Epoch(uint(row, 5)?) },
            last_order: Order(uint(row, 6)?),
            last_commit_at: timestamp(row, 7)?,
            base_epoch: Epoch(uint(row, 8)?),
            members: Vec::new(),
        })
    })?;
    let Some(mut row) = found else { return Ok(None) };
    let sql = "SELECT m.mailbox, d.account, d.device, m.since_epoch FROM member m JOIN device d ON d.mailbox = m.mailbox
               WHERE m.conversation = ?1 ORDER BY m.mailbox";
    row.members = sql::many(connection, sql, [row.key], |row| {
        let address = DeviceAddress { account: fixed(row, 1)?, device: fixed(row, 2)? };
        Ok(Member { mailbox: MailboxKey(uint(row, 0)?), address, since_epoch: Epoch(uint(row, 3)?) })
    })?;
    Ok(Some(row))
}

pub(crate) fn conversation(
    connection: &Connection,
    conversation: ConversationId,
) -> Result<Option<Conversation>> {
    Ok(row(connection, conversation)?.map(|row| Conversation {
        conversation,
        kind: row.kind,
        generation: row.standing.generation,
        epoch: row.standing.epoch,
        base_epoch: row.base_epoch,
        last_commit_at: row.last_commit_at,
        members: row.members,
    }))
}

pub(crate) fn group_info(connection: &Connection, conversation: ConversationId) -> Result<Option<GroupInfo>> {
    let sql =
        "SELECT c.generation, c.epoch, g.body FROM conversation c JOIN group_info g ON g.conversation = c.id
               WHERE c.name = ?1";
    sql::one(connection, sql, [conversation.as_bytes()], |row| {
        let (generation, epoch) = (Generation(uint(row, 0)?), Epoch(uint(row, 1)?));
        Ok(GroupInfo { generation, epoch, bytes: bytes(row, 2)? })
    })
}

pub(crate) fn handshakes(
    connection: &Connection,
    conversation: ConversationId,
    generation: Generation,
    from: Epoch,
    to: Epoch,
) -> Result<Vec<Handshake>> {
    let sql = "SELECT h.epoch, h.at, h.body FROM handshake h JOIN conversation c ON c.id = h.conversation
               WHERE c.name = ?1 AND h.generation = ?2 AND h.epoch >= ?3 AND h.epoch < ?4 ORDER BY h.epoch";
    let range = (conversation.as_bytes(), int(generation.0), int(from.0), int(to.0));
    sql::many(connection, sql, range, |row| {
        Ok(Handshake { epoch: Epoch(uint(row, 0)?), accepted_at: timestamp(row, 1)?, commit: bytes(row, 2)? })
    })
}

pub(crate) fn base(
    connection: &Connection,
    conversation: ConversationId,
    generation: Generation,
    epoch: Epoch,
) -> Result<Option<GroupBase>> {
    let sql = "SELECT b.epoch, b.body FROM group_base b JOIN conversation c ON c.id = b.conversation
               WHERE c.name = ?1 AND b.generation = ?2 AND b.epoch <= ?3 ORDER BY b.epoch DESC LIMIT 1";
    sql::one(connection, sql, (conversation.as_bytes(), int(generation.0), int(epoch.0)), |row| {
        Ok(GroupBase { epoch: Epoch(uint(row, 0)?), snapshot: bytes(row, 1)? })
    })
}
