//! SIGKILL at random moments, under load: nothing that was reported is lost, doubled or out of order.
//!
//! `HUSH_KILLS` says how many (30), `HUSH_SEED` which ones. A failure prints both.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::support::{Finished, Running, World, texts};

/// Every so many kills, what is sent must come through before the next.
const UNTIL_HEALED: u64 = 5;

#[test]
fn what_was_reported_arrives_once_and_in_order_whoever_is_killed() {
    let (kills, seed) = (number("HUSH_KILLS", 30), number("HUSH_SEED", 20_261_123));
    eprintln!("again: HUSH_KILLS={kills} HUSH_SEED={seed} cargo nextest run -p hush whoever_is_killed");
    let world = World::of(&["ann", "ben", "rita", "sam"]);
    // Sam and Rita have a conversation; Ann and Ben know each other and both open theirs while being killed.
    world.run("sam", &["send", "@rita", "0"]).expect(0);
    world.run("rita", &["receive", "--cursor", "first"]).expect(0);
    world.run("ann", &["verify", "@ben"]).expect(0);
    world.run("ben", &["verify", "@ann"]).expect(0);

    let mut ordeal = Ordeal::begin(world, Dice(seed));
    for round in 1..=kills {
        ordeal.talk();
        ordeal.kill_one();
        if round.is_multiple_of(UNTIL_HEALED) {
            ordeal.comes_through();
        }
    }
    ordeal.end().hold();
}

pub(crate) fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

/// SplitMix64: the same kills for the same seed.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % bound
    }

    /// The moment of a kill; nothing waits for this.
    pub(crate) fn pause(&mut self) {
        std::thread::park_timeout(Duration::from_millis(self.below(400)));
    }
}

/// Who talks with whom while being killed.
struct Ordeal {
    world: World,
    dice: Dice,
    /// `chat` processes of Ann and Ben.
    chats: [Running; 2],
    /// Rita's `receive --follow`.
    follow: Running,
    /// Sam's `send`, and the number that it sends.
    send: Option<(u64, Running)>,
    /// The number that Sam sends next, or again after a kill.
    next: u64,
    /// Lines that Ann and Ben typed.
    typed: u64,
    told: Told,
}

/// What the processes said.
#[derive(Default)]
struct Told {
    /// Numbers that `hush send` reported as sent or queued.
    reported: Vec<u64>,
    /// Messages that `receive --json` printed, by their seq.
    printed: BTreeMap<u64, String>,
}

const FOLLOW: &[&str] = &["receive", "--follow", "--json"];
const PAIR: [(&str, &str); 2] = [("ann", "@ben"), ("ben", "@ann")];

impl Ordeal {
    fn begin(world: World, dice: Dice) -> Self {
        let chats = PAIR.map(|(profile, with)| world.start(profile, &["chat", with]));
        let follow = world.start("rita", FOLLOW);
        Self { world, dice, chats, follow, send: None, next: 1, typed: 0, told: Told::default() }
    }

    /// Everybody says something.
    fn talk(&mut self) {
        for _ in 0..=self.dice.below(3) {
            self.typed += 1;
            for chat in &mut self.chats {
                chat.write(&format!("{}\n", self.typed));
            }
        }
        if self.send.as_mut().is_some_and(|(_, send)| send.has_ended()) {
            self.finish_send();
        }
        if self.send.is_none() {
            // Some give up soon and leave the message to the next one.
            let patience = if self.dice.below(3) == 0 { "1" } else { "60" };
            self.start_send(patience);
        }
    }

    fn start_send(&mut self, patience: &str) {
        let (text, key) = (self.next.to_string(), format!("key {}", self.next));
        let words = ["--timeout", patience, "send", "@rita", &text, "--key", &key, "--json"];
        self.send = Some((self.next, self.world.start("sam", &words)));
    }

    fn finish_send(&mut self) {
        let Some((number, mut send)) = self.send.take() else { return };
        self.told.sent(number, &send.finish());
        self.next += 1;
    }

    fn kill_one(&mut self) {
        self.dice.pause();
        match self.dice.below(6) {
            0 | 1 => {
                self.world.server.kill();
                self.dice.pause();
                self.world.server.restart();
            }
            2 => {
                let follow = self.follow.kill();
                self.told.printed(&follow);
                self.follow = self.world.start("rita", FOLLOW);
            }
            3 => {
                // Without a report it is sent again, under the same key.
                if let Some((number, mut send)) = self.send.take() {
                    let finished = send.kill();
                    if finished.code.is_some() {
                        self.told.sent(number, &finished);
                        self.next += 1;
                    }
                }
            }
            n => {
                let (profile, with) = PAIR[n as usize % 2];
                self.chats[n as usize % 2].kill();
                self.chats[n as usize % 2] = self.world.start(profile, &["chat", with]);
            }
        }
    }

    /// Waits until a message of Sam's shows on Rita's side.
    fn comes_through(&mut self) {
        self.finish_send();
        self.start_send("60");
        let wanted = format!("\"text\":\"{}\"", self.next);
        self.finish_send();
        self.follow.line(|line| line.contains(&wanted));
    }

    /// Lets everything through, and ends all processes.
    fn end(mut self) -> Self {
        self.finish_send();
        for chat in &mut self.chats {
            chat.finish().expect(0);
        }
        let follow = self.follow.kill();
        self.told.printed(&follow);
        // Twice, so that what one run answers reaches the other side.
        for name in ["sam", "rita", "ann", "ben", "sam", "ann"] {
            let received = self.world.run(name, &["receive", "--json"]).expect(0);
            if name == "rita" {
                self.told.printed(&received);
            }
        }
        self
    }

    fn hold(self) {
        let (world, told) = (&self.world, &self.told);
        let received = agree(world, ("sam", "@rita"), ("rita", "@sam"));
        for number in &told.reported {
            assert!(received.contains(number), "{number} was reported and is not there: {received:?}");
        }
        let printed: Vec<u64> = told.printed.values().map(|text| text.parse().unwrap()).collect();
        assert_eq!(printed, received, "what receive printed");
        let chatted = PAIR.map(|(profile, with)| {
            let peer = with.trim_start_matches('@');
            agree(world, (profile, with), (peer, &format!("@{profile}"))).len()
        });
        assert!(chatted.iter().all(|&lines| lines > 0), "nobody chatted");
    }
}

impl Told {
    fn sent(&mut self, number: u64, finished: &Finished) {
        let results = finished.json();
        assert_eq!(results.len(), 1, "{finished:#?}");
        let state = results[0]["state"].as_str().unwrap();
        assert!(matches!((state, finished.code), ("sent", Some(0)) | ("queued", Some(4))), "{finished:#?}");
        self.reported.push(number);
    }

    fn printed(&mut self, finished: &Finished) {
        let mut last = 0;
        for line in &finished.stdout {
            // A kill may cut the last line.
            let Ok(change) = serde_json::from_str::<Value>(line) else { continue };
            let seq = change["seq"].as_u64().unwrap();
            assert!(seq > last, "seq goes up in one run: {finished:#?}");
            last = seq;
            if change["type"] == "message" {
                let text = change["text"].as_str().unwrap().to_owned();
                let before = self.printed.insert(seq, text.clone());
                assert!(before.is_none_or(|before| before == text), "one seq, two messages: {seq}");
            }
        }
    }
}

/// Holds that one side has exactly what the other side sent, once and in the order in which it was sent.
fn agree(world: &World, author: (&str, &str), reader: (&str, &str)) -> Vec<u64> {
    let rows = world.history(author.0, author.1);
    let own = rows.iter().filter(|row| row["own"] == true && row["type"] == "text");
    let own: Vec<String> = own
        .map(|row| {
            assert!(["sent", "delivered", "read"].iter().any(|state| row["state"] == *state), "{row}");
            row["text"].as_str().unwrap().to_owned()
        })
        .collect();
    let received = texts(&world.history(reader.0, reader.1), "received");
    assert_eq!(received, own, "what {} received of {}", reader.0, author.0);
    let numbers: Vec<u64> = received.iter().map(|text| text.parse().unwrap()).collect();
    assert!(numbers.is_sorted_by(|a, b| a < b), "order of {}: {numbers:?}", author.0);
    numbers
}
