//! A server that lies about places: numbers and generations that do not exist, and what it leaves out before anybody was heard.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use hushwire_client_store::{parked, timeline};
use hushwire_engine::{Alert, GroupChange, Mismatch, Notice, Outcome};
use hushwire_types::{AccountId, EntryHash, Epoch, Generation, ListNumber, Seq};
use hushwire_wire::{Delivery, Entry, EntryKind, ListChanged, Response, WelcomeEntry};

use crate::world::World;

const ALICE: usize = 0;
const BOB: usize = 1;
const CAROL: usize = 2;

/// Changes what is delivered to bob, as long as the switch is on.
fn on_entries(world: &mut World, mut change: impl FnMut(&mut Entry) + 'static) -> Rc<Cell<bool>> {
    let lies = Rc::new(Cell::new(true));
    let switch = Rc::clone(&lies);
    world.tamper = Some(Box::new(move |index, frame| {
        if index == BOB
            && lies.get()
            && let Response::Delivery(Delivery { entries }) = &mut frame.response
        {
            entries.iter_mut().for_each(&mut change);
        }
    }));
    switch
}

fn at_rest() -> World {
    let mut world = World::with(&["alice", "bob"]);
    world.send(ALICE, "@bob", "hello");
    world.pass(Duration::from_secs(120));
    world
}

fn bodies(world: &mut World) -> Vec<String> {
    world.texts(BOB).into_iter().map(|(_, body)| body).collect()
}

#[test]
fn a_generation_that_does_not_exist_holds_up_nothing_behind_it() {
    let mut world = at_rest();
    let lies = on_entries(&mut world, |entry| {
        if let (EntryKind::Application(_), Some(place)) = (&entry.kind, &mut entry.place) {
            place.generation = Generation(9);
        }
    });
    world.send(ALICE, "@bob", "of another generation");
    world.pass(Duration::from_secs(5));
    lies.set(false);
    world.send(ALICE, "@bob", "next");
    world.pass(Duration::from_secs(120));
    assert_eq!(bodies(&mut world).last().unwrap(), "next");
    let waiting = world.client(BOB).db.as_mut().unwrap().read(parked::all).unwrap();
    assert_eq!(waiting, vec![]);
    // What was shown in a wrong place is missing, which is told (rule R4).
    let told = |alert: &Alert| matches!(alert, Alert::Mismatch { mismatch: Mismatch::Missing, .. });
    assert!(world.alerts(BOB).iter().any(told), "{:?}", world.alerts(BOB));
}

#[test]
fn a_welcome_to_a_generation_that_does_not_exist_starts_no_endless_commits() {
    let mut world = at_rest();
    let lies = on_entries(&mut world, |entry| {
        if let (EntryKind::Application(message), Some(place)) = (&entry.kind, &mut entry.place) {
            place.generation = Generation(9);
            entry.kind = EntryKind::Welcome(WelcomeEntry { welcome: message.clone(), epoch: Epoch(1) });
        }
    });
    world.send(ALICE, "@bob", "left out for a Welcome");
    world.pass(Duration::from_secs(5));
    lies.set(false);
    world.send(ALICE, "@bob", "next");
    world.pass(Duration::from_secs(120));
    assert_eq!(bodies(&mut world), ["hello", "next"]);
    // The group that he was in is a good one, and he stayed in it.
    assert!(!world.notices(BOB).contains(&Notice::Rejoined), "{:?}", world.notices(BOB));
}

#[test]
fn a_welcome_shown_in_another_conversation_and_generation_is_asked_for_once() {
    let mut world = World::with(&["alice", "bob", "carol"]);
    world.send(ALICE, "@bob", "hello");
    world.pass(Duration::from_secs(120));
    let known = world.conversations(BOB)[0].id;
    // Bob has the keys for this one, but there is no such generation.
    let lies = on_entries(&mut world, move |entry| {
        if let (EntryKind::Welcome(_), Some(place)) = (&entry.kind, &mut entry.place) {
            (place.conversation_id, place.generation) = (known, Generation(9));
        }
    });
    world.send(CAROL, "@bob", "from carol");
    world.pass(Duration::from_secs(120));
    lies.set(false);
    world.send(ALICE, "@bob", "next");
    world.pass(Duration::from_secs(120));
    assert!(bodies(&mut world).contains(&"next".to_owned()));
    // Only the conversation with carol, whose Welcome he was not shown there, is one that he enters by himself.
    let rejoined = |row: &timeline::Entry| Notice::decode(&row.entry.content) == Some(Notice::Rejoined);
    let there: Vec<_> = world.timeline(BOB).into_iter().filter(rejoined).collect();
    assert!(there.iter().all(|row| row.entry.conversation != known), "{there:?}");
}

#[test]
fn r1_an_epoch_that_does_not_exist_leads_to_another_generation() {
    /// The last byte of a PrivateMessage's epoch, behind version, wire format and a group's id of 32 bytes with its length.
    const EPOCH: usize = 44;
    let mut world = at_rest();
    let lies = on_entries(&mut world, |entry| {
        if let EntryKind::Application(message) = &mut entry.kind {
            let mut bytes = message.to_vec();
            bytes[EPOCH] ^= 8;
            *message = bytes.into();
        }
    });
    world.send(ALICE, "@bob", "of another epoch");
    world.pass(Duration::from_secs(5));
    lies.set(false);
    // No epoch below one that was heard of is entered (rule R7), so nothing but a new group is left, which is told.
    world.pass(Duration::from_secs(600));
    assert!(world.notices(BOB).iter().any(|notice| matches!(notice, Notice::Renewed { .. })));
    world.send(ALICE, "@bob", "next");
    world.pass(Duration::from_secs(60));
    assert_eq!(bodies(&mut world).last().unwrap(), "next");
}

#[test]
fn a_number_beyond_the_mailbox_makes_no_device_deaf() {
    let mut world = at_rest();
    let lies = on_entries(&mut world, |entry| entry.seq = Seq(entry.seq.0 + 1_000));
    world.send(ALICE, "@bob", "far away");
    world.pass(Duration::from_secs(5));
    lies.set(false);
    world.restart(BOB);
    for text in ["next", "and next"] {
        world.send(ALICE, "@bob", text);
        world.pass(Duration::from_secs(5));
    }
    assert_eq!(bodies(&mut world), ["hello", "far away", "next", "and next"]);
    let told = |alert: &Alert| matches!(alert, Alert::EntriesMissing { .. });
    assert!(world.alerts(BOB).iter().any(told), "{:?}", world.alerts(BOB));
}

#[test]
fn r4_the_first_message_of_a_newcomer_is_missed() {
    let mut world = World::with(&["alice", "bob", "carol"]);
    let id = world.make_group(ALICE, "Choir", &["bob"]);
    world.pass(Duration::from_secs(300));
    let lies = on_entries(&mut world, |entry| {
        if matches!(entry.kind, EntryKind::Application(_)) {
            let (account_id, list_hash) = (AccountId::new([1; 32]), EntryHash::new([1; 32]));
            let list_number = ListNumber(1);
            entry.kind = EntryKind::ListChanged(ListChanged { account_id, list_number, list_hash });
        }
    });
    world.find(ALICE, "carol");
    let account = world.account(CAROL);
    world.change(ALICE, id, GroupChange::Add { account });
    world.pass(Duration::from_secs(300));
    assert!(matches!(world.say(CAROL, id, "left out"), Outcome::Queued { .. }));
    world.pass(Duration::from_secs(5));
    assert_eq!(world.alerts(BOB), []);
    lies.set(false);
    assert!(matches!(world.say(CAROL, id, "next"), Outcome::Queued { .. }));
    world.pass(Duration::from_secs(5));
    assert_eq!(bodies(&mut world), ["next"]);
    let alerts = world.alerts(BOB);
    assert!(matches!(alerts[..], [Alert::Mismatch { mismatch: Mismatch::Missing, .. }]), "{alerts:?}");
}
