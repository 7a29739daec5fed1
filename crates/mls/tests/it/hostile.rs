//! A hostile member: what the server refuses, what only members can refuse, and that nobody is stuck afterwards.

use hushwire_group_policy::GroupExtension;
use hushwire_mls::hostile::{Fault, Forged, HostileDevice, HostileMember};
use hushwire_mls::{Addition, Change, Intent, Lost, MlsError};
use hushwire_types::{Epoch, Generation};

use crate::support::{ALICE, BOB, NOW, Node, Server, World, commit, talk};

/// Alice in a group with a device of bob's that keeps no rule.
pub(crate) fn with_hostile_bob(world: &World) -> (Node, HostileMember, Server) {
    let mut alice = world.node(ALICE, 1);
    let keys = world.keys(BOB, 2);
    world.list(&keys);
    let mut server = Server::start(world, &mut alice);
    let hostile = HostileDevice::new(&keys, &world.suite).unwrap();
    let key_package = hostile.key_package(NOW).unwrap();
    let addition = Addition { account: BOB, device: keys.credential.device, key_package };
    let intent = Intent::Change(Change { add: vec![addition], ..Change::default() });
    let staged = commit(&mut server, &mut alice, &mut [], &intent);
    let member = hostile.join(&staged.welcome.unwrap(), &server.tree(), NOW).unwrap();
    (alice, member, server)
}

/// The server refuses it and a client that gets it all the same drops it.
fn refused_by_both(alice: &mut Node, server: &mut Server, world: &World, forged: &Forged) {
    let sender = world.keys(BOB, 2).credential;
    let accepted = server.accept(&sender, &forged.commit, &forged.group_info, forged.welcome.as_deref());
    assert!(accepted.is_err());
    let taken = alice.process(&forged.commit);
    assert!(
        matches!(taken, Err(MlsError::Refused(_) | MlsError::MustRejoin(Lost::Forbidden(_)))),
        "{taken:?}"
    );
}

/// The group still works for alice.
fn still_works(alice: &mut Node, member: &mut HostileMember, server: &mut Server) {
    let staged = commit(server, alice, &mut [], &Intent::Refresh);
    member.process(&staged.bytes).unwrap();
    let message = member.encrypt(b"hello").unwrap();
    assert_eq!(alice.read(&message).unwrap().0, "hello");
}

#[test]
fn r9_commits_inside_private_messages_are_refused() {
    let world = World::new(90);
    let (mut alice, mut member, mut server) = with_hostile_bob(&world);
    let forged = member.private_commit().unwrap();
    refused_by_both(&mut alice, &mut server, &world, &forged);
    still_works(&mut alice, &mut member, &mut server);
}

#[test]
fn r9_psk_and_reinit_proposals_are_refused() {
    let world = World::new(91);
    let (mut alice, mut member, mut server) = with_hostile_bob(&world);
    for forged in [member.psk_commit().unwrap(), member.reinit_commit().unwrap()] {
        refused_by_both(&mut alice, &mut server, &world, &forged);
    }
    still_works(&mut alice, &mut member, &mut server);
}

#[test]
fn r9_lone_proposals_and_proposals_by_reference_are_refused() {
    let world = World::new(92);
    let (mut alice, mut member, mut server) = with_hostile_bob(&world);
    let (proposal, forged) = member.commit_by_reference(0).unwrap();
    assert!(matches!(alice.process(&proposal), Err(MlsError::Refused(_))));
    refused_by_both(&mut alice, &mut server, &world, &forged);
    still_works(&mut alice, &mut member, &mut server);
}

/// What the server cannot see: it accepts, the epoch is spent, and alice comes back by an external Commit (rule R1).
fn accepted_and_healed(seed: u64, fault: Fault) {
    let world = World::new(seed);
    let (mut alice, mut member, mut server) = with_hostile_bob(&world);
    let forged = member.faulty_commit(fault).unwrap();
    server.accept(&world.keys(BOB, 2).credential, &forged.commit, &forged.group_info, None).unwrap();
    let taken = alice.process(&forged.commit);
    assert!(matches!(taken, Err(MlsError::MustRejoin(Lost::Broken))), "{taken:?}");
    assert_eq!(alice.epoch(), 1, "the group is as it was");

    let (info, tree) = (server.group_info.clone(), server.tree());
    let staged = alice.step(|device| device.stage_rejoin(&info, &tree, Epoch(2))).unwrap();
    server.accept(&alice.credential, &staged.bytes, &staged.group_info, None).unwrap();
    alice.apply(&staged.secrets);
    let mut bob = world.node(BOB, 2);
    let (info, tree) = (server.group_info.clone(), server.tree());
    let staged = bob.step(|device| device.stage_rejoin(&info, &tree, Epoch(3))).unwrap();
    server.accept(&bob.credential, &staged.bytes, &staged.group_info, None).unwrap();
    bob.apply(&staged.secrets);
    alice.follow(&staged.bytes);
    talk(&mut [&mut alice, &mut bob]);
}

#[test]
fn r1_a_bad_confirmation_tag_is_healed_by_rejoining() {
    accepted_and_healed(93, Fault::ConfirmationTag);
}

#[test]
fn r1_bad_path_secrets_are_healed_by_rejoining() {
    accepted_and_healed(94, Fault::PathSecrets);
}

#[test]
fn r3_foreign_credentials_are_refused() {
    let world = World::new(95);
    let (mut alice, mut member, mut server) = with_hostile_bob(&world);
    let mallory = hushwire_types::AccountId::new([5; 32]);
    world.lists.know(mallory, 9);
    let stranger = world.keys(mallory, 5);
    world.list(&stranger);
    let unlisted = world.keys(ALICE, 6);
    let mut wrong_key = world.keys(ALICE, 7);
    world.list(&wrong_key);
    wrong_key.mls_key = hushwire_types::Secret::new([70; 32]);
    for keys in [stranger, unlisted, wrong_key] {
        let key_package = HostileDevice::new(&keys, &world.suite).unwrap().key_package(NOW).unwrap();
        let forged = member.commit_adding(&key_package).unwrap();
        refused_by_both(&mut alice, &mut server, &world, &forged);
    }
    still_works(&mut alice, &mut member, &mut server);
}

#[test]
fn an_account_cannot_be_put_out_of_a_direct_conversation() {
    let world = World::new(96);
    let (mut alice, mut member, mut server) = with_hostile_bob(&world);
    let forged = member.commit_removing(0).unwrap();
    refused_by_both(&mut alice, &mut server, &world, &forged);
    still_works(&mut alice, &mut member, &mut server);
}

#[test]
fn the_extension_cannot_be_changed() {
    let world = World::new(97);
    let (mut alice, mut member, mut server) = with_hostile_bob(&world);
    let forged = member.commit_setting(&GroupExtension::direct(ALICE, BOB, Generation(2))).unwrap();
    refused_by_both(&mut alice, &mut server, &world, &forged);
    still_works(&mut alice, &mut member, &mut server);
}

#[test]
fn r7_an_external_commit_without_its_remove_or_with_anothers_is_refused() {
    let world = World::new(98);
    let (mut alice, mut member, mut server) = with_hostile_bob(&world);
    let (info, tree) = (server.group_info.clone(), server.tree());
    // Its own key stands in the tree already, and mls-rs makes no second leaf with it.
    let mut keys = world.keys(BOB, 2);
    keys.mls_key = hushwire_types::Secret::new([20; 32]);
    let again = HostileDevice::new(&keys, &world.suite).unwrap();
    for leaf in [None, Some(0)] {
        let forged = again.external_commit(&info, &tree, leaf).unwrap();
        refused_by_both(&mut alice, &mut server, &world, &forged);
    }
    still_works(&mut alice, &mut member, &mut server);
}

#[test]
fn a_forged_group_info_is_noticed_by_the_members() {
    let world = World::new(99);
    let (mut alice, mut member, mut server) = with_hostile_bob(&world);
    let first = member.commit_removing(member.leaf());
    assert!(first.is_err(), "nobody can remove itself");
    let one = member.faulty_commit(Fault::None).unwrap();
    let two = member.faulty_commit(Fault::None).unwrap();
    server.accept(&world.keys(BOB, 2).credential, &one.commit, &one.group_info, None).unwrap();
    alice.follow(&one.commit);
    let mut check = |info: &[u8]| alice.step(|device| device.check_group_info(&crate::support::GROUP, info));
    assert_eq!(check(&one.group_info).unwrap(), hushwire_mls::GroupInfoCheck::Holds);
    assert_eq!(check(&two.group_info).unwrap(), hushwire_mls::GroupInfoCheck::Broken);
}

#[test]
fn a_commit_without_a_path_leaves_nobody_behind() {
    let world = World::new(100);
    let (mut alice, mut member, mut server) = with_hostile_bob(&world);
    let mut phone = world.node(ALICE, 3);
    let forged = member.pathless_commit_adding(&phone.addition().key_package).unwrap();
    let sender = world.keys(BOB, 2).credential;
    server.accept(&sender, &forged.commit, &forged.group_info, forged.welcome.as_deref()).unwrap();
    let change = alice.follow(&forged.commit);
    assert_eq!((change.committer, change.added), (sender, vec![phone.credential]));
    let (welcome, tree) = (forged.welcome.unwrap(), server.tree());
    phone.step(|device| device.join(&welcome, &tree, NOW)).unwrap();
    talk(&mut [&mut alice, &mut phone]);
}
