//! An MLS message of a stranger: its header, and whether it is admitted (rule R9). Both read the same place.
#![no_main]

use hushwire_group_policy::{Admitted, admit, peek};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let header = peek(bytes);
    if let Ok(Admitted::Application(at, _) | Admitted::Commit(at, _)) = admit(bytes) {
        assert_eq!(header.ok().and_then(|header| header.at()), Some(at));
    }
});
