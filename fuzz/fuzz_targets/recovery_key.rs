//! A recovery key as somebody typed it. The written form reads as itself.
#![no_main]

use hushwire_identity::RecoveryKey;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|typed: &str| {
    if let Ok(key) = RecoveryKey::from_text(typed) {
        let again = RecoveryKey::from_text(&key.to_text()).expect("the written form is a key");
        assert_eq!(again.public(), key.public());
    }
});
