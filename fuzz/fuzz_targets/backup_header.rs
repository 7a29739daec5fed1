//! The beginning of a backup, which says how its key is stretched.
#![no_main]

use hushwire_backup::Header;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut rest = bytes;
    if let Ok(header) = Header::read(&mut rest) {
        assert!(rest.len() < bytes.len());
        assert_eq!(Header::read(&mut &*bytes).ok(), Some(header));
    }
});
