use std::time::Duration;

use hushwire_delivery::Settings;
use hushwire_delivery::limits::{Limit, Limits, Quota};
use hushwire_identity::list::Author;
use hushwire_identity::{DeviceStatus, RecoveryKey};
use hushwire_mls::KeyPackageKind;
use hushwire_server_store::Bounds;
use hushwire_server_store::account::Suspension;
use hushwire_types::{AccountId, DeviceId, ListNumber};
use hushwire_wire::{
    AccountKeys, AppendListEntry, EntryKind, ErrorCode, ListEntryAppended, LoginFailure, LookUp,
    PutKeyPackages, RecipientKeys, Response, SenderKeys,
};

use crate::world::{Device, Keys, World, entries, package};

fn keys_of(response: Response) -> AccountKeys {
    match response {
        Response::AccountKeys(keys) => keys,
        other => panic!("no keys: {other:?}"),
    }
}

fn appended(response: Response) -> ListEntryAppended {
    match response {
        Response::ListEntryAppended(appended) => appended,
        other => panic!("not appended: {other:?}"),
    }
}

fn recipient(of: &Device) -> RecipientKeys {
    RecipientKeys { account_id: of.account, device_ids: Vec::new() }
}

#[test]
fn a_handle_leads_to_the_account_and_its_whole_list() {
    let mut world = World::new();
    let (alice, bob) = (world.join("alice"), world.join("bob"));
    let keys = keys_of(world.ask(alice.line, LookUp { handle: "@BOB".into() }));
    assert_eq!((keys.account_id, keys.first_number), (bob.account, ListNumber(1)));
    assert_eq!(keys.username.as_ref().map(|name| name.expose()), Some("bob"));
    assert_eq!(&keys.genesis.as_deref(), &Some(&bob.keys.genesis[..]));
    assert_eq!(&*keys.entries[0], &bob.keys.entry[..]);
    for nobody in ["@carol", "not a handle"] {
        assert_eq!(
            world.refused(alice.line, LookUp { handle: nobody.into() }).code,
            ErrorCode::UnknownAccount
        );
    }
}

#[test]
fn look_ups_are_slowed_down() {
    let mut world = World::new();
    let alice = world.join("alice");
    let found = (0..100).take_while(|_| {
        matches!(world.ask(alice.line, LookUp { handle: "@alice".into() }), Response::AccountKeys(_))
    });
    assert_eq!(found.count(), 60);
    let error = world.refused(alice.line, LookUp { handle: "@alice".into() });
    assert_eq!((error.code, error.retry_after), (ErrorCode::RateLimited, Some(Duration::from_secs(10))));
}

#[test]
fn limits_outlast_a_restart() {
    let mut world = World::new();
    let mut alice = world.join("alice");
    for _ in 0..60 {
        world.ask(alice.line, LookUp { handle: "@alice".into() });
    }
    world.direct.tick(world.now);
    world.restart();
    world.come_back(&mut alice, None);
    assert_eq!(world.refused(alice.line, LookUp { handle: "@alice".into() }).code, ErrorCode::RateLimited);
}

#[test]
fn a_list_is_read_from_a_number_on() {
    let mut world = World::new();
    let (alice, bob) = (world.join("alice"), world.join("bob"));
    let laptop = world.link(&bob);
    let mut from = |number| {
        let request = SenderKeys { account_id: bob.account, from_number: ListNumber(number) };
        let keys = keys_of(world.ask(alice.line, request));
        (keys.genesis.is_some(), keys.first_number.0, keys.entries.len())
    };
    assert_eq!(from(0), (true, 1, 2));
    assert_eq!(from(2), (false, 2, 1));
    assert_eq!(from(3), (false, 3, 0));
    assert_eq!(laptop.account, bob.account);
    let nobody = SenderKeys { account_id: AccountId::new([1; 32]), from_number: ListNumber(0) };
    assert_eq!(world.refused(alice.line, nobody).code, ErrorCode::UnknownAccount);
}

#[test]
fn key_packages_are_claimed_once_and_then_the_last_resort() {
    let mut world = World::new();
    let (alice, mut bob) = (world.join("alice"), world.join("bob"));
    world.refill(&mut bob, 2);
    let claims: Vec<_> = (0..4)
        .map(|_| {
            let claimed = world.claim(&alice, bob.account).key_packages.remove(0);
            assert_eq!(claimed.device_id, bob.id);
            (claimed.key_package, claimed.last_resort)
        })
        .collect();
    assert_ne!(claims[0].0, claims[1].0);
    assert_eq!(claims.iter().map(|claim| claim.1).collect::<Vec<_>>(), [false, false, true, true]);
    let (logged_in, _) = world.come_back(&mut bob, None);
    assert_eq!((logged_in.key_packages_left, logged_in.last_resort_used), (0, true));
}

#[test]
fn one_key_package_comes_for_each_device_but_the_claimers_own() {
    let mut world = World::new();
    let (alice, bob) = (world.join("alice"), world.join("bob"));
    let laptop = world.link(&bob);
    let of = |claimed: hushwire_wire::ClaimedKeyPackages| {
        let mut devices: Vec<DeviceId> = claimed.key_packages.iter().map(|one| one.device_id).collect();
        devices.sort_unstable();
        devices
    };
    let mut both = vec![bob.id, laptop.id];
    both.sort_unstable();
    assert_eq!(of(world.claim(&alice, bob.account)), both);
    assert_eq!(of(world.claim(&bob, bob.account)), [laptop.id]);
    assert_eq!(world.refused(alice.line, recipient(&alice)).code, ErrorCode::NoKeyPackage);
}

#[test]
fn claims_of_one_account_by_another_are_limited() {
    let mut world = World::new();
    let (alice, bob, carol) = (world.join("alice"), world.join("bob"), world.join("carol"));
    let claims = (0..30)
        .take_while(|_| matches!(world.ask(alice.line, recipient(&bob)), Response::ClaimedKeyPackages(_)));
    assert_eq!(claims.count(), 10);
    world.claim(&alice, carol.account);
    world.claim(&carol, bob.account);
}

#[test]
fn nothing_is_claimed_of_the_suspended_and_of_nobody() {
    let mut world = World::new();
    let (alice, bob) = (world.join("alice"), world.join("bob"));
    world.direct.service().set_suspended(bob.account, Suspension::Suspended, world.now).unwrap();
    assert_eq!(world.refused(alice.line, recipient(&bob)).code, ErrorCode::AccountSuspended);
    let nobody = RecipientKeys { account_id: AccountId::new([1; 32]), device_ids: Vec::new() };
    assert_eq!(world.refused(alice.line, nobody).code, ErrorCode::UnknownAccount);
}

#[test]
fn only_valid_key_packages_of_the_device_are_stored() {
    let mut world = World::new();
    let (mut alice, mut bob) = (world.join("alice"), world.join("bob"));
    let put = |pool: Vec<_>, last_resort| PutKeyPackages {
        key_packages: pool,
        last_resort_key_package: last_resort,
        replace: false,
    };
    let now = world.now;
    let foreign = package(&mut bob.mls, KeyPackageKind::Pooled, now);
    let own = package(&mut alice.mls, KeyPackageKind::Pooled, now);
    let last_resort = package(&mut alice.mls, KeyPackageKind::LastResort, now);
    let expired =
        package(&mut alice.mls, KeyPackageKind::Pooled, now.before(Duration::from_secs(120 * 86_400)));
    for bad in [
        put(vec![own.clone(), foreign], None),
        put(vec![expired], None),
        put(vec![last_resort.clone()], None),
        put(Vec::new(), Some(own.clone())),
        put(vec![vec![1, 2, 3].into()], None),
    ] {
        assert_eq!(world.refused(alice.line, bad).code, ErrorCode::RefusedByPolicy);
    }
    let Response::KeyPackagesStored(stored) = world.ask(alice.line, put(vec![own], Some(last_resort))) else {
        panic!("not stored")
    };
    assert_eq!(stored.key_packages_left, 4);
}

#[test]
fn a_new_device_is_announced_to_ones_own_and_to_those_one_talks_to() {
    let mut world = World::new();
    let (mut alice, mut bob, carol) = (world.join("alice"), world.join("bob"), world.join("carol"));
    world.converse(&mut alice, &mut bob);
    for device in [&alice, &bob, &carol] {
        world.pushes(device.line);
    }
    world.link(&alice);
    let changed = |pushes| {
        let listed = entries(pushes);
        listed
            .iter()
            .any(|entry| matches!(entry.kind, EntryKind::ListChanged(change) if change.list_number.0 == 2))
    };
    assert!(changed(world.pushes(bob.line)));
    assert!(!changed(world.pushes(carol.line)));
    // The device's own notice came while its request was answered, so it is in the mailbox.
    let (_, pushes) = world.come_back(&mut alice, None);
    assert!(changed(pushes));
}

#[test]
fn r2_entries_that_the_list_does_not_allow_are_refused() {
    let mut world = World::new();
    let (alice, bob) = (world.join("alice"), world.join("bob"));
    let laptop = world.link(&alice);
    let list = world.list(alice.account);
    let revoke_laptop = list.revoke(Author::Device(&alice.keys.list_key), laptop.id).unwrap();
    let revoke_phone = list.revoke(Author::Device(&laptop.keys.list_key), alice.id).unwrap();
    let foreign = world.list(bob.account).revoke(Author::Device(&bob.keys.list_key), bob.id).unwrap();
    let append = |entry: &[u8]| AppendListEntry { entry: entry.into() };

    assert_eq!(world.refused(alice.line, append(&[1, 2, 3])).code, ErrorCode::Malformed);
    assert_ne!(world.refused(alice.line, append(&foreign)).code, ErrorCode::Internal);
    let mut forged = revoke_laptop.clone();
    *forged.last_mut().unwrap() ^= 1;
    assert_eq!(world.refused(alice.line, append(&forged)).code, ErrorCode::RefusedByPolicy);

    let first = appended(world.ask(alice.line, append(&revoke_laptop)));
    assert_eq!(first.list_number, ListNumber(3));
    assert_eq!(appended(world.ask(alice.line, append(&revoke_laptop))), first, "a lost answer does no harm");
    assert_eq!(world.refused(alice.line, append(&revoke_phone)).code, ErrorCode::ListConflict);
}

#[test]
fn r2_the_recovery_key_displaces_what_a_stolen_device_wrote() {
    let mut world = World::new();
    let alice = world.join("alice");
    let before = world.list(alice.account);
    let thief = world.link(&alice);
    let entry = before.revoke(Author::Recovery(&alice.keys.recovery), alice.id).unwrap();
    let answer = appended(world.ask(thief.line, AppendListEntry { entry: entry.into() }));
    assert_eq!(answer.list_number, ListNumber(2));
    assert!(world.list(alice.account).active_devices().is_empty());
    // What was displaced is still there to judge its leaves by (rule R3), and counts as revoked.
    let stolen = world.list(alice.account);
    assert_eq!((stolen.history().count(), stolen.status(thief.id)), (3, DeviceStatus::Revoked));
    assert_eq!(world.direct.service().connected(), 0);
    let line = world.connect();
    let failed = world.try_login(&thief.keys, line).unwrap_err();
    assert_eq!(failed.failure, LoginFailure::Revoked);
}

#[test]
fn r2_what_a_recovery_signed_entry_displaced_cannot_come_back() {
    let mut world = World::new();
    let alice = world.join("alice");
    let before = world.list(alice.account);
    let laptop = world.link(&alice);
    let displaced = world.list(alice.account).entries(ListNumber(2)).next().unwrap().to_vec();
    let late = before.revoke(Author::Device(&alice.keys.list_key), alice.id).unwrap();
    let entry =
        before.rotate_recovery(&alice.keys.recovery, &RecoveryKey::generate(&*world.entropy)).unwrap();
    let answer = appended(world.ask(alice.line, AppendListEntry { entry: entry.clone().into() }));
    assert_eq!(answer.list_number, ListNumber(2));
    for entry in [displaced, late] {
        let refused = world.refused(alice.line, AppendListEntry { entry: entry.into() });
        assert_eq!(refused.code, ErrorCode::ListConflict);
    }
    assert_eq!(world.list(alice.account).entries(ListNumber(2)).next().unwrap(), &entry[..]);
    let keys = SenderKeys { account_id: alice.account, from_number: ListNumber(2) };
    assert_eq!(keys_of(world.ask(alice.line, keys)).entries.len(), 2);
    assert_ne!(laptop.id, alice.id);
}

#[test]
fn a_deleted_account_is_gone_but_its_list_still_judges_old_leaves() {
    let mut world = World::new();
    let (mut alice, mut bob) = (world.join("alice"), world.join("bob"));
    let talk = world.converse(&mut alice, &mut bob);
    let fenced = world.direct.service().delete_user(bob.account, world.now).unwrap();
    world.direct.route(fenced, world.now);
    assert!(!world.direct.is_open(bob.line.connection));
    assert_eq!(world.refused(alice.line, LookUp { handle: "@bob".into() }).code, ErrorCode::UnknownAccount);
    assert_eq!(world.refused(alice.line, recipient(&bob)).code, ErrorCode::UnknownAccount);
    let keys = SenderKeys { account_id: bob.account, from_number: ListNumber(0) };
    assert_eq!(keys_of(world.ask(alice.line, keys)).username, None);
    let message = world.message(&mut alice, &talk, b"anybody?");
    assert_eq!(world.refused(alice.line, message).code, ErrorCode::UnknownAccount);
    let line = world.connect();
    assert!(world.try_login(&bob.keys, line).is_err());
    assert_ne!(Keys::new(&*world.entropy).account(), bob.account);
}

#[test]
fn whoever_looks_at_an_account_sees_that_it_is_suspended() {
    let mut world = World::new();
    let (alice, bob) = (world.join("alice"), world.join("bob"));
    let suspended = |world: &mut World| {
        let by_id = SenderKeys { account_id: bob.account, from_number: ListNumber(0) };
        let by_handle = LookUp { handle: "@bob".into() };
        let by_id = keys_of(world.ask(alice.line, by_id)).suspended;
        (by_id, keys_of(world.ask(alice.line, by_handle)).suspended)
    };
    assert_eq!(suspended(&mut world), (false, false));
    world.direct.service().set_suspended(bob.account, Suspension::Suspended, world.now).unwrap();
    assert_eq!(suspended(&mut world), (true, true));
}

#[test]
fn lists_of_others_are_read_so_often_and_ones_own_without_end() {
    let limits = Limits::none().with(Limit::Keys, Quota::new(2, Duration::from_secs(10)));
    let mut world = World::with(Settings { limits, ..Settings::default() }, Bounds::default());
    let (alice, bob) = (world.join("alice"), world.join("bob"));
    let mut read = |account_id| {
        let answer = world.ask(alice.line, SenderKeys { account_id, from_number: ListNumber(0) });
        matches!(answer, Response::AccountKeys(_))
    };
    assert!((0..9).all(|_| read(alice.account)));
    assert_eq!([(); 3].map(|()| read(bob.account)), [true, true, false]);
    assert!(read(alice.account));
}
