//! One account on several devices: linked as two people at two screens do it, renamed, put out.

use serde_json::Value;

use crate::support::{Running, World};

/// Starts `hush link` and reads what it shows first.
fn wait(world: &World, profile: &str, name: &str) -> (Running, Value) {
    let link = world.server.bare_link();
    let words = ["link", &link, "--device-name", name, "--lock", "key-file", "--json"];
    let mut linking = world.start(profile, &words);
    let shown = linking.line(|line| line.contains("\"code\""));
    (linking, serde_json::from_str(&shown).unwrap())
}

fn digits(running: &mut Running) -> String {
    let shown: Value = serde_json::from_str(&running.line(|line| line.contains("\"digits\""))).unwrap();
    shown["digits"].as_str().unwrap().to_owned()
}

/// Makes `profile` a device of the account of `old`.
pub(crate) fn link(world: &World, old: &str, profile: &str, name: &str) {
    let (mut new, shown) = wait(world, profile, name);
    let mut approving = world.start(old, &["device", "approve", shown["code"].as_str().unwrap(), "--json"]);
    assert_eq!(digits(&mut new), digits(&mut approving));
    new.write("y\n");
    approving.write("y\n");
    approving.finish().expect(0);
    new.finish().expect(0);
}

fn names(world: &World, profile: &str) -> Vec<(String, bool)> {
    let devices = world.run(profile, &["device", "list", "--json"]).expect(0).json();
    let name = |device: &Value| (device["name"].as_str().unwrap().to_owned(), device["active"] == true);
    devices.iter().map(name).collect()
}

#[test]
fn a_second_device_reads_and_writes_as_the_first_one_does() {
    let world = World::of(&["alice", "bob"]);
    world.run("alice", &["send", "@bob", "from the phone"]).expect(0);
    world.run("bob", &["receive"]).expect(0);
    link(&world, "alice", "laptop", "the laptop");
    assert_eq!(names(&world, "laptop"), names(&world, "alice"));
    world.run("laptop", &["whoami"]).expect(0).shows("@alice");

    world.run("bob", &["send", "@alice", "to both"]).expect(0);
    world.run("laptop", &["receive"]).expect(0).shows("to both");
    world.run("alice", &["receive"]).expect(0).shows("to both");
    world.run("laptop", &["send", "@bob", "from the laptop"]).expect(0);
    world.run("bob", &["receive"]).expect(0).shows("from the laptop");
    world.run("alice", &["receive"]).expect(0).shows("from the laptop");
    world.run("alice", &["send", "@alice", "a note"]).expect(0);
    world.run("laptop", &["receive"]).expect(0).shows("a note");
}

#[test]
fn the_past_comes_along_to_a_new_device() {
    let world = World::of(&["alice", "bob"]);
    for text in ["one", "two", "three"] {
        world.run("bob", &["send", "@alice", text]).expect(0);
        world.run("alice", &["receive"]).expect(0);
        world.run("alice", &["send", "@bob", &format!("{text}, yes")]).expect(0);
    }
    link(&world, "alice", "laptop", "the laptop");
    let texts = |profile: &str| {
        let rows = world.history(profile, "@bob").into_iter().filter(|row| row["type"] == "text");
        rows.map(|row| (row["text"].clone(), row["own"].clone())).collect::<Vec<_>>()
    };
    assert_eq!(texts("laptop"), texts("alice"));
    assert_eq!(texts("laptop").len(), 6);
    let listed = world.run("laptop", &["conversations", "--json"]).expect(0).json();
    assert_eq!(listed.iter().find(|shown| shown["with"]["name"] == "@bob").unwrap()["unread"], 0);
    world.run("laptop", &["search", "thr"]).expect(0).shows("three");
}

#[test]
fn the_past_is_fetched_later_where_it_was_not_wanted_at_first() {
    let world = World::of(&["alice", "bob"]);
    world.run("bob", &["send", "@alice", "from before"]).expect(0);
    world.run("alice", &["receive"]).expect(0);
    let link = world.server.bare_link();
    let words = ["link", &link, "--no-history", "--lock", "key-file", "--json"];
    let mut new = world.start("laptop", &words);
    let shown: Value = serde_json::from_str(&new.line(|line| line.contains("\"code\""))).unwrap();
    let mut approving =
        world.start("alice", &["device", "approve", shown["code"].as_str().unwrap(), "--json"]);
    assert_eq!(digits(&mut new), digits(&mut approving));
    new.write("y\n");
    approving.write("y\n");
    approving.finish().expect(0);
    new.finish().expect(0);
    world.run("laptop", &["history", "@bob"]).expect(7);
    let mut old = world.start("alice", &["receive", "--follow"]);
    let fetched = world.run("laptop", &["device", "history", "--json"]).expect(0).json();
    assert_eq!(fetched[0]["history"]["whole"], true, "{fetched:#?}");
    assert_eq!(world.received("laptop", "@bob"), ["from before"]);
    old.kill();
}

#[test]
fn a_device_is_renamed_and_put_out() {
    let world = World::of(&["alice", "bob"]);
    link(&world, "alice", "laptop", "the laptop");
    world.run("alice", &["device", "rename", "the laptop", "old thing"]).expect(0).shows("old thing");
    assert!(names(&world, "laptop").contains(&("old thing".to_owned(), true)));
    let this = world.run("alice", &["device", "list", "--json"]).expect(0).json();
    let this = this.iter().find(|device| device["this"] == true).unwrap()["device"].as_str().unwrap();
    world.run("alice", &["device", "revoke", this]).expect(1).sentence(&["another device of yours"]);
    world.run("alice", &["device", "revoke", "nothing"]).expect(2).sentence(&["no device nothing"]);

    world.run("laptop", &["send", "@bob", "while it may"]).expect(0);
    world.run("alice", &["device", "revoke", "old thing"]).expect(0).shows("put out");
    assert!(names(&world, "alice").contains(&("old thing".to_owned(), false)));
    world.run("laptop", &["send", "@bob", "no more"]).expect(1);
    world.run("laptop", &["receive"]).expect(1).sentence(&["removed from its account"]);
    world.run("bob", &["send", "@alice", "for the phone alone"]).expect(0);
    world.run("alice", &["receive"]).expect(0).shows("for the phone alone");
    assert!(!world.received("laptop", "@bob").contains(&"for the phone alone".to_owned()));
    assert!(world.received("bob", "@alice").contains(&"while it may".to_owned()));
}

#[test]
fn whoever_sees_other_digits_links_nothing() {
    let world = World::of(&["alice"]);
    let (mut new, shown) = wait(&world, "laptop", "the laptop");
    let mut approving =
        world.start("alice", &["device", "approve", shown["code"].as_str().unwrap(), "--json"]);
    digits(&mut approving);
    approving.write("n\n");
    approving.finish().expect(5).sentence(&["nothing was linked"]);
    digits(&mut new);
    new.write("y\n");
    new.finish().expect(1).sentence(&["has ended the linking"]);
    assert_eq!(names(&world, "alice").len(), 1);
    // The profile is as good as new.
    link(&world, "alice", "laptop", "the laptop");
    assert_eq!(names(&world, "alice").len(), 2);
}

#[test]
fn a_code_that_is_wrong_or_swapped_is_refused() {
    let world = World::of(&["alice"]);
    world.run("alice", &["device", "approve", "K7QF-2M9D"]).expect(1).sentence(&["no device waits"]);
    world.run("alice", &["device", "approve", "nonsense!"]).expect(1).sentence(&["no device waits"]);
    let (mut one, first) = wait(&world, "laptop", "the laptop");
    let (mut other, second) = wait(&world, "tablet", "the tablet");
    // A server that shows another device for a code is found out by what the picture holds.
    let (text, code) = (first["text"].as_str().unwrap(), second["code"].as_str().unwrap());
    let (_, committed) = text.split_once('.').unwrap();
    let swapped = format!("{code}.{committed}");
    world.run("alice", &["device", "approve", &swapped]).expect(5).sentence(&["somebody may sit in between"]);
    assert_eq!(names(&world, "alice").len(), 1);
    one.kill();
    other.kill();
    world.run("alice", &["link", &world.server.bare_link()]).expect(1).sentence(&["another name"]);
}

#[test]
fn whoever_lost_all_devices_comes_back_by_the_recovery_key() {
    let world = World::of(&["bob"]);
    let link = world.server.invite();
    let join = |name: &str| {
        let words = ["join", &link, "--name", name, "--lock", "key-file", "--json"];
        world.run(name, &words).expect(0).json()[0]["recovery_key"].as_str().unwrap().to_owned()
    };
    let (key, foreign) = (join("alice"), join("eve"));
    world.run("alice", &["send", "@bob", "before"]).expect(0);
    world.run("bob", &["receive"]).expect(0);
    world.run("bob", &["send", "@alice", "so long"]).expect(0);

    let bare = world.server.bare_link();
    let recover = |profile: &str, handle: &str, key: &str| {
        let words =
            ["recover", &bare, handle, "--key-file", "-", "--device-name", "new", "--lock", "key-file"];
        world.run_with(profile, &words, key)
    };
    recover("other", "@alice", &foreign).expect(1).sentence(&["does not belong"]);
    recover("other", "@nobody", &key).expect(1).sentence(&["does not belong"]);
    recover("other", "@alice", "not a key").expect(2).sentence(&["recovery key"]);
    world
        .run("bob", &["recover", &bare, "@alice", "--key-file", "/nonexistent"])
        .expect(1)
        .sentence(&["cannot be read"]);

    recover("new", "@alice", &key.to_lowercase()).expect(0).shows("a device of @alice");
    assert_eq!(names(&world, "new").len(), 2);
    // Bob's device brings the new one in when it hears of it.
    world.run("bob", &["receive"]).expect(0);
    world.run("bob", &["send", "@alice", "welcome back"]).expect(0);
    world.run("new", &["receive"]).expect(0).shows("welcome back");
    world.run("new", &["send", "@bob", "here again"]).expect(0);
    world.run("bob", &["receive"]).expect(0).shows("here again");
    // The old device learns of it, loudly, and can be put out.
    world.run("alice", &["receive"]).expect(0).shows("a device was added");
    let devices = world.run("new", &["device", "list", "--json"]).expect(0).json();
    let old = devices.iter().find(|device| device["this"] == false).unwrap()["device"].as_str().unwrap();
    world.run("new", &["device", "revoke", old]).expect(0);
    world.run("alice", &["receive"]).expect(1).sentence(&["removed from its account"]);
}
