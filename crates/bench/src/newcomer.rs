//! An engine whose account was just registered, and the services that know it.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use hushwire_client_store::{Database, KeySource};
use hushwire_delivery::limits::Limits;
use hushwire_delivery::settings::{Way, Ways};
use hushwire_delivery::{ConnectionId, Direct, Peer, Pepper, Service, Settings};
use hushwire_engine::{Engine, Input, NewAccount};
use hushwire_identity::{ChannelBinding, Flags, Handle, ServerKey};
use hushwire_server_store::Bounds;
use hushwire_server_store::memory::MemoryStore;
use hushwire_types::{Entropy, IncarnationId, OsEntropy, Secret, Timestamp, rng};
use hushwire_wire::{
    Hello, LoggedIn, RegistrationMethod, Request, RequestId, Response, SendPublicKeys, ServerFrame,
};

/// What logins of engines are bound to, without a network between.
pub(crate) const BINDING: ChannelBinding = ChannelBinding::Exporter([7; 32]);
/// The nonce of their Hello.
pub(crate) const NONCE: [u8; 32] = [3; 32];

/// Opens without stretching, as a key of the keyring does.
pub(crate) fn key() -> KeySource {
    KeySource::Key(Secret::new([9; 32]))
}

/// The services over a store in memory, without their limits.
pub(crate) fn services(server: &ServerKey) -> Result<Direct> {
    let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
    let settings = Settings {
        ways: Ways { open: Way::Open, ..Ways::default() },
        limits: Limits::none(),
        ..Settings::default()
    };
    let store = Arc::new(MemoryStore::new(IncarnationId::new([1; 16]), Bounds::default()));
    let pepper = Pepper::new(Secret::new(rng::bytes(&OsEntropy)));
    Ok(Direct::new(Service::open(store, server.clone(), pepper, settings, entropy)?))
}

/// Somebody who has registered and logged in.
pub(crate) struct Newcomer {
    pub(crate) db: Database,
    pub(crate) engine: Engine,
    pub(crate) connection: ConnectionId,
    /// What was published: account, list and KeyPackages.
    pub(crate) keys: SendPublicKeys,
    pub(crate) logged_in: LoggedIn,
    /// What the server has said since.
    pub(crate) frames: Vec<ServerFrame>,
    /// Requests that were made on the connection.
    pub(crate) requests: u64,
}

/// Registers `name`, whose profile is made in `folder`, and logs it in. The engine has been started and is online.
pub(crate) fn register(
    direct: &mut Direct,
    server: &ServerKey,
    folder: &Path,
    name: &str,
    now: Timestamp,
) -> Result<Newcomer> {
    let mut db = Database::create(&folder.join(name), &key(), &OsEntropy)?;
    let handle: Handle = format!("@{name}").parse()?;
    let new = NewAccount {
        device_name: "bench".parse()?,
        handle: handle.clone(),
        server: "127.0.0.1:7900".to_owned(),
        server_key: server.public(),
        flags: Flags::default(),
    };
    let mut engine = Engine::register(&mut db, &new, Arc::new(OsEntropy), now)?;
    let connection = direct.connect(Peer { binding: BINDING, address: None });
    let hello = Hello { min_version: 2, max_version: 2, features: Vec::new(), nonce: NONCE };
    let Response::Welcomed(welcomed) = ask(direct, connection, 1, hello, now)? else { bail!("not welcome") };
    let register = engine.register_request(RegistrationMethod::Open, Some(name.into()));
    let Response::Registration(session) = ask(direct, connection, 2, register, now)? else {
        bail!("refused")
    };
    let keys = engine.public_keys(&mut db, session.session_id, &[handle], now)?;
    let Response::KeysSet(_) = ask(direct, connection, 3, keys.clone(), now)? else { bail!("keys refused") };
    engine.keys_set(&mut db)?;
    let login = engine.login(&mut db, &welcomed, &BINDING, &NONCE)?;
    let id = RequestId::new(4).context("no request id")?;
    direct.request(connection, id, login.into(), now);
    let mut frames = direct.take_frames(connection).into_iter();
    let Some(ServerFrame { response: Response::LoggedIn(logged_in), .. }) = frames.next() else {
        bail!("the login was refused")
    };
    engine.step(&mut db, vec![Input::Start], now)?;
    Ok(Newcomer { db, engine, connection, keys, logged_in, frames: frames.collect(), requests: 4 })
}

/// A request, and its answer.
pub(crate) fn ask(
    direct: &mut Direct,
    connection: ConnectionId,
    number: u64,
    request: impl Into<Request>,
    now: Timestamp,
) -> Result<Response> {
    let id = RequestId::new(number).context("no request id")?;
    direct.request(connection, id, request.into(), now);
    let frames = direct.take_frames(connection);
    let answer = frames.into_iter().find(|frame| frame.request_id == Some(id));
    answer.map(|frame| frame.response).context("no answer")
}
