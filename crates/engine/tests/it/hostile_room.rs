//! A server that lies about a group, or about the devices of one account: what it can and cannot do.

use std::time::Duration;

use hushwire_client_store::conversation::ConversationState;
use hushwire_client_store::parked;
use hushwire_engine::{Alert, GroupChange, Notice, Outcome, Setting};
use hushwire_mls::hostile::HostileDevice;
use hushwire_suite::Suite;
use hushwire_types::{AccountId, ConversationId, EntryHash, Generation, ListNumber, Order, Seq};
use hushwire_wire::{Delivery, Entry, EntryKind, ListChanged, Opaque, Place, Response};

use crate::world::World;

const ALICE: usize = 0;
const BOB: usize = 1;
const CAROL: usize = 2;
const MALLORY: usize = 3;

/// Alice, bob and carol in a group, and mallory outside.
fn room() -> (World, ConversationId) {
    let mut world = World::with(&["alice", "bob", "carol", "mallory"]);
    let id = world.make_group(ALICE, "Choir", &["bob", "carol"]);
    world.pass(Duration::from_secs(300));
    (world, id)
}

/// An entry of no interest in place of another one, so that no number is missing.
fn nothing() -> EntryKind {
    let (account_id, list_hash) = (AccountId::new([1; 32]), EntryHash::new([1; 32]));
    EntryKind::ListChanged(ListChanged { account_id, list_number: ListNumber(1), list_hash })
}

/// Changes what is delivered to one device.
fn on_entries(world: &mut World, device: usize, mut change: impl FnMut(&mut Entry) + 'static) {
    world.tamper = Some(Box::new(move |index, frame| {
        if index == device
            && let Response::Delivery(Delivery { entries }) = &mut frame.response
        {
            entries.iter_mut().for_each(&mut change);
        }
    }));
}

impl World {
    /// The server shows a device one entry more, under the next number.
    fn feed_entry(&mut self, index: usize, id: ConversationId, kind: EntryKind) {
        let db = self.clients[index].db.as_mut().unwrap();
        let cursor = db.read(hushwire_client_store::progress::load).unwrap().cursor;
        let place = Place { conversation_id: id, generation: Generation(1), order: Some(Order(1000)) };
        let entry = Entry { seq: Seq(cursor.0 + 1), accepted_at: self.now, place: Some(place), kind };
        self.step(index, vec![hushwire_engine::Input::Deliveries(vec![entry])]);
        self.pass(Duration::from_secs(60));
    }

    /// What was delivered to a device since its recording began.
    fn recorded_entries(&self, device: usize) -> Vec<EntryKind> {
        let of = self.recorded.iter().filter(|(index, _)| *index == device);
        let entries = of.filter_map(|(_, input)| match input {
            hushwire_engine::Input::Deliveries(entries) => {
                Some(entries.iter().map(|entry| entry.kind.clone()))
            }
            _ => None,
        });
        entries.flatten().collect()
    }

    fn all_read(&mut self, id: ConversationId, by: usize, readers: &[usize], text: &str) {
        let said = self.say(by, id, text);
        assert!(matches!(said, Outcome::Queued { .. }), "{said:?}");
        self.pass(Duration::from_secs(120));
        for index in readers {
            let times = self.texts(*index).iter().filter(|(_, body)| body == text).count();
            assert_eq!(times, 1, "{}", self.clients[*index].name);
        }
    }
}

#[test]
fn a_ghost_device_does_not_come_into_a_group() {
    let mut world = World::with(&["alice", "bob", "carol", "mallory"]);
    world.find(ALICE, "mallory");
    world.substitute = Some((world.account(BOB), world.account(MALLORY)));
    let id = world.make_group(ALICE, "Choir", &["bob", "carol"]);
    let account = world.account(BOB);
    assert!(world.alerts(ALICE).contains(&Alert::BadKeys { account }));
    let told = |notice: &Notice| matches!(notice, Notice::NotAdded { account: of, .. } if *of == account);
    assert!(world.notices(ALICE).iter().any(told));
    world.all_read(id, ALICE, &[CAROL], "without ghosts");
    assert_eq!(world.texts(MALLORY), []);
    // With true keys he comes in.
    world.substitute = None;
    world.change(ALICE, id, GroupChange::Add { account });
    world.pass(Duration::from_secs(120));
    world.all_read(id, ALICE, &[BOB, CAROL], "with bob");
}

#[test]
fn r7_an_external_commit_of_somebody_outside_is_refused_by_the_members() {
    let (mut world, id) = room();
    let group = world.fetch_group(ALICE, id);
    let (keys, _) = world.turn_hostile(MALLORY);
    let suite =
        Suite::new(std::sync::Arc::clone(&world.entropy) as std::sync::Arc<dyn hushwire_types::Entropy>);
    let mallory = HostileDevice::new(&keys, &suite).unwrap();
    let forged = mallory.external_commit(&group.group_info.unwrap(), &group.ratchet_tree, None).unwrap();
    world.feed_entry(BOB, id, EntryKind::Commit(Opaque::from(forged.commit)));
    world.pass(Duration::from_secs(300));
    // He trusts the log no more and enters anew, into the group that the others are in.
    assert_eq!(world.state(BOB, id), ConversationState::Active);
    world.go_online(BOB);
    let account = keys.credential.account;
    let came = |notice: &Notice| matches!(notice, Notice::MemberAdded { account: of, .. } if *of == account);
    for index in [ALICE, BOB, CAROL] {
        assert!(!world.notices(index).iter().any(came));
    }
    world.all_read(id, ALICE, &[BOB, CAROL], "among us");
}

#[test]
fn r8_a_removed_member_that_is_still_fed_reads_nothing() {
    let (mut world, id) = room();
    let account = world.account(CAROL);
    // It is not even told that it is out.
    on_entries(&mut world, CAROL, |entry| {
        if matches!(entry.kind, EntryKind::Removed(_)) {
            entry.kind = nothing();
        }
    });
    world.change(ALICE, id, GroupChange::Remove { account });
    world.pass(Duration::from_secs(60));
    world.record = true;
    world.all_read(id, ALICE, &[BOB], "without carol");
    let fed: Vec<EntryKind> = world.recorded_entries(BOB);
    let fed: Vec<EntryKind> = fed
        .into_iter()
        .filter(|kind| matches!(kind, EntryKind::Application(_) | EntryKind::Commit(_)))
        .collect();
    assert!(!fed.is_empty());
    for kind in fed {
        world.feed_entry(CAROL, id, kind);
    }
    world.pass(Duration::from_secs(600));
    assert_eq!(world.texts(CAROL), []);
    world.all_read(id, BOB, &[ALICE], "still without");
    assert_eq!(world.texts(CAROL), []);
}

#[test]
fn a_welcome_that_is_withheld_is_made_up_for_by_entering_at_the_next_message() {
    let (mut world, id) = room();
    on_entries(&mut world, MALLORY, |entry| {
        if matches!(entry.kind, EntryKind::Welcome(_)) {
            entry.kind = nothing();
        }
    });
    let account = world.find(ALICE, "mallory");
    world.change(ALICE, id, GroupChange::Add { account });
    world.pass(Duration::from_secs(120));
    assert!(world.conversations(MALLORY).iter().all(|known| known.id != id), "it came all the same");
    world.say(ALICE, id, "are you there?");
    world.pass(Duration::from_secs(300));
    assert_eq!(world.state(MALLORY, id), ConversationState::Active);
    world.all_read(id, ALICE, &[BOB, CAROL, MALLORY], "welcome");
}

#[test]
fn a_welcome_for_somebody_else_opens_nothing() {
    let (mut world, id) = room();
    let dora = world.join("dora");
    world.record = true;
    let account = world.find(ALICE, "mallory");
    world.change(ALICE, id, GroupChange::Add { account });
    world.pass(Duration::from_secs(120));
    let mut told = world.recorded_entries(MALLORY).into_iter();
    let welcome = told.find(|kind| matches!(kind, EntryKind::Welcome(_)));
    world.feed_entry(dora, id, welcome.unwrap());
    world.pass(Duration::from_secs(300));
    assert_eq!(world.texts(dora), []);
    assert!(world.conversations(dora).iter().all(|known| known.state != ConversationState::Active));
    world.all_read(id, ALICE, &[BOB, CAROL, MALLORY], "welcome");
}

#[test]
fn a_welcome_that_does_not_open_keeps_nobody_out_who_was_put_out_before() {
    let (mut world, id) = room();
    let account = world.account(CAROL);
    world.change(ALICE, id, GroupChange::Remove { account });
    world.pass(Duration::from_secs(120));
    assert_eq!(world.state(CAROL, id), ConversationState::Closed);
    on_entries(&mut world, CAROL, |entry| {
        if let EntryKind::Welcome(welcome) = &mut entry.kind {
            let mut altered = welcome.welcome.to_vec();
            *altered.last_mut().unwrap() ^= 1;
            welcome.welcome = Opaque::from(altered);
        }
    });
    world.change(ALICE, id, GroupChange::Add { account });
    world.pass(Duration::from_secs(600));
    assert_eq!(world.state(CAROL, id), ConversationState::Active);
    assert!(world.notices(CAROL).contains(&Notice::Rejoined));
    world.all_read(id, ALICE, &[BOB, CAROL], "welcome back");
}

#[test]
fn a_welcome_for_somebody_else_changes_nothing_for_who_is_out_of_the_group() {
    let (mut world, id) = room();
    let account = world.account(CAROL);
    world.change(ALICE, id, GroupChange::Remove { account });
    world.pass(Duration::from_secs(120));
    world.record = true;
    let mallory = world.find(ALICE, "mallory");
    world.change(ALICE, id, GroupChange::Add { account: mallory });
    world.pass(Duration::from_secs(120));
    let mut told = world.recorded_entries(MALLORY).into_iter();
    let welcome = told.find(|kind| matches!(kind, EntryKind::Welcome(_)));
    world.feed_entry(CAROL, id, welcome.unwrap());
    world.pass(Duration::from_secs(3600));
    assert_eq!(world.state(CAROL, id), ConversationState::Closed);
    assert_eq!(world.alerts(CAROL), []);
    // Nothing is left that would be in the way when she is let in again.
    let db = world.clients[CAROL].db.as_mut().unwrap();
    assert_eq!(db.read(parked::all).unwrap(), []);
    world.all_read(id, ALICE, &[BOB, MALLORY], "welcome");
}

#[test]
fn what_devices_of_one_account_tell_each_other_can_be_neither_forged_nor_told_again() {
    let mut world = World::with(&["alice", "bob"]);
    let laptop = world.link(BOB);
    world.send(ALICE, "@bob", "hello");
    world.pass(Duration::from_secs(300));
    let id = world.conversations(ALICE)[0].id;
    let draft = |text: &str| Setting::Draft { conversation: id, text: text.to_owned() };
    world.record = true;
    world.outcome(BOB, hushwire_engine::Command::Set(draft("first")));
    world.pass(Duration::from_secs(60));
    let told =
        world.recorded_entries(laptop).into_iter().find(|kind| matches!(kind, EntryKind::Application(_)));
    let Some(EntryKind::Application(told)) = told else { panic!("nothing was told") };
    world.outcome(BOB, hushwire_engine::Command::Set(draft("second")));
    world.pass(Duration::from_secs(60));

    let own = world.account(BOB);
    let own = hushwire_group_policy::direct_conversation_id(own, own);
    let mut forged = told.to_vec();
    *forged.last_mut().unwrap() ^= 1;
    for message in [told, Opaque::from(forged)] {
        world.feed_entry(laptop, own, EntryKind::Application(message));
    }
    let db = world.clients[laptop].db.as_mut().unwrap();
    let settings = db.read(|view| hushwire_engine::conversation_settings(view, &id)).unwrap();
    assert_eq!(settings.draft, "second");
}
