//! Golden bytes, which `tests/peer/golden.py` made from the layout table: nothing of ours had a hand in them.

use std::collections::BTreeSet;
use std::path::PathBuf;

use data_encoding::HEXLOWER;
use hushwire_classic::frame::{encode_request, encode_response};
use hushwire_classic::{RequestDecoder, RequestFrame, ResponseDecoder};

use crate::samples;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn golden(name: &str) -> Vec<u8> {
    let path = folder().join(name).with_extension("hex");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|_| panic!("no golden file for {name}"));
    HEXLOWER.decode(text.replace('\n', "").as_bytes()).unwrap()
}

#[test]
fn every_request_has_its_bytes_in_both_directions() {
    for (name, request) in samples::requests() {
        let golden = golden(&format!("request_{name}"));
        assert_eq!(encode_request(samples::alice(), &request), golden, "{name} is encoded differently");
        let mut decoder = RequestDecoder::default();
        decoder.push(&golden);
        let frame = RequestFrame { phone: samples::alice(), request };
        assert_eq!(decoder.next_frame(), Ok(Some(frame)), "{name} is decoded differently");
        assert_eq!(decoder.next_frame(), Ok(None));
    }
}

#[test]
fn every_response_has_its_bytes_in_both_directions() {
    for (name, response) in samples::responses() {
        let golden = golden(&format!("response_{name}"));
        assert_eq!(encode_response(&response), golden, "{name} is encoded differently");
        let mut decoder = ResponseDecoder::default();
        decoder.push(&golden);
        assert_eq!(decoder.next_frame(), Ok(Some(response)), "{name} is decoded differently");
        assert_eq!(decoder.next_frame(), Ok(None));
    }
}

#[test]
fn every_code_has_a_sample_and_every_golden_file_too() {
    let requests: BTreeSet<u16> = samples::requests().iter().map(|(_, request)| request.code()).collect();
    assert_eq!(requests, (825..=832).collect());
    let responses: BTreeSet<u16> = samples::responses().iter().map(|(_, response)| response.code()).collect();
    assert_eq!(responses, (1600..=1611).collect());
    let files: BTreeSet<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|file| file.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    let requests = samples::requests().into_iter().map(|(name, _)| format!("request_{name}"));
    let responses = samples::responses().into_iter().map(|(name, _)| format!("response_{name}"));
    assert_eq!(files, requests.chain(responses).collect());
}
