//! The straight way: find, open, send, receive, confirm.

use std::time::Duration;

use hushwire_client_store::conversation::ConversationState;
use hushwire_engine::{Command, Event, Outcome, Recipient};

use crate::world::World;

fn text(author: &'static str, body: &str) -> (&'static str, String) {
    (author, body.to_owned())
}

#[test]
fn a_first_text_reaches_its_recipient_and_is_confirmed() {
    let mut world = World::with(&["alice", "bob"]);
    let id = world.send(0, "@bob", "hello");
    world.pass(Duration::from_secs(5));
    assert!(matches!(world.client(0).outcomes[&id], Outcome::Queued { .. }));
    assert_eq!(world.texts(1), [text("alice", "hello")]);
    assert_eq!(world.texts(0), [text("alice", "hello")]);
    for kind in ["queued", "sent", "delivered"] {
        assert_eq!(world.count(0, kind), 1, "{kind}");
    }
    assert_eq!(world.count(1, "message"), 1);
    assert_eq!(world.alerts(0), []);
    assert_eq!(world.alerts(1), []);
}

#[test]
fn both_sides_talk_in_order() {
    let mut world = World::with(&["alice", "bob"]);
    for round in 0..10 {
        world.send(0, "@bob", &format!("a{round}"));
        world.send(1, "@alice", &format!("b{round}"));
        world.pass(Duration::from_secs(2));
    }
    let (alices, bobs) = (world.texts(0), world.texts(1));
    assert_eq!(alices.len(), 20);
    assert_eq!(alices, bobs);
    for (author, prefix) in [("alice", "a"), ("bob", "b")] {
        let said: Vec<_> =
            alices.iter().filter(|(by, _)| *by == author).map(|(_, body)| body.clone()).collect();
        assert_eq!(said, (0..10).map(|round| format!("{prefix}{round}")).collect::<Vec<_>>());
    }
    assert_eq!((world.alerts(0), world.alerts(1)), (vec![], vec![]));
}

#[test]
fn texts_wait_for_a_recipient_that_is_offline() {
    let mut world = World::with(&["alice", "bob"]);
    world.kill(1);
    for round in 0..5 {
        world.send(0, "@bob", &format!("{round}"));
    }
    world.pass(Duration::from_secs(5));
    assert_eq!(world.count(0, "sent"), 5);
    world.start(1);
    world.go_online(1);
    world.pass(Duration::from_secs(5));
    assert_eq!(world.texts(1).len(), 5);
    assert_eq!(world.count(0, "delivered"), 5);
}

#[test]
fn texts_written_offline_are_sent_when_online() {
    let mut world = World::with(&["alice", "bob"]);
    world.send(0, "@bob", "first");
    world.pass(Duration::from_secs(5));
    world.go_offline(0);
    for round in 0..100 {
        world.send(0, "@bob", &format!("{round}"));
    }
    world.restart(0);
    world.pass(Duration::from_secs(120));
    let said: Vec<String> = world.texts(1).into_iter().map(|(_, body)| body).collect();
    let expected: Vec<String> =
        std::iter::once("first".to_owned()).chain((0..100).map(|round| round.to_string())).collect();
    assert_eq!(said, expected);
}

#[test]
fn two_that_write_first_at_once_end_in_one_conversation() {
    let mut world = World::with(&["alice", "bob"]);
    world.send(0, "@bob", "from alice");
    world.send(1, "@alice", "from bob");
    world.pass(Duration::from_secs(60));
    let mut alices = world.texts(0);
    let mut bobs = world.texts(1);
    assert_eq!(alices, bobs);
    alices.sort();
    bobs.sort();
    assert_eq!(alices, [text("alice", "from alice"), text("bob", "from bob")]);
    for index in 0..2 {
        let conversations = world.conversations(index);
        assert_eq!(conversations.len(), 1);
        assert_eq!(conversations[0].state, ConversationState::Active);
        assert_eq!(world.alerts(index), []);
    }
    assert_eq!(world.conversations(0)[0].group, world.conversations(1)[0].group);
}

#[test]
fn everybody_takes_a_fresh_leaf_after_joining() {
    let mut world = World::with(&["alice", "bob"]);
    world.send(0, "@bob", "hello");
    world.pass(Duration::from_secs(120));
    // Epoch 1 is the first Commit, epoch 2 the fresh leaf of the one who was added.
    assert_eq!(world.conversations(0)[0].known_epoch.0, 2);
    assert_eq!(world.conversations(1)[0].known_epoch.0, 2);
}

#[test]
fn many_texts_bring_commits_in_between() {
    let mut world = World::with(&["alice", "bob"]);
    for round in 0..1200 {
        world.send(0, "@bob", &format!("{round}"));
        if round % 40 == 0 {
            world.settle();
        }
    }
    world.pass(Duration::from_secs(600));
    let said: Vec<String> = world.texts(1).into_iter().map(|(_, body)| body).collect();
    assert_eq!(said, (0..1200).map(|round| round.to_string()).collect::<Vec<_>>());
    assert!(world.conversations(0)[0].known_epoch.0 >= 4);
    assert_eq!((world.alerts(0), world.alerts(1)), (vec![], vec![]));
}

#[test]
fn many_people_talk_to_one() {
    let mut world = World::with(&["alice", "bob", "carol", "dave"]);
    for index in 1..4 {
        world.send(index, "@alice", &format!("hello from {index}"));
    }
    world.pass(Duration::from_secs(600));
    assert_eq!(world.texts(0).len(), 3);
    assert_eq!(world.conversations(0).len(), 3);
    let messages = world.events(0).into_iter().filter(|event| matches!(event, Event::Message { .. })).count();
    assert_eq!(messages, 3);
}

#[test]
fn notes_to_oneself_are_on_all_own_devices_and_on_no_others() {
    let mut world = World::with(&["alice", "bob"]);
    let note = |world: &mut World, index: usize, text: &str| {
        world.send(index, "@alice", text);
        world.pass(Duration::from_secs(120));
    };
    note(&mut world, 0, "milk");
    assert_eq!((world.count(0, "sent"), world.texts(0)), (1, vec![text("alice", "milk")]));
    let laptop = world.link(0);
    world.pass(Duration::from_secs(120));
    note(&mut world, laptop, "bread");
    note(&mut world, 0, "butter");
    assert_eq!(world.texts(0), [text("alice", "milk"), text("alice", "bread"), text("alice", "butter")]);
    assert_eq!(world.texts(laptop), [text("alice", "bread"), text("alice", "butter")]);
    assert_eq!((world.texts(1), world.conversations(1)), (vec![], vec![]));
    // Nobody confirms to oneself, and nobody sees a mismatch.
    assert_eq!(world.count(0, "delivered"), 0);
    assert_eq!((world.alerts(0).len(), world.alerts(laptop).len()), (1, 0), "{:?}", world.alerts(0));
}

#[test]
fn two_devices_that_begin_their_notes_at_once_end_with_one_conversation() {
    let mut world = World::with(&["alice"]);
    let laptop = world.link(0);
    world.settle();
    world.go_offline(laptop);
    world.go_offline(0);
    for (index, text) in [(0, "from the phone"), (laptop, "from the laptop")] {
        let to = Recipient::Account(world.account(0));
        world.command(index, Command::Send { to, text: text.to_owned(), key: None });
    }
    world.go_online(laptop);
    world.go_online(0);
    world.pass(Duration::from_secs(300));
    for index in [0, laptop] {
        let mut shown: Vec<String> = world.texts(index).into_iter().map(|(_, body)| body).collect();
        shown.sort_unstable();
        assert_eq!(shown, ["from the laptop", "from the phone"], "device {index}");
    }
}
