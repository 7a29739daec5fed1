use hushwire_identity::{
    Fingerprint, InvalidKey, ListKey, PublicKey, RecoveryKey, ServerKey, Signature, labels,
};
use hushwire_types::Secret;

use crate::fixtures::{Seeded, list_key};

#[test]
fn a_point_of_small_order_is_no_key() {
    // The neutral element, and the point of order 2 (RFC 8032, section 5.1).
    let mut neutral = [0; 32];
    neutral[0] = 1;
    let mut order_two = [0xff; 32];
    (order_two[0], order_two[31]) = (0xec, 0x7f);
    for bytes in [neutral, order_two] {
        assert_eq!(PublicKey::from_bytes(&bytes), Err(InvalidKey));
    }
}

#[test]
fn a_second_form_of_a_point_is_no_key() {
    // y = 3 is the height of a point; y = 3 + p is the same height, not reduced.
    let mut reduced = [0; 32];
    reduced[0] = 3;
    let mut unreduced = [0xff; 32];
    (unreduced[0], unreduced[31]) = (0xf0, 0x7f);
    assert!(PublicKey::from_bytes(&reduced).is_ok());
    assert_eq!(PublicKey::from_bytes(&unreduced), Err(InvalidKey));
}

#[test]
fn a_key_of_the_wrong_length_is_no_key() {
    assert_eq!(PublicKey::try_from([1_u8; 31].as_slice()), Err(InvalidKey));
    assert!(Signature::try_from([1_u8; 63].as_slice()).is_err());
}

#[test]
fn a_seed_gives_the_same_keys_again() {
    let entropy = Seeded::new(3);
    let (list, recovery) = (ListKey::generate(&entropy), RecoveryKey::generate(&entropy));
    let server = ServerKey::generate(&entropy);
    assert_eq!(ListKey::from_seed(&list.seed()).public(), list.public());
    assert_eq!(RecoveryKey::from_seed(&recovery.seed()).public(), recovery.public());
    assert_eq!(ServerKey::from_seed(&server.seed()).public(), server.public());
    assert_ne!(list.public(), recovery.public());
}

#[test]
fn what_is_public_is_shown_and_given_out_as_it_is() {
    let key = list_key(1).public();
    assert_eq!(PublicKey::try_from(key.as_ref()), Ok(key));
    assert!(format!("{key:?}").starts_with("PublicKey(") && format!("{key:?}").len() == 19);
    let signature = Signature::from_bytes([0xa5; 64]);
    assert_eq!((signature.as_ref(), signature.as_bytes()), ([0xa5; 64].as_slice(), &[0xa5; 64]));
    assert_eq!(format!("{signature:?}"), "Signature(uws2ljnf)");
    let fingerprint = ServerKey::from_seed(&Secret::new([1; 32])).fingerprint();
    assert_eq!(Fingerprint::from_bytes(*fingerprint.as_bytes()), fingerprint);
    assert_eq!(format!("{fingerprint:?}"), format!("Fingerprint({fingerprint})"));
    assert_eq!(labels::LOGIN.as_str(), "hushwire login v2");
}

#[test]
fn debug_shows_no_secret_of_a_key() {
    let seed = Secret::new([0xa5; 32]);
    let list = ListKey::from_seed(&seed);
    let server = ServerKey::from_seed(&seed);
    assert_eq!(format!("{list:?}"), format!("ListKey({})", list.device_id().short()));
    assert_eq!(format!("{server:?}"), format!("ServerKey({})", server.fingerprint()));
    assert_eq!(format!("{:?}", RecoveryKey::from_seed(&seed)), "RecoveryKey(..)");
}

#[test]
fn a_signature_holds_for_its_label_only() {
    let signature = hushwire_identity::Registration {
        server: &list_key(2).public(),
        handles: &[],
        account: &hushwire_types::AccountId::new([1; 32]),
    }
    .sign(&list_key(1));
    let (server, account) = (list_key(2).public(), [1; 32]);
    let parts: [&[u8]; 2] = [server.as_bytes(), &account];
    let key = list_key(1).public();
    for label in labels::ALL {
        let holds = labels::verify(&key, label, &parts, &signature).is_ok();
        assert_eq!(holds, label == labels::REGISTRATION);
    }
}
