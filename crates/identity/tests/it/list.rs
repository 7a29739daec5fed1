//! Rule R2 without forks: who may write which entry.

use hushwire_identity::{
    Author, DeviceList, DeviceName, DeviceStatus, Genesis, ListError, NewDevice, Refusal, UnverifiedEntry,
};
use hushwire_types::ListNumber;
use proptest::prelude::*;

use crate::fixtures::{
    Seeded, add, device, genesis, list, list_key, mls_key, recovery_key, revoke, with_a_flipped_bit,
};

#[test]
fn the_first_entry_makes_the_first_device_active() {
    let list = list();
    let [first] = list.active_devices()[..] else { panic!("one device") };
    assert_eq!((first.id, first.mls_key), (list_key(1).device_id(), mls_key(1)));
    assert_eq!(first.name.as_str(), "device 1");
    assert_eq!(list.head().number, ListNumber(1));
    assert_eq!(list.account_id(), genesis().account_id());
}

#[test]
fn a_list_without_entries_has_no_device_and_the_hash_of_the_genesis() {
    let list = DeviceList::new(genesis());
    assert_eq!(list.head().hash, genesis().hash());
    assert_eq!(list.head().number, ListNumber(0));
    assert!(list.active_devices().is_empty());
    assert_eq!(list.status(list_key(1).device_id()), DeviceStatus::Unknown);
}

#[test]
fn another_device_cannot_be_the_first() {
    let key = list_key(2);
    let refused = DeviceList::new(genesis()).add_device(Author::Device(&key), &device(&key, 2));
    assert_eq!(refused, Err(ListError::Refused(Refusal::FirstEntry)));
}

#[test]
fn the_recovery_key_cannot_write_the_first_entry() {
    let refused =
        DeviceList::new(genesis()).add_device(Author::Recovery(&recovery_key(1)), &device(&list_key(1), 1));
    assert_eq!(refused, Err(ListError::Refused(Refusal::FirstEntry)));
}

#[test]
fn devices_add_and_revoke_each_other_and_themselves() {
    let mut list = list();
    add(&mut list, 1, 2);
    add(&mut list, 2, 3);
    revoke(&mut list, 3, 1);
    revoke(&mut list, 3, 3);
    let active: Vec<_> = list.active_devices().iter().map(|device| device.id).collect();
    assert_eq!(active, [list_key(2).device_id()]);
    assert_eq!(list.status(list_key(1).device_id()), DeviceStatus::Revoked);
    assert!(list.device(list_key(1).device_id()).is_none());
}

#[test]
fn a_revoked_device_writes_nothing_more() {
    let mut list = list();
    add(&mut list, 1, 2);
    revoke(&mut list, 2, 1);
    let refused = list.add_device(Author::Device(&list_key(1)), &device(&list_key(3), 3));
    assert_eq!(refused, Err(ListError::Refused(Refusal::Author)));
}

#[test]
fn a_revoked_device_never_comes_back() {
    let mut list = list();
    add(&mut list, 1, 2);
    revoke(&mut list, 1, 2);
    let key = list_key(2);
    let refused = list.add_device(Author::Device(&list_key(1)), &device(&key, 4));
    assert_eq!(refused, Err(ListError::Refused(Refusal::KeyReused)));
}

#[test]
fn a_key_has_one_purpose() {
    let list = list();
    let key = list_key(2);
    let by = list_key(1);
    let name: DeviceName = "x".parse().unwrap();
    for mls_key in [key.public(), by.public(), mls_key(1), recovery_key(1).public()] {
        let device = NewDevice { list_key: &key, mls_key, name: name.clone() };
        let refused = list.add_device(Author::Device(&by), &device);
        assert_eq!(refused, Err(ListError::Refused(Refusal::KeyReused)));
    }
}

#[test]
fn what_is_not_active_cannot_be_revoked() {
    let refused = list().revoke(Author::Device(&list_key(1)), list_key(2).device_id());
    assert_eq!(refused, Err(ListError::Refused(Refusal::NotActive)));
}

#[test]
fn the_recovery_key_adds_a_device_after_all_are_lost() {
    let mut list = list();
    revoke(&mut list, 1, 1);
    let entry = list.add_device(Author::Recovery(&recovery_key(1)), &device(&list_key(2), 2)).unwrap();
    let accepted = list.append(&entry).unwrap();
    assert_eq!(accepted.added, [list_key(2).device_id()]);
    assert!(list.is_recovered(list_key(2).device_id()), "the recovery key brought it in");
    assert!(!list.is_recovered(list_key(1).device_id()));
}

#[test]
fn only_the_current_recovery_key_rotates_recovery() {
    let mut list = list();
    let entry = list.rotate_recovery(&recovery_key(1), &recovery_key(2)).unwrap();
    assert!(list.append(&entry).unwrap().recovery_rotated);
    assert_eq!(list.recovery_key(), recovery_key(2).public());
    let by_the_old = list.rotate_recovery(&recovery_key(1), &recovery_key(3));
    assert_eq!(by_the_old, Err(ListError::Refused(Refusal::Signature)));
    let back_to_the_old = list.rotate_recovery(&recovery_key(2), &recovery_key(1));
    assert_eq!(back_to_the_old, Err(ListError::Refused(Refusal::KeyReused)));
}

#[test]
fn recovery_is_rotated_again_but_never_to_a_key_that_was_there() {
    let mut list = list();
    for n in [2, 3] {
        let entry = list.rotate_recovery(&recovery_key(n - 1), &recovery_key(n)).unwrap();
        assert!(list.append(&entry).unwrap().recovery_rotated);
    }
    let back = list.rotate_recovery(&recovery_key(3), &recovery_key(2));
    assert_eq!(back, Err(ListError::Refused(Refusal::KeyReused)));
}

#[test]
fn a_device_cannot_sign_a_rotation() {
    let mut list = list();
    let rotation = list.rotate_recovery(&recovery_key(1), &recovery_key(2)).unwrap();
    // The same rotation, claimed by device 1: its signature cannot even be looked at before the rule.
    let at = 2 + 8 + 32 + 1 + 32;
    let id = list_key(1).device_id();
    let claimed = [&rotation[..at], &[1], id.as_bytes(), &rotation[at + 1..]].concat();
    assert!(matches!(list.append(&claimed), Err(ListError::Refused(Refusal::Signature))));
}

#[test]
fn the_new_recovery_key_must_countersign() {
    let mut list = list();
    let rotation = list.rotate_recovery(&recovery_key(1), &recovery_key(2)).unwrap();
    let (signed, _) = rotation.split_at(rotation.len() - 64);
    let (_, authors) = signed.split_at(signed.len() - 64);
    let copied = [signed, authors].concat();
    assert_eq!(list.append(&copied), Err(ListError::Refused(Refusal::Signature)));
}

#[test]
fn an_added_device_must_sign_for_itself() {
    let mut list = list();
    let by = list_key(1);
    let entry = list.add_device(Author::Device(&by), &device(&list_key(2), 2)).unwrap();
    let (signed, _) = entry.split_at(entry.len() - 64);
    let (_, authors) = signed.split_at(signed.len() - 64);
    assert_eq!(list.append(&[signed, authors].concat()), Err(ListError::Refused(Refusal::Signature)));
}

#[test]
fn an_entry_of_another_account_does_not_connect() {
    let other =
        Genesis::create(hushwire_identity::Flags::default(), &list_key(1), &recovery_key(1), &Seeded::new(9));
    let entry =
        DeviceList::first_entry(&other, &list_key(1), mls_key(1), "device 1".parse().unwrap()).unwrap();
    let refused = DeviceList::new(genesis()).append(&entry);
    assert_eq!(refused, Err(ListError::Gap { from: ListNumber(1) }));
}

#[test]
fn an_entry_that_jumps_ahead_asks_for_what_is_missing() {
    let known = list();
    let mut newer = known.clone();
    add(&mut newer, 1, 2);
    let third = add(&mut newer, 2, 3);
    let mut behind = known.clone();
    assert_eq!(behind.append(&third), Err(ListError::Gap { from: ListNumber(2) }));
    assert_eq!(behind.head(), known.head());
}

#[test]
fn an_entry_of_another_branch_asks_for_the_branch_from_its_start() {
    let known = list();
    let (mut here, mut there) = (known.clone(), known);
    add(&mut here, 1, 2);
    add(&mut there, 1, 3);
    for n in [4, 5] {
        let entry = add(&mut there, 1, n);
        let from = if n == 4 { 1 } else { 3 };
        assert_eq!(here.append(&entry), Err(ListError::Gap { from: ListNumber(from) }));
    }
}

#[test]
fn newer_entries_are_taken_all_or_none() {
    let known = list();
    let mut newer = known.clone();
    let good = add(&mut newer, 1, 2);
    let mut bad = add(&mut newer, 2, 3);
    *bad.last_mut().unwrap() ^= 1;
    let mut behind = known.clone();
    assert_eq!(behind.accept([&good, &bad]), Err(ListError::Refused(Refusal::Signature)));
    assert_eq!(behind.head(), known.head());
}

#[test]
fn entries_from_a_number_on_bring_another_copy_up_to_date() {
    let mut list = list();
    let mut behind = list.clone();
    add(&mut list, 1, 2);
    revoke(&mut list, 2, 1);
    let accepted = behind.accept(list.entries(ListNumber(1))).unwrap();
    assert_eq!(behind.head(), list.head());
    assert_eq!(accepted.added, [list_key(2).device_id()]);
    assert_eq!(accepted.revoked, [list_key(1).device_id()]);
    assert_eq!(accepted.new_entries, 2);
    assert_eq!(list.entries(ListNumber(3)).count(), 1);
    assert_eq!(list.entries(ListNumber(4)).count(), 0);
}

#[test]
fn what_is_known_already_changes_nothing() {
    let mut list = list();
    let entry = add(&mut list, 1, 2);
    assert_eq!(list.append(&entry).unwrap().new_entries, 0);
}

#[test]
fn a_stored_list_is_read_again() {
    let mut list = list();
    add(&mut list, 1, 2);
    revoke(&mut list, 2, 1);
    let entries: Vec<Vec<u8>> = list.history().map(<[u8]>::to_vec).collect();
    let read = DeviceList::verify(list.genesis().as_bytes(), &entries).unwrap();
    assert_eq!(read.head(), list.head());
    assert_eq!(read.active_devices(), list.active_devices());
}

#[test]
fn any_flipped_bit_of_an_entry_is_refused() {
    let known = list();
    let mut newer = known.clone();
    let addition = add(&mut newer, 1, 2);
    let revocation = known.revoke(Author::Device(&list_key(1)), list_key(1).device_id()).unwrap();
    let rotation = known.rotate_recovery(&recovery_key(1), &recovery_key(2)).unwrap();
    for entry in [addition, revocation, rotation] {
        for changed in with_a_flipped_bit(&entry) {
            assert!(known.clone().append(&changed).is_err());
        }
    }
}

#[test]
fn trailing_bytes_and_a_cut_end_are_refused() {
    let entry = add(&mut list(), 1, 2);
    assert!(UnverifiedEntry::decode(&[entry.as_slice(), &[0]].concat()).is_err());
    assert!((0..entry.len()).all(|len| UnverifiedEntry::decode(&entry[..len]).is_err()));
}

#[test]
fn a_device_name_is_short_and_harmless() {
    let longest = "x".repeat(DeviceName::MAX_BYTES);
    for name in ["laptop", "Bob's Telefon 📱", "x", &longest] {
        assert_eq!(name.parse::<DeviceName>().unwrap().as_str(), name);
        assert_eq!(name.parse::<DeviceName>().unwrap().to_string(), name);
    }
    let too_long = "x".repeat(65);
    for name in ["", "  ", "a\u{1b}[2J", "a\nb", "abc\u{202e}txt", "\u{200b}x", &too_long] {
        assert!(name.parse::<DeviceName>().is_err(), "{name:?}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let bytes = [b"E\x01".as_slice(), &bytes].concat();
        let _ = UnverifiedEntry::decode(&bytes);
        prop_assert!(list().append(&bytes).is_err());
    }

    #[test]
    fn any_run_of_allowed_entries_verifies_again(steps in prop::collection::vec((any::<bool>(), 0_u8..12, 0_u8..12), 1..24)) {
        let mut list = list();
        for (adds, by, n) in steps {
            let by = list_key(by);
            let key = list_key(n);
            let entry = if adds {
                list.add_device(Author::Device(&by), &device(&key, n))
            } else {
                list.revoke(Author::Device(&by), key.device_id())
            };
            if let Ok(entry) = entry {
                let before = list.head();
                let accepted = list.append(&entry).unwrap();
                prop_assert_eq!(list.head().number, before.number.next());
                prop_assert_eq!(accepted.added.len() + accepted.revoked.len(), 1);
            }
        }
        let read = DeviceList::verify(list.genesis().as_bytes(), list.entries(ListNumber(1))).unwrap();
        prop_assert_eq!(read.head(), list.head());
        prop_assert_eq!(read.active_devices(), list.active_devices());
    }
}

#[test]
fn a_device_is_renamed_by_another_one_and_keeps_its_keys() {
    let mut list = list();
    add(&mut list, 1, 2);
    let (by, renamed) = (list_key(1), list_key(2).device_id());
    let entry = list.rename(Author::Device(&by), renamed, "kitchen".parse().unwrap()).unwrap();
    let accepted = list.append(&entry).unwrap();
    assert_eq!((accepted.added.len(), accepted.revoked.len(), accepted.new_entries), (0, 0, 1));
    assert_eq!(list.name(renamed).map(DeviceName::as_str), Some("kitchen"));
    assert_eq!(list.name(by.device_id()).map(DeviceName::as_str), Some("device 1"));
    assert_eq!(list.device(renamed).unwrap().mls_key, mls_key(2));
    revoke(&mut list, 1, 2);
    assert_eq!(list.name(renamed).map(DeviceName::as_str), Some("kitchen"));
    let gone = list.rename(Author::Device(&by), renamed, "attic".parse().unwrap());
    assert_eq!(gone, Err(ListError::Refused(Refusal::NotActive)));
    let by_it = list.rename(Author::Device(&list_key(2)), by.device_id(), "attic".parse().unwrap());
    assert_eq!(by_it, Err(ListError::Refused(Refusal::Author)));
}
