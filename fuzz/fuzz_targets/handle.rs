//! A handle as somebody typed it. The canonical form reads as itself, and looks like itself.
#![no_main]

use hushwire_identity::{Address, Handle};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|typed: &str| {
    if let Ok(handle) = typed.parse::<Handle>() {
        let again: Handle = handle.to_string().parse().expect("the canonical form is a handle");
        assert_eq!(again, handle);
        assert_eq!(again.skeleton(), handle.skeleton());
    }
    if let Ok(address) = typed.parse::<Address>() {
        assert_eq!(address.to_string().parse(), Ok(address));
    }
});
