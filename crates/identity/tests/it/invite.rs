use std::net::{Ipv4Addr, Ipv6Addr};

use hushwire_identity::{Fingerprint, Host, InviteCode, InviteLink, LinkError, ServerKey};
use proptest::prelude::*;

use crate::fixtures::Seeded;

fn fingerprint() -> Fingerprint {
    ServerKey::generate(&Seeded::new(1)).fingerprint()
}

#[test]
fn a_link_with_a_code_names_server_invite_and_identity() {
    let text = format!("hush://127.0.0.1:7900/i/K7QF-2M9D#{}", fingerprint());
    let link: InviteLink = text.parse().unwrap();
    assert_eq!(link.host, Host::Ip(Ipv4Addr::LOCALHOST.into()));
    assert_eq!((link.port, link.fingerprint), (7900, fingerprint()));
    assert_eq!(link.code.as_ref().unwrap().to_string(), "K7QF-2M9D");
    assert_eq!(link.to_string(), text);
}

#[test]
fn a_link_may_have_no_code_no_port_and_an_ipv6_address() {
    let link: InviteLink = format!(" HUSH://[::1]/#{}\n", fingerprint()).parse().unwrap();
    assert_eq!(link.host, Host::Ip(Ipv6Addr::LOCALHOST.into()));
    assert_eq!((link.port, &link.code), (7900, &None));
    assert_eq!(link.to_string(), format!("hush://[::1]:7900#{}", fingerprint()));
    let link: InviteLink = format!("hush://Chat.Example.org:443#{}", fingerprint()).parse().unwrap();
    assert_eq!(link.host, Host::Name("chat.example.org".into()));
}

#[test]
fn each_way_to_damage_a_link_has_its_sentence() {
    let mark = fingerprint();
    let cases = [
        ("https://example.org/i/K7QF-2M9D".into(), LinkError::Scheme),
        ("hush:/".into(), LinkError::Scheme),
        ("hush://example.org/i/K7QF-2M9D".into(), LinkError::Fingerprint),
        ("hush://example.org#abcd".into(), LinkError::Fingerprint),
        (format!("hush://example.org#{mark}a"), LinkError::Fingerprint),
        (format!("hush://example.org/j/K7QF-2M9D#{mark}"), LinkError::Path),
        (format!("hush://example.org/i/K7QF#{mark}"), LinkError::Code),
        (format!("hush://example.org/i/K7QF-2M9U#{mark}"), LinkError::Code),
        (format!("hush://#{mark}"), LinkError::Host),
        (format!("hush://example.org:0#{mark}"), LinkError::Host),
        (format!("hush://example.org:#{mark}"), LinkError::Host),
        (format!("hush://example.org:+80#{mark}"), LinkError::Host),
        (format!("hush://example.org:70000#{mark}"), LinkError::Host),
        (format!("hush://::1#{mark}"), LinkError::Host),
        (format!("hush://[127.0.0.1]#{mark}"), LinkError::Host),
        (format!("hush://user@example.org#{mark}"), LinkError::Host),
        (format!("hush://exa mple.org#{mark}"), LinkError::Host),
        (format!("hush://1.2.3#{mark}"), LinkError::Host),
    ];
    for (text, error) in cases {
        assert_eq!(text.parse::<InviteLink>(), Err(error), "{text}");
    }
}

#[test]
fn a_code_is_read_as_people_type_it() {
    let code: InviteCode = "K701-2M9D".parse().unwrap();
    for typed in ["k7o12m9d", " K7OI 2M9D", "k70l-2m9d"] {
        assert_eq!(typed.parse::<InviteCode>().unwrap(), code);
    }
}

#[test]
fn debug_shows_no_code() {
    let code: InviteCode = "K701-2M9D".parse().unwrap();
    assert_eq!(format!("{code:?}"), "InviteCode(..)");
}

#[test]
fn a_fingerprint_fits_its_key_only() {
    let (one, other) = (ServerKey::generate(&Seeded::new(1)), ServerKey::generate(&Seeded::new(2)));
    assert!(one.fingerprint().fits(&one.public()));
    assert!(!one.fingerprint().fits(&other.public()));
}

#[test]
fn a_fingerprint_has_one_spelling_but_for_case() {
    let text = Fingerprint::from_bytes([0; 32]).to_string();
    assert_eq!(text.to_uppercase().parse(), Ok(Fingerprint::from_bytes([0; 32])));
    // The last symbol has four unused bits, which must be zero.
    let second = format!("{}b", text.strip_suffix('a').unwrap());
    assert!(second.parse::<Fingerprint>().is_err());
}

proptest! {
    #[test]
    fn a_link_round_trips(seed: u64, port in 1_u16.., host in "[a-z][a-z0-9]{0,8}(\\.[a-z]{2,5}){0,2}", invites: bool, bytes: [u8; 32]) {
        let link = InviteLink {
            host: host.parse().unwrap(),
            port,
            code: invites.then(|| InviteCode::generate(&Seeded::new(seed))),
            fingerprint: Fingerprint::from_bytes(bytes),
        };
        prop_assert_eq!(link.to_string().parse(), Ok(link));
    }

    #[test]
    fn any_text_is_read_without_a_panic(text in "\\PC{0,60}") {
        let _ = text.parse::<InviteLink>();
        let _ = format!("hush://{text}").parse::<InviteLink>();
        let _ = text.parse::<Host>();
    }
}
