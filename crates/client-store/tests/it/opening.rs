use std::fs;

use hushwire_client_store::{Database, KeyKind, KeySource, OpenError, StoreError, setting};
use hushwire_types::{OsEntropy, Secret, SecretBytes};

use crate::support::{Profile, key};

fn passphrase(text: &str) -> KeySource {
    KeySource::Passphrase(SecretBytes::new(text.as_bytes().to_vec()))
}

#[test]
fn what_was_written_is_there_after_reopening() {
    let mut profile = Profile::new();
    profile.write(|tx| setting::put(tx, "a", b"1"));
    let mut profile = profile.reopen();
    assert_eq!(profile.read(|view| setting::find(view, "a")).as_deref(), Some(b"1".as_slice()));
}

#[test]
fn a_folder_without_a_profile_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    assert!(!Database::exists(folder.path()));
    assert!(matches!(Database::open(folder.path(), &key()), Err(OpenError::Missing { .. })));
    assert!(matches!(Database::key_kind(folder.path()), Err(OpenError::Missing { .. })));
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        0,
        "looking for a profile leaves nothing behind"
    );
}

#[test]
fn a_profile_is_not_made_over_another() {
    let profile = Profile::new();
    let folder = profile.folder.path();
    profile.database.close().unwrap();
    assert!(Database::exists(folder));
    assert!(matches!(Database::create(folder, &key(), &OsEntropy), Err(OpenError::Exists { .. })));
}

#[test]
fn a_creation_that_stopped_after_the_header_is_begun_again() {
    let profile = Profile::new();
    let folder = profile.folder.path();
    profile.database.close().unwrap();
    fs::remove_file(folder.join("hush.db")).unwrap();
    assert!(!Database::exists(folder));
    let other = KeySource::Key(Secret::new([8; 32]));
    drop(Database::create(folder, &other, &OsEntropy).unwrap());
    drop(Database::open(folder, &other).unwrap());
}

#[test]
fn a_creation_that_stopped_before_the_schema_is_finished_by_opening() {
    let profile = Profile::new();
    let folder = profile.folder.path();
    profile.database.close().unwrap();
    fs::write(folder.join("hush.db"), b"").unwrap();
    let mut database = Database::open(folder, &key()).unwrap();
    database.step(|tx| setting::put(tx, "a", b"1")).unwrap();
}

#[test]
fn a_second_opening_is_refused_and_names_the_process() {
    let profile = Profile::new();
    let error = Database::open(profile.folder.path(), &key()).unwrap_err();
    assert!(matches!(error, OpenError::Locked { pid: Some(pid) } if pid == std::process::id()));
    assert!(error.to_string().contains(&std::process::id().to_string()));
}

#[test]
fn a_dropped_database_can_be_opened_again() {
    let Profile { folder, mut database } = Profile::new();
    database.step(|tx| setting::put(tx, "a", b"1")).unwrap();
    drop(database);
    let mut database = Database::open(folder.path(), &key()).unwrap();
    assert!(database.read(|view| setting::find(view, "a")).unwrap().is_some());
}

#[test]
fn a_wrong_key_and_a_wrong_kind_of_key_are_told_apart() {
    let profile = Profile::new();
    let folder = profile.folder.path();
    profile.database.close().unwrap();
    assert_eq!(Database::key_kind(folder).unwrap(), KeyKind::Key);
    let other = KeySource::Key(Secret::new([8; 32]));
    assert!(matches!(Database::open(folder, &other), Err(OpenError::WrongKey)));
    assert!(matches!(Database::open(folder, &passphrase("x")), Err(OpenError::NeedsKey)));
}

#[test]
fn a_passphrase_opens_and_can_be_changed() {
    let Profile { folder, mut database } = Profile::new();
    database.step(|tx| setting::put(tx, "a", b"1")).unwrap();
    database.change_key(&passphrase("correct horse"), &OsEntropy).unwrap();
    database.close().unwrap();

    assert_eq!(Database::key_kind(folder.path()).unwrap(), KeyKind::Passphrase);
    assert!(matches!(Database::open(folder.path(), &key()), Err(OpenError::NeedsPassphrase)));
    assert!(matches!(
        Database::open(folder.path(), &passphrase("correct mule")),
        Err(OpenError::WrongPassphrase)
    ));
    let mut database = Database::open(folder.path(), &passphrase("correct horse")).unwrap();
    assert!(database.read(|view| setting::find(view, "a")).unwrap().is_some());
}

#[test]
fn a_missing_or_damaged_header_is_named() {
    let profile = Profile::new();
    let folder = profile.folder.path();
    profile.database.close().unwrap();
    let header = folder.join("hush.key.toml");
    let text = fs::read_to_string(&header).unwrap();

    for damaged in ["", "version = 1", "not toml [", "\u{0}"] {
        fs::write(&header, damaged).unwrap();
        assert!(
            matches!(Database::open(folder, &key()), Err(OpenError::DamagedHeader { .. })),
            "{damaged:?}"
        );
    }
    fs::remove_file(&header).unwrap();
    assert!(matches!(Database::open(folder, &key()), Err(OpenError::MissingHeader { .. })));

    fs::write(&header, text.replace("version = 1", "version = 2")).unwrap();
    assert!(matches!(Database::open(folder, &key()), Err(OpenError::Newer { found: 2, known: 1 })));
}

#[test]
fn a_header_with_changed_parameters_opens_nothing() {
    let Profile { folder, mut database } = Profile::new();
    database.change_key(&passphrase("p"), &OsEntropy).unwrap();
    database.close().unwrap();
    let header = folder.path().join("hush.key.toml");
    let text = fs::read_to_string(&header).unwrap();

    fs::write(&header, text.replace("passes = 3", "passes = 1")).unwrap();
    assert!(matches!(Database::open(folder.path(), &passphrase("p")), Err(OpenError::WrongPassphrase)));
    // More memory than any of our headers asks for: refused before it is taken.
    fs::write(&header, text.replace("memory_kib = 65536", "memory_kib = 4194303")).unwrap();
    assert!(matches!(Database::open(folder.path(), &passphrase("p")), Err(OpenError::DamagedHeader { .. })));
}

#[test]
fn another_file_in_the_database_s_place_is_named() {
    let profile = Profile::new();
    let folder = profile.folder.path();
    profile.database.close().unwrap();
    fs::write(folder.join("hush.db"), vec![b'x'; 8192]).unwrap();
    assert!(matches!(Database::open(folder, &key()), Err(OpenError::NotADatabase { .. })));
}

#[test]
fn a_damaged_page_is_found_by_the_check() {
    let Profile { folder, mut database } = Profile::new();
    database.step(|tx| setting::put(tx, "a", &[1; 100_000])).unwrap();
    database.check().unwrap();
    database.close().unwrap();
    let file = folder.path().join("hush.db");
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() - 20_000;
    bytes[middle] ^= 1;
    fs::write(&file, bytes).unwrap();
    let mut database = Database::open(folder.path(), &key()).unwrap();
    assert!(matches!(database.check(), Err(StoreError::Corrupt(_))));
}

#[cfg(unix)]
#[test]
fn every_file_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;

    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("a").join("b");
    let mut database = Database::create(&folder, &key(), &OsEntropy).unwrap();
    database.step(|tx| setting::put(tx, "a", b"1")).unwrap();
    assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    let mut names = Vec::new();
    for file in fs::read_dir(&folder).unwrap() {
        let file = file.unwrap();
        names.push(file.file_name().into_string().unwrap());
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o077, 0, "{:?}", file.file_name());
    }
    assert!(names.contains(&"hush.db-wal".to_owned()), "{names:?}");
}

#[test]
fn each_refusal_is_one_sentence_that_says_what_to_do() {
    let path = std::path::PathBuf::from("/p");
    let refusals = [
        OpenError::Missing { folder: path.clone() },
        OpenError::Exists { folder: path.clone() },
        OpenError::Locked { pid: None },
        OpenError::Newer { found: 2, known: 1 },
        OpenError::MissingHeader { path: path.clone() },
        OpenError::NotADatabase { path },
        OpenError::Store(StoreError::DiskFull),
    ];
    for refusal in refusals {
        let text = refusal.to_string();
        assert!(text.contains(": ") && !text.contains('\n') && !text.ends_with('.'), "{text}");
    }
}
