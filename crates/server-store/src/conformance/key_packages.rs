//! KeyPackages.

use hushwire_types::DeviceId;

use super::accounts::second_device;
use super::{Actor, Backend, World, run};
use crate::key_package::{
    ClaimKeyPackages, ClaimedKeyPackage, KeyPackageState, LastResort, NewKeyPackages, PutKeyPackages,
    PutMode, Source,
};
use crate::mailbox::MailboxKey;
use crate::{Bounds, Refusal, Written};

fn claim(world: &mut World, actor: &Actor, devices: &[DeviceId]) -> Vec<ClaimedKeyPackage> {
    let operation = ClaimKeyPackages { account: actor.address.account, devices: devices.to_vec() };
    match world.write(operation).unwrap() {
        Written::Claimed(claimed) => claimed,
        other => panic!("nothing claimed: {other:?}"),
    }
}

fn put(actor: &Actor, packages: NewKeyPackages, mode: PutMode) -> PutKeyPackages {
    PutKeyPackages { mailbox: actor.mailbox, packages, mode }
}

pub fn a_key_package_is_claimed_once<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let actor = world.actor();
        let packages = NewKeyPackages { last_resort: None, ..world.packages(2) };
        world.write(put(&actor, packages.clone(), PutMode::Replace)).unwrap();
        let claimed: Vec<_> = (0..2).flat_map(|_| claim(world, &actor, &[])).collect();
        assert_eq!(claimed[0].bytes, packages.pool[0].bytes);
        assert_eq!(claimed[1].bytes, packages.pool[1].bytes);
        assert!(claimed.iter().all(|one| one.source == Source::Pool && one.device == actor.address.device));
        let operation = ClaimKeyPackages { account: actor.address.account, devices: Vec::new() };
        assert_eq!(world.write(operation), Err(Refusal::NoKeyPackage));
    });
}

pub fn the_last_resort_stays_and_is_marked<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let actor = world.actor();
        let packages = world.packages(0);
        world.write(put(&actor, packages.clone(), PutMode::Replace)).unwrap();
        let state = |world: &World| world.store().key_packages(actor.mailbox).unwrap().last_resort;
        assert_eq!(state(world), LastResort::Fresh);
        for _ in 0..2 {
            let claimed = claim(world, &actor, &[]);
            assert_eq!(claimed[0].source, Source::LastResort);
            assert_eq!(Some(&claimed[0].bytes), packages.last_resort.as_ref().map(|package| &package.bytes));
        }
        assert_eq!(state(world), LastResort::Used);
        world.write(put(&actor, packages, PutMode::Add)).unwrap();
        assert_eq!(state(world), LastResort::Used, "the same one again is not a fresh one");
        let fresh = world.packages(0);
        world.write(put(&actor, fresh, PutMode::Add)).unwrap();
        assert_eq!(state(world), LastResort::Fresh);
    });
}

pub fn one_for_every_device_asked_for<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let first = world.actor();
        let second = second_device(world, &first);
        let packages = world.packages(3);
        world.write(put(&second, packages, PutMode::Add)).unwrap();
        assert_eq!(claim(world, &first, &[]).len(), 2);
        let claimed = claim(world, &first, &[second.address.device, DeviceId::new([1; 16])]);
        assert_eq!(claimed.len(), 1);
        assert_eq!(claimed[0].device, second.address.device);
        assert_eq!(world.store().key_packages(second.mailbox).unwrap().left, 1);
    });
}

pub fn an_upload_again_changes_nothing<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let actor = world.actor();
        let packages = world.packages(3);
        let upload = put(&actor, packages.clone(), PutMode::Replace);
        let stored =
            |left| Ok(Written::KeyPackages(KeyPackageState { left, last_resort: LastResort::Fresh }));
        assert_eq!(world.write(upload), stored(3));
        assert_eq!(world.write(put(&actor, packages.clone(), PutMode::Add)), stored(3));
        claim(world, &actor, &[]);
        assert_eq!(world.write(put(&actor, packages.clone(), PutMode::Add)), stored(2));
        assert_eq!(world.write(put(&actor, packages, PutMode::Replace)), stored(2));
    });
}

pub fn a_replacement_drops_the_others<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let actor = world.actor();
        let packages = NewKeyPackages { last_resort: None, ..world.packages(1) };
        world.write(put(&actor, packages.clone(), PutMode::Replace)).unwrap();
        let state = world.store().key_packages(actor.mailbox).unwrap();
        assert_eq!(state, KeyPackageState { left: 1, last_resort: LastResort::Missing });
        assert_eq!(claim(world, &actor, &[])[0].bytes, packages.pool[0].bytes);
    });
}

pub fn the_pool_is_bounded<B: Backend>() {
    let bounds = Bounds { pool: 3, ..Bounds::default() };
    run::<B>(&bounds, |world| {
        let actor = world.actor();
        let packages = world.packages(3);
        let upload = put(&actor, packages.clone(), PutMode::Add);
        assert_eq!(world.write(upload), Err(Refusal::TooManyKeyPackages));
        assert_eq!(world.store().key_packages(actor.mailbox).unwrap().left, 1);
        world.write(put(&actor, packages, PutMode::Replace)).unwrap();
        let larger = world.packages(4);
        assert_eq!(world.write(put(&actor, larger, PutMode::Replace)), Err(Refusal::TooManyKeyPackages));
        assert_eq!(world.store().key_packages(actor.mailbox).unwrap().left, 3);
        let session = world.open_session();
        world.write(session.clone()).unwrap();
        let mut creation = world.creation(&session);
        creation.key_packages = world.packages(4);
        assert_eq!(world.create(creation).unwrap_err(), Refusal::TooManyKeyPackages);
        assert_eq!(world.store().account(session.account).unwrap(), None);
    });
}

pub fn nothing_to_claim_is_refused<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let actor = world.actor();
        let claim = |devices| ClaimKeyPackages { account: actor.address.account, devices };
        assert_eq!(world.write(claim(vec![DeviceId::new([1; 16])])), Err(Refusal::NoKeyPackage));
        let account = hushwire_types::AccountId::new([1; 32]);
        let unknown = ClaimKeyPackages { account, devices: Vec::new() };
        assert_eq!(world.write(unknown), Err(Refusal::UnknownAccount));
        let mailbox = MailboxKey(999);
        let upload = PutKeyPackages { mailbox, packages: NewKeyPackages::default(), mode: PutMode::Add };
        assert_eq!(world.write(upload), Err(Refusal::UnknownMailbox));
        let state = world.store().key_packages(mailbox).unwrap();
        assert_eq!(state, KeyPackageState { left: 0, last_resort: LastResort::Missing });
    });
}
