//! Bytes of strangers: every decoder returns, whatever it is given.

use bytes::Bytes;
use hushwire_wire::Entry;
use hushwire_wire::frame::{self, RequestId};
use proptest::prelude::*;

use crate::samples;

fn decode_all(bytes: Vec<u8>) {
    let bytes = Bytes::from(bytes);
    let _ = frame::decode_client(bytes.clone());
    let _ = frame::decode_server(bytes.clone());
    let _ = Entry::from_bytes(bytes);
}

/// A frame of every message.
fn frames() -> Vec<Vec<u8>> {
    let requests = samples::requests()
        .into_iter()
        .map(|(_, request)| frame::encode_client(RequestId::FIRST, &request).unwrap().to_vec());
    let responses = samples::responses()
        .into_iter()
        .map(|(_, response)| frame::encode_server(None, &response).unwrap().to_vec());
    requests.chain(responses).collect()
}

#[test]
fn a_cut_frame_is_refused_or_shorter() {
    for frame in frames() {
        for length in 0..frame.len() {
            decode_all(frame[..length].to_vec());
        }
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        decode_all(bytes);
    }

    #[test]
    fn changed_frames_never_panic(
        frame in prop::sample::select(frames()),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut frame = frame;
        for (index, byte) in changes {
            let index = index.index(frame.len());
            frame[index] = byte;
        }
        decode_all(frame);
    }

    /// What is decoded can be encoded again and is then the same: validity is one notion.
    #[test]
    fn what_a_changed_frame_decodes_to_encodes_again(
        frame in prop::sample::select(frames()),
        index in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut frame = frame;
        let index = index.index(frame.len());
        frame[index] = byte;
        if let Ok(frame::ClientFrame::Request { request_id, request }) = frame::decode_client(frame.into()) {
            let again = frame::encode_client(request_id, &request).unwrap();
            prop_assert_eq!(
                frame::decode_client(again).unwrap(),
                frame::ClientFrame::Request { request_id, request }
            );
        }
    }
}
