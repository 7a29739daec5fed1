//! Limits hold in both directions, with a typed error.

use hushwire_types::{
    AccountId, BodyDigest, ContentId, ConversationId, Epoch, Generation, Order, ReportId, SendSeq, Seq,
    Timestamp,
};
use hushwire_wire::frame::{self, DecodeError, EncodeError, RequestId};
use hushwire_wire::limits::{
    self, BODY_BYTES, DELIVERY_BYTES, DELIVERY_ENTRIES, FEATURES, FRAME_BYTES, HANDLE_BYTES,
    KEY_PACKAGE_BYTES, KEY_PACKAGES, LIST_ENTRIES, LIST_ENTRY_BYTES, MESSAGE_BYTES, REPORT_NOTE_BYTES,
    REPORTED_BYTES, REPORTED_MESSAGES, TEXT_BYTES, UPLOAD_BYTES,
};
use hushwire_wire::{
    AccountKeys, AnswerHandleClaim, BodyRef, Delivery, Entry, EntryKind, Error, ErrorCode, Fault, Group,
    HandleClaimAnswer, Invalid, Opaque, Place, PutKeyPackages, Referred, ReferredEntry, Removed, Report,
    ReportReason, ReportedMessage, Request, Response, SendCommit, SendMessage, SendUploaded, WelcomeEntry,
};

use crate::raw::Raw;
use crate::samples;

fn message(bytes: usize) -> Request {
    SendMessage {
        send_seq: SendSeq(1),
        conversation_id: ConversationId::new([1; 32]),
        generation: Generation(1),
        epoch: Epoch(u64::MAX),
        body: Opaque::from(vec![7; bytes]),
    }
    .into()
}

fn encode(request: &Request) -> Result<usize, EncodeError> {
    frame::encode_client(RequestId::FIRST, request).map(|frame| frame.len())
}

fn too_large(field: &'static str) -> EncodeError {
    EncodeError::Invalid(Invalid { field, fault: Fault::TooLarge })
}

#[test]
fn a_message_of_the_largest_size_goes_and_one_byte_more_does_not() {
    assert!(encode(&message(MESSAGE_BYTES)).is_ok());
    assert_eq!(encode(&message(MESSAGE_BYTES + 1)), Err(too_large("body")));
}

#[test]
fn a_message_over_its_limit_is_refused_with_its_request_id() {
    let body = Raw::default()
        .number(1, 1)
        .bytes(2, [1; 32])
        .number(3, 1)
        .number(4, 1)
        .bytes(5, vec![7; MESSAGE_BYTES + 1]);
    let error = Raw::default().number(1, 9).bytes(829, body).decode_client().unwrap_err();
    let invalid = Invalid { field: "body", fault: Fault::TooLarge };
    assert_eq!(error, DecodeError::Invalid { request_id: RequestId::new(9), code: 829, invalid });
    assert_eq!(error.answer().code, ErrorCode::TooLarge);
}

#[test]
fn a_frame_over_its_limit_is_refused_unread() {
    let frame = Raw::default().number(1, 9).bytes(829, vec![0; FRAME_BYTES]);
    let bytes = frame.as_ref().len();
    assert_eq!(frame.clone().decode_client(), Err(DecodeError::TooLarge { bytes }));
    assert_eq!(frame.decode_server(), Err(DecodeError::TooLarge { bytes }));
}

#[test]
fn parts_within_their_limits_may_not_exceed_the_frame_together() {
    let group = Group {
        conversation_id: ConversationId::new([1; 32]),
        generation: Generation(1),
        epoch: Epoch(1),
        group_info: Some(vec![1; MESSAGE_BYTES].into()),
        ratchet_tree: vec![1; MESSAGE_BYTES].into(),
    };
    let error = frame::encode_server(None, &group.into()).unwrap_err();
    assert!(matches!(error, EncodeError::TooLarge { bytes } if bytes > FRAME_BYTES));
}

#[test]
fn a_frame_of_exactly_its_limit_goes_and_comes() {
    let group = |info: usize| Group {
        conversation_id: ConversationId::new([1; 32]),
        generation: Generation(1),
        epoch: Epoch(1),
        group_info: Some(vec![1; info].into()),
        ratchet_tree: vec![1; MESSAGE_BYTES].into(),
    };
    let encoded = |info| frame::encode_server(None, &group(info).into());
    let room = FRAME_BYTES - encoded(4_096).unwrap().len();
    let full = encoded(4_096 + room).unwrap();
    assert_eq!(full.len(), FRAME_BYTES);
    assert_eq!(frame::decode_server(full).unwrap().response, group(4_096 + room).into());
    assert_eq!(encoded(4_096 + room + 1), Err(EncodeError::TooLarge { bytes: FRAME_BYTES + 1 }));
}

#[test]
fn a_full_pool_of_key_packages_fits_into_a_frame() {
    let put = |count, bytes| -> Request {
        PutKeyPackages {
            key_packages: vec![Opaque::from(vec![1; bytes]); count],
            last_resort_key_package: Some(vec![1; bytes].into()),
            replace: true,
        }
        .into()
    };
    assert!(encode(&put(KEY_PACKAGES, 3 * 1024)).is_ok());
    assert_eq!(encode(&put(KEY_PACKAGES + 1, 1)), Err(too_large("key_packages")));
    assert_eq!(encode(&put(1, KEY_PACKAGE_BYTES + 1)), Err(too_large("key_packages")));
}

#[test]
fn a_full_answer_of_list_entries_fits_into_a_frame() {
    let keys = |count| -> Response {
        let (_, response) =
            samples::responses().into_iter().find(|(name, _)| *name == "account_keys").unwrap();
        let Response::AccountKeys(keys) = response else { panic!("not AccountKeys") };
        AccountKeys { entries: vec![Opaque::from(vec![1; LIST_ENTRY_BYTES]); count], ..keys }.into()
    };
    assert!(frame::encode_server(None, &keys(LIST_ENTRIES)).is_ok());
    assert_eq!(frame::encode_server(None, &keys(LIST_ENTRIES + 1)), Err(too_large("entries")));
}

fn entry(seq: u64, bytes: usize) -> Entry {
    Entry {
        seq: Seq(seq),
        accepted_at: Timestamp::from_ms(u64::MAX),
        place: Some(Place {
            conversation_id: ConversationId::new([1; 32]),
            generation: Generation(u64::MAX),
            order: Some(Order(u64::MAX)),
        }),
        kind: EntryKind::Application(vec![7; bytes].into()),
    }
}

#[test]
fn a_delivery_has_a_bounded_number_of_entries_in_order() {
    let delivery = |seqs: Vec<u64>| {
        let entries = seqs.into_iter().map(|seq| entry(seq, 1)).collect();
        frame::encode_server(None, &Delivery { entries }.into()).map(drop)
    };
    let value = |field, fault| Err(EncodeError::Invalid(Invalid { field, fault }));
    let full = DELIVERY_ENTRIES as u64;
    assert_eq!(delivery((1..=full).collect()), Ok(()));
    assert_eq!(delivery((1..=full + 1).collect()), Err(too_large("entries")));
    assert_eq!(delivery(vec![]), value("entries", Fault::Missing));
    assert_eq!(delivery(vec![2, 2]), value("seq", Fault::Value));
    assert_eq!(delivery(vec![2, 1]), value("seq", Fault::Value));
}

#[test]
fn a_delivery_closed_at_its_limit_fits_into_a_frame() {
    let largest = entry(u64::MAX, MESSAGE_BYTES);
    assert!(frame::encode_server(None, &Delivery { entries: vec![largest] }.into()).is_ok());
    let mut entries = Vec::new();
    let mut bytes = 0;
    for seq in 1.. {
        let next = entry(seq, 1_000);
        bytes += next.encoded_len();
        if bytes > DELIVERY_BYTES || entries.len() == DELIVERY_ENTRIES {
            break;
        }
        entries.push(next);
    }
    assert!(entries.len() > 50);
    for entry in &entries {
        assert_eq!(entry.encoded_len(), entry.to_bytes().unwrap().len() + 5, "with key and length before it");
    }
    assert!(frame::encode_server(None, &Delivery { entries }.into()).is_ok());
}

#[test]
fn sentences_and_feature_lists_are_bounded() {
    let error = Error::new(ErrorCode::Internal, "x".repeat(TEXT_BYTES + 1));
    assert_eq!(frame::encode_server(None, &error.into()), Err(too_large("text")));
    let (_, hello) = samples::requests().into_iter().find(|(name, _)| *name == "hello").unwrap();
    let Request::Hello(mut hello) = hello else { panic!("not Hello") };
    hello.features = vec!["f".into(); FEATURES + 1];
    assert_eq!(encode(&hello.clone().into()), Err(too_large("features")));
    hello.features = vec!["\u{1b}[31m".into()];
    let invalid = Invalid { field: "features", fault: Fault::Value };
    assert_eq!(encode(&hello.into()), Err(EncodeError::Invalid(invalid)));
}

#[test]
fn ids_have_their_exact_length() {
    for length in [0, 31, 33] {
        let body = Raw::default().bytes(1, vec![1; length]);
        let error = Raw::default().number(1, 9).bytes(832, body).decode_client().unwrap_err();
        let fault = if length == 0 { Fault::Missing } else { Fault::Length };
        let invalid = Invalid { field: "account_id", fault };
        assert_eq!(error, DecodeError::Invalid { request_id: RequestId::new(9), code: 832, invalid });
    }
}

#[test]
fn the_handle_of_a_claim_is_bounded_and_has_no_controls() {
    let answer = |handle: &str| -> Request {
        AnswerHandleClaim {
            handle: handle.into(),
            account_id: AccountId::new([1; 32]),
            answer: HandleClaimAnswer::Allow,
        }
        .into()
    };
    assert!(encode(&answer(&"a".repeat(HANDLE_BYTES))).is_ok());
    assert_eq!(encode(&answer(&"a".repeat(HANDLE_BYTES + 1))), Err(too_large("handle")));
    let value = |fault| Err(EncodeError::Invalid(Invalid { field: "handle", fault }));
    assert_eq!(encode(&answer("\u{1b}[2J")), value(Fault::Value));
    assert_eq!(encode(&answer("")), value(Fault::Missing));
}

#[test]
fn an_otp_is_six_digits() {
    for code in ["12345", "1234567", "12345a", "१२"] {
        let otp = Raw::default().bytes(1, [1; 16]).bytes(2, code);
        assert!(Raw::default().number(1, 9).bytes(831, otp).decode_client().is_err(), "{code}");
    }
}

#[test]
fn what_changes_a_conversation_says_where_it_stands() {
    let homeless = Entry { place: None, ..entry(1, 1) };
    let error = frame::encode_server(None, &Delivery { entries: vec![homeless] }.into());
    let invalid = Invalid { field: "conversation_id", fault: Fault::Missing };
    assert_eq!(error, Err(EncodeError::Invalid(invalid)));
}

fn commit(commit: usize, group_info: usize, welcome: usize) -> Request {
    SendCommit {
        send_seq: SendSeq(1),
        conversation_id: ConversationId::new([1; 32]),
        generation: Generation(1),
        epoch: Epoch(u64::MAX),
        commit: vec![7; commit].into(),
        group_info: vec![8; group_info].into(),
        welcome: Some(vec![9; welcome].into()),
    }
    .into()
}

#[test]
fn what_a_frame_cannot_hold_is_uploaded_and_what_it_can_is_not() {
    assert!(!frame::needs_upload(&commit(MESSAGE_BYTES, 2_000, 2_000)));
    assert!(frame::needs_upload(&commit(MESSAGE_BYTES + 1, 1, 1)), "over the limit of one message");
    assert_eq!(encode(&commit(MESSAGE_BYTES + 1, 1, 1)), Err(too_large("commit")));
    assert!(frame::needs_upload(&commit(40_000, 1, 40_000)), "over the limit of the frame");
    assert!(matches!(encode(&commit(40_000, 1, 40_000)), Err(EncodeError::TooLarge { .. })));
    assert!(!frame::needs_upload(&message(MESSAGE_BYTES + 1)), "a message is never large");
}

/// Between 64 and 72 KiB the frame has room for a part that the limit of one message forbids.
#[test]
fn no_part_of_what_makes_a_conversation_is_larger_than_a_message() {
    let (_, create) =
        samples::requests().into_iter().find(|(name, _)| *name == "create_conversation").unwrap();
    let Request::CreateConversation(create) = create else { panic!("not CreateConversation") };
    for part in ["group_info", "ratchet_tree", "commit", "commit_group_info", "welcome"] {
        let with = |bytes: usize| -> Request {
            let (mut create, large) = (create.clone(), Opaque::from(vec![7; bytes]));
            match part {
                "group_info" => create.group_info = large,
                "ratchet_tree" => create.ratchet_tree = large,
                "commit" => create.commit = large,
                "commit_group_info" => create.commit_group_info = large,
                _ => create.welcome = Some(large),
            }
            create.into()
        };
        assert!(encode(&with(MESSAGE_BYTES)).is_ok(), "{part}");
        assert_eq!(encode(&with(MESSAGE_BYTES + 1)), Err(too_large(part)));
        assert!(frame::needs_upload(&with(MESSAGE_BYTES + 1)), "{part}");
    }
}

#[test]
fn the_largest_request_fits_into_an_upload_and_comes_back_as_it_was() {
    let largest = commit(BODY_BYTES, BODY_BYTES, BODY_BYTES);
    let bytes = frame::encode_whole(&largest).unwrap();
    assert!(bytes.len() <= UPLOAD_BYTES);
    assert_eq!(frame::decode_whole(bytes), Ok(largest));
    let error = frame::encode_whole(&commit(BODY_BYTES + 1, 1, 1)).unwrap_err();
    assert_eq!(error, too_large("commit"));
    let beyond = frame::decode_whole(vec![0; UPLOAD_BYTES + 1].into());
    assert_eq!(beyond, Err(DecodeError::TooLarge { bytes: UPLOAD_BYTES + 1 }));
}

#[test]
fn a_large_entry_is_kept_whole_and_delivered_by_reference_only() {
    // One byte more than a message may have would still fit into a frame.
    for bytes in [MESSAGE_BYTES + 1, BODY_BYTES] {
        let body = || Opaque::from(vec![7; bytes]);
        let kinds = [
            ("commit", EntryKind::Commit(body())),
            ("welcome", EntryKind::Welcome(WelcomeEntry { welcome: body(), epoch: Epoch(1) })),
            ("commit", EntryKind::Removed(Removed { commit: body() })),
        ];
        for (field, kind) in kinds {
            let large = Entry { kind, ..entry(3, 1) };
            let delivery = Delivery { entries: vec![large.clone()] };
            assert_eq!(frame::encode_server(None, &delivery.into()), Err(too_large(field)));
            assert_eq!(Entry::from_bytes(large.to_bytes().unwrap()), Ok(large));
        }
    }
}

#[test]
fn references_to_nothing_and_to_too_much_are_refused() {
    let body =
        |length: usize| BodyRef { digest: BodyDigest::new([1; 32]), length: u32::try_from(length).unwrap() };
    let upload = |length| encode(&SendUploaded { upload: body(length) }.into()).map(drop);
    let missing = EncodeError::Invalid(Invalid { field: "upload", fault: Fault::Missing });
    assert_eq!(upload(UPLOAD_BYTES), Ok(()));
    assert_eq!(upload(UPLOAD_BYTES + 1), Err(too_large("upload")));
    assert_eq!(upload(0), Err(missing));
    let referred = |length| {
        let kind = EntryKind::Referred(ReferredEntry { of: Referred::Commit, body: body(length) });
        frame::encode_server(None, &Delivery { entries: vec![Entry { kind, ..entry(3, 1) }] }.into())
            .map(drop)
    };
    assert_eq!(referred(BODY_BYTES), Ok(()));
    assert_eq!(referred(BODY_BYTES + 1), Err(too_large("commit_ref")));
}

fn report(note: usize, texts: &[usize]) -> Request {
    let message = |length: &usize| ReportedMessage {
        content_id: ContentId::new([1; 16]),
        sent_at: Timestamp::from_ms(u64::MAX),
        text: "a".repeat(*length).into(),
    };
    Report {
        report_id: ReportId::new([2; 16]),
        account_id: AccountId::new([3; 32]),
        reason: ReportReason::Abuse,
        note: "n".repeat(note).into(),
        messages: texts.iter().map(message).collect(),
    }
    .into()
}

#[test]
fn the_largest_report_fits_into_a_frame_and_a_larger_one_is_refused() {
    let most = [vec![REPORTED_BYTES - REPORTED_MESSAGES + 1], vec![1; REPORTED_MESSAGES - 1]].concat();
    assert!(encode(&report(REPORT_NOTE_BYTES, &most)).unwrap() <= FRAME_BYTES);
    assert!(encode(&report(0, &[REPORTED_BYTES])).is_ok(), "the longest message");
    assert_eq!(encode(&report(0, &[REPORTED_BYTES, 1])), Err(too_large("text")));
    assert_eq!(encode(&report(0, &[0; REPORTED_MESSAGES + 1])), Err(too_large("messages")));
    assert_eq!(encode(&report(REPORT_NOTE_BYTES + 1, &[])), Err(too_large("note")));
}

#[test]
fn a_report_over_its_limits_is_refused_by_the_receiver_too() {
    let decode = |messages: usize, bytes: usize| {
        let message = || Raw::default().bytes(1, [1; 16]).bytes(3, vec![b'a'; bytes]);
        let empty = Raw::default().bytes(1, [2; 16]).bytes(2, [3; 32]);
        let body = (0..messages).fold(empty, |body, _| body.bytes(5, message()));
        Raw::default().number(1, 9).bytes(849, body).decode_client().map(drop)
    };
    assert_eq!(decode(REPORTED_MESSAGES, REPORTED_BYTES / REPORTED_MESSAGES), Ok(()));
    assert!(decode(REPORTED_MESSAGES + 1, 1).is_err());
    assert!(decode(2, REPORTED_BYTES / 2 + 1).is_err());
}

/// As docs/protocol.md has them. Whoever is deployed holds each of them in both directions, so a change is a change of the
/// protocol.
#[test]
fn every_limit_is_the_one_that_the_protocol_names() {
    let bytes = [
        limits::FRAME_BYTES,
        limits::MESSAGE_BYTES,
        limits::BODY_BYTES,
        limits::UPLOAD_BYTES,
        limits::DELIVERY_BYTES,
        limits::KEY_PACKAGE_BYTES,
        limits::GENESIS_BYTES,
        limits::LIST_ENTRY_BYTES,
        limits::HANDLE_BYTES,
        limits::USERNAME_BYTES,
        limits::INVITE_BYTES,
        limits::LINK_CODE_BYTES,
        limits::LINK_BYTES,
        limits::FEATURE_BYTES,
        limits::REPORTED_BYTES,
        limits::REPORT_NOTE_BYTES,
        limits::TEXT_BYTES,
    ];
    let named = [
        73_728, 65_536, 4_194_304, 12_656_640, 65_536, 4_096, 512, 1_024, 254, 128, 32, 32, 2_048, 32,
        61_440, 2_048, 512,
    ];
    assert_eq!(bytes, named);
    let counts = [
        limits::REQUESTS_IN_FLIGHT,
        limits::DELIVERY_ENTRIES,
        limits::KEY_PACKAGES,
        limits::CLAIMED_KEY_PACKAGES,
        limits::LIST_ENTRIES,
        limits::FEATURES,
        limits::REPORTED_MESSAGES,
        limits::OTP_DIGITS,
    ];
    assert_eq!(counts, [64, 128, 20, 20, 64, 32, 20, 6]);
    assert_eq!((limits::SENDS_IN_FLIGHT, limits::LINK_MESSAGES), (64, 16));
}
