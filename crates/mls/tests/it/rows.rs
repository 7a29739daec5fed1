//! Rows: what is loaded, what is written, and what damaged rows do.

use hushwire_mls::{Change, Intent, MlsError, Row, RowKey, StateError};
use hushwire_types::{GroupId, SecretBytes};

use crate::support::{ALICE, GROUP, NOW, Node, Server, World, commit, talk};

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

/// A group of alice's device and 19 others, whose tree has 5 parts.
fn crowd(world: &World) -> (Node, Vec<Node>, Server) {
    let mut alice = world.node(ALICE, 1);
    let mut server = Server::start(world, &mut alice);
    let mut others: Vec<Node> = (2..21).map(|n| world.node(crate::support::BOB, n)).collect();
    let add = others.iter_mut().map(Node::addition).collect();
    let intent = Intent::Change(Change { add, ..Change::default() });
    let staged = commit(&mut server, &mut alice, &mut [], &intent);
    let (welcome, tree) = (staged.welcome.unwrap(), server.tree());
    for other in &mut others {
        other.step(|device| device.join(&welcome, &tree, NOW)).unwrap();
    }
    (alice, others, server)
}

fn parts(keys: &[RowKey]) -> Vec<u32> {
    let parts = keys.iter().filter_map(|key| match key {
        RowKey::TreePart(_, part) => Some(*part),
        _ => None,
    });
    parts.collect()
}

#[test]
fn only_the_parts_of_the_tree_that_a_commit_changed_are_written() {
    let (mut alice, mut others, mut server) = crowd(&World::new(88));
    assert_eq!(parts(&alice.written), [0, 1, 2, 3, 4]);
    let (bob, rest) = others.split_first_mut().unwrap();
    let mut rest: Vec<&mut Node> = rest.iter_mut().chain([&mut alice]).collect();
    // Everything above bob's leaf stands in the parts that hold the middle of each subtree, to the root.
    commit(&mut server, bob, &mut rest, &Intent::Refresh);
    assert_eq!(parts(&bob.written), [0, 1, 3]);
    commit(&mut server, bob, &mut rest, &Intent::Refresh);
    assert_eq!(parts(&bob.written), [0, 1, 3]);
    let (bob, rest) = others.split_first_mut().unwrap();
    talk(&mut [&mut alice, bob, &mut rest[17]]);
}

#[test]
fn parts_go_with_the_leaves_that_they_are_of_and_with_the_group() {
    let (mut alice, others, mut server) = crowd(&World::new(89));
    let remove = others.iter().skip(3).map(|node| node.credential.device).collect();
    let intent = Intent::Change(Change { remove, ..Change::default() });
    commit(&mut server, &mut alice, &mut [], &intent);
    let left: Vec<RowKey> = alice.database.keys().cloned().collect();
    assert_eq!(parts(&left), [0]);
    alice.step(|device| device.delete(&GROUP)).unwrap();
    assert!(alice.database.keys().all(|key| key.group_id().is_none()));
}

#[test]
fn parts_of_different_epochs_do_not_load() {
    let (mut alice, mut bob, mut server) = World::new(90).pair();
    let old = alice.database[&RowKey::TreePart(GROUP, 0)].clone();
    commit(&mut server, &mut bob, &mut [&mut alice], &Intent::Refresh);
    for part in [Some(old), None] {
        match part {
            Some(old) => alice.database.insert(RowKey::TreePart(GROUP, 0), old),
            None => alice.database.remove(&RowKey::TreePart(GROUP, 0)),
        };
        let loaded = alice.step(|device| device.view(&GROUP));
        assert!(matches!(loaded, Err(MlsError::State(StateError::Inconsistent(GROUP)))));
    }
}

#[test]
fn a_tree_that_an_older_version_wrote_as_one_row_is_read_and_then_kept_in_parts() {
    let (mut alice, mut others, mut server) = crowd(&World::new(91));
    let epoch = alice.epoch();
    let tree = alice.step(|device| device.publish(&GROUP)).unwrap().ratchet_tree;
    alice.database.retain(|key, _| !matches!(key, RowKey::TreePart(..)));
    let row = [&[0, 1], epoch.to_be_bytes().as_slice(), tree.as_slice()].concat();
    alice.database.insert(RowKey::Tree(GROUP), SecretBytes::new(row));
    talk(&mut [&mut alice, &mut others[0]]);
    assert!(parts(&alice.written).is_empty());
    commit(&mut server, &mut others[0], &mut [&mut alice], &Intent::Refresh);
    assert_eq!(parts(&alice.written), [0, 1, 2, 3, 4]);
    talk(&mut [&mut alice, &mut others[0]]);
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
