//! The past, handed from one device of an account to another.

use std::time::Duration;

use hushwire_client_store::StoreError;
use hushwire_engine::{Command, Event, HistoryProgress, Outcome, Refusal, history_handed, history_wanted};

use crate::world::World;

const ALICE: usize = 0;
const BOB: usize = 1;

/// Alice and bob have written so much to each other; then alice takes a second device.
fn with_a_past(texts: usize, length: usize) -> (World, usize) {
    let mut world = World::with(&["alice", "bob"]);
    for number in 0..texts {
        let (from, to) = if number % 2 == 0 { (ALICE, "@bob") } else { (BOB, "@alice") };
        world.send(from, to, &format!("{number} {}", "x".repeat(length)));
        world.pass(Duration::from_secs(5));
    }
    let laptop = world.link(ALICE);
    world.pass(Duration::from_secs(120));
    (world, laptop)
}

impl World {
    pub fn wanted(&mut self, index: usize) -> Option<HistoryProgress> {
        let db = self.clients[index].db.as_mut().unwrap();
        db.read::<_, StoreError>(history_wanted).unwrap()
    }

    pub fn fetch(&mut self, index: usize) {
        assert_eq!(self.outcome(index, Command::FetchHistory { of: None }), Outcome::Done);
    }

    /// What has been sent and is kept to be sent again.
    fn kept(&mut self, index: usize) -> usize {
        let db = self.clients[index].db.as_mut().unwrap();
        db.read::<_, StoreError>(|view| {
            hushwire_client_store::sent_log::from(view, hushwire_types::SendSeq(0), 100_000)
        })
        .unwrap()
        .len()
    }
}

#[test]
fn a_new_device_gets_the_past_and_is_told_how_far_it_is() {
    let (mut world, laptop) = with_a_past(30, 9_000);
    assert_eq!(world.texts(laptop), []);
    let kept = world.kept(ALICE);
    world.fetch(laptop);
    world.pass(Duration::from_secs(60));
    assert_eq!((world.texts(laptop), world.wanted(laptop)), (world.texts(ALICE), None));
    assert_eq!(world.texts(laptop).len(), 30);
    let told: Vec<(u64, bool)> = world
        .events(laptop)
        .into_iter()
        .filter_map(|event| match event {
            Event::History { messages, finished, .. } => Some((messages, finished)),
            _ => None,
        })
        .collect();
    assert!(told.len() > 3, "parts are small: {told:?}");
    // Lines of the system's are among them.
    assert!(told.last().is_some_and(|(messages, finished)| *messages >= 30 && *finished), "{told:?}");
    assert_eq!(world.kept(ALICE), kept, "nothing of it is kept to be sent again");
    let device = world.clients[laptop].engine.as_ref().unwrap().device();
    let db = world.clients[ALICE].db.as_mut().unwrap();
    assert_eq!(db.read::<_, StoreError>(|view| history_handed(view, device)).unwrap(), Some(true));
    // Nothing of it is new.
    assert_eq!(world.count(laptop, "message"), 0);
    assert_eq!((world.alerts(ALICE).len(), world.alerts(laptop)), (1, vec![]));
}

#[test]
fn both_are_killed_again_and_again_and_it_goes_on() {
    let (mut world, laptop) = with_a_past(30, 9_000);
    world.go_offline(ALICE);
    world.fetch(laptop);
    let mut rounds = 0;
    while world.wanted(laptop).is_some() {
        rounds += 1;
        assert!(rounds < 1_000, "it never ends: {:?}", world.wanted(laptop));
        for index in [ALICE, laptop] {
            world.restart(index);
            world.pump(index);
            world.pump(index);
        }
        if rounds % 20 == 0 {
            world.pass(Duration::from_secs(31));
        }
    }
    assert_eq!(world.texts(laptop), world.texts(ALICE));
    assert!(rounds > 1, "{rounds}");
}

#[test]
fn it_goes_on_when_both_are_there_again_with_what_came_meanwhile() {
    let (mut world, laptop) = with_a_past(30, 9_000);
    world.go_offline(ALICE);
    world.fetch(laptop);
    world.pass(Duration::from_secs(300));
    assert_eq!(world.wanted(laptop), Some(HistoryProgress::default()));
    world.go_offline(laptop);
    world.go_online(ALICE);
    world.send(BOB, "@alice", "meanwhile");
    world.pass(Duration::from_secs(60));
    world.go_online(laptop);
    world.pass(Duration::from_secs(120));
    assert_eq!((world.texts(laptop), world.wanted(laptop)), (world.texts(ALICE), None));
    assert_eq!(world.texts(laptop).len(), 31);
}

#[test]
fn a_device_that_is_put_out_gets_no_more() {
    let (mut world, laptop) = with_a_past(30, 9_000);
    let desk = world.link(ALICE);
    world.pass(Duration::from_secs(120));
    let asked = world.clients[ALICE].engine.as_ref().unwrap().device();
    world.go_offline(ALICE);
    assert_eq!(world.outcome(laptop, Command::FetchHistory { of: Some(asked) }), Outcome::Done);
    world.pass(Duration::from_secs(5));
    world.revoke(desk, laptop);
    world.go_online(ALICE);
    world.pass(Duration::from_secs(300));
    assert_eq!(world.texts(laptop), []);
}

#[test]
fn a_device_alone_has_nobody_to_ask_and_one_that_forgoes_says_so() {
    let mut world = World::with(&["alice"]);
    let refused = Outcome::Refused(Refusal::UnknownHere("other device of yours"));
    assert_eq!(world.outcome(ALICE, Command::FetchHistory { of: None }), refused);
    let laptop = world.link(ALICE);
    world.pass(Duration::from_secs(120));
    assert_eq!(world.outcome(laptop, Command::ForgoHistory), Outcome::Done);
    world.pass(Duration::from_secs(600));
    let device = world.clients[laptop].engine.as_ref().unwrap().device();
    let db = world.clients[ALICE].db.as_mut().unwrap();
    assert_eq!(db.read::<_, StoreError>(|view| history_handed(view, device)).unwrap(), Some(true));
    assert_eq!(world.wanted(laptop), None);
}
