//! Golden bytes: what is on the wire never changes by accident. `UPDATE_GOLDEN=1` writes the files again.

use std::collections::BTreeSet;
use std::path::PathBuf;

use bytes::Bytes;
use data_encoding::HEXLOWER;
use hushwire_wire::frame::{self, ClientFrame, RequestId, ServerFrame};

use crate::samples;

const REQUEST_ID: Option<RequestId> = RequestId::new(300);

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// The bytes of the golden file; where asked for, `bytes` are written to it first.
fn golden(name: &str, bytes: &[u8]) -> Bytes {
    let path = folder().join(name).with_extension("hex");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let lines: Vec<String> = bytes.chunks(50).map(|line| HEXLOWER.encode(line)).collect();
        std::fs::write(&path, lines.join("\n") + "\n").unwrap();
    }
    let text = std::fs::read_to_string(&path).unwrap_or_else(|_| panic!("no golden file for {name}"));
    HEXLOWER.decode(text.replace('\n', "").as_bytes()).unwrap().into()
}

#[test]
fn every_request_has_its_bytes_in_both_directions() {
    for (name, request) in samples::requests() {
        let request_id = REQUEST_ID.unwrap();
        let encoded = frame::encode_client(request_id, &request).unwrap();
        let golden = golden(&format!("request_{name}"), &encoded);
        assert_eq!(encoded, golden, "{name} is encoded differently");
        let decoded = frame::decode_client(golden).unwrap();
        assert_eq!(decoded, ClientFrame::Request { request_id, request }, "{name} is decoded differently");
    }
}

#[test]
fn every_response_has_its_bytes_in_both_directions() {
    for (name, response) in samples::responses() {
        let encoded = frame::encode_server(REQUEST_ID, &response).unwrap();
        let golden = golden(&format!("response_{name}"), &encoded);
        assert_eq!(encoded, golden, "{name} is encoded differently");
        let decoded = frame::decode_server(golden).unwrap();
        assert_eq!(
            decoded,
            ServerFrame { request_id: REQUEST_ID, response },
            "{name} is decoded differently"
        );
    }
}

#[test]
fn every_operation_code_has_a_sample() {
    let requests: BTreeSet<u32> = samples::requests().iter().map(|(_, request)| request.code()).collect();
    assert_eq!(requests, (825..=849).collect());
    let responses: BTreeSet<u32> = samples::responses().iter().map(|(_, response)| response.code()).collect();
    assert_eq!(responses, (1600..=1628).collect());
}

#[test]
fn the_operation_code_is_the_field_number() {
    let key = |code: u32| {
        let key = code << 3 | 2;
        vec![(key & 0x7f) as u8 | 0x80, (key >> 7) as u8]
    };
    for (name, request) in samples::requests() {
        let encoded = frame::encode_client(RequestId::FIRST, &request).unwrap();
        assert_eq!(encoded[2..4], key(request.code()), "{name}");
    }
    for (name, response) in samples::responses() {
        let encoded = frame::encode_server(None, &response).unwrap();
        assert_eq!(encoded[..2], key(response.code()), "{name}");
    }
}

#[test]
fn every_golden_file_belongs_to_a_sample() {
    let files: BTreeSet<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|file| file.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    let requests = samples::requests().into_iter().map(|(name, _)| format!("request_{name}"));
    let responses = samples::responses().into_iter().map(|(name, _)| format!("response_{name}"));
    assert_eq!(files, requests.chain(responses).collect());
}
