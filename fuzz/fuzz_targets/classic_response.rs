//! Wire version 1, as a client reads it.
#![no_main]

use hushwire_classic::ResponseDecoder;
use hushwire_classic::frame::encode_response;
use hushwire_classic::limits::RESPONSE_BYTES;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut decoder = ResponseDecoder::default();
    decoder.push(bytes);
    if let Ok(Some(response)) = decoder.next_frame() {
        let again = encode_response(&response);
        assert!(again.len() <= RESPONSE_BYTES);
        assert_eq!(again, bytes[..again.len()]);
    }
});
