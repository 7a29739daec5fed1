use std::sync::Arc;

use hushwire_delivery::{Checked, Event, Next};
use hushwire_group_policy::direct_conversation_id;
use hushwire_mls::{Change, Intent};
use hushwire_server_store::Store;
use hushwire_server_store::account::Suspension;
use hushwire_types::{AccountId, ConversationId, Epoch, Generation, SendSeq};
use hushwire_wire::{
    ConversationKind, CreateConversation, EntryKind, ErrorCode, Response, SendCommit, Standing,
};

use crate::faults::{begin, session_of};
use crate::world::{Device, Talk, World, additions, code, entries, sent};

fn pair() -> (World, Device, Device, Talk) {
    let mut world = World::new();
    let (mut alice, mut bob) = (world.join("alice"), world.join("bob"));
    let talk = world.converse(&mut alice, &mut bob);
    world.pushes(alice.line);
    world.pushes(bob.line);
    (world, alice, bob, talk)
}

const fn standing(generation: u64, epoch: u64) -> Option<Standing> {
    Some(Standing { generation: Generation(generation), epoch: Epoch(epoch) })
}

#[test]
fn the_first_creation_wins_and_the_loser_is_told_where_it_stands() {
    let mut world = World::new();
    let (mut alice, mut bob) = (world.join("alice"), world.join("bob"));
    let (by_alice, ..) = world.creation(&mut alice, bob.account, 1);
    let (by_bob, ..) = world.creation(&mut bob, alice.account, 1);
    assert_eq!(by_alice.conversation_id, by_bob.conversation_id);
    let first = sent(world.ask(alice.line, by_alice.clone()));
    let lost = world.refused(bob.line, by_bob);
    assert_eq!((lost.code, lost.standing), (ErrorCode::ConversationExists, standing(1, 1)));
    assert_eq!(sent(world.ask(alice.line, by_alice)), first, "a lost answer does no harm");
}

#[test]
fn a_creation_gives_the_creator_its_commit_and_the_other_a_welcome() {
    let mut world = World::new();
    let (mut alice, bob) = (world.join("alice"), world.join("bob"));
    let (create, ..) = world.creation(&mut alice, bob.account, 1);
    let (answer, pushes) = world.ask_all(alice.line, create.clone());
    sent(answer);
    let own = entries(pushes);
    assert!(matches!(&own[0].kind, EntryKind::Commit(commit) if *commit == create.commit));
    let theirs = world.entries(bob.line);
    assert!(matches!(&theirs[0].kind, EntryKind::Welcome(welcome) if welcome.epoch == Epoch(1)));
    assert_eq!(own[0].place, theirs[0].place);
}

#[test]
fn only_the_two_may_create_their_conversation() {
    let mut world = World::new();
    let (mut alice, mut eve) = (world.join("alice"), world.join("eve"));
    let bob = world.join("bob");
    let (create, ..) = world.creation(&mut eve, bob.account, 1);
    let theirs = direct_conversation_id(alice.account, bob.account);
    let foreign = CreateConversation { conversation_id: theirs, ..create.clone() };
    let before = world.refused(eve.line, foreign.clone());
    let (real, ..) = world.creation(&mut alice, bob.account, 1);
    sent(world.ask(alice.line, real));
    assert_eq!(world.refused(eve.line, foreign), before, "told that it exists");
    assert_eq!(before.code, ErrorCode::RefusedByPolicy);

    let said_to_be = CreateConversation { kind: ConversationKind::Direct { peer: alice.account }, ..create };
    assert_eq!(world.refused(eve.line, said_to_be).code, ErrorCode::RefusedByPolicy);
}

#[test]
fn a_group_that_is_not_what_it_says_is_refused() {
    let mut world = World::new();
    let (mut alice, bob, carol) = (world.join("alice"), world.join("bob"), world.join("carol"));
    let (create, ..) = world.creation(&mut alice, bob.account, 1);
    let (other, ..) = world.creation(&mut alice, carol.account, 1);
    let swapped = CreateConversation {
        group_info: other.group_info.clone(),
        ratchet_tree: other.ratchet_tree.clone(),
        commit: other.commit.clone(),
        commit_group_info: other.commit_group_info.clone(),
        welcome: other.welcome.clone(),
        ..create.clone()
    };
    let no_welcome = CreateConversation { welcome: None, ..create.clone() };
    let wrong_info = CreateConversation { commit_group_info: other.commit_group_info, ..create.clone() };
    let skips = CreateConversation { generation: Generation(2), ..create.clone() };
    for bad in [swapped, no_welcome, wrong_info, skips] {
        assert_eq!(world.refused(alice.line, bad).code, ErrorCode::RefusedByPolicy);
    }
    sent(world.ask(alice.line, create));
}

#[test]
fn nobody_talks_to_the_suspended_or_to_nobody() {
    let mut world = World::new();
    let (mut alice, bob) = (world.join("alice"), world.join("bob"));
    let (create, ..) = world.creation(&mut alice, bob.account, 1);
    world.direct.service().set_suspended(bob.account, Suspension::Suspended, world.now).unwrap();
    assert_eq!(world.refused(alice.line, create.clone()).code, ErrorCode::AccountSuspended);
    let nobody = AccountId::new([1; 32]);
    let create = CreateConversation {
        conversation_id: direct_conversation_id(alice.account, nobody),
        kind: ConversationKind::Direct { peer: nobody },
        ..create
    };
    assert_eq!(world.refused(alice.line, create).code, ErrorCode::UnknownAccount);
}

#[test]
fn the_next_generation_closes_the_one_before() {
    let (mut world, mut alice, mut bob, talk) = pair();
    let late = world.message(&mut alice, &talk, b"late");
    let (commit, _) = world.commit(&mut alice, &talk, &Intent::Refresh);
    let (next, ..) = world.creation(&mut bob, alice.account, 2);
    sent(world.ask(bob.line, next));
    let closed = world.refused(alice.line, late);
    assert_eq!((closed.code, closed.standing), (ErrorCode::ClosedGeneration, standing(2, 1)));
    assert_eq!(world.refused(alice.line, commit).code, ErrorCode::ClosedGeneration);
    let (skipped, ..) = world.creation(&mut alice, bob.account, 4);
    assert_eq!(world.refused(alice.line, skipped).code, ErrorCode::ClosedGeneration);
}

#[test]
fn r1_one_commit_an_epoch_and_the_loser_of_the_race_is_told() {
    let (mut world, mut alice, mut bob, talk) = pair();
    let (by_alice, _) = world.commit(&mut alice, &talk, &Intent::Refresh);
    let (by_bob, _) = world.commit(&mut bob, &talk, &Intent::Refresh);
    let first = sent(world.ask(alice.line, by_alice.clone()));
    let lost = world.refused(bob.line, by_bob);
    assert_eq!((lost.code, lost.standing), (ErrorCode::StaleEpoch, standing(1, 2)));
    assert_eq!(
        sent(world.ask(alice.line, by_alice)),
        first,
        "a repeated Commit is answered, not judged by its epoch"
    );
}

#[test]
fn a_commit_goes_to_everybody_its_sender_too() {
    let (mut world, mut alice, bob, talk) = pair();
    let (commit, _) = world.commit(&mut alice, &talk, &Intent::Refresh);
    let (answer, pushes) = world.ask_all(alice.line, commit.clone());
    sent(answer);
    for entry in [entries(pushes).remove(0), world.entries(bob.line).remove(0)] {
        assert!(matches!(&entry.kind, EntryKind::Commit(bytes) if *bytes == commit.commit));
    }
}

#[test]
fn a_commit_of_another_epoch_or_conversation_or_device_is_refused() {
    let (mut world, mut alice, mut bob, talk) = pair();
    let (good, _) = world.commit(&mut alice, &talk, &Intent::Refresh);
    let future = SendCommit { epoch: Epoch(7), ..good.clone() };
    assert_eq!(world.refused(alice.line, future).code, ErrorCode::FutureEpoch);
    let nowhere = SendCommit { conversation_id: ConversationId::new([1; 32]), ..good.clone() };
    assert_eq!(world.refused(alice.line, nowhere).code, ErrorCode::UnknownConversation);
    let by_another = SendCommit { send_seq: SendSeq(50), ..good.clone() };
    assert_eq!(world.refused(bob.line, by_another).code, ErrorCode::RefusedByPolicy);
    let (other, _) = world.commit(&mut bob, &talk, &Intent::Refresh);
    let wrong_info = SendCommit { group_info: other.group_info, ..good.clone() };
    assert_eq!(world.refused(alice.line, wrong_info).code, ErrorCode::RefusedByPolicy);
    let mut carol = world.join("carol");
    let theirs = world.converse(&mut alice, &mut carol);
    let (foreign, _) = world.commit(&mut alice, &theirs, &Intent::Refresh);
    let of_another_group = SendCommit { conversation_id: talk.conversation, ..foreign };
    assert_eq!(world.refused(alice.line, of_another_group).code, ErrorCode::RefusedByPolicy);
    let message = world.message(&mut alice, &talk, b"hello");
    let no_commit = SendCommit { commit: message.body, ..good.clone() };
    assert_eq!(world.refused(alice.line, no_commit).code, ErrorCode::RefusedByPolicy);
    let mut forged = good.commit.to_vec();
    // Somewhere that the signature covers; the membership tag at the end is for members only.
    let middle = forged.len() / 2;
    forged[middle] ^= 1;
    let forged = SendCommit { commit: forged.into(), ..good.clone() };
    assert_eq!(world.refused(alice.line, forged).code, ErrorCode::RefusedByPolicy);
    sent(world.ask(alice.line, good));
}

#[test]
fn a_linked_device_is_added_and_a_removed_one_is_told() {
    let (mut world, mut alice, bob, talk) = pair();
    let laptop = world.link(&bob);
    let claimed = world.claim(&alice, bob.account);
    let mut add = additions(&claimed);
    add.retain(|addition| addition.device == laptop.id);
    world.pushes(laptop.line);
    let intent = Intent::Change(Change { add, ..Change::default() });
    let (commit, staged) = world.commit(&mut alice, &talk, &intent);
    sent(world.ask(alice.line, commit));
    alice.mls.apply_own_commit(&talk.group_id, &staged.secrets, world.now).unwrap();
    assert!(world.entries(laptop.line).iter().any(|entry| matches!(entry.kind, EntryKind::Welcome(_))));

    let intent = Intent::Change(Change { remove: vec![laptop.id], ..Change::default() });
    let (commit, _) = world.commit(&mut alice, &talk, &intent);
    sent(world.ask(alice.line, commit));
    assert!(world.entries(laptop.line).iter().any(|entry| matches!(entry.kind, EntryKind::Removed(_))));
}

#[test]
fn r7_a_device_that_lost_its_state_rejoins_by_an_external_commit() {
    let (mut world, mut alice, mut bob, talk) = pair();
    bob.mls.forget();
    let group = world.fetch(&bob, talk.conversation, None);
    let info = group.group_info.unwrap();
    let staged = bob.mls.stage_rejoin(&info, &group.ratchet_tree, Epoch(1)).unwrap();
    let commit = SendCommit {
        send_seq: SendSeq(1),
        conversation_id: talk.conversation,
        generation: talk.generation,
        epoch: staged.epoch,
        commit: staged.bytes.clone().into(),
        group_info: staged.group_info.clone().into(),
        welcome: None,
    };
    sent(world.ask(bob.line, commit));
    bob.mls.apply_own_commit(&talk.group_id, &staged.secrets, world.now).unwrap();
    alice.mls.process(&talk.group_id, &staged.bytes, world.now).unwrap();
    world.pushes(bob.line);
    let message = world.message(&mut alice, &talk, b"welcome back");
    sent(world.ask(alice.line, message));
    assert_eq!(world.entries(bob.line).len(), 1);
}

#[test]
fn a_group_is_followed_over_restarts_and_bases() {
    let (mut world, mut alice, mut bob, talk) = pair();
    for round in 0..36 {
        if round % 5 == 0 {
            world.restart();
            world.come_back(&mut alice, None);
            world.come_back(&mut bob, None);
        }
        world.refresh(&mut alice, &mut bob, &talk);
    }
    let conversation = world.store.conversation(talk.conversation).unwrap().unwrap();
    assert_eq!((conversation.epoch, conversation.base_epoch), (Epoch(37), Epoch(33)));
}

#[test]
fn a_base_is_judged_by_the_time_of_its_commits_not_by_the_clock() {
    let (mut world, mut alice, mut bob, talk) = pair();
    let laptop = world.link(&bob);
    let mut add = additions(&world.claim(&alice, bob.account));
    add.retain(|addition| addition.device == laptop.id);
    let intent = Intent::Change(Change { add, ..Change::default() });
    let (commit, staged) = world.commit(&mut alice, &talk, &intent);
    let bytes = commit.commit.clone();
    sent(world.ask(alice.line, commit));
    alice.mls.apply_own_commit(&talk.group_id, &staged.secrets, world.now).unwrap();
    bob.mls.process(&talk.group_id, &bytes, world.now).unwrap();
    // Long after the KeyPackage that was added has expired, the log still leads to the same group.
    world.pass(std::time::Duration::from_secs(365 * 86_400));
    world.restart();
    world.come_back(&mut alice, None);
    assert_eq!(world.fetch(&alice, talk.conversation, None).epoch, Epoch(2));
    let (refresh, _) = world.commit(&mut alice, &talk, &Intent::Refresh);
    assert!(matches!(world.ask(alice.line, refresh), Response::MessageSent(_)));
}

#[test]
fn r1_a_turn_in_the_lane_ends_with_the_durable_commit_and_the_next_one_is_refused_by_it() {
    let (mut world, mut alice, mut bob, talk) = pair();
    let (mut by_alice, mut by_bob) = (session_of(&mut world, &alice), session_of(&mut world, &bob));
    let (first, _) = world.commit(&mut alice, &talk, &Intent::Refresh);
    let (second, _) = world.commit(&mut bob, &talk, &Intent::Refresh);
    let turn = Arc::new(());
    let Next::Check(check) = begin(&world, &mut by_alice, first).next else { panic!("nothing to check") };
    assert_eq!(check.lane(), Some(talk.conversation));
    let check = check.in_turn(Box::new(Arc::clone(&turn)));
    let Checked::Write(job) = world.direct.service().check(check, world.now) else { panic!("refused") };
    assert_eq!(Arc::strong_count(&turn), 2, "the turn ended before the Commit was durable");
    world.direct.service().commit(vec![*job], world.now);
    assert_eq!(Arc::strong_count(&turn), 1);

    let Next::Check(check) = begin(&world, &mut by_bob, second).next else { panic!("nothing to check") };
    let check = check.in_turn(Box::new(Arc::clone(&turn)));
    let Checked::Answer(answer) = world.direct.service().check(check, world.now) else { panic!("validated") };
    assert_eq!(Arc::strong_count(&turn), 1);
    let Event::Answer(frame) = answer.event else { panic!("not an answer") };
    assert_eq!(code(frame.response), ErrorCode::StaleEpoch);
}

#[test]
fn r3_a_floor_is_raised_and_a_leaf_below_it_is_refused() {
    let (mut world, mut alice, mut bob, talk) = pair();
    let mut raise = |world: &mut World, bob: &mut Device| {
        let floors = [(bob.account, world.list(bob.account).head())].into();
        let intent = Intent::Change(Change { floors, ..Change::default() });
        let (commit, staged) = world.commit(&mut alice, &talk, &intent);
        let bytes = commit.commit.clone();
        sent(world.ask(alice.line, commit));
        alice.mls.apply_own_commit(&talk.group_id, &staged.secrets, world.now).unwrap();
        bob.mls.process(&talk.group_id, &bytes, world.now).unwrap();
    };
    world.link(&bob);
    raise(&mut world, &mut bob);
    world.link(&bob);
    raise(&mut world, &mut bob);
    // His leaf is of the list as it was before the two devices came.
    let (below, _) = world.commit(&mut bob, &talk, &Intent::Refresh);
    assert_eq!(world.refused(bob.line, below).code, ErrorCode::RefusedByPolicy);
}

#[test]
fn a_group_that_is_busy_is_not_rebuilt_for_each_commit() {
    let (mut world, mut alice, mut bob, talk) = pair();
    for _ in 0..3 {
        world.flaky.asked();
        world.refresh(&mut bob, &mut alice, &talk);
        let asked = world.flaky.asked();
        assert!(!asked.contains(&"base_at_or_before"), "{asked:?}");
    }
}
