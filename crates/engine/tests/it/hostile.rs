//! A server that lies: what it can and cannot do, and when the client says so.

use std::time::Duration;

use hushwire_client_store::conversation::ConversationState;
use hushwire_client_store::timeline::EntryState;
use hushwire_engine::{Alert, Command, Mismatch, Notice, Outcome, Refusal};
use hushwire_types::{AccountId, Seq};
use hushwire_wire::{Delivery, Entry, EntryKind, Opaque, Response};

use crate::world::{World, send};

/// Two people whose groups are at rest.
fn at_rest() -> World {
    let mut world = World::with(&["alice", "bob"]);
    world.send(0, "@bob", "hello");
    world.pass(Duration::from_secs(120));
    world
}

fn is_message(entry: &Entry) -> bool {
    matches!(entry.kind, EntryKind::Application(_))
}

/// Changes the entries of each delivery to bob.
fn on_entries(world: &mut World, mut change: impl FnMut(&mut Vec<Entry>) + 'static) {
    world.tamper = Some(Box::new(move |index, frame| {
        if index == 1
            && let Response::Delivery(Delivery { entries }) = &mut frame.response
        {
            change(entries);
        }
    }));
}

#[test]
fn a_forged_delivery_is_shown_as_unreadable_and_harms_nothing() {
    let mut world = at_rest();
    let mut forged = false;
    on_entries(&mut world, move |entries| {
        for entry in entries.iter_mut().filter(|entry| is_message(entry)) {
            if std::mem::replace(&mut forged, true) {
                continue;
            }
            let EntryKind::Application(message) = &entry.kind else { continue };
            let mut bytes = message.to_vec();
            let last = bytes.len() - 1;
            bytes[last] ^= 1;
            entry.kind = EntryKind::Application(Opaque::from(bytes));
        }
    });
    world.send(0, "@bob", "forged");
    world.pass(Duration::from_secs(5));
    let unreadable = |world: &mut World| {
        world
            .timeline(1)
            .iter()
            .filter(|row| matches!(row.entry.state, EntryState::Unreadable { .. }))
            .count()
    };
    assert_eq!(unreadable(&mut world), 1);
    world.send(0, "@bob", "next");
    world.pass(Duration::from_secs(5));
    assert_eq!(world.texts(1).last().unwrap().1, "next");
    assert_eq!(unreadable(&mut world), 1);
    // The next message tells that one is missing (rule R4).
    let told = |alert: &Alert| matches!(alert, Alert::Mismatch { mismatch: Mismatch::Missing, .. });
    assert!(world.alerts(1).iter().any(told));
}

#[test]
fn r4_a_message_dropped_without_a_hole_is_told_at_the_next_one() {
    let mut world = at_rest();
    // The server renumbers, so that no number is missing.
    let mut dropped = 0;
    on_entries(&mut world, move |entries| {
        if dropped == 0
            && let Some(at) = entries.iter().position(is_message)
        {
            let kind = EntryKind::ListChanged(hushwire_wire::ListChanged {
                account_id: AccountId::new([1; 32]),
                list_number: hushwire_types::ListNumber(1),
                list_hash: hushwire_types::EntryHash::new([1; 32]),
            });
            entries[at].kind = kind;
            dropped += 1;
        }
    });
    world.send(0, "@bob", "dropped");
    world.pass(Duration::from_secs(5));
    assert_eq!(world.alerts(1), []);
    world.send(0, "@bob", "next");
    world.pass(Duration::from_secs(5));
    assert!(matches!(world.alerts(1)[..], [Alert::Mismatch { mismatch: Mismatch::Missing, .. }]));
    assert_eq!(world.texts(1).last().unwrap().1, "next");
    let refused = world.outcome(1, send("@alice", "answer", None));
    assert_eq!(refused, Outcome::Refused(Refusal::Stopped));
    let conversation = world.conversations(1)[0].id;
    assert_eq!(world.outcome(1, Command::Resume { conversation }), Outcome::Done);
    assert!(matches!(world.outcome(1, send("@alice", "answer", None)), Outcome::Queued { .. }));
    world.pass(Duration::from_secs(5));
    assert_eq!(world.texts(0).last().unwrap().1, "answer");
    assert!(world.notices(1).contains(&Notice::Resumed));
}

#[test]
fn entries_left_out_are_asked_for_again_and_then_told() {
    let mut world = at_rest();
    let mut left_out: Option<Seq> = None;
    on_entries(&mut world, move |entries| {
        if left_out.is_none() {
            left_out = entries.iter().find(|entry| is_message(entry)).map(|entry| entry.seq);
        }
        entries.retain(|entry| Some(entry.seq) != left_out);
    });
    world.send(0, "@bob", "left out");
    world.pass(Duration::from_secs(5));
    world.send(0, "@bob", "next");
    world.pass(Duration::from_secs(5));
    assert_eq!(world.texts(1).last().unwrap().1, "next");
    assert!(world.alerts(1).iter().any(|alert| matches!(alert, Alert::EntriesMissing { .. })));
}

#[test]
fn a_replayed_delivery_under_a_new_number_is_not_shown_again() {
    let mut world = at_rest();
    let mut kept: Option<EntryKind> = None;
    on_entries(&mut world, move |entries| {
        for entry in entries.iter_mut().filter(|entry| is_message(entry)) {
            match &kept {
                None => kept = Some(entry.kind.clone()),
                Some(old) => entry.kind = old.clone(),
            }
        }
    });
    for text in ["one", "two"] {
        world.send(0, "@bob", text);
        world.pass(Duration::from_secs(5));
    }
    let shown = world.texts(1).into_iter().filter(|(_, body)| body == "one").count();
    assert_eq!(shown, 1);
}

#[test]
fn a_ghost_device_gets_nothing() {
    let mut world = World::with(&["alice", "bob", "mallory"]);
    // Mallory's KeyPackage comes for bob's device.
    world.substitute = Some((world.account(1), world.account(2)));
    world.send(0, "@bob", "secret");
    world.pass(Duration::from_secs(5));
    let bob = world.account(1);
    assert!(world.alerts(0).contains(&Alert::BadKeys { account: bob }));
    assert_eq!((world.texts(1), world.texts(2)), (vec![], vec![]));
    world.substitute = None;
    world.pass(Duration::from_secs(120));
    assert_eq!(world.texts(1).len(), 1);
}

/// Changes what the server shows of accounts to alice.
fn on_keys(world: &mut World, mut change: impl FnMut(&mut Vec<Opaque>) + 'static) {
    world.tamper = Some(Box::new(move |index, frame| {
        if index == 0
            && let Response::AccountKeys(keys) = &mut frame.response
        {
            change(&mut keys.entries);
        }
    }));
}

#[test]
fn r2_a_ghost_device_in_a_list_is_refused_and_told() {
    let mut world = at_rest();
    let bob = world.account(1);
    // An addition that nobody of bob's has signed.
    on_keys(&mut world, |entries| {
        if let Some(last) = entries.last_mut() {
            let mut forged = last.to_vec();
            let end = forged.len() - 1;
            forged[end] ^= 1;
            *last = forged.into();
        }
    });
    let laptop = world.link(1);
    world.pass(Duration::from_secs(5));
    world.send(0, "@bob", "for bob alone");
    world.pass(Duration::from_secs(60));
    assert!(world.alerts(0).contains(&Alert::BadKeys { account: bob }), "{:?}", world.alerts(0));
    assert_eq!(world.texts(laptop), [], "what is in no list that verifies gets nothing");
    // What the server shows later is believed once it verifies.
    world.tamper = None;
    world.pass(Duration::from_secs(3600));
    world.send(0, "@bob", "for both");
    world.pass(Duration::from_secs(120));
    assert_eq!(world.texts(laptop).last().unwrap().1, "for both");
}

#[test]
fn r2_a_list_that_was_shortened_takes_nothing_from_what_is_known() {
    let mut world = at_rest();
    let laptop = world.link(1);
    world.pass(Duration::from_secs(120));
    on_keys(&mut world, |entries| entries.truncate(1));
    // Asked for by name, the whole list is shown again.
    let look_up = Command::LookUp { handle: "@bob".parse().unwrap() };
    assert!(matches!(world.outcome(0, look_up), Outcome::Found { .. }));
    world.restart(0);
    world.pass(Duration::from_secs(5));
    world.send(0, "@bob", "to all that bob has");
    world.pass(Duration::from_secs(60));
    assert_eq!(world.texts(laptop).last().unwrap().1, "to all that bob has");
}

#[test]
fn reordered_deliveries_are_asked_for_again_and_shown_in_order() {
    let mut world = at_rest();
    world.go_offline(1);
    for text in ["one", "two", "three"] {
        world.send(0, "@bob", text);
    }
    world.pass(Duration::from_secs(5));
    let mut reordered = false;
    on_entries(&mut world, move |entries| {
        if entries.iter().filter(|entry| is_message(entry)).count() > 1
            && !std::mem::replace(&mut reordered, true)
        {
            entries.reverse();
        }
    });
    world.go_online(1);
    world.pass(Duration::from_secs(60));
    let shown: Vec<String> = world.texts(1).into_iter().map(|(_, body)| body).collect();
    assert_eq!(shown, ["hello", "one", "two", "three"]);
}

#[test]
fn a_false_acknowledgement_is_not_more_than_sent() {
    let mut world = at_rest();
    world.swallow = true;
    world.send(0, "@bob", "swallowed");
    world.pass(Duration::from_secs(5));
    world.swallow = false;
    assert_eq!(world.count(0, "sent"), 2);
    assert_eq!(world.count(0, "delivered"), 1);
    world.send(0, "@bob", "next");
    world.pass(Duration::from_secs(5));
    assert!(matches!(world.alerts(1)[..], [Alert::Mismatch { mismatch: Mismatch::Missing, .. }]));
}

#[test]
fn r7_an_old_group_info_is_refused_and_the_conversation_goes_on_in_another_group() {
    let mut world = at_rest();
    let conversation = world.conversations(1)[0].clone();
    let old = world.fetch_group(1, conversation.id);
    for _ in 0..2 {
        world.pass(Duration::from_secs(25 * 3600));
        world.send(0, "@bob", "again");
        world.pass(Duration::from_secs(120));
    }
    let db = world.client(1).db.as_mut().unwrap();
    db.step(|tx| hushwire_client_store::mls_row::delete_group(tx, &conversation.group.unwrap())).unwrap();
    world.tamper = Some(Box::new(move |index, frame| {
        if index == 1 && matches!(frame.response, Response::Group(_)) {
            frame.response = old.clone().into();
        }
    }));
    world.restart(1);
    world.send(1, "@alice", "lost");
    world.pass(Duration::from_secs(120));
    let by = world.account(1);
    for index in 0..2 {
        let now = world.conversations(index)[0].clone();
        assert_eq!((now.state, now.generation.0), (ConversationState::Active, 2));
        assert_ne!(now.group, conversation.group);
        assert!(world.notices(index).contains(&Notice::Renewed { by }));
    }
    assert!(world.texts(0).iter().any(|(_, body)| body == "lost"));
}

#[test]
fn r3_what_depends_on_a_hidden_device_list_waits_and_is_told() {
    let mut world = at_rest();
    world.tamper = Some(Box::new(|index, frame| {
        if index != 0 {
            return;
        }
        match &mut frame.response {
            Response::AccountKeys(keys) => keys.entries.clear(),
            Response::Delivery(delivery) => {
                for entry in &mut delivery.entries {
                    if let EntryKind::ListChanged(changed) = &mut entry.kind {
                        changed.list_number = hushwire_types::ListNumber(1);
                    }
                }
            }
            _ => {}
        }
    }));
    world.link(1);
    world.pass(Duration::from_secs(5));
    world.send(1, "@alice", "I have a laptop");
    world.pass(Duration::from_secs(60));
    let account = world.account(1);
    assert_eq!(world.alerts(0), [Alert::ListWithheld { account }]);
    assert_eq!(world.texts(0).len(), 1);
    world.tamper = None;
    world.pass(Duration::from_secs(120));
    assert_eq!(world.texts(0).last().unwrap().1, "I have a laptop");
}

#[test]
fn a_ghost_in_ones_own_list_is_told() {
    let mut world = at_rest();
    let ghost = world.link(0);
    world.pass(Duration::from_secs(60));
    let device = world.clients[ghost].engine.as_ref().unwrap().device();
    assert_eq!(world.alerts(0), [Alert::OwnDeviceAdded { device }]);
}

#[test]
fn an_entry_of_a_newer_protocol_is_kept_and_holds_nothing_up() {
    let mut world = at_rest();
    let mut changed = false;
    on_entries(&mut world, move |entries| {
        for entry in entries.iter_mut().filter(|entry| is_message(entry)) {
            if !std::mem::replace(&mut changed, true) {
                // Field 99 of the entry, which nobody knows.
                let mut bytes = vec![0x08];
                bytes.push(u8::try_from(entry.seq.0).unwrap());
                bytes.extend([0x9a, 0x06, 0x01, 0x07]);
                entry.kind = EntryKind::Unknown(Opaque::from(bytes));
            }
        }
    });
    for text in ["newer", "next"] {
        world.send(0, "@bob", text);
        world.pass(Duration::from_secs(5));
    }
    assert_eq!(world.texts(1).last().unwrap().1, "next");
    assert!(world.notices(1).contains(&Notice::Newer));
    let db = world.client(1).db.as_mut().unwrap();
    assert_eq!(db.read(hushwire_client_store::parked::all).unwrap().len(), 1);
}

#[test]
fn a_gap_is_shown_and_excuses_what_is_missing() {
    let mut world = at_rest();
    let mut dropped = false;
    on_entries(&mut world, move |entries| {
        for entry in entries.iter_mut().filter(|entry| is_message(entry)) {
            if !std::mem::replace(&mut dropped, true) {
                let (from_seq, through_seq) = (entry.seq, entry.seq);
                entry.kind = EntryKind::Gap(hushwire_wire::Gap { from_seq, through_seq, dropped: 1 });
            }
        }
    });
    for text in ["dropped", "next"] {
        world.send(0, "@bob", text);
        world.pass(Duration::from_secs(5));
    }
    assert_eq!(world.texts(1).last().unwrap().1, "next");
    assert_eq!(world.notices(1), [Notice::Gap { dropped: 1 }]);
    assert_eq!(world.alerts(1), []);
}

/// The server takes one Commit of an epoch from alice and another one from bob, lets each go on alone, and then brings them
/// together again.
fn forked() -> World {
    let mut world = at_rest();
    let branch = world.fork();
    world.pass(Duration::from_secs(25 * 60 * 60));
    world.go_offline(1);
    world.send(0, "@bob", "on one branch");
    world.pass(Duration::from_secs(120));
    let main = world.show(branch);
    world.go_online(1);
    world.send(1, "@alice", "on the other branch");
    world.pass(Duration::from_secs(120));
    let [alices, bobs] = [0, 1].map(|index| world.conversations(index)[0].known_epoch);
    assert_eq!(alices, bobs, "each has committed once");
    world.show(main);
    world.go_online(0);
    world.go_online(1);
    world.settle();
    world
}

#[test]
fn r4_commits_that_were_forked_are_told_at_the_next_exchange_and_healed() {
    let mut world = forked();
    world.send(0, "@bob", "do you read me?");
    world.pass(Duration::from_secs(300));
    // Bob cannot read it, is told so, and finds that the server has another history of the group.
    assert!(!world.texts(1).iter().any(|(_, text)| text == "do you read me?"));
    let unreadable = |world: &mut World| {
        world.timeline(1).iter().any(|row| matches!(row.entry.state, EntryState::Unreadable { .. }))
    };
    assert!(unreadable(&mut world));
    let told = |alert: &Alert| matches!(alert, Alert::Mismatch { mismatch: Mismatch::Transcript, .. });
    assert!(world.alerts(1).iter().any(told), "{:?}", world.alerts(1));
    assert_eq!(world.outcome(1, send("@alice", "stopped", None)), Outcome::Refused(Refusal::Stopped));

    // It enters the group that the others are in; when the person says so, both talk again.
    let conversation = world.conversations(1)[0].id;
    assert_eq!(world.conversations(1)[0].state, ConversationState::Active);
    assert_eq!(world.outcome(1, Command::Resume { conversation }), Outcome::Done);
    world.send(1, "@alice", "here again");
    world.pass(Duration::from_secs(60));
    world.send(0, "@bob", "I read you");
    world.pass(Duration::from_secs(60));
    assert!(world.texts(0).contains(&("bob", "here again".to_owned())));
    assert_eq!(world.texts(1).last().unwrap(), &("alice", "I read you".to_owned()));
}
