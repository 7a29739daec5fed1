//! Every time span and count that the engine goes by, each with its reason.

use std::time::Duration;

const SECOND: u64 = 1;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Voluntary Commits of one group are at least this far apart: others need the time to see one before the next.
pub(crate) const COMMIT_SPACING_GROUP: Duration = Duration::from_secs(5);

/// What every member may do in a group, its devices do one after the other, this far apart: a Commit takes less to arrive.
pub(crate) const TURN: Duration = Duration::from_secs(3);

/// The longest that a device lets others go first.
pub(crate) const LONGEST_TURN: Duration = Duration::from_secs(HOUR);

/// Up to so many leaves, fresh leaves after joining are not spread out.
pub(crate) const SMALL_GROUP: usize = 8;

/// Voluntary Commits of this device in all its groups: a device that joined many must not flood the server.
pub(crate) const COMMIT_SPACING_DEVICE: Duration = Duration::from_secs(60);

/// The first send after this long takes a fresh leaf with it, to heal from an unnoticed theft of keys.
pub(crate) const REFRESH_AFTER: Duration = Duration::from_secs(DAY);

/// A fresh leaf after this many messages of an epoch.
pub(crate) const REFRESH_MESSAGES: u64 = 200;

/// From here on a Commit is due whatever the spacing says: an epoch ends before its 512th message of a sender, because
/// receivers look at most 1,024 ahead.
pub(crate) const COMMIT_MESSAGES: u64 = 400;

/// Here sending waits for the Commit.
pub(crate) const LAST_MESSAGES: u64 = 500;

/// KeyPackages of a full pool.
pub(crate) const KEY_PACKAGE_POOL: usize = 20;

/// Refill when this many are left.
pub(crate) const KEY_PACKAGE_REFILL: u32 = 10;

/// The last resort is shared by all who use it, so it is replaced this often.
pub(crate) const LAST_RESORT_AGE: Duration = Duration::from_secs(7 * DAY);

/// Private keys of KeyPackages are kept this long: a Welcome may wait in the mailbox for 30 days, and a KeyPackage in the pool
/// may be older.
pub(crate) const KEY_PACKAGE_KEPT: Duration = Duration::from_secs(90 * DAY);

/// Accepted sends are kept this long for a server that was restored from a backup.
pub(crate) const SENT_KEPT: Duration = Duration::from_secs(7 * DAY);

/// Hashes of received messages are kept this long, so that what a restored server or another device sends again is known.
pub(crate) const SEEN_KEPT: Duration = Duration::from_secs(45 * DAY);

/// Sends between an unanswered one and the newest: one below the server's window, which is counted from the newest.
pub(crate) const SEND_WINDOW: u64 = 63;

/// How long a Welcome, a Commit or an epoch that the server spoke of may take to come by the stream once that has caught up,
/// before the group is fetched instead.
pub(crate) const STREAM_PATIENCE: Duration = Duration::from_secs(10);

/// From this difference to the server's on, this device's clock is not used for what other devices judge.
pub(crate) const CLOCK_TOLERANCE: Duration = Duration::from_secs(5 * MINUTE);

/// Receipts wait this long for others to travel with.
pub(crate) const RECEIPT_DELAY: Duration = Duration::from_millis(500);

/// In groups of more accounts nobody is told what was delivered: each receipt goes to everybody.
pub(crate) const RECEIPTS_AMONG: u32 = 32;

/// Receipts that travel in one Content.
pub(crate) const RECEIPT_BATCH: usize = 128;

/// A handle that is used is looked up again first when this much time has passed: for so long a change of its owner may
/// stay unnoticed where the server does not tell of it by itself.
pub(crate) const LOOK_UP_AGAIN: Duration = Duration::from_secs(10 * MINUTE);

/// Rejoins that may fail before a person is told (rule R1).
pub(crate) const REJOIN_TRIES: u32 = 2;

/// A conversation that could not be healed is tried again after this long.
pub(crate) const STUCK_AGAIN: Duration = Duration::from_secs(6 * HOUR);

/// How long after that it is tried again where something of the conversation has come since: others go on with it.
pub(crate) const STUCK_HEARD: Duration = Duration::from_secs(HOUR);

/// A server that was restored and lacks an epoch is given this long to be sent it by whoever has it. Then the conversation goes on in
/// another generation: nobody can say anything until one of both happens.
pub(crate) const SERVER_PATIENCE: Duration = Duration::from_secs(HOUR);

/// Those who may set a conversation up anew do it one after the other, this far apart: it takes less to claim all keys of a large
/// group.
pub(crate) const RENEWAL_TURN: Duration = Duration::from_secs(30);

/// Events of the journal are kept this long after every reader has handled them.
pub(crate) const EVENTS_KEPT: Duration = Duration::from_secs(7 * DAY);

/// Events of the journal are kept at most this long: a reader that never comes back must not fill the disk.
pub(crate) const EVENTS_KEPT_AT_MOST: Duration = Duration::from_secs(90 * DAY);

/// The server accepts messages of a past epoch for half a day. So what it accepted of an epoch whose keys are a day old has
/// come in, if the stream was alive this long ago or later.
pub(crate) const PAST_EPOCH_ACCEPTED: Duration = Duration::from_secs(12 * HOUR);

/// That a report arrived is remembered this long: as long as the server keeps it.
pub(crate) const REPORTS_KEPT: Duration = Duration::from_secs(90 * DAY);

/// A connection on which nothing was heard for this long may be dead without the caller having noticed: it slept.
pub(crate) const QUIET: Duration = Duration::from_secs(2 * HOUR);

/// Old rows are looked for this often.
pub(crate) const SWEEP_EVERY: Duration = Duration::from_secs(HOUR);

/// Rows of before that are indexed for search in a step: few enough that nobody waits for it.
pub(crate) const INDEX_BATCH: u32 = 256;

/// The most characters of a local name.
pub(crate) const LOCAL_NAME_CHARACTERS: usize = 64;

/// How long to wait after the `tries`-th refusal of a request: a second, doubling, at most a minute.
pub(crate) fn retry_after(tries: u32) -> Duration {
    Duration::from_secs((SECOND << tries.saturating_sub(1).min(6)).min(MINUTE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_slow_down_to_one_a_minute() {
        let spans: Vec<u64> = (1..9).map(|tries| retry_after(tries).as_secs()).collect();
        assert_eq!(spans, [1, 2, 4, 8, 16, 32, 60, 60]);
    }
}
