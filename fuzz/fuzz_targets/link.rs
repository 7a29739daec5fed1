//! What two devices say to each other while one is linked.
#![no_main]

use hushwire_identity::linking::{Answer, Commitment, Offer};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(offer) = Offer::open(bytes, &Commitment::to(bytes)) {
        assert_eq!(offer.to_bytes(), bytes);
    }
    if let Ok(answer) = Answer::from_bytes(bytes) {
        assert_eq!(Answer::from_bytes(&answer.to_bytes()), Ok(answer));
    }
});
