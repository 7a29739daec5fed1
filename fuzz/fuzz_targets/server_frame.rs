//! What a client reads. Whatever is read can be written again and is then the same, but for what a newer server says.
#![no_main]

use bytes::Bytes;
use hushwire_wire::frame::{ServerFrame, decode_server, encode_server};
use hushwire_wire::{EntryKind, Response};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(ServerFrame { request_id, response }) = decode_server(Bytes::copy_from_slice(bytes)) else {
        return;
    };
    if is_known(&response) {
        let again = encode_server(request_id, &response).expect("a response that was read can be written");
        assert_eq!(decode_server(again), Ok(ServerFrame { request_id, response }));
    }
});

fn is_known(response: &Response) -> bool {
    match response {
        Response::Unknown { .. } => false,
        Response::Delivery(delivery) => {
            !delivery.entries.iter().any(|entry| matches!(entry.kind, EntryKind::Unknown(_)))
        }
        _ => true,
    }
}
