//! Coming back by an external Commit (rule R7).

use hushwire_mls::{Intent, LeafKeys, MlsError, Origin, Refusal, StagedRejoin};
use hushwire_types::Epoch;

use crate::support::{ALICE, BOB, GROUP, NOW, Node, Server, World, commit, talk};

fn stage(node: &mut Node, server: &Server, at_least: u64) -> Result<StagedRejoin, MlsError> {
    let (info, tree) = (server.group_info.clone(), server.tree());
    node.step(|device| device.stage_rejoin(&info, &tree, Epoch(at_least)))
}

fn accept(server: &mut Server, node: &Node, staged: &StagedRejoin) {
    server.accept(&node.credential, &staged.bytes, &staged.group_info, None).unwrap();
}

#[test]
fn a_device_that_lost_its_state_comes_back_in_its_own_place() {
    let (mut alice, mut bob, mut server) = World::new(70).pair();
    bob.database.clear();
    let staged = stage(&mut bob, &server, 1).unwrap();
    assert!(bob.database.is_empty(), "nothing counts before it is accepted");
    assert_eq!((staged.group_id, staged.epoch), (GROUP, Epoch(1)));
    accept(&mut server, &bob, &staged);
    let change = bob.apply(&staged.secrets);
    let seen = alice.follow(&staged.bytes);
    assert_eq!(
        (seen.origin, seen.committer, seen.removed.clone()),
        (Origin::External, bob.credential, vec![bob.credential])
    );
    assert_eq!(change, seen);
    let view = bob.step(|device| device.view(&GROUP)).unwrap();
    assert_eq!((view.members.len(), view.leaf), (2, LeafKeys::Commit { since: NOW }));
    talk(&mut [&mut alice, &mut bob]);
    commit(&mut server, &mut bob, &mut [&mut alice], &Intent::Refresh);
    talk(&mut [&mut alice, &mut bob]);
}

#[test]
fn a_rejoin_leaves_the_old_state_alone_until_it_is_accepted() {
    let (mut alice, mut bob, mut server) = World::new(71).pair();
    let staged = stage(&mut bob, &server, 1).unwrap();
    talk(&mut [&mut alice, &mut bob]);
    accept(&mut server, &bob, &staged);
    bob.apply(&staged.secrets);
    alice.follow(&staged.bytes);
    assert!(bob.epoch_rows().is_empty(), "older epochs of the old leaf are gone");
    talk(&mut [&mut alice, &mut bob]);
}

#[test]
fn a_lost_rejoin_race_is_tried_again() {
    let (mut alice, mut bob, mut server) = World::new(72).pair();
    let lost = stage(&mut bob, &server, 1).unwrap();
    commit(&mut server, &mut alice, &mut [&mut bob], &Intent::Refresh);
    commit(&mut server, &mut alice, &mut [&mut bob], &Intent::Refresh);
    let late = bob.step(|device| device.apply_own_commit(&GROUP, &lost.secrets, NOW));
    assert!(matches!(late, Err(MlsError::PastEpoch { epoch: Epoch(1) })));
    let staged = stage(&mut bob, &server, 1).unwrap();
    accept(&mut server, &bob, &staged);
    bob.apply(&staged.secrets);
    alice.follow(&staged.bytes);
    talk(&mut [&mut alice, &mut bob]);
}

#[test]
fn r7_an_epoch_below_a_known_one_is_refused() {
    let world = World::new(73);
    let (mut alice, mut bob, mut server) = world.pair();
    let old = Server { observer: server.observer.clone(), group_info: server.group_info.clone() };
    commit(&mut server, &mut alice, &mut [&mut bob], &Intent::Refresh);
    assert!(
        matches!(stage(&mut bob, &old, 0), Err(MlsError::Refused(Refusal::Rollback))),
        "its own state knows"
    );
    bob.database.clear();
    assert!(
        matches!(stage(&mut bob, &old, 2), Err(MlsError::Refused(Refusal::Rollback))),
        "the caller knows"
    );
    stage(&mut bob, &server, 2).unwrap();
}

#[test]
fn a_group_info_that_is_forged_or_of_another_tree_is_refused() {
    let (mut alice, mut bob, mut server) = World::new(74).pair();
    let old_tree = server.tree();
    commit(&mut server, &mut alice, &mut [&mut bob], &Intent::Refresh);
    let info = server.group_info.clone();
    let refused = bob.step(|device| device.stage_rejoin(&info, &old_tree, Epoch(0)));
    assert!(matches!(refused, Err(MlsError::Refused(_))), "{refused:?}");
    server.group_info[60] ^= 1;
    assert!(matches!(stage(&mut bob, &server, 0), Err(MlsError::Refused(_))));
}

#[test]
fn a_device_that_was_added_but_never_got_its_welcome_comes_in() {
    let world = World::new(75);
    let (mut alice, mut bob, mut server) = world.pair();
    let mut phone = world.node(ALICE, 3);
    let add = vec![phone.addition()];
    let intent = Intent::Change(hushwire_mls::Change { add, ..Default::default() });
    commit(&mut server, &mut alice, &mut [&mut bob], &intent);
    let staged = stage(&mut phone, &server, 0).unwrap();
    accept(&mut server, &phone, &staged);
    phone.apply(&staged.secrets);
    for node in [&mut alice, &mut bob] {
        node.follow(&staged.bytes);
    }
    talk(&mut [&mut alice, &mut bob, &mut phone]);
}

#[test]
fn r7_a_new_device_of_a_member_account_enters_without_a_remove() {
    let world = World::new(76);
    let (mut alice, mut bob, mut server) = world.pair();
    let mut phone = world.node(ALICE, 3);
    let staged = stage(&mut phone, &server, 0).unwrap();
    accept(&mut server, &phone, &staged);
    assert!(phone.apply(&staged.secrets).removed.is_empty());
    for node in [&mut alice, &mut bob] {
        node.follow(&staged.bytes);
    }
    talk(&mut [&mut alice, &mut bob, &mut phone]);
}

#[test]
fn r7_an_account_that_is_not_in_the_tree_cannot_enter() {
    let world = World::new(77);
    let mut alice = world.node(ALICE, 1);
    let server = Server::start(&world, &mut alice);
    let mut bob = world.node(BOB, 2);
    assert!(matches!(stage(&mut bob, &server, 0), Err(MlsError::Refused(Refusal::Policy(_)))));
}

#[test]
fn a_rejoin_into_another_group_is_misuse() {
    let (_, mut bob, server) = World::new(78).pair();
    let staged = stage(&mut bob, &server, 1).unwrap();
    let other = hushwire_types::GroupId::new([8; 32]);
    let refused = bob.step(|device| device.apply_own_commit(&other, &staged.secrets, NOW));
    assert!(matches!(refused, Err(MlsError::Misuse(_))));
}
