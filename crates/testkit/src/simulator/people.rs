//! Accounts, before anything goes wrong: registered on a straight line, as the simulator is about what comes after.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use hushwire_client_store::{Database, KeySource};
use hushwire_delivery::{ConnectionId, Direct};
use hushwire_engine::{Engine, NewAccount};
use hushwire_identity::{Flags, Handle, ServerKey};
use hushwire_server_store::Bounds;
use hushwire_server_store::memory::MemoryStore;
use hushwire_types::{Entropy, IncarnationId, Secret, Timestamp, rng};
use hushwire_wire::{Hello, RegistrationMethod, Request, RequestId, Response};
use tempfile::TempDir;

use super::failure::{Failure, OrFail};
use super::laptop;
use super::plan::Devices;
use super::server::{Server, peer};
use crate::entropy::SeededEntropy;

/// When every world begins.
pub(crate) const T0: Timestamp = Timestamp::from_ms(1_800_000_000_000);

/// The most people of a world.
pub(crate) const CROWD: usize = 20;

/// The most people of a world that is no crowd.
const USUAL: usize = 4;

const NAMES: [&str; CROWD] = [
    "alice", "bob", "carol", "dora", "emil", "frieda", "georg", "hanna", "ida", "jakob", "klara", "leo",
    "mara", "noah", "olga", "paul", "quirin", "rosa", "sara", "theo",
];

/// The handle of a person.
pub(crate) fn handle(person: usize) -> Result<Handle, Failure> {
    format!("@{}", name(person)).parse().or_fail("a handle")
}

/// The name of a person.
pub(crate) fn name(person: usize) -> &'static str {
    NAMES.get(person).copied().unwrap_or("nobody")
}

/// The key of every database: what it protects from is not here.
pub(crate) fn key() -> KeySource {
    KeySource::Key(Secret::new([9; 32]))
}

/// A folder in memory where the machine has that.
pub(crate) fn folder() -> Result<TempDir, Failure> {
    let builder = tempfile::Builder::new().prefix("hush-sim-").to_owned();
    builder.tempdir_in("/dev/shm").or_else(|_| builder.tempdir()).or_fail("a temporary folder")
}

/// The files of a profile by their names.
type Files = Vec<(OsString, Vec<u8>)>;

/// Everybody as they were when they had registered: made once in a process and copied into each world, as it is the
/// same in all of them and costs more than what comes after.
#[derive(Debug)]
pub(crate) struct Start {
    /// Whose, and the files of the profile. They are in memory, as nothing of a process's own is dropped when it ends.
    devices: Vec<(usize, Files)>,
    store: MemoryStore,
    /// Some devices have been here, so the mailboxes keep their incarnation: nothing was lost.
    incarnation: IncarnationId,
    key: ServerKey,
}

impl Start {
    /// The one of this process.
    pub(crate) fn shared(devices: Devices) -> Result<&'static Self, Failure> {
        static ONE: OnceLock<Result<Start, Failure>> = OnceLock::new();
        static TWO: OnceLock<Result<Start, Failure>> = OnceLock::new();
        static CROWD: OnceLock<Result<Start, Failure>> = OnceLock::new();
        let start = match devices {
            Devices::One => &ONE,
            Devices::Two => &TWO,
            Devices::Crowd => &CROWD,
        };
        start.get_or_init(|| Self::make(devices)).as_ref().map_err(Clone::clone)
    }

    fn make(devices: Devices) -> Result<Self, Failure> {
        let entropy = Arc::new(SeededEntropy::new(0, 4));
        let incarnation = IncarnationId::new(rng::bytes(&entropy));
        let key = ServerKey::generate(&*entropy);
        let mut server =
            Server::new(MemoryStore::new(incarnation, Bounds::default()), key.clone(), &entropy)?;
        let mut all = Vec::new();
        for person in 0..if devices == Devices::Crowd { CROWD } else { USUAL } {
            let phone = register(&mut server, person, &entropy)?;
            if devices == Devices::Two && person < 2 {
                let laptop = laptop::link(&mut server, phone.path(), &entropy)?;
                all.push((person, files(laptop.path())?));
            }
            all.push((person, files(phone.path())?));
        }
        Ok(Self { devices: all, store: server.store().restored(incarnation), incarnation, key })
    }

    /// A server that knows everybody.
    pub(crate) fn server(&self, entropy: &Arc<SeededEntropy>) -> Result<Server, Failure> {
        Server::new(self.store.restored(self.incarnation), self.key.clone(), entropy)
    }

    /// Copies of the profiles of so many people, each with whose it is.
    pub(crate) fn profiles(&self, people: usize) -> Result<Vec<(usize, TempDir)>, Failure> {
        let mut copies = Vec::new();
        for (person, files) in self.devices.iter().filter(|(person, _)| *person < people) {
            copies.push((*person, copy(files)?));
        }
        Ok(copies)
    }

    /// A copy of a person's first profile.
    pub(crate) fn profile(&self, of: usize) -> Result<TempDir, Failure> {
        let profile = self.devices.iter().find(|(person, _)| *person == of);
        profile.or_fail("a profile").and_then(|(_, files)| copy(files))
    }

    /// The same people later, whose profiles are in these folders and open in no process.
    pub(crate) fn later<'a>(
        &self,
        server: &Server,
        profiles: impl Iterator<Item = (usize, &'a Path)>,
    ) -> Result<Self, Failure> {
        let devices =
            profiles.map(|(person, folder)| Ok((person, files(folder)?))).collect::<Result<_, _>>()?;
        let store = server.store().restored(self.incarnation);
        Ok(Self { devices, store, incarnation: self.incarnation, key: self.key.clone() })
    }
}

/// A profile of these files.
fn copy(files: &Files) -> Result<TempDir, Failure> {
    let to = folder()?;
    for (name, bytes) in files {
        fs::write(to.path().join(name), bytes).or_fail("copying a profile")?;
    }
    Ok(to)
}

/// The files of a profile that no process has open.
fn files(folder: &Path) -> Result<Files, Failure> {
    let mut files = Vec::new();
    for file in fs::read_dir(folder).or_fail("a profile")? {
        let file = file.or_fail("a profile's file")?;
        files.push((file.file_name(), fs::read(file.path()).or_fail("copying a profile")?));
    }
    Ok(files)
}

/// Registers a person and leaves its profile behind, closed.
fn register(server: &mut Server, person: usize, entropy: &Arc<SeededEntropy>) -> Result<TempDir, Failure> {
    let folder = folder()?;
    let mut db = Database::create(folder.path(), &key(), &**entropy).or_fail("a new profile")?;
    let new = NewAccount {
        device_name: "phone".parse().or_fail("a device name")?,
        handle: handle(person)?,
        server: "127.0.0.1:7900".to_owned(),
        server_key: server.key().public(),
        flags: Flags::default(),
    };
    let entropy = Arc::clone(entropy) as Arc<dyn Entropy>;
    let mut engine = Engine::register(&mut db, &new, entropy, T0).or_fail("a registration")?;
    let direct = server.running.as_mut().or_fail("the server")?;
    let connection = direct.connect(peer());
    let hello = Hello { min_version: 2, max_version: 2, features: Vec::new(), nonce: [3; 32] };
    ask(direct, connection, hello.into())?;
    let register = engine.register_request(RegistrationMethod::Open, Some(name(person).into()));
    let Response::Registration(session) = ask(direct, connection, register.into())? else {
        return Err(Failure::new("the registration was refused"));
    };
    let keys = engine.public_keys(&mut db, session.session_id, &[new.handle], T0).or_fail("first keys")?;
    let Response::KeysSet(_) = ask(direct, connection, keys.into())? else {
        return Err(Failure::new("the keys were refused"));
    };
    engine.keys_set(&mut db).or_fail("the end of a registration")?;
    direct.disconnect(connection);
    db.close().or_fail("closing a profile")?;
    Ok(folder)
}

/// One request of a connection that has no other.
pub(crate) fn ask(
    direct: &mut Direct,
    connection: ConnectionId,
    request: Request,
) -> Result<Response, Failure> {
    direct.request(connection, RequestId::FIRST, request, T0);
    let answer = direct.take_frames(connection).into_iter().find(|frame| frame.request_id.is_some());
    Ok(answer.or_fail("an answer")?.response)
}
