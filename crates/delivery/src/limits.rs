//! Limits on what an outsider, or a client gone wild, can ask for: the generic cell rate algorithm (ITU-T I.371).
//!
//! Pure over [`Timestamp`], as crates that bring a clock of their own cannot be driven by the simulator. A cell is
//! one time, the *theoretical arrival time*: how far it lies ahead of now says how much of the burst is used up.
//!
//! Invariants:
//! - In any span of time `t`, at most `burst + t / every` requests of one key pass.
//! - A refused request costs nothing.
//! - No key holds personal data: what comes from a handle or an address goes through a keyed hash first.
//! - A clock that was set back locks nobody out for longer than a whole burst takes to refill.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hushwire_server_store::upkeep::Limit as SavedLimit;
use hushwire_types::Timestamp;

/// How often something may happen: `burst` times at once, then once every `every`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// How many pass at once after a long silence.
    pub burst: u32,
    /// The time after which one more passes. Zero means no limit.
    pub every: Duration,
}

impl Quota {
    /// `burst` at once, then one every `every`.
    #[must_use]
    pub const fn new(burst: u32, every: Duration) -> Self {
        Self { burst, every }
    }

    /// No limit at all: for tests, benchmarks and the simulator.
    pub const NONE: Self = Self { burst: u32::MAX, every: Duration::ZERO };

    fn window(&self) -> Duration {
        self.every.saturating_mul(self.burst)
    }
}

/// What is limited. The number is stored with saved cells and never changes its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Limit {
    /// Registrations begun from one address.
    RegisterAddress = 1,
    /// Registrations begun for one phone number or e-mail address.
    RegisterHandle = 2,
    /// Registrations begun for one number prefix or e-mail domain, and from one network.
    RegisterPrefix = 3,
    /// Invite codes that were wrong, from one address. Usernames that were taken count as registrations that were begun.
    Guess = 4,
    /// Failed logins from one address.
    LoginAddress = 5,
    /// Handle look-ups by one account.
    LookUp = 6,
    /// Genesis and list look-ups by one account.
    Keys = 7,
    /// KeyPackages of one account claimed by another one.
    ClaimPair = 8,
    /// KeyPackages claimed by one account.
    Claim = 9,
    /// Uploads of KeyPackages by one device.
    PutKeyPackages = 10,
    /// Device list entries of one account.
    ListEntry = 11,
    /// Conversations made by one account.
    Create = 12,
    /// Commits by one device.
    Commit = 13,
    /// Application messages by one device.
    Send = 14,
    /// Ephemeral messages by one device.
    Ephemeral = 15,
    /// Fetches of a group's tree by one device.
    FetchGroup = 16,
    /// Connections from one address.
    Connect = 17,
    /// OTPs tried from one address; how many a handle has is the store's to count.
    Otp = 18,
    /// Claims decided about by one account.
    AnswerClaim = 19,
    /// Uploads of large requests by one device.
    Upload = 20,
    /// Large bodies fetched by one device.
    Download = 21,
    /// Links opened and codes tried from one address.
    Link = 22,
    /// Recoveries tried from one address.
    Recover = 23,
    /// Reports by one account.
    Report = 24,
}

/// One more than the highest [`Limit`].
const KINDS: usize = 25;

/// The quota of each [`Limit`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    of: [Quota; KINDS],
}

impl Default for Limits {
    /// What suits a server that is open to the internet.
    fn default() -> Self {
        const SECOND: Duration = Duration::from_secs(1);
        const MINUTE: Duration = Duration::from_secs(60);
        Self::none()
            .with(Limit::RegisterAddress, Quota::new(10, MINUTE))
            .with(Limit::RegisterHandle, Quota::new(4, MINUTE * 10))
            .with(Limit::RegisterPrefix, Quota::new(60, SECOND * 30))
            .with(Limit::Guess, Quota::new(20, MINUTE * 5))
            .with(Limit::Otp, Quota::new(30, SECOND * 30))
            .with(Limit::LoginAddress, Quota::new(30, SECOND * 10))
            .with(Limit::LookUp, Quota::new(60, SECOND * 10))
            .with(Limit::AnswerClaim, Quota::new(20, MINUTE))
            .with(Limit::Keys, Quota::new(600, SECOND))
            .with(Limit::ClaimPair, Quota::new(10, MINUTE * 30))
            .with(Limit::Claim, Quota::new(200, SECOND * 30))
            .with(Limit::PutKeyPackages, Quota::new(60, SECOND * 10))
            .with(Limit::ListEntry, Quota::new(20, MINUTE * 10))
            .with(Limit::Create, Quota::new(100, SECOND * 30))
            .with(Limit::Commit, Quota::new(60, SECOND * 2))
            .with(Limit::Send, Quota::new(2000, Duration::from_millis(1)))
            .with(Limit::Ephemeral, Quota::new(200, Duration::from_millis(50)))
            .with(Limit::FetchGroup, Quota::new(200, SECOND))
            .with(Limit::Upload, Quota::new(60, SECOND * 2))
            .with(Limit::Recover, Quota::new(20, MINUTE))
            .with(Limit::Report, Quota::new(10, MINUTE * 10))
            .with(Limit::Link, Quota::new(20, MINUTE))
            .with(Limit::Download, Quota::new(400, SECOND / 4))
            .with(Limit::Connect, Quota::new(120, SECOND / 2))
    }
}

impl Limits {
    /// No limit on anything: for tests, benchmarks and the simulator.
    #[must_use]
    pub const fn none() -> Self {
        Self { of: [Quota::NONE; KINDS] }
    }

    /// The same with another quota for one limit.
    #[must_use]
    pub fn with(mut self, limit: Limit, quota: Quota) -> Self {
        if let Some(slot) = self.of.get_mut(limit as usize) {
            *slot = quota;
        }
        self
    }

    /// The quota of a limit.
    #[must_use]
    pub fn quota(&self, limit: Limit) -> Quota {
        self.of.get(limit as usize).copied().unwrap_or(Quota::NONE)
    }
}

/// Whose requests are counted together: a limit and 16 bytes that name the one who is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    limit: u8,
    who: [u8; 16],
}

impl Key {
    /// The key of an id, which is random or a hash already; of a hash of anything else.
    pub(crate) fn new(limit: Limit, id: &[u8]) -> Self {
        let mut who = [0; 16];
        for (to, from) in who.iter_mut().zip(id) {
            *to = *from;
        }
        Self { limit: limit as u8, who }
    }

    /// As the store keeps it.
    pub(crate) fn to_bytes(self) -> Vec<u8> {
        [&[self.limit], self.who.as_slice()].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (limit, who) = bytes.split_first()?;
        Some(Self { limit: *limit, who: who.try_into().ok()? })
    }
}

/// How long to wait before the same request can pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wait(pub(crate) Duration);

const SHARDS: usize = 16;

/// The cells of everybody, in shards so that connections seldom wait for each other.
pub(crate) struct Limiter {
    limits: Limits,
    shards: [Mutex<HashMap<Key, Cell>>; SHARDS],
}

#[derive(Debug, Clone, Copy)]
struct Cell {
    arrival: Timestamp,
    saved: Saved,
}

/// Whether the store has a cell as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Saved {
    Yes,
    No,
}

impl Limiter {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, shards: std::array::from_fn(|_| Mutex::default()) }
    }

    /// Counts one request, or says how long to wait and counts nothing.
    pub(crate) fn take(&self, limit: Limit, who: &[u8], now: Timestamp) -> Result<(), Wait> {
        let quota = self.limits.quota(limit);
        if quota.every.is_zero() {
            return Ok(());
        }
        let key = Key::new(limit, who);
        let mut shard = self.shard(key);
        let arrival = advance(quota, arrival(&mut shard, key, quota, now), now)?;
        shard.insert(key, Cell { arrival, saved: Saved::No });
        Ok(())
    }

    /// Whether a request would pass, without counting it.
    pub(crate) fn peek(&self, limit: Limit, who: &[u8], now: Timestamp) -> Result<(), Wait> {
        let quota = self.limits.quota(limit);
        if quota.every.is_zero() {
            return Ok(());
        }
        let key = Key::new(limit, who);
        advance(quota, arrival(&mut self.shard(key), key, quota, now), now).map(drop)
    }

    /// The cells that have changed since they were last saved and would not refill within `worth` anyway, for the
    /// store. Forgets those that hold nobody back.
    pub(crate) fn save(&self, now: Timestamp, worth: Duration) -> Vec<SavedLimit> {
        let mut changed = Vec::new();
        for shard in &self.shards {
            let mut shard = lock(shard);
            shard.retain(|_, cell| cell.arrival > now);
            for (key, cell) in shard.iter_mut() {
                let was = std::mem::replace(&mut cell.saved, Saved::Yes);
                if was == Saved::No && cell.arrival.since(now) > worth {
                    changed.push(SavedLimit { key: key.to_bytes().into(), arrival: cell.arrival });
                }
            }
        }
        changed
    }

    /// Takes saved cells back, after a start.
    pub(crate) fn restore(&self, saved: impl IntoIterator<Item = SavedLimit>) {
        for SavedLimit { key, arrival } in saved {
            if let Some(key) = Key::from_bytes(&key) {
                self.shard(key).insert(key, Cell { arrival, saved: Saved::Yes });
            }
        }
    }

    fn shard(&self, key: Key) -> MutexGuard<'_, HashMap<Key, Cell>> {
        let pick = key.who.iter().fold(0_usize, |sum, byte| sum.wrapping_add(usize::from(*byte))) % SHARDS;
        let [first, ..] = &self.shards;
        lock(self.shards.get(pick).unwrap_or(first))
    }
}

/// A poisoned shard is still a valid map: the panic was somebody else's.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where a cell stands. One that is further ahead than a full burst comes from a clock that was set back since: it is set back too, or
/// it would hold everybody back until the old time is reached again.
fn arrival(cells: &mut HashMap<Key, Cell>, key: Key, quota: Quota, now: Timestamp) -> Option<Timestamp> {
    let cell = cells.get_mut(&key)?;
    let most = now.after(quota.window());
    if cell.arrival > most {
        *cell = Cell { arrival: most, saved: Saved::No };
    }
    Some(cell.arrival)
}

/// The cell after one more request, or the wait that is needed.
fn advance(quota: Quota, cell: Option<Timestamp>, now: Timestamp) -> Result<Timestamp, Wait> {
    let window = quota.window();
    let arrival = cell.unwrap_or(now).max(now);
    let next = arrival.after(quota.every);
    let ahead = next.since(now);
    if ahead > window { Err(Wait(ahead.saturating_sub(window))) } else { Ok(next) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const T0: Timestamp = Timestamp::from_ms(1_000_000);

    fn limiter(burst: u32, every_s: u64) -> Limiter {
        Limiter::new(Limits::none().with(Limit::LookUp, Quota::new(burst, Duration::from_secs(every_s))))
    }

    #[test]
    fn a_burst_passes_then_one_in_each_interval() {
        let limiter = limiter(3, 10);
        let take = |at: Timestamp| limiter.take(Limit::LookUp, b"who", at);
        assert!((0..3).all(|_| take(T0).is_ok()));
        assert_eq!(take(T0), Err(Wait(Duration::from_secs(10))));
        assert!(take(T0.after(Duration::from_secs(10))).is_ok());
        assert!(take(T0.after(Duration::from_secs(10))).is_err());
    }

    #[test]
    fn others_are_not_held_back() {
        let limiter = limiter(1, 10);
        assert!(limiter.take(Limit::LookUp, b"a", T0).is_ok());
        assert!(limiter.take(Limit::LookUp, b"b", T0).is_ok());
        assert!(limiter.take(Limit::Claim, b"a", T0).is_ok());
    }

    #[test]
    fn a_clock_set_back_by_a_year_locks_nobody_out() {
        let limiter = limiter(2, 10);
        let year = Duration::from_secs(365 * 86_400);
        assert!(limiter.take(Limit::LookUp, b"who", T0.after(year)).is_ok());
        assert!(limiter.take(Limit::LookUp, b"who", T0.after(Duration::from_secs(20))).is_err());
        let limiter_waits = limiter.peek(Limit::LookUp, b"who", T0);
        assert_eq!(limiter_waits, Err(Wait(Duration::from_secs(10))));
        let later = |seconds| T0.after(Duration::from_secs(seconds));
        assert!(
            limiter.peek(Limit::LookUp, b"who", later(10)).is_ok(),
            "who has waited as long as was said passes"
        );
        assert!(limiter.take(Limit::LookUp, b"who", later(10)).is_ok());
        assert!(limiter.take(Limit::LookUp, b"who", later(30)).is_ok());
    }

    #[test]
    fn saved_cells_hold_back_after_a_restart() {
        let before = limiter(1, 100);
        assert!(before.take(Limit::LookUp, b"who", T0).is_ok());
        let after = limiter(1, 100);
        after.restore(before.save(T0, Duration::from_secs(10)));
        assert!(after.take(Limit::LookUp, b"who", T0).is_err());
        assert!(before.save(T0.after(Duration::from_secs(100)), Duration::ZERO).is_empty());
    }

    #[test]
    fn a_cell_is_saved_once_and_only_where_it_lasts() {
        let limiter = limiter(2, 10);
        let worth = Duration::from_secs(10);
        let save = |at| limiter.save(at, worth).len();
        limiter.take(Limit::LookUp, b"who", T0).unwrap();
        assert_eq!(save(T0), 0, "it has refilled before it is worth it");
        limiter.take(Limit::LookUp, b"who", T0).unwrap();
        assert_eq!((save(T0), save(T0)), (1, 0));
        assert!(limiter.take(Limit::LookUp, b"who", T0).is_err());
        assert_eq!(save(T0), 0, "a request that was refused changes nothing");
        assert_eq!(save(T0.after(worth * 2)), 0);
        assert!(
            limiter.shards.iter().all(|shard| lock(shard).is_empty()),
            "who is held back no more is forgotten"
        );
    }

    #[test]
    fn people_are_spread_over_the_shards() {
        let limiter = limiter(1, 10);
        for number in 0..64 {
            let who = [[200; 15].as_slice(), &[number]].concat();
            limiter.take(Limit::LookUp, &who, T0).unwrap();
        }
        assert!(limiter.shards.iter().all(|shard| lock(shard).len() == 4));
    }

    proptest! {
        #[test]
        fn no_more_than_burst_and_refill_pass(burst in 1_u32..20, every in 1_u64..50, steps in proptest::collection::vec(0_u64..5_000, 1..200)) {
            let limiter = limiter(burst, every);
            let (mut now, mut passed) = (T0, 0_u64);
            for step in steps {
                now = now.after(Duration::from_millis(step));
                passed += u64::from(limiter.take(Limit::LookUp, b"who", now).is_ok());
            }
            prop_assert!(passed <= u64::from(burst) + now.since(T0).as_secs() / every);
        }
    }
}
