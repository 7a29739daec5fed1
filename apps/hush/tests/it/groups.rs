//! Groups, as people use them from a shell.

use serde_json::Value;

use crate::support::{World, texts};

impl World {
    /// Everything that a profile has of a group.
    pub(crate) fn of_group(&self, profile: &str, group: &str) -> Vec<Value> {
        self.run(profile, &["history", "--group", group, "--json", "--limit", "10000"]).expect(0).json()
    }

    fn lines_of_group(&self, profile: &str, group: &str) -> String {
        self.run(profile, &["history", "--group", group]).expect(0).text()
    }

    fn catch_up(&self, people: &[&str]) {
        for name in people {
            self.run(name, &["receive", "--json"]).expect(0);
        }
    }

    fn family() -> Self {
        let world = Self::of(&["alice", "bob", "carol"]);
        let made = world.run("alice", &["group", "create", "Family", "@bob", "@carol"]).expect(0).text();
        for line in ["Family", "@alice  owner", "@bob  member", "@carol  member"] {
            assert!(made.contains(line), "{made}");
        }
        world.catch_up(&["bob", "carol", "alice"]);
        world
    }
}

#[test]
fn a_group_is_made_talks_and_shows_who_is_in_it() {
    let world = World::family();
    let sent = world.run("alice", &["send", "--group", "Family", "hello all"]).expect(0);
    assert_eq!(sent.stdout, ["Sent to Family."]);
    let received = world.run("bob", &["receive", "--json"]).expect(0).json();
    let message = received.iter().find(|change| change["type"] == "message").unwrap();
    assert_eq!((&message["text"], &message["from"]), (&Value::from("hello all"), &Value::from("@alice")));
    world.run("bob", &["send", "-g", "family", "hello yourself"]).expect(0);
    world.catch_up(&["carol", "alice"]);
    assert_eq!(texts(&world.of_group("carol", "Family"), "received"), ["hello all", "hello yourself"]);

    let listed = world.run("carol", &["conversations", "--json"]).expect(0).json();
    assert_eq!((&listed[0]["with"]["group"], &listed[0]["with"]["members"]), (&"Family".into(), &3.into()));
    let shown = world.run("carol", &["group", "show", "Family", "--json"]).expect(0).json();
    assert_eq!(
        (&shown[0]["members"][0]["name"], &shown[0]["members"][0]["role"]),
        (&"@alice".into(), &"owner".into())
    );
    assert!(world.lines_of_group("bob", "Family").contains("-- @alice added you."));
}

#[test]
fn who_has_a_message_and_who_has_read_it_is_told_for_each_member() {
    let world = World::family();
    for name in ["bob", "carol"] {
        world.run(name, &["request", "accept", "--group", "Family"]).expect(0);
    }
    world.run("alice", &["send", "--group", "Family", "dinner at six"]).expect(0);
    world.catch_up(&["bob", "carol", "bob", "carol"]);
    world.run("carol", &["message", "read", "--group", "Family"]).expect(0);
    world.catch_up(&["alice"]);
    let rows = world.of_group("alice", "Family");
    let sent = rows.iter().find(|row| row["text"] == "dinner at six").unwrap();
    let readers = sent["readers"].as_array().unwrap();
    let told = |name: &str| {
        let reader = readers.iter().find(|reader| reader["person"]["name"] == name);
        let reader = reader.unwrap_or_else(|| panic!("{name} is not among {readers:#?}"));
        (reader["delivered_at"].is_string(), reader["read_at"].is_string())
    };
    assert_eq!((told("@bob"), told("@carol")), ((true, false), (true, true)));
}

#[test]
fn people_ask_by_a_link_and_an_admin_lets_them_in_or_not() {
    let world = World::of(&["alice", "bob", "carol", "dave"]);
    world.run("alice", &["group", "create", "Family", "@bob"]).expect(0);
    world.catch_up(&["bob", "alice"]);
    world.run("bob", &["group", "link", "Family"]).expect(1);
    let link = world.run("alice", &["group", "link", "Family"]).expect(0).text();
    let link = link.trim();
    assert!(link.starts_with("hush://127.0.0.1:") && link.contains("/g/"), "{link}");
    assert_eq!(world.run("alice", &["group", "link", "Family"]).expect(0).text().trim(), link);
    world.catch_up(&["bob"]);
    assert!(
        world.run("bob", &["group", "link", "Family"]).expect(0).text().contains("/g/"),
        "members hand it on"
    );

    for name in ["carol", "dave"] {
        assert!(world.run(name, &["group", "join", link]).expect(0).text().starts_with("Asked."));
    }
    world.catch_up(&["alice"]);
    let shown = world.run("alice", &["group", "show", "Family", "--json"]).expect(0).json();
    let mut asking: Vec<&str> =
        shown[0]["asking"].as_array().unwrap().iter().map(|who| who["name"].as_str().unwrap()).collect();
    asking.sort_unstable();
    assert_eq!(asking, ["@carol", "@dave"]);
    assert!(world.run("alice", &["request", "list", "--json"]).expect(0).json().is_empty());
    world.run("alice", &["group", "refuse", "Family", "@dave"]).expect(0);
    world.run("alice", &["group", "admit", "Family", "@carol"]).expect(0);
    assert_eq!(world.run("alice", &["group", "admit", "Family", "@dave"]).code, Some(1));
    world.catch_up(&["carol", "dave"]);
    assert!(
        world.run("carol", &["request", "list", "--json"]).expect(0).json().is_empty(),
        "she asked for it"
    );
    world.run("carol", &["send", "--group", "Family", "here I am"]).expect(0);
    world.catch_up(&["bob"]);
    assert!(texts(&world.of_group("bob", "Family"), "received").iter().any(|text| text == "here I am"));
    assert!(world.run("dave", &["group", "list", "--json"]).expect(0).json().is_empty());

    world.run("alice", &["group", "link", "Family", "--off"]).expect(0);
    world.run("dave", &["group", "join", "hush://127.0.0.1/i/K7QF-2M9D#x"]).expect(2);
}

#[test]
fn admins_put_people_out_and_let_them_in_again() {
    let world = World::family();
    world.run("bob", &["group", "remove", "Family", "@carol"]).expect(1).sentence(&["ask one of its admins"]);
    world.run("alice", &["group", "role", "Family", "@bob", "admin"]).expect(0);
    world.catch_up(&["bob", "carol"]);
    world.run("bob", &["group", "remove", "Family", "@carol"]).expect(0);
    world.run("bob", &["send", "--group", "Family", "carol does not read this"]).expect(0);
    world.catch_up(&["carol", "alice"]);
    world.run("carol", &["send", "--group", "Family", "hello?"]).expect(1).sentence(&["not in this group"]);
    assert!(world.lines_of_group("carol", "Family").contains("-- @bob removed you from the group."));
    assert!(world.lines_of_group("alice", "Family").contains("-- @bob removed @carol."));

    world.run("bob", &["group", "add", "Family", "@carol"]).expect(0);
    world.catch_up(&["carol", "alice", "bob"]);
    world.run("alice", &["send", "--group", "Family", "welcome back"]).expect(0);
    world.catch_up(&["carol"]);
    assert_eq!(texts(&world.of_group("carol", "Family"), "received"), ["welcome back"]);
}

#[test]
fn who_is_added_is_handed_the_last_messages_as_the_adders_word() {
    let world = World::of(&["alice", "bob", "carol", "dave"]);
    world.run("alice", &["group", "create", "Family", "@bob"]).expect(0);
    world.catch_up(&["bob", "alice"]);
    for (name, text) in [("alice", "long ago"), ("bob", "dinner at six"), ("alice", "I bring soup")] {
        world.run(name, &["send", "--group", "Family", text]).expect(0);
        world.catch_up(&["alice", "bob"]);
    }
    world
        .run("alice", &["group", "add", "Family", "@carol", "--history", "201"])
        .expect(2)
        .sentence(&["200"]);
    world.run("alice", &["group", "add", "Family", "@carol", "--history", "2"]).expect(0);
    let received = world.run("carol", &["receive", "--json"]).expect(0).json();
    assert!(received.iter().all(|change| change["type"] != "message"), "{received:#?}");
    let rows = world.of_group("carol", "Family");
    assert_eq!(texts(&rows, "received"), ["dinner at six", "I bring soup"]);
    let told: Vec<(&Value, &Value)> = rows
        .iter()
        .filter(|row| row["type"] == "text")
        .map(|row| (&row["from"]["name"], &row["handed_over_by"]["name"]))
        .collect();
    let [alice, bob] = ["@alice", "@bob"].map(Value::from);
    assert_eq!(told, [(&bob, &alice), (&alice, &alice)]);
    let listed = world.run("carol", &["conversations", "--json"]).expect(0).json();
    assert_eq!(listed[0]["unread"], 0);
    let lines = world.lines_of_group("carol", "Family");
    assert!(
        lines.contains("@bob (as told by @alice): dinner at six")
            && lines.contains(" handed the last 2 messages to @carol."),
        "{lines}"
    );
    let page = world.run("carol", &["export", "--group", "Family", "-"]).expect(0).text();
    assert!(page.contains(" · handed over by @alice"), "{page}");
    world.catch_up(&["bob"]);
    let told = "-- @alice handed the last 2 messages to @carol.";
    for name in ["alice", "bob"] {
        let lines = world.lines_of_group(name, "Family");
        assert!(lines.contains(told) && !lines.contains("as told by"), "{lines}");
    }
    // What was handed over can be answered like anything else, and without a word nothing is.
    let id = rows.iter().find(|row| row["text"] == "dinner at six").unwrap()["id"].as_str().unwrap();
    world.run("carol", &["message", "reply", "--group", "Family", id, "me too"]).expect(0);
    world.catch_up(&["bob"]);
    let rows = world.of_group("bob", "Family");
    let reply = rows.iter().find(|row| row["text"] == "me too").unwrap();
    assert_eq!((&reply["quote"]["text"], &reply["calls_me"]), (&"dinner at six".into(), &true.into()));
    world.catch_up(&["alice"]);
    world.run("alice", &["group", "add", "Family", "@dave"]).expect(0);
    world.catch_up(&["dave"]);
    assert!(texts(&world.of_group("dave", "Family"), "received").is_empty());
}

#[test]
fn a_group_is_renamed_described_and_left() {
    let world = World::family();
    world.run("carol", &["group", "rename", "Family", "The family"]).expect(0);
    world.run("carol", &["group", "describe", "The family", "Sundays at six"]).expect(0);
    world.run("alice", &["receive"]).expect(0);
    world
        .run("alice", &["group", "allow", "The family", "--write", "admins", "--details", "admins"])
        .expect(0);
    world.catch_up(&["bob", "carol"]);
    let shown = world.run("bob", &["group", "show", "The family"]).expect(0).text();
    assert!(shown.contains("Sundays at six") && shown.contains("write: admins"), "{shown}");
    world.run("bob", &["send", "-g", "The family", "psst"]).expect(1).sentence(&["only admins write"]);
    world
        .run("bob", &["group", "rename", "The family", "Mine"])
        .expect(1)
        .sentence(&["ask one of its admins"]);

    world.run("alice", &["group", "leave", "The family"]).expect(0);
    world.catch_up(&["bob", "carol", "bob"]);
    let shown = world.run("bob", &["group", "show", "The family"]).expect(0).text();
    assert!(!shown.contains("@alice"), "{shown}");
    let left = world.run("alice", &["group", "list"]).expect(0).text();
    assert!(left.contains("(left)"), "{left}");
    let history = world.lines_of_group("carol", "The family");
    assert!(history.contains("-- @alice left the group."), "{history}");
    assert!(history.contains("named the group \u{201c}The family\u{201d}."), "{history}");
}

#[test]
fn a_group_that_is_not_there_and_people_that_are_nobody_are_said() {
    let world = World::of(&["alice", "bob"]);
    world.run("alice", &["send", "--group", "Nowhere", "hello"]).expect(7).sentence(&["no group"]);
    world.run("alice", &["group", "create", "Ghosts", "@nobody"]).expect(7).sentence(&["@nobody"]);
    world.run("alice", &["group", "create", " ", "@bob"]).expect(2).sentence(&["needs a name"]);
    world.run("alice", &["send", "hello"]).expect(2).sentence(&["at least one recipient"]);
    // A group of one is a group.
    world.run("alice", &["group", "create", "Alone"]).expect(0);
    world.run("alice", &["send", "--group", "Alone", "a note"]).expect(0);
    world.run("alice", &["group", "add", "Alone", "@bob"]).expect(0);
    world.catch_up(&["bob"]);
    world.run("alice", &["send", "--group", "Alone", "not alone"]).expect(0);
    world.catch_up(&["bob"]);
    assert_eq!(texts(&world.of_group("bob", "Alone"), "received"), ["not alone"]);
}
