use hushwire_client_store::StoreError;
use hushwire_client_store::conversation::{self, Conversation, ConversationState};
use hushwire_client_store::witness::{self, Witness};
use hushwire_types::{Epoch, Generation};

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
