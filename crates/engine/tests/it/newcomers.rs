//! What was said last in a group, handed to somebody who is added to it.

use std::time::Duration;

use hushwire_client_store::about::Aspect;
use hushwire_client_store::timeline::Entry;
use hushwire_client_store::{StoreError, about, history};
use hushwire_content::{Encoded, Kind, Poll, Text};
use hushwire_engine::{
    Command, Event, GroupChange, GroupWho, Notice, Outcome, Reach, Refusal, Setting, is_handing_history,
};
use hushwire_types::{AccountId, ConversationId};

use crate::world::World;

pub const ALICE: usize = 0;
pub const BOB: usize = 1;
pub const CAROL: usize = 2;
pub const DAVE: usize = 3;

impl World {
    pub fn add(&mut self, index: usize, id: ConversationId, name: &str, history: u32) -> Outcome {
        let account = self.find(index, name);
        let outcome = self.outcome(index, Command::AddToGroup { conversation: id, account, history });
        self.pass(Duration::from_secs(60));
        outcome
    }

    /// The texts of a group that were handed over to a device: who handed them over, whose they are said to be, what they say.
    pub fn told(&mut self, index: usize) -> Vec<(AccountId, AccountId, String)> {
        let mut told = Vec::new();
        for entry in self.timeline(index) {
            let db = self.clients[index].db.as_mut().unwrap();
            let by = db.read::<_, StoreError>(|view| history::handed_over_by(view, entry.row)).unwrap();
            told.extend(by.map(|by| (by, entry.entry.account, body(&entry))));
        }
        told
    }

    fn told_bodies(&mut self, index: usize) -> Vec<String> {
        self.told(index).into_iter().map(|(_, _, body)| body).collect()
    }

    fn unread_and_calls(&mut self, index: usize, id: ConversationId) -> (u64, u64) {
        let db = self.clients[index].db.as_mut().unwrap();
        db.read::<_, StoreError>(|view| Ok((about::unread(view, &id)?, about::unread_calls(view, &id)?)))
            .unwrap()
    }

    fn handing(&mut self, index: usize, id: ConversationId) -> bool {
        let db = self.clients[index].db.as_mut().unwrap();
        db.read::<_, StoreError>(|view| is_handing_history(view, &id)).unwrap()
    }

    pub fn handed(&mut self, index: usize) -> Vec<Notice> {
        let mut notices = self.notices(index);
        notices.retain(|notice| matches!(notice, Notice::HistoryHanded { .. }));
        notices
    }
}

/// What a message says; empty for any other row.
pub fn body(entry: &Entry) -> String {
    match Encoded::from_row(entry.entry.content.clone()).decode().map(|content| content.kind) {
        Ok(Kind::Text(text)) => text.body,
        Ok(Kind::Poll(poll)) => poll.question,
        _ => String::new(),
    }
}

/// Alice's group with bob, in which the two have said `texts` in turns.
pub fn talked(names: &[&'static str], texts: &[&str]) -> (World, ConversationId) {
    let mut world = World::with(names);
    let id = world.make_group(ALICE, "Choir", &["bob"]);
    for (number, text) in texts.iter().enumerate() {
        assert!(matches!(world.say(number % 2, id, text), Outcome::Queued { .. }));
        world.pass(Duration::from_secs(5));
    }
    (world, id)
}

#[test]
fn who_is_added_gets_the_last_messages_on_every_device_in_front_of_its_own_time() {
    let (mut world, id) = talked(&["alice", "bob", "carol"], &["one", "two", "three", "four", "five"]);
    let laptop = world.link(CAROL);
    world.pass(Duration::from_secs(60));
    assert!(matches!(world.add(ALICE, id, "carol", 3), Outcome::Wished { .. }));
    world.say(BOB, id, "welcome");
    world.pass(Duration::from_secs(10));
    let (alice, bob, carol) = (world.account(ALICE), world.account(BOB), world.account(CAROL));
    let told = [(alice, "three"), (bob, "four"), (alice, "five")];
    let told = told.map(|(author, text)| (alice, author, text.to_owned()));
    for index in [CAROL, laptop] {
        assert_eq!(world.told(index), told);
        let texts: Vec<String> = world.texts(index).into_iter().map(|(_, text)| text).collect();
        assert_eq!(texts, ["three", "four", "five", "welcome"]);
        // Nothing of it is new.
        assert_eq!((world.count(index, "message"), world.unread_and_calls(index, id)), (1, (1, 0)));
    }
    let notice = Notice::HistoryHanded { account: carol, by: alice, messages: 3 };
    for index in [ALICE, BOB, CAROL, laptop] {
        assert_eq!(world.handed(index), std::slice::from_ref(&notice), "{index}");
        assert_eq!(world.alerts(index).iter().filter(|alert| is_bad(alert)).count(), 0);
    }
    assert!(!world.handing(ALICE, id));
    assert_eq!(world.texts(BOB).len(), 6, "others pass it over");
    assert_eq!((world.told(ALICE), world.told(BOB)), (vec![], vec![]));
    // Reading it tells nobody.
    world.outcome(CAROL, Command::Read { conversation: id, through: None });
    world.pass(Duration::from_secs(10));
    assert_eq!((world.count(ALICE, "read_by"), world.count(BOB, "read_by")), (0, 1));
}

fn is_bad(alert: &hushwire_engine::Alert) -> bool {
    !matches!(alert, hushwire_engine::Alert::OwnDeviceAdded { .. })
}

#[test]
fn nothing_is_handed_over_unless_the_adder_says_so() {
    let (mut world, id) = talked(&["alice", "bob", "carol"], &["one", "two"]);
    let carol = world.find(ALICE, "carol");
    let too_much = Command::AddToGroup { conversation: id, account: carol, history: 201 };
    assert_eq!(world.outcome(ALICE, too_much), Outcome::Refused(Refusal::TooMuchHistory(200)));
    world.add(ALICE, id, "carol", 0);
    world.say(ALICE, id, "after");
    world.pass(Duration::from_secs(10));
    assert_eq!(world.texts(CAROL), [("alice", "after".to_owned())]);
    assert_eq!((world.handed(ALICE), world.handed(CAROL)), (vec![], vec![]));
}

#[test]
fn a_wish_that_somebody_else_grants_hands_nothing_over() {
    let (mut world, id) = talked(&["alice", "bob", "carol"], &["one", "two"]);
    let account = world.account(BOB);
    world.change(ALICE, id, GroupChange::Role { account, role: hushwire_engine::GroupRole::Admin });
    world.pass(Duration::from_secs(60));
    let account = world.find(ALICE, "carol");
    world.go_offline(ALICE);
    world.outcome(ALICE, Command::AddToGroup { conversation: id, account, history: 2 });
    world.add(BOB, id, "carol", 0);
    world.go_online(ALICE);
    world.pass(Duration::from_secs(60));
    assert!(world.events(ALICE).iter().any(|event| matches!(event, Event::Wish { refused: None, .. })));
    assert_eq!((world.told(CAROL), world.handed(ALICE)), (vec![], vec![]));
}

#[test]
fn long_texts_come_in_parts_whole_and_not_more_than_a_bundle_holds() {
    let long: Vec<String> = (0..24).map(|n| format!("{n} {}", "ä".repeat(16_000))).collect();
    let longest = "🦀".repeat(15_360);
    let texts: Vec<&str> = long.iter().map(String::as_str).chain([longest.as_str(), "end"]).collect();
    let (mut world, id) = talked(&["alice", "bob", "carol"], &texts);
    world.add(ALICE, id, "carol", 200);
    let told = world.told_bodies(CAROL);
    assert_eq!(told, texts, "under a megabyte");
    assert!(!world.handing(ALICE, id));
    let more: Vec<String> = (24..40).map(|n| format!("{n} {}", "ä".repeat(16_000))).collect();
    for text in &more {
        world.say(ALICE, id, text);
        world.pass(Duration::from_secs(5));
    }
    let account = world.account(CAROL);
    world.change(ALICE, id, GroupChange::Remove { account });
    world.pass(Duration::from_secs(60));
    world.join("dave");
    world.add(ALICE, id, "dave", 200);
    let told = world.told_bodies(DAVE);
    assert!(told.len() < 42 && told.len() > 28, "{}", told.len());
    assert!(told.ends_with(&more), "the last ones");
}

#[test]
fn whoever_is_killed_on_the_way_goes_on() {
    let mut halves = 0;
    for victim in [ALICE, CAROL] {
        for kill_at in 0..10 {
            let long: Vec<String> = (0..6).map(|n| format!("{n} {}", "x".repeat(16_000))).collect();
            let texts: Vec<&str> = long.iter().map(String::as_str).collect();
            let (mut world, id) = talked(&["alice", "bob", "carol"], &texts);
            let account = world.find(ALICE, "carol");
            let steps = world.client(victim).steps;
            world.client(victim).kill_at = Some(steps + 1 + kill_at);
            world.command(ALICE, Command::AddToGroup { conversation: id, account, history: 6 });
            world.pass(Duration::from_secs(30));
            halves += usize::from(victim == ALICE && world.told(CAROL).len() == 3);
            world.client(victim).kill_at = None;
            if world.client(victim).engine.is_none() {
                world.start(victim);
                world.go_online(victim);
            }
            world.pass(Duration::from_secs(300));
            assert_eq!(world.told_bodies(CAROL), texts, "{victim} killed at {kill_at}");
            for index in [ALICE, BOB, CAROL] {
                assert_eq!(world.handed(index).len(), 1, "{victim} killed at {kill_at}");
            }
            assert!(!world.handing(ALICE, id));
        }
    }
    assert!(halves > 0, "nobody was killed between two parts");
}

#[test]
fn parts_that_lose_an_epoch_are_made_again() {
    let long: Vec<String> = (0..12).map(|n| format!("{n} {}", "x".repeat(16_000))).collect();
    let texts: Vec<&str> = long.iter().map(String::as_str).collect();
    let (mut world, id) = talked(&["alice", "bob", "carol", "dave"], &texts);
    let (carol, dave) = (world.find(ALICE, "carol"), world.find(ALICE, "dave"));
    world.command(ALICE, Command::AddToGroup { conversation: id, account: carol, history: 12 });
    for round in 0..6 {
        for index in [ALICE, BOB, CAROL] {
            world.pump(index);
        }
        let name = format!("name {round}");
        world.command(BOB, Command::ChangeGroup { conversation: id, change: GroupChange::Name { name } });
    }
    world.command(ALICE, Command::AddToGroup { conversation: id, account: dave, history: 12 });
    world.pass(Duration::from_secs(300));
    for index in [CAROL, DAVE] {
        assert_eq!(world.told_bodies(index), texts, "{index}");
    }
    let to = |account| Notice::HistoryHanded { account, by: world.account(ALICE), messages: 12 };
    let both = [to(carol), to(dave)];
    assert_eq!((world.handed(ALICE), world.handed(BOB)), (both.to_vec(), both.to_vec()));
}

#[test]
fn what_is_gone_hidden_or_only_for_a_time_stays_out() {
    let said = ["a secret", "only mine", "first wording", "stays"];
    let (mut world, id) = talked(&["alice", "bob", "carol"], &said);
    let (secret, mine) = (world.message(ALICE, "a secret"), world.message(ALICE, "only mine"));
    let wording = world.message(ALICE, "first wording");
    let reply = |to, text: &str| Command::Reply { to, text: text.to_owned(), key: None };
    world.outcome(BOB, reply(secret, "about the secret"));
    world.outcome(BOB, reply(wording, "about the wording"));
    world.pass(Duration::from_secs(5));
    world.outcome(ALICE, Command::Edit { message: wording, text: "last wording".to_owned() });
    world.outcome(ALICE, Command::Delete { message: secret, reach: Reach::Everyone });
    world.outcome(ALICE, Command::Delete { message: mine, reach: Reach::Here });
    world.outcome(BOB, Command::React { to: wording, emoji: "👍".to_owned() });
    let poll = Poll { question: "Which?".into(), options: vec!["a".into(), "b".into()], multiple: false };
    world.outcome(BOB, Command::Poll { conversation: id, poll });
    world.pass(Duration::from_secs(5));
    assert!(matches!(
        world.outcome(ALICE, Command::Timer { conversation: id, lives_for_s: 3_600 }),
        Outcome::Wished { .. }
    ));
    world.pass(Duration::from_secs(60));
    for index in [ALICE, BOB] {
        world.say(index, id, "for an hour");
    }
    world.pass(Duration::from_secs(5));
    world.add(ALICE, id, "carol", 200);
    let told = world.told_bodies(CAROL);
    assert_eq!(told, ["last wording", "stays", "about the secret", "about the wording", "Which?"]);
    let rows = world.timeline(CAROL);
    let quotes: Vec<String> = rows
        .iter()
        .filter_map(|row| match Encoded::from_row(row.entry.content.clone()).decode().ok()?.kind {
            Kind::Text(Text { quote, .. }) => quote.map(|quote| quote.excerpt),
            _ => None,
        })
        .collect();
    assert_eq!(quotes, ["", "first wording"]);
    // What was handed over is like any other message.
    let stays = world.message(CAROL, "stays");
    world.does(CAROL, Command::React { to: stays, emoji: "🎵".to_owned() });
    assert_eq!(world.about(ALICE, &stays, Aspect::Reaction).len(), 1);
    world.does(BOB, Command::Delete { message: stays, reach: Reach::Everyone });
    world.pass(Duration::from_secs(10));
    assert!(!world.told_bodies(CAROL).contains(&"stays".to_owned()));
}

#[test]
fn who_has_left_and_comes_back_gets_only_what_is_missing() {
    let (mut world, id) = talked(&["alice", "bob", "carol"], &["before"]);
    world.add(ALICE, id, "carol", 0);
    world.say(BOB, id, "with carol");
    world.say(CAROL, id, "carol's own");
    world.pass(Duration::from_secs(60));
    world.change(CAROL, id, GroupChange::Leave);
    world.pass(Duration::from_secs(120));
    world.say(BOB, id, "without carol");
    world.pass(Duration::from_secs(10));
    world.outcome(CAROL, Command::Read { conversation: id, through: None });
    world.add(ALICE, id, "carol", 3);
    assert_eq!(world.told_bodies(CAROL), ["without carol"]);
    let mut texts: Vec<String> = world.texts(CAROL).into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts.pop().as_deref(), Some("without carol"));
    texts.sort();
    assert_eq!(texts, ["carol's own", "with carol"]);
    assert_eq!(world.unread_and_calls(CAROL, id), (0, 0));
}

#[test]
fn nothing_of_who_is_blocked_is_taken_and_who_adds_need_not_be_allowed_to_write() {
    let (mut world, id) = talked(&["alice", "bob", "carol"], &["of alice", "of bob"]);
    let change = GroupChange::Permissions {
        add: GroupWho::Everybody,
        details: GroupWho::Admins,
        write: GroupWho::Admins,
    };
    world.change(ALICE, id, change);
    world.pass(Duration::from_secs(60));
    let account = world.find(CAROL, "alice");
    assert_eq!(world.outcome(CAROL, Command::Set(Setting::Blocked { account, on: true })), Outcome::Done);
    world.add(BOB, id, "carol", 10);
    assert_eq!(world.told_bodies(CAROL), ["of bob"]);
    assert_eq!(world.handed(ALICE).len(), 1);
}

#[test]
fn the_mark_stays_on_a_new_device_and_such_messages_are_not_handed_on() {
    let (mut world, id) = talked(&["alice", "bob", "carol", "dave"], &["one", "two"]);
    let account = world.account(ALICE);
    let everybody = GroupWho::Everybody;
    let change = GroupChange::Permissions { add: everybody, details: everybody, write: everybody };
    world.change(ALICE, id, change);
    world.pass(Duration::from_secs(60));
    world.add(ALICE, id, "carol", 2);
    world.say(CAROL, id, "three");
    world.pass(Duration::from_secs(10));
    let laptop = world.link(CAROL);
    world.pass(Duration::from_secs(120));
    assert_eq!(world.told(laptop), []);
    assert_eq!(world.outcome(laptop, Command::FetchHistory { of: None }), Outcome::Done);
    world.pass(Duration::from_secs(60));
    assert_eq!(world.told(laptop), world.told(CAROL));
    assert!(world.told(laptop).iter().all(|(by, _, _)| *by == account) && world.told(laptop).len() == 2);
    world.add(CAROL, id, "dave", 10);
    assert_eq!(world.told_bodies(DAVE), ["three"]);
}
