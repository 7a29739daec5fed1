use hushwire_client_store::about::{self, About, Aspect};
use hushwire_client_store::timeline::{self, EntryState, NewEntry, RowId};
use hushwire_types::{Generation, Order};

use crate::support::{Profile, account, at, content, conversation, insert, queued, received};

const TARGET: fn() -> About = || About { account: account(2), content: content(1) };

fn said(profile: &mut Profile, entry: &NewEntry, aspect: Aspect) -> RowId {
    profile.write(|tx| {
        let row = insert(tx, entry)?;
        about::hide(tx, row, aspect, Some(&TARGET()))?;
        Ok(row)
    })
}

fn rows(profile: &mut Profile, aspect: Aspect) -> Vec<RowId> {
    let found = profile.read(|view| about::of(view, &conversation(1), &TARGET(), aspect));
    found.into_iter().map(|entry| entry.row).collect()
}

#[test]
fn what_is_said_about_a_message_is_seen_by_nobody_and_the_last_counts_last() {
    let mut profile = Profile::new();
    let message = profile.write(|tx| insert(tx, &received(1, 1)));
    let unsent = said(&mut profile, &queued(4), Aspect::Reaction);
    let late = said(&mut profile, &received(2, 9), Aspect::Reaction);
    let early = said(&mut profile, &received(3, 5), Aspect::Reaction);
    let edit = said(&mut profile, &received(5, 6), Aspect::Edit);
    assert_eq!(rows(&mut profile, Aspect::Reaction), [early, late, unsent]);
    assert_eq!(rows(&mut profile, Aspect::Edit), [edit]);
    let page = profile.read(|view| timeline::page(view, &conversation(1), None, 10));
    assert_eq!(page.iter().map(|entry| entry.row).collect::<Vec<_>>(), [message]);
    assert_eq!(profile.read(|view| about::aspect(view, late)), Some(Aspect::Reaction));
    assert_eq!(profile.read(|view| about::aspect(view, message)), None);
    // What will never be sent was never said.
    profile.write(|tx| timeline::set_failed(tx, unsent, "refused"));
    assert_eq!(rows(&mut profile, Aspect::Reaction), [early, late]);
}

#[test]
fn a_deleted_message_keeps_its_place_and_nothing_else() {
    let mut profile = Profile::new();
    let message = profile.write(|tx| insert(tx, &received(1, 1)));
    said(&mut profile, &received(2, 2), Aspect::Reaction);
    said(&mut profile, &received(3, 3), Aspect::Edit);
    profile.write(|tx| about::delete(tx, message, &TARGET(), &conversation(1)));
    let page = profile.read(|view| timeline::page(view, &conversation(1), None, 10));
    assert_eq!((page.len(), &page[0].entry.state, page[0].entry.content.len()), (1, &EntryState::Deleted, 0));
    assert_eq!((rows(&mut profile, Aspect::Reaction), rows(&mut profile, Aspect::Edit)), (vec![], vec![]));
}

#[test]
fn who_has_read_a_message_has_it_and_the_first_time_stands() {
    let mut profile = Profile::new();
    let row = profile.write(|tx| insert(tx, &queued(1)));
    let put = |profile: &mut Profile, who: u8, read: bool, when: u64| {
        profile.write(|tx| about::put_seen(tx, row, &account(who), read, at(when)))
    };
    assert!(put(&mut profile, 2, false, 10));
    assert!(!put(&mut profile, 2, false, 11));
    assert!(put(&mut profile, 2, true, 12));
    assert!(!put(&mut profile, 2, true, 13) && !put(&mut profile, 2, false, 14));
    assert!(put(&mut profile, 3, true, 20));
    let seen = profile.read(|view| about::seen_by(view, row));
    let times: Vec<_> = seen.iter().map(|seen| (seen.delivered_at, seen.read_at)).collect();
    assert_eq!(times, [(Some(at(10)), Some(at(12))), (Some(at(20)), Some(at(20)))]);
}

#[test]
fn reading_goes_forward_only_and_counts_what_others_wrote() {
    let mut profile = Profile::new();
    let id = conversation(1);
    profile.write(|tx| {
        for n in 1..=5 {
            insert(tx, &received(n, u64::from(n)))?;
        }
        insert(tx, &queued(6))
    });
    said(&mut profile, &received(7, 7), Aspect::Reaction);
    assert_eq!(profile.read(|view| about::unread(view, &id)), 5);
    let through = (Generation(1), Order(3));
    let unread = profile.read(|view| about::unread_through(view, &id, through, 2));
    assert_eq!(
        unread.iter().map(|entry| entry.entry.order).collect::<Vec<_>>(),
        [Some(Order(1)), Some(Order(2))]
    );
    assert!(profile.write(|tx| about::read_to(tx, &id, Generation(1), Order(3))));
    assert!(!profile.write(|tx| about::read_to(tx, &id, Generation(1), Order(2))));
    assert_eq!(profile.read(|view| about::is_read_to(view, &id)), Some(through));
    assert_eq!(profile.read(|view| about::unread(view, &id)), 2);
    assert!(profile.write(|tx| about::read_to(tx, &id, Generation(2), Order(1))));
    assert_eq!(profile.read(|view| about::unread(view, &id)), 0);
}
