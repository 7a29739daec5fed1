//! An invite link as somebody pasted it. The written form reads as itself.
#![no_main]

use hushwire_identity::InviteLink;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|pasted: &str| {
    if let Ok(link) = pasted.parse::<InviteLink>() {
        assert_eq!(link.to_string().parse(), Ok(link));
    }
});
