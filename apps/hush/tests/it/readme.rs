//! What the README shows, in its order.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::{Options, Running, World, texts};

#[test]
fn two_people_join_send_and_receive() {
    let world = World::new();
    let link = world.server.invite();
    let join = |name: &str| world.run(name, &["join", &link, "--name", name, "--lock", "key-file"]).expect(0);
    let words = join("alice").text();
    assert!(words.contains("Welcome, @alice") && words.contains("recovery key"), "{words}");
    join("bob");

    let sent = world.run("alice", &["send", "@bob", "hello"]).expect(0);
    assert_eq!(sent.stdout, ["Sent to @bob."]);
    assert_eq!(sent.stderr, Vec::<String>::new(), "a command that worked says nothing else");

    let received = world.run("bob", &["receive", "--json"]).expect(0).json();
    let message = received.iter().find(|change| change["type"] == "message").unwrap();
    assert_eq!((&message["text"], &message["verified"]), (&Value::from("hello"), &Value::from(false)));
    let fields: BTreeSet<&str> = message.as_object().unwrap().keys().map(String::as_str).collect();
    for field in ["seq", "type", "conversation", "from", "text", "sent_at", "verified"] {
        assert!(fields.contains(field), "{field} is not in {message}");
    }
    assert_eq!(message["from"], "@alice");
    assert!(message["seq"].is_u64() && message["conversation"].is_string());
    let time = message["sent_at"].as_str().unwrap();
    assert!(time.len() == 24 && time.ends_with('Z'), "{time}");

    let again = world.run("bob", &["receive", "--json"]).expect(0).json();
    assert!(again.iter().all(|change| change["type"] != "message"), "{again:#?}");
}

#[test]
fn a_recovery_key_is_shown_once_and_in_no_other_command() {
    let world = World::new();
    let link = world.server.invite();
    let words = ["join", &link, "--name", "alice", "--lock", "key-file", "--json"];
    let joined = world.run("alice", &words).expect(0).json();
    let recovery = joined[0]["recovery_key"].as_str().unwrap().to_owned();
    assert!(recovery.len() > 40, "{recovery}");
    let again = world.run("alice", &words).expect(1).sentence(&["already"]);
    assert_eq!(again.stdout, Vec::<String>::new());
    let who = world.run("alice", &["whoami", "--json"]).expect(0);
    assert!(!who.text().contains(&recovery));
}

#[test]
fn two_people_chat_through_pipes() {
    let world = World::of(&["alice", "bob"]);
    let mut alice = world.start("alice", &["chat", "@bob"]);
    let mut bob = world.start("bob", &["chat", "@alice"]);
    alice.talk(|line| line.contains("Ctrl-D"));
    bob.talk(|line| line.contains("Ctrl-D"));
    alice.write("are you there?\n");
    bob.line(|line| line.ends_with("@alice: are you there?"));
    bob.write("yes\nand here\n");
    alice.line(|line| line.ends_with("@bob: and here"));
    alice.write("a last word\n");
    assert_eq!(alice.finish().expect(0).stderr.len(), 1, "only the hint on how to end it");
    bob.line(|line| line.ends_with("a last word"));
    bob.finish().expect(0);
    assert_eq!(world.received("alice", "@bob"), ["yes", "and here"]);
    assert_eq!(world.received("bob", "@alice"), ["are you there?", "a last word"]);
}

#[test]
fn following_prints_what_comes_as_it_comes() {
    let world = World::of(&["alice", "bob"]);
    let mut follow = world.start("bob", &["receive", "--json", "--follow"]);
    for text in ["one", "two"] {
        world.run("alice", &["send", "@bob", text]).expect(0);
        let line = follow.line(|line| line.contains(&format!("\"text\":\"{text}\"")));
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap()["type"], "message");
    }
    terminate(&follow);
    follow.finish().expect(0);
}

/// Asks a process to end, as a shell's `kill` does.
fn terminate(process: &Running) {
    let sent = std::process::Command::new("kill").arg(process.id().to_string()).status().unwrap();
    assert!(sent.success());
}

#[test]
fn a_cursor_prints_everything_once_and_another_one_prints_it_again() {
    let world = World::of(&["alice", "bob"]);
    for text in ["one", "two", "three"] {
        world.run("alice", &["send", "@bob", text]).expect(0);
    }
    let messages = |words: &[&str]| -> Vec<(u64, String)> {
        let changes = world.run("bob", words).expect(0).json();
        let messages = changes.iter().filter(|change| change["type"] == "message");
        messages.map(|m| (m["seq"].as_u64().unwrap(), m["text"].as_str().unwrap().to_owned())).collect()
    };
    let first = messages(&["receive", "--json"]);
    assert_eq!(first.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>(), ["one", "two", "three"]);
    assert!(first.is_sorted_by_key(|(seq, _)| *seq));
    assert_eq!(messages(&["receive", "--json"]), []);
    assert_eq!(messages(&["receive", "--json", "--cursor", "mine"]), first);
    let after = first[0].0.to_string();
    assert_eq!(messages(&["receive", "--json", "--after", &after]), first[1..]);
    assert_eq!(messages(&["receive", "--json", "--after", &after]), first[1..], "it moves no cursor");
}

#[test]
fn lists_show_people_and_conversations_as_lines_and_as_json() {
    let world = World::of(&["alice", "bob"]);
    world.run("alice", &["send", "@bob", "hello"]).expect(0);
    world.run("bob", &["receive"]).expect(0);
    world.run("bob", &["send", "@alice", "hello yourself"]).expect(0);
    world.run("alice", &["receive"]).expect(0);

    let conversations = world.run("alice", &["conversations"]).expect(0).text();
    assert!(conversations.contains("@bob") && conversations.contains("hello yourself"), "{conversations}");
    let conversations = world.run("alice", &["conversations", "--json"]).expect(0).json();
    assert_eq!(conversations.len(), 1);
    assert_eq!(conversations[0]["with"]["name"], "@bob");
    assert_eq!(conversations[0]["state"], "active");
    assert_eq!(conversations[0]["last"]["text"], "hello yourself");

    assert!(world.run("alice", &["contacts"]).expect(0).text().starts_with("@bob  unverified  "));
    let contact = world.run("alice", &["contacts", "--json"]).expect(0).json().remove(0);
    let bob = world.run("bob", &["whoami", "--json"]).expect(0).json().remove(0);
    assert_eq!((&contact["account"], &contact["name"]), (&bob["account"], &Value::from("@bob")));
    assert_eq!(bob["handle"], "@bob");
    assert_eq!(bob["server"], world.server.address());
    assert!(world.run("bob", &["whoami"]).expect(0).text().starts_with("@bob\naccount "));

    let history = world.run("alice", &["history", "@bob", "--limit", "50"]).expect(0).text();
    assert!(history.contains("you: hello") && history.contains("@bob: hello yourself"), "{history}");
    let rows = world.history("alice", "@bob");
    assert_eq!(texts(&rows, "received"), ["hello yourself"]);
    assert!(rows.iter().any(|row| row["own"] == true && row["text"] == "hello"), "{rows:#?}");
    let latest = world.run("alice", &["history", "@bob", "-n", "1", "--json"]).expect(0);
    assert_eq!(latest.json()[0]["text"], "hello yourself");
    let older = latest.stderr.iter().find_map(|line| line.split_once("--before ")).unwrap().1;
    let before = world.run("alice", &["history", "@bob", "-n", "9", "--json", "--before", older]).expect(0);
    assert!(before.json().iter().any(|row| row["text"] == "hello"), "{before:#?}");
}

#[test]
fn both_sides_see_the_same_safety_number_and_trust_it() {
    let world = World::of(&["alice", "bob"]);
    let number = |profile: &str, who: &str| {
        world.run(profile, &["verify", who, "--json"]).expect(0).json()[0]["safety_number"].clone()
    };
    assert_eq!(number("alice", "@bob"), number("bob", "@alice"));
    let shown = world.run("alice", &["verify", "@bob"]).expect(0).text();
    assert!(shown.contains(number("alice", "@bob").as_str().unwrap()), "{shown}");
    let confirmed = world.run("alice", &["verify", "@bob", "--confirm"]).expect(0).text();
    assert_eq!(confirmed, "@bob is verified now.");
    world.run("bob", &["send", "@alice", "it is me"]).expect(0);
    let received = world.run("alice", &["receive", "--json"]).expect(0).json();
    let message = received.iter().find(|change| change["type"] == "message").unwrap();
    assert_eq!(message["verified"], true);
    world.run("alice", &["verify", "@bob", "--forget"]).expect(0);
    assert_eq!(world.run("alice", &["contacts", "--json"]).expect(0).json()[0]["trust"], "unverified");
}

#[test]
fn what_was_sent_to_somebody_who_is_away_waits_for_them() {
    let mut world = World::of(&["alice", "bob"]);
    for n in 0..20 {
        world.run_with("alice", &["send", "--stdin", "@bob"], &format!("line {n}\nand more\n")).expect(0);
    }
    world.server.kill();
    world.server.restart();
    world.run("bob", &["receive"]).expect(0);
    let expected: Vec<String> = (0..20).map(|n| format!("line {n}\nand more")).collect();
    assert_eq!(world.received("bob", "@alice"), expected);
    // A stranger learns nothing until they are answered.
    world.run("alice", &["receive"]).expect(0);
    assert_eq!(texts(&world.history("alice", "@bob"), "sent"), expected);
    world.run("bob", &["send", "@alice", "back again"]).expect(0);
    world.run("alice", &["receive"]).expect(0);
    assert_eq!(texts(&world.history("alice", "@bob"), "delivered"), expected);
}

#[test]
fn several_recipients_each_get_it_and_one_who_does_not_is_named() {
    let world = World::of(&["alice", "bob", "carol"]);
    world.run("alice", &["send", "@bob", "@carol", "to both"]).expect(0);
    let partly = world.run("alice", &["send", "@bob", "@nobody", "to one", "--json"]).expect(8);
    let partly = partly.sentence(&["1 of 2"]);
    let states: Vec<(Value, Value)> =
        partly.json().iter().map(|result| (result["to"].clone(), result["state"].clone())).collect();
    let expected = [("@bob", "sent"), ("@nobody", "failed")];
    assert_eq!(states, expected.map(|(to, state)| (Value::from(to), Value::from(state))));
    for name in ["bob", "carol"] {
        world.run(name, &["receive"]).expect(0);
    }
    assert_eq!(world.received("bob", "@alice"), ["to both", "to one"]);
    assert_eq!(world.received("carol", "@alice"), ["to both"]);
}

#[test]
fn the_same_key_sends_once() {
    let world = World::of(&["alice", "bob"]);
    for _ in 0..3 {
        world.run("alice", &["send", "@bob", "once", "--key", "k1"]).expect(0);
    }
    world.run("bob", &["receive"]).expect(0);
    assert_eq!(world.received("bob", "@alice"), ["once"]);
}

#[test]
fn a_phone_number_registers_with_the_code_from_the_console() {
    let mut world = World::new();
    let link = world.server.bare_link();
    let number = "+15551234567";
    let words = ["join", &link, "--phone", number, "--name", "alice", "--code-stdin", "--lock", "key-file"];
    let mut joining = world.start("alice", &words);
    let line = world.server.process().line(|line| line.starts_with(&format!("Code for {number}: ")));
    let code = line.rsplit(' ').next().unwrap();
    joining.write(&format!("{code}\n"));
    assert!(joining.finish().expect(0).text().contains("Welcome, @alice"));
    // Found by the number, too.
    world.join("bob");
    world.run("bob", &["send", number, "found you"]).expect(0);
    world.run("alice", &["receive"]).expect(0);
    assert_eq!(world.received("alice", "@bob"), ["found you"]);
}

#[test]
fn an_email_address_registers_with_the_code_from_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let codes = folder.path().join("codes");
    let config = format!(
        "[registration]\nmethods = [\"email\"]\n[otp.email]\ndriver = \"file\"\npath = \"{}\"\n[otp.phone]\ndriver = \"none\"\n",
        codes.display()
    );
    let world = World::with(Options { config: Some(config), ..Options::default() });
    let link = world.server.bare_link();
    let words = ["join", &link, "--email", "ann@example.org", "--code-stdin", "--lock", "key-file"];
    let mut joining = world.start("ann", &words);
    let line =
        crate::support::soon(|| std::fs::read_to_string(&codes).ok().filter(|text| text.ends_with('\n')));
    let message: Value = serde_json::from_str(line.trim()).unwrap();
    assert_eq!((&message["kind"], &message["to"]), (&Value::from("email"), &Value::from("ann@example.org")));
    joining.write(&format!("{}\n", message["code"].as_str().unwrap()));
    joining.finish().expect(0);
    let who = world.run("ann", &["whoami", "--json"]).expect(0).json();
    assert_eq!(who[0]["handle"], "ann@example.org");
}

#[test]
fn a_profile_that_has_no_account_says_so() {
    let world = World::new();
    for words in [&["send", "@bob", "hello"][..], &["receive"], &["whoami"], &["chat", "@bob"]] {
        world.run("nobody", words).expect(3).sentence(&["no account", "hush join"]);
    }
}
