use hushwire_group_policy::{Amendment, Charter, GroupExtension, Role, group_conversation_id};
use hushwire_mls::{Change, Intent};
use hushwire_server_store::account::Suspension;
use hushwire_types::{AccountId, ConversationId, Generation, GroupId};
use hushwire_wire::{CreateConversation, EntryKind, ErrorCode, FetchGroup};

use crate::world::{Device, Talk, World, additions, code, sent};

/// Alice's group with bob, and carol, who is not in it.
fn room() -> (World, Device, Device, Device, Talk) {
    let mut world = World::new();
    let (mut alice, mut bob, carol) = (world.join("alice"), world.join("bob"), world.join("carol"));
    let (create, group_id, staged) = world.group_creation(&mut alice, &[bob.account]);
    let conversation = create.conversation_id;
    sent(world.ask(alice.line, create));
    alice.mls.apply_own_commit(&group_id, &staged.secrets, world.now).unwrap();
    let welcome = world.entries(bob.line).into_iter().find_map(|entry| match entry.kind {
        EntryKind::Welcome(welcome) => Some(welcome),
        _ => None,
    });
    let welcome = welcome.unwrap();
    let group = world.fetch(&bob, conversation, Some(welcome.epoch));
    bob.mls.join(&welcome.welcome, &group.ratchet_tree, world.now).unwrap();
    (world, alice, bob, carol, Talk { conversation, group_id, generation: Generation(1) })
}

#[test]
fn a_message_to_a_group_goes_to_every_other_member() {
    let (mut world, mut alice, bob, carol, talk) = room();
    let message = world.message(&mut alice, &talk, b"hello");
    sent(world.ask(alice.line, message.clone()));
    let got = world.entries(bob.line);
    assert!(matches!(&got[0].kind, EntryKind::Application(body) if *body == message.body));
    assert!(world.entries(carol.line).is_empty());
}

#[test]
fn the_id_of_a_group_is_its_creators() {
    let mut world = World::new();
    let (mut alice, bob) = (world.join("alice"), world.join("bob"));
    let (create, ..) = world.group_creation(&mut alice, &[bob.account]);
    let others = group_conversation_id(bob.account, GroupId::new([1; 32]));
    let taken = CreateConversation { conversation_id: others, ..create.clone() };
    assert_eq!(world.refused(alice.line, taken).code, ErrorCode::RefusedByPolicy);
    let second = CreateConversation { generation: Generation(2), ..create.clone() };
    assert_eq!(
        world.refused(alice.line, second).code,
        ErrorCode::UnknownConversation,
        "there is no first one"
    );
    sent(world.ask(alice.line, create));
}

#[test]
fn r1_only_who_is_in_charge_of_a_group_sets_it_up_anew() {
    let (mut world, mut alice, mut bob, mut carol, talk) = room();
    let next = |world: &mut World, by: &mut Device, with: &[AccountId]| {
        let mut charter = Charter::new(by.account);
        charter.timer_secs = 60;
        let extension = GroupExtension::successor(talk.conversation, Generation(2), charter);
        world.group_creation_of(by, extension, with).0
    };
    let theirs = next(&mut world, &mut carol, &[bob.account]);
    assert_eq!(world.refused(carol.line, theirs).code, ErrorCode::UnknownConversation, "a stranger");
    let theirs = next(&mut world, &mut bob, &[alice.account]);
    assert_eq!(world.refused(bob.line, theirs).code, ErrorCode::RefusedByPolicy, "a plain member");
    let create = next(&mut world, &mut alice, &[bob.account]);
    sent(world.ask(alice.line, create));
    let rival = next(&mut world, &mut alice, &[bob.account]);
    assert_eq!(world.refused(alice.line, rival).code, ErrorCode::ConversationExists);
    let welcome = world.entries(bob.line).into_iter().any(|entry| {
        let place = entry.place.unwrap();
        matches!(entry.kind, EntryKind::Welcome(_)) && place.generation == Generation(2)
    });
    assert!(welcome, "bob is let into the second generation");
    let late = world.message(&mut bob, &talk, b"late");
    assert_eq!(world.refused(bob.line, late).code, ErrorCode::ClosedGeneration);
}

#[test]
fn a_stranger_does_not_learn_that_a_group_exists() {
    let (mut world, mut alice, _, carol, talk) = room();
    let message = world.message(&mut alice, &talk, b"hello");
    assert_eq!(world.refused(carol.line, message).code, ErrorCode::UnknownConversation);
    let (commit, _) = world.commit(&mut alice, &talk, &Intent::Refresh);
    assert_eq!(world.refused(carol.line, commit).code, ErrorCode::UnknownConversation);
    let fetch = FetchGroup { conversation_id: talk.conversation, generation: None, epoch: None };
    assert_eq!(world.refused(carol.line, fetch).code, ErrorCode::UnknownConversation);
}

#[test]
fn who_is_put_out_gets_its_removal_and_nothing_more() {
    let (mut world, mut alice, bob, _, talk) = room();
    world.entries(bob.line);
    let intent = Intent::Change(Change { remove: vec![bob.id], ..Change::default() });
    let (commit, staged) = world.commit(&mut alice, &talk, &intent);
    sent(world.ask(alice.line, commit));
    alice.mls.apply_own_commit(&talk.group_id, &staged.secrets, world.now).unwrap();
    let message = world.message(&mut alice, &talk, b"without bob");
    sent(world.ask(alice.line, message));
    let got = world.entries(bob.line);
    assert!(matches!(got.as_slice(), [entry] if matches!(entry.kind, EntryKind::Removed(_))), "{got:?}");
    let fetch = FetchGroup { conversation_id: talk.conversation, generation: None, epoch: None };
    assert_eq!(world.refused(bob.line, fetch).code, ErrorCode::UnknownConversation);
}

#[test]
fn a_change_of_the_charter_goes_to_all_and_the_added_get_a_welcome() {
    let (mut world, mut alice, bob, carol, talk) = room();
    let add = additions(&world.claim(&alice, carol.account));
    let amend = vec![Amendment::Role(bob.account, Role::Admin), Amendment::Timer(60)];
    let intent = Intent::Change(Change { add, amend, ..Change::default() });
    let (commit, _) = world.commit(&mut alice, &talk, &intent);
    world.entries(bob.line);
    sent(world.ask(alice.line, commit.clone()));
    let got = world.entries(bob.line);
    assert!(matches!(&got[0].kind, EntryKind::Commit(bytes) if *bytes == commit.commit));
    assert!(matches!(world.entries(carol.line)[0].kind, EntryKind::Welcome(_)));
}

#[test]
fn a_stranger_who_takes_the_id_of_a_group_does_not_learn_whether_it_exists() {
    let (mut world, mut alice, bob, mut carol, talk) = room();
    let (create, ..) = world.group_creation(&mut carol, &[bob.account]);
    let taken = CreateConversation { conversation_id: talk.conversation, ..create.clone() };
    let nobodys = group_conversation_id(alice.account, GroupId::new([1; 32]));
    let free = CreateConversation { conversation_id: nobodys, ..create };
    let refused = world.refused(carol.line, taken);
    assert_eq!(refused, world.refused(carol.line, free));
    assert_eq!(refused.code, ErrorCode::RefusedByPolicy);
    let (own, ..) = world.group_creation(&mut alice, &[bob.account]);
    let second = CreateConversation { conversation_id: talk.conversation, ..own };
    assert_eq!(world.refused(alice.line, second).code, ErrorCode::RefusedByPolicy, "its creator neither");
}

#[test]
fn a_group_says_in_its_extension_which_conversation_and_generation_it_is() {
    let (mut world, mut alice, bob, _, talk) = room();
    let by = alice.account;
    let mut create = |world: &mut World, byte, extension: &dyn Fn(ConversationId) -> GroupExtension| {
        let group_id = GroupId::new([byte; 32]);
        let conversation_id = group_conversation_id(by, group_id);
        let (create, ..) = world.make_group(&mut alice, group_id, extension(conversation_id), &[bob.account]);
        world.ask(alice.line, CreateConversation { conversation_id, generation: Generation(1), ..create })
    };
    let another = create(&mut world, 1, &|_| GroupExtension::group(talk.conversation, by));
    assert_eq!(code(another), ErrorCode::RefusedByPolicy);
    let later = create(&mut world, 2, &|own| GroupExtension::successor(own, Generation(3), Charter::new(by)));
    assert_eq!(code(later), ErrorCode::RefusedByPolicy);
    sent(create(&mut world, 3, &|own| GroupExtension::group(own, by)));
}

#[test]
fn nobody_is_added_who_could_not_come() {
    let (mut world, mut alice, bob, carol, talk) = room();
    let add = additions(&world.claim(&alice, carol.account));
    let intent = Intent::Change(Change { add, ..Change::default() });
    let (commit, _) = world.commit(&mut alice, &talk, &intent);
    let (create, ..) = world.group_creation(&mut alice, &[bob.account, carol.account]);
    let suspend = |world: &World, to| {
        world.direct.service().set_suspended(carol.account, to, world.now).unwrap();
    };
    suspend(&world, Suspension::Suspended);
    assert_eq!(world.refused(alice.line, commit.clone()).code, ErrorCode::AccountSuspended);
    assert_eq!(world.refused(alice.line, create.clone()).code, ErrorCode::AccountSuspended);
    suspend(&world, Suspension::Lifted);
    sent(world.ask(alice.line, commit));
    sent(world.ask(alice.line, create));
}
