//! Copies and restores of either side (rule R10).

use std::time::Duration;

use hushwire_client_store::conversation::ConversationState;
use hushwire_engine::{Alert, Notice};

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
