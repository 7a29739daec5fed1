//! What a server reads. Whatever is read can be written again and is then the same.
#![no_main]

use bytes::Bytes;
use hushwire_wire::frame::{ClientFrame, decode_client, encode_client};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    match decode_client(Bytes::copy_from_slice(bytes)) {
        Ok(ClientFrame::Request { request_id, request }) => {
            let again = encode_client(request_id, &request).expect("a request that was read can be written");
            assert_eq!(decode_client(again), Ok(ClientFrame::Request { request_id, request }));
        }
        Ok(ClientFrame::Unsupported { .. }) => {}
        Err(error) => drop(error.answer()),
    }
});
