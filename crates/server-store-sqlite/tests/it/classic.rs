//! Wire version 1: digests that came last stand apart from those before, which nobody may notice.

use bytes::Bytes;
use hushwire_server_store::classic::{
    AcknowledgeClassic, ClassicKeys, ClassicPhone, ClassicStored, CreateClassic, StoreClassic,
};
use hushwire_server_store::upkeep::Expire;
use hushwire_server_store::{Bounds, Refusal, Store, Write, Written};
use hushwire_server_store_sqlite::SqliteStore;
use hushwire_types::{OsEntropy, Timestamp};

/// More than stand apart.
const MANY: u32 = 20_000;
const NOW: Timestamp = Timestamp::from_ms(1_000);

fn phone(digits: &[u8; 10]) -> ClassicPhone {
    ClassicPhone::try_from(digits.as_slice()).unwrap()
}

fn people() -> [ClassicPhone; 2] {
    [phone(b"0501111111"), phone(b"0502222222")]
}

fn message(number: u32) -> Write {
    let [sender, recipient] = people();
    let mut digest = [0; 32];
    // Neighbours are far apart, as those of a hash are.
    digest[..4].copy_from_slice(&number.wrapping_mul(0x9E37_79B1).to_be_bytes());
    StoreClassic { recipient, sender, digest, blob: Bytes::from_static(b"sealed") }.into()
}

fn store_one(store: &SqliteStore, number: u32) -> Result<Written, Refusal> {
    store.write(vec![message(number)], NOW).unwrap().remove(0)
}

#[test]
fn a_message_of_any_age_that_comes_again_is_stored_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let bounds = Bounds { entries: u64::from(MANY), ..Bounds::default() };
    let open = || SqliteStore::open(&path, bounds.clone(), &OsEntropy).unwrap();
    let store = open();
    for phone in people() {
        let bytes = Bytes::from_static(b"key");
        let keys = ClassicKeys {
            dh: [7; 32],
            rsa: bytes.clone(),
            dh_signature: bytes.clone(),
            rsa_signature: bytes,
        };
        store.write(vec![CreateClassic { phone, keys }.into()], NOW).unwrap();
    }
    let (new, before) =
        (Written::ClassicStored(ClassicStored::New), Written::ClassicStored(ClassicStored::Before));
    for first in (0..MANY).step_by(1_000) {
        let outcomes = store.write((first..first + 1_000).map(message).collect(), NOW).unwrap();
        assert!(outcomes.into_iter().all(|outcome| outcome.as_ref() == Ok(&new)), "from {first} on");
    }
    let some = [0, 1, 9_999, 16_382, 16_383, 16_384, MANY - 1];
    let again = |store: &SqliteStore| some.map(|number| store_one(store, number));
    assert_eq!(again(&store), some.map(|_| Ok(before.clone())));
    let waits = |store: &SqliteStore| store.classic_account(people()[1]).unwrap().unwrap().waiting;
    assert_eq!(waits(&store).messages, u64::from(MANY));
    assert_eq!(store_one(&store, MANY), Err(Refusal::ClassicFull));

    let other = open();
    let [sender, recipient] = people();
    let id = other.classic_oldest(recipient, &[]).unwrap().unwrap().id;
    let read = AcknowledgeClassic { recipient, sender, read: Some(id) };
    other.write(vec![read.into()], NOW).unwrap();
    assert_eq!(
        store_one(&other, MANY),
        Ok(new),
        "there is room for one again, and no other was refused for good"
    );
    assert_eq!(store_one(&store, MANY), Ok(before.clone()), "what another process stored");
    assert_eq!(waits(&store).messages, u64::from(MANY));
    assert_eq!(waits(&store).bytes, 6 * u64::from(MANY));
    drop((store, other));
    assert_eq!(again(&open()), some.map(|_| Ok(before.clone())), "after a start");

    let later = Timestamp::from_ms(1_001).after(bounds.classic_seen_ttl);
    let store = open();
    store.write(vec![Expire { mailboxes: 1 }.into()], later).unwrap();
    assert_eq!(again(&store), some.map(|_| Err(Refusal::ClassicFull)), "forgotten after a year");
}
