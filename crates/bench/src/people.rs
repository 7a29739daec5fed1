//! Accounts and conversations for the load, made by the services over the server's own database while it does not run.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Result, bail};
use hushwire_delivery::limits::Limits;
use hushwire_delivery::settings::{Way, Ways};
use hushwire_delivery::{ConnectionId, Direct, Peer, Pepper, Service, Settings};
use hushwire_group_policy::{DeviceLists, GroupExtension, Prefix, group_conversation_id};
use hushwire_identity::{
    ChannelBinding, DeviceList, Flags, Genesis, Handle, LeafCredential, ListHead, ListKey, PublicKey,
    RecoveryKey, ServerKey, statement,
};
use hushwire_mls::{Addition, Change, Device, DeviceKeys, Intent, KeyPackageKind, NewGroup};
use hushwire_server_store::{Bounds, Store};
use hushwire_server_store_sqlite::SqliteStore;
use hushwire_suite::Suite;
use hushwire_types::{
    AccountId, Clock, ConversationId, DeviceId, Entropy, Generation, GroupId, OsEntropy, Secret, SendSeq,
    SessionId, SystemClock, Timestamp, rng,
};
use hushwire_wire::{
    ConversationKind, CreateConversation, Hello, Login, Opaque, RecipientKeys, Register, RegistrationMethod,
    Request, RequestId, Response, SendPublicKeys, Sensitive,
};

/// What the setting-up binds its logins to; the load's own connections bind to TLS.
const BINDING: ChannelBinding = ChannelBinding::None;

/// A device that can log in.
#[derive(Clone)]
pub struct Person {
    /// Its account.
    pub account: AccountId,
    /// The key that it logs in with.
    pub list_key: ListKey,
}

impl Person {
    /// Its device.
    #[must_use]
    pub fn device(&self) -> DeviceId {
        self.list_key.device_id()
    }
}

/// People with a conversation at epoch 1.
#[derive(Clone)]
pub struct Chat {
    /// Who made the conversation, with one accepted send.
    pub sender: Person,
    /// Who was added: one other, or the members of a group.
    pub receivers: Vec<Person>,
    /// The conversation.
    pub conversation: ConversationId,
    /// Its group.
    pub group: GroupId,
}

/// Everybody's lists, for the devices that make conversations.
#[derive(Default)]
struct Book(Mutex<HashMap<AccountId, DeviceList>>);

impl Book {
    fn with<T>(&self, work: impl FnOnce(&mut HashMap<AccountId, DeviceList>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl DeviceLists for Book {
    fn prefix(&self, account: AccountId, head: ListHead, device: DeviceId) -> Prefix {
        self.with(|lists| lists.get(&account).map_or(Prefix::Missing, |list| Prefix::of(list, head, device)))
    }

    fn reaches(&self, account: AccountId, head: ListHead, floor: ListHead) -> Option<bool> {
        self.with(|lists| lists.get(&account)?.reaches(head, floor))
    }
}

/// Somebody who has all keys of a first device, and no account yet.
pub struct Newcomer {
    /// The name that it will register.
    pub name: String,
    /// Who it will be.
    pub person: Person,
    mls: Device,
    genesis: Genesis,
    entry: Opaque,
    pooled: Opaque,
    last_resort: Opaque,
}

impl Newcomer {
    /// What it asks the server for first.
    #[must_use]
    pub fn register(&self) -> Register {
        let username = Some(Sensitive::new(self.name.as_str()));
        Register { method: RegistrationMethod::Open, username, account_id: self.person.account }
    }

    /// The keys that make the account.
    ///
    /// # Errors
    /// The name is none.
    pub fn keys(&self, server: &PublicKey, session_id: SessionId) -> Result<SendPublicKeys> {
        let handles: Vec<Handle> = vec![format!("@{}", self.name).parse()?];
        let account = self.person.account;
        let statement = statement::Registration { server, handles: &handles, account: &account };
        Ok(SendPublicKeys {
            session_id,
            genesis: self.genesis.as_bytes().to_vec().into(),
            list_entry: self.entry.clone(),
            key_packages: vec![self.pooled.clone()],
            last_resort_key_package: self.last_resort.clone(),
            signature: *statement.sign(&self.person.list_key).as_bytes(),
        })
    }
}

/// Makes newcomers who know each other's lists.
pub struct Newcomers {
    suite: Suite,
    book: Arc<Book>,
    now: Timestamp,
    prefix: char,
    made: usize,
}

impl Newcomers {
    /// Their names begin with this letter, and are numbered.
    #[must_use]
    pub fn named(prefix: char) -> Self {
        let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
        Self { suite: Suite::new(entropy), book: Arc::default(), now: SystemClock.now(), prefix, made: 0 }
    }

    /// One more.
    ///
    /// # Errors
    /// None that one knows of.
    pub fn another(&mut self) -> Result<Newcomer> {
        self.made += 1;
        let (list_key, mls_key) = (ListKey::generate(&OsEntropy), ListKey::generate(&OsEntropy));
        let recovery = RecoveryKey::generate(&OsEntropy);
        let genesis = Genesis::create(Flags::default(), &list_key, &recovery, &OsEntropy);
        let entry = DeviceList::first_entry(&genesis, &list_key, mls_key.public(), "phone".parse()?)?;
        let list = DeviceList::verify(genesis.as_bytes(), [&entry])?;
        let account = list.account_id();
        let credential = LeafCredential { account, device: list_key.device_id(), list: list.head() };
        self.book.with(|lists| lists.insert(account, list));
        let keys = DeviceKeys { credential, mls_key: Secret::new(*mls_key.seed().expose()) };
        let lists: Arc<dyn DeviceLists> = Arc::<Book>::clone(&self.book);
        let mut mls = Device::new(keys, self.suite.clone(), lists)?;
        let now = self.now;
        let mut package = |kind| mls.key_package(kind, now).map(|package| Opaque::from(package.bytes));
        let (pooled, last_resort) = (package(KeyPackageKind::Pooled)?, package(KeyPackageKind::LastResort)?);
        let person = Person { account, list_key };
        let name = format!("{}{}", self.prefix, self.made);
        Ok(Newcomer { name, person, mls, genesis, entry: entry.into(), pooled, last_resort })
    }
}

/// Makes people, through the services without their limits.
pub struct Maker {
    direct: Direct,
    server: ServerKey,
    newcomers: Newcomers,
    now: Timestamp,
    requests: u64,
}

/// Somebody who is being made: with keys for MLS, and a connection.
struct Made {
    person: Person,
    mls: Device,
    connection: ConnectionId,
    nonce: [u8; 32],
}

impl Maker {
    /// Over the database in a server's data folder.
    ///
    /// # Errors
    /// The database cannot be opened.
    pub fn open(database: &Path) -> Result<Self> {
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(database, Bounds::default(), &OsEntropy)?);
        let server = ServerKey::generate(&OsEntropy);
        let settings = Settings {
            ways: Ways { open: Way::Open, ..Ways::default() },
            limits: Limits::none(),
            ..Settings::default()
        };
        let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
        let pepper = Pepper::new(Secret::new(rng::bytes(&OsEntropy)));
        let service = Service::open(store, server.clone(), pepper, settings, Arc::clone(&entropy))?;
        let newcomers = Newcomers::named('p');
        Ok(Self { direct: Direct::new(service), server, now: newcomers.now, newcomers, requests: 0 })
    }

    /// Somebody without a conversation.
    ///
    /// # Errors
    /// A request was refused.
    pub fn person(&mut self) -> Result<Person> {
        let made = self.make()?;
        self.direct.disconnect(made.connection);
        Ok(made.person)
    }

    /// Two people with a conversation.
    ///
    /// # Errors
    /// A request was refused.
    pub fn pair(&mut self) -> Result<Chat> {
        let (one, other) = (self.make()?, self.make()?);
        let peer = other.person.account;
        let extension = GroupExtension::direct(one.person.account, peer, Generation(1));
        let group = GroupId::new(rng::bytes(&OsEntropy));
        self.talk(one, vec![other], group, extension, ConversationKind::Direct { peer })
    }

    /// A group of this many, of whom one writes.
    ///
    /// # Errors
    /// A request was refused.
    pub fn group(&mut self, members: usize) -> Result<Chat> {
        let one = self.make()?;
        let others = (1..members).map(|_| self.make()).collect::<Result<Vec<_>>>()?;
        let group = GroupId::new(rng::bytes(&OsEntropy));
        let account = one.person.account;
        let extension = GroupExtension::group(group_conversation_id(account, group), account);
        self.talk(one, others, group, extension, ConversationKind::Group)
    }

    fn talk(
        &mut self,
        mut one: Made,
        others: Vec<Made>,
        group_id: GroupId,
        extension: GroupExtension,
        kind: ConversationKind,
    ) -> Result<Chat> {
        self.log_in(&one)?;
        let mut add = Vec::new();
        for other in &others {
            let claim = RecipientKeys { account_id: other.person.account, device_ids: Vec::new() };
            let Response::ClaimedKeyPackages(claimed) = self.ask(one.connection, claim)? else {
                bail!("no KeyPackage was given")
            };
            add.extend(claimed.key_packages.iter().map(|package| Addition {
                account: other.person.account,
                device: package.device_id,
                key_package: package.key_package.to_vec(),
            }));
        }
        let conversation = extension.conversation;
        let published = one.mls.create(NewGroup { group_id, extension }, self.now)?;
        let intent = Intent::Change(Change { add, ..Change::default() });
        let staged = one.mls.stage_commit(&group_id, &intent, self.now)?;
        let create = CreateConversation {
            send_seq: SendSeq(1),
            conversation_id: conversation,
            generation: Generation(1),
            kind,
            group_info: published.group_info.into(),
            ratchet_tree: published.ratchet_tree.into(),
            commit: staged.bytes.into(),
            commit_group_info: staged.group_info.into(),
            welcome: staged.welcome.map(Opaque::from),
        };
        let Response::MessageSent(_) = self.ask(one.connection, create)? else {
            bail!("the conversation was refused")
        };
        others.iter().chain([&one]).for_each(|made| self.direct.disconnect(made.connection));
        let receivers = others.into_iter().map(|other| other.person).collect();
        Ok(Chat { sender: one.person, receivers, conversation, group: group_id })
    }

    fn make(&mut self) -> Result<Made> {
        let newcomer = self.newcomers.another()?;
        let connection = self.direct.connect(Peer { binding: BINDING, address: None });
        let hello = Hello { min_version: 2, max_version: 2, features: Vec::new(), nonce: [7; 32] };
        let Response::Welcomed(welcomed) = self.ask(connection, hello)? else { bail!("not welcome") };
        let Response::Registration(session) = self.ask(connection, newcomer.register())? else {
            bail!("the registration was refused")
        };
        let keys = newcomer.keys(&self.server.public(), session.session_id)?;
        let Response::KeysSet(_) = self.ask(connection, keys)? else { bail!("the keys were refused") };
        let Newcomer { person, mls, .. } = newcomer;
        Ok(Made { person, mls, connection, nonce: welcomed.nonce })
    }

    fn log_in(&mut self, made: &Made) -> Result<()> {
        let login = login(&made.person, &self.server.public(), &BINDING, &made.nonce);
        match self.ask(made.connection, login)? {
            Response::LoggedIn(_) => Ok(()),
            other => bail!("the login was refused: {other:?}"),
        }
    }

    fn ask(&mut self, connection: ConnectionId, request: impl Into<Request>) -> Result<Response> {
        self.requests += 1;
        let Some(id) = RequestId::new(self.requests) else { bail!("no request id") };
        self.direct.request(connection, id, request.into(), self.now);
        let frames = self.direct.take_frames(connection);
        match frames.into_iter().find(|frame| frame.request_id == Some(id)) {
            Some(frame) => match frame.response {
                Response::Error(error) => bail!("{:?}: {}", error.code, error.text),
                response => Ok(response),
            },
            None => bail!("no answer"),
        }
    }
}

/// A login for a connection.
#[must_use]
pub fn login(person: &Person, server: &PublicKey, binding: &ChannelBinding, nonce: &[u8; 32]) -> Login {
    let device = person.device();
    let statement =
        statement::Login { server, binding, server_nonce: nonce, account: &person.account, device: &device };
    Login {
        account_id: person.account,
        device_id: device,
        signature: *statement.sign(&person.list_key).as_bytes(),
        cursor: None,
        mark: None,
    }
}
