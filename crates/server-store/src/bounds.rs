//! How much is kept, and for how long. Each figure is from the design; tests use smaller ones.

use std::time::Duration;

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const MIB: u64 = 1024 * 1024;

/// The bounds of one store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounds {
    /// How long an entry waits: a month's holiday.
    pub entry_ttl: Duration,
    /// Entries of one class (messages, handshakes) that wait in a mailbox.
    pub entries: u64,
    /// Bytes of messages that wait in a mailbox.
    pub message_bytes: u64,
    /// Bytes of handshakes that wait in a mailbox, of their own, so that talk never pushes a Commit out.
    pub handshake_bytes: u64,
    /// A device that did not log in for so long is stale.
    pub stale_after: Duration,
    /// KeyPackages in a pool; clients keep 20, the rest is room for an upload that crosses a claim.
    pub pool: u32,
    /// Wrong OTPs for one handle in a day, over all sessions.
    pub wrong_codes: u32,
    /// How long wrong OTPs are counted.
    pub wrong_codes_window: Duration,
    /// How long a handle waits for its owner before it passes on (registration lock).
    pub takeover_after: Duration,
    /// How long a claim to a handle is remembered that nobody came back for; as long as its notice waits.
    pub claim_ttl: Duration,
    /// Claims to one handle at a time: a family's worth of mistakes, and no flood of notices.
    pub claims: u32,
    /// How long the digest of a claimed KeyPackage is remembered; longer than a KeyPackage is valid.
    pub claimed_ttl: Duration,
    /// How long an ended invite is still listed.
    pub invite_ttl: Duration,
    /// How long a report is kept for the operator, and its id remembered.
    pub report_ttl: Duration,
    /// Reports of one reporter that are kept: more of them tell an operator nothing new.
    pub reports_of_one: u32,
    /// Reports of all together, so that many accounts of one hand fill no disk: 600 MiB of the largest.
    pub reports: u32,
    /// How long a message of wire version 1 is remembered that was stored: a replay within a year is known as one.
    pub classic_seen_ttl: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            entry_ttl: 30 * DAY,
            entries: 12_000,
            message_bytes: 64 * MIB,
            handshake_bytes: 32 * MIB,
            stale_after: 45 * DAY,
            pool: 100,
            wrong_codes: 10,
            wrong_codes_window: 24 * HOUR,
            takeover_after: 7 * DAY,
            claim_ttl: 30 * DAY,
            claims: 4,
            claimed_ttl: 100 * DAY,
            invite_ttl: 30 * DAY,
            report_ttl: 90 * DAY,
            reports_of_one: 50,
            reports: 10_000,
            classic_seen_ttl: 400 * DAY,
        }
    }
}
