//! Rule R3: a leaf is judged by the prefix of the list that it names.

use hushwire_identity::{At, ListHead};
use hushwire_types::{EntryHash, ListNumber};

use crate::fixtures::{add, genesis, list, list_key, mls_key, revoke};

#[test]
fn r3_a_prefix_has_the_device_active_from_its_addition_until_its_revocation() {
    let mut list = list();
    let before = list.head();
    add(&mut list, 1, 2);
    let added = list.head();
    revoke(&mut list, 1, 2);
    let revoked = list.head();
    let device = list_key(2).device_id();
    assert_eq!(list.device_at(before, device), At::NotActive);
    assert!(matches!(list.device_at(added, device), At::Active(device) if device.mls_key == mls_key(2)));
    assert_eq!(list.device_at(revoked, device), At::NotActive);
}

#[test]
fn r3_later_knowledge_changes_no_verdict() {
    let mut list = list();
    add(&mut list, 1, 2);
    let head = list.head();
    let device = list_key(2).device_id();
    let before = list.device_at(head, device) == At::NotActive;
    revoke(&mut list, 1, 2);
    assert_eq!(list.device_at(head, device) == At::NotActive, before);
}

#[test]
fn r3_a_place_that_is_not_known_gives_no_verdict() {
    let list = list();
    let device = list_key(1).device_id();
    let head = list.head();
    let other_hash = ListHead { hash: EntryHash::new([9; 32]), ..head };
    let other_number = ListHead { number: ListNumber(2), ..head };
    assert_eq!(list.device_at(other_hash, device), At::Unknown);
    assert_eq!(list.device_at(other_number, device), At::Unknown);
    let start = ListHead { number: ListNumber(1), hash: genesis().hash() };
    assert!(!list.knows(start), "the genesis is number 0");
    assert!(!list.knows(ListHead { number: ListNumber(0), ..other_hash }));
    assert_eq!(list.reaches(other_hash, head), None);
    assert_eq!(list.reaches(head, other_hash), None);
}

#[test]
fn r3_nobody_is_active_at_the_genesis() {
    let list = list();
    let start = ListHead { number: ListNumber(0), hash: genesis().hash() };
    assert_eq!(list.device_at(start, list_key(1).device_id()), At::NotActive);
}

#[test]
fn a_place_reaches_the_floors_behind_it_only() {
    let mut list = list();
    let first = list.head();
    let start = ListHead { number: ListNumber(0), hash: genesis().hash() };
    add(&mut list, 1, 2);
    let second = list.head();
    assert_eq!(list.reaches(second, first), Some(true));
    assert_eq!(list.reaches(second, second), Some(true));
    assert_eq!(list.reaches(second, start), Some(true));
    assert_eq!(list.reaches(start, start), Some(true));
    assert_eq!(list.reaches(first, second), Some(false));
    assert_eq!(list.reaches(start, first), Some(false));
}
