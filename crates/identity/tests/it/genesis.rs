use hushwire_identity::{Flags, Genesis, GenesisError, ListKey, RecoveryKey};
use hushwire_types::Secret;
use proptest::prelude::*;

use crate::fixtures::{Seeded, genesis, list_key, recovery_key, with_a_flipped_bit};

#[test]
fn a_genesis_verifies_and_keeps_its_flags() {
    let bot = Genesis::create(Flags { bot: true }, &list_key(1), &recovery_key(1), &Seeded::new(1));
    let read = Genesis::verify(bot.as_bytes()).unwrap();
    assert_eq!(read, bot);
    assert_eq!(read.flags(), Flags { bot: true });
    assert_eq!(*read.list_key(), list_key(1).public());
    assert_eq!(*read.recovery_key(), recovery_key(1).public());
    assert_eq!(bot.as_bytes().len(), Genesis::LEN);
    assert_eq!(format!("{bot:?}"), format!("Genesis({})", bot.account_id().short()));
}

#[test]
fn the_salt_makes_another_account_of_the_same_keys() {
    let other = Genesis::create(Flags::default(), &list_key(1), &recovery_key(1), &Seeded::new(8));
    assert_ne!(other.account_id(), genesis().account_id());
}

#[test]
fn any_flipped_bit_is_refused() {
    for changed in with_a_flipped_bit(genesis().as_bytes()) {
        assert!(Genesis::verify(&changed).is_err());
    }
}

#[test]
fn trailing_bytes_and_a_cut_end_are_refused() {
    let bytes = genesis().as_bytes().to_vec();
    let longer = [bytes.as_slice(), &[0]].concat();
    assert!(matches!(Genesis::verify(&longer), Err(GenesisError::Malformed(_))));
    for len in 0..bytes.len() {
        assert!(matches!(Genesis::verify(&bytes[..len]), Err(GenesisError::Malformed(_))));
    }
}

#[test]
fn one_key_for_both_is_refused() {
    let seed = Secret::new([5; 32]);
    let keys = (ListKey::from_seed(&seed), RecoveryKey::from_seed(&seed));
    let genesis = Genesis::create(Flags::default(), &keys.0, &keys.1, &Seeded::new(1));
    assert_eq!(Genesis::verify(genesis.as_bytes()), Err(GenesisError::SameKeys));
}

#[test]
fn the_two_signatures_cannot_be_swapped() {
    let genesis = genesis();
    let (body, signatures) = genesis.as_bytes().split_at(Genesis::LEN - 128);
    let swapped = [body, &signatures[64..], &signatures[..64]].concat();
    assert_eq!(Genesis::verify(&swapped), Err(GenesisError::BadSignature));
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(Genesis::verify(&bytes).is_err());
    }

    #[test]
    fn any_new_genesis_verifies(bot: bool, list_seed: [u8; 32], recovery_seed: [u8; 32], salt: u64) {
        prop_assume!(list_seed != recovery_seed);
        let list_key = ListKey::from_seed(&Secret::new(list_seed));
        let recovery_key = RecoveryKey::from_seed(&Secret::new(recovery_seed));
        let genesis = Genesis::create(Flags { bot }, &list_key, &recovery_key, &Seeded::new(salt));
        prop_assert_eq!(Genesis::verify(genesis.as_bytes()), Ok(genesis));
    }
}
