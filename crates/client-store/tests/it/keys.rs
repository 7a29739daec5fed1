use std::fs;

use hushwire_client_store::{KeyFile, KeyFileError, KeySource};
use hushwire_types::{OsEntropy, Secret};

fn bytes(source: KeySource) -> Secret<32> {
    match source {
        KeySource::Key(key) => key,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_key_file_gives_the_key_that_it_was_made_with() {
    let folder = tempfile::tempdir().unwrap();
    let file = KeyFile::new(folder.path().join("key"));
    let made = bytes(file.create(&OsEntropy).unwrap());
    assert_eq!(bytes(file.read().unwrap()), made);
    assert_eq!(fs::read(file.path()).unwrap(), made.expose());
}

#[test]
fn a_key_file_is_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let file = KeyFile::new(folder.path().join("key"));
    let made = bytes(file.create(&OsEntropy).unwrap());
    assert!(matches!(file.create(&OsEntropy), Err(KeyFileError::Exists { .. })));
    assert_eq!(bytes(file.read().unwrap()), made);
}

#[test]
fn a_file_of_another_length_is_no_key() {
    let folder = tempfile::tempdir().unwrap();
    let file = KeyFile::new(folder.path().join("key"));
    file.create(&OsEntropy).unwrap();
    for length in [0, 31, 33, 4096] {
        fs::write(file.path(), vec![1; length]).unwrap();
        assert!(matches!(file.read(), Err(KeyFileError::NotAKey { .. })), "{length}");
    }
}

#[cfg(unix)]
#[test]
fn a_key_file_that_others_can_read_is_refused_with_the_way_out() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let file = KeyFile::new(folder.path().join("key"));
    file.create(&OsEntropy).unwrap();
    assert_eq!(fs::metadata(file.path()).unwrap().permissions().mode() & 0o777, 0o600);
    for mode in [0o640, 0o604, 0o620] {
        fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).unwrap();
        let error = file.read().unwrap_err();
        assert!(matches!(error, KeyFileError::Exposed { .. }));
        assert!(error.to_string().contains("chmod 600"));
    }
}

#[test]
fn a_missing_key_file_is_named() {
    let error = KeyFile::new("/no/such/key").read().unwrap_err();
    assert!(matches!(error, KeyFileError::Io { .. }));
    assert!(error.to_string().contains("/no/such/key"));
}

#[test]
fn debug_shows_no_key() {
    let source = KeySource::Key(Secret::new([7; 32]));
    assert_eq!(format!("{source:?}"), "Key(Secret(..))");
}
