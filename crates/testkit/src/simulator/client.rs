//! One device of a person: a process that dies, and the profile that remains.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use hushwire_client_store::{Database, StoreError, conversation, mls_row};
use hushwire_engine::{Effect, Engine, Input, Tag};
use hushwire_types::{AccountId, ConversationId, DeviceId, Entropy, Timestamp};
use hushwire_wire::{Request, Welcomed};
use tempfile::TempDir;

use super::failure::{Failure, OrFail};
use super::link::LinkId;
use super::people;
use super::server::BINDING;
use crate::entropy::SeededEntropy;

/// How far a connection is, as the device sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Greeting,
    LoggingIn,
    Online,
}

/// A connection, as the device sees it.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) link: LinkId,
    pub(crate) phase: Phase,
    next: u64,
    tags: BTreeMap<u64, Tag>,
}

impl Line {
    pub(crate) const fn new(link: LinkId) -> Self {
        Self { link, phase: Phase::Greeting, next: 0, tags: BTreeMap::new() }
    }

    /// The number of the next request.
    pub(crate) fn number(&mut self) -> u64 {
        self.next = self.next.saturating_add(1);
        self.next
    }

    /// Remembers what a request is for.
    pub(crate) fn remember(&mut self, number: u64, tag: Tag) {
        self.tags.insert(number, tag);
    }

    /// What an answer is for.
    pub(crate) fn answered(&mut self, number: u64) -> Option<Tag> {
        self.tags.remove(&number)
    }
}

/// A process.
struct Running {
    engine: Engine,
    db: Database,
}

/// One device.
pub(crate) struct Client {
    pub(crate) person: usize,
    folder: TempDir,
    running: Option<Running>,
    /// Counts the processes, so that what was meant for an earlier one is known.
    pub(crate) life: u64,
    pub(crate) line: Option<Line>,
    pub(crate) inbox: Vec<Input>,
    pub(crate) wake: Option<Timestamp>,
    pub(crate) account: AccountId,
    pub(crate) device: DeviceId,
    entropy: Arc<SeededEntropy>,
}

impl Client {
    /// A device whose profile is in `folder`, not started yet.
    pub(crate) fn new(person: usize, folder: TempDir, entropy: &Arc<SeededEntropy>) -> Result<Self, Failure> {
        let mut client = Self {
            person,
            folder,
            running: None,
            life: 0,
            line: None,
            inbox: Vec::new(),
            wake: None,
            account: AccountId::new([0; 32]),
            device: DeviceId::new([0; 16]),
            entropy: Arc::clone(entropy),
        };
        client.start()?;
        let running = client.running.as_ref().or_fail("a process")?;
        (client.account, client.device) = (running.engine.account(), running.engine.device());
        Ok(client)
    }

    pub(crate) const fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Where its profile is.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts the process: the engine will find all it needs in its rows.
    pub(crate) fn start(&mut self) -> Result<(), Failure> {
        let mut db = Database::open(self.folder.path(), &people::key()).or_fail("opening a profile")?;
        let entropy = Arc::clone(&self.entropy) as Arc<dyn Entropy>;
        let engine = Engine::open(&mut db, entropy).or_fail("opening an engine")?;
        self.running = Some(Running { engine, db });
        self.inbox.push(Input::Start);
        Ok(())
    }

    /// The process dies: only the profile is left.
    pub(crate) fn kill(&mut self) {
        self.running = None;
        self.life = self.life.saturating_add(1);
        self.inbox.clear();
        self.wake = None;
    }

    /// While the process is dead: what the profile has of a conversation's group is lost.
    pub(crate) fn lose_group(&self, id: &ConversationId) -> Result<(), Failure> {
        let mut db = Database::open(self.folder.path(), &people::key()).or_fail("opening a profile")?;
        db.step::<_, StoreError>(|tx| {
            match conversation::find(tx, id)?.and_then(|conversation| conversation.group) {
                Some(group) => mls_row::delete_group(tx, &group),
                None => Ok(()),
            }
        })
        .or_fail("losing a group")?;
        db.close().or_fail("closing a profile")
    }

    /// Handles what came in.
    pub(crate) fn step(&mut self, now: Timestamp) -> Result<Vec<Effect>, Failure> {
        let inputs = std::mem::take(&mut self.inbox);
        let running = self.running.as_mut().or_fail("a process")?;
        running.engine.step(&mut running.db, inputs, now).or_fail("a step")
    }

    /// The login that answers a server's hello.
    pub(crate) fn login(&mut self, welcomed: &Welcomed, nonce: &[u8; 32]) -> Result<Request, Failure> {
        let running = self.running.as_mut().or_fail("a process")?;
        let login = running.engine.login(&mut running.db, welcomed, &BINDING, nonce).or_fail("a login")?;
        Ok(login.into())
    }

    /// The database, to look into.
    pub(crate) fn db(&mut self) -> Result<&mut Database, Failure> {
        Ok(&mut self.running.as_mut().or_fail("a process")?.db)
    }
}
