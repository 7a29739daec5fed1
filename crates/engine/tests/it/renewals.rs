//! Conversations that go on in another group, because the one that they had cannot be repaired (rule R1).

use std::time::Duration;

use hushwire_client_store::conversation::ConversationState;
use hushwire_client_store::member::Role;
use hushwire_engine::{Alert, Command, GroupChange, GroupRole, Notice, Outcome, group_link, join_asks};
use hushwire_identity::LinkSecret;
use hushwire_types::{ConversationId, IncarnationId};

use crate::pictures::{of_group, picture};
use crate::world::World;

const ALICE: usize = 0;
const BOB: usize = 1;
const CAROL: usize = 2;
const DAVE: usize = 3;
const HOUR: Duration = Duration::from_secs(3600);
const MINUTE: Duration = Duration::from_secs(60);

/// Alice, who owns the group, bob, who is its admin, and carol talk. Then the server is restored to before a Commit of carol, who is
/// gone with it.
fn lost() -> (World, ConversationId) {
    let mut world = World::with(&["alice", "bob", "carol"]);
    let id = world.make_group(ALICE, "Choir", &["bob", "carol"]);
    let account = world.account(BOB);
    world.change(ALICE, id, GroupChange::Role { account, role: GroupRole::Admin });
    world.outcome(ALICE, Command::SetGroupPicture { conversation: id, picture: Some(picture(1)) });
    world.say(ALICE, id, "one");
    world.pass(HOUR);
    let backup = world.store.restored(IncarnationId::new([9; 16]));
    world.change(CAROL, id, GroupChange::Describe { description: "sings".to_owned() });
    world.pass(MINUTE);
    for index in [ALICE, BOB] {
        assert!(world.notices(index).iter().any(|notice| matches!(notice, Notice::Described { .. })));
    }
    world.go_offline(CAROL);
    world.restore_server(&backup);
    (world, id)
}

fn bodies(world: &mut World, index: usize) -> Vec<String> {
    world.texts(index).into_iter().map(|(_, body)| body).collect()
}

fn generation(world: &mut World, index: usize, id: ConversationId) -> (ConversationState, u64) {
    let row = world.conversations(index).into_iter().find(|row| row.id == id).unwrap();
    (row.state, row.generation.0)
}

#[test]
fn r1_a_group_goes_on_when_the_server_has_lost_an_epoch_for_good() {
    let (mut world, id) = lost();
    for index in [ALICE, BOB] {
        world.go_online(index);
    }
    world.say(BOB, id, "two");
    world.say(ALICE, id, "three");
    world.pass(HOUR / 2);
    assert_eq!(generation(&mut world, ALICE, id), (ConversationState::Active, 1), "carol may come back");
    world.pass(HOUR);
    // Those in charge take turns in the order of their ids.
    let by = world.account(ALICE).min(world.account(BOB));
    for index in [ALICE, BOB] {
        assert_eq!(generation(&mut world, index, id), (ConversationState::Active, 2), "device {index}");
        let told = world.notices(index).into_iter().filter(|notice| *notice == Notice::Renewed { by });
        assert_eq!(told.count(), 1);
        let mut all = bodies(&mut world, index);
        all.sort();
        assert_eq!(all, ["one", "three", "two"]);
        assert_eq!(world.name(index, id).as_deref(), Some("Choir"));
        assert_eq!(of_group(&mut world, index, id), Some(picture(1)));
        let roles = world.roles(index, id);
        let held: Vec<Role> =
            [ALICE, BOB, CAROL].map(|member| roles[&world.account(member)]).into_iter().collect();
        assert_eq!(held, [Role::Owner, Role::Admin, Role::Member]);
    }
    // Carol comes back with the epoch that nobody else needs any more.
    world.say(CAROL, id, "four");
    world.go_online(CAROL);
    world.pass(HOUR);
    world.say(ALICE, id, "five");
    world.pass(MINUTE);
    assert_eq!(generation(&mut world, CAROL, id), (ConversationState::Active, 2));
    for index in [ALICE, BOB, CAROL] {
        let mut all = bodies(&mut world, index);
        all.sort();
        assert_eq!(all, ["five", "four", "one", "three", "two"], "device {index}");
        assert_eq!(world.name(index, id).as_deref(), Some("Choir"));
        assert_eq!(world.alerts(index), [Alert::ServerRestored]);
    }
}

#[test]
fn who_may_not_set_a_group_up_anew_is_told_once_that_it_waits() {
    let mut world = World::with(&["alice", "bob", "carol"]);
    let id = world.make_group(ALICE, "Choir", &["bob", "carol"]);
    world.say(ALICE, id, "one");
    world.pass(HOUR);
    let backup = world.store.restored(IncarnationId::new([9; 16]));
    world.change(ALICE, id, GroupChange::Describe { description: "sings".to_owned() });
    world.pass(MINUTE);
    world.go_offline(ALICE);
    world.restore_server(&backup);
    for index in [BOB, CAROL] {
        world.go_online(index);
    }
    world.say(BOB, id, "two");
    let waits = |world: &mut World| {
        let told = world.notices(BOB).into_iter().filter(|notice| *notice == Notice::Waiting).count();
        (told, world.alerts(BOB).contains(&Alert::Waiting { conversation: id }))
    };
    world.pass(HOUR / 2);
    assert_eq!(waits(&mut world), (0, false), "alice may come back");
    world.pass(5 * HOUR);
    assert_eq!(waits(&mut world), (1, true));
    assert_eq!(bodies(&mut world, CAROL), ["one"]);
    // Alice has what the server lacks, and sends it again.
    world.go_online(ALICE);
    world.pass(HOUR);
    for index in [ALICE, CAROL] {
        assert_eq!(bodies(&mut world, index), ["one", "two"], "device {index}");
    }
    assert_eq!(generation(&mut world, BOB, id), (ConversationState::Active, 1));
}

#[test]
fn who_rose_in_what_the_server_lost_cannot_set_the_group_up_anew_and_is_back_when_it_goes_on() {
    let mut world = World::with(&["alice", "bob", "carol"]);
    let id = world.make_group(ALICE, "Choir", &["bob", "carol"]);
    world.say(ALICE, id, "one");
    world.pass(HOUR);
    let backup = world.store.restored(IncarnationId::new([9; 16]));
    let account = world.account(BOB);
    world.change(ALICE, id, GroupChange::Role { account, role: GroupRole::Admin });
    world.pass(MINUTE);
    world.go_offline(ALICE);
    world.restore_server(&backup);
    for index in [BOB, CAROL] {
        world.go_online(index);
    }
    world.say(BOB, id, "two");
    world.pass(3 * HOUR);
    assert_eq!(
        generation(&mut world, BOB, id).0,
        ConversationState::Broken,
        "the server knows bob as a member"
    );
    world.go_online(ALICE);
    world.say(ALICE, id, "three");
    world.pass(2 * HOUR);
    for index in [ALICE, BOB, CAROL] {
        assert_eq!(generation(&mut world, index, id), (ConversationState::Active, 1), "device {index}");
        assert_eq!(world.roles(index, id)[&account], Role::Admin, "device {index}");
    }
    world.say(BOB, id, "four");
    world.pass(MINUTE);
    for index in [ALICE, CAROL] {
        let mut all = bodies(&mut world, index);
        all.sort();
        assert_eq!(all, ["four", "one", "three", "two"], "device {index}");
    }
}

#[test]
fn the_link_of_a_group_goes_on_when_it_is_set_up_anew() {
    let mut world = World::with(&["alice", "bob", "carol", "dave"]);
    let id = world.make_group(ALICE, "Choir", &["bob", "carol"]);
    let secret = LinkSecret::new([5; 16]);
    world.change(ALICE, id, GroupChange::Link { secret: secret.clone() });
    world.pass(HOUR);
    let backup = world.store.restored(IncarnationId::new([9; 16]));
    world.change(CAROL, id, GroupChange::Describe { description: "sings".to_owned() });
    world.pass(MINUTE);
    world.go_offline(CAROL);
    world.restore_server(&backup);
    for index in [ALICE, BOB, DAVE] {
        world.go_online(index);
    }
    world.say(ALICE, id, "one");
    world.pass(2 * HOUR);
    for index in [ALICE, BOB] {
        assert_eq!(generation(&mut world, index, id), (ConversationState::Active, 2), "device {index}");
        let db = world.clients[index].db.as_mut().unwrap();
        assert_eq!(db.read(|view| group_link(view, &id)).unwrap(), Some(secret.clone()), "device {index}");
    }
    let account = world.account(ALICE);
    world.find(DAVE, "alice");
    let ask = Command::AskToJoin { account, conversation: id, secret };
    assert_eq!(world.outcome(DAVE, ask), Outcome::Done);
    world.pass(MINUTE);
    let dave = world.account(DAVE);
    let db = world.clients[ALICE].db.as_mut().unwrap();
    assert_eq!(db.read(|view| join_asks(view, &id)).unwrap(), [dave]);
}

#[test]
fn r1_the_next_in_charge_sets_a_group_up_anew_where_the_first_does_not() {
    let (mut world, id) = lost();
    world.go_online(BOB);
    world.say(BOB, id, "two");
    world.pass(2 * HOUR);
    assert_eq!(generation(&mut world, BOB, id), (ConversationState::Active, 2));
    let by = world.account(BOB);
    world.go_online(ALICE);
    world.pass(MINUTE);
    assert_eq!(generation(&mut world, ALICE, id), (ConversationState::Active, 2));
    assert!(world.notices(ALICE).contains(&Notice::Renewed { by }));
    assert_eq!(bodies(&mut world, ALICE), ["one", "two"]);
    assert_eq!(world.roles(ALICE, id)[&world.account(ALICE)], Role::Owner, "who made it has not risen");
    assert_eq!(world.roles(ALICE, id)[&world.account(BOB)], Role::Admin);
}

#[test]
fn r1_whoever_is_killed_while_setting_a_group_up_anew_goes_on_with_it() {
    let (mut world, id) = lost();
    for index in [ALICE, BOB] {
        world.go_online(index);
    }
    world.say(ALICE, id, "two");
    for _ in 0..40 {
        world.pass(2 * MINUTE);
        world.restart(ALICE);
        world.restart(BOB);
    }
    world.pass(HOUR);
    for index in [ALICE, BOB] {
        assert_eq!(generation(&mut world, index, id), (ConversationState::Active, 2));
        assert_eq!(bodies(&mut world, index), ["one", "two"]);
    }
}

#[test]
fn r1_two_people_go_on_when_the_server_has_lost_an_epoch_for_good() {
    let mut world = World::with(&["alice", "bob"]);
    world.send(ALICE, "@bob", "one");
    world.pass(HOUR);
    let backup = world.store.restored(IncarnationId::new([9; 16]));
    world.pass(25 * HOUR);
    // Bob's text takes a fresh leaf with it.
    world.send(BOB, "@alice", "two");
    world.pass(MINUTE);
    world.go_offline(BOB);
    world.restore_server(&backup);
    world.go_online(ALICE);
    world.send(ALICE, "@bob", "three");
    world.pass(2 * HOUR);
    world.go_online(BOB);
    world.pass(HOUR);
    world.send(BOB, "@alice", "four");
    world.pass(MINUTE);
    let by = world.account(ALICE);
    for index in [ALICE, BOB] {
        let row = world.conversations(index)[0].clone();
        assert_eq!((row.state, row.generation.0), (ConversationState::Active, 2), "device {index}");
        let mut all = bodies(&mut world, index);
        all.sort();
        assert_eq!(all, ["four", "one", "three", "two"]);
        assert!(world.notices(index).contains(&Notice::Renewed { by }));
    }
}
