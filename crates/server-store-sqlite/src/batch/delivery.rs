//! Delivery into mailboxes: fan-out, overflow, acknowledgement.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use hushwire_server_store::decide::overflow::{self, Dropped, Load, Waiting};
use hushwire_server_store::large::Large;
use hushwire_server_store::mailbox::{
    Acknowledge, Entry, EntryKind, Gap, MailboxKey, Place, Publication, RecordLogin,
};
use hushwire_server_store::{Refusal, Written, codec};
use hushwire_types::{ConversationId, Generation, Order, Seq};
use rusqlite::{Params, Row};

use super::Batch;
use super::rows::count;
use crate::columns::{bytes, damaged, int, time, timestamp, uint};
use crate::error::Step;
use crate::reads::mailboxes::read_kind;
use crate::sql;

/// An entry that was taken out of a mailbox.
struct Taken {
    conversation: i64,
    dropped: Dropped,
}

impl Batch<'_> {
    /// Appends an entry to mailboxes, each with its next number, and drops what is too much then. `conversation` is the
    /// key of the entry's conversation.
    pub(super) fn deliver(
        &mut self,
        entry: Entry,
        conversation: Option<i64>,
        to: impl IntoIterator<Item = MailboxKey>,
    ) -> Step<Publication> {
        let payload = codec::payload(&entry.kind);
        let (number, class) = (codec::number(&entry.kind), overflow::class(&entry.kind));
        let (size, large) = (count(payload.len()), Large::of(&entry.kind));
        let mut present = Vec::new();
        for mailbox in to {
            if let Some(row) = self.mailbox_row(mailbox)? {
                present.push((mailbox, row.last.next()));
            }
        }
        if !present.is_empty() {
            let stored = Stored { payload: self.insert_payload(&payload, present.len())?, size, number };
            if let Some(large) = large {
                let sql = "INSERT INTO large_payload(id, outline) VALUES (?1, ?2)";
                self.exec(sql, (stored.payload, &*large.to_bytes()))?;
            }
            for (mailbox, seq) in &present {
                self.insert_entry(*mailbox, *seq, &entry, conversation, &stored, present.len() > 1)?;
                self.change_mailbox(*mailbox, |row| {
                    row.last = *seq;
                    row.load.add(class, size);
                });
            }
            for (mailbox, _) in &present {
                self.make_room(*mailbox)?;
            }
        }
        let entry = match large {
            Some(large) => Entry { kind: EntryKind::Large(large), ..entry },
            None => entry,
        };
        Ok(Publication { entry: Arc::new(entry), to: present })
    }

    fn insert_payload(&self, body: &Bytes, names: usize) -> rusqlite::Result<i64> {
        self.exec("INSERT INTO payload(body) VALUES (?1)", [&**body])?;
        let payload = self.connection.last_insert_rowid();
        if names > 1 {
            self.exec("INSERT INTO payload_ref(id, refs) VALUES (?1, ?2)", (payload, int(count(names))))?;
        }
        Ok(payload)
    }

    fn insert_entry(
        &self,
        mailbox: MailboxKey,
        seq: Seq,
        entry: &Entry,
        conversation: Option<i64>,
        stored: &Stored,
        shared: bool,
    ) -> rusqlite::Result<()> {
        let (generation, order) = entry.place.map_or((0, 0), |place| (place.generation.0, place.order.0));
        self.exec(
            "INSERT INTO entry(mailbox, seq, payload, shared, kind, size, conversation, generation, ord, at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            (
                int(mailbox.0),
                int(seq.0),
                stored.payload,
                shared,
                stored.number,
                int(stored.size),
                conversation.unwrap_or_default(),
                int(generation),
                int(order),
                time(entry.accepted_at),
            ),
        )
        .map(|_| ())
    }

    fn make_room(&mut self, mailbox: MailboxKey) -> Step<()> {
        let full = self.mailbox_row(mailbox)?.is_some_and(|row| row.load.is_over(self.bounds));
        if full {
            let numbers = overflow::plan(&self.waiting(mailbox)?, self.bounds);
            self.drop_entries(mailbox, &numbers)?;
        }
        Ok(())
    }

    fn waiting(&self, mailbox: MailboxKey) -> rusqlite::Result<Vec<Waiting>> {
        let sql = "SELECT e.seq, c.name, e.kind, e.size FROM entry e LEFT JOIN conversation c ON c.id = e.conversation
                   WHERE e.mailbox = ?1 ORDER BY e.seq";
        sql::many(self.connection, sql, [int(mailbox.0)], |row| {
            let (class, bytes) = (codec::class(row.get(2)?), uint(row, 3)?);
            Ok(Waiting { seq: Seq(uint(row, 0)?), conversation: name(row, 1)?, class, bytes })
        })
    }

    /// Drops entries; each conversation that loses some keeps one Gap for them.
    pub(super) fn drop_entries(&mut self, mailbox: MailboxKey, numbers: &[Seq]) -> Step<()> {
        let mut dropped: BTreeMap<i64, Vec<Dropped>> = BTreeMap::new();
        let mut gone = Load::default();
        for seq in numbers {
            if let Some(taken) = self.take_entry(mailbox, *seq, &mut gone)? {
                dropped.entry(taken.conversation).or_default().push(taken.dropped);
            }
        }
        self.mailbox_row(mailbox)?;
        self.change_mailbox(mailbox, |row| row.load = without(row.load, gone));
        for (conversation, dropped) in dropped {
            let present = self.take_gap(mailbox, conversation)?;
            if let Some((seq, entry)) = overflow::gap(present, &dropped) {
                let payload = codec::payload(&entry.kind);
                let (size, number) = (count(payload.len()), codec::GAP);
                let stored = Stored { payload: self.insert_payload(&payload, 1)?, size, number };
                self.insert_entry(mailbox, seq, &entry, Some(conversation), &stored, false)?;
            }
        }
        Ok(())
    }

    fn take_entry(
        &mut self,
        mailbox: MailboxKey,
        seq: Seq,
        gone: &mut Load,
    ) -> rusqlite::Result<Option<Taken>> {
        let sql = "SELECT c.name, e.generation, e.ord, e.at, e.conversation FROM entry e
                   LEFT JOIN conversation c ON c.id = e.conversation WHERE e.mailbox = ?1 AND e.seq = ?2";
        let key = (int(mailbox.0), int(seq.0));
        let taken = sql::one(self.connection, sql, key, |row| {
            let (generation, order) = (Generation(uint(row, 1)?), Order(uint(row, 2)?));
            let place = name(row, 0)?.map(|conversation| Place { conversation, generation, order });
            let dropped = Dropped { seq, place, accepted_at: timestamp(row, 3)? };
            Ok(Taken { conversation: row.get(4)?, dropped })
        })?;
        let sql = "DELETE FROM entry WHERE mailbox = ?1 AND seq = ?2 RETURNING payload, shared, kind, size";
        let load = self.delete_entries(sql, key)?;
        gone.messages = plus(gone.messages, load.messages);
        gone.handshakes = plus(gone.handshakes, load.handshakes);
        Ok(taken)
    }

    fn take_gap(&mut self, mailbox: MailboxKey, conversation: i64) -> rusqlite::Result<Option<Gap>> {
        let sql = "SELECT e.kind, p.body FROM entry e JOIN payload p ON p.id = e.payload
                   WHERE e.mailbox = ?1 AND e.kind = ?2 AND e.conversation = ?3 LIMIT 1";
        let found = sql::one(self.connection, sql, (int(mailbox.0), codec::GAP, conversation), |row| {
            read_kind(row.get(0)?, bytes(row, 1)?)
        })?;
        let Some(EntryKind::Gap(gap)) = found else { return Ok(None) };
        let sql = "DELETE FROM entry WHERE mailbox = ?1 AND seq = ?2 RETURNING payload, shared, kind, size";
        self.delete_entries(sql, (int(mailbox.0), int(gap.from.0)))?;
        Ok(Some(gap))
    }

    /// Runs a deletion of entries and lets go their payloads; what they weighed. The statement returns payload, shared,
    /// kind, size.
    pub(super) fn delete_entries(&mut self, sql: &str, params: impl Params) -> rusqlite::Result<Load> {
        let gone = sql::many(self.connection, sql, params, |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, bool>(1)?, row.get::<_, u8>(2)?, uint(row, 3)?))
        })?;
        let mut load = Load::default();
        for (payload, shared, kind, size) in gone {
            load.add(codec::class(kind), size);
            if shared {
                let names = self.cache.released.entry(payload).or_default();
                *names = names.saturating_add(1);
            } else {
                self.delete_payload(payload)?;
            }
        }
        Ok(load)
    }

    /// Deletes a payload that no entry names any more.
    pub(super) fn delete_payload(&self, payload: i64) -> rusqlite::Result<()> {
        self.exec("DELETE FROM payload WHERE id = ?1", [payload])?;
        self.exec("DELETE FROM large_payload WHERE id = ?1", [payload]).map(|_| ())
    }

    pub(super) fn acknowledge(&mut self, operation: Acknowledge) -> Step<Written> {
        let mailbox = operation.mailbox;
        let row = self.mailbox_row(mailbox)?.ok_or(Refusal::UnknownMailbox)?;
        let through = operation.through.min(row.last);
        if through <= row.acked {
            return Ok(Written::Acknowledged(row.acked));
        }
        let sql = "DELETE FROM entry WHERE mailbox = ?1 AND seq <= ?2 RETURNING payload, shared, kind, size";
        let gone = self.delete_entries(sql, (int(mailbox.0), int(through.0)))?;
        self.change_mailbox(mailbox, |row| {
            row.acked = through;
            row.load = without(row.load, gone);
        });
        Ok(Written::Acknowledged(through))
    }

    pub(super) fn record_login(&mut self, operation: RecordLogin) -> Step<Written> {
        let row = self.mailbox_row(operation.mailbox)?.ok_or(Refusal::UnknownMailbox)?;
        if row.suspended {
            return Err(Refusal::AccountSuspended.into());
        }
        let sql = "UPDATE device SET last_seen = ?2, stale = 0 WHERE mailbox = ?1";
        self.exec(sql, (int(operation.mailbox.0), time(self.now)))?;
        if let Some(mark) = operation.mark {
            let sql = "UPDATE mailbox SET login_mark = ?2 WHERE id = ?1";
            self.exec(sql, (int(operation.mailbox.0), mark.as_bytes()))?;
        }
        self.keep_handles_of(row.owner.account)?;
        Ok(Written::Done)
    }
}

/// How an entry's content is kept.
struct Stored {
    payload: i64,
    size: u64,
    number: u8,
}

fn name(row: &Row<'_>, index: usize) -> rusqlite::Result<Option<ConversationId>> {
    let name = row.get::<_, Option<Vec<u8>>>(index)?;
    name.map(|name| ConversationId::try_from(name.as_slice()).map_err(|error| damaged(index, error)))
        .transpose()
}

fn plus(one: overflow::Usage, other: overflow::Usage) -> overflow::Usage {
    overflow::Usage {
        entries: one.entries.saturating_add(other.entries),
        bytes: one.bytes.saturating_add(other.bytes),
    }
}

fn without(load: Load, gone: Load) -> Load {
    let minus = |one: overflow::Usage, other: overflow::Usage| overflow::Usage {
        entries: one.entries.saturating_sub(other.entries),
        bytes: one.bytes.saturating_sub(other.bytes),
    };
    Load {
        messages: minus(load.messages, gone.messages),
        handshakes: minus(load.handshakes, gone.handshakes),
    }
}
