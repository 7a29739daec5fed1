//! Rows: what is loaded, what is written, and what damaged rows do.

use hushwire_mls::{Intent, MlsError, Row, RowKey, StateError};
use hushwire_types::{GroupId, SecretBytes};

use crate::support::{ALICE, GROUP, NOW, World, commit, talk};

#[test]
fn a_group_that_is_not_loaded_is_unknown() {
    let mut node = World::new(80).node(ALICE, 1);
    assert!(matches!(node.step(|device| device.view(&GROUP)), Err(MlsError::UnknownGroup(GROUP))));
    assert!(matches!(node.step(|device| device.delete(&GROUP)), Err(MlsError::UnknownGroup(GROUP))));
}

#[test]
fn a_step_that_is_rolled_back_leaves_nothing_behind() {
    let (mut alice, mut bob, _) = World::new(81).pair();
    let before = alice.database.clone();
    let failed = alice.step(|device| {
        device.encrypt(&GROUP, b"never sent")?;
        Err::<(), _>(MlsError::Misuse("the disk is full"))
    });
    assert!(failed.is_err());
    assert_eq!(alice.database, before);
    assert!(!alice.device.is_loaded(&GROUP));
    talk(&mut [&mut alice, &mut bob]);
}

#[test]
fn what_was_drained_is_not_drained_again() {
    let (mut alice, _, _) = World::new(82).pair();
    alice.encrypt("hello");
    assert!(alice.device.drain().unwrap().is_empty());
}

#[test]
fn damaged_rows_are_told_and_loaded_no_further() {
    let (mut alice, _, _) = World::new(83).pair();
    let genuine = alice.database.clone();
    for key in [RowKey::Group(GROUP), RowKey::Tree(GROUP)] {
        for cut in [0, 1, 2, 30] {
            let mut bytes = genuine[&key].expose().to_vec();
            bytes.truncate(cut);
            alice.database.insert(key.clone(), SecretBytes::new(bytes));
            assert!(
                matches!(alice.step(|device| device.view(&GROUP)), Err(MlsError::State(_))),
                "{key:?} {cut}"
            );
        }
        alice.database.remove(&key);
        let loaded = alice.step(|device| device.view(&GROUP));
        assert!(matches!(loaded, Err(MlsError::State(_) | MlsError::UnknownGroup(_))));
        alice.database = genuine.clone();
    }
    alice.step(|device| device.view(&GROUP)).unwrap();
}

#[test]
fn rows_of_different_epochs_do_not_load() {
    let (mut alice, mut bob, mut server) = World::new(84).pair();
    let old = alice.database[&RowKey::Tree(GROUP)].clone();
    commit(&mut server, &mut bob, &mut [&mut alice], &Intent::Refresh);
    alice.database.insert(RowKey::Tree(GROUP), old);
    let loaded = alice.step(|device| device.view(&GROUP));
    assert!(matches!(loaded, Err(MlsError::State(StateError::Inconsistent(GROUP)))));
}

#[test]
fn rows_of_a_newer_format_are_told() {
    let (mut alice, _, _) = World::new(85).pair();
    let mut bytes = alice.database[&RowKey::Group(GROUP)].expose().to_vec();
    bytes[1] = 9;
    alice.database.insert(RowKey::Group(GROUP), SecretBytes::new(bytes));
    let loaded = alice.step(|device| device.view(&GROUP));
    assert!(matches!(loaded, Err(MlsError::State(StateError::UnknownFormat { found: 9 }))));
}

#[test]
fn groups_beyond_the_sixty_four_used_last_are_unloaded_and_come_back() {
    let world = World::new(86);
    let mut alice = world.node(ALICE, 1);
    let group = |n: u8| GroupId::new([n; 32]);
    let bob = crate::support::BOB;
    let changes = {
        for n in 0..70 {
            let extension =
                hushwire_group_policy::GroupExtension::direct(ALICE, bob, hushwire_types::Generation(1));
            let new = hushwire_mls::NewGroup { group_id: group(n), extension };
            alice.device.create(new, NOW).unwrap();
        }
        alice.device.drain().unwrap()
    };
    assert_eq!((0..70).filter(|n| alice.device.is_loaded(&group(*n))).count(), 64);
    assert!(!alice.device.is_loaded(&group(0)));
    let rows = changes.into_iter().filter_map(|change| match change {
        hushwire_mls::RowChange::Put(key, value) if key.group_id() == Some(&group(0)) => {
            Some(Row { key, value })
        }
        _ => None,
    });
    alice.device.load(rows.collect()).unwrap();
    alice.device.encrypt(&group(0), b"hello").unwrap();
}

#[test]
fn nothing_shows_a_secret() {
    let world = World::new(87);
    let node = world.node(ALICE, 1);
    let keys = world.keys(ALICE, 1);
    let shown = format!("{keys:?} {:?}", node.device);
    assert!(shown.contains("Secret(..)") && !shown.contains("1, 1, 1"), "{shown}");
}

#[test]
fn a_device_moves_between_threads() {
    fn moves<T: Send>() {}
    moves::<hushwire_mls::Device>();
}
