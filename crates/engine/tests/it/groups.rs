//! Groups under a conversation: races, joins, rejoins, refreshes, KeyPackages.

use std::time::Duration;

use hushwire_client_store::conversation::{self, ConversationState};
use hushwire_client_store::{key_package, mls_row};
use hushwire_engine::Notice;
use hushwire_server_store::Store;

use crate::world::World;

const DAY: Duration = Duration::from_secs(24 * 3600);

#[test]
fn a_lost_group_comes_back_by_an_external_commit() {
    let mut world = World::with(&["alice", "bob"]);
    world.send(0, "@bob", "one");
    world.pass(Duration::from_secs(90));
    let group = world.conversations(1)[0].group.unwrap();
    let db = world.client(1).db.as_mut().unwrap();
    db.step(|tx| mls_row::delete_group(tx, &group)).unwrap();
    world.restart(1);
    world.send(1, "@alice", "two");
    world.pass(Duration::from_secs(60));
    world.send(0, "@bob", "three");
    world.pass(Duration::from_secs(60));
    let bodies =
        |texts: Vec<(&'static str, String)>| texts.into_iter().map(|(_, body)| body).collect::<Vec<_>>();
    assert_eq!(bodies(world.texts(0)), ["one", "two", "three"]);
    assert_eq!(bodies(world.texts(1)), ["one", "two", "three"]);
    assert!(world.notices(1).contains(&Notice::Rejoined));
    assert_eq!((world.alerts(0), world.alerts(1)), (vec![], vec![]));
}

#[test]
fn an_orphan_welcome_leads_to_an_external_commit() {
    let mut world = World::with(&["alice", "bob"]);
    // Bob's private keys are gone; the server still gives his KeyPackages away.
    let db = world.client(1).db.as_mut().unwrap();
    db.step::<_, hushwire_client_store::StoreError>(|tx| {
        for row in mls_row::of_kind(tx, mls_row::MlsKind::KeyPackage)? {
            mls_row::delete(tx, &row.key)?;
        }
        Ok(())
    })
    .unwrap();
    world.send(0, "@bob", "one");
    world.pass(Duration::from_secs(60));
    world.send(0, "@bob", "two");
    world.pass(Duration::from_secs(60));
    assert_eq!(world.conversations(1)[0].state, ConversationState::Active);
    // What was written before bob's new leaf cannot be read by it, and is shown as such.
    assert!(world.texts(1).iter().any(|(_, body)| body == "two"));
    assert_eq!((world.alerts(0), world.alerts(1)), (vec![], vec![]));
}

#[test]
fn leaves_are_refreshed_at_the_first_send_after_a_day() {
    let mut world = World::with(&["alice", "bob"]);
    world.send(0, "@bob", "one");
    world.pass(Duration::from_secs(120));
    let before = world.conversations(0)[0].known_epoch;
    world.pass(DAY * 2);
    assert_eq!(world.conversations(0)[0].known_epoch, before, "nobody commits without a reason");
    world.send(0, "@bob", "two");
    world.pass(Duration::from_secs(120));
    assert!(world.conversations(1)[0].known_epoch > before);
    assert_eq!(world.texts(1).len(), 2);
}

#[test]
fn commits_of_both_at_once_end_in_the_same_epoch() {
    let mut world = World::with(&["alice", "bob"]);
    world.send(0, "@bob", "one");
    world.pass(Duration::from_secs(120));
    world.pass(DAY * 2);
    // Both have a reason to commit, and neither has seen the other's.
    for _ in 0..3 {
        world.send(0, "@bob", "a");
        world.send(1, "@alice", "b");
    }
    world.pass(Duration::from_secs(300));
    let (alice, bob) = (world.conversations(0)[0].clone(), world.conversations(1)[0].clone());
    assert_eq!(alice.known_epoch, bob.known_epoch);
    assert_eq!(world.texts(0).len(), 7);
    assert_eq!(world.texts(0), world.texts(1));
    assert_eq!((world.alerts(0), world.alerts(1)), (vec![], vec![]));
}

#[test]
fn past_epochs_go_after_a_day() {
    let mut world = World::with(&["alice", "bob"]);
    world.send(0, "@bob", "one");
    world.pass(Duration::from_secs(120));
    let epochs = |world: &mut World| {
        let db = world.client(0).db.as_mut().unwrap();
        db.read(|view| mls_row::of_kind(view, mls_row::MlsKind::Epoch)).unwrap().len()
    };
    assert!(epochs(&mut world) > 0);
    world.pass(DAY * 2);
    assert_eq!(epochs(&mut world), 0);
}

#[test]
fn the_pool_is_refilled_when_it_runs_low() {
    let mut world =
        World::with(&["bob", "a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8", "a9", "b0", "b1"]);
    for index in 1..13 {
        world.send(index, "@bob", "hello");
        world.settle();
    }
    world.pass(Duration::from_secs(10));
    assert_eq!(world.texts(0).len(), 12);
    let bob = world.account(0);
    let device = world.clients[0].engine.as_ref().unwrap().device();
    let mailbox = world.store.device(bob, device).unwrap().unwrap().mailbox;
    let left = world.store.key_packages(mailbox).unwrap().left;
    assert!(left >= 10, "{left} left");
}

#[test]
fn the_last_resort_is_renewed_weekly() {
    let mut world = World::with(&["alice"]);
    world.pass(DAY * 8);
    world.restart(0);
    world.pass(Duration::from_secs(5));
    let db = world.client(0).db.as_mut().unwrap();
    let packages = db.read(key_package::all).unwrap();
    let last: Vec<_> =
        packages.iter().filter(|package| package.kind == key_package::KeyPackageKind::LastResort).collect();
    assert_eq!(last.len(), 2);
    assert_eq!(last.iter().filter(|package| package.retired_at.is_none()).count(), 1);
}

#[test]
fn a_conversation_that_cannot_be_healed_is_told_once() {
    let mut world = World::with(&["alice", "bob"]);
    let id = world.make_group(0, "Choir", &["bob"]);
    let mut row = world.conversations(1).into_iter().find(|row| row.id == id).unwrap();
    // Bob, who is not in charge, has heard of an epoch that the server does not show any more (rule R7).
    row.known_epoch = hushwire_types::Epoch(100);
    let db = world.client(1).db.as_mut().unwrap();
    db.step(|tx| conversation::update(tx, &row)).unwrap();
    world.restart(1);
    world.say(1, id, "two");
    world.pass(Duration::from_secs(600));
    assert_eq!(world.state(1, id), ConversationState::Broken);
    assert_eq!(world.alerts(1).len(), 1);
    assert!(world.notices(1).contains(&Notice::Stuck));
}

#[test]
fn a_device_that_is_started_in_a_loop_keeps_the_spacing_of_commits() {
    let mut world = World::with(&["alice", "bob", "carol"]);
    world.send(0, "@bob", "one");
    world.send(0, "@carol", "one");
    world.pass(Duration::from_secs(600));
    world.pass(DAY * 2);
    let epochs = |world: &mut World| {
        world.conversations(0).iter().map(|conversation| conversation.known_epoch.0).sum::<u64>()
    };
    let before = epochs(&mut world);
    // Both groups want a fresh leaf at the next text, and every start is a chance.
    world.send(0, "@bob", "two");
    world.send(0, "@carol", "two");
    for _ in 0..10 {
        world.settle();
        world.restart(0);
        world.pass(Duration::from_secs(1));
    }
    assert_eq!(epochs(&mut world), before + 1, "one Commit in a minute");
    world.pass(Duration::from_secs(120));
    // The next text takes the fresh leaf of the other group with it.
    world.send(0, "@bob", "three");
    world.send(0, "@carol", "three");
    world.pass(Duration::from_secs(120));
    assert_eq!(epochs(&mut world), before + 2);
}
