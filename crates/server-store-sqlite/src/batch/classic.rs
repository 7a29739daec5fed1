//! Wire version 1.
//!
//! What a message costs are the pages that it rewrites. Its own row, and its digest, stand behind those of the message before; only
//! the index of who it waits for has a place of its own for each recipient. Digests go where they can be looked up for as long as they
//! are kept when there are [`RECENT`] of them; until then they are in memory as well.

use std::collections::HashSet;

use hushwire_server_store::Written;
use hushwire_server_store::classic::{
    AcknowledgeClassic, BeginClassic, ClassicPhone, ClassicStored, ClassicWaiting, CountClassicGuess,
    CreateClassic, StoreClassic, guess_key,
};
use hushwire_server_store::decide::classic::{self as decide, Creation};

use super::Batch;
use super::rows::count;
use crate::cache::Digest;
use crate::columns::{fixed, int, time, uint};
use crate::error::Step;
use crate::reads::classic as reads;
use crate::reads::registration::wrong_codes;
use crate::sql;

/// As many digests are kept in the order in which they came: a megabyte of memory, which is read with the first message.
const RECENT: usize = 16_384;

impl Batch<'_> {
    pub(super) fn begin_classic(&self, operation: BeginClassic) -> Step<Written> {
        let account = reads::account(self.connection, operation.phone)?;
        let since = self.now.before(self.bounds.wrong_codes_window);
        let wrong = wrong_codes(self.connection, &guess_key(operation.phone), since)?;
        decide::may_begin(account.as_ref(), &wrong, self.bounds, self.now)?;
        Ok(Written::Done)
    }

    pub(super) fn count_classic_guess(&self, operation: CountClassicGuess) -> Step<Written> {
        let sql = "INSERT INTO wrong_code(handle, at) VALUES (?1, ?2)";
        self.exec(sql, (guess_key(operation.phone), time(self.now)))?;
        Ok(Written::Done)
    }

    pub(super) fn create_classic(&self, operation: &CreateClassic) -> Step<Written> {
        let CreateClassic { phone, keys } = operation;
        let account = reads::account(self.connection, *phone)?;
        if decide::creation(account.as_ref(), keys)? == Creation::New {
            self.exec(
                "INSERT INTO classic_account(phone, dh, rsa, dh_signature, rsa_signature, created_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                (phone.0, keys.dh, &*keys.rsa, &*keys.dh_signature, &*keys.rsa_signature, time(self.now)),
            )?;
            self.exec("INSERT INTO classic_waiting(phone, messages, bytes) VALUES (?1, 0, 0)", [phone.0])?;
        }
        Ok(Written::Done)
    }

    pub(super) fn store_classic(&mut self, operation: &StoreClassic) -> Step<Written> {
        let StoreClassic { recipient, sender, digest, blob } = operation;
        if self.was_seen(digest)? {
            return Ok(Written::ClassicStored(ClassicStored::Before));
        }
        let size = count(blob.len());
        decide::may_store(self.classic_waiting(*recipient)?, size, self.bounds)?;
        self.exec(
            "INSERT INTO classic_message(recipient, sender, blob) VALUES (?1, ?2, ?3)",
            (recipient.0, sender.0, &**blob),
        )?;
        self.change_classic_waiting(*recipient, |waiting| {
            waiting.messages = waiting.messages.saturating_add(1);
            waiting.bytes = waiting.bytes.saturating_add(size);
        });
        self.see(*digest)?;
        Ok(Written::ClassicStored(ClassicStored::New))
    }

    pub(super) fn acknowledge_classic(&mut self, operation: AcknowledgeClassic) -> Step<Written> {
        let AcknowledgeClassic { recipient, sender, read } = operation;
        if let Some(id) = read {
            let gone = sql::one(
                self.connection,
                "DELETE FROM classic_message WHERE id = ?1 AND recipient = ?2 AND sender = ?3
                 RETURNING length(blob)",
                (int(id.0), recipient.0, sender.0),
                |row| uint(row, 0),
            )?;
            if let (Some(size), Some(_)) = (gone, self.classic_waiting(recipient)?) {
                self.change_classic_waiting(recipient, |waiting| {
                    waiting.messages = waiting.messages.saturating_sub(1);
                    waiting.bytes = waiting.bytes.saturating_sub(size);
                });
            }
        }
        Ok(Written::ClassicNext(reads::next_of(self.connection, recipient, sender)?))
    }

    /// What waits for somebody who has an account, with what this batch changed of it.
    fn classic_waiting(&mut self, phone: ClassicPhone) -> Step<Option<ClassicWaiting>> {
        if let Some(waiting) = self.cache.classic_waiting.get(&phone) {
            return Ok(Some(*waiting));
        }
        let waiting = reads::waiting(self.connection, phone)?;
        if let Some(waiting) = waiting {
            self.cache.classic_waiting.put(phone, waiting);
        }
        Ok(waiting)
    }

    /// Changes what was read before.
    fn change_classic_waiting(&mut self, phone: ClassicPhone, change: impl FnOnce(&mut ClassicWaiting)) {
        if let Some(waiting) = self.cache.classic_waiting.get_mut(&phone) {
            change(waiting);
            self.cache.changed_classic.insert(phone);
        }
    }

    pub(super) fn write_classic_waiting(&mut self) -> rusqlite::Result<()> {
        for phone in std::mem::take(&mut self.cache.changed_classic) {
            let Some(waiting) = self.cache.classic_waiting.peek(&phone) else { continue };
            self.exec(
                "UPDATE classic_waiting SET messages = ?2, bytes = ?3 WHERE phone = ?1",
                (phone.0, int(waiting.messages), int(waiting.bytes)),
            )?;
        }
        Ok(())
    }

    /// Whether a message was stored before, since whenever.
    fn was_seen(&mut self, digest: &Digest) -> Step<bool> {
        if self.recent()?.contains(digest) {
            return Ok(true);
        }
        let sql = "SELECT 1 FROM classic_seen WHERE digest = ?1";
        Ok(sql::one(self.connection, sql, [digest], |_| Ok(()))?.is_some())
    }

    /// Keeps a digest that was not seen before.
    fn see(&mut self, digest: Digest) -> Step<()> {
        let sql = "INSERT INTO classic_recent(digest, at) VALUES (?1, ?2)";
        self.exec(sql, (digest, time(self.now)))?;
        let recent = self.recent()?;
        recent.insert(digest);
        if recent.len() >= RECENT {
            recent.clear();
            self.exec(
                "INSERT OR IGNORE INTO classic_seen(digest, at) SELECT digest, at FROM classic_recent ORDER BY digest",
                [],
            )?;
            self.exec("DELETE FROM classic_recent", [])?;
        }
        Ok(())
    }

    /// Forgets what nobody says again any more.
    pub(super) fn expire_classic(&mut self) -> rusqlite::Result<()> {
        let before = time(self.now.before(self.bounds.classic_seen_ttl));
        self.exec("DELETE FROM classic_seen WHERE at < ?1", [before])?;
        if self.exec("DELETE FROM classic_recent WHERE at < ?1", [before])? > 0 {
            self.cache.classic_recent = None;
        }
        Ok(())
    }

    fn recent(&mut self) -> rusqlite::Result<&mut HashSet<Digest>> {
        if self.cache.classic_recent.is_none() {
            let all =
                sql::many(self.connection, "SELECT digest FROM classic_recent", [], |row| fixed(row, 0))?;
            self.cache.classic_recent = Some(all.into_iter().collect());
        }
        Ok(self.cache.classic_recent.get_or_insert_default())
    }
}
