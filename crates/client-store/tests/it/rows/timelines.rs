use hushwire_client_store::timeline::{self, Entry, EntryState, Inserted, NewEntry, Position, RowId};
use hushwire_client_store::{StoreError, View};
use hushwire_client_store::{about, history, receipt};
use hushwire_types::{Generation, Order};
use proptest::prelude::*;

use crate::support::{Profile, account, at, content, conversation, insert, queued, received};

fn contents(entries: &[Entry]) -> Vec<String> {
    entries.iter().map(|entry| String::from_utf8(entry.entry.content.clone()).unwrap()).collect()
}

#[test]
fn a_row_is_read_as_it_was_written_in_every_state() {
    let mut profile = Profile::new();
    let states = [
        EntryState::Queued,
        EntryState::Sent,
        EntryState::Failed { reason: "suspended".into() },
        EntryState::Received,
        EntryState::Unreadable { reason: "tampered".into() },
        EntryState::System { event: "rejoined".into() },
        EntryState::Deleted,
    ];
    for (n, state) in (1..).zip(states) {
        let entry = NewEntry { state, client_key: Some(format!("key {n}")), ..received(n, 1) };
        let row = profile.write(|tx| insert(tx, &entry));
        let read = profile.read(|view| timeline::find(view, row)).unwrap();
        assert_eq!(read, Entry { row, entry: entry.clone(), delivered_at: None });
        let by_content =
            profile.read(|view| timeline::by_content(view, &conversation(1), &account(2), &content(n)));
        assert_eq!(by_content, Some(read));
    }
}

#[test]
fn the_same_content_arriving_twice_is_one_row() {
    let mut profile = Profile::new();
    let Inserted::New(row) = profile.write(|tx| timeline::insert(tx, &received(1, 1))) else {
        panic!("it is new");
    };
    // Encrypted again for the next generation, it comes under another order.
    let again = NewEntry { generation: Generation(2), order: Some(Order(9)), ..received(1, 1) };
    assert_eq!(profile.write(|tx| timeline::insert(tx, &again)), Inserted::Duplicate(row));
    assert_eq!(profile.read(|view| timeline::find(view, row)).unwrap().entry, received(1, 1));
}

#[test]
fn what_was_handed_over_says_by_whom_and_is_never_unread() {
    let mut profile = Profile::new();
    let (told, came) = (received(1, 1), received(2, 2));
    let by = account(7);
    let Inserted::New(row) = profile.write(|tx| history::restore(tx, &told, None, Some(&by))) else {
        panic!("it is new");
    };
    let other = profile.write(|tx| insert(tx, &came));
    assert_eq!(profile.read(|view| history::handed_over_by(view, row)), Some(by));
    assert_eq!(profile.read(|view| history::handed_over_by(view, other)), None);
    assert_eq!(profile.read(|view| about::unread(view, &conversation(1))), 1);
    let again = profile.write(|tx| history::restore(tx, &came, None, Some(&by)));
    assert_eq!(again, Inserted::Duplicate(other));
    assert_eq!(profile.read(|view| history::handed_over_by(view, other)), None, "it came from its author");
    let past = profile.read(|view| history::after(view, RowId(0), 9));
    assert_eq!(past.iter().map(|past| past.handed_over_by).collect::<Vec<_>>(), [Some(by), None]);
}

#[test]
fn the_same_content_id_of_another_author_or_conversation_is_another_row() {
    let mut profile = Profile::new();
    for entry in [
        received(1, 1),
        NewEntry { account: account(3), ..received(1, 1) },
        NewEntry { conversation: conversation(2), ..received(1, 1) },
    ] {
        assert!(matches!(profile.write(|tx| timeline::insert(tx, &entry)), Inserted::New(_)));
    }
}

#[test]
fn an_idempotency_key_finds_its_message_and_is_not_given_twice() {
    let mut profile = Profile::new();
    let entry = NewEntry { client_key: Some("k".into()), ..queued(1) };
    let row = profile.write(|tx| insert(tx, &entry));
    let found = profile.read(|view| timeline::by_client_key(view, &conversation(1), "k")).unwrap();
    assert_eq!(found.row, row);
    assert_eq!(profile.read(|view| timeline::by_client_key(view, &conversation(2), "k")), None);
    let other = NewEntry { client_key: Some("k".into()), ..queued(2) };
    assert!(matches!(profile.database.step(|tx| timeline::insert(tx, &other)), Err(StoreError::Conflict(_))));
}

#[test]
fn a_page_is_newest_first_by_generation_and_order_with_unsent_ones_newest() {
    let mut profile = Profile::new();
    profile.write(|tx| {
        insert(tx, &queued(1))?;
        insert(tx, &NewEntry { generation: Generation(2), ..received(2, 1) })?;
        insert(tx, &received(3, 9))?;
        insert(tx, &received(4, 4))?;
        insert(tx, &queued(5))?;
        // A line of this device's own, behind the line of the same order.
        insert(tx, &NewEntry { state: EntryState::System { event: "x".into() }, ..received(6, 4) })
    });
    let page = profile.read(|view| timeline::page(view, &conversation(1), None, 10));
    let expected = ["content 5", "content 1", "content 2", "content 3", "content 6", "content 4"];
    assert_eq!(contents(&page), expected);
}

#[test]
fn a_message_moves_to_its_place_when_the_server_accepts_it() {
    let mut profile = Profile::new();
    let row = profile.write(|tx| {
        let row = insert(tx, &queued(1))?;
        insert(tx, &received(2, 8))?;
        Ok(row)
    });
    assert_eq!(profile.read(|view| timeline::queued(view, &conversation(1))).len(), 1);
    profile.write(|tx| timeline::set_sent(tx, row, Order(7), at(500)));
    let read = profile.read(|view| timeline::find(view, row)).unwrap().entry;
    assert_eq!((read.state, read.order, read.accepted_at), (EntryState::Sent, Some(Order(7)), Some(at(500))));
    assert_eq!(profile.read(|view| timeline::queued(view, &conversation(1))), []);
    let page = profile.read(|view| timeline::page(view, &conversation(1), None, 10));
    assert_eq!(contents(&page), ["content 2", "content 1"]);
    assert_eq!(
        profile.read(|view| timeline::last_order(view, &conversation(1))),
        Some((Generation(1), Order(8)))
    );
}

#[test]
fn a_failed_message_can_wait_again_in_another_generation() {
    let mut profile = Profile::new();
    let row = profile.write(|tx| insert(tx, &queued(1)));
    profile.write(|tx| timeline::set_failed(tx, row, "suspended"));
    let failed = profile.read(|view| timeline::find(view, row)).unwrap().entry;
    assert_eq!(failed.state, EntryState::Failed { reason: "suspended".into() });
    profile.write(|tx| timeline::set_queued(tx, row, Generation(2)));
    let waiting = profile.read(|view| timeline::queued(view, &conversation(1)));
    assert_eq!(waiting[0].entry, NewEntry { generation: Generation(2), ..queued(1) });
}

#[test]
fn the_first_confirmation_of_delivery_stands() {
    let mut profile = Profile::new();
    let row = profile.write(|tx| insert(tx, &queued(1)));
    profile.write(|tx| timeline::set_delivered(tx, row, at(5)));
    profile.write(|tx| timeline::set_delivered(tx, row, at(9)));
    assert_eq!(profile.read(|view| timeline::find(view, row)).unwrap().delivered_at, Some(at(5)));
}

#[test]
fn changing_a_row_that_is_not_there_is_refused() {
    let mut profile = Profile::new();
    let result = profile.database.step(|tx| timeline::set_sent(tx, RowId(7), Order(1), at(1)));
    assert!(matches!(result, Err(StoreError::Absent("timeline row"))));
}

#[test]
fn a_row_number_is_never_used_again() {
    let mut profile = Profile::new();
    let first = profile.write(|tx| insert(tx, &received(1, 1)));
    profile.write(|tx| timeline::erase(tx, first));
    let second = profile.write(|tx| insert(tx, &received(2, 1)));
    assert!(second > first);
}

#[test]
fn receipts_are_owed_until_settled_and_not_for_what_was_erased() {
    let mut profile = Profile::new();
    let rows = profile.write(|tx| {
        let mut rows = Vec::new();
        for n in 1..=3 {
            let row = insert(tx, &received(n, n.into()))?;
            receipt::owe(tx, &conversation(1), row)?;
            receipt::owe(tx, &conversation(1), row)?;
            rows.push(row);
        }
        Ok(rows)
    });
    assert_eq!(profile.read(receipt::conversations), [conversation(1)]);
    let owed = profile.read(|view| receipt::owed(view, &conversation(1), 2));
    assert_eq!(contents(&owed), ["content 1", "content 2"]);
    profile.write(|tx| receipt::settle(tx, rows[0]));
    profile.write(|tx| timeline::erase(tx, rows[1]));
    let owed = profile.read(|view| receipt::owed(view, &conversation(1), 9));
    assert_eq!(contents(&owed), ["content 3"]);
    profile.write(|tx| timeline::erase_conversation(tx, &conversation(1)));
    assert_eq!(profile.read(receipt::conversations), []);
}

#[test]
fn debug_shows_no_content() {
    let mut profile = Profile::new();
    let row = profile.write(|tx| insert(tx, &received(77, 1)));
    let read = profile.read(|view| timeline::find(view, row)).unwrap();
    let shown = format!("{read:?}");
    assert!(shown.contains("Received") && !shown.contains("content:"), "{shown}");
}

fn pages(view: &View<'_>, size: u32) -> Result<Vec<Entry>, StoreError> {
    let mut all: Vec<Entry> = Vec::new();
    loop {
        let before: Option<Position> = all.last().map(Entry::position);
        let page = timeline::page(view, &conversation(1), before.as_ref(), size)?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn pages_of_any_size_join_to_the_whole_in_order(
        places in prop::collection::vec((1_u64..4, prop::option::of(1_u64..6)), 0..40),
        size in 1_u32..7,
    ) {
        let mut profile = Profile::new();
        profile.write(|tx| {
            for (n, (generation, order)) in (1..).zip(&places) {
                let entry = NewEntry {
                    generation: Generation(*generation),
                    order: order.map(Order),
                    ..received(n, 0)
                };
                insert(tx, &entry)?;
            }
            Ok(())
        });
        let all = profile.read(|view| pages(view, size));
        let key = |entry: &Entry| {
            (entry.entry.order.is_none(), entry.entry.generation, entry.entry.order, entry.row)
        };
        prop_assert_eq!(all.len(), places.len());
        prop_assert!(all.windows(2).all(|pair| key(&pair[0]) > key(&pair[1])));
    }
}
