//! A parked entry, read again from the client's database.
#![no_main]

use bytes::Bytes;
use hushwire_wire::Entry;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(entry) = Entry::from_bytes(Bytes::copy_from_slice(bytes)) {
        let again = entry.to_bytes().expect("an entry that was read can be written");
        assert_eq!(Entry::from_bytes(again), Ok(entry));
    }
});
