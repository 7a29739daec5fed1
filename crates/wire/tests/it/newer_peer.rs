//! What a newer peer sends is a value, never a decode failure.

use hushwire_types::Seq;
use hushwire_wire::frame::{ClientFrame, RequestId, ServerFrame};
use hushwire_wire::{DecodeError, Entry, EntryKind, ErrorCode, Response};

use crate::raw::Raw;
use crate::samples;

#[test]
fn an_unknown_request_can_be_answered() {
    let frame = Raw::default().number(1, 7).bytes(999, b"whatever").decode_client();
    assert_eq!(frame, Ok(ClientFrame::Unsupported { request_id: RequestId::new(7).unwrap(), code: 999 }));
}

#[test]
fn an_unknown_response_names_its_code() {
    let frame = Raw::default().number(1, 7).bytes(1999, b"whatever").decode_server();
    let response = Response::Unknown { code: 1999 };
    assert_eq!(frame, Ok(ServerFrame { request_id: RequestId::new(7), response }));
}

#[test]
fn an_unknown_attribute_of_a_frame_is_passed_over() {
    let known = Raw::default().number(1, 7).bytes(841, b"");
    let request = known.clone().decode_client().unwrap();
    assert!(matches!(request, ClientFrame::Request { .. }));
    let newer = [
        known.clone().number(2, 1),
        known.clone().fixed(3, [7; 8]),
        known.clone().bytes(4, b"trace"),
        known.clone().fixed(5, [7; 4]),
    ];
    for frame in newer {
        assert_eq!(frame.decode_client().as_ref(), Ok(&request));
    }
}

#[test]
fn an_unknown_error_code_is_an_error() {
    let error = Raw::default().number(1, 4711).bytes(3, "Something new.");
    let frame = Raw::default().number(1, 7).bytes(1607, error).decode_server().unwrap();
    let Response::Error(error) = frame.response else { panic!("not an error") };
    assert_eq!(error.code, ErrorCode::Unknown(4711));
    assert_eq!(error.text, "Something new.");
}

#[test]
fn an_unknown_kind_of_entry_keeps_its_bytes() {
    let new = Raw::default().number(1, 5).bytes(99, b"from the future");
    let old = samples::entries().pop().unwrap();
    let delivery = Raw::default().bytes(1, &new).bytes(1, old.to_bytes().unwrap());
    let frame = Raw::default().bytes(1608, delivery).decode_server().unwrap();
    let Response::Delivery(delivery) = frame.response else { panic!("not a delivery") };
    let [first, second] = delivery.entries.as_slice() else { panic!("not two entries") };
    assert_eq!(first.seq, Seq(5));
    assert_eq!(first.kind, EntryKind::Unknown(new.as_ref().into()));
    assert_eq!(second, &old);
    assert_eq!(first.to_bytes().unwrap(), new.as_ref());
    assert_eq!(Entry::from_bytes(first.to_bytes().unwrap()).as_ref(), Ok(first));
}

#[test]
fn an_entry_can_be_parked_and_read_again() {
    for entry in samples::entries().into_iter().chain(samples::claims()) {
        assert_eq!(Entry::from_bytes(entry.to_bytes().unwrap()), Ok(entry));
    }
}

#[test]
fn a_frame_has_exactly_one_operation() {
    let two = Raw::default().number(1, 7).bytes(841, b"").bytes(999, b"").decode_client();
    assert_eq!(two, Err(DecodeError::NotAFrame));
    let twice = Raw::default().number(1, 7).bytes(841, b"").bytes(841, b"").decode_client();
    assert_eq!(twice, Err(DecodeError::NotAFrame));
    assert_eq!(Raw::default().number(1, 7).decode_client(), Err(DecodeError::NotAFrame));
    assert_eq!(Raw::default().number(1, 7).decode_server(), Err(DecodeError::NotAFrame));
}

#[test]
fn a_request_needs_an_id() {
    assert_eq!(Raw::default().bytes(841, b"").decode_client(), Err(DecodeError::NotAFrame));
}
