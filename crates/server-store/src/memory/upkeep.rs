//! Expiry, limits and counts in memory.

use hushwire_types::{ConversationId, Epoch, Generation, Timestamp};

use super::state::State;
use crate::account::{AccountState, Idle};
use crate::bounds::Bounds;
use crate::mailbox::MailboxKey;
use crate::upkeep::{Counts, Expire, Expired, Limit, Remaining, SaveLimits};
use crate::write::Written;

impl State {
    pub(super) fn expire(&mut self, operation: Expire, bounds: &Bounds, now: Timestamp) -> Written {
        let mut report = Expired::default();
        self.expire_entries(operation, bounds, now, &mut report);
        let stale_before = now.before(bounds.stale_after);
        for row in self.mailboxes.values_mut() {
            if row.idle == Idle::No && row.last_seen < stale_before {
                row.idle = Idle::Stale;
                report.stale.push(row.owner);
            }
            row.packages.claimed.retain(|_, at| *at >= now.before(bounds.claimed_ttl));
        }
        report.stale.sort_unstable();
        self.sessions.retain(|_, session| now < session.expires_at);
        self.wrong_codes.retain(|_, wrong| {
            wrong.retain(|at| *at > now.before(bounds.wrong_codes_window));
            !wrong.is_empty()
        });
        let seen_before = now.before(bounds.classic_seen_ttl);
        self.classic.seen.retain(|_, at| *at >= seen_before);
        self.reports.expire(now.before(bounds.report_ttl));
        self.claims.retain(|_, row| now < row.claim.ends_at);
        self.limits.retain(|_, arrival| *arrival > now);
        let ended_before = now.before(bounds.invite_ttl);
        self.invites.retain(|_, invite| invite.expires_at.is_none_or(|end| end >= ended_before));
        self.cut_logs(now.before(bounds.entry_ttl));
        Written::Expired(report)
    }

    fn expire_entries(&mut self, operation: Expire, bounds: &Bounds, now: Timestamp, report: &mut Expired) {
        let before = now.before(bounds.entry_ttl);
        let full: Vec<MailboxKey> = self
            .mailboxes
            .iter()
            .filter(|(_, row)| !row.older_than(before).is_empty())
            .map(|(mailbox, _)| *mailbox)
            .collect();
        let most = usize::try_from(operation.mailboxes).unwrap_or(usize::MAX);
        if full.len() > most {
            report.remaining = Remaining::More;
        }
        for mailbox in full.into_iter().take(most) {
            if let Some(row) = self.mailboxes.get_mut(&mailbox) {
                let numbers = row.older_than(before);
                let count = u64::try_from(numbers.len()).unwrap_or(u64::MAX);
                report.entries = report.entries.saturating_add(count);
                row.drop_entries(&numbers);
            }
        }
    }

    /// Drops what no joiner can ask for: of the current generation everything before the newest base that is older than
    /// any Welcome, of closed ones what is so old itself.
    fn cut_logs(&mut self, before: Timestamp) {
        let current: Vec<(ConversationId, Generation)> =
            self.conversations.iter().map(|(id, row)| (*id, row.standing.generation)).collect();
        for (conversation, generation) in current {
            let closed = |of: &(ConversationId, Generation, Epoch)| of.0 == conversation && of.1 < generation;
            self.log.retain(|key, dated| !closed(key) || dated.at >= before);
            self.bases.retain(|key, dated| !closed(key) || dated.at >= before);
            let keep = self.bases_of(conversation, generation).filter(|(_, dated)| dated.at < before);
            let Some(keep) = keep.map(|(epoch, _)| epoch).max() else { continue };
            let cut = |of: &(ConversationId, Generation, Epoch)| {
                of.0 == conversation && of.1 == generation && of.2 < keep
            };
            self.log.retain(|key, _| !cut(key));
            self.bases.retain(|key, _| !cut(key));
        }
    }

    pub(super) fn save_limits(&mut self, operation: SaveLimits, now: Timestamp) -> Written {
        for Limit { key, arrival } in operation.limits {
            if arrival > now {
                self.limits.insert(key, arrival);
            } else {
                self.limits.remove(&key);
            }
        }
        Written::Done
    }

    pub(super) fn limits(&self) -> Vec<Limit> {
        self.limits.iter().map(|(key, arrival)| Limit { key: key.clone(), arrival: *arrival }).collect()
    }

    pub(super) fn counts(&self) -> Counts {
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let loads = || self.mailboxes.values().flat_map(|row| [row.load.messages, row.load.handshakes]);
        Counts {
            accounts: count(self.accounts.values().filter(|row| row.state != AccountState::Deleted).count()),
            devices: count(self.devices.len()),
            conversations: count(self.conversations.len()),
            waiting: loads().map(|usage| usage.entries).sum(),
            waiting_bytes: loads().map(|usage| usage.bytes).sum(),
            reports: count(self.reports.kept.len()),
        }
    }
}
