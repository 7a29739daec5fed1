//! Recovery: the recovery key alone is shown a list and adds a device to it.

use hushwire_identity::{Author, ListKey, NewDevice, RecoveryKey, statement};
use hushwire_types::ListNumber;
use hushwire_wire::{
    EntryKind, Error, ErrorCode, ListEntryAppended, Recover, RecoverDevice, Response, Sensitive,
};

use crate::world::{BINDING, Line, World};

fn asks(world: &World, line: Line, key: &RecoveryKey, handle: &str, nonce: &[u8; 32]) -> Recover {
    let parsed = handle.parse().unwrap();
    let server = world.direct.service().server_key();
    let proof =
        statement::Recovery { server: &server, binding: &BINDING, server_nonce: nonce, handle: &parsed };
    let _ = line;
    Recover {
        handle: Sensitive::new(handle),
        signature: *proof.sign(key).as_bytes(),
        from_number: ListNumber(0),
    }
}

#[test]
fn the_recovery_key_is_shown_its_list_and_nobody_else_learns_anything() {
    let mut world = World::new();
    let (alice, bob) = (world.join("alice"), world.join("bob"));
    let line = world.connect();
    let ask = asks(&world, line, &alice.keys.recovery, "@alice", &line.nonce);
    let Response::AccountKeys(keys) = world.ask(line, ask) else { panic!("not shown") };
    assert_eq!((keys.account_id, keys.entries.len()), (alice.account, 1));
    assert!(keys.genesis.is_some());

    let mut told: Vec<Error> = Vec::new();
    for (key, handle, nonce) in [
        (&bob.keys.recovery, "@alice", line.nonce),
        (&alice.keys.recovery, "@nobody", line.nonce),
        // Said on another connection.
        (&alice.keys.recovery, "@alice", [9; 32]),
    ] {
        let line = world.connect();
        let nonce = if nonce == [9; 32] { nonce } else { line.nonce };
        let ask = asks(&world, line, key, handle, &nonce);
        told.push(world.refused(line, ask));
    }
    assert!(
        told.iter().all(|error| *error == told[0] && error.code == ErrorCode::UnknownAccount),
        "{told:?}"
    );
    let logged_in = asks(&world, alice.line, &alice.keys.recovery, "@alice", &line.nonce);
    assert_eq!(world.refused(alice.line, logged_in).code, ErrorCode::NotNow);
}

#[test]
fn an_entry_by_the_recovery_key_adds_a_device_and_others_are_told() {
    let mut world = World::new();
    let alice = world.join("alice");
    let (list_key, mls_key) = (ListKey::generate(&*world.entropy), ListKey::generate(&*world.entropy));
    let new = NewDevice { list_key: &list_key, mls_key: mls_key.public(), name: "new".parse().unwrap() };
    let list = world.list(alice.account);
    let line = world.connect();
    let by_device = list.add_device(Author::Device(&alice.keys.list_key), &new).unwrap();
    let refused = RecoverDevice { account_id: alice.account, entry: by_device.into() };
    assert_eq!(world.refused(line, refused).code, ErrorCode::UnknownAccount);

    let entry = list.add_device(Author::Recovery(&alice.keys.recovery), &new).unwrap();
    let recover = RecoverDevice { account_id: alice.account, entry: entry.into() };
    let answer = world.ask(line, recover.clone());
    assert!(matches!(
        answer,
        Response::ListEntryAppended(ListEntryAppended { list_number: ListNumber(2), .. })
    ));
    assert!(
        matches!(world.entries(alice.line)[..], [ref entry] if matches!(entry.kind, EntryKind::ListChanged(_)))
    );
    assert!(matches!(world.ask(line, recover), Response::ListEntryAppended(_)), "a lost answer does no harm");
    assert!(world.list(alice.account).device(list_key.device_id()).is_some());

    let bob = world.join("bob");
    let foreign = list.add_device(Author::Recovery(&alice.keys.recovery), &new).unwrap();
    let swapped = RecoverDevice { account_id: bob.account, entry: foreign.into() };
    assert_eq!(world.refused(line, swapped).code, ErrorCode::ListConflict);
}
