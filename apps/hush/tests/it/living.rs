//! What makes conversations livable: settings, requests, blocks, names, timers, polls, pins, stars, cards, forwarding, mentions.

use serde_json::Value;

use crate::devices::link;
use crate::support::{World, soon};

impl World {
    /// The one conversation of a profile's list that is called so.
    fn listed(&self, profile: &str, name: &str) -> Value {
        let all = self.run(profile, &["conversations", "--all", "--json"]).expect(0).json();
        let called = |shown: &&Value| shown["with"]["name"] == name || shown["with"]["group"] == name;
        all.iter().find(called).unwrap_or_else(|| panic!("no {name} in {all:#?}")).clone()
    }

    fn fetch(&self, profile: &str) -> Vec<Value> {
        self.run(profile, &["receive", "--json"]).expect(0).json()
    }

    /// Two people who have written to each other.
    fn friends() -> Self {
        let world = Self::of(&["alice", "bob"]);
        world.run("alice", &["send", "@bob", "hello"]).expect(0);
        world.fetch("bob");
        world.run("bob", &["send", "@alice", "hello yourself"]).expect(0);
        world.fetch("alice");
        world
    }

    /// The latest row of a conversation that is no notice.
    fn latest(&self, profile: &str, with: &str) -> Value {
        let rows = self.history(profile, with);
        rows.iter().rev().find(|row| row["type"] != "notice").unwrap().clone()
    }
}

fn id(row: &Value) -> &str {
    row["id"].as_str().unwrap()
}

#[test]
fn a_stranger_hears_nothing_before_they_are_accepted() {
    let world = World::of(&["alice", "bob"]);
    world.run("alice", &["send", "@bob", "do you know me?"]).expect(0);
    world.fetch("bob");
    assert_eq!(world.listed("bob", "@alice")["request"], true);
    world.run("bob", &["conversations"]).expect(0).shows("(request)");
    assert_eq!(world.run("bob", &["request", "list", "--json"]).expect(0).json().len(), 1);
    world.fetch("alice");
    assert_eq!(world.latest("alice", "@bob")["state"], "sent");
    world.run("bob", &["request", "accept", "--with", "@alice"]).expect(0).shows("accepted");
    world.fetch("bob");
    world.fetch("alice");
    assert_eq!(world.latest("alice", "@bob")["state"], "delivered");
    assert_eq!(world.listed("bob", "@alice")["request"], false);
    world.run("bob", &["request", "decline", "--with", "@alice"]).expect(1).sentence(&["no request"]);
}

#[test]
fn a_declined_stranger_is_gone_and_a_group_of_theirs_is_left() {
    let world = World::of(&["alice", "bob"]);
    world.run("alice", &["send", "@bob", "buy something"]).expect(0);
    world.run("alice", &["group", "create", "Bargains", "@bob"]).expect(0);
    world.fetch("bob");
    let waiting = world.run("bob", &["request", "list", "--json"]).expect(0).json();
    assert_eq!(waiting.len(), 2, "{waiting:#?}");
    world.run("bob", &["request", "decline", "--with", "@alice"]).expect(0).shows("declined");
    world.run("bob", &["request", "decline", "--group", "Bargains"]).expect(0);
    assert!(world.history("bob", "@alice").iter().all(|row| row["text"] != "buy something"));
    assert!(world.run("bob", &["request", "list", "--json"]).expect(0).json().is_empty());
    world.fetch("alice");
    let members = world.run("alice", &["group", "show", "Bargains", "--json"]).expect(0).json();
    assert_eq!(members[0]["members"].as_array().unwrap().len(), 1, "{members:#?}");
    // Who has switched requests off talks with everybody.
    world.run("bob", &["settings", "--requests", "off"]).expect(0).shows("requests  off");
    world.run("alice", &["send", "@bob", "me again"]).expect(0);
    world.fetch("bob");
    assert_eq!(world.listed("bob", "@alice")["request"], false);
}

#[test]
fn nothing_of_a_blocked_account_is_shown_and_nothing_sent_to_it() {
    let world = World::friends();
    let blocked = world.run("bob", &["contact", "block", "@alice", "--json"]).expect(0).json();
    assert_eq!(blocked[0]["blocked"], true);
    world.run("bob", &["contacts"]).expect(0).shows("(blocked)");
    world.run("alice", &["send", "@bob", "can you hear me?"]).expect(0);
    assert!(world.fetch("bob").iter().all(|change| change["type"] != "message"));
    world.run("bob", &["send", "@alice", "no"]).expect(1).sentence(&["blocked"]);
    world.run("bob", &["contact", "unblock", "@alice"]).expect(0);
    world.run("alice", &["send", "@bob", "and now?"]).expect(0);
    world.fetch("bob");
    assert_eq!(world.latest("bob", "@alice")["text"], "and now?");
}

#[test]
fn people_are_called_what_one_calls_them_and_say_who_they_are() {
    let world = World::friends();
    let about = ["settings", "--name", "Alice Arnold", "--about", "grows tomatoes"];
    world.run("alice", &about).expect(0).shows("Alice Arnold");
    world.run("alice", &["send", "@bob", "now you know"]).expect(0);
    world.fetch("bob");
    let known = world.run("bob", &["contacts", "--json"]).expect(0).json();
    assert_eq!(
        (&known[0]["calls_itself"], &known[0]["about"]),
        (&"Alice Arnold".into(), &"grows tomatoes".into())
    );
    world.run("bob", &["contact", "name", "@alice", "Allie"]).expect(0).shows("Allie");
    assert_eq!(world.listed("bob", "Allie")["unread"], 2);
    world.run("bob", &["send", "Allie", "by my name for you"]).expect(7);
    world.run("bob", &["contact", "name", "Allie"]).expect(0).shows("@alice");
    world.run("bob", &["contact", "add", "@nobody"]).expect(7).sentence(&["@nobody"]);
}

#[test]
fn a_conversation_is_muted_put_away_pinned_labelled_and_drafted() {
    let world = World::friends();
    world.run("alice", &["group", "create", "Garden"]).expect(0);
    world.run("alice", &["message", "read", "--with", "@bob"]).expect(0);
    let set = |words: &[&str]| {
        let words = [&["conversation", "set", "--with", "@bob", "--json"], words].concat();
        world.run("alice", &words).expect(0).json()[0].clone()
    };
    let muted = set(&["--mute", "8h", "--label", "work", "--label", "family"]);
    assert_eq!((&muted["muted"], &muted["labels"]), (&true.into(), &Value::from(vec!["work", "family"])));
    assert!(muted["muted_until"].is_string());
    let for_ever = set(&["--mute", "on"]);
    assert_eq!((&for_ever["muted"], &for_ever["muted_until"]), (&true.into(), &Value::Null));
    assert_eq!(set(&["--mute", "off"])["muted"], false);
    let drafted = set(&["--draft", "dear Bob", "--pin", "on", "--unread", "on", "--receipts", "off"]);
    assert_eq!((&drafted["draft"], &drafted["receipts"]), (&"dear Bob".into(), &false.into()));
    let list = world.run("alice", &["conversations"]).expect(0).text();
    let first = list.lines().next().unwrap();
    for part in ["@bob", "(unread)", "(pinned)", "[work, family]", "draft: dear Bob"] {
        assert!(first.contains(part), "{part} in {list}");
    }
    let labelled = world.run("alice", &["conversations", "--label", "work", "--json"]).expect(0).json();
    assert_eq!(labelled.len(), 1);
    set(&["--archive", "on", "--no-labels", "--draft", ""]);
    let plain = world.run("alice", &["conversations", "--json"]).expect(0).json();
    assert!(plain.iter().all(|shown| shown["archived"] == false), "{plain:#?}");
    assert_eq!(world.run("alice", &["conversations", "--archived", "--json"]).expect(0).json().len(), 1);
    let shown = world.run("alice", &["conversation", "show", "--with", "@bob"]).expect(0).text();
    assert!(shown.contains("archived: yes") && shown.contains("receipts: off"), "{shown}");
    world.run("alice", &["conversation", "set", "--with", "@bob", "--timer", "soon"]).expect(2);
    world.run("alice", &["conversation", "set", "--with", "@bob", "--timer", "on"]).expect(2);
}

#[test]
fn messages_disappear_from_both_sides() {
    let world = World::friends();
    let timer = ["conversation", "set", "--with", "@bob", "--timer", "1s"];
    world.run("alice", &timer).expect(0).shows("messages disappear: 1s");
    world.fetch("bob");
    assert_eq!(world.listed("bob", "@alice")["lives_for_s"], 1);
    world.run("alice", &["send", "@bob", "burn this"]).expect(0);
    world.fetch("bob");
    world.run("bob", &["message", "read", "--with", "@alice"]).expect(0);
    for (profile, with) in [("alice", "@bob"), ("bob", "@alice")] {
        soon(|| {
            world.fetch(profile);
            let rows = world.history(profile, with);
            rows.iter().all(|row| row["text"] != "burn this").then_some(())
        });
    }
    // What stood there before the timer stays.
    assert!(world.history("bob", "@alice").iter().any(|row| row["text"] == "hello"));
    let month = ["conversation", "set", "--with", "@bob", "--timer", "5w"];
    world.run("alice", &month).expect(1).sentence(&["four weeks"]);
}

#[test]
fn a_group_has_a_timer_that_all_its_members_see() {
    let world = World::of(&["alice", "bob"]);
    world.run("alice", &["group", "create", "Secrets", "@bob"]).expect(0);
    world.fetch("bob");
    let timer = ["conversation", "set", "--group", "Secrets", "--timer", "1d"];
    world.run("alice", &timer).expect(0).shows("messages disappear: 1d");
    world.fetch("bob");
    assert_eq!(world.listed("bob", "Secrets")["lives_for_s"], 86_400);
}

#[test]
fn a_poll_is_asked_answered_and_closed() {
    let world = World::friends();
    let ask = ["poll", "ask", "--with", "@bob", "Pizza or soup?", "Pizza", "Soup"];
    world.run("alice", &ask).expect(0).shows("Sent to @bob.");
    world.fetch("bob");
    let poll = world.latest("bob", "@alice");
    assert_eq!((&poll["type"], &poll["poll"]["question"]), (&"poll".into(), &"Pizza or soup?".into()));
    let vote = |answers: &[&str]| {
        let words = [&["poll", "vote", "--with", "@alice", id(&poll)], answers].concat();
        world.run("bob", &words)
    };
    vote(&["1", "2"]).expect(1).sentence(&["no open poll"]);
    vote(&["3"]).expect(1);
    vote(&["1"]).expect(0).shows("voted");
    vote(&["2"]).expect(0);
    let told = world.fetch("alice");
    assert!(told.iter().any(|change| change["type"] == "voted"), "{told:#?}");
    let votes = |answer: usize| world.latest("alice", "@bob")["poll"]["answers"][answer]["votes"].clone();
    assert_eq!((votes(0), &votes(1)[0]["name"]), (Value::Array(Vec::new()), &"@bob".into()));
    world.run("alice", &["history", "@bob"]).expect(0).shows("2. Soup (1)");
    world
        .run("bob", &["poll", "close", "--with", "@alice", id(&poll)])
        .expect(1)
        .sentence(&["wrote a message"]);
    world.run("alice", &["poll", "close", "--with", "@bob", id(&poll)]).expect(0).shows("closed");
    world.fetch("bob");
    vote(&["1"]).expect(1);
    assert_eq!(world.latest("bob", "@alice")["poll"]["closed"], true);
    world
        .run("alice", &["poll", "ask", "--with", "@bob", "Same?", "Yes", "Yes"])
        .expect(1)
        .sentence(&["different"]);
}

#[test]
fn messages_are_pinned_starred_and_sent_on() {
    let world = World::of(&["alice", "bob", "carol"]);
    world.run("alice", &["send", "@bob", "the code is 1234"]).expect(0);
    world.fetch("bob");
    world.run("bob", &["send", "@alice", "thanks"]).expect(0);
    world.fetch("alice");
    let message =
        world.history("bob", "@alice").into_iter().find(|row| row["text"] == "the code is 1234").unwrap();
    let on = |what: &str| {
        world.run("bob", &["message", what, "--with", "@alice", id(&message)]).expect(0);
    };
    on("pin");
    on("star");
    world.fetch("alice");
    let pinned = world.run("alice", &["message", "pinned", "--with", "@bob", "--json"]).expect(0).json();
    assert_eq!(
        (pinned.len(), &pinned[0]["text"], &pinned[0]["starred"]),
        (1, &message["text"], &false.into())
    );
    let starred = world.run("bob", &["message", "starred", "--json"]).expect(0).json();
    assert_eq!(
        (&starred[0]["with"]["name"], &starred[0]["message"]["text"]),
        (&"@alice".into(), &message["text"])
    );
    world.run("bob", &["message", "starred"]).expect(0).shows("the code is 1234");
    on("unpin");
    on("unstar");
    world.fetch("alice");
    assert!(
        world.run("alice", &["message", "pinned", "--with", "@bob", "--json"]).expect(0).json().is_empty()
    );
    assert!(world.run("bob", &["message", "starred", "--json"]).expect(0).json().is_empty());

    world
        .run("bob", &["message", "forward", "--with", "@alice", id(&message), "@carol"])
        .expect(0)
        .shows("Sent to @carol.");
    world.fetch("carol");
    let forwarded = world.latest("carol", "@bob");
    assert_eq!((&forwarded["text"], &forwarded["forwarded"]), (&message["text"], &true.into()));
    world.run("carol", &["history", "@bob"]).expect(0).shows("(forwarded) the code");
}

#[test]
fn a_card_adds_somebody_whom_one_did_not_know() {
    let world = World::of(&["alice", "bob", "carol"]);
    world.run("bob", &["send", "@carol", "hello"]).expect(0);
    world.run("bob", &["send", "@alice", "meet carol"]).expect(0);
    world.run("bob", &["message", "card", "--with", "@alice", "@carol"]).expect(0).shows("Sent to @alice.");
    world.fetch("alice");
    let card = world.latest("alice", "@bob");
    assert_eq!((&card["type"], &card["card"]["handle"]), (&"card".into(), &"@carol".into()));
    let account = card["card"]["person"]["account"].as_str().unwrap();
    world.run("alice", &["send", account, "bob gave me your card"]).expect(0);
    world.fetch("carol");
    assert_eq!(world.latest("carol", "@alice")["text"], "bob gave me your card");
}

#[test]
fn who_is_called_by_name_sees_that() {
    let world = World::of(&["alice", "bob", "carol"]);
    world.run("alice", &["group", "create", "Choir", "@bob", "@carol"]).expect(0);
    for name in ["bob", "carol"] {
        world.fetch(name);
    }
    world.run("alice", &["send", "--group", "Choir", "@bob, can you bring the notes?"]).expect(0);
    for (name, calls) in [("bob", 1), ("carol", 0)] {
        world.fetch(name);
        let listed = world.listed(name, "Choir");
        assert_eq!((&listed["unread"], &listed["unread_calls"]), (&1.into(), &calls.into()), "{name}");
    }
    world.run("bob", &["conversations"]).expect(0).shows("(1 new, 1 for you)");
}

#[test]
fn what_is_set_and_declined_on_one_device_is_so_on_the_other() {
    let world = World::of(&["alice", "bob", "eve"]);
    link(&world, "alice", "laptop", "the laptop");
    world.run("bob", &["send", "@alice", "hello"]).expect(0);
    world.run("eve", &["send", "@alice", "buy something"]).expect(0);
    world.fetch("alice");
    world.fetch("laptop");
    let waiting = |profile: &str| world.run(profile, &["request", "list", "--json"]).expect(0).json().len();
    assert_eq!((waiting("alice"), waiting("laptop")), (2, 2));
    world.run("alice", &["request", "accept", "--with", "@bob"]).expect(0);
    world.run("alice", &["request", "decline", "--with", "@eve"]).expect(0);
    world
        .run("alice", &["conversation", "set", "--with", "@bob", "--mute", "on", "--draft", "dear Bob"])
        .expect(0);
    world.run("alice", &["settings", "--receipts", "off"]).expect(0);
    world.fetch("laptop");
    assert_eq!((waiting("alice"), waiting("laptop")), (0, 0));
    let listed = world.listed("laptop", "@bob");
    assert_eq!((&listed["muted"], &listed["draft"]), (&true.into(), &"dear Bob".into()));
    world.run("laptop", &["settings"]).expect(0).shows("receipts  off");
    assert!(world.history("laptop", "@eve").iter().all(|row| row["text"] != "buy something"));
}
