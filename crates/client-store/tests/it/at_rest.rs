//! Nothing is in clear, and what is deleted is gone even for who has the key.

use std::fs;
use std::path::Path;
use std::sync::Mutex;

use aws_lc_rs::cipher::{AES_256, DecryptingKey, DecryptionContext, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use hushwire_client_store::about::About;
use hushwire_client_store::journal::{self, NewEvent};
use hushwire_client_store::mls_row::{self, MlsKey, MlsKind, MlsRow};
use hushwire_client_store::pending_commit::{self, PendingCommit};
use hushwire_client_store::profile::{self, Profile, ProfileState};
use hushwire_client_store::search::Query;
use hushwire_client_store::{Database, KeySource, StoreError, Tx, about, search, timeline};
use hushwire_types::{Entropy, Epoch, OsEntropy, Secret, SecretBytes, SendSeq};

use crate::support::{account, at, content, conversation, device, group, insert, received};

const CANARIES: u32 = 1000;
const PAGE: usize = 4096;
/// At the end of each page SQLCipher 4 keeps the IV (16 bytes) and the HMAC-SHA512 (64 bytes).
const RESERVED: usize = 80;
const IV: usize = 16;

/// Keeps the first 32 bytes that it gave: the data key of the profile.
struct Watched(Mutex<Option<[u8; 32]>>);

impl Entropy for Watched {
    fn fill(&self, out: &mut [u8]) {
        OsEntropy.fill(out);
        let mut first = self.0.lock().unwrap();
        if first.is_none() {
            *first = out.try_into().ok();
        }
    }
}

fn canary(n: u32) -> String {
    format!("canary{n:04}yellow")
}

/// Distinct recognisable bytes for each piece of key material.
fn secret(n: u8) -> [u8; 32] {
    std::array::from_fn(|i| n.wrapping_mul(31).wrapping_add((i as u8).wrapping_mul(7)) ^ 0xa5)
}

fn passphrase() -> KeySource {
    KeySource::Passphrase(SecretBytes::new(b"a passphrase of the test".to_vec()))
}

fn fill(database: &mut Database) {
    database
        .step::<_, StoreError>(|tx| {
            for n in 0..CANARIES {
                let mut entry = received(n, u64::from(n));
                entry.content = canary(n).into_bytes();
                let row = insert(tx, &entry)?;
                search::put(tx, row, &canary(n))?;
                journal::append(
                    tx,
                    &NewEvent {
                        kind: "message".into(),
                        conversation: Some(conversation(1)),
                        row: Some(row),
                        payload: canary(n).into_bytes(),
                        at: at(1),
                    },
                )?;
            }
            key_material(tx)
        })
        .unwrap();
}

fn key_material(tx: &Tx<'_>) -> Result<(), StoreError> {
    profile::insert(
        tx,
        &Profile {
            account: account(1),
            device: device(1),
            device_name: "canary9001yellow".into(),
            handle: "@canary9002yellow".into(),
            list_key: Secret::new(secret(1)),
            mls_key: Secret::new(secret(2)),
            genesis: vec![1],
            server: "localhost:1".into(),
            server_key: [3; 32],
            state: ProfileState::Registering,
            recovery_key: Some(Secret::new(secret(3))),
            registration: Some(SecretBytes::new(secret(4).to_vec())),
            created_at: at(1),
        },
    )?;
    for (n, kind) in (5..).zip([MlsKind::Group, MlsKind::Epoch, MlsKind::KeyPackage]) {
        let group = (kind != MlsKind::KeyPackage).then(|| group(1));
        let key = MlsKey { kind, group, key: vec![n] };
        mls_row::put(tx, &MlsRow { key, format: 1, bytes: SecretBytes::new(secret(n).repeat(40)) })?;
    }
    pending_commit::insert(
        tx,
        &PendingCommit {
            group: group(1),
            send_seq: SendSeq(1),
            epoch: Epoch(1),
            hash: vec![1],
            secrets: SecretBytes::new(secret(8).to_vec()),
            intent: vec![],
            made_at: at(1),
        },
    )
}

/// Every trace of a canary or a key in `bytes`.
fn traces(bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for place in 0..bytes.len() {
        let rest = &bytes[place..];
        // The words of the index are stored without the beginnings that they share: look for the end too.
        if rest.starts_with(b"canary") || rest.starts_with(b"yellow") {
            found.push(format!("canary at {place}"));
        }
        for n in 1..=8 {
            if rest.starts_with(&secret(n)[..16]) {
                found.push(format!("secret {n} at {place}"));
            }
        }
    }
    found
}

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    files.map(|path| (path.display().to_string(), fs::read(&path).unwrap())).collect()
}

/// Every page of the database in clear, free ones included.
fn decrypted(folder: &Path, key: &[u8; 32]) -> Vec<u8> {
    let database = fs::read(folder.join("hush.db")).unwrap();
    assert_eq!(database.len() % PAGE, 0);
    let mut clear = Vec::new();
    for (number, page) in database.chunks(PAGE).enumerate() {
        // The first page begins with the salt.
        let start = if number == 0 { 16 } else { 0 };
        let (body, reserved) = page.split_at(PAGE - RESERVED);
        let iv: [u8; IV] = reserved[..IV].try_into().unwrap();
        let mut body = body[start..].to_vec();
        let cipher = DecryptingKey::cbc(UnboundCipherKey::new(&AES_256, key).unwrap()).unwrap();
        let context = DecryptionContext::Iv128(FixedLength::from(iv));
        clear.extend_from_slice(cipher.decrypt(&mut body, context).unwrap());
    }
    clear
}

#[test]
fn nothing_is_in_clear_while_open_or_closed_and_what_is_deleted_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let watched = Watched(Mutex::new(None));
    let mut database = Database::create(folder.path(), &passphrase(), &watched).unwrap();
    let data_key = watched.0.lock().unwrap().unwrap();
    fill(&mut database);

    for (name, bytes) in files(folder.path()) {
        assert_eq!(traces(&bytes), Vec::<String>::new(), "{name}, while open");
        assert!(!bytes.windows(32).any(|window| window == data_key), "the data key in {name}");
    }
    database.truncate_wal().unwrap();
    let before = decrypted(folder.path(), &data_key);
    let text = b"CREATE TABLE timeline";
    assert!(before.windows(text.len()).any(|window| window == text), "the pages are decrypted rightly");
    assert!(traces(&before).len() > 3 * CANARIES as usize, "the canaries are where this test looks");
    for n in 1..=8 {
        assert!(before.windows(32).any(|window| window == secret(n)), "secret {n} is where this test looks");
    }

    database
        .step::<_, StoreError>(|tx| {
            timeline::erase_conversation(tx, &conversation(1))?;
            mls_row::delete_group(tx, &group(1))?;
            let package = MlsKey { kind: MlsKind::KeyPackage, group: None, key: vec![7] };
            mls_row::delete(tx, &package)?;
            pending_commit::delete(tx, &group(1))?;
            profile::abandon(tx)
        })
        .unwrap();
    database.close().unwrap();

    assert!(!folder.path().join("hush.db-wal").exists());
    assert_eq!(traces(&decrypted(folder.path(), &data_key)), Vec::<String>::new());
    for (name, bytes) in files(folder.path()) {
        assert_eq!(traces(&bytes), Vec::<String>::new(), "{name}, after the deletion");
    }
}

#[test]
fn what_is_reworded_or_deleted_leaves_the_index_and_the_wal_with_its_step() {
    let folder = tempfile::tempdir().unwrap();
    let watched = Watched(Mutex::new(None));
    let key = KeySource::Key(Secret::new([7; 32]));
    let mut database = Database::create(folder.path(), &key, &watched).unwrap();
    let data_key = watched.0.lock().unwrap().unwrap();
    database
        .step::<_, StoreError>(|tx| {
            for n in 0..CANARIES {
                // Only the index has the words.
                let row = insert(tx, &received(n, u64::from(n)))?;
                search::put(tx, row, &canary(n))?;
            }
            Ok(())
        })
        .unwrap();
    database.truncate_wal().unwrap();
    assert!(traces(&decrypted(folder.path(), &data_key)).len() > CANARIES as usize, "the words are there");

    database
        .step::<_, StoreError>(|tx| {
            for n in 0..CANARIES {
                let about = About { account: account(2), content: content(n) };
                let row = search::find(tx, &Query::of(canary(n), 1))?[0].entry.row;
                if n % 2 == 0 {
                    search::put(tx, row, "another wording")?;
                } else {
                    about::delete(tx, row, &about, &conversation(1))?;
                }
            }
            Ok(())
        })
        .unwrap();
    assert_eq!(fs::metadata(folder.path().join("hush.db-wal")).unwrap().len(), 0);
    assert_eq!(traces(&decrypted(folder.path(), &data_key)), Vec::<String>::new());
    let found = database.read(|view| search::find(view, &Query::of("another", 2000))).unwrap();
    assert_eq!(found.len(), CANARIES as usize / 2);
    database.check().unwrap();
}

#[test]
fn one_erased_message_is_gone_and_the_others_stay() {
    let folder = tempfile::tempdir().unwrap();
    let watched = Watched(Mutex::new(None));
    let key = KeySource::Key(Secret::new([7; 32]));
    let mut database = Database::create(folder.path(), &key, &watched).unwrap();
    let data_key = watched.0.lock().unwrap().unwrap();
    fill(&mut database);
    let gone = 500;
    database
        .step::<_, StoreError>(|tx| {
            let row = search::find(tx, &Query::of(canary(gone), 1))?[0].entry.row;
            timeline::erase(tx, row)
        })
        .unwrap();
    let clear = decrypted(folder.path(), &data_key);
    let word = canary(gone);
    assert!(!clear.windows(word.len()).any(|window| window == word.as_bytes()));
    let (left, erased) = database
        .read::<_, StoreError>(|view| {
            Ok((
                search::find(view, &Query::of(canary(gone + 1), 9))?,
                search::find(view, &Query::of(word.as_str(), 9))?,
            ))
        })
        .unwrap();
    assert_eq!((left.len(), erased.len()), (1, 0));
    database.check().unwrap();
}
