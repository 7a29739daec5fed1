//! Wire version 1, as a server reads it: in any pieces, and what was read is written the same way again.
#![no_main]

use hushwire_classic::frame::encode_request;
use hushwire_classic::{DecodeError, RequestDecoder, RequestFrame};
use libfuzzer_sys::fuzz_target;

/// All that comes of bytes in pieces of some length.
fn read(bytes: &[u8], piece: usize) -> Vec<Result<RequestFrame, DecodeError>> {
    let (mut decoder, mut frames) = (RequestDecoder::default(), Vec::new());
    for piece in bytes.chunks(piece) {
        decoder.push(piece);
        loop {
            match decoder.next_frame() {
                Ok(None) => break,
                Ok(Some(frame)) => frames.push(Ok(frame)),
                Err(error) => {
                    frames.push(Err(error));
                    if !matches!(error, DecodeError::Malformed(_)) {
                        return frames;
                    }
                }
            }
        }
    }
    frames
}

fuzz_target!(|bytes: &[u8]| {
    let whole = read(bytes, usize::MAX);
    let pieces = read(bytes, 1 + usize::from(bytes.first().copied().unwrap_or_default()));
    assert_eq!(whole, pieces);
    if whole.iter().all(Result::is_ok) {
        let again: Vec<u8> =
            whole.iter().flatten().flat_map(|frame| encode_request(frame.phone, &frame.request)).collect();
        assert!(bytes.starts_with(&again));
    }
});
