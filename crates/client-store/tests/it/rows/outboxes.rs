use hushwire_client_store::StoreError;
use hushwire_client_store::outbox::{self, Outgoing, SendKind};
use hushwire_client_store::sent_log::{self, Accepted};
use hushwire_client_store::timeline::{self, RowId};
use hushwire_types::{Epoch, SendSeq};

use crate::support::{Profile, at, conversation, group, insert, queued};

fn outgoing(n: u64) -> Outgoing {
    Outgoing {
        send_seq: SendSeq(n),
        conversation: conversation(1),
        group: group(1),
        kind: SendKind::Application,
        epoch: Epoch(4),
        request: vec![5; 300],
        digest: [6; 32],
        row: Some(RowId(7)),
        note: vec![9; 3],
        created_at: at(8),
    }
}

#[test]
fn a_request_is_read_as_it_was_written() {
    let mut profile = Profile::new();
    for (n, kind) in (1..).zip([SendKind::Application, SendKind::Commit, SendKind::Create]) {
        let row = Outgoing { kind, row: None, ..outgoing(n) };
        profile.write(|tx| outbox::insert(tx, &row));
        assert_eq!(profile.read(|view| outbox::find(view, SendSeq(n))), Some(row));
    }
    assert_eq!(profile.read(outbox::count), 3);
    let twice = profile.database.step(|tx| outbox::insert(tx, &outgoing(1)));
    assert!(matches!(twice, Err(StoreError::Conflict(_))));
}

#[test]
fn requests_come_in_order_from_a_number_on_and_by_conversation() {
    let mut profile = Profile::new();
    profile.write(|tx| {
        for n in [3, 1, 2] {
            outbox::insert(tx, &outgoing(n))?;
        }
        outbox::insert(tx, &Outgoing { conversation: conversation(2), ..outgoing(4) })
    });
    let numbers = |rows: Vec<Outgoing>| rows.iter().map(|row| row.send_seq.0).collect::<Vec<_>>();
    assert_eq!(numbers(profile.read(|view| outbox::from(view, SendSeq(2), 2))), [2, 3]);
    assert_eq!(numbers(profile.read(|view| outbox::of_conversation(view, &conversation(1)))), [1, 2, 3]);
    assert_eq!(profile.read(|view| outbox::of_row(view, RowId(7))).unwrap().send_seq, SendSeq(4));
    assert_eq!(profile.read(|view| outbox::of_row(view, RowId(8))), None);
}

#[test]
fn an_accepted_request_moves_to_the_log_with_its_bytes() {
    let mut profile = Profile::new();
    profile.write(|tx| outbox::insert(tx, &outgoing(1)));
    profile.write(|tx| outbox::accept(tx, SendSeq(1), at(50)));
    assert_eq!(profile.read(outbox::count), 0);
    let expected = Accepted {
        send_seq: SendSeq(1),
        conversation: conversation(1),
        kind: SendKind::Application,
        request: vec![5; 300],
        row: outgoing(1).row,
        accepted_at: at(50),
    };
    assert_eq!(profile.read(|view| sent_log::from(view, SendSeq(1), 9)), [expected]);
    let again = profile.database.step(|tx| outbox::accept(tx, SendSeq(1), at(51)));
    assert!(matches!(again, Err(StoreError::Absent(_))));
}

#[test]
fn the_log_forgets_by_time_and_from_a_number_on() {
    let mut profile = Profile::new();
    profile.write(|tx| {
        for n in 1..=5 {
            outbox::insert(tx, &outgoing(n))?;
            outbox::accept(tx, SendSeq(n), at(n * 10))?;
        }
        Ok(())
    });
    assert_eq!(profile.write(|tx| sent_log::prune(tx, at(20))), 1);
    profile.write(|tx| sent_log::truncate_from(tx, SendSeq(4)));
    let left = profile.read(|view| sent_log::from(view, SendSeq(0), 9));
    assert_eq!(left.iter().map(|row| row.send_seq.0).collect::<Vec<_>>(), [2, 3]);
}

#[test]
fn the_ciphertext_of_an_erased_message_still_goes_out() {
    let mut profile = Profile::new();
    let row = profile.write(|tx| {
        let row = insert(tx, &queued(1))?;
        outbox::insert(tx, &Outgoing { row: Some(row), ..outgoing(1) })?;
        Ok(row)
    });
    profile.write(|tx| timeline::erase(tx, row));
    assert_eq!(profile.read(|view| outbox::find(view, SendSeq(1))).unwrap().row, None);
}

#[test]
fn a_waiting_message_is_unencrypted_until_a_request_carries_it() {
    let mut profile = Profile::new();
    let rows = profile.write(|tx| Ok([insert(tx, &queued(1))?, insert(tx, &queued(2))?]));
    assert_eq!(profile.read(timeline::waiting), [conversation(1)]);
    profile.write(|tx| outbox::insert(tx, &Outgoing { row: Some(rows[0]), ..outgoing(1) }));
    let left = profile.read(|view| timeline::unencrypted(view, &conversation(1), 9));
    assert_eq!(left.iter().map(|entry| entry.row).collect::<Vec<_>>(), [rows[1]]);
    profile.write(|tx| outbox::delete(tx, SendSeq(1)));
    let first = profile.read(|view| timeline::unencrypted(view, &conversation(1), 1));
    assert_eq!(first.iter().map(|entry| entry.row).collect::<Vec<_>>(), [rows[0]]);
    for row in rows {
        profile.write(|tx| timeline::set_failed(tx, row, "x"));
    }
    assert_eq!(profile.read(timeline::waiting), []);
}

#[test]
fn a_dropped_request_leaves_no_trace_in_the_log() {
    let mut profile = Profile::new();
    profile.write(|tx| outbox::insert(tx, &outgoing(1)));
    profile.write(|tx| outbox::delete(tx, SendSeq(1)));
    assert_eq!(profile.read(outbox::count), 0);
    assert_eq!(profile.read(|view| sent_log::from(view, SendSeq(0), 9)), []);
}
