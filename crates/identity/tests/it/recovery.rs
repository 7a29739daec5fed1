use hushwire_identity::{RecoveryKey, RecoveryTextError};
use hushwire_types::Secret;
use proptest::prelude::*;

fn key(seed: [u8; 32]) -> RecoveryKey {
    RecoveryKey::from_seed(&Secret::new(seed))
}

#[test]
fn the_text_has_fourteen_groups_of_four() {
    let text = key([7; 32]).to_text();
    assert_eq!(text.len(), 69);
    assert!(text.split('-').all(|group| group.len() == 4));
}

#[test]
fn a_wrong_length_says_how_many_there_are() {
    let text = key([7; 32]).to_text();
    let cut: String = text.chars().take(68).collect();
    assert_eq!(RecoveryKey::from_text(&cut).unwrap_err(), RecoveryTextError::Length(55));
    assert_eq!(RecoveryKey::from_text("").unwrap_err(), RecoveryTextError::Length(0));
    let longer = format!("{}-0000", *text);
    assert_eq!(RecoveryKey::from_text(&longer).unwrap_err(), RecoveryTextError::Length(60));
}

#[test]
fn a_character_that_cannot_be_meant_is_named() {
    let text = key([7; 32]).to_text().replace('-', "!");
    assert_eq!(RecoveryKey::from_text(&text).unwrap_err(), RecoveryTextError::Character('!'));
    assert_eq!(RecoveryKey::from_text("U").unwrap_err(), RecoveryTextError::Character('U'));
}

proptest! {
    #[test]
    fn the_text_gives_the_key_back(seed: [u8; 32]) {
        let key = key(seed);
        prop_assert_eq!(RecoveryKey::from_text(&key.to_text()).unwrap().public(), key.public());
    }

    #[test]
    fn careless_typing_gives_the_key_back(seed: [u8; 32]) {
        let key = key(seed);
        let careless = key.to_text().to_lowercase().replace('0', "o").replace('1', "l").replace('-', "  ");
        let careless = format!("\n {careless}\u{2013}\t");
        prop_assert_eq!(RecoveryKey::from_text(&careless).unwrap().public(), key.public());
    }

    #[test]
    fn one_wrong_symbol_is_noticed(seed: [u8; 32], at in 0_usize..56, other in 0_usize..32) {
        let symbols = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
        let mut text: Vec<char> = key(seed).to_text().replace('-', "").chars().collect();
        let wrong = symbols.chars().nth(other).unwrap();
        prop_assume!(text[at] != wrong);
        text[at] = wrong;
        let text: String = text.into_iter().collect();
        prop_assert_eq!(RecoveryKey::from_text(&text).unwrap_err(), RecoveryTextError::Checksum);
    }
}
