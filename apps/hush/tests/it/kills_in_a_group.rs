//! Three people with two devices each in one group, and SIGKILL at random moments for all of them and the server.
//!
//! `HUSH_GROUP_KILLS` says how many (100), `HUSH_SEED` which ones. A failure prints both.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::devices::link;
use crate::kills::{Dice, number};
use crate::support::{Running, World};

/// Each account's first device and its second.
const DEVICES: [&str; 6] = ["ann", "ben", "cleo", "ann-2", "ben-2", "cleo-2"];

/// Every so many kills, what is said must come through before the next.
const UNTIL_HEALED: u64 = 10;

#[test]
fn six_devices_of_a_group_agree_whoever_is_killed() {
    let (kills, seed) = (number("HUSH_GROUP_KILLS", 100), number("HUSH_SEED", 20_261_127));
    eprintln!(
        "again: HUSH_GROUP_KILLS={kills} HUSH_SEED={seed} cargo nextest run -p hush six_devices_of_a_group"
    );
    let mut ordeal = Ordeal::begin(crew(), Dice(seed));
    for round in 1..=kills {
        ordeal.talk();
        ordeal.kill_one();
        if round.is_multiple_of(UNTIL_HEALED) {
            ordeal.comes_through();
        }
    }
    ordeal.end();
}

/// A group of three accounts, each of which then gets a second device.
fn crew() -> World {
    let world = World::of(&["ann", "ben", "cleo"]);
    world.run("ann", &["group", "create", "Crew", "@ben", "@cleo"]).expect(0);
    for name in ["ben", "cleo", "ann"] {
        world.run(name, &["receive"]).expect(0);
    }
    for name in ["ann", "ben", "cleo"] {
        link(&world, name, &format!("{name}-2"), "second");
    }
    for name in DEVICES.iter().chain(&DEVICES) {
        world.run(name, &["receive"]).expect(0);
    }
    for name in DEVICES {
        let shown = world.run(name, &["group", "show", "Crew", "--json"]).expect(0).json();
        assert_eq!(shown[0]["members"].as_array().unwrap().len(), 3, "{name}: {shown:?}");
    }
    world
}

struct Ordeal {
    world: World,
    dice: Dice,
    /// One `chat` for each device.
    chats: Vec<Running>,
    /// Lines that were typed, by whomever.
    typed: u64,
    /// Descriptions that somebody gave the group, and of which the command said that it is done.
    described: Vec<String>,
}

impl Ordeal {
    fn begin(world: World, dice: Dice) -> Self {
        let chats = DEVICES.iter().map(|name| chat(&world, name)).collect();
        Self { world, dice, chats, typed: 0, described: Vec::new() }
    }

    fn type_at(&mut self, device: usize) -> String {
        self.typed += 1;
        let line = format!("{} says {:06}", DEVICES[device], self.typed);
        self.chats[device].write(&format!("{line}\n"));
        line
    }

    /// Some say something.
    fn talk(&mut self) {
        for device in 0..DEVICES.len() {
            if self.dice.below(3) == 0 {
                self.type_at(device);
            }
        }
    }

    fn kill_one(&mut self) {
        self.dice.pause();
        let device = self.dice.below(DEVICES.len() as u64) as usize;
        match self.dice.below(4) {
            0 => {
                self.world.server.kill();
                self.dice.pause();
                self.world.server.restart();
                return;
            }
            1 => {
                self.chats[device].kill();
                self.describe(device);
            }
            _ => {
                self.chats[device].kill();
            }
        }
        self.chats[device] = chat(&self.world, DEVICES[device]);
    }

    /// The device changes the group, and is killed or not before that is done.
    fn describe(&mut self, device: usize) {
        self.typed += 1;
        let text = format!("about {}", self.typed);
        let words = ["group", "describe", "Crew", &text];
        let mut running = self.world.start(DEVICES[device], &words);
        let finished = if self.dice.below(2) == 0 {
            self.dice.pause();
            running.kill()
        } else {
            running.finish()
        };
        if finished.code == Some(0) {
            self.described.push(text);
        }
    }

    /// Waits until what one device says shows on another.
    fn comes_through(&mut self) {
        let writer = self.dice.below(DEVICES.len() as u64) as usize;
        let reader = (writer + 1) % DEVICES.len();
        let said = self.type_at(writer);
        self.chats[reader].line(|line| line.contains(&said));
    }

    /// Lets everything through, ends all processes, and holds that everybody has the same.
    fn end(mut self) {
        for device in 0..DEVICES.len() {
            self.comes_through_from(device);
        }
        for chat in &mut self.chats {
            chat.finish().expect(0);
        }
        // Twice, so that what one run answers reaches the others.
        for name in DEVICES.iter().chain(&DEVICES) {
            self.world.run(name, &["receive"]).expect(0);
        }
        let histories: Vec<Vec<Value>> =
            DEVICES.iter().map(|name| self.world.of_group(name, "Crew")).collect();
        for (author, own) in DEVICES.iter().zip(&histories) {
            let said = said_by(author, own);
            assert!(!said.is_empty(), "{author} said nothing");
            assert!(said.is_sorted_by(|one, next| one < next), "order or repetition: {said:?}");
            for (reader, theirs) in DEVICES.iter().zip(&histories) {
                assert_eq!(said_by(author, theirs), said, "what {reader} shows of {author}");
            }
        }
        self.one_group();
    }

    fn comes_through_from(&mut self, writer: usize) {
        let reader = (writer + 2) % DEVICES.len();
        let said = self.type_at(writer);
        self.chats[reader].line(|line| line.contains(&said));
    }

    /// All show the same members, roles, name and description, which is one that somebody gave.
    fn one_group(&self) {
        let shown: BTreeSet<String> = DEVICES
            .iter()
            .map(|name| {
                let shown = self.world.run(name, &["group", "show", "Crew", "--json"]).expect(0).json();
                let members = shown[0]["members"].as_array().unwrap().iter();
                let roles: Vec<String> =
                    members.map(|member| format!("{} {}", member["account"], member["role"])).collect();
                assert_eq!(roles.len(), 3, "{name}: {shown:?}");
                format!("{roles:?} {} {}", shown[0]["name"], shown[0]["description"])
            })
            .collect();
        assert_eq!(shown.len(), 1, "{shown:#?}");
        assert!(!self.described.is_empty(), "nobody described the group");
    }
}

fn chat(world: &World, name: &str) -> Running {
    world.start(name, &["chat", "--group", "Crew"])
}

/// What a history has of one device, none of it left behind.
fn said_by(device: &str, rows: &[Value]) -> Vec<String> {
    let beginning = format!("{device} says ");
    let texts = rows.iter().filter(|row| row["type"] == "text");
    let of = texts.filter(|row| row["text"].as_str().unwrap().starts_with(&beginning));
    of.map(|row| {
        assert!(row["state"] != "queued" && row["state"] != "failed", "{row}");
        row["text"].as_str().unwrap().to_owned()
    })
    .collect()
}
