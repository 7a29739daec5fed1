//! Commits: staged, lost, applied, across crashes; additions that are checked.

use hushwire_mls::{
    Addition, Change, GroupInfoCheck, Intent, KeyPackageKind, LeafKeys, Lost, Membership, MlsError, Origin,
    Refusal, RowKey,
};
use hushwire_types::{Epoch, SecretBytes};
use mls_rs_codec::{MlsDecode, MlsEncode, VarInt};

use crate::support::{ALICE, BOB, GROUP, NOW, World, add, commit, head, talk};

#[test]
fn a_commit_survives_a_crash_between_staging_and_applying() {
    let (mut alice, mut bob, mut server) = World::new(30).pair();
    let staged = alice.stage(&Intent::Refresh);
    assert!(alice.written.is_empty(), "the group itself is untouched");
    talk(&mut [&mut alice, &mut bob]);
    server.accept_staged(&alice, &staged);
    let change = alice.apply(&staged.secrets);
    assert_eq!((change.epoch, change.origin), (Epoch(2), Origin::Member));
    assert_eq!(change.transcript_hash, bob.follow(&staged.bytes).transcript_hash);
    talk(&mut [&mut alice, &mut bob]);
}

#[test]
fn a_lost_race_costs_nothing() {
    let (mut alice, mut bob, mut server) = World::new(31).pair();
    let lost = alice.stage(&Intent::Refresh);
    let won = commit(&mut server, &mut bob, &mut [&mut alice], &Intent::Refresh);
    assert_ne!(lost.hash, won.hash);
    let late = alice.step(|device| device.apply_own_commit(&GROUP, &lost.secrets, NOW));
    assert!(matches!(late, Err(MlsError::PastEpoch { epoch: Epoch(1) })));
    assert!(matches!(alice.process(&lost.bytes), Err(MlsError::PastEpoch { .. })));
    commit(&mut server, &mut alice, &mut [&mut bob], &Intent::Refresh);
    talk(&mut [&mut alice, &mut bob]);
}

#[test]
fn an_own_commit_that_is_not_known_by_its_hash_is_named_as_such() {
    let (mut alice, mut bob, mut server) = World::new(48).pair();
    let staged = alice.stage(&Intent::Refresh);
    assert!(matches!(alice.process(&staged.bytes), Err(MlsError::Own)));
    server.accept_staged(&alice, &staged);
    alice.apply(&staged.secrets);
    bob.follow(&staged.bytes);
    talk(&mut [&mut alice, &mut bob]);
}

#[test]
fn the_secrets_of_a_commit_are_applied_only_once() {
    let (mut alice, _, mut server) = World::new(32).pair();
    let staged = commit(&mut server, &mut alice, &mut [], &Intent::Refresh);
    let again = alice.step(|device| device.apply_own_commit(&GROUP, &staged.secrets, NOW));
    assert!(matches!(again, Err(MlsError::PastEpoch { .. })));
}

#[test]
fn a_refresh_gives_the_leaf_keys_of_its_own_and_the_newest_credential() {
    let (mut alice, mut bob, mut server) = World::new(33).pair();
    let view = bob.step(|device| device.view(&GROUP)).unwrap();
    assert_eq!(view.leaf, LeafKeys::KeyPackage { since: NOW });
    bob.credential.list = head(4);
    bob.device.set_credential(bob.credential).unwrap();
    commit(&mut server, &mut bob, &mut [&mut alice], &Intent::Refresh);
    let view = bob.step(|device| device.view(&GROUP)).unwrap();
    assert_eq!((view.leaf, view.own), (LeafKeys::Commit { since: NOW }, bob.credential));
    let seen = alice.step(|device| device.view(&GROUP)).unwrap();
    assert!(seen.members.contains(&bob.credential));
}

#[test]
fn another_devices_credential_is_misuse() {
    let world = World::new(34);
    let (mut alice, bob) = (world.node(ALICE, 1), world.node(BOB, 2));
    assert!(matches!(alice.device.set_credential(bob.credential), Err(MlsError::Misuse(_))));
}

#[test]
fn a_removed_device_is_told_and_does_nothing_more() {
    let (mut alice, mut bob, mut phone, mut server) = World::new(35).trio();
    let remove = vec![phone.credential.device];
    let intent = Intent::Change(Change { remove, ..Change::default() });
    let staged = commit(&mut server, &mut bob, &mut [&mut alice], &intent);
    let change = phone.follow(&staged.bytes);
    assert_eq!((change.membership, change.committer.device), (Membership::Removed, bob.credential.device));
    assert_eq!(change.removed, [phone.credential]);
    assert!(phone.step(|device| device.view(&GROUP)).unwrap().removed);
    assert!(matches!(phone.step(|device| device.encrypt(&GROUP, b"x")), Err(MlsError::UnknownGroup(_))));
    let message = alice.encrypt("without you");
    assert!(matches!(phone.process(&message), Err(MlsError::UnknownGroup(_))));
    phone.step(|device| device.delete(&GROUP)).unwrap();
    assert!(phone.database.keys().all(|key| key.group_id().is_none()));
    talk(&mut [&mut alice, &mut bob]);
}

#[test]
fn a_device_that_was_removed_and_deleted_the_group_is_added_again() {
    let (mut alice, mut bob, mut phone, mut server) = World::new(36).trio();
    let remove = vec![phone.credential.device];
    let intent = Intent::Change(Change { remove, ..Change::default() });
    let staged = commit(&mut server, &mut alice, &mut [&mut bob], &intent);
    phone.follow(&staged.bytes);
    phone.step(|device| device.delete(&GROUP)).unwrap();
    add(&mut server, &mut bob, &mut [&mut alice], &mut phone);
    talk(&mut [&mut alice, &mut bob, &mut phone]);
}

#[test]
fn a_key_package_of_somebody_else_is_refused() {
    let world = World::new(37);
    let (mut alice, mut bob, _) = world.pair();
    let mut phone = world.node(ALICE, 3);
    let wanted = phone.credential;
    let stolen = bob.key_package(KeyPackageKind::Pooled);
    let swapped = Addition { account: wanted.account, device: wanted.device, key_package: stolen };
    let mut cut = phone.addition();
    cut.key_package.pop();
    for addition in [swapped, cut] {
        let intent = Intent::Change(Change { add: vec![addition], ..Change::default() });
        let refused = alice.step(|device| device.stage_commit(&GROUP, &intent, NOW));
        assert!(
            matches!(refused, Err(MlsError::Refused(Refusal::KeyPackage | Refusal::Malformed))),
            "{refused:?}"
        );
    }
}

#[test]
fn r3_a_key_package_of_a_device_that_is_not_active_is_refused() {
    let world = World::new(38);
    let (mut alice, _, _) = world.pair();
    let mut phone = world.node(ALICE, 3);
    let addition = phone.addition();
    world.lists.revoke(ALICE, phone.credential.device, 1);
    let intent = Intent::Change(Change { add: vec![addition], ..Change::default() });
    let refused = alice.step(|device| device.stage_commit(&GROUP, &intent, NOW));
    assert!(matches!(refused, Err(MlsError::Refused(Refusal::Policy(_)))), "{refused:?}");
}

#[test]
fn r3_a_key_package_with_another_key_than_the_lists_is_refused() {
    let world = World::new(39);
    let (mut alice, _, _) = world.pair();
    let mut keys = world.keys(ALICE, 3);
    world.list(&keys);
    keys.mls_key = hushwire_types::Secret::new([77; 32]);
    let mut impostor = world.node_of(keys);
    let intent = Intent::Change(Change { add: vec![impostor.addition()], ..Change::default() });
    let refused = alice.step(|device| device.stage_commit(&GROUP, &intent, NOW));
    assert!(matches!(refused, Err(MlsError::Refused(Refusal::Policy(_)))), "{refused:?}");
}

#[test]
fn an_expired_key_package_is_refused() {
    let world = World::new(40);
    let (mut alice, _, _) = world.pair();
    let mut phone = world.node(ALICE, 3);
    let intent = Intent::Change(Change { add: vec![phone.addition()], ..Change::default() });
    let later = NOW.after(hushwire_mls::KEY_PACKAGE_LIFETIME).after(std::time::Duration::from_secs(1));
    let refused = alice.step(|device| device.stage_commit(&GROUP, &intent, later));
    assert!(matches!(refused, Err(MlsError::Refused(Refusal::KeyPackage))), "{refused:?}");
}

#[test]
fn r3_a_commit_waits_for_missing_lists_and_is_taken_when_they_come() {
    let world = World::new(41);
    let (mut alice, mut bob, mut server) = world.pair();
    alice.credential.list = head(9);
    alice.device.set_credential(alice.credential).unwrap();
    let staged = commit(&mut server, &mut alice, &mut [], &Intent::Refresh);
    world.lists.know(ALICE, 8);
    match bob.process(&staged.bytes) {
        Err(MlsError::MissingLists(missing)) => assert_eq!(missing, [(ALICE, head(9))]),
        other => panic!("{other:?}"),
    }
    world.lists.know(ALICE, 9);
    bob.follow(&staged.bytes);
    talk(&mut [&mut alice, &mut bob]);
}

#[test]
fn r3_whether_a_commit_is_valid_does_not_depend_on_when_it_is_read() {
    let world = World::new(42);
    let (mut alice, mut bob, mut server) = world.pair();
    let mut phone = world.node(ALICE, 3);
    let intent = Intent::Change(Change { add: vec![phone.addition()], ..Change::default() });
    let staged = commit(&mut server, &mut alice, &mut [], &intent);
    world.lists.revoke(ALICE, phone.credential.device, 5);
    let a_year_later = NOW.after(std::time::Duration::from_secs(365 * 24 * 60 * 60));
    bob.step(|device| device.process(&GROUP, &staged.bytes, a_year_later)).unwrap();
}

#[test]
fn r3_floors_only_rise() {
    let (mut alice, mut bob, mut server) = World::new(43).pair();
    let raise =
        |number| Intent::Change(Change { floors: [(ALICE, head(number))].into(), ..Change::default() });
    alice.credential.list = head(5);
    alice.device.set_credential(alice.credential).unwrap();
    commit(&mut server, &mut alice, &mut [&mut bob], &raise(5));
    commit(&mut server, &mut alice, &mut [&mut bob], &raise(3));
    let view = bob.step(|device| device.view(&GROUP)).unwrap();
    assert_eq!(view.extension.floors.get(&ALICE), Some(&head(5)));
}

#[test]
fn removing_a_device_without_a_leaf_is_misuse() {
    let (mut alice, _, _) = World::new(44).pair();
    let remove = vec![hushwire_types::DeviceId::new([99; 16])];
    let intent = Intent::Change(Change { remove, ..Change::default() });
    assert!(matches!(
        alice.step(|device| device.stage_commit(&GROUP, &intent, NOW)),
        Err(MlsError::Misuse(_))
    ));
}

#[test]
fn r7_the_published_group_info_is_checked_against_ones_own() {
    let (mut alice, mut bob, mut server) = World::new(45).pair();
    let old = server.group_info.clone();
    let staged = commit(&mut server, &mut alice, &mut [&mut bob], &Intent::Refresh);
    let mut check = |info: &[u8]| bob.step(|device| device.check_group_info(&GROUP, info));
    assert_eq!(check(&staged.group_info).unwrap(), GroupInfoCheck::Holds);
    assert_eq!(check(&old).unwrap(), GroupInfoCheck::OtherEpoch(Epoch(1)));
    let mut forged = staged.group_info.clone();
    *forged.last_mut().unwrap() ^= 1;
    assert_eq!(check(&forged).unwrap(), GroupInfoCheck::Broken);
    assert!(matches!(check(b"nothing"), Err(MlsError::Refused(_))));
}

#[test]
fn a_commit_that_cannot_be_authenticated_means_rejoining_and_harms_nothing() {
    let (mut alice, mut bob, mut server) = World::new(46).pair();
    let staged = commit(&mut server, &mut alice, &mut [], &Intent::Refresh);
    let mut damaged = staged.bytes.clone();
    *damaged.last_mut().unwrap() ^= 1;
    assert!(matches!(bob.process(&damaged), Err(MlsError::MustRejoin(Lost::Broken))));
    bob.follow(&staged.bytes);
    talk(&mut [&mut alice, &mut bob]);
}

#[test]
fn the_tree_is_written_only_when_the_epoch_changes() {
    let (mut alice, mut bob, mut server) = World::new(47).pair();
    let message = alice.encrypt("hello");
    assert_eq!(alice.written, [RowKey::Group(GROUP)]);
    bob.read(&message).unwrap();
    assert_eq!(bob.written, [RowKey::Group(GROUP)]);
    commit(&mut server, &mut alice, &mut [&mut bob], &Intent::Refresh);
    assert!(
        bob.written.contains(&RowKey::Tree(GROUP)) && bob.written.contains(&RowKey::Epoch(GROUP, Epoch(1)))
    );
}

/// A row of a Commit under way as it was written before secrets were made thin: with all that stands in `tree`.
fn as_it_was(thin: &SecretBytes, tree: &[u8]) -> SecretBytes {
    let mut rest = thin.expose();
    let mut whole = rest[..2].to_vec();
    assert_eq!(rest[2], 3, "a thin Commit");
    whole.push(1);
    rest = &rest[3..];
    u64::mls_decode(&mut rest).unwrap().mls_encode(&mut whole).unwrap();
    mls_rs_codec::byte_vec::mls_decode::<Vec<u8>>(&mut rest)
        .and_then(|hash| mls_rs_codec::byte_vec::mls_encode(&hash, &mut whole))
        .unwrap();
    let length = u32::from(VarInt::mls_decode(&mut rest).unwrap()) as usize;
    assert_eq!(rest.len(), length);
    let mut secrets: Vec<u8> = Vec::new();
    while let Some((&kind, behind)) = rest.split_first() {
        rest = behind;
        if kind == 2 {
            secrets.extend(mls_rs_codec::byte_vec::mls_decode::<Vec<u8>>(&mut rest).unwrap());
        } else {
            let at = u32::mls_decode(&mut rest).unwrap() as usize;
            let length = u32::mls_decode(&mut rest).unwrap() as usize;
            secrets.extend_from_slice(&tree[at..at + length]);
        }
    }
    mls_rs_codec::byte_vec::mls_encode(&secrets, &mut whole).unwrap();
    SecretBytes::new(whole)
}

#[test]
fn a_commit_that_was_under_way_before_secrets_were_thin_is_applied() {
    let (mut alice, mut bob, mut server) = World::new(61).pair();
    let before = server.tree();
    let staged = alice.stage(&Intent::Refresh);
    server.accept_staged(&alice, &staged);
    let change = alice.apply(&as_it_was(&staged.secrets, &before));
    assert_eq!(change.transcript_hash, bob.follow(&staged.bytes).transcript_hash);
    talk(&mut [&mut alice, &mut bob]);
}

#[test]
fn a_commit_under_way_keeps_no_second_tree() {
    let (mut alice, mut bob, mut carol, mut server) = World::new(62).trio();
    let before = server.tree();
    let staged = alice.stage(&Intent::Refresh);
    let whole = as_it_was(&staged.secrets, &before);
    assert!(
        staged.secrets.expose().len() + before.len() / 3 < whole.expose().len(),
        "{} bytes of {} are kept, beside a tree of {}",
        staged.secrets.expose().len(),
        whole.expose().len(),
        before.len()
    );
    server.accept_staged(&alice, &staged);
    alice.apply(&staged.secrets);
    bob.follow(&staged.bytes);
    carol.follow(&staged.bytes);
    talk(&mut [&mut alice, &mut bob, &mut carol]);
}
