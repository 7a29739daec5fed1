//! The server's observer: what it follows, and what it refuses of what is published beside a Commit.

use hushwire_group_policy::{
    Amendment, Charter, GroupExtension, Observer, ObserverError, Published, Refusal, Role,
};
use hushwire_types::{ConversationId, Epoch, Generation};
use mls_rs::group::CommitOutput;
use mls_rs::{Extension, ExtensionList, MlsMessage};

use crate::world::{Morals, NOW, Pair, World, account, add, follow, mls_now, receive, refusal, start, suite};

#[test]
fn it_follows_a_group_from_its_creation() {
    let mut pair = Pair::new();
    assert_eq!(pair.observer.epoch(), Epoch(1));
    assert_eq!(pair.observer.group_id().as_bytes(), pair.group_a.group_id());
    assert_eq!(pair.observer.extension().generation, Generation(1));
    assert_eq!(pair.observer.tree().unwrap(), pair.group_a.export_tree().to_bytes().unwrap());

    let b2 = pair.world.device(account(2));
    let output = add(&mut pair.group_a, &[&b2]);
    let followed = follow(&pair.observer, &output, pair.a.who()).unwrap();
    assert_eq!(followed.summary.new_epoch, Epoch(2));
    assert_eq!(followed.summary.committer, pair.a.credential);
    assert!(!followed.summary.external);
    assert_eq!(followed.summary.added, [b2.credential]);
    assert_eq!(followed.summary.removed, []);
    assert_eq!(followed.summary.roster, [pair.a.credential, pair.b.credential, b2.credential]);
    assert_eq!(followed.next.epoch(), Epoch(2));
    assert_eq!(followed.next.tree().unwrap(), output.ratchet_tree.unwrap().to_bytes().unwrap());
    assert_eq!(pair.observer.epoch(), Epoch(1), "the observer itself stays");
}

#[test]
fn a_snapshot_goes_on_where_it_was_taken() {
    let mut pair = Pair::new();
    let snapshot = pair.observer.snapshot().unwrap();
    let again = Observer::from_snapshot(&suite(), pair.world.book.clone(), &snapshot).unwrap();
    let output = pair.group_b.commit(vec![]).unwrap();
    let (one, two) = (
        follow(&pair.observer, &output, pair.b.who()).unwrap(),
        follow(&again, &output, pair.b.who()).unwrap(),
    );
    assert_eq!(one.summary, two.summary);
    assert_eq!(one.next.snapshot().unwrap(), two.next.snapshot().unwrap());
    receive(&mut pair.group_a, &output.commit_message).unwrap();
}

#[test]
fn an_old_snapshot_and_the_log_lead_to_the_same_state() {
    let mut pair = Pair::new();
    let old = pair.observer.snapshot().unwrap();
    let output = pair.group_b.commit(vec![]).unwrap();
    let commit = output.commit_message.to_bytes().unwrap();
    let next = follow(&pair.observer, &output, pair.b.who()).unwrap().next;
    let old = Observer::from_snapshot(&suite(), pair.world.book.clone(), &old).unwrap();
    let replayed = old.replay(&commit, NOW).unwrap();
    assert_eq!(replayed.snapshot().unwrap(), next.snapshot().unwrap());
    assert!(matches!(replayed.replay(&commit, NOW).err(), Some(ObserverError::StaleEpoch { .. })));
}

#[test]
fn a_damaged_snapshot_is_an_error() {
    let pair = Pair::new();
    let mut snapshot = pair.observer.snapshot().unwrap();
    snapshot.truncate(100);
    let load = |bytes: &[u8]| Observer::from_snapshot(&suite(), pair.world.book.clone(), bytes).err();
    assert!(matches!(load(&snapshot), Some(ObserverError::Snapshot)));
    assert!(matches!(load(&[]), Some(ObserverError::Snapshot)));
    snapshot[0] = 9;
    assert!(matches!(load(&snapshot), Some(ObserverError::Snapshot)));
}

#[test]
fn r1_a_commit_of_a_spent_epoch_is_stale() {
    let mut pair = Pair::new();
    let late = pair.group_b.commit(vec![]).unwrap();
    let output = pair.group_a.commit(vec![]).unwrap();
    let next = follow(&pair.observer, &output, pair.a.who()).unwrap().next;
    let stale = follow(&next, &late, pair.b.who());
    assert!(matches!(stale.err(), Some(ObserverError::StaleEpoch { current: Epoch(2) })));
}

#[test]
fn a_commit_of_another_group_is_refused() {
    let pair = Pair::new();
    let mut other = Pair::new();
    let output = other.group_a.commit(vec![]).unwrap();
    let refused = follow(&pair.observer, &output, other.a.who());
    assert!(matches!(refused.err(), Some(ObserverError::OtherGroup)));
}

#[test]
fn a_commit_counts_only_from_the_device_that_made_it() {
    let mut pair = Pair::new();
    let output = pair.group_a.commit(vec![]).unwrap();
    assert_eq!(refusal(follow(&pair.observer, &output, pair.b.who())), Refusal::NotTheSender);
    let b2 = pair.world.device(account(2));
    let (joined, commit) = b2.rejoin(&pair.group_b, None).unwrap();
    let relayed = crate::world::follow_external(&pair.observer, &commit, &joined, pair.b.who());
    assert_eq!(refusal(relayed), Refusal::NotTheSender);
}

#[test]
fn a_tampered_commit_is_refused() {
    let mut pair = Pair::new();
    let output = pair.group_a.commit(vec![]).unwrap();
    let mut commit = output.commit_message.to_bytes().unwrap();
    // The signature stands before the confirmation tag and the membership tag, 48 bytes and a length each.
    let signature = commit.len() - 2 * 49 - 10;
    commit[signature] ^= 1;
    let info = output.external_commit_group_info.unwrap().to_bytes().unwrap();
    let published = Published { commit: &commit, group_info: &info, welcome: None };
    let refused = pair.observer.check_commit(published, pair.a.who(), NOW);
    assert!(matches!(refused.err(), Some(ObserverError::Mls(_))));
}

#[test]
fn a_group_info_of_another_epoch_group_or_signer_is_refused() {
    let mut pair = Pair::new();
    let before = pair.group_a.group_info_message_allowing_ext_commit(false).unwrap();
    let other = Pair::new().group_a.group_info_message_allowing_ext_commit(false).unwrap();
    let output = pair.group_a.commit(vec![]).unwrap();
    receive(&mut pair.group_b, &output.commit_message).unwrap();
    let by_b = pair.group_b.group_info_message_allowing_ext_commit(false).unwrap();
    for info in [before, other, by_b] {
        let output = with_group_info(&output, info);
        assert_eq!(refusal(follow(&pair.observer, &output, pair.a.who())), Refusal::GroupInfo);
    }
}

#[test]
fn a_tampered_group_info_is_refused() {
    let mut pair = Pair::new();
    let output = pair.group_a.commit(vec![]).unwrap();
    let commit = output.commit_message.to_bytes().unwrap();
    let mut info = output.external_commit_group_info.unwrap().to_bytes().unwrap();
    *info.last_mut().unwrap() ^= 1;
    let published = Published { commit: &commit, group_info: &info, welcome: None };
    let refused = pair.observer.check_commit(published, pair.a.who(), NOW);
    assert_eq!(refusal(refused), Refusal::GroupInfo);
}

#[test]
fn a_group_info_without_external_pub_is_refused() {
    let mut pair = Pair::new();
    let output = pair.group_a.commit(vec![]).unwrap();
    pair.group_a.apply_pending_commit().unwrap();
    let bare = pair.group_a.group_info_message(false).unwrap();
    let output = with_group_info(&output, bare);
    assert_eq!(refusal(follow(&pair.observer, &output, pair.a.who())), Refusal::GroupInfoExtensions);
}

#[test]
fn a_group_info_with_the_ratchet_tree_is_refused() {
    let mut pair = Pair::with(Morals::Lawless);
    *pair.a.rules.tree_inside.lock().unwrap() = true;
    let output = pair.group_a.commit(vec![]).unwrap();
    assert_eq!(refusal(follow(&pair.observer, &output, pair.a.who())), Refusal::GroupInfoExtensions);
}

#[test]
fn r5_a_group_info_with_any_other_extension_is_refused() {
    let mut pair = Pair::new();
    let output = pair.group_a.commit(vec![]).unwrap();
    pair.group_a.apply_pending_commit().unwrap();
    let name_key = ExtensionList::from(vec![Extension::new(0xF0AA.into(), vec![1])]);
    let info = pair.group_a.group_info_message_allowing_ext_commit_with_extensions(false, name_key).unwrap();
    let output = with_group_info(&output, info);
    assert_eq!(refusal(follow(&pair.observer, &output, pair.a.who())), Refusal::GroupInfoExtensions);
}

#[test]
fn a_welcome_is_for_exactly_the_added_devices() {
    let mut pair = Pair::new();
    let (b2, b3) = (pair.world.device(account(2)), pair.world.device(account(2)));
    let for_b3 = add(&mut pair.group_a, &[&b3]).welcome_messages;
    pair.group_a.clear_pending_commit();
    let good = add(&mut pair.group_a, &[&b2]);
    assert!(follow(&pair.observer, &good, pair.a.who()).is_ok());

    let mut without = good.clone();
    without.welcome_messages.clear();
    let mut for_another = good.clone();
    for_another.welcome_messages = for_b3;
    let mut no_welcome = good.clone();
    no_welcome.welcome_messages = vec![good.commit_message.clone()];
    for output in [without, for_another, no_welcome] {
        assert_eq!(refusal(follow(&pair.observer, &output, pair.a.who())), Refusal::Welcome);
    }
}

#[test]
fn an_expired_key_package_is_refused() {
    let mut pair = Pair::with(Morals::Lawless);
    let b2 = pair.world.device(account(2));
    let none = ExtensionList::new();
    let long_ago = mls_rs::time::MlsTime::from(1_000_000);
    let old = b2.client.generate_key_package_message(none.clone(), none, Some(long_ago)).unwrap();
    let builder = pair.group_a.commit_builder().commit_time(long_ago);
    let output = builder.add_member(old).unwrap().build().unwrap();
    let refused = follow(&pair.observer, &output, pair.a.who());
    assert!(matches!(refused.err(), Some(ObserverError::Mls(_))));
    let late = pair.group_b.process_incoming_message_with_time(output.commit_message, mls_now().unwrap());
    assert!(late.is_err());
}

#[test]
fn a_new_group_starts_with_its_creator_alone() {
    let world = World::default();
    let (a, b) = (world.device(account(1)), world.device(account(2)));
    let extension = GroupExtension::direct(account(1), account(2), Generation(1));
    let mut group = a.create(&extension);
    assert!(start(&world, &group, a.who()).is_ok());
    let refused = |result: Result<Observer, ObserverError>| match result {
        Err(ObserverError::Policy(policy)) => policy,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("started"),
    };
    assert_eq!(refused(start(&world, &group, b.who())), Refusal::NotANewGroup.into());
    add(&mut group, &[&b]);
    group.apply_pending_commit().unwrap();
    assert_eq!(refused(start(&world, &group, a.who())), Refusal::NotANewGroup.into());
}

#[test]
fn a_stranger_cannot_create_a_conversation_of_two_others() {
    let world = World::default();
    let stranger = world.device_with(account(3), Morals::Lawless);
    let group = stranger.create(&GroupExtension::direct(account(1), account(2), Generation(1)));
    let error = start(&world, &group, stranger.who()).err().unwrap();
    let ObserverError::Policy(policy) = error else { panic!("{error:?}") };
    assert_eq!(policy, Refusal::ForeignAccount(account(3)).into());
}

#[test]
fn a_later_generation_is_made_by_somebody_in_charge() {
    let world = World::default();
    let (admin, member) = (world.device(account(2)), world.device(account(3)));
    let mut charter = Charter::new(account(1));
    charter.amend(&Amendment::Role(account(2), Role::Admin));
    let next = GroupExtension::successor(ConversationId::new([7; 32]), Generation(2), charter);
    assert!(start(&world, &admin.create(&next), admin.who()).is_ok());
    let refused = start(&world, &member.create(&next), member.who()).err().map(|error| error.to_string());
    assert_eq!(refused, Some(Refusal::NotANewGroup.to_string()));
}

fn with_group_info(output: &CommitOutput, info: MlsMessage) -> CommitOutput {
    let mut output = output.clone();
    output.external_commit_group_info = Some(info);
    output
}
