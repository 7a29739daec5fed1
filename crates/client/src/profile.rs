//! A profile: one account's device in one folder, opened by one process.

use std::path::PathBuf;
use std::sync::Arc;

use hushwire_client_store::profile::{self, ProfileState};
use hushwire_client_store::{Database, KeySource, StoreError};
use hushwire_engine::Engine;
use hushwire_identity::{Fingerprint, InviteLink, LinkError, PublicKey};
use hushwire_types::{Clock, Entropy, OsEntropy, SystemClock};

use crate::client::Client;
use crate::connect::{ServerAddress, Transport};
use crate::worker::Worker;

/// Where a profile lives, and what opens it.
#[derive(Clone)]
pub struct Place {
    /// Its folder.
    pub folder: PathBuf,
    /// What opens its database.
    pub key: KeySource,
}

/// Where time and randomness come from.
#[derive(Clone)]
pub struct World {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
}

impl Default for World {
    fn default() -> Self {
        Self { clock: Arc::new(SystemClock), entropy: Arc::new(OsEntropy) }
    }
}

/// A profile that cannot be opened. Each is a sentence for the person.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The database.
    #[error(transparent)]
    Database(#[from] hushwire_client_store::OpenError),
    /// What is in it.
    #[error(transparent)]
    Engine(#[from] hushwire_engine::OpenError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A registration began here and did not end.
    #[error("this profile's registration did not end: run `hush join` again")]
    NotRegistered,
    /// The stored address of the server is not one.
    #[error("the profile's server address is damaged: {0}")]
    Server(LinkError),
    /// The system refuses a thread.
    #[error("the profile's thread cannot be started: {0}")]
    Thread(std::io::Error),
}

/// Opens a registered profile and starts its client. Needs a tokio runtime.
///
/// # Errors
/// [`OpenError`].
pub fn open(place: &Place, world: World) -> Result<Client, OpenError> {
    let mut db = Database::open(&place.folder, &place.key)?;
    let engine = Engine::open(&mut db, Arc::clone(&world.entropy))?;
    start(engine, db, world)
}

/// Starts the client of an opened profile.
pub(crate) fn start(engine: Engine, mut db: Database, world: World) -> Result<Client, OpenError> {
    let found = db.read::<_, StoreError>(profile::find)?;
    let found = found.filter(|profile| profile.state == ProfileState::Registered);
    let found = found.ok_or(OpenError::NotRegistered)?;
    let address = server_address(&found.server, &found.server_key)?;
    let reader = db.reader()?;
    let (worker, stepped, thread) =
        Worker::start(engine, db, Arc::clone(&world.clock)).map_err(OpenError::Thread)?;
    Ok(Client::start(address, worker, stepped, thread, reader, world))
}

/// Prefix of the stored address of a server that is spoken to in clear text, on loopback.
const PLAIN: &str = "ws://";

/// The address as the profile keeps it: `host:port`, or `ws://host:port`.
pub(crate) fn stored_address(address: &ServerAddress) -> String {
    let scheme = if address.transport == Transport::Plain { PLAIN } else { "" };
    format!("{scheme}{}:{}", address.host, address.port)
}

fn server_address(stored: &str, key: &[u8; 32]) -> Result<ServerAddress, OpenError> {
    let (transport, host) =
        stored.strip_prefix(PLAIN).map_or((Transport::Tls, stored), |host| (Transport::Plain, host));
    let key = PublicKey::from_bytes(key).map_err(|_| OpenError::Server(LinkError::Fingerprint))?;
    let fingerprint = Fingerprint::of(&key);
    let link: InviteLink = format!("hush://{host}#{fingerprint}").parse().map_err(OpenError::Server)?;
    Ok(ServerAddress { host: link.host, port: link.port, fingerprint, transport })
}
