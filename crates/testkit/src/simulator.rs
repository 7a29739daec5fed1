//! The seeded simulator: people who write to each other over a network that fails, with devices and a server that die.
//!
//! A seed decides everything: who there is, who writes what and when, how long each frame takes, where a connection
//! breaks, when a process is killed, when hours pass. The engines, their encrypted databases, the wire codec and the
//! services of the server are the real ones; the store is the one in memory, sockets and clocks are simulated.
//!
//! What can happen:
//! - Frames of one connection arrive in order, each after a delay of its own; those of different connections overtake each other.
//! - A connection breaks at any frame in either direction. What was under way is lost on both sides, each from
//!   another moment on, and each side notices in its own time: so a device that connects again meets its older connection.
//! - A device is killed before a step (what came in is lost) or after its transaction (its effects are lost).
//! - The server is killed before a request or after its transaction (answers and pushes are lost); its store remains.
//! - Hours pass at once: refreshes, sweeps and retries come due together.
//! - People say another name of themselves or show another picture, and give pictures to the group.
//! - A person who got no answer gives the same command again, with its key.
//!
//! - With [`Plan::of_liar`] the server lies: it alters, leaves out, repeats and swaps what it shows, and says that it took what
//!   it threw away. Then the oracle asks for less, see `suspicion`.
//!
//! In the end the faults stop, everybody comes online, and when the world is at rest the `oracle` is asked: each
//! text that anybody wrote is on every device of the conversation exactly once, in the same order, each sender's in the order
//! of writing; nothing alarming was shown; all members agree on the group; and who talks with somebody shows what they say of themselves now.

use std::sync::Once;

pub(crate) mod client;
pub(crate) mod failure;
mod laptop;
mod link;
mod oracle;
pub(crate) mod people;
pub(crate) mod plan;
pub(crate) mod server;
mod suspicion;
mod touched;
mod trace;
mod truth;
mod world;

pub use failure::Failure;
pub use plan::{Devices, Matter, Plan, Room};

/// How often things came to pass that are rare, so that a test can hold that they do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Messages that devices show as handed over to them.
    pub handed: u64,
    /// Times that somebody asked by a link to be let into the group.
    pub asked: u64,
    /// Accounts that asked and are in the group later.
    pub admitted: u64,
    /// Times that an admin did not let somebody in who had asked.
    pub declined: u64,
    /// Worlds whose server lost an epoch of the group.
    pub restored: u64,
    /// Generations of a group beyond the first.
    pub renewed: u64,
    /// Times that somebody said something else of themselves.
    pub presented: u64,
}

impl Counts {
    /// Both together.
    #[must_use]
    pub const fn plus(&self, other: &Self) -> Self {
        Self {
            handed: self.handed.saturating_add(other.handed),
            asked: self.asked.saturating_add(other.asked),
            admitted: self.admitted.saturating_add(other.admitted),
            declined: self.declined.saturating_add(other.declined),
            restored: self.restored.saturating_add(other.restored),
            renewed: self.renewed.saturating_add(other.renewed),
            presented: self.presented.saturating_add(other.presented),
        }
    }

    /// The one of which there is least.
    #[must_use]
    pub fn least(&self) -> u64 {
        let Self { handed, asked, admitted, declined, restored, renewed, presented } = *self;
        [handed, asked, admitted, declined, restored, renewed, presented]
            .into_iter()
            .min()
            .unwrap_or_default()
    }
}

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// A hash over everything that happened, in order: two runs of one seed have the same.
    pub trace: [u8; 32],
    /// What happened, for a person; only the last part of it.
    pub lines: Vec<String>,
    /// Texts that were written.
    pub texts: usize,
    /// Changes of a group that were wished for and stored.
    pub wishes: usize,
    /// Engine steps.
    pub steps: u64,
    /// Processes that were killed.
    pub kills: u64,
    /// Connections that broke.
    pub breaks: u64,
    /// How often rare things came to pass.
    pub counts: Counts,
}

/// Lets the world of this seed happen and asks the oracle.
///
/// # Errors
/// [`Failure`]: what does not hold, with the end of the trace.
pub fn run(seed: u64) -> Result<Run, Failure> {
    run_plan(&Plan::of(seed))
}

/// mls-rs encrypts to several devices at once on rayon's threads, and each draws randomness: with more than one of them the
/// order would be chance, and a seed would not decide everything.
pub(crate) fn one_thread() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // A pool that somebody made before stays; nobody in this process does.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(1).stack_size(STACK).build_global();
    });
}

/// MLS in a debug build needs more than a thread's usual 2 MiB.
const STACK: usize = 16 << 20;

/// The same with a plan of one's own.
///
/// # Errors
/// As [`run`].
pub fn run_plan(plan: &Plan) -> Result<Run, Failure> {
    one_thread();
    let mut world = world::World::new(plan)?;
    let result = world.live().and_then(|()| match plan.lies {
        0 if world.is_restored() => oracle::restored::ask(&mut world),
        0 => oracle::ask(&mut world),
        _ => suspicion::ask(&mut world),
    });
    match result {
        Ok(()) => Ok(world.report()),
        Err(failure) => Err(failure.with(plan.seed, world.report().lines)),
    }
}
