use hushwire_identity::{LeafCredential, ListHead};
use hushwire_types::{AccountId, DeviceId, EntryHash, ListNumber};
use proptest::prelude::*;

fn credential(bytes: [u8; 32], number: u64) -> LeafCredential {
    LeafCredential {
        account: AccountId::new(bytes),
        device: DeviceId::new([bytes[0]; 16]),
        list: ListHead { number: ListNumber(number), hash: EntryHash::new([bytes[1]; 32]) },
    }
}

#[test]
fn trailing_bytes_a_cut_end_and_another_version_are_refused() {
    let bytes = credential([3; 32], 9).encode();
    let longer = [bytes.as_slice(), &[0]].concat();
    let mut newer = bytes.clone();
    newer[1] = 2;
    for wrong in [&longer, &newer, &bytes[..bytes.len() - 1].to_vec(), &Vec::new()] {
        assert!(LeafCredential::decode(wrong).is_err());
    }
}

proptest! {
    #[test]
    fn a_credential_round_trips(bytes: [u8; 32], number: u64) {
        let credential = credential(bytes, number);
        let encoded = credential.encode();
        prop_assert_eq!(encoded.len(), LeafCredential::LEN);
        prop_assert_eq!(LeafCredential::decode(&encoded), Ok(credential));
    }

    #[test]
    fn what_is_read_is_written_the_same(bytes in prop::collection::vec(any::<u8>(), 88)) {
        let bytes = [b"C\x01".as_slice(), &bytes].concat();
        if let Ok(credential) = LeafCredential::decode(&bytes) {
            prop_assert_eq!(credential.encode(), bytes);
        }
    }
}
