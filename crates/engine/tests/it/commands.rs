//! Commands and what refuses them.

use std::time::Duration;

use hushwire_client_store::account::{self, Trust};
use hushwire_content::limits::TEXT_CHARS;
use hushwire_engine::{Alert, Command, Outcome, Recipient, Refusal};

use crate::world::{World, send};

#[test]
fn an_unknown_recipient_is_refused_and_nothing_is_stored() {
    let mut world = World::with(&["alice"]);
    let outcome = world.outcome(0, send("@nobody", "hello", None));
    assert_eq!(outcome, Outcome::Refused(Refusal::UnknownRecipient("@nobody".to_owned())));
    assert!(world.conversations(0).is_empty());
}

#[test]
fn an_unknown_handle_needs_the_server_and_a_known_one_does_not() {
    let mut world = World::with(&["alice", "bob", "carol"]);
    world.send(0, "@bob", "hello");
    world.pass(Duration::from_secs(5));
    world.go_offline(0);
    let outcome = world.outcome(0, send("@carol", "hello", None));
    assert_eq!(outcome, Outcome::Refused(Refusal::Offline("@carol".to_owned())));
    assert!(matches!(world.outcome(0, send("@bob", "later", None)), Outcome::Queued { .. }));
}

#[test]
fn a_connection_that_ends_ends_the_wait_for_a_look_up() {
    let mut world = World::with(&["alice", "bob"]);
    world.client(0).line = crate::world::Line::Deaf;
    let id = world.send(0, "@bob", "hello");
    world.settle();
    assert!(!world.client(0).outcomes.contains_key(&id));
    world.go_offline(0);
    assert_eq!(world.client(0).outcomes[&id], Outcome::Refused(Refusal::Offline("@bob".to_owned())));
}

#[test]
fn too_long_and_empty_texts_are_refused_with_a_sentence() {
    let mut world = World::with(&["alice", "bob"]);
    let long = "x".repeat(TEXT_CHARS + 1);
    let Outcome::Refused(refusal) = world.outcome(0, send("@bob", &long, None)) else {
        panic!("not refused")
    };
    assert_eq!(
        refusal.to_string(),
        "the message has 16385 characters; at most 16384 can be sent at once: split it or send a file"
    );
    assert_eq!(world.outcome(0, send("@bob", "  ", None)), Outcome::Refused(Refusal::Empty));
    assert!(world.conversations(0).is_empty());
}

#[test]
fn the_longest_text_arrives() {
    let mut world = World::with(&["alice", "bob"]);
    let long = "ü".repeat(TEXT_CHARS);
    world.send(0, "@bob", &long);
    world.pass(Duration::from_secs(5));
    assert_eq!(world.texts(1), [("alice", long)]);
}

#[test]
fn the_same_key_queues_a_text_once() {
    let mut world = World::with(&["alice", "bob"]);
    let first = world.outcome(0, send("@bob", "hello", Some("key")));
    let again = world.outcome(0, send("@bob", "hello", Some("key")));
    assert_eq!(first, again);
    world.pass(Duration::from_secs(5));
    world.restart(0);
    assert_eq!(world.outcome(0, send("@bob", "hello", Some("key"))), first);
    world.pass(Duration::from_secs(5));
    assert_eq!(world.texts(1).len(), 1);
}

#[test]
fn one_can_answer_in_the_conversation_and_to_the_account() {
    let mut world = World::with(&["alice", "bob"]);
    world.send(0, "@bob", "hello");
    world.pass(Duration::from_secs(5));
    let conversation = world.conversations(1)[0].id;
    let alice = world.account(0);
    for (to, text) in [(Recipient::Conversation(conversation), "one"), (Recipient::Account(alice), "two")] {
        let outcome = world.outcome(1, Command::Send { to, text: text.to_owned(), key: None });
        assert!(matches!(outcome, Outcome::Queued { .. }));
    }
    world.pass(Duration::from_secs(5));
    assert_eq!(world.texts(0).len(), 3);
}

#[test]
fn trust_and_names_are_kept() {
    let mut world = World::with(&["alice", "bob"]);
    let bob = world.account(1);
    let handle = "@bob".parse().unwrap();
    assert!(
        matches!(world.outcome(0, Command::LookUp { handle }), Outcome::Found { account, .. } if account == bob)
    );
    assert_eq!(world.outcome(0, Command::Verify { account: bob }), Outcome::Done);
    let name = Some("Bobby".to_owned());
    assert_eq!(world.outcome(0, Command::Name { account: bob, name: name.clone() }), Outcome::Done);
    world.restart(0);
    let now = world.now;
    let db = world.client(0).db.as_mut().unwrap();
    let row = db.read(|view| account::find(view, &bob)).unwrap().unwrap();
    assert_eq!((row.trust, row.local_name), (Trust::Verified { at: now }, name));
    assert_eq!(row.handle.as_deref(), Some("@bob"));
    assert_eq!(world.outcome(0, Command::Unverify { account: bob }), Outcome::Done);
    let long = Some("x".repeat(65));
    assert_eq!(
        world.outcome(0, Command::Name { account: bob, name: long }),
        Outcome::Refused(Refusal::NameTooLong(64))
    );
    assert_eq!(world.outcome(0, Command::AcceptChange { account: bob }), Outcome::Refused(Refusal::NoChange));
}

#[test]
fn a_handle_that_moves_to_another_account_blocks_sending_until_a_person_decides() {
    let mut world = World::with(&["alice", "bob", "mallory"]);
    world.send(0, "@bob", "hello");
    world.pass(Duration::from_secs(5));
    let (bob, mallory) = (world.account(1), world.account(2));
    world.swap = Some((bob, mallory));
    let handle: hushwire_identity::Handle = "@bob".parse().unwrap();
    let refused = Outcome::Refused(Refusal::AccountChanged("@bob".to_owned()));
    assert_eq!(world.outcome(0, Command::LookUp { handle: handle.clone() }), refused);
    let alert = Alert::AccountChanged { handle: "@bob".to_owned(), account: bob, successor: mallory };
    assert_eq!(world.alerts(0), [alert]);
    assert_eq!(world.outcome(0, send("@bob", "secret", None)), refused);
    world.pass(Duration::from_secs(5));
    assert_eq!(world.texts(2), []);

    assert_eq!(world.outcome(0, Command::RefuseChange { account: bob }), Outcome::Done);
    assert!(matches!(world.outcome(0, send("@bob", "to bob", None)), Outcome::Queued { .. }));
    world.pass(Duration::from_secs(5));
    assert_eq!(world.texts(1).len(), 2);

    assert_eq!(world.outcome(0, Command::LookUp { handle }), refused);
    assert!(matches!(
        world.outcome(0, Command::AcceptChange { account: bob }),
        Outcome::Found { account, .. } if account == mallory
    ));
    assert!(matches!(world.outcome(0, send("@bob", "to the new one", None)), Outcome::Queued { .. }));
    world.pass(Duration::from_secs(5));
    assert_eq!(world.texts(2).len(), 1);
    assert_eq!(world.texts(1).len(), 2);
}
