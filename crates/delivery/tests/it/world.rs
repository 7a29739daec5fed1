//! A server on one thread, and people with devices that talk to it.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use hushwire_delivery::{ConnectionId, Direct, Effect, NewInvite, Peer, Pepper, Service, Settings};
use hushwire_group_policy::{
    DeviceLists, GroupExtension, Prefix, direct_conversation_id, group_conversation_id,
};
use hushwire_identity::list::Author;
use hushwire_identity::{
    ChannelBinding, DeviceList, Flags, Genesis, Handle, LeafCredential, ListHead, ListKey, NewDevice,
    RecoveryKey, ServerHello, ServerKey, Signature, statement,
};
use hushwire_mls::{Addition, Change, DeviceKeys, Intent, KeyPackageKind, NewGroup, StagedCommit};
use hushwire_server_store::account::{Account, AccountList, Device as StoredDevice, User};
use hushwire_server_store::classic::{ClassicAccount, ClassicMessage, ClassicPhone};
use hushwire_server_store::conversation::{Conversation, GroupBase, GroupInfo, Handshake, SendId, Slot};
use hushwire_server_store::key_package::KeyPackageState;
use hushwire_server_store::mailbox::{Mailbox, MailboxKey, Page};
use hushwire_server_store::memory::MemoryStore;
use hushwire_server_store::registration::{CodeHash, Invite, InviteUses, Session};
use hushwire_server_store::report::{Report, ReportLine, ReportNumber};
use hushwire_server_store::store::Outcomes;
use hushwire_server_store::upkeep::{Counts, Limit};
use hushwire_server_store::{Bounds, Store, StoreError, Write};
use hushwire_suite::Suite;
use hushwire_types::{
    AccountId, ConversationId, DeviceId, Entropy, Epoch, Generation, GroupId, IncarnationId, ListNumber,
    Secret, SendSeq, Seq, SessionId, Timestamp, rng,
};
use hushwire_wire::{
    ClaimedKeyPackages, ConversationKind, CreateConversation, Cursor, Entry, Error, ErrorCode, FetchGroup,
    Group, Hello, LoggedIn, Login, LoginFailed, MessageSent, Opaque, PutKeyPackages, RecipientKeys, Register,
    Registration, RegistrationFailed, RegistrationMethod, Request, RequestId, Response, SendCommit,
    SendMessage, SendPublicKeys, Sensitive, Welcomed,
};
use sha2::{Digest, Sha256};

pub(crate) const T0: Timestamp = Timestamp::from_ms(1_800_000_000_000);

/// Counted hashes: every run of a test sees the same bytes.
pub(crate) struct Seeded(AtomicU64);

impl Entropy for Seeded {
    fn fill(&self, out: &mut [u8]) {
        for chunk in out.chunks_mut(32) {
            let block = Sha256::digest(self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes());
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
    }
}

/// A store whose disk can fail, and that knows what it was asked for.
pub(crate) struct Flaky {
    inner: Arc<MemoryStore>,
    pub(crate) broken: AtomicBool,
    /// The one operation that fails, where not all do.
    pub(crate) fails: Mutex<Option<&'static str>>,
    /// The most mailboxes that a sweep takes.
    pub(crate) swept_at_once: AtomicU32,
    asked: Mutex<Vec<&'static str>>,
}

impl Flaky {
    fn new(inner: Arc<MemoryStore>) -> Self {
        let (broken, swept_at_once) = (AtomicBool::new(false), AtomicU32::new(u32::MAX));
        Self { inner, broken, fails: Mutex::default(), swept_at_once, asked: Mutex::default() }
    }

    /// The operations that were asked for since the last look.
    pub(crate) fn asked(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    fn check(&self, operation: &'static str) -> Result<(), StoreError> {
        self.asked.lock().unwrap().push(operation);
        if self.broken.load(Ordering::Relaxed) || *self.fails.lock().unwrap() == Some(operation) {
            Err(StoreError::Unavailable("disk full".into()))
        } else {
            Ok(())
        }
    }
}

macro_rules! delegate {
    ($(fn $name:ident($($argument:ident: $kind:ty),*) -> $result:ty;)*) => {
        impl Store for Flaky {
            fn write(&self, mut batch: Vec<Write>, now: Timestamp) -> Result<Outcomes, StoreError> {
                self.check("write")?;
                for write in &mut batch {
                    if let Write::Expire(sweep) = write {
                        sweep.mailboxes = sweep.mailboxes.min(self.swept_at_once.load(Ordering::Relaxed));
                    }
                }
                self.inner.write(batch, now)
            }

            $(fn $name(&self, $($argument: $kind),*) -> Result<$result, StoreError> {
                self.check(stringify!($name))?;
                self.inner.$name($($argument),*)
            })*
        }
    };
}

delegate! {
    fn account(account: AccountId) -> Option<Account>;
    fn account_by_handle(canonical: &str) -> Option<AccountId>;
    fn list(account: AccountId, from: ListNumber) -> Option<AccountList>;
    fn device(account: AccountId, device: DeviceId) -> Option<StoredDevice>;
    fn devices(account: AccountId) -> Vec<StoredDevice>;
    fn mailbox(mailbox: MailboxKey) -> Option<Mailbox>;
    fn entries(mailbox: MailboxKey, after: Seq, max_entries: usize, max_bytes: usize) -> Page;
    fn body(mailbox: MailboxKey, seq: Seq) -> Option<Bytes>;
    fn slot(send: &SendId) -> Slot;
    fn conversation(conversation: ConversationId) -> Option<Conversation>;
    fn group_info(conversation: ConversationId) -> Option<GroupInfo>;
    fn handshakes(conversation: ConversationId, generation: Generation, from: Epoch, to: Epoch) -> Vec<Handshake>;
    fn base_at_or_before(conversation: ConversationId, generation: Generation, epoch: Epoch) -> Option<GroupBase>;
    fn key_packages(mailbox: MailboxKey) -> KeyPackageState;
    fn invites() -> Vec<Invite>;
    fn invite(code: CodeHash) -> Option<Invite>;
    fn session(session: SessionId) -> Option<Session>;
    fn users(after: Option<AccountId>, limit: usize) -> Vec<User>;
    fn limits() -> Vec<Limit>;
    fn meta(name: &str) -> Option<Bytes>;
    fn classic_account(phone: ClassicPhone) -> Option<ClassicAccount>;
    fn classic_accounts() -> u64;
    fn classic_oldest(recipient: ClassicPhone, except: &[ClassicPhone]) -> Option<ClassicMessage>;
    fn reports(after: Option<ReportNumber>, limit: usize) -> Vec<ReportLine>;
    fn report(number: ReportNumber) -> Option<Report>;
    fn counts() -> Counts;
}

/// Every list that the server has, checked.
pub(crate) struct AllLists(pub(crate) Arc<MemoryStore>);

impl AllLists {
    fn list(&self, account: AccountId) -> Option<DeviceList> {
        let stored = self.0.list(account, ListNumber(1)).unwrap()?;
        Some(DeviceList::verify(&stored.genesis, &stored.entries).unwrap())
    }
}

impl DeviceLists for AllLists {
    fn prefix(&self, account: AccountId, head: ListHead, device: DeviceId) -> Prefix {
        self.list(account).map_or(Prefix::Missing, |list| Prefix::of(&list, head, device))
    }

    fn reaches(&self, account: AccountId, head: ListHead, floor: ListHead) -> Option<bool> {
        self.list(account)?.reaches(head, floor)
    }
}

/// One device that stands for its list alone, before the server has it.
struct OwnList(DeviceList);

impl DeviceLists for OwnList {
    fn prefix(&self, _: AccountId, head: ListHead, device: DeviceId) -> Prefix {
        Prefix::of(&self.0, head, device)
    }

    fn reaches(&self, _: AccountId, head: ListHead, floor: ListHead) -> Option<bool> {
        self.0.reaches(head, floor)
    }
}

/// An account's keys, before or after it is registered.
#[derive(Clone)]
pub(crate) struct Keys {
    pub(crate) list_key: ListKey,
    pub(crate) mls_key: ListKey,
    pub(crate) recovery: RecoveryKey,
    pub(crate) genesis: Vec<u8>,
    pub(crate) entry: Vec<u8>,
}

impl Keys {
    pub(crate) fn new(entropy: &dyn Entropy) -> Self {
        let (list_key, mls_key) = (ListKey::generate(entropy), ListKey::generate(entropy));
        let recovery = RecoveryKey::generate(entropy);
        let genesis = Genesis::create(Flags::default(), &list_key, &recovery, entropy);
        let entry =
            DeviceList::first_entry(&genesis, &list_key, mls_key.public(), "phone".parse().unwrap()).unwrap();
        Self { list_key, mls_key, recovery, genesis: genesis.as_bytes().to_vec(), entry }
    }

    pub(crate) fn list(&self) -> DeviceList {
        DeviceList::verify(&self.genesis, [&self.entry]).unwrap()
    }

    pub(crate) fn account(&self) -> AccountId {
        self.list().account_id()
    }
}

/// A device with its MLS state and its connection.
pub(crate) struct Device {
    pub(crate) keys: Keys,
    pub(crate) account: AccountId,
    pub(crate) id: DeviceId,
    pub(crate) mls: hushwire_mls::Device,
    pub(crate) line: Line,
    pub(crate) send_seq: u64,
}

/// A client's end of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line {
    pub(crate) connection: ConnectionId,
    pub(crate) nonce: [u8; 32],
}

pub(crate) struct World {
    pub(crate) direct: Direct,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) flaky: Arc<Flaky>,
    pub(crate) now: Timestamp,
    pub(crate) entropy: Arc<Seeded>,
    pub(crate) server: ServerKey,
    pub(crate) suite: Suite,
    pub(crate) settings: Settings,
    requests: u64,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Settings::default(), Bounds::default())
    }

    pub(crate) fn with(settings: Settings, bounds: Bounds) -> Self {
        let entropy = Arc::new(Seeded(AtomicU64::new(0)));
        let store = Arc::new(MemoryStore::new(IncarnationId::new([9; 16]), bounds));
        let server = ServerKey::generate(&*entropy);
        let flaky = Arc::new(Flaky::new(store.clone()));
        let direct = Direct::new(service(&flaky, &server, &settings, &entropy));
        let suite = Suite::new(entropy.clone());
        Self { direct, store, flaky, now: T0, entropy, server, suite, settings, requests: 0 }
    }

    /// Another process over the same store: all connections and caches are gone.
    pub(crate) fn restart(&mut self) {
        self.direct = Direct::new(service(&self.flaky, &self.server, &self.settings, &self.entropy));
    }

    pub(crate) fn pass(&mut self, span: Duration) {
        self.now = self.now.after(span);
    }

    // ------------------------------------------------------------------------------------------ frames

    /// Sends a request and takes its answer; pushes that came with it are returned after it.
    pub(crate) fn ask_all(&mut self, line: Line, request: impl Into<Request>) -> (Response, Vec<Response>) {
        self.requests += 1;
        let id = RequestId::new(self.requests).unwrap();
        self.direct.request(line.connection, id, request.into(), self.now);
        let (mut answer, mut pushes) = (None, Vec::new());
        for frame in self.direct.take_frames(line.connection) {
            match frame.request_id {
                Some(of) if of == id => answer = Some(frame.response),
                Some(other) => panic!("an answer to {other:?}"),
                None => pushes.push(frame.response),
            }
        }
        (answer.unwrap_or(Response::Unknown { code: 0 }), pushes)
    }

    pub(crate) fn ask(&mut self, line: Line, request: impl Into<Request>) -> Response {
        self.ask_all(line, request).0
    }

    /// Asks for what must be refused with an error.
    pub(crate) fn refused(&mut self, line: Line, request: impl Into<Request>) -> Error {
        match self.ask(line, request) {
            Response::Error(error) => error,
            other => panic!("not refused: {other:?}"),
        }
    }

    pub(crate) fn pushes(&mut self, line: Line) -> Vec<Response> {
        self.direct.take_frames(line.connection).into_iter().map(|frame| frame.response).collect()
    }

    /// Entries that were pushed to a device since the last look.
    pub(crate) fn entries(&mut self, line: Line) -> Vec<Entry> {
        entries(self.pushes(line))
    }

    // ------------------------------------------------------------------------------------------ connecting

    pub(crate) fn connect(&mut self) -> Line {
        self.connect_from(Some("192.0.2.1"))
    }

    pub(crate) fn connect_from(&mut self, address: Option<&str>) -> Line {
        let address = address.map(|text| text.parse().unwrap());
        let connection = self.direct.connect(Peer { binding: BINDING, address });
        let mut line = Line { connection, nonce: [0; 32] };
        let nonce = rng::bytes(&*self.entropy);
        let hello = Hello { min_version: 1, max_version: 3, features: Vec::new(), nonce };
        let Response::Welcomed(welcomed) = self.ask(line, hello) else { panic!("not welcomed") };
        let Welcomed { server_key, signature, .. } = welcomed;
        assert_eq!(server_key, *self.server.public().as_bytes());
        let statement = ServerHello { binding: &BINDING, client_nonce: &nonce };
        statement.verify(&self.server.public(), &Signature::from_bytes(signature)).unwrap();
        line.nonce = welcomed.nonce;
        line
    }

    pub(crate) fn login_request(&self, keys: &Keys, line: Line, cursor: Option<Cursor>) -> Login {
        let (account, device) = (keys.account(), keys.list_key.device_id());
        let statement = statement::Login {
            server: &self.server.public(),
            binding: &BINDING,
            server_nonce: &line.nonce,
            account: &account,
            device: &device,
        };
        let signature = *statement.sign(&keys.list_key).as_bytes();
        Login { account_id: account, device_id: device, signature, cursor, mark: None }
    }

    pub(crate) fn try_login(&mut self, keys: &Keys, line: Line) -> Result<LoggedIn, LoginFailed> {
        let request = self.login_request(keys, line, None);
        match self.ask(line, request) {
            Response::LoggedIn(logged_in) => Ok(logged_in),
            Response::LoginFailed(failed) => Err(failed),
            other => panic!("no answer to a login: {other:?}"),
        }
    }

    /// Logs in again on a new connection, from a cursor; what was pushed with it.
    pub(crate) fn come_back(
        &mut self,
        device: &mut Device,
        cursor: Option<Cursor>,
    ) -> (LoggedIn, Vec<Response>) {
        device.line = self.connect();
        let request = self.login_request(&device.keys, device.line, cursor);
        match self.ask_all(device.line, request) {
            (Response::LoggedIn(logged_in), pushes) => (logged_in, pushes),
            other => panic!("no answer to a login: {other:?}"),
        }
    }

    // ------------------------------------------------------------------------------------------ registering

    pub(crate) fn invite(&mut self) -> Sensitive {
        let invite = NewInvite { label: None, uses: InviteUses::Unlimited, expires_at: None };
        let code = self.direct.service().create_invite(invite, self.now).unwrap();
        Sensitive::new(code.to_string())
    }

    pub(crate) fn register(
        &mut self,
        line: Line,
        keys: &Keys,
        method: RegistrationMethod,
        username: &str,
    ) -> Result<Registration, RegistrationFailed> {
        let username = (!username.is_empty()).then(|| Sensitive::new(username));
        let request = Register { method, username, account_id: keys.account() };
        match self.ask(line, request) {
            Response::Registration(registration) => Ok(registration),
            Response::RegistrationFailed(failed) => Err(failed),
            Response::Unknown { .. } => self.deliver_otp(line).0,
            other => panic!("no answer to a registration: {other:?}"),
        }
    }

    /// Carries the one effect out that waits; the answer and the code.
    pub(crate) fn deliver_otp(&mut self, line: Line) -> (Result<Registration, RegistrationFailed>, String) {
        let Some(Effect::DeliverOtp(otp)) = self.direct.take_effects().pop() else {
            panic!("no code was sent")
        };
        let code = String::from_utf8(otp.code.expose().to_vec()).unwrap();
        let answer = self.direct.service().otp_delivered(otp.ticket, Ok(()));
        self.direct.route([answer], self.now);
        match self.pushes(line).pop() {
            Some(Response::Registration(registration)) => (Ok(registration), code),
            Some(Response::RegistrationFailed(failed)) => (Err(failed), code),
            other => panic!("no answer to a registration: {other:?}"),
        }
    }

    pub(crate) fn keys_request(
        &mut self,
        keys: &Keys,
        registration: &Registration,
        handles: &[&str],
    ) -> SendPublicKeys {
        let list = keys.list();
        let mut mls = self.mls(keys, Arc::new(OwnList(list.clone())), list.head());
        let handles: Vec<Handle> = handles.iter().map(|handle| handle.parse().unwrap()).collect();
        let statement = statement::Registration {
            server: &self.server.public(),
            handles: &handles,
            account: &list.account_id(),
        };
        SendPublicKeys {
            session_id: registration.session_id,
            genesis: keys.genesis.clone().into(),
            list_entry: keys.entry.clone().into(),
            key_packages: vec![package(&mut mls, KeyPackageKind::Pooled, self.now)],
            last_resort_key_package: package(&mut mls, KeyPackageKind::LastResort, self.now),
            signature: *statement.sign(&keys.list_key).as_bytes(),
        }
    }

    /// The MLS side of a device; its KeyPackages' rows are kept in memory and loaded again when needed.
    fn mls(&self, keys: &Keys, lists: Arc<dyn DeviceLists>, head: ListHead) -> hushwire_mls::Device {
        let credential =
            LeafCredential { account: keys.account(), device: keys.list_key.device_id(), list: head };
        let mls_key = Secret::new(*keys.mls_key.seed().expose());
        hushwire_mls::Device::new(DeviceKeys { credential, mls_key }, self.suite.clone(), lists).unwrap()
    }

    /// Somebody with an account and one device, logged in, with three KeyPackages whose private keys are at hand.
    pub(crate) fn join(&mut self, name: &str) -> Device {
        let keys = Keys::new(&*self.entropy);
        let line = self.connect_from(None);
        let invite = RegistrationMethod::Invite(self.invite());
        let registration = self.register(line, &keys, invite, name).unwrap();
        let request = self.keys_request(&keys, &registration, &[&format!("@{name}")]);
        assert!(matches!(self.ask(line, request), Response::KeysSet(_)));
        self.try_login(&keys, line).unwrap();
        let head = keys.list().head();
        let mut device = self.device(keys, line, head);
        self.refill(&mut device, 3);
        self.pushes(line);
        device
    }

    fn device(&self, keys: Keys, line: Line, head: ListHead) -> Device {
        let mls = self.mls(&keys, Arc::new(AllLists(self.store.clone())), head);
        let (account, id) = (keys.account(), keys.list_key.device_id());
        Device { keys, account, id, mls, line, send_seq: 0 }
    }

    /// Another device of an account, added by its first one and logged in.
    pub(crate) fn link(&mut self, first: &Device) -> Device {
        let keys = Keys {
            list_key: ListKey::generate(&*self.entropy),
            mls_key: ListKey::generate(&*self.entropy),
            ..first.keys.clone()
        };
        let list = self.list(first.account);
        let new = NewDevice {
            list_key: &keys.list_key,
            mls_key: keys.mls_key.public(),
            name: "laptop".parse().unwrap(),
        };
        let entry = list.add_device(Author::Device(&first.keys.list_key), &new).unwrap();
        let append = hushwire_wire::AppendListEntry { entry: entry.into() };
        assert!(matches!(self.ask(first.line, append), Response::ListEntryAppended(_)));
        let line = self.connect();
        self.try_login(&keys, line).unwrap();
        let head = self.list(first.account).head();
        let mut device = self.device(keys, line, head);
        self.refill(&mut device, 3);
        device
    }

    pub(crate) fn refill(&mut self, device: &mut Device, pool: usize) {
        let put = PutKeyPackages {
            key_packages: (0..pool)
                .map(|_| package(&mut device.mls, KeyPackageKind::Pooled, self.now))
                .collect(),
            last_resort_key_package: Some(package(&mut device.mls, KeyPackageKind::LastResort, self.now)),
            replace: true,
        };
        assert!(matches!(self.ask(device.line, put), Response::KeyPackagesStored(_)));
    }

    pub(crate) fn list(&self, account: AccountId) -> DeviceList {
        AllLists(self.store.clone()).list(account).unwrap()
    }

    // ------------------------------------------------------------------------------------------ conversations

    pub(crate) fn claim(&mut self, by: &Device, of: AccountId) -> ClaimedKeyPackages {
        match self.ask(by.line, RecipientKeys { account_id: of, device_ids: Vec::new() }) {
            Response::ClaimedKeyPackages(claimed) => claimed,
            other => panic!("nothing claimed: {other:?}"),
        }
    }

    /// Everything of a new direct conversation, ready to be sent, with the Commit that its creator must apply.
    pub(crate) fn creation(
        &mut self,
        by: &mut Device,
        with: AccountId,
        generation: u64,
    ) -> (CreateConversation, GroupId, StagedCommit) {
        let group_id = GroupId::new(rng::bytes(&*self.entropy));
        let extension = GroupExtension::direct(by.account, with, Generation(generation));
        let published = by.mls.create(NewGroup { group_id, extension }, self.now).unwrap();
        let claimed = self.claim(by, with);
        let intent = Intent::Change(Change { add: additions(&claimed), ..Change::default() });
        let staged = by.mls.stage_commit(&group_id, &intent, self.now).unwrap();
        by.send_seq += 1;
        let create = CreateConversation {
            send_seq: SendSeq(by.send_seq),
            conversation_id: direct_conversation_id(by.account, with),
            generation: Generation(generation),
            kind: ConversationKind::Direct { peer: with },
            group_info: published.group_info.into(),
            ratchet_tree: published.ratchet_tree.into(),
            commit: staged.bytes.clone().into(),
            commit_group_info: staged.group_info.clone().into(),
            welcome: staged.welcome.clone().map(Opaque::from),
        };
        (create, group_id, staged)
    }

    /// Everything of a new group with these accounts.
    pub(crate) fn group_creation(
        &mut self,
        by: &mut Device,
        with: &[AccountId],
    ) -> (CreateConversation, GroupId, StagedCommit) {
        let group_id = GroupId::new(rng::bytes(&*self.entropy));
        let extension = GroupExtension::group(group_conversation_id(by.account, group_id), by.account);
        self.make_group(by, group_id, extension, with)
    }

    /// A group under any extension, as [`World::group_creation`] makes one.
    pub(crate) fn group_creation_of(
        &mut self,
        by: &mut Device,
        extension: GroupExtension,
        with: &[AccountId],
    ) -> (CreateConversation, GroupId, StagedCommit) {
        let group_id = GroupId::new(rng::bytes(&*self.entropy));
        self.make_group(by, group_id, extension, with)
    }

    pub(crate) fn make_group(
        &mut self,
        by: &mut Device,
        group_id: GroupId,
        extension: GroupExtension,
        with: &[AccountId],
    ) -> (CreateConversation, GroupId, StagedCommit) {
        let (conversation_id, generation) = (extension.conversation, extension.generation);
        let published = by.mls.create(NewGroup { group_id, extension }, self.now).unwrap();
        let add = with.iter().flat_map(|account| additions(&self.claim(by, *account))).collect();
        let intent = Intent::Change(Change { add, ..Change::default() });
        let staged = by.mls.stage_commit(&group_id, &intent, self.now).unwrap();
        by.send_seq += 1;
        let create = CreateConversation {
            send_seq: SendSeq(by.send_seq),
            conversation_id,
            generation,
            kind: ConversationKind::Group,
            group_info: published.group_info.into(),
            ratchet_tree: published.ratchet_tree.into(),
            commit: staged.bytes.clone().into(),
            commit_group_info: staged.group_info.clone().into(),
            welcome: staged.welcome.clone().map(Opaque::from),
        };
        (create, group_id, staged)
    }

    /// A direct conversation that both have joined, at epoch 1.
    pub(crate) fn converse(&mut self, one: &mut Device, other: &mut Device) -> Talk {
        let (create, group_id, staged) = self.creation(one, other.account, 1);
        let conversation = create.conversation_id;
        sent(self.ask(one.line, create));
        one.mls.apply_own_commit(&group_id, &staged.secrets, self.now).unwrap();
        let welcome = self.entries(other.line).into_iter().find_map(|entry| match entry.kind {
            hushwire_wire::EntryKind::Welcome(welcome) => Some(welcome),
            _ => None,
        });
        let welcome = welcome.unwrap();
        let group = self.fetch(other, conversation, Some(welcome.epoch));
        other.mls.join(&welcome.welcome, &group.ratchet_tree, self.now).unwrap();
        Talk { conversation, group_id, generation: Generation(1) }
    }

    pub(crate) fn fetch(
        &mut self,
        by: &Device,
        conversation_id: ConversationId,
        epoch: Option<Epoch>,
    ) -> Group {
        match self.ask(by.line, FetchGroup { conversation_id, generation: None, epoch }) {
            Response::Group(group) => group,
            other => panic!("no group: {other:?}"),
        }
    }

    pub(crate) fn message(&mut self, by: &mut Device, talk: &Talk, text: &[u8]) -> SendMessage {
        let encrypted = by.mls.encrypt(&talk.group_id, text).unwrap();
        by.send_seq += 1;
        SendMessage {
            send_seq: SendSeq(by.send_seq),
            conversation_id: talk.conversation,
            generation: talk.generation,
            epoch: encrypted.epoch,
            body: encrypted.bytes.into(),
        }
    }

    pub(crate) fn commit(
        &mut self,
        by: &mut Device,
        talk: &Talk,
        intent: &Intent,
    ) -> (SendCommit, StagedCommit) {
        let staged = by.mls.stage_commit(&talk.group_id, intent, self.now).unwrap();
        by.send_seq += 1;
        let commit = SendCommit {
            send_seq: SendSeq(by.send_seq),
            conversation_id: talk.conversation,
            generation: talk.generation,
            epoch: staged.epoch,
            commit: staged.bytes.clone().into(),
            group_info: staged.group_info.clone().into(),
            welcome: staged.welcome.clone().map(Opaque::from),
        };
        (commit, staged)
    }

    /// A refresh that is accepted, and applied by both.
    pub(crate) fn refresh(&mut self, by: &mut Device, other: &mut Device, talk: &Talk) {
        let (commit, staged) = self.commit(by, talk, &Intent::Refresh);
        let bytes = commit.commit.clone();
        sent(self.ask(by.line, commit));
        by.mls.apply_own_commit(&talk.group_id, &staged.secrets, self.now).unwrap();
        other.mls.process(&talk.group_id, &bytes, self.now).unwrap();
    }
}

/// A conversation and the group under it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Talk {
    pub(crate) conversation: ConversationId,
    pub(crate) group_id: GroupId,
    pub(crate) generation: Generation,
}

pub(crate) const BINDING: ChannelBinding = ChannelBinding::Exporter([5; 32]);

fn service(store: &Arc<Flaky>, server: &ServerKey, settings: &Settings, entropy: &Arc<Seeded>) -> Service {
    let pepper = Pepper::new(Secret::new([3; 32]));
    Service::open(store.clone(), server.clone(), pepper, settings.clone(), entropy.clone()).unwrap()
}

pub(crate) fn package(mls: &mut hushwire_mls::Device, kind: KeyPackageKind, now: Timestamp) -> Opaque {
    mls.key_package(kind, now).unwrap().bytes.into()
}

pub(crate) fn additions(claimed: &ClaimedKeyPackages) -> Vec<Addition> {
    let addition = |one: &hushwire_wire::ClaimedKeyPackage| Addition {
        account: claimed.account_id,
        device: one.device_id,
        key_package: one.key_package.to_vec(),
    };
    claimed.key_packages.iter().map(addition).collect()
}

pub(crate) fn sent(response: Response) -> MessageSent {
    match response {
        Response::MessageSent(sent) => sent,
        other => panic!("not sent: {other:?}"),
    }
}

pub(crate) fn entries(pushes: Vec<Response>) -> Vec<Entry> {
    pushes
        .into_iter()
        .flat_map(|push| match push {
            Response::Delivery(delivery) => delivery.entries,
            _ => Vec::new(),
        })
        .collect()
}

pub(crate) fn code(response: Response) -> ErrorCode {
    match response {
        Response::Error(error) => error.code,
        other => panic!("not an error: {other:?}"),
    }
}
