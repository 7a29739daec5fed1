//! A profile's folder that was copied, or restored from an old copy (rule R10), by the files themselves.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::support::{Finished, Running, World, hush, texts};

/// What is said of a copy that was noticed: what happened, and what to do.
const NOTICED: [&str; 3] = ["old copy", "may be missing here", "Use one copy only"];

/// A world in which alice's files exist twice.
struct Twice {
    world: World,
    copy: PathBuf,
}

/// Which files of alice are used.
#[derive(Debug, Clone, Copy)]
enum Files {
    Original,
    Copy,
}

impl Twice {
    /// Alice, bob and carol have talked, alone and in a group; then alice's files are copied, while nothing runs.
    fn new() -> Self {
        let world = World::of(&["alice", "bob", "carol"]);
        world.run("alice", &["group", "create", "Choir", "@bob", "@carol"]).expect(0);
        for name in ["bob", "carol", "alice"] {
            world.run(name, &["receive"]).expect(0);
        }
        for name in ["bob", "carol"] {
            world.run(name, &["request", "accept", "--group", "Choir"]).expect(0);
            world.run(name, &["send", "--group", "Choir", &format!("{name} is in")]).expect(0);
        }
        world.run("alice", &["send", "@bob", "before the copy"]).expect(0);
        world.run("bob", &["send", "@alice", "yes?"]).expect(0);
        world.run("alice", &["receive"]).expect(0);
        let copy = world.path("copy");
        let copied = Command::new("cp").arg("-a").arg(world.people()).arg(&copy).status().unwrap();
        assert!(copied.success());
        Self { world, copy }
    }

    fn command(&self, files: Files, words: &[&str]) -> Command {
        match files {
            Files::Original => self.world.command("alice", words),
            Files::Copy => hush(&self.copy, "alice", words),
        }
    }

    fn alice(&self, files: Files, words: &[&str]) -> Finished {
        Running::start(self.command(files, words)).finish()
    }

    /// Alice writes to bob and to the group.
    fn says(&self, files: Files, text: &str) {
        self.alice(files, &["send", "@bob", &format!("{text}, to bob")]).expect(0);
        self.alice(files, &["send", "--group", "Choir", &format!("{text}, to all")]).expect(0);
    }

    fn catch_up(&self) {
        for name in ["bob", "carol", "bob", "carol"] {
            self.world.run(name, &["receive"]).expect(0);
        }
    }

    /// What a person reads who has alice's messages, with whom each is of: in the group, or of alice alone.
    fn rows(&self, reader: &str) -> Vec<Value> {
        let mut rows = self.world.of_group(reader, "Choir");
        rows.extend(self.world.history(reader, "@alice"));
        rows
    }

    fn rows_of_alice(&self, files: Files) -> Vec<Value> {
        let read = |words: &[&str]| self.alice(files, words).expect(0).json();
        let mut rows = read(&["history", "--group", "Choir", "--json", "--limit", "10000"]);
        rows.extend(read(&["history", "@bob", "--json", "--limit", "10000"]));
        rows
    }

    /// Bob and carol each have every text exactly once, and none that they cannot read: of two ciphertexts under one key they could read
    /// one only, as a key goes with its first use. Neither folder shows anything twice; what was sent to the other one it need not have.
    fn everybody_read(&self, said: &[String]) {
        for (reader, ending) in [("bob", ", to"), ("carol", ", to all")] {
            let rows = self.rows(reader);
            assert!(rows.iter().all(|row| row["state"] != "unreadable"), "{reader}: {rows:#?}");
            let times = times(&rows);
            for text in said.iter().filter(|text| text.contains(ending)) {
                assert_eq!(times.get(text), Some(&1), "{reader} and {text:?}: {rows:#?}");
            }
            assert!(times.values().all(|times| *times == 1), "{reader}: {rows:#?}");
        }
        for files in [Files::Original, Files::Copy] {
            let rows = self.rows_of_alice(files);
            let lost = |row: &&Value| row["state"] == "queued" || row["state"] == "failed";
            assert_eq!(rows.iter().find(lost), None, "{files:?}");
            assert!(times(&rows).values().all(|times| *times == 1), "{files:?}: {rows:#?}");
        }
    }
}

/// How often each text is there.
fn times(rows: &[Value]) -> BTreeMap<String, usize> {
    let mut times = BTreeMap::new();
    for row in rows.iter().filter(|row| row["type"] == "text") {
        *times.entry(row["text"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    times
}

/// Holds that a person who reads on was told once that this is an old copy.
#[track_caller]
fn was_told(received: &Finished) {
    let alerts: Vec<&String> = received.stdout.iter().filter(|line| line.starts_with("!! ")).collect();
    assert_eq!(alerts.len(), 1, "{received:#?}");
    assert!(NOTICED.iter().all(|words| alerts[0].contains(words)), "{alerts:?}");
    assert!(alerts[0].contains("hush device history"), "{alerts:?}");
}

#[test]
fn r10_a_copy_of_a_profiles_folder_is_noticed_at_its_login_and_enters_anew() {
    let twice = Twice::new();
    let world = &twice.world;
    twice.says(Files::Original, "gone on");
    twice.catch_up();
    world.run("bob", &["send", "@alice", "answer of bob, to alice"]).expect(0);
    world.run("carol", &["send", "--group", "Choir", "answer of carol, to all"]).expect(0);
    twice.alice(Files::Original, &["receive"]).expect(0);

    was_told(&twice.alice(Files::Copy, &["receive"]).expect(0));
    twice.says(Files::Copy, "from the copy");
    twice.catch_up();
    world.run("bob", &["send", "@alice", "bob again"]).expect(0);
    world.run("carol", &["send", "--group", "Choir", "carol again"]).expect(0);
    let received = twice.alice(Files::Copy, &["receive"]).expect(0);
    assert!(received.stdout.iter().all(|line| !line.starts_with("!! ")), "told once: {received:#?}");
    let here = texts(&twice.rows_of_alice(Files::Copy), "received");
    assert!(["bob again", "carol again"].iter().all(|text| here.iter().any(|here| here == text)), "{here:?}");
    let said: Vec<String> = ["gone on", "from the copy"]
        .iter()
        .flat_map(|text| [format!("{text}, to bob"), format!("{text}, to all")])
        .collect();
    twice.everybody_read(&said);
    for name in ["bob", "carol"] {
        let read = world.run(name, &["history", "--group", "Choir"]).expect(0).text();
        assert_eq!(read.matches("entered the conversation anew").count(), 1, "{read}");
    }
}

#[test]
fn r10_two_copies_of_a_folder_that_are_used_in_turns_lose_nothing_and_show_nothing_twice() {
    let twice = Twice::new();
    let mut said = Vec::new();
    for turn in 0..5 {
        let files = if turn % 2 == 0 { Files::Original } else { Files::Copy };
        // The first thing that is done with these files is to write: what was noticed is told when somebody reads.
        let text = format!("turn {turn}");
        twice.says(files, &text);
        if turn > 0 {
            was_told(&twice.alice(files, &["receive"]).expect(0));
        }
        said.extend([format!("{text}, to bob"), format!("{text}, to all")]);
        twice.catch_up();
    }
    twice.everybody_read(&said);
}

#[test]
fn r10_two_copies_of_a_folder_at_once_are_told_apart_and_lose_nothing() {
    let twice = Twice::new();
    let chat = |files| Running::start(twice.command(files, &["chat", "--group", "Choir"]));
    let mut bob = twice.world.start("bob", &["chat", "--group", "Choir"]);
    let mut said = Vec::new();
    let mut come_through = |running: &mut Running, text: &str| {
        let text = format!("{text}, to all");
        running.write(&format!("{text}\n"));
        bob.line(|line| line.contains(&text));
        said.push(text);
    };
    let mut original = chat(Files::Original);
    come_through(&mut original, "with the original");
    let mut copy = chat(Files::Copy);
    come_through(&mut copy, "with the copy");
    original.finish().expect(1).sentence(&["the profile was copied", "Use one of them only"]);
    come_through(&mut copy, "still with the copy");
    let mut original = chat(Files::Original);
    come_through(&mut original, "with the original again");
    copy.finish().expect(1).sentence(&["the profile was copied"]);
    original.finish().expect(0);
    bob.finish().expect(0);
    twice.catch_up();
    was_told(&twice.alice(Files::Original, &["receive"]).expect(0));
    twice.everybody_read(&said);
}
