use hushwire_identity::SafetyNumber;
use hushwire_types::AccountId;
use proptest::prelude::*;

fn number(one: u8, other: u8) -> SafetyNumber {
    SafetyNumber::of(AccountId::new([one; 32]), AccountId::new([other; 32]))
}

#[test]
fn another_account_has_another_number() {
    assert_ne!(number(1, 2).digits(), number(1, 3).digits());
    assert!(!number(1, 2).matches_qr(&number(1, 3).qr_payload()));
    assert!(!number(1, 2).matches_digits(&number(1, 3).to_string()));
}

#[test]
fn typed_digits_may_have_any_spaces() {
    let number = number(1, 2);
    assert!(number.matches_digits(&number.to_string()));
    assert!(number.matches_digits(&format!(" {}\n", number.digits())));
    assert!(number.matches_digits(&number.groups().join("-")));
    assert!(!number.matches_digits(""));
    assert!(!number.matches_digits(&format!("{}0", number.digits())));
}

#[test]
fn a_foreign_qr_code_does_not_match() {
    for scanned in ["", "https://example.org", "HUSHWIRE:1:", "HUSHWIRE:2:AAAA"] {
        assert!(!number(1, 2).matches_qr(scanned));
    }
}

proptest! {
    #[test]
    fn both_sides_see_the_same_sixty_digits(one: [u8; 32], other: [u8; 32]) {
        let (one, other) = (AccountId::new(one), AccountId::new(other));
        let (mine, theirs) = (SafetyNumber::of(one, other), SafetyNumber::of(other, one));
        prop_assert_eq!(mine.to_string(), theirs.to_string());
        prop_assert_eq!(mine.digits().len(), 60);
        prop_assert!(mine.digits().bytes().all(|digit| digit.is_ascii_digit()));
        prop_assert!(mine.matches_qr(&theirs.qr_payload()));
    }
}
