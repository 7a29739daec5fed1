//! Expiry, limits, the server's own values.

use hushwire_server_store::Written;
use hushwire_server_store::account::DeviceAddress;
use hushwire_server_store::codec;
use hushwire_server_store::mailbox::MailboxKey;
use hushwire_server_store::upkeep::{Expire, Expired, PutMeta, Remaining, SaveLimits};
use hushwire_types::{Seq, Timestamp};

use super::Batch;
use super::rows::count;
use crate::columns::{fixed, int, time, uint};
use crate::error::Step;
use crate::sql;

impl Batch<'_> {
    pub(super) fn expire(&mut self, operation: Expire) -> Step<Written> {
        self.settle()?;
        let mut report = Expired::default();
        self.expire_entries(operation, &mut report)?;
        report.stale = self.mark_stale()?;
        self.expire_classic()?;
        let now = self.now;
        let sweep = |sql: &str, before: Timestamp| self.exec(sql, [time(before)]);
        sweep("DELETE FROM claimed WHERE at < ?1", now.before(self.bounds.claimed_ttl))?;
        sweep("DELETE FROM session WHERE expires_at <= ?1", now)?;
        sweep("DELETE FROM wrong_code WHERE at <= ?1", now.before(self.bounds.wrong_codes_window))?;
        sweep("DELETE FROM handle_claim WHERE ends_at <= ?1", now)?;
        self.exec(
            "DELETE FROM claim_notice WHERE NOT EXISTS (SELECT 1 FROM handle_claim c
             WHERE c.handle = claim_notice.handle AND c.claimant = claim_notice.claimant)",
            [],
        )?;
        self.expire_reports(now.before(self.bounds.report_ttl))?;
        sweep("DELETE FROM rate_limit WHERE arrival <= ?1", now)?;
        sweep("DELETE FROM invite WHERE expires_at < ?1", now.before(self.bounds.invite_ttl))?;
        self.cut_logs(now.before(self.bounds.entry_ttl))?;
        Ok(Written::Expired(report))
    }

    fn expire_entries(&mut self, operation: Expire, report: &mut Expired) -> Step<()> {
        let before = time(self.now.before(self.bounds.entry_ttl));
        let most = usize::try_from(operation.mailboxes).unwrap_or(usize::MAX);
        let sql = "SELECT id FROM mailbox WHERE messages + handshakes > 0 AND EXISTS
                   (SELECT 1 FROM entry WHERE mailbox = id AND at < ?1 AND kind <> ?2) ORDER BY id LIMIT ?3";
        let limit = int(u64::from(operation.mailboxes).saturating_add(1));
        let full =
            sql::many(self.connection, sql, (before, codec::GAP, limit), |row| uint(row, 0).map(MailboxKey))?;
        if full.len() > most {
            report.remaining = Remaining::More;
        }
        for mailbox in full.into_iter().take(most) {
            let sql = "SELECT seq FROM entry WHERE mailbox = ?1 AND at < ?2 AND kind <> ?3 ORDER BY seq";
            let key = (int(mailbox.0), before, codec::GAP);
            let numbers = sql::many(self.connection, sql, key, |row| uint(row, 0).map(Seq))?;
            report.entries = report.entries.saturating_add(count(numbers.len()));
            self.drop_entries(mailbox, &numbers)?;
        }
        Ok(())
    }

    fn mark_stale(&self) -> rusqlite::Result<Vec<DeviceAddress>> {
        let before = time(self.now.before(self.bounds.stale_after));
        let sql = "UPDATE device SET stale = 1 WHERE stale = 0 AND last_seen < ?1 RETURNING account, device";
        let mut stale = sql::many(self.connection, sql, [before], |row| {
            Ok(DeviceAddress { account: fixed(row, 0)?, device: fixed(row, 1)? })
        })?;
        stale.sort_unstable();
        Ok(stale)
    }

    /// Drops what no joiner can ask for: of the current generation everything before the newest base that is older than
    /// any Welcome, of closed ones what is so old itself.
    fn cut_logs(&self, before: Timestamp) -> rusqlite::Result<()> {
        for table in ["handshake", "group_base"] {
            self.exec(
                &format!(
                    "DELETE FROM {table} WHERE at < ?1 AND generation <
                     (SELECT generation FROM conversation WHERE id = {table}.conversation)"
                ),
                [time(before)],
            )?;
            self.exec(
                &format!(
                    "DELETE FROM {table} WHERE at < ?1 AND epoch < (SELECT max(kept.epoch) FROM group_base kept
                     WHERE kept.conversation = {table}.conversation AND kept.generation = {table}.generation
                     AND kept.at < ?1)"
                ),
                [time(before)],
            )?;
        }
        Ok(())
    }

    pub(super) fn save_limits(&self, operation: &SaveLimits) -> Step<Written> {
        for limit in &operation.limits {
            if limit.arrival > self.now {
                let sql = "INSERT OR REPLACE INTO rate_limit(key, arrival) VALUES (?1, ?2)";
                self.exec(sql, (&*limit.key, time(limit.arrival)))?;
            } else {
                self.exec("DELETE FROM rate_limit WHERE key = ?1", [&*limit.key])?;
            }
        }
        Ok(Written::Done)
    }

    pub(super) fn put_meta(&self, operation: &PutMeta) -> Step<Written> {
        let sql = "INSERT OR REPLACE INTO meta(name, value) VALUES (?1, ?2)";
        self.exec(sql, (&operation.name, &*operation.value))?;
        Ok(Written::Done)
    }
}
