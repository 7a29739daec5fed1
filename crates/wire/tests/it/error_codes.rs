//! The one place that holds which number each failure has on the wire.

use std::fmt::Write as _;

use hushwire_wire::frame::DecodeError;
use hushwire_wire::{ErrorCode, Fault, Invalid, LoginFailure, RegistrationFailure, ReportReason, RequestId};

macro_rules! table {
    ($out:ident, $name:ident) => {
        for code in $name::ALL {
            writeln!($out, "{} {} {code:?}", stringify!($name), code.code()).unwrap();
            assert_eq!($name::from_code(code.code()), *code);
        }
    };
}

#[test]
fn every_failure_keeps_its_number() {
    let mut out = String::new();
    table!(out, ErrorCode);
    table!(out, RegistrationFailure);
    table!(out, LoginFailure);
    insta::assert_snapshot!(out);
}

#[test]
fn the_validated_codes_are_those_of_the_schema() {
    let schema = include_str!("../../proto/hushwire/v2/wire.proto");
    let in_schema = |prefix: &str| {
        let values = schema.lines().filter(|line| line.starts_with(&format!("  {prefix}_")));
        values.filter(|line| !line.contains("_UNSPECIFIED")).count()
    };
    assert_eq!(in_schema("ERROR_CODE"), ErrorCode::ALL.len());
    assert_eq!(in_schema("REGISTRATION_FAILURE"), RegistrationFailure::ALL.len());
    assert_eq!(in_schema("LOGIN_FAILURE"), LoginFailure::ALL.len());
    assert_eq!(in_schema("REPORT_REASON"), ReportReason::ALL.len());
    for code in ErrorCode::ALL {
        let name: String = format!("{code:?}")
            .chars()
            .flat_map(|c| c.is_uppercase().then_some('_').into_iter().chain([c.to_ascii_uppercase()]))
            .collect();
        assert!(schema.contains(&format!("  ERROR_CODE{name} = {};", code.code())), "{code:?}");
    }
}

#[test]
fn every_decode_error_has_its_answer() {
    let invalid = |fault| DecodeError::Invalid {
        request_id: Some(RequestId::FIRST),
        code: 829,
        invalid: Invalid { field: "body", fault },
    };
    let mut out = String::new();
    for error in [
        DecodeError::TooLarge { bytes: 80_000 },
        DecodeError::NotAFrame,
        invalid(Fault::Missing),
        invalid(Fault::Length),
        invalid(Fault::TooLarge),
        invalid(Fault::Value),
    ] {
        let answer = error.answer();
        let id = error.request_id().map_or(0, RequestId::number);
        writeln!(out, "{id} {:?} {}", answer.code, answer.text).unwrap();
    }
    insta::assert_snapshot!(out);
}
