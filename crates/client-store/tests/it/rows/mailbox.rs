use hushwire_client_store::parked::{self, NewParked, ParkReason};
use hushwire_client_store::progress::{self, Progress};
use hushwire_client_store::{seen, setting};
use hushwire_types::{IncarnationId, SendSeq, Seq};

use crate::support::{Profile, at, conversation};

#[test]
fn progress_starts_at_the_beginning_and_is_kept() {
    let mut profile = Profile::new();
    let start = Progress { next_send: SendSeq(1), accepted: SendSeq(0), incarnation: None, cursor: Seq(0) };
    assert_eq!(profile.read(progress::load), start);
    let life = IncarnationId::new([3; 16]);
    profile.write(|tx| {
        assert_eq!(progress::take_send_seq(tx)?, SendSeq(1));
        assert_eq!(progress::take_send_seq(tx)?, SendSeq(2));
        progress::set_accepted(tx, SendSeq(1))?;
        progress::set_cursor(tx, life, Seq(44))
    });
    let moved =
        Progress { next_send: SendSeq(3), accepted: SendSeq(1), incarnation: Some(life), cursor: Seq(44) };
    let mut profile = profile.reopen();
    assert_eq!(profile.read(progress::load), moved);
    profile.write(|tx| progress::set_next_send(tx, SendSeq(9)));
    assert_eq!(profile.write(progress::take_send_seq), SendSeq(9));
}

#[test]
fn parked_entries_leave_in_the_order_in_which_they_came() {
    let entry = |of: u8, seq: u64, reason| NewParked {
        conversation: conversation(of),
        seq: Seq(seq),
        reason,
        detail: vec![1, 2],
        bytes: vec![3; 99],
        at: at(4),
    };
    let entries = [
        entry(1, 5, ParkReason::Lists),
        entry(1, 7, ParkReason::Behind),
        // A mailbox that began a new life counts from the beginning again.
        entry(1, 1, ParkReason::Group),
    ];
    let mut profile = Profile::new();
    let first = profile.write(|tx| {
        let first = parked::insert(tx, &entries[0])?;
        parked::insert(tx, &entry(2, 6, ParkReason::Tree))?;
        parked::insert(tx, &entries[1])?;
        parked::insert(tx, &entries[2])?;
        Ok(first)
    });
    let read = profile.read(|view| parked::of_conversation(view, &conversation(1)));
    assert_eq!(read.iter().map(|parked| parked.entry.clone()).collect::<Vec<_>>(), entries);
    assert_eq!(profile.read(parked::all).len(), 4);

    profile.write(|tx| parked::set_reason(tx, first, ParkReason::Epoch, b"12"));
    let read = profile.read(|view| parked::of_conversation(view, &conversation(1)));
    assert_eq!(
        (read[0].entry.reason, read[0].entry.detail.as_slice()),
        (ParkReason::Epoch, b"12".as_slice())
    );

    profile.write(|tx| parked::delete(tx, first));
    assert!(profile.read(|view| parked::any_in(view, &conversation(1))));
    assert!(!profile.read(|view| parked::any_in(view, &conversation(3))));
}

#[test]
fn a_setting_is_put_replaced_and_deleted() {
    let mut profile = Profile::new();
    profile.write(|tx| setting::put(tx, "a", b"1"));
    profile.write(|tx| setting::put(tx, "a", b"2"));
    assert_eq!(profile.read(|view| setting::find(view, "a")).as_deref(), Some(b"2".as_slice()));
    profile.write(|tx| setting::delete(tx, "a"));
    assert_eq!(profile.read(|view| setting::find(view, "a")), None);
}

#[test]
fn a_handled_message_is_known_until_it_is_forgotten() {
    let mut profile = Profile::new();
    profile.write(|tx| {
        seen::put(tx, &[1; 32], at(5))?;
        seen::put(tx, &[2; 32], at(9))?;
        // Coming again, it is still as old as it was.
        seen::put(tx, &[1; 32], at(10))
    });
    assert!(profile.read(|view| seen::contains(view, &[1; 32])));
    assert_eq!(profile.write(|tx| seen::prune(tx, at(9))), 1);
    assert!(!profile.read(|view| seen::contains(view, &[1; 32])));
    assert!(profile.read(|view| seen::contains(view, &[2; 32])));
}
