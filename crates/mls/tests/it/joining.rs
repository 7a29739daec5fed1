//! Joining by a Welcome.

use hushwire_mls::{
    Change, Intent, KeyPackageKind, MlsError, Refusal, RowKey, peek_key_package, welcome_references,
};

use crate::support::{ALICE, BOB, GROUP, NOW, Node, Server, World, add, commit, head, talk};

/// The Welcome and tree by which `alice` adds `new`.
fn invite(server: &mut Server, alice: &mut Node, new: &mut Node) -> (Vec<u8>, Vec<u8>) {
    let add = vec![new.addition()];
    let staged = commit(server, alice, &mut [], &Intent::Change(Change { add, ..Change::default() }));
    (staged.welcome.unwrap(), server.tree())
}

fn alone(world: &World) -> (Node, Server) {
    let mut alice = world.node(ALICE, 1);
    let server = Server::start(world, &mut alice);
    (alice, server)
}

#[test]
fn a_joiner_knows_the_group_and_its_pooled_key_package_is_gone() {
    let world = World::new(50);
    let (mut alice, mut server) = alone(&world);
    let mut bob = world.node(BOB, 2);
    let (welcome, tree) = invite(&mut server, &mut alice, &mut bob);
    let references = welcome_references(&welcome).unwrap();
    assert!(bob.database.contains_key(&RowKey::KeyPackage(references[0].clone())));
    let joined = bob.step(|device| device.join(&welcome, &tree, NOW)).unwrap();
    assert_eq!((joined.group_id, joined.epoch.0, joined.sender), (GROUP, 1, alice.credential));
    assert_eq!(joined.members, [alice.credential, bob.credential]);
    assert!(bob.database.keys().all(|key| key.group_id().is_some()), "the private keys are gone");
    talk(&mut [&mut alice, &mut bob]);
}

#[test]
fn a_key_package_of_last_resort_stays() {
    let world = World::new(51);
    let (mut alice, mut server) = alone(&world);
    let mut bob = world.node(BOB, 2);
    let mut addition = bob.addition();
    addition.key_package = bob.key_package(KeyPackageKind::LastResort);
    assert_eq!(peek_key_package(&addition.key_package).unwrap().kind, KeyPackageKind::LastResort);
    let intent = Intent::Change(Change { add: vec![addition], ..Change::default() });
    let staged = commit(&mut server, &mut alice, &mut [], &intent);
    let (welcome, tree) = (staged.welcome.unwrap(), server.tree());
    bob.step(|device| device.join(&welcome, &tree, NOW)).unwrap();
    let reference = welcome_references(&welcome).unwrap().remove(0);
    assert!(bob.database.contains_key(&RowKey::KeyPackage(reference)));
}

#[test]
fn the_trees_group_and_epoch_are_read_before_the_tree_is_there() {
    let world = World::new(52);
    let (mut alice, mut server) = alone(&world);
    let mut bob = world.node(BOB, 2);
    let (welcome, _) = invite(&mut server, &mut alice, &mut bob);
    let (group, epoch) = bob.step(|device| device.examine_welcome(&welcome)).unwrap();
    assert_eq!((group, epoch.0), (GROUP, 1));
}

#[test]
fn another_tree_than_the_welcomes_is_refused() {
    let world = World::new(53);
    let (mut alice, mut server) = alone(&world);
    let old_tree = server.tree();
    let mut bob = world.node(BOB, 2);
    let (welcome, tree) = invite(&mut server, &mut alice, &mut bob);
    commit(&mut server, &mut alice, &mut [], &Intent::Refresh);
    for wrong in [old_tree, server.tree()] {
        let refused = bob.step(|device| device.join(&welcome, &wrong, NOW));
        assert!(matches!(refused, Err(MlsError::Refused(_))), "{refused:?}");
    }
    bob.step(|device| device.join(&welcome, &tree, NOW)).unwrap();
}

#[test]
fn a_welcome_for_a_key_package_that_is_not_there_is_told_apart() {
    let world = World::new(54);
    let (mut alice, mut server) = alone(&world);
    let mut bob = world.node(BOB, 2);
    let (welcome, tree) = invite(&mut server, &mut alice, &mut bob);
    bob.database.clear();
    assert!(matches!(bob.step(|device| device.join(&welcome, &tree, NOW)), Err(MlsError::NoKeyPackage)));
}

#[test]
fn a_second_welcome_into_a_group_is_refused() {
    let world = World::new(55);
    let (mut alice, mut server) = alone(&world);
    let mut bob = world.node(BOB, 2);
    let (welcome, tree) = invite(&mut server, &mut alice, &mut bob);
    let keys = bob.database.clone();
    bob.step(|device| device.join(&welcome, &tree, NOW)).unwrap();
    bob.database.extend(keys);
    let refused = bob.step(|device| device.join(&welcome, &tree, NOW));
    assert!(matches!(refused, Err(MlsError::Refused(Refusal::AlreadyMember))));
}

#[test]
fn a_damaged_welcome_is_refused_and_the_genuine_one_still_works() {
    let world = World::new(56);
    let (mut alice, mut server) = alone(&world);
    let mut bob = world.node(BOB, 2);
    let (welcome, tree) = invite(&mut server, &mut alice, &mut bob);
    for at in (40..welcome.len()).step_by(97) {
        let mut damaged = welcome.clone();
        damaged[at] ^= 1;
        assert!(bob.step(|device| device.join(&damaged, &tree, NOW)).is_err(), "at {at}");
    }
    bob.step(|device| device.join(&welcome, &tree, NOW)).unwrap();
}

#[test]
fn r3_joining_waits_for_all_missing_lists_at_once() {
    let world = World::new(57);
    let (mut alice, mut bob, mut server) = world.pair();
    let mut phone = world.node(ALICE, 3);
    for node in [&mut alice, &mut bob] {
        node.credential.list = head(9);
        node.device.set_credential(node.credential).unwrap();
    }
    commit(&mut server, &mut alice, &mut [&mut bob], &Intent::Refresh);
    commit(&mut server, &mut bob, &mut [&mut alice], &Intent::Refresh);
    let (welcome, tree) = invite(&mut server, &mut alice, &mut phone);
    for account in [ALICE, BOB] {
        world.lists.know(account, 8);
    }
    match phone.step(|device| device.join(&welcome, &tree, NOW)) {
        Err(MlsError::MissingLists(missing)) => {
            assert!(missing.contains(&(ALICE, head(9))) && missing.contains(&(BOB, head(9))), "{missing:?}");
        }
        other => panic!("{other:?}"),
    }
    for account in [ALICE, BOB] {
        world.lists.know(account, 9);
    }
    phone.step(|device| device.join(&welcome, &tree, NOW)).unwrap();
}

#[test]
fn one_expired_leaf_does_not_keep_a_newcomer_out() {
    let world = World::new(58);
    let (mut alice, _bob, mut server) = world.pair();
    let mut phone = world.node(ALICE, 3);
    let later = NOW.after(hushwire_mls::KEY_PACKAGE_LIFETIME).after(std::time::Duration::from_secs(1));
    let key_package = phone.step(|device| device.key_package(KeyPackageKind::Pooled, later)).unwrap().bytes;
    let mut addition = phone.addition();
    addition.key_package = key_package;
    let intent = Intent::Change(Change { add: vec![addition], ..Change::default() });
    let staged = alice.step(|device| device.stage_commit(&GROUP, &intent, later)).unwrap();
    let sent = hushwire_group_policy::Published {
        commit: &staged.bytes,
        group_info: &staged.group_info,
        welcome: staged.welcome.as_deref(),
    };
    let by = (alice.credential.account, alice.credential.device);
    server.observer = server.observer.check_commit(sent, by, later).unwrap().next;
    let (welcome, tree) = (staged.welcome.unwrap(), server.tree());
    phone.step(|device| device.join(&welcome, &tree, later)).unwrap();
}

#[test]
fn a_group_of_a_third_persons_leaf_cannot_be_made_or_entered() {
    let world = World::new(59);
    let (mut alice, mut server) = alone(&world);
    let mallory = hushwire_types::AccountId::new([5; 32]);
    world.lists.know(mallory, 9);
    let mut stranger = world.node(mallory, 5);
    let intent = Intent::Change(Change { add: vec![stranger.addition()], ..Change::default() });
    let refused = alice.step(|device| device.stage_commit(&GROUP, &intent, NOW));
    assert!(matches!(refused, Err(MlsError::Refused(Refusal::Policy(_)))), "{refused:?}");
    let mut bob = world.node(BOB, 2);
    add(&mut server, &mut alice, &mut [], &mut bob);
}

#[test]
fn a_clock_that_lags_an_hour_takes_no_new_leaf_for_one_of_the_future() {
    let world = World::new(60);
    let (mut alice, _) = alone(&world);
    let mut bob = world.node(BOB, 2);
    let intent = Intent::Change(Change { add: vec![bob.addition()], ..Change::default() });
    let an_hour_ago = NOW.before(std::time::Duration::from_secs(60 * 60));
    alice.step(|device| device.stage_commit(&GROUP, &intent, an_hour_ago)).unwrap();
}
