//! Linking: what two devices show each other, and what somebody in between can make of it.

use hushwire_identity::linking::{Answer, Commitment, LinkCode, Offer, digits, nonce};
use hushwire_identity::list::{Joining, complete};
use hushwire_identity::{Author, DeviceStatus, ListHead, NewDevice, ServerKey};
use hushwire_types::{EntryHash, Secret};

use crate::fixtures::{Seeded, list, list_key, mls_key, with_a_flipped_bit};

fn offer() -> Offer {
    let name = "kitchen".parse().unwrap();
    Offer { list_key: list_key(2).public(), mls_key: mls_key(2), name, nonce: nonce(&Seeded::new(3)) }
}

fn answer() -> Answer {
    let list = list();
    let handle = "@alice".parse().unwrap();
    Answer { account: list.account_id(), head: list.head(), nonce: nonce(&Seeded::new(4)), handle }
}

fn server() -> ServerKey {
    ServerKey::from_seed(&Secret::new([9; 32]))
}

#[test]
fn an_offer_opens_with_its_commitment_alone() {
    let bytes = offer().to_bytes();
    let commitment = Commitment::to(&bytes);
    assert_eq!(Offer::open(&bytes, &commitment), Ok(offer()));
    assert!(with_a_flipped_bit(&bytes).all(|changed| Offer::open(&changed, &commitment).is_err()));
    assert!(Offer::open(&bytes[..bytes.len() - 1], &commitment).is_err());
    assert_eq!(Answer::from_bytes(&answer().to_bytes()), Ok(answer()));
    let shown = format!("{:?}", answer());
    assert!(shown.starts_with("Answer { account: ") && !shown.contains("alice"), "{shown}");
}

/// A test vector of our own: whoever writes another client must show the same.
#[test]
fn the_digits_are_these() {
    let shown = digits(&server().public(), &offer(), &answer());
    assert_eq!(shown.len(), 7);
    assert_eq!(shown, "461 605");
}

#[test]
fn the_digits_depend_on_everything() {
    let shown = digits(&server().public(), &offer(), &answer());
    let elsewhere = ServerKey::from_seed(&Secret::new([8; 32]));
    assert_ne!(digits(&elsewhere.public(), &offer(), &answer()), shown);
    let foreign = Offer { list_key: list_key(3).public(), ..offer() };
    assert_ne!(digits(&server().public(), &foreign, &answer()), shown);
    let later = Answer { nonce: [1; 32], ..answer() };
    assert_ne!(digits(&server().public(), &offer(), &later), shown);
}

/// Whoever shows the old device another code than the new one shows links each to itself, under nonces of its own: the
/// commitment lets it choose its own only before it knows the other's.
#[test]
fn a_code_that_was_swapped_shows_other_digits_on_both_screens() {
    let (server, mallory) = (server().public(), list_key(4).public());
    for number in 5..105 {
        let to_old = Offer { list_key: mallory, nonce: nonce(&Seeded::new(number)), ..offer() };
        let to_new = Answer { nonce: nonce(&Seeded::new(number + 1000)), ..answer() };
        assert_ne!(digits(&server, &offer(), &to_new), digits(&server, &to_old, &answer()));
        // An offer that it did not commit to is refused before any digits are shown.
        let committed = Commitment::to(&offer().to_bytes());
        assert!(Offer::open(&to_old.to_bytes(), &committed).is_err());
    }
}

#[test]
fn a_draft_becomes_an_entry_by_the_signature_of_the_device_that_it_adds() {
    let mut list = list();
    let Offer { list_key: key, mls_key, name, .. } = offer();
    let joining = Joining { list_key: key, mls_key, name };
    let draft = list.draft(&list_key(1), &joining).unwrap();
    let entry = complete(&draft, list.head(), &joining, &list_key(2)).unwrap();
    let new = NewDevice { list_key: &list_key(2), mls_key, name: joining.name.clone() };
    assert_eq!(list.add_device(Author::Device(&list_key(1)), &new), Ok(entry.clone()));
    list.append(&entry).unwrap();
    assert_eq!(list.status(list_key(2).device_id()), DeviceStatus::Active);
}

#[test]
fn nothing_but_its_own_addition_is_signed() {
    let list = list();
    let Offer { list_key: key, mls_key, name, .. } = offer();
    let joining = Joining { list_key: key, mls_key, name };
    let draft = list.draft(&list_key(1), &joining).unwrap();
    let renamed = Joining { name: "attic".parse().unwrap(), ..joining.clone() };
    assert!(complete(&draft, list.head(), &renamed, &list_key(2)).is_err(), "another name");
    let foreign = Joining { list_key: list_key(3).public(), ..joining.clone() };
    assert!(complete(&draft, list.head(), &foreign, &list_key(3)).is_err(), "another key");
    let mut elsewhere = list.head();
    elsewhere.number = elsewhere.number.next();
    assert!(complete(&draft, elsewhere, &joining, &list_key(2)).is_err(), "another place");
    let forked = ListHead { hash: EntryHash::new([9; 32]), ..list.head() };
    assert!(complete(&draft, forked, &joining, &list_key(2)).is_err(), "another branch");
    assert!(complete(&draft, list.head(), &joining, &list_key(3)).is_err(), "signed by another key");
    assert!(complete(&draft[..9], list.head(), &joining, &list_key(2)).is_err());
    assert!(list.draft(&list_key(2), &joining).is_err(), "a stranger writes no draft");
}

#[test]
fn a_code_is_read_as_people_type_it() {
    let code: LinkCode = " k7qf 2m9d".parse().unwrap();
    assert_eq!(code.to_string(), "K7QF-2M9D");
    assert!("K7QF-2M9".parse::<LinkCode>().is_err());
    assert_eq!(format!("{code:?}"), "LinkCode(..)");
    let (one, other) = (LinkCode::generate(&Seeded::new(1)), LinkCode::generate(&Seeded::new(900)));
    assert_eq!(one.to_string().parse(), Ok(one.clone()));
    assert_ne!(one, other);
}
