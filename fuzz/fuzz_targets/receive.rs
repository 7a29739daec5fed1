//! The receive path with its state: a real engine over its database, to which a server lies as the bytes say
//! (`hushwire_testkit::receiving` says what they mean and what must hold). Each input begins with the same profile and the same server.
#![no_main]

use hushwire_testkit::receiving::receive;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Err(failure) = receive(bytes) {
        panic!("{failure}");
    }
});
