//! Copies and restores of either side (rule R10).

use std::time::Duration;

use hushwire_client_store::conversation::ConversationState;
use hushwire_client_store::timeline::EntryState;
use hushwire_engine::{Alert, Command, Notice};
use hushwire_types::ConversationId;

use crate::world::World;

const HOUR: Duration = Duration::from_secs(3600);

fn bodies(world: &mut World, index: usize) -> Vec<String> {
    world.texts(index).into_iter().map(|(_, body)| body).collect()
}

#[test]
fn r10_an_old_copy_of_a_profile_enters_anew_before_it_says_anything() {
    let mut world = World::with(&["alice", "bob"]);
    world.send(0, "@bob", "one");
    world.pass(Duration::from_secs(90));
    let copy = world.back_up(0);
    for text in ["two", "three"] {
        world.send(0, "@bob", text);
        world.pass(Duration::from_secs(2));
    }
    world.restore(0, &copy);
    world.send(0, "@bob", "four");
    world.pass(Duration::from_secs(200));
    assert_eq!(bodies(&mut world, 1), ["one", "two", "three", "four"]);
    assert_eq!(world.alerts(0), [Alert::OldCopy]);
    assert_eq!(world.alerts(1), []);
    assert!(world.notices(0).contains(&Notice::Rejoined));
    assert!(world.notices(1).iter().any(|notice| matches!(notice, Notice::DeviceRejoined { .. })));
    world.send(1, "@alice", "five");
    world.pass(Duration::from_secs(10));
    assert_eq!(bodies(&mut world, 0).last().map(String::as_str), Some("five"));
}

#[test]
fn r10_a_copy_that_only_received_is_noticed_too() {
    let mut world = World::with(&["alice", "bob"]);
    world.send(0, "@bob", "one");
    world.pass(Duration::from_secs(90));
    let copy = world.back_up(1);
    world.send(0, "@bob", "two");
    world.pass(Duration::from_secs(10));
    world.restore(1, &copy);
    world.pass(Duration::from_secs(200));
    world.send(0, "@bob", "three");
    world.send(1, "@alice", "four");
    world.pass(Duration::from_secs(10));
    assert_eq!(bodies(&mut world, 1), ["one", "three", "four"]);
    assert_eq!(bodies(&mut world, 0), ["one", "two", "three", "four"]);
    assert_eq!(world.alerts(1), [Alert::OldCopy]);
    assert_eq!(world.alerts(0), []);
}

/// Nobody was sent two ciphertexts under one key: the second is a line that cannot be read, for a key goes with its first use.
fn nothing_is_unreadable(world: &mut World) {
    for index in 0..world.clients.len() {
        let timeline = world.timeline(index);
        assert!(
            timeline.iter().all(|entry| !matches!(entry.entry.state, EntryState::Unreadable { .. })),
            "device {index}"
        );
    }
}

fn direct(world: &mut World) -> ConversationId {
    world.conversations(1).iter().find(|row| row.kind.peer().is_some()).unwrap().id
}

#[test]
fn r10_a_copy_is_noticed_where_the_other_only_said_that_somebody_writes() {
    let mut world = World::with(&["alice", "bob"]);
    world.send(0, "@bob", "one");
    world.send(1, "@alice", "yes?");
    world.pass(Duration::from_secs(90));
    let copy = world.back_up(0);
    world.pass(Duration::from_secs(10));
    let conversation = direct(&mut world);
    world.command(0, Command::Typing { conversation, stopped: false });
    world.pass(Duration::from_secs(1));
    let account = world.account(0);
    assert_eq!(world.typed, [(1, account, false)], "a key is used up, and nothing counts it");
    world.restore(0, &copy);
    world.send(0, "@bob", "two");
    world.pass(Duration::from_secs(200));
    assert_eq!(bodies(&mut world, 1), ["one", "yes?", "two"]);
    assert_eq!(world.alerts(0), [Alert::OldCopy]);
    nothing_is_unreadable(&mut world);
}

#[test]
fn r10_two_copies_that_are_used_in_turns_lose_nothing_and_use_no_key_twice() {
    let mut world = World::with(&["alice", "bob", "carol"]);
    let id = world.make_group(0, "Choir", &["bob", "carol"]);
    world.send(0, "@bob", "before");
    world.say(0, id, "all before");
    world.pass(Duration::from_secs(90));
    let files = world.back_up(0);
    let copy = world.run_copy(0, &files);
    world.kill(copy);
    let mut said = Vec::new();
    for turn in 0..6 {
        let (used, other) = if turn % 2 == 0 { (0, copy) } else { (copy, 0) };
        world.kill(other);
        world.kill(used);
        world.start(used);
        let [to_bob, to_all] = ["bob", "all"].map(|whom| format!("{turn} to {whom}"));
        // What waits goes out as soon as it may.
        world.send(used, "@bob", &to_bob);
        world.say(used, id, &to_all);
        world.go_online(used);
        world.pass(Duration::from_secs(200));
        world.say(1, id, &format!("{turn} of bob"));
        world.pass(Duration::from_secs(10));
        said.extend([to_bob, to_all, format!("{turn} of bob")]);
        assert!(bodies(&mut world, used).contains(&format!("{turn} of bob")));
    }
    world.start(0);
    for text in &said {
        let times =
            |world: &mut World, index| bodies(world, index).iter().filter(|body| *body == text).count();
        assert_eq!(times(&mut world, 1), 1, "{text}");
        let of_group = usize::from(!text.ends_with("to bob"));
        assert_eq!(times(&mut world, 2), of_group, "{text}");
        assert!(times(&mut world, 0) <= 1 && times(&mut world, copy) <= 1, "{text}");
    }
    assert!(world.alerts(0).iter().chain(&world.alerts(copy)).all(|alert| *alert == Alert::OldCopy));
    assert_eq!((world.alerts(0).len(), world.alerts(copy).len()), (2, 3), "at each login but the first one");
    nothing_is_unreadable(&mut world);
}

#[test]
fn r10_what_an_old_copy_had_encrypted_and_not_sent_is_said_once_with_another_key() {
    let mut world = World::with(&["alice", "bob", "carol"]);
    for to in ["@bob", "@carol"] {
        world.send(0, to, "one");
    }
    world.pass(Duration::from_secs(90));
    let files = world.back_up(0);
    let copy = world.run_copy(0, &files);
    // It dies with a ciphertext for carol that nobody has got, and with the next number gone.
    world.clients[0].kill_at = Some(world.clients[0].steps + 1);
    world.send(0, "@carol", "two");
    world.go_online(copy);
    world.send(copy, "@bob", "three");
    world.pass(Duration::from_secs(200));
    world.kill(copy);
    world.start(0);
    world.send(0, "@bob", "four");
    world.go_online(0);
    world.pass(Duration::from_secs(200));
    world.start(copy);
    assert_eq!(bodies(&mut world, 1), ["one", "three", "four"]);
    assert_eq!(bodies(&mut world, 2), ["one", "two"]);
    nothing_is_unreadable(&mut world);
}

#[test]
fn r10_of_two_copies_at_once_the_newer_login_goes_on_and_the_other_notices() {
    let mut world = World::with(&["alice", "bob"]);
    world.send(0, "@bob", "one");
    world.pass(Duration::from_secs(90));
    let files = world.back_up(0);
    let copy = world.run_copy(0, &files);
    world.go_online(copy);
    // The older one does not know yet that its connection has ended, and encrypts.
    world.send(0, "@bob", "two");
    world.send(copy, "@bob", "three");
    world.pass(Duration::from_secs(200));
    assert_eq!(world.alerts(copy), [Alert::OldCopy], "before it said anything");
    world.go_online(0);
    world.pass(Duration::from_secs(200));
    assert_eq!(world.alerts(0), [Alert::OldCopy]);
    let mut all = bodies(&mut world, 1);
    all.sort();
    assert_eq!(all, ["one", "three", "two"]);
    nothing_is_unreadable(&mut world);
}

#[test]
fn r10_a_login_that_came_late_or_was_never_answered_is_no_copy() {
    let mut world = World::with(&["alice", "bob"]);
    world.send(0, "@bob", "one");
    world.pass(Duration::from_secs(90));
    for _ in 0..3 {
        world.log_in_unheard(0);
    }
    world.go_online(0);
    world.restart(0);
    world.send(0, "@bob", "two");
    world.pass(Duration::from_secs(200));
    assert_eq!(bodies(&mut world, 1), ["one", "two"]);
    assert_eq!(world.alerts(0), []);
    assert!(!world.notices(0).contains(&Notice::Rejoined));
}

#[test]
fn r10_a_restored_server_is_sent_again_what_it_lost() {
    let mut world = World::with(&["alice", "bob"]);
    world.send(0, "@bob", "one");
    world.pass(Duration::from_secs(90));
    let backup = world.store.restored(hushwire_types::IncarnationId::new([9; 16]));
    world.go_offline(1);
    for text in ["two", "three"] {
        world.send(0, "@bob", text);
        world.pass(Duration::from_secs(2));
    }
    world.restore_server(&backup);
    world.go_online(0);
    world.go_online(1);
    world.pass(Duration::from_secs(200));
    assert_eq!(bodies(&mut world, 1), ["one", "two", "three"]);
    assert_eq!(world.alerts(0), [Alert::ServerRestored]);
    assert_eq!(world.alerts(1), [Alert::ServerRestored]);
    world.send(1, "@alice", "four");
    world.pass(Duration::from_secs(200));
    assert_eq!(bodies(&mut world, 0), ["one", "two", "three", "four"]);
}

#[test]
fn r10_what_was_received_already_is_not_shown_twice_after_a_restore_of_the_server() {
    let mut world = World::with(&["alice", "bob"]);
    world.send(0, "@bob", "one");
    world.pass(Duration::from_secs(90));
    let backup = world.store.restored(hushwire_types::IncarnationId::new([9; 16]));
    for round in 0..4 {
        world.send(0, "@bob", &format!("a{round}"));
        world.send(1, "@alice", &format!("b{round}"));
        world.pass(Duration::from_secs(2));
    }
    world.restore_server(&backup);
    world.go_online(0);
    world.go_online(1);
    world.pass(Duration::from_secs(200));
    world.send(0, "@bob", "last");
    world.pass(Duration::from_secs(200));
    assert_eq!(world.texts(1).len(), 10);
    assert_eq!(world.texts(0).len(), 10);
    for index in 0..2 {
        assert_eq!(world.alerts(index), [Alert::ServerRestored]);
        assert_eq!(world.notices(index), []);
    }
}

#[test]
fn r10_a_server_that_lost_the_conversation_is_given_it_again() {
    let mut world = World::with(&["alice", "bob"]);
    let backup = world.store.restored(hushwire_types::IncarnationId::new([9; 16]));
    world.send(0, "@bob", "one");
    world.pass(Duration::from_secs(90));
    world.send(1, "@alice", "two");
    world.pass(Duration::from_secs(5));
    world.restore_server(&backup);
    world.go_online(0);
    world.go_online(1);
    world.pass(HOUR);
    world.send(0, "@bob", "three");
    world.pass(HOUR);
    assert_eq!(bodies(&mut world, 1), ["one", "two", "three"]);
    for index in 0..2 {
        assert_eq!(world.conversations(index)[0].state, ConversationState::Active);
        assert_eq!(world.alerts(index), [Alert::ServerRestored]);
    }
}
