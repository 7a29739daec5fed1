//! Accounts with so many devices that Commits and trees do not fit into frames: they go up and down by HTTPS, and nobody
//! notices.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hushwire_client::view::{Body, Settled};
use hushwire_client::{Client, Granted, Link, Place, Recipient, World, open};
use hushwire_client_store::{Database, StoreError, profile};
use hushwire_group_policy::{DeviceLists, Prefix};
use hushwire_identity::list::Author;
use hushwire_identity::{DeviceList, LeafCredential, ListHead, ListKey, NewDevice};
use hushwire_mls::{DeviceKeys, KeyPackageKind};
use hushwire_server::{Config, Server};
use hushwire_server_store::account as stored;
use hushwire_server_store::key_package::{NewKeyPackage, NewKeyPackages, PutKeyPackages, PutMode};
use hushwire_server_store::{Bounds, Store};
use hushwire_server_store_sqlite::SqliteStore;
use hushwire_suite::Suite;
use hushwire_types::{
    AccountId, Clock, DeviceId, ListNumber, MailboxId, OsEntropy, Secret, Seq, SystemClock, rng,
};
use sha2::{Digest, Sha256};

use crate::{join_as, place, server};

const PATIENCE: Duration = Duration::from_secs(120);

/// The list that a device which is about to be added stands in.
struct OwnList(DeviceList);

impl DeviceLists for OwnList {
    fn prefix(&self, _: AccountId, head: ListHead, device: DeviceId) -> Prefix {
        Prefix::of(&self.0, head, device)
    }

    fn reaches(&self, _: AccountId, head: ListHead, floor: ListHead) -> Option<bool> {
        self.0.reaches(head, floor)
    }
}

/// The profile in a folder that no client has open.
pub(crate) fn profile_of(place: &Place) -> profile::Profile {
    let mut db = Database::open(&place.folder, &place.key).unwrap();
    let found = db.read::<_, StoreError>(profile::find).unwrap().unwrap();
    db.close().unwrap();
    found
}

/// Adds devices to an account, as its first device would: signed entries, and a KeyPackage of each. The server does not run.
fn add_devices(config: &Config, owner: &profile::Profile, count: usize) {
    let database = config.data_dir.join(hushwire_server::run::DATABASE_NAME);
    let store = SqliteStore::open(&database, Bounds::default(), &OsEntropy).unwrap();
    let known = store.list(owner.account, ListNumber(1)).unwrap().unwrap();
    let mut list = DeviceList::verify(&known.genesis, &known.entries).unwrap();
    let (owner_key, now) = (ListKey::from_seed(&owner.list_key), SystemClock.now());
    for _ in 0..count {
        let (list_key, mls_key) = (ListKey::generate(&OsEntropy), ListKey::generate(&OsEntropy));
        let new =
            NewDevice { list_key: &list_key, mls_key: mls_key.public(), name: "tablet".parse().unwrap() };
        let before = list.head();
        let entry = list.add_device(Author::Device(&owner_key), &new).unwrap();
        list.append(&entry).unwrap();
        let device = list_key.device_id();
        let append = stored::AppendListEntry {
            account: owner.account,
            head: stored::ListHead { number: before.number, hash: before.hash },
            number: list.head().number,
            hash: list.head().hash,
            entry: entry.into(),
            added: vec![stored::NewDevice {
                device,
                list_key: *list_key.public().as_bytes(),
                mailbox: MailboxId::new(rng::bytes(&OsEntropy)),
            }],
            revoked: Vec::new(),
        };
        store.write(vec![append.into()], now).unwrap().remove(0).unwrap();
        let mailbox = store.device(owner.account, device).unwrap().unwrap().mailbox;
        let credential = LeafCredential { account: owner.account, device, list: list.head() };
        let keys = DeviceKeys { credential, mls_key: Secret::new(*mls_key.seed().expose()) };
        let suite = Suite::new(Arc::new(OsEntropy));
        let mut mls = hushwire_mls::Device::new(keys, suite, Arc::new(OwnList(list.clone()))).unwrap();
        // One of last resort serves whoever claims it, also who then loses the race to add the device.
        let bytes = mls.key_package(KeyPackageKind::LastResort, now).unwrap().bytes;
        let package = NewKeyPackage { digest: Sha256::digest(&bytes).into(), bytes: bytes.into() };
        let packages = NewKeyPackages { pool: Vec::new(), last_resort: Some(package) };
        let put = PutKeyPackages { mailbox, packages, mode: PutMode::Add };
        store.write(vec![put.into()], now).unwrap().remove(0).unwrap();
    }
}

fn config(folder: &Path, listen: std::net::SocketAddr) -> Config {
    Config { listen, ..Config::dev(folder.join("server")) }
}

async fn live(folder: &Path, name: &str) -> Client {
    let client = open(&place(folder, name), World::default()).unwrap();
    assert_eq!(client.caught_up(PATIENCE).await, Link::Live);
    client
}

/// Waits until somebody has so many lines of a kind.
async fn sees(client: &Client, count: usize, what: &str, is_one: impl Fn(&Body) -> bool) {
    let mut changes = client.changes(Seq(0));
    let mut found = 0;
    let looking = async {
        while found < count {
            let change = changes.next().await.unwrap().expect("the profile is open");
            found += usize::from(change.message.is_some_and(|message| is_one(&message.body)));
        }
    };
    let patience = tokio::time::timeout(PATIENCE, looking).await;
    assert!(patience.is_ok(), "{what}: {found} of {count}");
}

async fn reads(client: &Client, text: &str) {
    sees(client, 1, text, |body| matches!(body, Body::Text(found) if found == text)).await;
}

async fn say(client: &Client, text: &str) {
    let to = Recipient::Handle("@bob".parse().unwrap());
    let queued = client.send(to, text.to_owned(), None).await.unwrap();
    let settled = client.settled(queued, PATIENCE).await.unwrap();
    assert!(matches!(settled, Settled::Sent { .. }), "{settled:?}");
}

/// Bob has 20 devices when alice writes for the first time: Commit and Welcome together are over a frame.
#[tokio::test(flavor = "multi_thread")]
async fn a_first_message_to_twenty_devices_goes_through() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (first, link_text) = server(folder).await;
    let config = config(folder, first.address());
    for name in ["alice", "bob"] {
        let joined = join_as(folder, name, &link_text).await.ok().unwrap();
        assert_eq!(joined.client.caught_up(PATIENCE).await, Link::Live);
        joined.client.close().await;
    }
    first.stop().await;
    let bob = profile_of(&place(folder, "bob"));

    add_devices(&config, &bob, 19);
    let running = Server::start(&config).await.unwrap();
    let (here, there) = (live(folder, "alice").await, live(folder, "bob").await);
    say(&here, "to twenty").await;
    reads(&there, "to twenty").await;
    here.close().await;
    running.stop().await;
    there.close().await;
}

/// A group whose first Commit adds three accounts of twenty devices: its Commit, its Welcome and its tree are each far over a
/// frame, for whoever makes it, joins it, or follows it.
#[tokio::test(flavor = "multi_thread")]
async fn a_group_of_sixty_devices_is_made_joined_and_followed() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (first, link_text) = server(folder).await;
    let config = config(folder, first.address());
    for name in ["alice", "bob", "carol", "dave"] {
        let joined = join_as(folder, name, &link_text).await.ok().unwrap();
        assert_eq!(joined.client.caught_up(PATIENCE).await, Link::Live);
        joined.client.close().await;
    }
    first.stop().await;
    for name in ["bob", "carol", "dave"] {
        add_devices(&config, &profile_of(&place(folder, name)), 19);
    }
    let running = Server::start(&config).await.unwrap();
    let (alice, bob) = (live(folder, "alice").await, live(folder, "bob").await);
    let mut members = Vec::new();
    for name in ["bob", "carol", "dave"] {
        members.push(alice.look_up(format!("@{name}").parse().unwrap()).await.unwrap());
    }
    let (group, made) = alice.create_group("Assembly".to_owned(), members, PATIENCE).await.unwrap();
    assert_eq!(made, Granted::Done);
    assert_eq!(alice.group(group).await.unwrap().unwrap().members.len(), 4);
    let say = |text: &str| (Recipient::Conversation(group), text.to_owned());
    let (to, text) = say("hello, sixty");
    let queued = alice.send(to, text, None).await.unwrap();
    assert!(matches!(alice.settled(queued, PATIENCE).await.unwrap(), Settled::Sent { .. }));
    reads(&bob, "hello, sixty").await;
    assert_eq!(bob.group(group).await.unwrap().unwrap().name, "Assembly");

    // Carol was away, and comes by the same Welcome; bob reads her, having followed every Commit.
    let carol = live(folder, "carol").await;
    reads(&carol, "hello, sixty").await;
    let (to, text) = say("and to you");
    carol.send(to, text, None).await.unwrap();
    reads(&bob, "and to you").await;
    for client in [alice, bob, carol] {
        client.close().await;
    }
    running.stop().await;
}
