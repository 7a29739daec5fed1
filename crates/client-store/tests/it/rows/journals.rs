use hushwire_client_store::journal::{self, Event, NewEvent, Retention};
use hushwire_client_store::timeline;
use hushwire_types::Seq;

use crate::support::{Profile, at, conversation, insert, received};

fn event(ms: u64) -> NewEvent {
    NewEvent {
        kind: "message".into(),
        conversation: Some(conversation(1)),
        row: None,
        payload: vec![1, 2, 3],
        at: at(ms),
    }
}

fn numbers(events: &[Event]) -> Vec<u64> {
    events.iter().map(|event| event.seq.0).collect()
}

#[test]
fn events_are_read_after_a_number_in_order() {
    let mut profile = Profile::new();
    assert_eq!(profile.read(journal::last), Seq(0));
    profile.write(|tx| {
        for ms in 1..=4 {
            assert_eq!(journal::append(tx, &event(ms))?, Seq(ms));
        }
        Ok(())
    });
    assert_eq!(profile.read(journal::last), Seq(4));
    assert_eq!(numbers(&profile.read(|view| journal::after(view, Seq(1), 2))), [2, 3]);
    let first = profile.read(|view| journal::after(view, Seq(0), 1));
    assert_eq!(first, [Event { seq: Seq(1), event: event(1) }]);
}

#[test]
fn each_consumer_has_a_cursor_that_only_moves_forward() {
    let mut profile = Profile::new();
    assert_eq!(profile.read(|view| journal::cursor(view, "receive")), Seq(0));
    profile.write(|tx| journal::advance(tx, "receive", Seq(5)));
    profile.write(|tx| journal::advance(tx, "receive", Seq(3)));
    profile.write(|tx| journal::advance(tx, "bot", Seq(1)));
    assert_eq!(profile.read(|view| journal::cursor(view, "receive")), Seq(5));
    assert_eq!(profile.read(|view| journal::cursor(view, "bot")), Seq(1));
}

#[test]
fn pruning_waits_for_slow_consumers_but_not_for_ever() {
    let mut profile = Profile::new();
    profile.write(|tx| {
        for ms in 1..=6 {
            journal::append(tx, &event(ms))?;
        }
        journal::advance(tx, "fast", Seq(6))?;
        journal::advance(tx, "slow", Seq(2))
    });
    let retention = Retention { handled_before: at(5), any_before: at(0) };
    assert_eq!(profile.write(|tx| journal::prune(tx, &retention)), 2);
    let retention = Retention { handled_before: at(5), any_before: at(4) };
    assert_eq!(profile.write(|tx| journal::prune(tx, &retention)), 1);
    assert_eq!(numbers(&profile.read(|view| journal::after(view, Seq(0), 9))), [4, 5, 6]);
}

#[test]
fn without_consumers_only_the_hard_limit_prunes() {
    let mut profile = Profile::new();
    profile.write(|tx| journal::append(tx, &event(1)));
    let retention = Retention { handled_before: at(5), any_before: at(0) };
    assert_eq!(profile.write(|tx| journal::prune(tx, &retention)), 0);
}

#[test]
fn a_number_is_never_used_again_after_pruning() {
    let mut profile = Profile::new();
    profile.write(|tx| journal::append(tx, &event(1)));
    profile.write(|tx| journal::prune(tx, &Retention { handled_before: at(9), any_before: at(9) }));
    assert_eq!(profile.read(journal::last), Seq(1));
    let mut profile = profile.reopen();
    assert_eq!(profile.write(|tx| journal::append(tx, &event(2))), Seq(2));
}

#[test]
fn the_payload_of_an_event_is_erased_with_its_message() {
    let mut profile = Profile::new();
    let row = profile.write(|tx| {
        let row = insert(tx, &received(1, 1))?;
        journal::append(tx, &NewEvent { row: Some(row), ..event(1) })?;
        Ok(row)
    });
    profile.write(|tx| timeline::erase(tx, row));
    let left = profile.read(|view| journal::after(view, Seq(0), 9));
    assert_eq!(left, [Event { seq: Seq(1), event: NewEvent { payload: vec![], ..event(1) } }]);
}
