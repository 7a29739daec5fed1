//! Frames in pieces, limits at their last allowed value and one above, bytes of strangers.

use bytes::Bytes;
use hushwire_classic::frame::{Malformed, encode_request, encode_response};
use hushwire_classic::limits::{
    BLOB_BYTES, PAYLOAD_BYTES, RESPONSE_BYTES, RSA_PEM_BYTES, SENT_BLOB_BYTES, TEXT_CHARACTERS,
};
use hushwire_classic::message::{InvalidText, TEXT_BYTES, Text};
use hushwire_classic::{
    DecodeError, DhPublicKey, MessageBlob, Otp, Phone, PublicKeys, Request, RequestDecoder, RequestFrame,
    Response, ResponseDecoder, RsaPem, Signature, SignedKeys,
};
use proptest::prelude::*;

use crate::samples;

fn decode_request(bytes: &[u8]) -> Result<Option<RequestFrame>, DecodeError> {
    let mut decoder = RequestDecoder::default();
    decoder.push(bytes);
    decoder.next_frame()
}

/// A request with this version, code, size and payload.
fn raw(version: u8, code: u16, size: u32, payload: &[u8]) -> Vec<u8> {
    let phone = samples::alice().to_wire();
    [&phone[..], &[version], &code.to_be_bytes(), &size.to_be_bytes(), payload].concat()
}

fn pem(bytes: usize) -> Result<RsaPem, hushwire_classic::keys::InvalidPem> {
    let (begin, end) = ("-----BEGIN PUBLIC KEY-----\n", "\n-----END PUBLIC KEY-----\n");
    let inner = "A".repeat(bytes - begin.len() - end.len());
    RsaPem::new(format!("{begin}{inner}{end}").into())
}

#[test]
fn all_frames_in_one_packet_come_out_one_by_one() {
    let mut decoder = RequestDecoder::default();
    let all: Vec<u8> = samples::requests()
        .iter()
        .flat_map(|(_, request)| encode_request(samples::alice(), request))
        .collect();
    decoder.push(&all);
    for (name, request) in samples::requests() {
        assert_eq!(decoder.next_frame().unwrap().unwrap().request, request, "{name}");
    }
    assert_eq!(decoder.next_frame(), Ok(None));
}

#[test]
fn a_frame_in_single_bytes_comes_out_with_the_last() {
    for (name, response) in samples::responses() {
        let mut decoder = ResponseDecoder::default();
        let bytes = encode_response(&response);
        let (last, first) = bytes.split_last().unwrap();
        for byte in first {
            decoder.push(&[*byte]);
            assert_eq!(decoder.next_frame(), Ok(None), "{name}");
        }
        decoder.push(&[*last]);
        assert_eq!(decoder.next_frame(), Ok(Some(response)), "{name}");
    }
}

#[test]
fn what_makes_no_sense_is_skipped() {
    let cases = [
        (raw(1, 824, 0, &[]), Malformed::Code(824)),
        (raw(1, 1600, 3, &[1, 2, 3]), Malformed::Code(1600)),
        (raw(1, 825, 1, &[0]), Malformed::Payload),
        (raw(1, 831, 4, &99_999_u32.to_be_bytes()), Malformed::Payload),
        (raw(1, 831, 4, &1_000_000_u32.to_be_bytes()), Malformed::Payload),
        (raw(1, 831, 3, &[0, 2, 0]), Malformed::Payload),
        (raw(1, 828, 10, b"05\x001111111"), Malformed::Phone),
        (raw(1, 828, 11, b"0501111111x"), Malformed::Payload),
        (raw(1, 830, 9, b"050111111"), Malformed::Payload),
        (raw(1, 826, 31, &[7; 31]), Malformed::Payload),
        (raw(1, 826, 60, &[7; 60]), Malformed::Payload),
        (raw(1, 829, 565, &[b'1'; 565]), Malformed::Payload),
        ([b"not digits"[..].to_vec(), raw(1, 827, 0, &[])[10..].to_vec()].concat(), Malformed::Phone),
    ];
    for (bytes, malformed) in cases {
        let mut decoder = RequestDecoder::default();
        decoder.push(&bytes);
        decoder.push(&encode_request(samples::alice(), &Request::Login));
        assert_eq!(decoder.next_frame(), Err(DecodeError::Malformed(malformed)));
        assert_eq!(decoder.next_frame().unwrap().unwrap().request, Request::Login, "{malformed:?}");
    }
}

#[test]
fn another_version_is_refused_as_soon_as_it_is_seen() {
    for version in [0, 2, b'H'] {
        assert_eq!(decode_request(&raw(version, 825, 0, &[])[..11]), Err(DecodeError::Version(version)));
    }
    assert_eq!(decode_request(b"GET / HTTP/1.1\r\n\r\n"), Err(DecodeError::Version(b'/')));
}

#[test]
fn a_size_is_refused_before_its_payload_comes() {
    let most = u32::try_from(PAYLOAD_BYTES).unwrap();
    assert_eq!(decode_request(&raw(1, 829, most, &[])), Ok(None));
    for size in [most + 1, u32::MAX] {
        assert_eq!(decode_request(&raw(1, 829, size, &[])), Err(DecodeError::TooLarge(size)));
    }
}

#[test]
fn the_largest_of_everything_fits_into_2048_bytes() {
    let blob = |bytes: usize| MessageBlob::new(vec![7; bytes].into());
    let message = Response::Message { sender: samples::bob(), blob: blob(BLOB_BYTES).unwrap() };
    assert_eq!(encode_response(&message).len(), RESPONSE_BYTES);
    assert!(blob(BLOB_BYTES + 1).is_err());
    assert!(blob(556).is_ok() && blob(555).is_err());
    let request = Request::Message { recipient: samples::bob(), blob: blob(SENT_BLOB_BYTES).unwrap() };
    assert_eq!(encode_request(samples::alice(), &request).len(), RESPONSE_BYTES);
    let keys = SignedKeys {
        keys: PublicKeys { rsa: pem(RSA_PEM_BYTES).unwrap(), ..samples::signed_keys("bob").keys },
        ..samples::signed_keys("bob")
    };
    let response = Response::SenderKeys { phone: samples::bob(), keys };
    assert_eq!(encode_response(&response).len(), RESPONSE_BYTES);
    assert!(pem(RSA_PEM_BYTES + 1).is_err());
}

#[test]
fn a_text_has_its_bounds() {
    let text = |symbol: &str, count: usize| Text::new(symbol.repeat(count));
    assert!(text("a", TEXT_CHARACTERS).is_ok());
    assert_eq!(text("a", TEXT_CHARACTERS + 1), Err(InvalidText::TooLong));
    assert_eq!(text("a", 0), Err(InvalidText::Empty));
    assert!(text("✓", TEXT_BYTES / 3).is_ok());
    assert_eq!(text("✓", TEXT_BYTES / 3 + 1), Err(InvalidText::TooManyBytes));
}

#[test]
fn a_pem_is_one_block_of_base64() {
    let text = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
    assert!(RsaPem::new(text.into()).is_ok());
    let forged = [format!("{text}{text}"), format!("x{text}"), text.replace("AAAA", "A A"), String::new()];
    for text in forged {
        assert!(RsaPem::new(text.clone().into()).is_err(), "{text}");
    }
}

#[test]
fn nothing_personal_is_in_debug() {
    let mut all = String::new();
    for (_, request) in samples::requests() {
        all += &format!("{:?}", RequestFrame { phone: samples::alice(), request });
    }
    for (_, response) in samples::responses() {
        all += &format!("{response:?}");
    }
    for canary in ["0501111111", "050222", "123456", "999999", "BEGIN PUBLIC"] {
        assert!(!all.contains(canary), "{canary} in {all}");
    }
}

fn phone() -> impl Strategy<Value = Phone> {
    "[0-9]{1,10}".prop_map(|digits| digits.parse().unwrap())
}

fn blob() -> impl Strategy<Value = MessageBlob> {
    prop::collection::vec(any::<u8>(), 556..=BLOB_BYTES)
        .prop_map(|bytes| MessageBlob::new(bytes.into()).unwrap())
}

fn keys() -> impl Strategy<Value = PublicKeys> {
    (any::<[u8; 32]>(), 60..=RSA_PEM_BYTES)
        .prop_map(|(dh, bytes)| PublicKeys { dh: DhPublicKey(dh), rsa: pem(bytes).unwrap() })
}

fn signed() -> impl Strategy<Value = SignedKeys> {
    (keys(), any::<[[u8; 32]; 32]>()).prop_map(|(keys, bytes)| {
        let (one, other) = bytes.as_flattened().split_at(512);
        SignedKeys {
            keys,
            dh_signature: one.try_into().unwrap(),
            rsa_signature: Signature::try_from(other).unwrap(),
        }
    })
}

fn otp() -> impl Strategy<Value = Otp> {
    (100_000_u32..=999_999).prop_map(|number| Otp::new(number).unwrap())
}

fn request() -> impl Strategy<Value = Request> {
    prop_oneof![
        Just(Request::Register),
        Just(Request::Login),
        otp().prop_map(Request::Otp),
        keys().prop_map(Request::SendPublicKeys),
        phone().prop_map(Request::RecipientKeys),
        phone().prop_map(Request::SenderKeys),
        phone().prop_map(Request::MessageReceived),
        (phone(), blob()).prop_map(|(recipient, blob)| Request::Message { recipient, blob }),
    ]
}

fn response() -> impl Strategy<Value = Response> {
    prop_oneof![
        prop::option::of(otp()).prop_map(Response::Registration),
        signed().prop_map(Response::RecipientKeys),
        (phone(), signed()).prop_map(|(phone, keys)| Response::SenderKeys { phone, keys }),
        (phone(), blob()).prop_map(|(sender, blob)| Response::Message { sender, blob }),
        Just(Response::Listening),
    ]
}

proptest! {
    #[test]
    fn requests_round_trip_in_any_pieces(
        frames in prop::collection::vec((phone(), request()), 1..4),
        pieces in prop::collection::vec(1_usize..700, 1..20),
    ) {
        let bytes: Vec<u8> = frames.iter().flat_map(|(phone, request)| encode_request(*phone, request)).collect();
        let (mut decoder, mut rest, mut read) = (RequestDecoder::default(), &bytes[..], Vec::new());
        let mut sizes = pieces.iter().cycle();
        while !rest.is_empty() {
            let (piece, after) = rest.split_at((*sizes.next().unwrap()).min(rest.len()));
            decoder.push(piece);
            rest = after;
            while let Some(frame) = decoder.next_frame().unwrap() {
                read.push((frame.phone, frame.request));
            }
        }
        prop_assert_eq!(read, frames);
    }

    #[test]
    fn responses_round_trip(response in response()) {
        let bytes = encode_response(&response);
        prop_assert!(bytes.len() <= RESPONSE_BYTES);
        let mut decoder = ResponseDecoder::default();
        decoder.push(&bytes);
        prop_assert_eq!(decoder.next_frame(), Ok(Some(response)));
    }

    #[test]
    fn strangers_bytes_are_an_error_or_written_the_same_way_again(bytes in prop::collection::vec(any::<u8>(), 0..100), code in 820_u16..840) {
        let size = u32::try_from(bytes.len()).unwrap();
        if let Ok(Some(frame)) = decode_request(&raw(1, code, size, &bytes)) {
            prop_assert_eq!(encode_request(frame.phone, &frame.request), Bytes::from(raw(1, code, size, &bytes)));
        }
        let _ = decode_request(&bytes);
    }
}
