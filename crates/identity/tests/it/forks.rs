//! Rule R2 where two entries want one number.

use hushwire_identity::{At, Author, DeviceList, DeviceStatus, ListError, Refusal};
use hushwire_types::ListNumber;
use proptest::prelude::*;

use crate::fixtures::{
    add, device, head_of, list, list_key, mls_key, recovery_key, recovery_revokes, revoke,
};

/// Device 2 was stolen: from number 3 on it adds device 3 and revokes device 1.
fn stolen() -> DeviceList {
    let mut list = list();
    add(&mut list, 1, 2);
    add(&mut list, 2, 3);
    revoke(&mut list, 3, 1);
    list
}

#[test]
fn r2_a_recovery_signed_entry_displaces_device_signed_ones_from_its_number_on() {
    let mut list = stolen();
    let rescue = recovery_revokes(&list, 2, 2);
    let accepted = list.append(&rescue).unwrap();
    assert_eq!(accepted.displaced_from, Some(ListNumber(3)));
    assert_eq!(accepted.added, [list_key(1).device_id()]);
    assert_eq!(accepted.revoked.len(), 2, "devices 2 and 3");
    assert_eq!(list.head(), head_of(&rescue));
    assert_eq!(list.head().number, ListNumber(3));
    let active: Vec<_> = list.active_devices().iter().map(|device| device.id).collect();
    assert_eq!(active, [list_key(1).device_id()]);
}

#[test]
fn r2_displaced_additions_count_as_revoked() {
    let mut list = stolen();
    let rescue = recovery_revokes(&list, 2, 2);
    list.append(&rescue).unwrap();
    assert_eq!(list.status(list_key(3).device_id()), DeviceStatus::Revoked);
    assert_eq!(list.status(list_key(2).device_id()), DeviceStatus::Revoked);
    assert_eq!(list.status(list_key(1).device_id()), DeviceStatus::Active);
}

#[test]
fn r2_r3_a_leaf_under_a_displaced_entry_is_still_judged_by_its_own_prefix() {
    let mut list = stolen();
    let old_head = list.head();
    let rescue = recovery_revokes(&list, 2, 2);
    list.append(&rescue).unwrap();
    assert!(matches!(list.device_at(old_head, list_key(3).device_id()), At::Active(_)));
    assert_eq!(list.device_at(old_head, list_key(1).device_id()), At::NotActive);
    assert_eq!(list.device_at(list.head(), list_key(3).device_id()), At::NotActive);
    assert_eq!(list.reaches(old_head, list.head()), Some(false));
}

#[test]
fn r2_r3_a_list_that_displaced_a_floor_is_above_it_and_what_was_displaced_is_not() {
    let mut list = stolen();
    let floor = list.head();
    let before = list.prefix(ListNumber(2)).unwrap().head();
    let rescue = recovery_revokes(&list, 2, 2);
    list.append(&rescue).unwrap();
    let head = list.head();
    assert!(head.number < floor.number, "shorter, and above all the same");
    assert_eq!(list.reaches(head, floor), Some(true));
    assert_eq!(list.reaches(floor, head), Some(false));
    assert_eq!(list.reaches(before, floor), Some(false));
    assert_eq!(list.reaches(floor, before), Some(true));
}

#[test]
fn r2_a_recovery_signed_entry_never_displaces_an_earlier_recovery_signed_one() {
    let mut list = stolen();
    let rotation = list.rotate_recovery(&recovery_key(1), &recovery_key(2)).unwrap();
    let by_a_thief_of_the_old_key = recovery_revokes(&list, 2, 1);
    list.append(&rotation).unwrap();
    let head = list.head();
    assert_eq!(list.append(&by_a_thief_of_the_old_key), Err(ListError::Fork { at: ListNumber(3) }));
    assert_eq!(list.head(), head);
}

#[test]
fn r2_two_recovery_signed_entries_of_one_number_are_a_fork() {
    let mut list = stolen();
    let (one, other) = (recovery_revokes(&list, 2, 2), recovery_revokes(&list, 2, 1));
    list.append(&one).unwrap();
    assert_eq!(list.append(&other), Err(ListError::Fork { at: ListNumber(3) }));
}

#[test]
fn r2_two_device_signed_entries_of_one_number_are_a_fork() {
    let mut list = list();
    let mut other = list.clone();
    add(&mut list, 1, 2);
    let forked = add(&mut other, 1, 3);
    let head = list.head();
    assert_eq!(list.append(&forked), Err(ListError::Fork { at: ListNumber(2) }));
    assert_eq!(list.head(), head);
}

#[test]
fn r2_a_forged_fork_is_refused_for_its_signature() {
    let mut list = list();
    let mut other = list.clone();
    add(&mut list, 1, 2);
    let mut forged = add(&mut other, 1, 3);
    *forged.last_mut().unwrap() ^= 1;
    assert_eq!(list.append(&forged), Err(ListError::Refused(Refusal::Signature)));
}

#[test]
fn r2_a_second_first_entry_is_a_fork_even_with_the_recovery_key() {
    let mut list = list();
    let name = "another name".parse().unwrap();
    let second = DeviceList::first_entry(list.genesis(), &list_key(1), mls_key(1), name).unwrap();
    assert_eq!(list.append(&second), Err(ListError::Fork { at: ListNumber(1) }));
    let bare = DeviceList::new(list.genesis().clone());
    let by_recovery = bare.add_device(Author::Recovery(&recovery_key(1)), &device(&list_key(1), 1));
    assert_eq!(by_recovery, Err(ListError::Refused(Refusal::FirstEntry)));
}

#[test]
fn r2_the_current_chain_alone_brings_a_copy_with_displaced_entries_to_the_same_head() {
    let mut rescued = stolen();
    let rescue = recovery_revokes(&rescued, 2, 2);
    rescued.append(&rescue).unwrap();
    add(&mut rescued, 1, 4);
    let mut behind = stolen();
    let accepted = behind.accept(rescued.entries(ListNumber(1))).unwrap();
    assert_eq!(accepted.displaced_from, Some(ListNumber(3)));
    assert_eq!(behind.head(), rescued.head());
}

#[test]
fn r2_displaced_entries_that_come_late_are_kept_aside() {
    let stolen = stolen();
    let rescue = recovery_revokes(&stolen, 2, 2);
    let mut fresh = stolen.prefix(ListNumber(2)).unwrap();
    fresh.append(&rescue).unwrap();
    let head = fresh.head();
    let accepted = fresh.accept(stolen.entries(ListNumber(1))).unwrap();
    assert_eq!(accepted.new_entries, 2);
    assert_eq!(fresh.head(), head);
    assert!(matches!(fresh.device_at(stolen.head(), list_key(3).device_id()), At::Active(_)));
    assert_eq!(fresh.status(list_key(3).device_id()), DeviceStatus::Revoked);
}

#[test]
fn a_list_with_displaced_entries_is_stored_and_read_again() {
    let mut list = stolen();
    let old_head = list.head();
    let rescue = recovery_revokes(&list, 2, 2);
    list.append(&rescue).unwrap();
    let read = DeviceList::verify(list.genesis().as_bytes(), list.history()).unwrap();
    assert_eq!(read.head(), list.head());
    assert!(read.knows(old_head));
    let chain_only = DeviceList::verify(list.genesis().as_bytes(), list.entries(ListNumber(1))).unwrap();
    assert_eq!(chain_only.head(), list.head());
    assert!(!chain_only.knows(old_head));
}

proptest! {
    /// Both branches, in any order that connects, lead everybody to the same head and the same verdicts.
    #[test]
    fn r2_the_order_in_which_branches_come_does_not_matter(cut in 2_u64..6, order in any::<u64>()) {
        let mut left = list();
        for n in 2..7 {
            add(&mut left, n - 1, n);
        }
        let old_head = left.head();
        let rescue = recovery_revokes(&left, cut, 1);
        let mut right = left.prefix(ListNumber(cut)).unwrap();
        right.append(&rescue).unwrap();
        add(&mut right, 2, 9);

        let mut left_entries = left.entries(ListNumber(1)).peekable();
        let mut right_entries = right.entries(ListNumber(1)).peekable();
        let mut list = DeviceList::new(left.genesis().clone());
        for step in 0.. {
            let from_left = order >> (step % 64) & 1 == 1;
            let next = if from_left { left_entries.next() } else { right_entries.next() };
            match next.or_else(|| left_entries.next()).or_else(|| right_entries.next()) {
                Some(entry) => list.append(entry).unwrap(),
                None => break,
            };
        }
        prop_assert_eq!(list.head(), right.head());
        prop_assert!(list.knows(old_head));
        prop_assert_eq!(list.active_devices(), right.active_devices());
        prop_assert_eq!(list.status(list_key(6).device_id()), if cut == 6 { DeviceStatus::Active } else { DeviceStatus::Revoked });
    }
}
