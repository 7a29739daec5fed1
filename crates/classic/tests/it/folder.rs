//! Client folders: the original's are read as they stand, ours are written so that the original can read them.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use hushwire_classic::crypto::KeyFileError;
use hushwire_classic::folder::{Folder, FolderError};
use hushwire_types::SecretBytes;

use crate::samples::{alice, blob, bob, bobs_password, server_key, signed_keys, vectors};

fn copy(who: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(vectors().join(who)).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), folder.path().join(file.file_name())).unwrap();
    }
    folder
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_folder_of_the_original_is_read_as_it_stands() {
    let folder = copy("alice");
    let folder = Folder::new(folder.path());
    assert_eq!(folder.phone().unwrap(), alice());
    assert!(!folder.needs_password().unwrap());
    let keys = folder.private_keys(None).unwrap();
    assert_eq!(keys.dh.public().unwrap(), signed_keys("alice").keys.dh);
    assert_eq!(keys.rsa.public_pem().unwrap(), signed_keys("alice").keys.rsa);
    assert!(signed_keys("bob").verify(&folder.server_key().unwrap()).is_ok());
}

#[test]
fn encrypted_keys_need_their_password() {
    let folder = copy("bob");
    let folder = Folder::new(folder.path());
    assert!(folder.needs_password().unwrap());
    let refused = |password: Option<&SecretBytes>| match folder.private_keys(password).unwrap_err() {
        FolderError::Key { source, .. } => source,
        other => panic!("{other}"),
    };
    assert_eq!(refused(None), KeyFileError::PasswordNeeded);
    assert_eq!(refused(Some(&SecretBytes::new(b"wrong".to_vec()))), KeyFileError::WrongPassword);
    assert_eq!(refused(Some(&SecretBytes::new(vec![b'x'; 5000]))), KeyFileError::WrongPassword);
    assert!(folder.private_keys(Some(&bobs_password())).is_ok());
}

#[test]
fn protecting_keeps_the_keys_and_leaves_nothing_in_clear() {
    let dir = copy("alice");
    let folder = Folder::new(dir.path());
    let password = SecretBytes::new(b"new password".to_vec());
    let keys = folder.private_keys(None).unwrap();
    folder.write_keys(&keys, Some(&password)).unwrap();
    assert!(folder.needs_password().unwrap());
    let again = folder.private_keys(Some(&password)).unwrap();
    assert_eq!(again.dh.public().unwrap(), keys.dh.public().unwrap());
    for file in std::fs::read_dir(dir.path()).unwrap() {
        let path = file.unwrap().path();
        assert!(!std::fs::read_to_string(&path).unwrap().contains("BEGIN PRIVATE KEY"), "{}", path.display());
    }
    assert_eq!(mode(&dir.path().join("rsa_private_key.pem")), 0o600);
}

#[test]
fn what_is_missing_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::new(dir.path());
    assert!(matches!(folder.phone(), Err(FolderError::NotRegistered { .. })));
    assert!(matches!(folder.server_key(), Err(FolderError::NoServerKey { .. })));
    std::fs::write(dir.path().join("me.info"), "nobody").unwrap();
    assert!(folder.phone().unwrap_err().to_string().contains("me.info"));
}

#[test]
fn a_registration_that_was_cut_off_goes_on_with_the_same_keys() {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::new(&dir.path().join("new"));
    let first = folder.keys_for_registration(None).unwrap();
    let again = folder.keys_for_registration(None).unwrap();
    assert_eq!(first.rsa.public_pem().unwrap(), again.rsa.public_pem().unwrap());
    folder.write_phone(alice()).unwrap();
    assert_eq!(std::fs::read(dir.path().join("new/me.info")).unwrap(), b"0501111111");
    assert!(matches!(folder.keys_for_registration(None), Err(FolderError::Registered { .. })));
    assert_eq!(mode(&dir.path().join("new")), 0o700);
}

#[test]
fn keys_of_others_are_kept_and_never_replaced() {
    let dir = copy("alice");
    let server = server_key().verifying().unwrap();
    let verified = |who: &str| signed_keys(who).verify(&server).unwrap();
    let mut known = Folder::new(dir.path()).known_keys().unwrap();
    assert!(known.of(bob()).is_none());
    assert!(known.keep(bob(), verified("bob")).unwrap());
    assert!(known.keep(bob(), verified("bob")).unwrap());
    assert!(!known.keep(bob(), verified("alice")).unwrap());
    let again = Folder::new(dir.path()).known_keys().unwrap();
    assert_eq!(again.of(bob()).unwrap().public(), &signed_keys("bob").keys);
}

#[test]
fn what_was_shown_is_remembered_also_after_a_cut_line() {
    let dir = copy("bob");
    let folder = Folder::new(dir.path());
    let mut shown = folder.shown().unwrap();
    assert!(!shown.contains(alice(), &blob()));
    shown.insert(alice(), &blob()).unwrap();
    assert!(shown.contains(alice(), &blob()) && !shown.contains(bob(), &blob()));
    drop(shown);
    let path = dir.path().join("hush_shown");
    let mut text = std::fs::read_to_string(&path).unwrap();
    text.push_str("00ff");
    std::fs::write(&path, text).unwrap();
    let mut shown = folder.shown().unwrap();
    assert!(shown.contains(alice(), &blob()));
    shown.insert(bob(), &blob()).unwrap();
    let again = folder.shown().unwrap();
    assert!(again.contains(alice(), &blob()) && again.contains(bob(), &blob()));
}

#[test]
fn a_cut_last_message_is_dropped_and_one_process_at_a_time_keeps_them() {
    let dir = copy("bob");
    let folder = Folder::new(dir.path());
    let path = dir.path().join("hush_waiting");
    let line = format!("{} {}\n", alice(), data_encoding::BASE64.encode(blob().as_bytes()));
    std::fs::write(&path, format!("{line}{}", line.get(..40).unwrap())).unwrap();
    let waiting = folder.waiting().unwrap();
    assert_eq!(waiting.oldest(), Some(&(alice(), blob())));
    assert!(matches!(folder.waiting(), Err(FolderError::Busy { .. })));
    drop(waiting);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), line);
    folder.shown().unwrap().insert(alice(), &blob()).unwrap();
    assert_eq!(folder.waiting().unwrap().oldest(), None, "it was shown before the end");
    assert_eq!(std::fs::read(&path).unwrap(), b"");
}

#[test]
fn a_change_of_the_password_that_was_cut_off_leaves_keys_that_open() {
    let names = ["dh_private_key.pem", "rsa_private_key.pem"];
    let new = SecretBytes::new(b"new password".to_vec());
    let changed = copy("bob");
    let keys = Folder::new(changed.path()).private_keys(Some(&bobs_password())).unwrap();
    Folder::new(changed.path()).write_keys(&keys, Some(&new)).unwrap();
    // Cut off with both files aside, and with the first one in its place.
    for done in 0..2 {
        let dir = copy("bob");
        for (at, name) in names.iter().enumerate() {
            let name = if at < done { (*name).to_owned() } else { format!("{name}.new") };
            std::fs::copy(changed.path().join(name.trim_end_matches(".new")), dir.path().join(name)).unwrap();
        }
        let folder = Folder::new(dir.path());
        assert_eq!(folder.private_keys(Some(&bobs_password())).is_ok(), done == 0);
        let wrong = folder.private_keys(Some(&SecretBytes::new(b"wrong".to_vec())));
        assert!(matches!(wrong, Err(FolderError::Key { source: KeyFileError::WrongPassword, .. })));
        let again = folder.private_keys(Some(&new)).unwrap();
        assert_eq!(again.public().unwrap(), signed_keys("bob").keys);
        assert!(names.iter().all(|name| !dir.path().join(format!("{name}.new")).exists()), "it was finished");
        assert!(folder.private_keys(Some(&bobs_password())).is_err());
    }
}

#[test]
fn a_cut_last_line_of_known_keys_is_dropped() {
    let dir = copy("alice");
    let server = server_key().verifying().unwrap();
    let verified = |who: &str| signed_keys(who).verify(&server).unwrap();
    let folder = Folder::new(dir.path());
    assert!(folder.known_keys().unwrap().keep(bob(), verified("bob")).unwrap());
    let path = dir.path().join("hush_keys");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{text}{}", text.get(..30).unwrap())).unwrap();
    let mut known = folder.known_keys().unwrap();
    assert_eq!(known.of(bob()).unwrap().public(), &signed_keys("bob").keys);
    assert!(known.keep(alice(), verified("alice")).unwrap());
    let again = folder.known_keys().unwrap();
    assert!(again.of(bob()).is_some() && again.of(alice()).is_some());
}

#[test]
fn a_phone_may_be_padded_as_on_the_wire() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("me.info"), "050222\0\0\0\0\n").unwrap();
    assert_eq!(Folder::new(dir.path()).phone().unwrap(), "050222".parse().unwrap());
}
