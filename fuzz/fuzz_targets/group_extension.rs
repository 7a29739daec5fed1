//! The GroupContext extension. Whatever is read is what would have been written.
#![no_main]

use hushwire_group_policy::GroupExtension;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(extension) = GroupExtension::decode(bytes) {
        assert_eq!(extension.encode(), bytes);
    }
});
