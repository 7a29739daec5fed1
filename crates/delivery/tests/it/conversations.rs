use hushwire_mls::{Intent, Processed};
use hushwire_server_store::account::Suspension;
use hushwire_types::{ConversationId, Epoch, Generation, SendSeq};
use hushwire_wire::{EntryKind, ErrorCode, FetchGroup, Response, SendEphemeral, SendMessage};

use crate::world::{Device, Talk, World, entries, sent};

fn pair() -> (World, Device, Device, Talk) {
    let mut world = World::new();
    let (mut alice, mut bob) = (world.join("alice"), world.join("bob"));
    let talk = world.converse(&mut alice, &mut bob);
    world.pushes(alice.line);
    world.pushes(bob.line);
    (world, alice, bob, talk)
}

#[test]
fn a_message_reaches_the_other_and_can_be_read() {
    let (mut world, mut alice, mut bob, talk) = pair();
    let message = world.message(&mut alice, &talk, b"hello");
    let answer = sent(world.ask(alice.line, message));
    let entry = world.entries(bob.line).remove(0);
    let place = entry.place.unwrap();
    assert_eq!((place.conversation_id, place.order), (talk.conversation, Some(answer.order)));
    assert_eq!(entry.accepted_at, answer.accepted_at);
    let EntryKind::Application(body) = entry.kind else { panic!("another kind") };
    let Processed::Application(application) = bob.mls.process(&talk.group_id, &body, world.now).unwrap()
    else {
        panic!("another kind")
    };
    assert_eq!(application.plaintext.expose(), b"hello");
    assert!(world.entries(alice.line).is_empty(), "the sender got an echo");
}

#[test]
fn the_same_bytes_again_get_the_first_answer_and_go_out_once() {
    let (mut world, mut alice, bob, talk) = pair();
    let message = world.message(&mut alice, &talk, b"hello");
    let first = sent(world.ask(alice.line, message.clone()));
    world.restart();
    world.come_back(&mut alice, None);
    assert_eq!(sent(world.ask(alice.line, message.clone())), first);
    let other = SendMessage { send_seq: message.send_seq, ..world.message(&mut alice, &talk, b"other") };
    assert_eq!(world.refused(alice.line, other).code, ErrorCode::IdReused);
    let mut bob = bob;
    let (_, pushes) = world.come_back(&mut bob, None);
    let bodies = entries(pushes).into_iter().filter(|entry| matches!(entry.kind, EntryKind::Application(_)));
    assert_eq!(bodies.count(), 1);
}

#[test]
fn r9_only_application_messages_of_the_said_group_and_epoch_are_sent() {
    let (mut world, mut alice, mut bob, talk) = pair();
    let good = world.message(&mut alice, &talk, b"hello");
    let (commit, _) = world.commit(&mut alice, &talk, &Intent::Refresh);
    let refused = |world: &mut World, message: SendMessage| world.refused(alice.line, message).code;

    let as_message = SendMessage { body: commit.commit.clone(), ..good.clone() };
    assert_eq!(refused(&mut world, as_message), ErrorCode::RefusedByPolicy);
    let garbage = SendMessage { body: vec![7; 50].into(), ..good.clone() };
    assert_eq!(refused(&mut world, garbage), ErrorCode::RefusedByPolicy);
    let another_epoch = SendMessage { epoch: Epoch(0), ..good.clone() };
    assert_eq!(refused(&mut world, another_epoch), ErrorCode::RefusedByPolicy);

    let mut carol = world.join("carol");
    let theirs = world.converse(&mut bob, &mut carol);
    let foreign = world.message(&mut bob, &theirs, b"of another group");
    let foreign = SendMessage { body: foreign.body, ..good.clone() };
    assert_eq!(refused(&mut world, foreign), ErrorCode::RefusedByPolicy);
    sent(world.ask(alice.line, good));
}

#[test]
fn a_stranger_does_not_learn_that_a_conversation_exists() {
    let (mut world, mut alice, _bob, talk) = pair();
    let eve = world.join("eve");
    let message = world.message(&mut alice, &talk, b"hello");
    let nowhere = SendMessage { conversation_id: ConversationId::new([1; 32]), ..message.clone() };
    let one = world.refused(eve.line, message.clone());
    assert_eq!(one, world.refused(eve.line, nowhere));
    assert_eq!(one.code, ErrorCode::UnknownConversation);
    let fetch = FetchGroup { conversation_id: talk.conversation, generation: None, epoch: None };
    assert_eq!(world.refused(eve.line, fetch).code, ErrorCode::UnknownConversation);
    let ephemeral = SendEphemeral {
        conversation_id: talk.conversation,
        generation: talk.generation,
        epoch: message.epoch,
        body: message.body,
    };
    assert_eq!(world.refused(eve.line, ephemeral).code, ErrorCode::UnknownConversation);
}

#[test]
fn a_device_that_was_not_added_is_no_member() {
    let (mut world, mut alice, _bob, talk) = pair();
    let laptop = world.link(&alice);
    let message = world.message(&mut alice, &talk, b"hello");
    let message = SendMessage { send_seq: SendSeq(1), ..message };
    assert_eq!(world.refused(laptop.line, message.clone()).code, ErrorCode::NotAMember);
    let SendMessage { conversation_id, generation, epoch, body, .. } = message;
    let typing = SendEphemeral { conversation_id, generation, epoch, body };
    assert_eq!(world.refused(laptop.line, typing).code, ErrorCode::NotAMember);
}

#[test]
fn messages_of_the_two_epochs_before_are_accepted() {
    let (mut world, mut alice, mut bob, talk) = pair();
    let late: Vec<SendMessage> = (0..3)
        .map(|_| {
            let message = world.message(&mut bob, &talk, b"late");
            world.refresh(&mut alice, &mut bob, &talk);
            message
        })
        .collect();
    let stale = world.refused(bob.line, late[0].clone());
    assert_eq!(stale.code, ErrorCode::StaleEpoch);
    assert_eq!(stale.standing.map(|at| (at.generation, at.epoch)), Some((Generation(1), Epoch(4))));
    sent(world.ask(bob.line, late[1].clone()));
    sent(world.ask(bob.line, late[2].clone()));
}

#[test]
fn nobody_writes_to_a_suspended_account() {
    let (mut world, mut alice, bob, talk) = pair();
    world.direct.service().set_suspended(bob.account, Suspension::Suspended, world.now).unwrap();
    let message = world.message(&mut alice, &talk, b"hello");
    assert_eq!(world.refused(alice.line, message).code, ErrorCode::AccountSuspended);
}

#[test]
fn r7_joiners_get_the_tree_of_their_epoch_however_old() {
    let (mut world, mut alice, mut bob, talk) = pair();
    let trees: Vec<_> = (0..20)
        .map(|_| {
            let group = world.fetch(&alice, talk.conversation, None);
            world.refresh(&mut alice, &mut bob, &talk);
            (group.epoch, group.ratchet_tree)
        })
        .collect();
    world.restart();
    world.come_back(&mut bob, None);
    for (epoch, tree) in trees {
        let group = world.fetch(&bob, talk.conversation, Some(epoch));
        assert_eq!((group.epoch, group.group_info), (epoch, None));
        assert_eq!(group.ratchet_tree, tree, "the tree of epoch {epoch}");
    }
    let now = world.fetch(&bob, talk.conversation, None);
    assert_eq!(now.epoch, Epoch(21));
    assert!(now.group_info.is_some());
    let later = FetchGroup { conversation_id: talk.conversation, generation: None, epoch: Some(Epoch(22)) };
    assert_eq!(world.refused(bob.line, later).code, ErrorCode::FutureEpoch);
    let other =
        FetchGroup { conversation_id: talk.conversation, generation: Some(Generation(2)), epoch: None };
    assert_eq!(world.refused(bob.line, other).code, ErrorCode::ClosedGeneration);
}

#[test]
fn r7_a_new_device_of_a_member_gets_the_current_group_but_no_older_tree() {
    let (mut world, mut alice, mut bob, talk) = pair();
    world.refresh(&mut alice, &mut bob, &talk);
    let laptop = world.link(&bob);
    assert!(world.fetch(&laptop, talk.conversation, None).group_info.is_some());
    let older = FetchGroup { conversation_id: talk.conversation, generation: None, epoch: Some(Epoch(1)) };
    assert_eq!(world.refused(laptop.line, older).code, ErrorCode::NotAMember);
}

#[test]
fn ephemeral_messages_reach_the_connected_and_are_never_stored() {
    let (mut world, mut alice, mut bob, talk) = pair();
    let typing = |world: &mut World, alice: &mut Device| {
        let message = world.message(alice, &talk, b"typing");
        SendEphemeral {
            conversation_id: talk.conversation,
            generation: talk.generation,
            epoch: message.epoch,
            body: message.body,
        }
    };
    let first = typing(&mut world, &mut alice);
    assert!(matches!(world.ask(alice.line, first.clone()), Response::EphemeralSent(_)));
    let pushes = world.pushes(bob.line);
    assert!(matches!(pushes.as_slice(), [Response::Ephemeral(ephemeral)] if ephemeral.body == first.body));

    world.direct.disconnect(bob.line.connection);
    let second = typing(&mut world, &mut alice);
    assert!(matches!(world.ask(alice.line, second), Response::EphemeralSent(_)));
    let (_, pushes) = world.come_back(&mut bob, None);
    assert!(!pushes.iter().any(|push| matches!(push, Response::Ephemeral(_))));

    let stale = SendEphemeral { generation: Generation(2), ..first.clone() };
    assert_eq!(world.refused(alice.line, stale).code, ErrorCode::ClosedGeneration);
    for _ in 0..3 {
        world.refresh(&mut alice, &mut bob, &talk);
    }
    assert_eq!(world.refused(alice.line, first).code, ErrorCode::StaleEpoch);
}

#[test]
fn a_message_of_a_busy_conversation_waits_for_the_writer_alone() {
    let (mut world, mut alice, _bob, talk) = pair();
    for expected in [["conversation", "group_info", "write"].as_slice(), &["write"], &["write"]] {
        let message = world.message(&mut alice, &talk, b"hello");
        world.flaky.asked();
        sent(world.ask(alice.line, message));
        assert_eq!(world.flaky.asked(), expected);
    }
}

#[test]
fn r9_a_message_of_the_next_generation_is_of_its_group() {
    let (mut world, mut alice, mut bob, talk) = pair();
    let message = world.message(&mut alice, &talk, b"of the first group");
    sent(world.ask(alice.line, message));
    let (next, group_id, staged) = world.creation(&mut bob, alice.account, 2);
    sent(world.ask(bob.line, next));
    bob.mls.apply_own_commit(&group_id, &staged.secrets, world.now).unwrap();
    let message = world.message(&mut alice, &talk, b"of the first group, said to be of the second");
    let swapped = SendMessage { generation: Generation(2), ..message };
    assert_eq!(world.refused(alice.line, swapped).code, ErrorCode::RefusedByPolicy);
    let talk = Talk { group_id, generation: Generation(2), ..talk };
    let message = world.message(&mut bob, &talk, b"of the second group");
    sent(world.ask(bob.line, message));
}
