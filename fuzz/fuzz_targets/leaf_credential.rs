//! The credential of an MLS leaf.
#![no_main]

use hushwire_identity::LeafCredential;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(credential) = LeafCredential::decode(bytes) {
        assert_eq!(credential.encode(), bytes);
    }
});
