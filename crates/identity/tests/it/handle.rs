use hushwire_identity::{Address, Email, Handle, HandleError, Host, Phone, Username};
use proptest::prelude::*;

fn username(text: &str) -> Result<String, HandleError> {
    text.parse::<Username>().map(|name| name.as_str().to_owned())
}

fn look_alike(one: &str, other: &str) -> bool {
    let skeleton = |text: &str| text.parse::<Username>().unwrap().skeleton();
    skeleton(one) == skeleton(other)
}

#[test]
fn usernames_are_folded_to_one_form() {
    for (typed, canonical) in [
        ("Alice", "alice"),
        (" @bob ", "bob"),
        ("Ａlice", "alice"),
        ("ﬁona", "fiona"),
        ("ÉMILE", "émile"),
        ("e\u{301}mile", "émile"),
        ("ΝΙΚΟΣ", "νικοσ"),
        ("νικος", "νικοσ"),
        ("иван_7", "иван_7"),
        ("たなか", "たなか"),
        ("a.b-c_d", "a.b-c_d"),
        ("42", "42"),
    ] {
        assert_eq!(username(typed).as_deref(), Ok(canonical), "{typed}");
    }
}

#[test]
fn usernames_have_two_to_thirty_two_characters() {
    assert_eq!(username("a"), Err(HandleError::UsernameLength));
    assert_eq!(username(""), Err(HandleError::UsernameLength));
    assert_eq!(username(&"a".repeat(33)), Err(HandleError::UsernameLength));
    assert_eq!(username(&"a".repeat(100_000)), Err(HandleError::UsernameLength));
    assert!(username(&"é".repeat(32)).is_ok());
}

#[test]
fn a_text_that_no_username_can_come_from_is_not_even_looked_at() {
    let signs = |count| username(&"!".repeat(count));
    assert_eq!(signs(32 * 18), Err(HandleError::UsernameCharacter('!')));
    assert_eq!(signs(32 * 18 + 1), Err(HandleError::UsernameLength));
}

#[test]
fn usernames_have_letters_digits_and_three_signs_only() {
    for (text, bad) in [
        ("al ice", ' '),
        ("al/ice", '/'),
        ("al@ice", '@'),
        ("al\u{200b}ice", '\u{200b}'),
        ("al\u{202e}ice", '\u{202e}'),
        ("al\u{1b}ice", '\u{1b}'),
        ("ali🦀", '🦀'),
        ("ali٣", '٣'),
        ("a\u{ad}b", '\u{ad}'),
    ] {
        assert_eq!(username(text), Err(HandleError::UsernameCharacter(bad)), "{text:?}");
    }
    for text in [".alice", "alice-", "__"] {
        assert_eq!(username(text), Err(HandleError::UsernameEnds), "{text}");
    }
}

#[test]
fn usernames_of_mixed_scripts_are_refused() {
    // Cyrillic а, Greek ο, Cyrillic р among Latin letters.
    for text in ["\u{430}lice", "b\u{3bf}b", "\u{440}aypal"] {
        assert_eq!(username(text), Err(HandleError::MixedScripts), "{text}");
    }
    assert!(username("漢字かな").is_ok(), "Japanese is written in several scripts");
}

#[test]
fn look_alikes_have_one_skeleton() {
    assert!(look_alike("paypal", "\u{440}\u{430}\u{443}\u{440}\u{430}\u{4cf}"), "all Cyrillic");
    assert!(look_alike("b0b", "bob"));
    assert!(look_alike("al1ce", "allce"));
    assert!(look_alike("rnary", "mary"));
    assert!(!look_alike("alice", "bob"));
    assert!(!look_alike("alice", "alice2"));
}

#[test]
fn only_usernames_are_taken_for_each_other() {
    let skeleton = |text: &str| text.parse::<Handle>().unwrap().skeleton();
    assert_eq!(skeleton("@b0b"), skeleton("@bob"));
    assert_eq!(skeleton("@alice"), format!("@{}", "alice".parse::<Username>().unwrap().skeleton()));
    assert_eq!(skeleton("+1 555 123 4567"), "+15551234567");
    assert_eq!(skeleton("B0b@example.org"), "b0b@example.org");
}

#[test]
fn a_handle_is_made_of_each_kind_and_shown_in_its_form() {
    let (name, phone, email) =
        ("alice".parse::<Username>(), "+15551234567".parse::<Phone>(), "a@example.org".parse::<Email>());
    let handles = [Handle::from(name.unwrap()), phone.unwrap().into(), email.unwrap().into()];
    for (handle, text) in handles.iter().zip(["@alice", "+15551234567", "a@example.org"]) {
        assert_eq!((handle.to_string().as_str(), text.parse().as_ref()), (text, Ok(handle)));
    }
    assert_eq!(format!("{handles:?}"), "[Username(..), Phone(..), Email(..)]");
}

#[test]
fn phone_numbers_are_e164() {
    let phone = |text: &str| text.parse::<Handle>().map(|handle| handle.to_string());
    assert_eq!(phone("+1 (555) 123-4567").as_deref(), Ok("+15551234567"));
    assert_eq!(phone("+49.30/1234567").as_deref(), Ok("+49301234567"));
    for wrong in ["+", "+0123456789", "+123456", "+1234567890123456", "+1555CALLNOW", "+٣٣٣٣٣٣٣٣"] {
        assert_eq!(phone(wrong), Err(HandleError::Phone), "{wrong}");
    }
}

#[test]
fn email_addresses_are_folded() {
    let email = |text: &str| text.parse::<Handle>().map(|handle| handle.to_string());
    assert_eq!(email("Alice.B+x@Example.ORG").as_deref(), Ok("alice.b+x@example.org"));
    assert_eq!(email("alice@mail-1.example.org").as_deref(), Ok("alice@mail-1.example.org"));
    for wrong in [
        "alice@",
        "a b@example.org",
        "alice@localhost",
        "alice@1.2.3.4",
        "a..b@example.org",
        ".a@example.org",
        "alice@exa_mple.org",
        "a@b@example.org",
        "älice@example.org",
        "a\r\nBcc: x@example.org",
        "alice@-example.org",
        "alice@example-.org",
        "alice@example..org",
        "alice@example.org.",
    ] {
        assert_eq!(email(wrong), Err(HandleError::Email), "{wrong}");
    }
}

#[test]
fn email_addresses_are_no_longer_than_mail_servers_take_them() {
    let email = |local: usize, labels: [usize; 3]| {
        let domain = labels.map(|bytes| "d".repeat(bytes)).join(".");
        format!("{}@{domain}.org", "l".repeat(local)).parse::<Email>().map(|email| email.as_str().len())
    };
    assert_eq!(email(64, [1, 1, 1]), Ok(74));
    assert_eq!(email(65, [1, 1, 1]), Err(HandleError::Email));
    assert_eq!(email(64, [60, 60, 63]), Ok(254));
    assert_eq!(email(64, [61, 60, 63]), Err(HandleError::Email));
}

#[test]
fn a_bare_word_is_no_handle() {
    assert_eq!("alice".parse::<Handle>(), Err(HandleError::Kind));
    assert_eq!("".parse::<Handle>(), Err(HandleError::Kind));
}

#[test]
fn an_address_may_name_a_server() {
    let address = |text: &str| text.parse::<Address>();
    let there = address("@Alice@Chat.example.org").unwrap();
    assert_eq!(there.handle, "@alice".parse().unwrap());
    assert_eq!(there.server, Some(Host::Name("chat.example.org".into())));
    assert_eq!(there.to_string(), "@alice@chat.example.org");
    assert_eq!(
        address("+1 555 1234567@chat.example.org").unwrap().to_string(),
        "+15551234567@chat.example.org"
    );
    assert_eq!(address("@alice").unwrap().server, None);
    assert_eq!(address("alice@example.org").unwrap().to_string(), "alice@example.org");
    assert_eq!(address("+tag@example.org").unwrap().server, None);
    assert_eq!(address("@alice@"), Err(HandleError::Server));
    assert_eq!(address("@alice@b@c"), Err(HandleError::Server));
}

#[test]
fn debug_shows_no_handle() {
    for text in ["@alice", "+15551234567", "alice@example.org"] {
        let shown = format!("{:?}", text.parse::<Handle>().unwrap());
        assert!(shown.ends_with("(..)"), "{shown}");
    }
}

proptest! {
    #[test]
    fn a_canonical_form_is_its_own_canonical_form(text in "\\PC{1,40}") {
        if let Ok(name) = username(&text) {
            prop_assert_eq!(username(&name), Ok(name.clone()));
        }
        if let Ok(handle) = text.parse::<Handle>() {
            prop_assert_eq!(handle.to_string().parse(), Ok(handle));
        }
        if let Ok(address) = text.parse::<Address>() {
            prop_assert_eq!(address.to_string().parse(), Ok(address));
        }
    }

    #[test]
    fn letters_of_every_alphabet_are_folded_once(text in "\\p{L}{2,8}") {
        if let Ok(name) = username(&text) {
            prop_assert_eq!(username(&name), Ok(name.clone()));
            let skeleton = name.parse::<Username>().unwrap().skeleton();
            prop_assert!(!skeleton.is_empty());
        }
    }

    #[test]
    fn case_does_not_count(text in "[a-zA-Z][a-zA-Z0-9]{1,20}") {
        prop_assert_eq!(username(&text.to_uppercase()), username(&text.to_lowercase()));
    }
}
