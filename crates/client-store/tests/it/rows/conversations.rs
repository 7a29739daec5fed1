use std::collections::BTreeSet;

use hushwire_client_store::StoreError;
use hushwire_client_store::conversation::{self, Conversation, ConversationState};
use hushwire_client_store::mark::{self, Mark};
use hushwire_client_store::mls_row::{self, MlsKey, MlsKind, MlsRow};
use hushwire_client_store::witness::{self, Witness};
use hushwire_types::{ConversationId, Epoch, Generation, SecretBytes};

use crate::support::{Profile, account, at, conversation as id, device, direct, group};

#[test]
fn a_conversation_is_found_by_id_group_and_peer() {
    let mut profile = Profile::new();
    profile.write(|tx| conversation::insert(tx, &direct(2)));
    assert_eq!(profile.read(|view| conversation::find(view, &id(2))), Some(direct(2)));
    assert_eq!(profile.read(|view| conversation::by_group(view, &group(2))), Some(direct(2)));
    assert_eq!(profile.read(|view| conversation::direct_with(view, &account(2))), Some(direct(2)));
    assert_eq!(profile.read(|view| conversation::find(view, &id(3))), None);
}

#[test]
fn all_that_can_change_is_written() {
    let mut profile = Profile::new();
    profile.write(|tx| conversation::insert(tx, &direct(2)));
    for state in [
        ConversationState::Opening,
        ConversationState::Rejoining,
        ConversationState::Broken,
        ConversationState::Closed,
    ] {
        let changed = Conversation {
            generation: Generation(2),
            group: None,
            state,
            attempts: 2,
            known_epoch: Epoch(9),
            refreshed_at: at(11),
            last_activity: at(12),
            ..direct(2)
        };
        profile.write(|tx| conversation::update(tx, &changed));
        assert_eq!(profile.read(|view| conversation::find(view, &id(2))), Some(changed));
    }
    assert_eq!(profile.read(|view| conversation::by_group(view, &group(2))), None);
    let absent = profile.database.step(|tx| conversation::update(tx, &direct(3)));
    assert!(matches!(absent, Err(StoreError::Absent("conversation"))));
}

#[test]
fn what_is_not_at_rest_is_what_is_not_active_or_has_lost_its_group() {
    let mut profile = Profile::new();
    let rejoining = Conversation { state: ConversationState::Rejoining, ..direct(3) };
    let state = |n| MlsRow {
        key: MlsKey { kind: MlsKind::Group, group: Some(group(n)), key: Vec::new() },
        format: 1,
        bytes: SecretBytes::new(vec![n]),
    };
    profile.write(|tx| {
        [direct(2), rejoining].iter().try_for_each(|known| conversation::insert(tx, known))?;
        [2, 3].into_iter().try_for_each(|n| mls_row::put(tx, &state(n)))
    });
    assert_eq!(profile.read(conversation::unsettled), [id(3)]);
    profile.write(|tx| mls_row::delete_group(tx, &group(2)));
    let unsettled: BTreeSet<ConversationId> = profile.read(conversation::unsettled).into_iter().collect();
    assert_eq!(unsettled, BTreeSet::from([id(2), id(3)]));
}

#[test]
fn the_most_recently_active_comes_first() {
    let mut profile = Profile::new();
    profile.write(|tx| {
        conversation::insert(tx, &direct(2))?;
        conversation::insert(tx, &direct(3))?;
        conversation::touch(tx, &id(3), at(50))?;
        // An older message that arrives late does not move it down.
        conversation::touch(tx, &id(3), at(5))
    });
    let order: Vec<_> = profile.read(conversation::all).iter().map(|row| row.id).collect();
    assert_eq!(order, [id(3), id(2)]);
}

#[test]
fn the_known_epoch_only_rises() {
    let mut profile = Profile::new();
    profile.write(|tx| conversation::insert(tx, &direct(2)));
    profile.write(|tx| conversation::raise_known_epoch(tx, &id(2), Epoch(7)));
    profile.write(|tx| conversation::raise_known_epoch(tx, &id(2), Epoch(4)));
    assert_eq!(profile.read(|view| conversation::find(view, &id(2))).unwrap().known_epoch, Epoch(7));
}

#[test]
fn a_witness_is_kept_for_each_device_of_each_conversation() {
    let witness = |n: u8, counter: u64| Witness {
        conversation: id(1),
        account: account(2),
        device: device(n),
        counter,
        hash: [u8::try_from(counter).unwrap(); 32],
    };
    let mut profile = Profile::new();
    profile.write(|tx| {
        witness::put(tx, &witness(1, 1))?;
        witness::put(tx, &witness(2, 5))?;
        witness::put(tx, &witness(1, 2))
    });
    let find = |profile: &mut Profile, conversation, n| {
        profile.read(|view| witness::find(view, &conversation, &account(2), &device(n)))
    };
    assert_eq!(find(&mut profile, id(1), 1), Some(witness(1, 2)));
    assert_eq!(find(&mut profile, id(1), 2), Some(witness(2, 5)));
    assert_eq!(find(&mut profile, id(2), 1), None);
}

#[test]
fn what_is_known_of_a_device_can_be_forgotten_alone_or_for_all_but_ours() {
    let witness = |of: u8, n: u8| Witness {
        conversation: id(of),
        account: account(2),
        device: device(n),
        counter: 1,
        hash: [1; 32],
    };
    let known = |profile: &mut Profile| {
        let all = [(1, 1), (1, 2), (1, 3), (2, 1)];
        let found = |profile: &mut Profile, (of, n): (u8, u8)| {
            profile.read(|view| witness::find(view, &id(of), &account(2), &device(n))).is_some()
        };
        all.into_iter().filter(|place| found(profile, *place)).collect::<Vec<_>>()
    };
    let mut profile = Profile::new();
    profile.write(|tx| {
        [(1, 1), (1, 2), (1, 3), (2, 1)].into_iter().try_for_each(|(of, n)| witness::put(tx, &witness(of, n)))
    });
    profile.write(|tx| witness::forget(tx, &id(1), &account(2), &device(2)));
    assert_eq!(known(&mut profile), [(1, 1), (1, 3), (2, 1)]);
    profile.write(|tx| witness::forget_others(tx, &id(1), &device(3)));
    assert_eq!(known(&mut profile), [(1, 3), (2, 1)]);
}

#[test]
fn a_mark_is_there_or_not() {
    let mut profile = Profile::new();
    profile.write(|tx| {
        mark::set(tx, &id(1), Mark::Stopped)?;
        mark::set(tx, &id(1), Mark::Stopped)?;
        mark::set(tx, &id(1), Mark::Review)?;
        mark::set(tx, &id(2), Mark::GroupInfo)?;
        mark::clear(tx, &id(1), Mark::Review)?;
        mark::clear(tx, &id(1), Mark::Overdue)
    });
    assert!(profile.read(|view| mark::is_set(view, &id(1), Mark::Stopped)));
    assert!(!profile.read(|view| mark::is_set(view, &id(1), Mark::Review)));
    assert_eq!(profile.read(mark::all), [(id(1), Mark::Stopped), (id(2), Mark::GroupInfo)]);
}
