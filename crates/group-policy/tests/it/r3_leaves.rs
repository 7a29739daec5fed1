//! Rule R3: which list a leaf is judged by, and floors.

use hushwire_group_policy::{CREDENTIAL_TYPE, GroupExtension, PolicyError, Refusal};
use hushwire_identity::{LeafCredential, ListHead};
use hushwire_types::{EntryHash, Generation, ListNumber, OsEntropy, Secret, rng};
use mls_rs::error::MlsError;
use mls_rs::group::CommitOutput;
use mls_rs::identity::basic::BasicCredential;
use mls_rs::identity::{Credential, CustomCredential, SigningIdentity};

use crate::direct::change_extensions;
use crate::world::{Device, Group, Morals, Pair, World, account, add, follow, mls_now, receive, refusal};

#[test]
fn r3_a_leaf_of_a_device_that_its_list_does_not_have_active_is_refused() {
    let mut pair = Pair::with(Morals::Lawless);
    let b2 = pair.world.device(account(2));
    let list = pair.world.book.revoke(account(2), b2.credential.device);
    let revoked = with_credential(&pair, LeafCredential { list, ..b2.credential });
    let output = add(&mut pair.group_a, &[&revoked]);
    assert_eq!(pair.refused(&output), Refusal::NotActive(account(2), b2.credential.device));
}

#[test]
fn r3_a_leaf_with_another_key_than_its_list_entry_is_refused() {
    let mut pair = Pair::with(Morals::Lawless);
    let b2 = pair.world.device(account(2));
    let ghost = with_credential(&pair, b2.credential);
    let output = add(&mut pair.group_a, &[&ghost]);
    assert_eq!(pair.refused(&output), Refusal::WrongKey(account(2), b2.credential.device));
}

#[test]
fn r3_a_leaf_with_a_basic_credential_is_refused() {
    let mut pair = Pair::with(Morals::Lawless);
    let credential = BasicCredential::new(pair.b.credential.encode()).into_credential();
    let identity = SigningIdentity::new(credential, pair.b.identity.signature_key.clone());
    assert_eq!(pair.a.lists.judge(&identity), Err(Refusal::CredentialMalformed.into()));
    // Nobody supports the credential type, so mls-rs makes no such leaf; a custom one of another content it does.
    let credential = CustomCredential::new(CREDENTIAL_TYPE, vec![1, 2, 3]);
    let identity =
        SigningIdentity::new(Credential::Custom(credential), pair.a.identity.signature_key.clone());
    let builder = pair.group_a.commit_builder().commit_time(mls_now().unwrap());
    let output = builder.set_new_signing_identity(pair.a.secret.clone(), identity).build().unwrap();
    assert_eq!(pair.refused(&output), Refusal::CredentialMalformed);
}

#[test]
fn r3_a_committer_keeps_its_account_and_device() {
    let mut pair = Pair::with(Morals::Lawless);
    let other = pair.world.device(account(1));
    let output = commit_as(&mut pair.group_a, &other);
    let error = pair.group_b.process_incoming_message(output.commit_message.clone()).unwrap_err();
    assert!(matches!(error, MlsError::InvalidSuccessor), "{error:?}");
    assert!(follow(&pair.observer, &output, pair.a.who()).is_err());
}

#[test]
fn r3_a_revocation_does_not_invalidate_an_old_leaf() {
    let mut pair = Pair::new();
    pair.world.book.revoke(account(1), pair.a.credential.device);
    let output = pair.group_a.commit(vec![]).unwrap();
    receive(&mut pair.group_b, &output.commit_message).unwrap();
    assert!(follow(&pair.observer, &output, pair.a.who()).is_ok());
}

#[test]
fn r3_a_missing_list_neither_accepts_nor_refuses() {
    let mut pair = Pair::new();
    let b2 = pair.world.device(account(2));
    // A third device joins the group that has not seen the list entry of the second device of b yet.
    let a2 = pair.world.device(account(1));
    let seed = Secret::new(rng::bytes(&OsEntropy));
    let behind =
        pair.world.device_of(a2.credential, &seed, Morals::Honest, pair.world.book.cut(account(2), 1));
    let output = add(&mut pair.group_a, &[&b2]);

    let tree = pair.group_b.export_tree();
    behind.lists.judge_tree(&tree).unwrap();
    let missing = vec![(account(2), b2.credential.list)];
    assert_eq!(
        behind.lists.judge_tree(output.ratchet_tree.as_ref().unwrap()),
        Err(PolicyError::MissingLists(missing.clone()))
    );
    assert_eq!(behind.lists.take_missing(), missing);
    assert_eq!(behind.lists.take_missing(), []);
}

#[test]
fn r3_a_member_that_lacks_a_list_stays_in_its_epoch_and_says_which() {
    let world = World::default();
    let (a, b) = (world.device(account(1)), world.device(account(2)));
    let b2 = world.device(account(2));
    let known = world.book.cut(account(2), 1);
    let behind = world.device_signing(a.credential, &a.secret, Morals::Honest, known);

    let mut group_b = b.create(&GroupExtension::direct(account(1), account(2), Generation(1)));
    let output = add(&mut group_b, &[&behind]);
    group_b.apply_pending_commit().unwrap();
    let mut group = behind.join(&output);
    let output = add(&mut group_b, &[&b2]);
    let missing = vec![(account(2), b2.credential.list)];
    assert_eq!(
        receive(&mut group, &output.commit_message).unwrap_err(),
        PolicyError::MissingLists(missing.clone())
    );
    assert_eq!(behind.lists.take_missing(), missing);
    assert_eq!(group.current_epoch(), 1);
}

#[test]
fn r3_a_floor_rises_and_binds_new_leaves_but_not_old_ones() {
    let mut pair = Pair::with(Morals::Lawless);
    let head = pair.world.book.revoke(account(2), hushwire_types::DeviceId::new([99; 16]));
    let output = raise(&mut pair, account(2), head);
    pair.observer = follow(&pair.observer, &output, pair.a.who()).unwrap().next;
    receive(&mut pair.group_b, &output.commit_message).unwrap();
    pair.group_a.apply_pending_commit().unwrap();
    assert_eq!(pair.observer.extension().floors[&account(2)], head);

    // A newcomer can still join a group whose old leaf is below the floor.
    let a2 = pair.world.device(account(1));
    pair.add(&a2);

    // b's own next Commit must bring a leaf at the floor.
    let below = Err(Refusal::BelowFloor(account(2)).into());
    assert_eq!(pair.b.lists.check_floor(pair.observer.extension(), &pair.b.credential), below);
    let output = pair.group_b.commit(vec![]).unwrap();
    assert_eq!(refusal(follow(&pair.observer, &output, pair.b.who())), Refusal::BelowFloor(account(2)));
    pair.group_b.clear_pending_commit();
    let raised = LeafCredential { list: head, ..pair.b.credential };
    let raised = pair.world.device_signing(raised, &pair.b.secret, Morals::Honest, pair.world.book.clone());
    let output = commit_as(&mut pair.group_b, &raised);
    assert!(follow(&pair.observer, &output, pair.b.who()).is_ok());
}

#[test]
fn r3_a_new_leaf_below_the_floor_is_refused() {
    let mut pair = Pair::with(Morals::Lawless);
    let b2 = pair.world.device(account(2));
    let head = pair.world.book.revoke(account(2), b2.credential.device);
    let output = raise(&mut pair, account(2), head);
    pair.observer = follow(&pair.observer, &output, pair.a.who()).unwrap().next;
    receive(&mut pair.group_b, &output.commit_message).unwrap();
    pair.group_a.apply_pending_commit().unwrap();

    // b2's credential is still good by the prefix that it names, from before its revocation.
    let output = add(&mut pair.group_a, &[&b2]);
    assert_eq!(pair.refused(&output), Refusal::BelowFloor(account(2)));
}

#[test]
fn r3_a_floor_neither_sinks_nor_goes_away() {
    let mut pair = Pair::with(Morals::Lawless);
    let low = pair.b.credential.list;
    let high = pair.world.book.revoke(account(2), hushwire_types::DeviceId::new([99; 16]));
    let output = raise(&mut pair, account(2), high);
    pair.observer = follow(&pair.observer, &output, pair.a.who()).unwrap().next;
    receive(&mut pair.group_b, &output.commit_message).unwrap();
    pair.group_a.apply_pending_commit().unwrap();

    let output = raise(&mut pair, account(2), low);
    assert_eq!(pair.refused(&output), Refusal::FloorLowered(account(2)));
    pair.group_a.clear_pending_commit();
    let none = GroupExtension::direct(account(1), account(2), Generation(1));
    let output = change_extensions(&mut pair, none.to_context().unwrap());
    assert_eq!(pair.refused(&output), Refusal::FloorLowered(account(2)));
}

#[test]
fn r3_a_floor_that_nobody_knows_is_not_accepted() {
    let mut pair = Pair::with(Morals::Lawless);
    let nowhere = ListHead { number: ListNumber(900), hash: EntryHash::new([9; 32]) };
    let output = raise(&mut pair, account(2), nowhere);
    let missing = PolicyError::MissingLists(vec![(account(2), nowhere)]);
    assert_eq!(receive(&mut pair.group_b, &output.commit_message).unwrap_err(), missing);
    assert!(follow(&pair.observer, &output, pair.a.who()).is_err());
}

#[test]
fn r3_the_last_device_of_an_account_may_be_removed_when_the_new_floor_shows_it_revoked() {
    let mut pair = Pair::new();
    let head = pair.world.book.revoke(account(2), pair.b.credential.device);
    let index = pair.group_b.current_member_index();
    let mut extension = GroupExtension::direct(account(1), account(2), Generation(1));
    extension.floors.insert(account(2), head);
    let builder = pair.group_a.commit_builder().remove_member(index).unwrap();
    let output = builder.set_group_context_ext(extension.to_context().unwrap()).unwrap().build().unwrap();
    let summary = follow(&pair.observer, &output, pair.a.who()).unwrap().summary;
    assert_eq!(summary.removed, [pair.b.credential]);
    assert_eq!(summary.roster.len(), 1);
}

#[test]
fn r3_a_floor_at_which_its_device_is_active_lets_nobody_remove_an_account() {
    let mut pair = Pair::with(Morals::Lawless);
    let index = pair.group_b.current_member_index();
    let mut extension = GroupExtension::direct(account(1), account(2), Generation(1));
    extension.floors.insert(account(2), pair.b.credential.list);
    let builder = pair.group_a.commit_builder().remove_member(index).unwrap();
    let output = builder.set_group_context_ext(extension.to_context().unwrap()).unwrap().build().unwrap();
    assert_eq!(pair.refused(&output), Refusal::AccountRemoved(account(2)));
}

/// A Commit that sets the floor of `account`.
fn raise(pair: &mut Pair, account: hushwire_types::AccountId, head: ListHead) -> CommitOutput {
    let mut extension = GroupExtension::from_context(&pair.group_a.context().extensions).unwrap();
    extension.floors.insert(account, head);
    change_extensions(pair, extension.to_context().unwrap())
}

/// An empty Commit whose new leaf is of another identity.
fn commit_as(group: &mut Group, device: &Device) -> CommitOutput {
    let builder = group.commit_builder().commit_time(mls_now().unwrap());
    builder.set_new_signing_identity(device.secret.clone(), device.identity.clone()).build().unwrap()
}

/// A lawless device that claims this credential with a key of its own.
fn with_credential(pair: &Pair, credential: LeafCredential) -> Device {
    pair.world.device_of(
        credential,
        &Secret::new(rng::bytes(&OsEntropy)),
        Morals::Lawless,
        pair.world.book.clone(),
    )
}
