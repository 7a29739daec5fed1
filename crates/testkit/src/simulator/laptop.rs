//! A second device of an account, added to its list by the first one. Linking devices over the wire is not part of the
//! engine yet, so its profile is written here.

use std::path::Path;
use std::sync::Arc;

use hushwire_client_store::account::{self, Account, Says, Trust};
use hushwire_client_store::list::{self, ListEntry};
use hushwire_client_store::profile::{self, Profile};
use hushwire_client_store::{Database, StoreError};
use hushwire_engine::{Effect, Engine, Input};
use hushwire_identity::{Author, DeviceList, ListKey, NewDevice, UnverifiedEntry};
use hushwire_types::{Entropy, ListNumber};
use hushwire_wire::{AppendListEntry, Hello, Response};
use tempfile::TempDir;

use super::failure::{Failure, OrFail};
use super::people::{T0, ask, folder, key};
use super::server::{BINDING, Server, peer};
use crate::entropy::SeededEntropy;

const NONCE: [u8; 32] = [3; 32];

/// Adds a device to the account of the profile in `owner`, and leaves its own profile behind.
pub(crate) fn link(
    server: &mut Server,
    owner: &Path,
    entropy: &Arc<SeededEntropy>,
) -> Result<TempDir, Failure> {
    let mut db = Database::open(owner, &key()).or_fail("opening a profile")?;
    let first = db.read::<_, StoreError>(profile::find).or_fail("a profile")?.or_fail("a profile")?;
    let entries = db.read(|view| list::of(view, &first.account)).or_fail("a list")?;
    let mut all =
        DeviceList::verify(&first.genesis, entries.iter().map(|entry| &entry.bytes)).or_fail("a list")?;
    let (list_key, mls_key) = (ListKey::generate(&**entropy), ListKey::generate(&**entropy));
    let name = "laptop".parse().or_fail("a device name")?;
    let device = NewDevice { list_key: &list_key, mls_key: mls_key.public(), name };
    let author = ListKey::from_seed(&first.list_key);
    let entry = all.add_device(Author::Device(&author), &device).or_fail("adding a device")?;
    visit(server, db, entropy, Some(entry.clone()))?;
    all.append(&entry).or_fail("adding a device")?;

    let second = Profile {
        device: list_key.device_id(),
        list_key: list_key.seed(),
        mls_key: mls_key.seed(),
        recovery_key: None,
        ..first
    };
    let folder = folder()?;
    let mut db = Database::create(folder.path(), &key(), &**entropy).or_fail("a new profile")?;
    db.step::<_, StoreError>(|tx| write(tx, &second, &all)).or_fail("a new profile")?;
    visit(server, db, entropy, None)?;
    Ok(folder)
}

fn write(tx: &hushwire_client_store::Tx<'_>, profile: &Profile, all: &DeviceList) -> Result<(), StoreError> {
    profile::insert(tx, profile)?;
    account::insert(
        tx,
        &Account {
            account: profile.account,
            genesis: profile.genesis.clone(),
            head_number: all.head().number,
            head_hash: all.head().hash,
            handle: None,
            username: None,
            local_name: None,
            says: Says::default(),
            trust: Trust::Unverified,
            learned_at: T0,
        },
    )?;
    for bytes in all.entries(ListNumber(1)) {
        let Ok(entry) = UnverifiedEntry::decode(bytes) else { continue };
        let row = ListEntry { number: entry.number(), hash: entry.hash(), bytes: bytes.to_vec() };
        list::append(tx, &profile.account, &row)?;
    }
    Ok(())
}

/// Logs in on a straight line, appends an entry, does whatever the engine wants done, and leaves.
fn visit(
    server: &mut Server,
    mut db: Database,
    entropy: &Arc<SeededEntropy>,
    entry: Option<Vec<u8>>,
) -> Result<(), Failure> {
    let mut engine =
        Engine::open(&mut db, Arc::clone(entropy) as Arc<dyn Entropy>).or_fail("opening an engine")?;
    let direct = server.running.as_mut().or_fail("the server")?;
    let connection = direct.connect(peer());
    let hello = Hello { min_version: 2, max_version: 2, features: Vec::new(), nonce: NONCE };
    let Response::Welcomed(welcomed) = ask(direct, connection, hello.into())? else {
        return Err(Failure::new("nobody is welcome"));
    };
    let login = engine.login(&mut db, &welcomed, &BINDING, &NONCE).or_fail("a login")?;
    let Response::LoggedIn(logged_in) = ask(direct, connection, login.into())? else {
        return Err(Failure::new("the login was refused"));
    };
    if let Some(entry) = entry {
        let answer = ask(direct, connection, AppendListEntry { entry: entry.into() }.into())?;
        if !matches!(answer, Response::ListEntryAppended(_)) {
            return Err(Failure::new("the entry was refused"));
        }
    }
    let mut inputs = vec![Input::Start, Input::Online(logged_in)];
    while !inputs.is_empty() {
        let effects = engine.step(&mut db, std::mem::take(&mut inputs), T0).or_fail("a step")?;
        for effect in effects {
            let Effect::Request { tag, request } = effect else { continue };
            let result = match ask(direct, connection, request)? {
                Response::Error(error) => Err(error),
                response => Ok(response),
            };
            inputs.push(Input::Answer { tag, result });
        }
    }
    direct.disconnect(connection);
    db.close().or_fail("closing a profile")
}
