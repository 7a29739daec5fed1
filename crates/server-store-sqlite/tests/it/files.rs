//! Files: lives, backups, faults, other processes.

use std::fs;
use std::path::Path;

use bytes::Bytes;
use hushwire_server_store::upkeep::PutMeta;
use hushwire_server_store::{Bounds, Store, StoreError};
use hushwire_server_store_sqlite::{BackupError, OpenError, SqliteStore};
use hushwire_types::{OsEntropy, Timestamp};

fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path, Bounds::default(), &OsEntropy).unwrap()
}

fn put(store: &SqliteStore, value: &'static [u8]) -> Result<(), StoreError> {
    let operation = PutMeta { name: "key".into(), value: Bytes::from_static(value) };
    store.write(vec![operation.into()], Timestamp::from_ms(1)).map(|_| ())
}

#[test]
fn r10_a_copy_from_before_the_last_opening_is_another_life() {
    let folder = tempfile::tempdir().unwrap();
    let (path, copy) = (folder.path().join("store.db"), folder.path().join("copy.db"));
    let first = open(&path).incarnation();
    fs::copy(&path, &copy).unwrap();
    assert_eq!(open(&path).incarnation(), first);
    assert_ne!(open(&copy).incarnation(), first, "a copy without the file beside it");
    fs::copy(&copy, &path).unwrap();
    let second = open(&path).incarnation();
    assert_ne!(second, first);
    assert_eq!(open(&path).incarnation(), second);
}

#[test]
fn being_killed_between_the_two_tokens_ends_no_life() {
    let folder = tempfile::tempdir().unwrap();
    let (path, life) = (folder.path().join("store.db"), folder.path().join("store.db.life"));
    let first = open(&path).incarnation();
    let mut tokens = vec![7; 16];
    tokens.extend(fs::read(&life).unwrap());
    fs::write(&life, tokens).unwrap();
    assert_eq!(open(&path).incarnation(), first);
}

#[test]
fn a_backup_is_whole_and_never_overwrites() {
    let folder = tempfile::tempdir().unwrap();
    let (path, backup) = (folder.path().join("store.db"), folder.path().join("backup.db"));
    let store = open(&path);
    put(&store, b"one").unwrap();
    store.backup_to(&backup).unwrap();
    put(&store, b"two").unwrap();
    assert!(matches!(store.backup_to(&backup), Err(BackupError::Exists)));
    assert!(matches!(store.backup_to(&folder.path().join("none/backup.db")), Err(BackupError::Store(_))));
    let copy = open(&backup);
    assert_eq!(copy.meta("key").unwrap(), Some(Bytes::from_static(b"one")));
    assert_ne!(copy.incarnation(), store.incarnation());
    assert!(
        fs::read_dir(folder.path()).unwrap().all(|file| !file.unwrap().path().ends_with("backup.db.part"))
    );
}

#[test]
fn a_backup_in_the_place_of_a_killed_store_is_not_mixed_with_its_log() {
    let folder = tempfile::tempdir().unwrap();
    let (path, backup) = (folder.path().join("store.db"), folder.path().join("backup.db"));
    let (wal, kept) = (folder.path().join("store.db-wal"), folder.path().join("kept"));
    let store = open(&path);
    put(&store, b"one").unwrap();
    store.backup_to(&backup).unwrap();
    put(&store, b"two").unwrap();
    fs::copy(&wal, &kept).unwrap();
    let before = store.incarnation();
    drop(store);
    fs::rename(&kept, &wal).unwrap();
    fs::rename(&backup, &path).unwrap();
    let restored = open(&path);
    assert_eq!(restored.meta("key").unwrap(), Some(Bytes::from_static(b"one")));
    assert_ne!(restored.incarnation(), before);
}

#[test]
fn a_newer_or_foreign_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    drop(open(&path));
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    let refused = SqliteStore::open(&path, Bounds::default(), &OsEntropy).unwrap_err();
    assert!(matches!(refused, OpenError::NewerVersion { found: 99, .. }), "{refused}");
    let text = folder.path().join("text.db");
    fs::write(&text, "not a database at all, and longer than the header of one so that it is read as pages")
        .unwrap();
    let refused = SqliteStore::open(&text, Bounds::default(), &OsEntropy).unwrap_err();
    assert!(matches!(refused, OpenError::NotOurs), "{refused}");
    let missing = folder.path().join("none/store.db");
    let refused = SqliteStore::open(&missing, Bounds::default(), &OsEntropy).unwrap_err();
    assert!(matches!(refused, OpenError::Store(StoreError::Unavailable(_))), "{refused}");
}

#[test]
fn two_processes_see_what_the_other_one_writes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let (server, command) = (open(&path), open(&path));
    assert_eq!(server.incarnation(), command.incarnation());
    put(&server, b"one").unwrap();
    put(&command, b"two").unwrap();
    assert_eq!(server.meta("key").unwrap(), Some(Bytes::from_static(b"two")));
}
