//! A server on one thread and people whose engines can be killed between any two steps.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hushwire_client_store::account::Says;
use hushwire_client_store::conversation::{self, Conversation};
use hushwire_client_store::list::ListEntry;
use hushwire_client_store::register::{self, Register};
use hushwire_client_store::timeline::{self, EntryState};
use hushwire_client_store::{Database, KeySource, StoreError, account, journal, list, profile, progress};
use hushwire_content::{Encoded, Kind};
use hushwire_delivery::limits::Limits;
use hushwire_delivery::settings::{Way, Ways};
use hushwire_delivery::{ConnectionId, Direct, Peer, Pepper, Service, Settings};
use hushwire_engine::{
    Alert, Command, CommandId, Effect, Engine, Event, Input, NewAccount, Notice, Outcome, Recipient, Tag,
};
use hushwire_identity::list::Author;
use hushwire_identity::{
    ChannelBinding, DeviceList, Flags, Handle, LeafCredential, ListKey, NewDevice, RecoveryKey, ServerKey,
    UnverifiedEntry,
};
use hushwire_mls::DeviceKeys;
use hushwire_server_store::Bounds;
use hushwire_server_store::memory::MemoryStore;
use hushwire_types::SendSeq;
use hushwire_types::{
    AccountId, ConversationId, Entropy, IncarnationId, ListNumber, Order, Secret, Seq, SessionId, Subject,
    Timestamp,
};
use hushwire_wire::{
    AppendListEntry, FetchGroup, Group, Hello, MessageReceived, MessageSent, RecipientKeys,
    RegistrationMethod, Request, RequestId, Response, SenderKeys, ServerFrame, Welcomed,
};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

pub const T0: Timestamp = Timestamp::from_ms(1_800_000_000_000);
/// The register that says whether strangers wait.
const REQUESTS: u32 = 3;
const BINDING: ChannelBinding = ChannelBinding::Exporter([7; 32]);
const NONCE: [u8; 32] = [3; 32];

/// Counted hashes: every run of a test sees the same bytes.
pub struct Seeded(AtomicU64);

impl Entropy for Seeded {
    fn fill(&self, out: &mut [u8]) {
        for chunk in out.chunks_mut(32) {
            let block = Sha256::digest(self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes());
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
    }
}

/// What happens to the frames between a client and the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Line {
    #[default]
    Good,
    /// Requests reach the server, nothing comes back.
    Deaf,
}

/// A person's device.
pub struct Client {
    pub name: &'static str,
    pub folder: TempDir,
    pub db: Option<Database>,
    pub engine: Option<Engine>,
    pub connection: Option<ConnectionId>,
    pub line: Line,
    pub outcomes: BTreeMap<u64, Outcome>,
    pub steps: u64,
    /// The process dies after this step, before its effects are carried out.
    pub kill_at: Option<u64>,
    /// How often it fetched a tree for a Welcome.
    pub trees: u32,
    tags: BTreeMap<u64, Tag>,
    requests: u64,
    commands: u64,
    wake: Option<Timestamp>,
    reconnect: bool,
}

/// What a lying server does to a frame for the client of this index.
pub type Tamper = Box<dyn FnMut(usize, &mut ServerFrame)>;

pub struct World {
    pub direct: Direct,
    pub store: Arc<MemoryStore>,
    pub now: Timestamp,
    pub entropy: Arc<Seeded>,
    pub clients: Vec<Client>,
    /// The server shows the keys of the second account for the handle of the first.
    pub swap: Option<(AccountId, AccountId)>,
    /// KeyPackages of the second account come for the devices of the first.
    pub substitute: Option<(AccountId, AccountId)>,
    /// Messages are answered as sent and go nowhere.
    pub swallow: bool,
    /// What the server does to frames for a client.
    pub tamper: Option<Tamper>,
    /// Whether what comes from the server is kept in `recorded`.
    pub record: bool,
    pub recorded: Vec<(usize, Input)>,
    /// Which device was told that who writes, or has stopped.
    pub typed: Vec<(usize, AccountId, bool)>,
    online: Vec<Effect>,
    lies: Vec<(usize, ServerFrame)>,
    server: ServerKey,
    lives: u8,
}

impl Client {
    fn new(name: &'static str, folder: TempDir, db: Database, engine: Engine) -> Self {
        Self {
            name,
            folder,
            db: Some(db),
            engine: Some(engine),
            connection: None,
            line: Line::Good,
            outcomes: BTreeMap::new(),
            steps: 0,
            kill_at: None,
            trees: 0,
            tags: BTreeMap::new(),
            requests: 0,
            commands: 0,
            wake: None,
            reconnect: false,
        }
    }
}

fn settings() -> Settings {
    let ways = Ways { open: Way::Open, phone: Way::Open, ..Ways::default() };
    Settings { ways, limits: Limits::none(), ..Settings::default() }
}

fn service(store: &Arc<MemoryStore>, server: &ServerKey, entropy: &Arc<Seeded>) -> Direct {
    let service = Service::open(
        Arc::clone(store) as Arc<dyn hushwire_server_store::Store>,
        server.clone(),
        Pepper::new(Secret::new([5; 32])),
        settings(),
        Arc::clone(entropy) as Arc<dyn Entropy>,
    );
    Direct::new(service.unwrap())
}

impl World {
    pub fn new() -> Self {
        let entropy = Arc::new(Seeded(AtomicU64::new(0)));
        let store = Arc::new(MemoryStore::new(IncarnationId::new([1; 16]), Bounds::default()));
        let server = ServerKey::generate(&*entropy);
        let direct = service(&store, &server, &entropy);
        Self {
            direct,
            store,
            now: T0,
            entropy,
            clients: Vec::new(),
            swap: None,
            substitute: None,
            swallow: false,
            tamper: None,
            record: false,
            recorded: Vec::new(),
            typed: Vec::new(),
            online: Vec::new(),
            lies: Vec::new(),
            server,
            lives: 1,
        }
    }

    /// A world in which these people are registered and online.
    pub fn with(names: &[&'static str]) -> Self {
        let mut world = Self::new();
        for name in names {
            world.join(name);
        }
        world
    }

    /// Registers a person and brings its device online.
    pub fn join(&mut self, name: &'static str) -> usize {
        let index = self.join_shy(name);
        self.talks_with_everybody(index);
        index
    }

    /// What strangers write does not wait until it is accepted: most tests are about what comes after.
    fn talks_with_everybody(&mut self, index: usize) {
        let (subject, value) = (Subject::Everything, vec![0]);
        let requests = Register { subject, code: REQUESTS, value, at: Timestamp::from_ms(1) };
        let db = self.clients[index].db.as_mut().unwrap();
        assert!(db.step::<_, StoreError>(|tx| register::merge(tx, &requests)).unwrap());
    }

    /// Registers a person with whom strangers must wait, and brings its device online.
    pub fn join_shy(&mut self, name: &'static str) -> usize {
        let folder = tempfile::tempdir().unwrap();
        let mut db = Database::create(folder.path(), &key(), &*self.entropy).unwrap();
        let handle: Handle = format!("@{name}").parse().unwrap();
        let new = NewAccount {
            device_name: "phone".parse().unwrap(),
            handle: handle.clone(),
            server: "127.0.0.1:7900".to_owned(),
            server_key: self.server.public(),
            flags: Flags::default(),
        };
        let mut engine =
            Engine::register(&mut db, &new, Arc::clone(&self.entropy) as Arc<dyn Entropy>, self.now).unwrap();
        let connection = self.direct.connect(Peer { binding: BINDING, address: None });
        self.hello(connection);
        let register = engine.register_request(RegistrationMethod::Open, Some(name.into()));
        let Response::Registration(session) = self.ask(connection, register.into()) else {
            panic!("refused")
        };
        let keys = engine.public_keys(&mut db, session.session_id, &[handle], self.now).unwrap();
        let Response::KeysSet(_) = self.ask(connection, keys.into()) else { panic!("keys refused") };
        engine.keys_set(&mut db).unwrap();
        self.direct.disconnect(connection);
        self.clients.push(Client::new(name, folder, db, engine));
        let index = self.clients.len() - 1;
        self.step(index, vec![Input::Start]);
        self.go_online(index);
        index
    }

    /// Registers a person by a phone number and brings its device online.
    pub fn join_by_phone(&mut self, name: &'static str, number: &str) -> Result<usize, usize> {
        let index = self.begin_by_phone(name, number)?;
        self.finish_by_phone(index, number)?;
        Ok(index)
    }

    /// Makes a person's keys and proves a phone number with them. An error where the number is locked; the person, who has no
    /// account yet, in either case.
    pub fn begin_by_phone(&mut self, name: &'static str, number: &str) -> Result<usize, usize> {
        let folder = tempfile::tempdir().unwrap();
        let mut db = Database::create(folder.path(), &key(), &*self.entropy).unwrap();
        let engine = self.registering(&mut db, number);
        self.clients.push(Client::new(name, folder, db, engine));
        let index = self.clients.len() - 1;
        self.prove(index, number).map(|_| index).map_err(|()| index)
    }

    /// Proves the number again with the same profile, and ends the registration.
    pub fn finish_by_phone(&mut self, index: usize, number: &str) -> Result<(), usize> {
        let mut db = self.clients[index].db.take().unwrap();
        self.clients[index].engine = Some(self.registering(&mut db, number));
        self.clients[index].db = Some(db);
        let (connection, session_id) = self.prove(index, number).map_err(|()| index)?;
        let now = self.now;
        let client = &mut self.clients[index];
        let (engine, db) = (client.engine.as_mut().unwrap(), client.db.as_mut().unwrap());
        let keys = engine.public_keys(db, session_id, &[number.parse().unwrap()], now).unwrap();
        let Response::KeysSet(_) = self.ask(connection, keys.into()) else { panic!("keys refused") };
        let client = &mut self.clients[index];
        client.engine.as_mut().unwrap().keys_set(client.db.as_mut().unwrap()).unwrap();
        self.direct.disconnect(connection);
        self.talks_with_everybody(index);
        self.step(index, vec![Input::Start]);
        self.go_online(index);
        Ok(())
    }

    fn registering(&self, db: &mut Database, number: &str) -> Engine {
        let new = NewAccount {
            device_name: "phone".parse().unwrap(),
            handle: number.parse().unwrap(),
            server: "127.0.0.1:7900".to_owned(),
            server_key: self.server.public(),
            flags: Flags::default(),
        };
        Engine::register(db, &new, Arc::clone(&self.entropy) as Arc<dyn Entropy>, self.now).unwrap()
    }

    fn prove(&mut self, index: usize, number: &str) -> Result<(ConnectionId, SessionId), ()> {
        let connection = self.direct.connect(Peer { binding: BINDING, address: None });
        self.hello(connection);
        let engine = self.clients[index].engine.as_ref().unwrap();
        let register = engine.register_request(RegistrationMethod::Phone(number.into()), None);
        self.direct.request(connection, RequestId::new(7).unwrap(), register.into(), self.now);
        let Some(hushwire_delivery::Effect::DeliverOtp(otp)) = self.direct.take_effects().pop() else {
            panic!("no code was sent")
        };
        let code = String::from_utf8(otp.code.expose().to_vec()).unwrap();
        let answer = self.direct.service().otp_delivered(otp.ticket, Ok(()));
        self.direct.route([answer], self.now);
        let Some(ServerFrame { response: Response::Registration(session), .. }) =
            self.direct.take_frames(connection).pop()
        else {
            panic!("no registration")
        };
        let session_id = session.session_id;
        match self.ask(connection, hushwire_wire::Otp { session_id, code: code.into() }.into()) {
            Response::OtpOk(_) => Ok((connection, session_id)),
            Response::RegistrationFailed(failed) => {
                assert_eq!(failed.failure, hushwire_wire::RegistrationFailure::HandleLocked);
                Err(())
            }
            other => panic!("no answer to a code: {other:?}"),
        }
    }

    /// Another device of a person's account, added by the first one, and online.
    pub fn link(&mut self, owner: usize) -> usize {
        let (mut profile, mut list) = self.profile_of(owner);
        let (list_key, mls_key) = (ListKey::generate(&*self.entropy), ListKey::generate(&*self.entropy));
        let owner_key = ListKey::from_seed(&profile.list_key);
        let device =
            NewDevice { list_key: &list_key, mls_key: mls_key.public(), name: "laptop".parse().unwrap() };
        let entry = list.add_device(Author::Device(&owner_key), &device).unwrap();
        self.append(owner, &entry);
        list.append(&entry).unwrap();

        profile.device = list_key.device_id();
        profile.list_key = list_key.seed();
        profile.mls_key = mls_key.seed();
        profile.recovery_key = None;
        let folder = tempfile::tempdir().unwrap();
        let mut db = Database::create(folder.path(), &key(), &*self.entropy).unwrap();
        let entries: Vec<Vec<u8>> = list.history().map(<[u8]>::to_vec).collect();
        let now = self.now;
        db.step::<_, StoreError>(|tx| {
            profile::insert(tx, &profile)?;
            account::insert(
                tx,
                &account::Account {
                    account: profile.account,
                    genesis: profile.genesis.clone(),
                    head_number: list.head().number,
                    head_hash: list.head().hash,
                    handle: None,
                    username: None,
                    local_name: None,
                    says: Says::default(),
                    trust: account::Trust::Unverified,
                    learned_at: now,
                },
            )?;
            for bytes in &entries {
                let entry = UnverifiedEntry::decode(bytes).unwrap();
                let row = ListEntry { number: entry.number(), hash: entry.hash(), bytes: bytes.clone() };
                list::append(tx, &profile.account, &row)?;
            }
            Ok(())
        })
        .unwrap();
        let engine = Engine::open(&mut db, Arc::clone(&self.entropy) as Arc<dyn Entropy>).unwrap();
        self.open_device(owner, folder, db, engine)
    }

    /// The profile of a device that its account's list has.
    pub fn open_linked(
        &mut self,
        owner: usize,
        new: &hushwire_engine::NewDevice,
        list: &DeviceList,
    ) -> usize {
        let folder = tempfile::tempdir().unwrap();
        let mut db = Database::create(folder.path(), &key(), &*self.entropy).unwrap();
        let handle = format!("@{}", self.clients[owner].name).parse().unwrap();
        let home = hushwire_engine::Home {
            handle,
            server: "127.0.0.1:7900".to_owned(),
            server_key: self.server.public(),
        };
        let entropy = Arc::clone(&self.entropy) as Arc<dyn Entropy>;
        let engine = Engine::linked(&mut db, new, list, &home, entropy, self.now).unwrap();
        self.open_device(owner, folder, db, engine)
    }

    fn open_device(&mut self, owner: usize, folder: TempDir, db: Database, engine: Engine) -> usize {
        let name = self.clients[owner].name;
        self.clients.push(Client::new(name, folder, db, engine));
        self.talks_with_everybody(self.clients.len() - 1);
        let index = self.clients.len() - 1;
        self.step(index, vec![Input::Start]);
        self.go_online(index);
        index
    }

    /// The owner's first device revokes another one of its account.
    pub fn revoke(&mut self, owner: usize, device: usize) {
        let device = self.clients[device].engine.as_ref().unwrap().device();
        let (profile, list) = self.profile_of(owner);
        let key = ListKey::from_seed(&profile.list_key);
        let entry = list.revoke(Author::Device(&key), device).unwrap();
        self.append(owner, &entry);
    }

    /// The account's recovery key takes the place of all entries from 2 on: only the first device, the owner, is left. It goes
    /// to the server over the connection of `by`.
    pub fn recover(&mut self, owner: usize, by: usize) {
        let (profile, list) = self.profile_of(owner);
        let recovery = RecoveryKey::from_seed(&profile.recovery_key.unwrap());
        let next = RecoveryKey::generate(&*self.entropy);
        let entry = list.prefix(ListNumber(1)).unwrap().rotate_recovery(&recovery, &next).unwrap();
        self.append(by, &entry);
    }

    pub fn profile_of(&mut self, index: usize) -> (profile::Profile, DeviceList) {
        let db = self.clients[index].db.as_mut().unwrap();
        let profile = db.read::<_, StoreError>(profile::find).unwrap().unwrap();
        let entries = db.read::<_, StoreError>(|view| list::of(view, &profile.account)).unwrap();
        let list = DeviceList::verify(&profile.genesis, entries.iter().map(|entry| &entry.bytes)).unwrap();
        (profile, list)
    }

    fn append(&mut self, owner: usize, entry: &[u8]) {
        let connection = self.clients[owner].connection.unwrap();
        let id = RequestId::new(2_000_000).unwrap();
        let request = AppendListEntry { entry: entry.into() };
        self.direct.request(connection, id, request.into(), self.now);
        let frames = self.direct.take_frames(connection);
        let (answers, rest): (Vec<_>, Vec<_>) =
            frames.into_iter().partition(|frame| frame.request_id == Some(id));
        assert!(matches!(answers[0].response, Response::ListEntryAppended(_)), "{answers:?}");
        self.feed(owner, rest);
    }

    /// An entry by the recovery key goes to the server, over a connection that is not logged in.
    pub fn recover_device(&mut self, account_id: AccountId, entry: Vec<u8>) {
        let connection = self.direct.connect(Peer { binding: BINDING, address: None });
        self.hello(connection);
        let recover = hushwire_wire::RecoverDevice { account_id, entry: entry.into() };
        let answer = self.ask(connection, recover.into());
        assert!(matches!(answer, Response::ListEntryAppended(_)), "{answer:?}");
        self.direct.disconnect(connection);
    }

    fn hello(&mut self, connection: ConnectionId) -> Welcomed {
        let hello = Hello { min_version: 2, max_version: 2, features: Vec::new(), nonce: NONCE };
        match self.ask(connection, hello.into()) {
            Response::Welcomed(welcomed) => welcomed,
            other => panic!("not welcome: {other:?}"),
        }
    }

    /// One request of a connection that nobody else uses yet.
    pub fn ask(&mut self, connection: ConnectionId, request: Request) -> Response {
        let id = RequestId::new(1_000_000).unwrap();
        self.direct.request(connection, id, request, self.now);
        let frames = self.direct.take_frames(connection);
        frames.into_iter().find(|frame| frame.request_id == Some(id)).unwrap().response
    }

    pub fn client(&mut self, index: usize) -> &mut Client {
        &mut self.clients[index]
    }

    pub fn account(&self, index: usize) -> AccountId {
        self.clients[index].engine.as_ref().unwrap().account()
    }

    /// Connects and logs in.
    pub fn go_online(&mut self, index: usize) {
        self.go_offline(index);
        let connection = self.direct.connect(Peer { binding: BINDING, address: None });
        let welcomed = self.hello(connection);
        let client = &mut self.clients[index];
        let (engine, db) = (client.engine.as_ref().unwrap(), client.db.as_mut().unwrap());
        let login = engine.login(db, &welcomed, &BINDING, &NONCE).unwrap();
        let id = RequestId::new(1).unwrap();
        self.direct.request(connection, id, login.into(), self.now);
        let mut frames: VecDeque<ServerFrame> = self.direct.take_frames(connection).into();
        let Some(ServerFrame { response: Response::LoggedIn(logged_in), .. }) = frames.pop_front() else {
            panic!("{} cannot log in", self.clients[index].name)
        };
        let client = self.client(index);
        client.connection = Some(connection);
        client.requests = 1;
        self.online = self.step(index, vec![Input::Online(logged_in)]);
        self.feed(index, frames);
    }

    /// A login that the server takes, and whose answer never comes.
    pub fn log_in_unheard(&mut self, index: usize) {
        self.go_offline(index);
        let connection = self.direct.connect(Peer { binding: BINDING, address: None });
        let welcomed = self.hello(connection);
        let client = &mut self.clients[index];
        let (engine, db) = (client.engine.as_ref().unwrap(), client.db.as_mut().unwrap());
        let login = engine.login(db, &welcomed, &BINDING, &NONCE).unwrap();
        let answer = self.ask(connection, login.into());
        assert!(matches!(answer, Response::LoggedIn(_)), "{answer:?}");
        self.direct.disconnect(connection);
    }

    pub fn go_offline(&mut self, index: usize) {
        let client = self.client(index);
        client.tags.clear();
        client.reconnect = false;
        if let Some(connection) = client.connection.take() {
            self.direct.disconnect(connection);
            if self.clients[index].engine.is_some() {
                self.step(index, vec![Input::Offline]);
            }
        }
    }

    /// The process dies: only the database is left.
    pub fn kill(&mut self, index: usize) {
        let client = self.client(index);
        client.engine = None;
        client.db = None;
        client.wake = None;
        self.go_offline(index);
    }

    /// The process starts again, offline.
    pub fn start(&mut self, index: usize) {
        let entropy = Arc::clone(&self.entropy) as Arc<dyn Entropy>;
        let client = self.client(index);
        let mut db = Database::open(client.folder.path(), &key()).unwrap();
        client.engine = Some(Engine::open(&mut db, entropy).unwrap());
        client.db = Some(db);
        self.step(index, vec![Input::Start]);
    }

    pub fn restart(&mut self, index: usize) {
        self.kill(index);
        self.start(index);
        self.go_online(index);
    }

    /// A copy of a profile's files as they are now.
    pub fn back_up(&mut self, index: usize) -> TempDir {
        self.kill(index);
        let copy = tempfile::tempdir().unwrap();
        copy_files(self.clients[index].folder.path(), copy.path());
        self.start(index);
        self.go_online(index);
        copy
    }

    /// Puts a copy back and starts it.
    pub fn restore(&mut self, index: usize, copy: &TempDir) {
        self.kill(index);
        let folder = self.clients[index].folder.path().to_owned();
        for file in std::fs::read_dir(&folder).unwrap() {
            std::fs::remove_file(file.unwrap().path()).unwrap();
        }
        copy_files(copy.path(), &folder);
        self.start(index);
        self.go_online(index);
    }

    /// A second process on a copy of a profile's files, offline: its index.
    pub fn run_copy(&mut self, of: usize, copy: &TempDir) -> usize {
        let folder = tempfile::tempdir().unwrap();
        copy_files(copy.path(), folder.path());
        let mut db = Database::open(folder.path(), &key()).unwrap();
        let engine = Engine::open(&mut db, Arc::clone(&self.entropy) as Arc<dyn Entropy>).unwrap();
        let name = self.clients[of].name;
        self.clients.push(Client::new(name, folder, db, engine));
        let index = self.clients.len() - 1;
        self.step(index, vec![Input::Start]);
        index
    }

    /// The server as it was at `backup`, in a new life.
    pub fn restore_server(&mut self, backup: &MemoryStore) {
        self.lives += 1;
        self.store = Arc::new(backup.restored(IncarnationId::new([self.lives; 16])));
        self.direct = service(&self.store, &self.server, &self.entropy);
        for index in 0..self.clients.len() {
            self.clients[index].connection = None;
            self.clients[index].tags.clear();
            self.step(index, vec![Input::Offline]);
        }
    }

    /// A second past of the server, as of now: from here on the two know nothing of each other.
    pub fn fork(&self) -> Arc<MemoryStore> {
        Arc::new(self.store.restored(IncarnationId::new([self.lives; 16])))
    }

    /// The server is this one from now on, and nobody is online; the one before comes back.
    pub fn show(&mut self, branch: Arc<MemoryStore>) -> Arc<MemoryStore> {
        let before = std::mem::replace(&mut self.store, branch);
        self.direct = service(&self.store, &self.server, &self.entropy);
        for index in 0..self.clients.len() {
            self.clients[index].connection = None;
            self.clients[index].tags.clear();
            self.step(index, vec![Input::Offline]);
        }
        before
    }

    /// One step of an engine; its effects are carried out.
    pub fn step(&mut self, index: usize, inputs: Vec<Input>) -> Vec<Effect> {
        let now = self.now;
        let client = self.client(index);
        client.steps += 1;
        let (engine, db) = (client.engine.as_mut().unwrap(), client.db.as_mut().unwrap());
        let effects = engine.step(db, inputs, now).unwrap();
        if client.kill_at == Some(client.steps) {
            // Whether an outcome was still told is left open: both may happen.
            client.engine = None;
            client.db = None;
            client.wake = None;
            client.tags.clear();
            if let Some(connection) = client.connection.take() {
                self.direct.disconnect(connection);
            }
            return Vec::new();
        }
        for effect in effects.clone() {
            self.carry_out(index, effect);
        }
        effects
    }

    fn carry_out(&mut self, index: usize, effect: Effect) {
        let now = self.now;
        let client = &mut self.clients[index];
        match effect {
            Effect::Request { tag, request } => {
                let Some(connection) = client.connection else { return };
                client.requests += 1;
                let for_a_welcome = matches!(&request, Request::FetchGroup(fetch) if fetch.epoch.is_some());
                client.trees += u32::from(for_a_welcome);
                let swapped = match (&tag, self.swap) {
                    (Tag::LookUp(_), Some((_, other))) => {
                        Some(SenderKeys { account_id: other, from_number: ListNumber(0) })
                    }
                    _ => None,
                };
                let request = swapped.map_or(request, Request::from);
                let number = client.requests;
                client.tags.insert(number, tag);
                let id = RequestId::new(number).unwrap();
                match (&request, self.substitute) {
                    (Request::RecipientKeys(claim), Some((of, other))) if claim.account_id == of => {
                        self.substitute_keys(index, number, other);
                    }
                    (Request::SendMessage(message), _) if self.swallow => {
                        let sent =
                            MessageSent { send_seq: message.send_seq, order: Order(99), accepted_at: now };
                        self.lies.push((index, ServerFrame { request_id: Some(id), response: sent.into() }));
                    }
                    _ => self.direct.request(connection, id, request, now),
                }
            }
            Effect::Acknowledge { incarnation, through } => {
                let Some(connection) = client.connection else { return };
                client.requests += 1;
                let id = RequestId::new(client.requests).unwrap();
                let request = MessageReceived { incarnation, through_seq: through };
                self.direct.request(connection, id, request.into(), now);
            }
            Effect::Done { id, outcome } => {
                client.outcomes.insert(id.0, outcome);
            }
            Effect::Wake(at) => client.wake = Some(at),
            Effect::Reconnect(_) => client.reconnect = true,
            Effect::Typing { account, stopped, .. } => self.typed.push((index, account, stopped)),
            _ => {}
        }
    }

    /// A claim that is answered with somebody else's KeyPackages.
    fn substitute_keys(&mut self, index: usize, number: u64, other: AccountId) {
        let connection = self.clients[index].connection.unwrap();
        let device = |world: &Self, account| {
            let of =
                |client: &&Client| client.engine.as_ref().is_some_and(|engine| engine.account() == account);
            world.clients.iter().find(of).unwrap().engine.as_ref().unwrap().device()
        };
        let (victim, _) = self.substitute.unwrap();
        let claim = RecipientKeys { account_id: other, device_ids: Vec::new() };
        let Response::ClaimedKeyPackages(mut claimed) = self.ask(connection, claim.into()) else {
            panic!("no keys")
        };
        claimed.account_id = victim;
        for package in &mut claimed.key_packages {
            package.device_id = device(self, victim);
        }
        let request_id = RequestId::new(number);
        self.lies.push((index, ServerFrame { request_id, response: claimed.into() }));
    }

    /// A device stops to keep any rule: what is left of it is its keys, its connection, and its next number.
    pub fn turn_hostile(&mut self, index: usize) -> (DeviceKeys, SendSeq) {
        self.settle();
        let (profile, list) = self.profile_of(index);
        let client = self.client(index);
        let next = client.db.as_mut().unwrap().step(progress::take_send_seq).unwrap();
        client.engine = None;
        client.db = None;
        client.wake = None;
        let (account, device) = (profile.account, profile.device);
        let credential = LeafCredential { account, device, list: list.head() };
        (DeviceKeys { credential, mls_key: profile.mls_key }, next)
    }

    /// What the server says of a group now.
    pub fn fetch_group(&mut self, index: usize, conversation_id: ConversationId) -> Group {
        let connection = self.clients[index].connection.unwrap();
        let fetch = FetchGroup { conversation_id, generation: None, epoch: None };
        match self.ask(connection, fetch.into()) {
            Response::Group(group) => group,
            other => panic!("no group: {other:?}"),
        }
    }

    /// What came for a client, as inputs. Answers that nobody waits for are dropped.
    fn inputs(&mut self, index: usize, frames: impl IntoIterator<Item = ServerFrame>) -> Vec<Input> {
        let client = self.client(index);
        let input = |frame: ServerFrame| match (frame.request_id, frame.response) {
            (None, Response::Delivery(delivery)) => Some(Input::Deliveries(delivery.entries)),
            (None, Response::Listening(listening)) => Some(Input::Listening(listening.through_seq)),
            (None, Response::Ephemeral(ephemeral)) => Some(Input::Ephemeral(ephemeral)),
            (None, _) => None,
            (Some(id), Response::Error(error)) => {
                Some(Input::Answer { tag: client.tags.remove(&id.number())?, result: Err(error) })
            }
            (Some(id), response) => {
                Some(Input::Answer { tag: client.tags.remove(&id.number())?, result: Ok(response) })
            }
        };
        frames.into_iter().filter_map(input).collect()
    }

    fn feed(&mut self, index: usize, frames: impl IntoIterator<Item = ServerFrame>) {
        let mut frames: Vec<ServerFrame> = frames.into_iter().collect();
        if let Some(tamper) = &mut self.tamper {
            frames.iter_mut().for_each(|frame| tamper(index, frame));
        }
        frames.retain(
            |frame| !matches!(&frame.response, Response::Delivery(delivery) if delivery.entries.is_empty()),
        );
        for input in self.inputs(index, frames) {
            if self.record {
                self.recorded.push((index, input.clone()));
            }
            if self.clients[index].engine.is_none() {
                return;
            }
            self.step(index, vec![input]);
        }
    }

    /// Hands one client what waits for it, one input a step. Whether there was anything.
    pub fn pump(&mut self, index: usize) -> bool {
        if self.clients[index].engine.is_none() {
            return false;
        }
        if self.clients[index].reconnect {
            self.go_online(index);
            return true;
        }
        let Some(connection) = self.clients[index].connection else { return false };
        let mut frames = self.direct.take_frames(connection);
        if self.clients[index].line == Line::Deaf {
            return false;
        }
        let (own, rest) = std::mem::take(&mut self.lies).into_iter().partition(|(of, _)| *of == index);
        self.lies = rest;
        let own: Vec<(usize, ServerFrame)> = own;
        frames.extend(own.into_iter().map(|(_, frame)| frame));
        let any = !frames.is_empty();
        self.feed(index, frames);
        any
    }

    /// Lets everything happen that happens without waiting.
    pub fn settle(&mut self) {
        for _ in 0..10_000 {
            let mut any = false;
            for index in 0..self.clients.len() {
                any |= self.pump(index);
            }
            if !any {
                return;
            }
        }
        panic!("the world does not come to rest");
    }

    /// Lets time pass, with every wake on the way, and settles.
    pub fn pass(&mut self, span: Duration) {
        let end = self.now.after(span);
        self.settle();
        for turn in 0.. {
            assert!(turn < 100_000, "the engines wake without end");
            let due =
                self.clients.iter().filter(|client| client.engine.is_some()).filter_map(|client| client.wake);
            let Some(next) = due.min().filter(|next| *next <= end) else { break };
            self.now = self.now.max(next);
            for index in 0..self.clients.len() {
                if self.clients[index].wake.is_some_and(|at| at <= self.now)
                    && self.clients[index].engine.is_some()
                {
                    self.clients[index].wake = None;
                    self.step(index, vec![Input::Tick]);
                }
            }
            self.settle();
        }
        self.now = end;
    }

    /// Gives a command; what comes of it is in `outcomes`.
    pub fn command(&mut self, index: usize, command: Command) -> u64 {
        self.clients[index].commands += 1;
        let id = self.clients[index].commands;
        self.step(index, vec![Input::Command { id: CommandId(id), command }]);
        id
    }

    pub fn outcome(&mut self, index: usize, command: Command) -> Outcome {
        let id = self.command(index, command);
        self.settle();
        self.clients[index].outcomes[&id].clone()
    }

    /// A text to bob, and what the engine wanted done.
    pub fn send_effects(&mut self, index: usize, text: &str) -> Vec<Effect> {
        let command = send("@bob", text, None);
        self.step(index, vec![Input::Command { id: CommandId(0), command }])
    }

    /// A login, and what the engine wanted done.
    pub fn online_effects(&mut self, index: usize) -> Vec<Effect> {
        self.online = Vec::new();
        self.go_online(index);
        std::mem::take(&mut self.online)
    }

    pub fn send(&mut self, index: usize, to: &str, text: &str) -> u64 {
        self.command(index, send(to, text, None))
    }

    /// Every text in a client's conversations, as it is shown, with its author's name.
    pub fn texts(&mut self, index: usize) -> Vec<(&'static str, String)> {
        let mut texts = Vec::new();
        for entry in self.timeline(index) {
            if !matches!(entry.entry.state, EntryState::Sent | EntryState::Received | EntryState::Queued) {
                continue;
            }
            let Kind::Text(text) = Encoded::from_row(entry.entry.content.clone()).decode().unwrap().kind
            else {
                continue;
            };
            let author = self.name_of(entry.entry.account);
            texts.push((author, text.body));
        }
        texts
    }

    pub fn timeline(&mut self, index: usize) -> Vec<timeline::Entry> {
        let conversations = self.conversations(index);
        let db = self.clients[index].db.as_mut().unwrap();
        let mut entries = Vec::new();
        for conversation in conversations {
            let page = db.read(|view| timeline::page(view, &conversation.id, None, 100_000)).unwrap();
            entries.extend(page.into_iter().rev());
        }
        entries
    }

    pub fn conversations(&mut self, index: usize) -> Vec<Conversation> {
        self.clients[index].db.as_mut().unwrap().read(conversation::all).unwrap()
    }

    pub fn notices(&mut self, index: usize) -> Vec<Notice> {
        let timeline = self.timeline(index);
        let system = timeline.iter().filter(|entry| matches!(entry.entry.state, EntryState::System { .. }));
        system.filter_map(|entry| Notice::decode(&entry.entry.content)).collect()
    }

    pub fn events(&mut self, index: usize) -> Vec<Event> {
        let db = self.clients[index].db.as_mut().unwrap();
        let events = db.read(|view| journal::after(view, Seq(0), 1_000_000)).unwrap();
        events.into_iter().map(|event| Event::decode(&event.event.payload).unwrap()).collect()
    }

    pub fn alerts(&mut self, index: usize) -> Vec<Alert> {
        let alert = |event| match event {
            Event::Alert(alert) => Some(alert),
            _ => None,
        };
        self.events(index).into_iter().filter_map(alert).collect()
    }

    pub fn count(&mut self, index: usize, kind: &str) -> usize {
        self.events(index).iter().filter(|event| event.kind() == kind).count()
    }

    fn name_of(&self, account: AccountId) -> &'static str {
        let found = (0..self.clients.len()).find(|index| {
            self.clients[*index].engine.as_ref().is_some_and(|engine| engine.account() == account)
        });
        found.map_or("?", |index| self.clients[index].name)
    }
}

pub fn send(to: &str, text: &str, key: Option<&str>) -> Command {
    Command::Send {
        to: Recipient::Handle(to.parse().unwrap()),
        text: text.to_owned(),
        key: key.map(str::to_owned),
    }
}

fn key() -> KeySource {
    KeySource::Key(Secret::new([9; 32]))
}

fn copy_files(from: &std::path::Path, to: &std::path::Path) {
    for file in std::fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}
