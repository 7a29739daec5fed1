//! The plaintext of an application message. Whatever is read can be written again and is then the same.
#![no_main]

use hushwire_content::{Content, Encoded, Kind};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = Content::decode(bytes);
    // Nearly no input ends in padding, so the content is read on its own too.
    let Ok(content) = Encoded::from_row(bytes.to_vec()).decode() else { return };
    if content.kind != Kind::Unknown
        && let Ok(padded) = content.encode_padded()
    {
        assert_eq!(Content::decode(&padded).map(|(content, _)| content), Ok(content));
    }
});
