//! KeyPackages as client and server check them.

use std::time::Duration;

use hushwire_group_policy::{Lists, PolicyError, Refusal, check_key_package};
use hushwire_types::{OsEntropy, Secret, Timestamp, rng};
use mls_rs::extension::ExtensionType;
use mls_rs::{Extension, ExtensionList};

use crate::world::{Device, Morals, NOW, World, account, mls_now, suite};

fn check(world: &World, bytes: &[u8], owner: &Device, now: Timestamp) -> Result<bool, PolicyError> {
    let lists = Lists::new(world.book.clone());
    check_key_package(&suite(), &lists, bytes, owner.who(), now).map(|checked| {
        assert_eq!(checked.credential, owner.credential);
        checked.last_resort
    })
}

#[test]
fn a_devices_own_key_package_passes_and_says_whether_it_is_a_last_resort() {
    let world = World::default();
    let device = world.device(account(1));
    assert_eq!(check(&world, &device.key_package().to_bytes().unwrap(), &device, NOW), Ok(false));

    let marked = Extension::new(ExtensionType::LAST_RESORT_KEY_PACKAGE, vec![]);
    let last = device
        .client
        .generate_key_package_message(ExtensionList::from(vec![marked]), ExtensionList::new(), mls_now())
        .unwrap();
    assert_eq!(check(&world, &last.to_bytes().unwrap(), &device, NOW), Ok(true));
}

#[test]
fn a_key_package_of_another_device_is_refused() {
    let world = World::default();
    let (mine, other) = (world.device(account(1)), world.device(account(1)));
    let bytes = other.key_package().to_bytes().unwrap();
    assert_eq!(check(&world, &bytes, &mine, NOW), Err(Refusal::KeyPackageOwner.into()));
}

#[test]
fn a_substituted_key_package_is_refused_by_its_key() {
    let world = World::default();
    let device = world.device(account(1));
    let seed = Secret::new(rng::bytes(&OsEntropy));
    let ghost = world.device_of(device.credential, &seed, Morals::Lawless, world.book.clone());
    let bytes = ghost.key_package().to_bytes().unwrap();
    let refused = Refusal::WrongKey(account(1), device.credential.device);
    assert_eq!(check(&world, &bytes, &device, NOW), Err(refused.into()));
}

#[test]
fn an_expired_a_tampered_and_a_malformed_key_package_are_refused() {
    let world = World::default();
    let device = world.device(account(1));
    let mut bytes = device.key_package().to_bytes().unwrap();
    let years = Duration::from_secs(10 * 365 * 86_400);
    assert_eq!(check(&world, &bytes, &device, NOW.after(years)), Err(Refusal::KeyPackage.into()));
    *bytes.last_mut().unwrap() ^= 1;
    assert_eq!(check(&world, &bytes, &device, NOW), Err(Refusal::KeyPackage.into()));
    assert_eq!(check(&world, &bytes[1..], &device, NOW), Err(Refusal::KeyPackage.into()));
}
