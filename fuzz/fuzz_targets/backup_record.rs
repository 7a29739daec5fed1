//! A record of a backup, and of the past that devices and members hand to each other.
#![no_main]

use hushwire_backup::Record;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(Some(record)) = Record::from_bytes(bytes) {
        let again = Record::from_bytes(&record.to_bytes()).expect("a record that was read can be read again");
        assert_eq!(again, Some(record));
    }
});
