//! The engine itself: opening, and the loop that turns inputs into transactions.
//!
//! Invariant: what is in memory after a step is what the rows say, or nothing: a transaction that is given up drops
//! loaded groups and cached lists and puts the session back.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use hushwire_client_store::Database;
use hushwire_client_store::profile::{self, ProfileState};
use hushwire_identity::{LeafCredential, ListHead};
use hushwire_mls::{Device, DeviceKeys};
use hushwire_suite::Suite;
use hushwire_types::{AccountId, DeviceId, Entropy, Timestamp};
use hushwire_wire as wire;

use crate::lists::ListCache;
use crate::me::Me;
use crate::session::Session;
use crate::step::Step;
use crate::stop::{Learned, Stop};
use crate::{Effect, Input, OpenError, StepError};

/// Everything one device of one account decides. It is used with one database, which is its memory.
pub struct Engine {
    pub(crate) me: Me,
    pub(crate) device: Device,
    pub(crate) lists: Arc<ListCache>,
    pub(crate) entropy: Arc<dyn Entropy>,
    session: Session,
    /// Effects of transactions that were committed in a step that failed later.
    owed: Vec<Effect>,
}

/// One thing to handle in a transaction.
#[derive(Debug, Clone)]
pub(crate) enum Unit {
    Input(Input),
    Entry(wire::Entry),
}

impl Engine {
    /// Opens the engine of a profile. Give it [`Input::Start`] next.
    ///
    /// # Errors
    /// [`OpenError::NoProfile`] where nobody registered; else a damaged database.
    pub fn open(db: &mut Database, entropy: Arc<dyn Entropy>) -> Result<Self, OpenError> {
        let profile =
            db.read::<_, OpenError>(|view| Ok(profile::find(view)?))?.ok_or(OpenError::NoProfile)?;
        let me = Me::of(&profile).ok_or(OpenError::Damaged("server key"))?;
        let own = db.read::<_, OpenError>(|view| {
            crate::known_list::load(view, &me.account).map_err(|_| OpenError::Damaged("device list"))
        })?;
        let own = own.ok_or(OpenError::Damaged("device list"))?;
        let lists = Arc::new(ListCache::default());
        let head = own.head();
        lists.put(own);
        let device = mls_device(&me, head, &lists, &entropy).map_err(|_| OpenError::Damaged("keys"))?;
        Ok(Self { me, device, lists, entropy, session: Session::default(), owed: Vec::new() })
    }

    /// This profile's account.
    #[must_use]
    pub fn account(&self) -> AccountId {
        self.me.account
    }

    /// This device.
    #[must_use]
    pub fn device(&self) -> DeviceId {
        self.me.device
    }

    /// How far the registration is.
    #[must_use]
    pub fn state(&self) -> ProfileState {
        self.me.state
    }

    /// Handles what happened, in order, and returns what to do. Everything is durable when it returns.
    ///
    /// # Errors
    /// [`StepError`]: nothing of the inputs was done, but for a batch in which a bad entry was set apart, whose first part may be
    /// done; close the connection, give [`Input::Offline`], and connect again.
    pub fn step(
        &mut self,
        db: &mut Database,
        inputs: Vec<Input>,
        now: Timestamp,
    ) -> Result<Vec<Effect>, StepError> {
        let mut units: VecDeque<Unit> = inputs.into_iter().flat_map(units).collect();
        loop {
            let done = self.advance(db, &mut units, now)?;
            if done {
                return Ok(std::mem::take(&mut self.owed));
            }
        }
    }

    /// One or more units in one transaction; whether none are left.
    fn advance(
        &mut self,
        db: &mut Database,
        units: &mut VecDeque<Unit>,
        now: Timestamp,
    ) -> Result<bool, StepError> {
        let mut learned = Learned::default();
        let mut count = units.len();
        // Each round learns something new about one entry or one conversation, so this ends.
        let mut rounds = units.len().saturating_mul(4).saturating_add(64);
        loop {
            let mut at = 0;
            match self.transact(db, units, count, &mut at, &learned, now) {
                Ok(effects) => {
                    self.owed.extend(effects);
                    units.drain(..count.min(units.len()));
                    return Ok(units.is_empty());
                }
                Err(Stop::Failed(error)) => return Err(error),
                Err(Stop::Entry(seq, verdict)) => {
                    learned.verdicts.insert(seq, verdict);
                }
                Err(Stop::Ephemeral(digest)) => {
                    learned.passed_over.insert(digest);
                }
                Err(Stop::Lost(conversation)) => {
                    learned.lost.insert(conversation);
                }
            }
            count = count.min(at.saturating_add(1));
            rounds = rounds.saturating_sub(1);
            if rounds == 0 {
                return Err(StepError::Bug("a step went in circles"));
            }
        }
    }

    /// The first `count` units in one transaction. `at` is left at the unit that was being handled.
    fn transact(
        &mut self,
        db: &mut Database,
        units: &VecDeque<Unit>,
        count: usize,
        at: &mut usize,
        learned: &Learned,
        now: Timestamp,
    ) -> Result<Vec<Effect>, Stop> {
        let (before, credential) = (self.session.clone(), self.device.credential());
        let result = db.step(|tx| {
            let mut step = Step::new(tx, self.parts(), learned, now);
            step.begin()?;
            for (index, unit) in units.iter().take(count).enumerate() {
                *at = index;
                step.handle(unit)?;
            }
            step.finish()
        });
        if result.is_err() {
            self.session = before;
            self.device.forget();
            self.lists.forget();
            // It was accepted once, so it cannot be refused.
            let _ = self.device.set_credential(credential);
        }
        result
    }

    fn parts(&mut self) -> crate::step::Parts<'_> {
        crate::step::Parts {
            me: &self.me,
            device: &mut self.device,
            lists: &self.lists,
            entropy: &*self.entropy,
            session: &mut self.session,
        }
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("me", &self.me).finish_non_exhaustive()
    }
}

/// Entries one by one, so that a bad one can be set apart.
fn units(input: Input) -> Vec<Unit> {
    match input {
        Input::Deliveries(entries) => entries.into_iter().map(Unit::Entry).collect(),
        other => vec![Unit::Input(other)],
    }
}

/// The MLS client of this device, with the own list as it is known.
pub(crate) fn mls_device(
    me: &Me,
    head: ListHead,
    lists: &Arc<ListCache>,
    entropy: &Arc<dyn Entropy>,
) -> Result<Device, hushwire_mls::MlsError> {
    let credential = LeafCredential { account: me.account, device: me.device, list: head };
    let keys = DeviceKeys { credential, mls_key: me.mls_key.clone() };
    Device::new(
        keys,
        Suite::new(Arc::clone(entropy)),
        Arc::clone(lists) as Arc<dyn hushwire_group_policy::DeviceLists>,
    )
}
