//! The genesis of an account.
#![no_main]

use hushwire_identity::Genesis;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(genesis) = Genesis::verify(bytes) {
        assert_eq!(genesis.as_bytes(), bytes);
    }
});
