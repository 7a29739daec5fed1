//! Whatever is encoded decodes to the same value.

use hushwire_wire::frame::{self, ClientFrame, RequestId, ServerFrame};
use proptest::prelude::*;

use crate::strategies;

fn request_id() -> impl Strategy<Value = RequestId> {
    (1_u64..).prop_map(|number| RequestId::new(number).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn every_request_round_trips(request_id in request_id(), request in strategies::request()) {
        let encoded = frame::encode_client(request_id, &request).unwrap();
        prop_assert_eq!(frame::decode_client(encoded), Ok(ClientFrame::Request { request_id, request }));
    }

    #[test]
    fn every_response_round_trips(
        request_id in prop::option::of(request_id()),
        response in strategies::response(),
    ) {
        let encoded = frame::encode_server(request_id, &response).unwrap();
        prop_assert_eq!(frame::decode_server(encoded), Ok(ServerFrame { request_id, response }));
    }
}
