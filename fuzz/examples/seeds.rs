//! Writes `corpus/`: for each target a few inputs that its decoder takes, where chance would find none.
//!
//! Frames and contents are the golden files; the rest is made here, from fixed keys. Run it after a format changed:
//! `cargo run --manifest-path fuzz/Cargo.toml --example seeds`.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use data_encoding::HEXLOWER;
use hushwire_group_policy::{DeviceLists, GroupExtension, Prefix, direct_conversation_id};
use hushwire_identity::linking::{Answer, Offer};
use hushwire_identity::{
    Author, DeviceList, Flags, Genesis, InviteCode, InviteLink, LeafCredential, ListHead, ListKey, NewDevice,
    PublicKey, RecoveryKey, ServerKey,
};
use hushwire_mls::{Addition, Change, Device, DeviceKeys, Intent, KeyPackageKind, NewGroup};
use hushwire_suite::Suite;
use hushwire_types::{
    AccountId, DeviceId, Entropy, EntryHash, Epoch, Generation, GroupId, ListNumber, Secret, Timestamp,
};
use hushwire_wire::frame;

type Outcome = Result<(), Box<dyn Error>>;

fn main() -> Outcome {
    frames()?;
    classic()?;
    contents()?;
    typed_text()?;
    received()?;
    let alice = Person::new(1)?;
    let bob = Person::new(2)?;
    alice.write_chain()?;
    group(&alice, &bob)
}

fn write(target: &str, name: &str, bytes: impl AsRef<[u8]>) -> Outcome {
    let folder = root().join("fuzz/corpus").join(target);
    fs::create_dir_all(&folder)?;
    Ok(fs::write(folder.join(name), bytes)?)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The golden files of a crate: name and bytes.
fn golden(crate_name: &str) -> Result<Vec<(String, Vec<u8>)>, Box<dyn Error>> {
    let folder = root().join("crates").join(crate_name).join("tests/golden");
    let mut files = Vec::new();
    for file in fs::read_dir(folder)? {
        let path = file?.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        files.push((name, HEXLOWER.decode(fs::read_to_string(&path)?.replace('\n', "").as_bytes())?));
    }
    Ok(files)
}

fn frames() -> Outcome {
    for (name, bytes) in golden("wire")? {
        if let Some(name) = name.strip_prefix("request_") {
            write("client_frame", name, &bytes)?;
        } else if let Some(name) = name.strip_prefix("response_") {
            write("server_frame", name, &bytes)?;
        }
        if name == "response_delivery"
            && let hushwire_wire::Response::Delivery(delivery) = frame::decode_server(bytes.into())?.response
        {
            for entry in delivery.entries {
                write("entry", &entry.seq.to_string(), entry.to_bytes()?)?;
            }
        }
    }
    Ok(())
}

/// Acts of a server, as `hushwire_testkit::receiving` reads them: what comes in the order in which it is written, and one lie of each kind in
/// between.
fn received() -> Outcome {
    const CATCH_UP: u8 = 2;
    let acts: [(&str, &[u8]); 12] = [
        ("all_at_once", &[CATCH_UP]),
        ("one_by_one", &[0, 1, 0, 1, 0, 1, 0, 1, 11, 3, 0, 8, 0, 15, 14, 0, 15, CATCH_UP]),
        ("backwards", &[3, 20, 15, 3, 10, 15, 3, 0, 15, CATCH_UP]),
        ("again_under_new_numbers", &[0, 3, 4, 0, 4, 1, 1, 4, 0, 4, 2, 1, 0, 15, CATCH_UP]),
        ("bytes_changed", &[4, 0, 1, 0, 40, 7, 1, 4, 3, 1, 0, 90, 8, 1, CATCH_UP, 11, 5]),
        ("cut", &[4, 0, 3, 0, 30, 1, CATCH_UP]),
        ("commands_between", &[0, 4, 12, 0, 0, 12, 1, 1, 0, 4, 12, 11, 1, 11, 4, CATCH_UP, 12, 12, 1, 11, 5]),
        ("answers_that_fail", &[13, 1, 7, 13, 5, 13, 3, 1, 0, 5, 0, 15, 13, 7, CATCH_UP, 11, 4]),
        ("killed_between", &[0, 2, 15, 0, 2, 15, CATCH_UP, 15, 12, 0, 1, 15, 11, 4]),
        ("dropped_it_says", &[4, 0, 11, 9, 1, 0, 15, 4, 0, 10, 3, 1, CATCH_UP, 11, 5]),
        ("of_another_generation", &[9, 0, 4, 0, 8, 9, 1, 0, 15, CATCH_UP, 11, 4]),
        ("far_away", &[4, 0, 0, 3, 4, 0, 0, 3, 9, 0, 0, 15, CATCH_UP, 11, 4]),
    ];
    acts.into_iter().try_for_each(|(name, bytes)| write("receive", name, bytes))
}

fn classic() -> Outcome {
    for (name, bytes) in golden("classic")? {
        if let Some(name) = name.strip_prefix("request_") {
            write("classic_request", name, &bytes)?;
        } else if let Some(name) = name.strip_prefix("response_") {
            write("classic_response", name, &bytes)?;
        }
    }
    Ok(())
}

fn contents() -> Outcome {
    for (name, padded) in golden("content")? {
        let (_, encoded) = hushwire_content::Content::decode(&padded)?;
        write("content", &format!("{name}_padded"), &padded)?;
        write("content", &name, encoded.as_slice())?;
    }
    Ok(())
}

fn typed_text() -> Outcome {
    for (name, text) in [
        ("escape", "\u{1b}[31mred\u{1b}]0;title\u{7}\r\nnext"),
        ("bidi", "\u{202e}evil\u{202c} \u{2067}x\u{2069} \u{200f}"),
        ("hidden", "a\u{200b}\u{feff}\u{e0041}\u{fe0f}\u{fe01} e\u{301}\u{301}"),
        ("emoji", "👩\u{200d}🚀 ❤\u{fe0f} 🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}"),
    ] {
        write("display", name, text)?;
    }
    for (name, text) in [
        ("marks", "a **b _c_** ~~d~~ `e` ***f** g*\n> h\ni\n- j\n  1. k\n\n```rust\nl\n```"),
        ("links", "[a *b*](https://c.d) <https://e.f> <g@h.i> [j](javascript:k)\n[l]: m \"n\""),
        ("outside", "# a\n![b](c)\n<d>\n\n    e\n\n---\n\\* &amp; f_g_h 2*3*4"),
    ] {
        write("markup", name, text)?;
    }
    for (name, text) in [
        ("username", "@alice.b_7"),
        ("greek", "@Σωκράτης"),
        ("phone", "+1 (555) 123-4567"),
        ("email", "Alice.B@Example.org"),
        ("on_server", "@alice@chat.example.org:7900"),
        ("phone_on_server", "+15551234567@[::1]"),
    ] {
        write("handle", name, text)?;
    }
    let server = ServerKey::from_seed(&Secret::new([9; 32]));
    let code: InviteCode = "K7QF-2M9D".parse()?;
    for (name, host, code) in [
        ("invite", "127.0.0.1", Some(code.clone())),
        ("server", "chat.example.org", None),
        ("v6", "[::1]", Some(code)),
    ] {
        let link = InviteLink { host: host.parse()?, port: 7900, code, fingerprint: server.fingerprint() };
        write("invite_link", name, link.to_string())?;
    }
    let recovery = RecoveryKey::from_seed(&Secret::new([7; 32])).to_text();
    write("recovery_key", "written", recovery.as_bytes())?;
    write("recovery_key", "typed", recovery.to_lowercase().replace('-', " "))
}

/// The same bytes at every run.
struct Counting(std::sync::atomic::AtomicU64);

impl Entropy for Counting {
    fn fill(&self, out: &mut [u8]) {
        for byte in out {
            let count = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            *byte = count.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes()[0];
        }
    }
}

fn entropy() -> Arc<dyn Entropy> {
    Arc::new(Counting(1.into()))
}

/// An account with one device.
struct Person {
    first: ListKey,
    recovery: RecoveryKey,
    mls_seed: [u8; 32],
    genesis: Genesis,
    entry: Vec<u8>,
    list: DeviceList,
}

/// The public key of an Ed25519 seed.
fn public(seed: [u8; 32]) -> PublicKey {
    ListKey::from_seed(&Secret::new(seed)).public()
}

impl Person {
    fn new(byte: u8) -> Result<Self, Box<dyn Error>> {
        let first = ListKey::from_seed(&Secret::new([byte; 32]));
        let recovery = RecoveryKey::from_seed(&Secret::new([byte | 0x40; 32]));
        let mls_seed = [byte | 0x80; 32];
        let genesis = Genesis::create(Flags { bot: false }, &first, &recovery, &*entropy());
        let entry = DeviceList::first_entry(&genesis, &first, public(mls_seed), "laptop".parse()?)?;
        let list = DeviceList::verify(genesis.as_bytes(), [&entry])?;
        Ok(Self { first, recovery, mls_seed, genesis, entry, list })
    }

    fn credential(&self) -> LeafCredential {
        LeafCredential {
            account: self.list.account_id(),
            device: self.first.device_id(),
            list: self.list.head(),
        }
    }

    fn device(&self, lists: &Arc<Known>) -> Result<Device, Box<dyn Error>> {
        let keys = DeviceKeys { credential: self.credential(), mls_key: Secret::new(self.mls_seed) };
        Ok(Device::new(keys, Suite::new(entropy()), lists.clone())?)
    }

    fn write_chain(&self) -> Outcome {
        write("genesis", "genesis", self.genesis.as_bytes())?;
        write("list_entry", "first", &self.entry)?;
        let second = ListKey::from_seed(&Secret::new([3; 32]));
        let device = NewDevice { list_key: &second, mls_key: public([4; 32]), name: "phone".parse()? };
        let add = self.list.add_device(Author::Device(&self.first), &device)?;
        write("list_entry", "add", add)?;
        let by_recovery = self.list.revoke(Author::Recovery(&self.recovery), self.first.device_id())?;
        write("list_entry", "revoke", by_recovery)?;
        let new = RecoveryKey::from_seed(&Secret::new([5; 32]));
        write("list_entry", "rotate", self.list.rotate_recovery(&self.recovery, &new)?)?;
        let renamed =
            self.list.rename(Author::Device(&self.first), self.first.device_id(), "attic".parse()?)?;
        write("list_entry", "rename", renamed)?;
        self.write_link(&second)?;
        write("leaf_credential", "credential", self.credential().encode())
    }

    /// What a new device and this one say to each other.
    fn write_link(&self, new: &ListKey) -> Outcome {
        let (list_key, mls_key, name) = (new.public(), public([4; 32]), "phone".parse()?);
        write("link", "offer", Offer { list_key, mls_key, name, nonce: [6; 32] }.to_bytes())?;
        let (account, head, handle) = (self.list.account_id(), self.list.head(), "@alice".parse()?);
        write("link", "answer", Answer { account, head, nonce: [7; 32], handle }.to_bytes())
    }
}

/// The two lists.
struct Known(Vec<DeviceList>);

impl DeviceLists for Known {
    fn prefix(&self, account: AccountId, head: ListHead, device: DeviceId) -> Prefix {
        let list = self.0.iter().find(|list| list.account_id() == account);
        list.map_or(Prefix::Missing, |list| Prefix::of(list, head, device))
    }

    fn reaches(&self, account: AccountId, head: ListHead, floor: ListHead) -> Option<bool> {
        self.0.iter().find(|list| list.account_id() == account)?.reaches(head, floor)
    }
}

/// A group of the two, and every message that its first minute has.
fn group(alice: &Person, bob: &Person) -> Outcome {
    let now = Timestamp::from_ms(1_800_000_000_000);
    let lists = Arc::new(Known(vec![alice.list.clone(), bob.list.clone()]));
    let (mut a, mut b) = (alice.device(&lists)?, bob.device(&lists)?);
    let (one, other) = (alice.list.account_id(), bob.list.account_id());
    let mut extension = GroupExtension::direct(one, other, Generation(1));
    write("group_extension", "direct", extension.encode())?;
    let head = ListHead { number: ListNumber(2), hash: EntryHash::new([6; 32]) };
    extension.floors.insert(one, head);
    write("group_extension", "with_floor", extension.encode())?;
    extension.floors.clear();
    assert_eq!(extension.conversation, direct_conversation_id(one, other));

    let key_package = b.key_package(KeyPackageKind::Pooled, now)?.bytes;
    write("group_header", "key_package", &key_package)?;
    let group_id = GroupId::new([8; 32]);
    let published = a.create(NewGroup { group_id, extension }, now)?;
    write("group_header", "group_info", &published.group_info)?;
    let add = vec![Addition { account: other, device: bob.first.device_id(), key_package }];
    let change = Change { add, ..Change::default() };
    let commit = a.stage_commit(&group_id, &Intent::Change(change), now)?;
    write("group_header", "commit", &commit.bytes)?;
    if let Some(welcome) = &commit.welcome {
        write("group_header", "welcome", welcome)?;
    }
    a.apply_own_commit(&group_id, &commit.secrets, now)?;
    write("group_header", "application", a.encrypt(&group_id, b"hello")?.bytes)?;
    let published = a.publish(&group_id)?;
    let rejoin = b.stage_rejoin(&published.group_info, &published.ratchet_tree, Epoch(0))?;
    write("group_header", "external_commit", rejoin.bytes)
}
