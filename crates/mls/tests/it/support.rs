//! A world of devices: seeded randomness, device lists, a database for each device, and the server's observer.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use hushwire_group_policy::{DeviceLists, GroupExtension, Observer, Prefix, Published as Sent};
use hushwire_identity::{LeafCredential, ListHead, PublicKey};
use hushwire_mls::{
    Addition, Change, Device, DeviceKeys, EpochChange, Intent, KeyPackageKind, MlsError, NewGroup, Processed,
    Row, RowChange, RowKey, StagedCommit,
};
use hushwire_suite::Suite;
use hushwire_types::{
    AccountId, DeviceId, Entropy, EntryHash, Generation, GroupId, ListNumber, Secret, SecretBytes, Timestamp,
};
use sha2::{Digest, Sha256};

pub(crate) const NOW: Timestamp = Timestamp::from_ms(1_800_000_000_000);
pub(crate) const GROUP: GroupId = GroupId::new([9; 32]);
pub(crate) const ALICE: AccountId = AccountId::new([1; 32]);
pub(crate) const BOB: AccountId = AccountId::new([2; 32]);

/// SHA-256 over seed and counter.
struct Seeded {
    seed: u64,
    counter: AtomicU64,
}

impl Entropy for Seeded {
    fn fill(&self, out: &mut [u8]) {
        for chunk in out.chunks_mut(32) {
            let counter = self.counter.fetch_add(1, Ordering::Relaxed);
            let block: [u8; 32] = Sha256::new()
                .chain_update(self.seed.to_be_bytes())
                .chain_update(counter.to_be_bytes())
                .finalize()
                .into();
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
    }
}

/// Device lists in which list numbers alone decide: a device is active from its first number to before its last.
#[derive(Default)]
pub(crate) struct Lists {
    devices: Mutex<HashMap<(AccountId, DeviceId), ListedDevice>>,
    known: Mutex<HashMap<AccountId, u64>>,
}

struct ListedDevice {
    mls_key: PublicKey,
    active: std::ops::Range<u64>,
}

pub(crate) fn head(number: u64) -> ListHead {
    ListHead { number: ListNumber(number), hash: EntryHash::new([u8::try_from(number).unwrap(); 32]) }
}

impl Lists {
    /// What is known of an account's list ends here.
    pub(crate) fn know(&self, account: AccountId, number: u64) {
        self.known.lock().unwrap().insert(account, number);
    }

    pub(crate) fn add(&self, account: AccountId, device: DeviceId, mls_key: PublicKey, from: u64) {
        self.devices
            .lock()
            .unwrap()
            .insert((account, device), ListedDevice { mls_key, active: from..u64::MAX });
    }

    pub(crate) fn revoke(&self, account: AccountId, device: DeviceId, at: u64) {
        self.devices.lock().unwrap().get_mut(&(account, device)).unwrap().active.end = at;
    }
}

impl DeviceLists for Lists {
    fn prefix(&self, account: AccountId, at: ListHead, device: DeviceId) -> Prefix {
        let number = at.number.0;
        if self.known.lock().unwrap().get(&account).is_none_or(|known| *known < number) {
            return Prefix::Missing;
        }
        match self.devices.lock().unwrap().get(&(account, device)) {
            Some(listed) if at == head(number) && listed.active.contains(&number) => {
                Prefix::Active { mls_key: listed.mls_key }
            }
            _ => Prefix::NotActive,
        }
    }

    fn reaches(&self, account: AccountId, at: ListHead, floor: ListHead) -> Option<bool> {
        let known = self.known.lock().unwrap().get(&account).copied()?;
        (at.number.0 <= known && floor.number.0 <= known).then_some(floor.number <= at.number)
    }
}

/// Everything that the devices of one test share.
pub(crate) struct World {
    pub(crate) suite: Suite,
    pub(crate) lists: Arc<Lists>,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let suite = Suite::new(Arc::new(Seeded { seed, counter: AtomicU64::new(0) }));
        let lists = Arc::new(Lists::default());
        for account in [ALICE, BOB] {
            lists.know(account, 9);
        }
        Self { suite, lists }
    }

    /// Keys of a device; `byte` makes them its own. It is in no list yet.
    pub(crate) fn keys(&self, account: AccountId, byte: u8) -> DeviceKeys {
        let credential = LeafCredential { account, device: DeviceId::new([byte; 16]), list: head(1) };
        DeviceKeys { credential, mls_key: Secret::new([byte; 32]) }
    }

    pub(crate) fn list(&self, keys: &DeviceKeys) {
        let (_, public) = self.suite.signature_keys(&keys.mls_key).unwrap();
        let key = PublicKey::try_from(public.as_ref()).unwrap();
        self.lists.add(keys.credential.account, keys.credential.device, key, 1);
    }

    /// A device that its account's list has active.
    pub(crate) fn node(&self, account: AccountId, byte: u8) -> Node {
        let keys = self.keys(account, byte);
        self.list(&keys);
        self.node_of(keys)
    }

    pub(crate) fn node_of(&self, keys: DeviceKeys) -> Node {
        let credential = keys.credential;
        let device = Device::new(keys, self.suite.clone(), self.lists.clone()).unwrap();
        Node { device, database: BTreeMap::new(), credential, written: Vec::new() }
    }

    /// A group of alice's device 1 and bob's device 2, and the server's view of it.
    pub(crate) fn pair(&self) -> (Node, Node, Server) {
        let (mut alice, mut bob) = (self.node(ALICE, 1), self.node(BOB, 2));
        let mut server = Server::start(self, &mut alice);
        add(&mut server, &mut alice, &mut [], &mut bob);
        (alice, bob, server)
    }

    /// The same with alice's device 3 as well.
    pub(crate) fn trio(&self) -> (Node, Node, Node, Server) {
        let (mut alice, mut bob, mut server) = self.pair();
        let mut phone = self.node(ALICE, 3);
        add(&mut server, &mut alice, &mut [&mut bob], &mut phone);
        (alice, bob, phone, server)
    }
}

/// A device with its database. Between two steps it keeps nothing in memory.
pub(crate) struct Node {
    pub(crate) device: Device,
    pub(crate) database: BTreeMap<RowKey, SecretBytes>,
    pub(crate) credential: LeafCredential,
    /// The rows that the last step wrote or deleted.
    pub(crate) written: Vec<RowKey>,
}

impl Node {
    /// One step: load everything, do it, write what changed. An error rolls back.
    pub(crate) fn step<T>(
        &mut self,
        operation: impl FnOnce(&mut Device) -> Result<T, MlsError>,
    ) -> Result<T, MlsError> {
        self.device.forget();
        let rows = self.database.iter().map(|(key, value)| Row { key: key.clone(), value: value.clone() });
        self.device.load(rows.collect())?;
        match operation(&mut self.device).and_then(|value| Ok((value, self.device.drain()?))) {
            Ok((value, changes)) => {
                self.write(changes);
                Ok(value)
            }
            Err(error) => {
                self.device.forget();
                Err(error)
            }
        }
    }

    fn write(&mut self, changes: Vec<RowChange>) {
        self.written.clear();
        for change in changes {
            let key = match change {
                RowChange::Put(key, value) => {
                    self.database.insert(key.clone(), value);
                    key
                }
                RowChange::Delete(key) => {
                    self.database.remove(&key);
                    key
                }
            };
            assert!(!self.written.contains(&key), "each row is written once");
            self.written.push(key);
        }
    }

    pub(crate) fn key_package(&mut self, kind: KeyPackageKind) -> Vec<u8> {
        self.step(|device| device.key_package(kind, NOW)).unwrap().bytes
    }

    pub(crate) fn addition(&mut self) -> Addition {
        let key_package = self.key_package(KeyPackageKind::Pooled);
        Addition { account: self.credential.account, device: self.credential.device, key_package }
    }

    pub(crate) fn encrypt(&mut self, text: &str) -> Vec<u8> {
        self.step(|device| device.encrypt(&GROUP, text.as_bytes())).unwrap().bytes
    }

    pub(crate) fn stage(&mut self, intent: &Intent) -> StagedCommit {
        self.step(|device| device.stage_commit(&GROUP, intent, NOW)).unwrap()
    }

    pub(crate) fn process(&mut self, message: &[u8]) -> Result<Processed, MlsError> {
        self.step(|device| device.process(&GROUP, message, NOW))
    }

    /// Reads an application message; its text and sender.
    pub(crate) fn read(&mut self, message: &[u8]) -> Result<(String, LeafCredential), MlsError> {
        match self.process(message)? {
            Processed::Application(application) => {
                let text = String::from_utf8(application.plaintext.expose().to_vec()).unwrap();
                Ok((text, application.sender))
            }
            Processed::Commit(_) => panic!("a Commit"),
        }
    }

    pub(crate) fn follow(&mut self, commit: &[u8]) -> EpochChange {
        match self.process(commit).unwrap() {
            Processed::Commit(change) => *change,
            Processed::Application(_) => panic!("an application message"),
        }
    }

    pub(crate) fn apply(&mut self, secrets: &SecretBytes) -> EpochChange {
        self.step(|device| device.apply_own_commit(&GROUP, secrets, NOW)).unwrap()
    }

    pub(crate) fn epoch(&mut self) -> u64 {
        self.step(|device| device.view(&GROUP)).unwrap().epoch.0
    }

    pub(crate) fn epoch_rows(&self) -> Vec<u64> {
        let epochs = self.database.keys().filter_map(|key| match key {
            RowKey::Epoch(_, epoch) => Some(epoch.0),
            _ => None,
        });
        epochs.collect()
    }
}

/// The server's observer of the group, with the GroupInfo that was published last.
pub(crate) struct Server {
    pub(crate) observer: Observer,
    pub(crate) group_info: Vec<u8>,
}

impl Server {
    pub(crate) fn start(world: &World, creator: &mut Node) -> Self {
        let extension = GroupExtension::direct(ALICE, BOB, Generation(1));
        Self::start_with(world, creator, NewGroup { group_id: GROUP, extension })
    }

    pub(crate) fn start_with(world: &World, creator: &mut Node, new: NewGroup) -> Self {
        let published = creator.step(|device| device.create(new, NOW)).unwrap();
        let by = (creator.credential.account, creator.credential.device);
        let (info, tree) = (&published.group_info, &published.ratchet_tree);
        let observer = Observer::start(&world.suite, world.lists.clone(), info, tree, by, NOW).unwrap();
        Self { observer, group_info: published.group_info }
    }

    /// Accepts what `sender` sends, as the Delivery Service would.
    pub(crate) fn accept(
        &mut self,
        sender: &LeafCredential,
        commit: &[u8],
        group_info: &[u8],
        welcome: Option<&[u8]>,
    ) -> Result<(), hushwire_group_policy::ObserverError> {
        let sent = Sent { commit, group_info, welcome };
        self.observer = self.observer.check_commit(sent, (sender.account, sender.device), NOW)?.next;
        self.group_info = group_info.to_vec();
        Ok(())
    }

    pub(crate) fn accept_staged(&mut self, sender: &Node, staged: &StagedCommit) {
        let welcome = staged.welcome.as_deref();
        self.accept(&sender.credential, &staged.bytes, &staged.group_info, welcome).unwrap();
    }

    pub(crate) fn tree(&self) -> Vec<u8> {
        self.observer.tree().unwrap()
    }
}

/// `by` commits, the server accepts, all follow.
pub(crate) fn commit(
    server: &mut Server,
    by: &mut Node,
    others: &mut [&mut Node],
    intent: &Intent,
) -> StagedCommit {
    let staged = by.stage(intent);
    server.accept_staged(by, &staged);
    by.apply(&staged.secrets);
    for other in others {
        other.follow(&staged.bytes);
    }
    staged
}

/// `by` adds `new`, which joins.
pub(crate) fn add(server: &mut Server, by: &mut Node, others: &mut [&mut Node], new: &mut Node) {
    let add = vec![new.addition()];
    let staged = commit(server, by, others, &Intent::Change(Change { add, ..Change::default() }));
    let (welcome, tree) = (staged.welcome.unwrap(), server.tree());
    new.step(|device| device.join(&welcome, &tree, NOW)).unwrap();
}

/// Everybody reads what everybody writes.
pub(crate) fn talk(nodes: &mut [&mut Node]) {
    for from in 0..nodes.len() {
        let message = nodes[from].encrypt("hello");
        let sender = nodes[from].credential;
        for (to, node) in nodes.iter_mut().enumerate().filter(|(to, _)| *to != from) {
            let (text, by) = node.read(&message).unwrap_or_else(|error| panic!("{from} to {to}: {error}"));
            assert_eq!((text.as_str(), by.device), ("hello", sender.device));
        }
    }
}
