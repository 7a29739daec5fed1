//! Messages after they were sent: replied to, reacted to, put otherwise, deleted, read.

use serde_json::Value;

use crate::support::World;

/// The one row of this text.
fn row(world: &World, profile: &str, with: &str, text: &str) -> Value {
    let rows = world.history(profile, with);
    let found: Vec<&Value> = rows.iter().filter(|row| row["text"] == text).collect();
    assert_eq!(found.len(), 1, "{text:?} in {rows:#?}");
    found[0].clone()
}

fn id(world: &World, profile: &str, with: &str, text: &str) -> String {
    row(world, profile, with, text)["id"].as_str().unwrap().to_owned()
}

fn message(world: &World, profile: &str, words: &[&str]) {
    world.run(profile, &[&["message"], words].concat()).expect(0);
}

#[test]
fn a_reply_a_reaction_and_an_edit_are_shown_to_both() {
    let world = World::of(&["alice", "bob"]);
    world.run("alice", &["send", "@bob", "Are you coming?"]).expect(0);
    world.run("bob", &["receive"]).expect(0);
    let question = id(&world, "bob", "@alice", "Are you coming?");
    // The beginning of an id is enough.
    message(&world, "bob", &["reply", "--with", "@alice", question.split_at(8).0, "Yes"]);
    message(&world, "bob", &["react", "--with", "@alice", &question, "👍"]);
    let shown = world.run("alice", &["receive", "--json"]).expect(0).json();
    let reacted = shown.iter().find(|change| change["type"] == "reacted").unwrap();
    assert_eq!(
        (&reacted["id"], &reacted["reactions"][0]["emoji"]),
        (&Value::from(question.as_str()), &Value::from("👍"))
    );
    let reply = row(&world, "alice", "@bob", "Yes");
    assert_eq!(reply["quote"]["text"], "Are you coming?");
    assert_eq!(row(&world, "alice", "@bob", "Are you coming?")["reactions"][0]["emoji"], "👍");
    world.run("alice", &["history", "@bob"]).expect(0).shows("[👍 @bob]");

    message(&world, "alice", &["edit", "--with", "@bob", &question, "Will you come?"]);
    message(&world, "bob", &["react", "--with", "@alice", &question]);
    world.run("bob", &["receive"]).expect(0).shows("Will you come?");
    let edited = row(&world, "bob", "@alice", "Will you come?");
    assert_eq!(
        (&edited["edited"], &edited["earlier"][0]),
        (&Value::from(true), &Value::from("Are you coming?"))
    );
    assert_eq!(edited["reactions"], Value::Array(Vec::new()));
    assert_eq!(row(&world, "bob", "@alice", "Yes")["quote"]["text"], "Are you coming?");
}

#[test]
fn what_was_deleted_is_in_no_history() {
    let world = World::of(&["alice", "bob"]);
    for text in ["first", "second"] {
        world.run("alice", &["send", "@bob", text]).expect(0);
    }
    world.run("bob", &["receive"]).expect(0);
    let (first, second) = (id(&world, "bob", "@alice", "first"), id(&world, "bob", "@alice", "second"));
    let foreign = ["message", "delete", "--with", "@alice", &first];
    world.run("bob", &foreign).expect(1).sentence(&["only whoever wrote"]);
    message(&world, "bob", &["delete", "--with", "@alice", &second, "--here"]);
    message(&world, "alice", &["delete", "--with", "@bob", &first]);
    world.run("bob", &["receive"]).expect(0);
    let rows = world.history("bob", "@alice");
    let texts: Vec<&Value> =
        rows.iter().filter(|row| row["type"] != "notice").map(|row| &row["type"]).collect();
    assert_eq!(texts, ["deleted"], "{rows:#?}");
    assert_eq!(row(&world, "alice", "@bob", "second")["type"], "text");
    let gone = ["message", "edit", "--with", "@bob", &first, "back"];
    world.run("alice", &gone).expect(1).sentence(&["no such message"]);
    world
        .run("alice", &["message", "edit", "--with", "@bob", "zzzz", "x"])
        .expect(2)
        .sentence(&["no message zzzz"]);
}

#[test]
fn what_was_read_is_told_unless_that_is_turned_off() {
    let world = World::of(&["alice", "bob"]);
    let unread = |profile: &str| {
        world.run(profile, &["conversations", "--json"]).expect(0).json()[0]["unread"].clone()
    };
    // Whoever writes to somebody is no stranger to them.
    world.run("bob", &["send", "@alice", "hello"]).expect(0);
    world.run("alice", &["receive"]).expect(0);
    world.run("alice", &["send", "@bob", "one"]).expect(0);
    world.run("bob", &["receive"]).expect(0);
    assert_eq!(unread("bob"), 1);
    world.run("bob", &["conversations"]).expect(0).shows("(1 new)");
    message(&world, "bob", &["read", "--with", "@alice"]);
    assert_eq!(unread("bob"), 0);
    world.run("alice", &["receive"]).expect(0);
    assert_eq!(row(&world, "alice", "@bob", "one")["state"], "read");
    world.run("alice", &["history", "@bob"]).expect(0).shows("✓✓ read");

    world.run("bob", &["settings", "--receipts", "off"]).expect(0).shows("receipts  off");
    world.run("alice", &["send", "@bob", "two"]).expect(0);
    world.run("bob", &["receive"]).expect(0);
    message(&world, "bob", &["read", "--with", "@alice"]);
    world.run("alice", &["receive"]).expect(0);
    assert_eq!(row(&world, "alice", "@bob", "two")["state"], "delivered");
    assert_eq!(unread("bob"), 0);
}
