use hushwire_client_store::timeline::RowId;
use hushwire_client_store::{expiry, timeline};
use hushwire_types::{Generation, Order};

use crate::support::{Profile, at, conversation, insert, queued, received};

fn due(profile: &mut Profile, ms: u64) -> Vec<RowId> {
    profile.read(|view| expiry::due(view, at(ms), 10)).into_iter().map(|(row, _)| row).collect()
}

#[test]
fn the_time_of_a_message_begins_once_and_ends() {
    let mut profile = Profile::new();
    let row = profile.write(|tx| insert(tx, &received(1, 1)));
    profile.write(|tx| expiry::put(tx, row, 10));
    assert_eq!(profile.read(|view| expiry::of(view, row)), Some((10, None)));
    assert_eq!((due(&mut profile, u64::MAX >> 1), profile.read(expiry::next)), (vec![], None));
    profile.write(|tx| expiry::begin(tx, row, at(1_000)));
    profile.write(|tx| expiry::begin(tx, row, at(9_000)));
    assert_eq!(profile.read(expiry::next), Some(at(11_000)));
    assert_eq!((due(&mut profile, 10_999), due(&mut profile, 11_000)), (vec![], vec![row]));
    profile.write(|tx| timeline::erase(tx, row));
    assert_eq!((profile.read(expiry::next), due(&mut profile, 99_000)), (None, vec![]));
}

#[test]
fn what_was_read_begins_and_what_was_not_or_is_ones_own_does_not() {
    let mut profile = Profile::new();
    let rows = [received(1, 1), received(2, 2), received(3, 3), queued(4)];
    let rows = rows.map(|entry| profile.write(|tx| insert(tx, &entry)));
    for row in rows {
        profile.write(|tx| expiry::put(tx, row, 10));
    }
    let place = (Generation(1), Order(2));
    profile.write(|tx| expiry::begin_through(tx, &conversation(1), place, at(5_000)));
    assert_eq!(due(&mut profile, 15_000), rows[..2]);
}

#[test]
fn where_the_clock_was_set_back_the_time_begins_again_and_is_never_longer() {
    let mut profile = Profile::new();
    let row = profile.write(|tx| insert(tx, &received(1, 1)));
    profile.write(|tx| expiry::put(tx, row, 10));
    profile.write(|tx| expiry::begin(tx, row, at(900_000)));
    profile.write(|tx| expiry::set_back(tx, at(1_000)));
    assert_eq!((due(&mut profile, 10_999), due(&mut profile, 11_000)), (vec![], vec![row]));
    profile.write(|tx| expiry::set_back(tx, at(2_000)));
    assert_eq!(due(&mut profile, 11_000), [row], "it began before");
}

#[test]
fn the_timer_that_the_server_took_last_counts() {
    let mut profile = Profile::new();
    let id = conversation(1);
    let set = |profile: &mut Profile, seconds, order| {
        profile.write(|tx| expiry::set_timer(tx, &id, seconds, (Generation(1), Order(order))))
    };
    assert_eq!(profile.read(|view| expiry::timer(view, &id)), 0);
    assert!(set(&mut profile, 60, 5));
    assert!(!set(&mut profile, 30, 4), "it came late");
    assert!(set(&mut profile, 0, 6));
    assert_eq!(profile.read(|view| expiry::timer(view, &id)), 0);
}
