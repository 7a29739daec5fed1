//! No `Debug` shows a body, a handle, an invite code or an OTP.

use hushwire_wire::{RegistrationMethod, Request};

use crate::samples;

/// What the samples hold and no log may.
const CANARIES: &[&str] = &[
    "042042",
    "K7QF",
    "5551234567",
    "example.org",
    "alice",
    "bob",
    "ciphertext",
    "typing",
    "key package",
    "last resort",
    "entry 1",
    "tree 0",
    "watches",
    "really",
    "every day",
];

#[test]
fn debug_shows_no_secret_and_no_body() {
    for (name, request) in samples::requests() {
        assert_silent(name, &format!("{request:?} {request:#?}"));
    }
    for (name, response) in samples::responses() {
        assert_silent(name, &format!("{response:?} {response:#?}"));
    }
}

fn assert_silent(name: &str, debug: &str) {
    for canary in CANARIES {
        assert!(!debug.contains(canary), "{name} shows {canary}");
        let bytes = format!("{:?}", canary.as_bytes());
        assert!(!debug.contains(bytes.trim_matches(['[', ']'])), "{name} shows the bytes of {canary}");
    }
}

#[test]
fn debug_still_says_what_it_is() {
    let (_, request) = samples::requests().into_iter().find(|(name, _)| *name == "register_phone").unwrap();
    let Request::Register(register) = &request else { panic!("not Register") };
    assert!(matches!(register.method, RegistrationMethod::Phone(_)));
    let debug = format!("{request:?}");
    assert!(debug.contains("Phone(Sensitive(..))"), "{debug}");
}
