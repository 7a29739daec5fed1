use std::fs;

use hushwire_client_store::{StoreError, journal, progress, search, setting, timeline};
use hushwire_types::{SendSeq, Seq};

use crate::support::{Profile, content, conversation, insert, received};

#[derive(Debug, PartialEq, Eq)]
enum Refused {
    ByTheCaller,
    ByTheStore,
}

impl From<StoreError> for Refused {
    fn from(_: StoreError) -> Self {
        Self::ByTheStore
    }
}

#[test]
fn a_step_that_fails_leaves_nothing() {
    let mut profile = Profile::new();
    let result: Result<(), Refused> = profile.database.step(|tx| {
        setting::put(tx, "a", b"1")?;
        progress::take_send_seq(tx)?;
        let row = insert(tx, &received(1, 1))?;
        search::put(tx, row, "words")?;
        Err(Refused::ByTheCaller)
    });
    assert_eq!(result, Err(Refused::ByTheCaller));
    profile.read(|view| {
        assert_eq!(setting::find(view, "a")?, None);
        assert_eq!(progress::load(view)?.next_send, SendSeq(1));
        assert_eq!(timeline::page(view, &conversation(1), None, 10)?, []);
        assert_eq!(search::find(view, &search::Query::of("words", 10))?, []);
        Ok(())
    });
}

#[test]
fn a_statement_that_fails_rolls_back_what_came_before_it() {
    let mut profile = Profile::new();
    let result: Result<(), Refused> = profile.database.step(|tx| {
        setting::put(tx, "a", b"1")?;
        Ok(timeline::set_failed(tx, timeline::RowId(99), "x")?)
    });
    assert_eq!(result, Err(Refused::ByTheStore));
    assert_eq!(profile.read(|view| setting::find(view, "a")), None);
}

#[test]
fn a_step_that_panics_leaves_nothing_and_the_next_one_works() {
    let mut profile = Profile::new();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        profile.database.step::<(), StoreError>(|tx| {
            setting::put(tx, "a", b"1")?;
            panic!("in the middle");
        })
    }));
    assert!(panicked.is_err());
    profile.write(|tx| setting::put(tx, "b", b"2"));
    assert_eq!(profile.read(|view| setting::find(view, "a")), None);
}

#[test]
fn a_reader_sees_one_moment_and_cannot_hold_up_a_step() {
    let mut profile = Profile::new();
    profile.write(|tx| insert(tx, &received(1, 1)));
    let mut reader = profile.database.reader().unwrap();
    reader
        .read::<_, StoreError>(|view| {
            assert_eq!(timeline::page(view, &conversation(1), None, 10)?.len(), 1);
            // This step deletes, so it wants to truncate the WAL under the reader.
            profile.write(|tx| timeline::erase_conversation(tx, &conversation(1)));
            assert_eq!(timeline::page(view, &conversation(1), None, 10)?.len(), 1);
            Ok(())
        })
        .unwrap();
    let left = reader.read(|view| timeline::page(view, &conversation(1), None, 10)).unwrap();
    assert_eq!(left, []);
    // Still owed, so the next step does it.
    profile.write(|tx| journal::advance(tx, "x", Seq(1)));
    assert_eq!(fs::metadata(profile.folder.path().join("hush.db-wal")).unwrap().len(), 0);
}

#[test]
fn a_step_that_deletes_truncates_the_wal() {
    let mut profile = Profile::new();
    let wal = profile.folder.path().join("hush.db-wal");
    let row = profile.write(|tx| insert(tx, &received(1, 1)));
    profile.write(|tx| insert(tx, &received(2, 2)));
    assert!(fs::metadata(&wal).unwrap().len() > 0);
    profile.write(|tx| timeline::erase(tx, row));
    assert_eq!(fs::metadata(&wal).unwrap().len(), 0);
}

#[test]
fn a_time_that_a_peer_made_up_does_not_make_a_row_unstorable() {
    let mut profile = Profile::new();
    let mut entry = received(1, 1);
    entry.sent_at = hushwire_types::Timestamp::from_ms(u64::MAX);
    let row = profile.write(|tx| insert(tx, &entry));
    let read = profile.read(|view| timeline::find(view, row)).unwrap();
    assert_eq!(read.entry.content_id, content(1));
    assert_eq!(read.entry.sent_at.as_ms(), i64::MAX.unsigned_abs());
}
