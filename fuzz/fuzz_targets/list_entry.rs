//! An entry of a device list, alone and offered to a list.
#![no_main]

use std::sync::LazyLock;

use hushwire_identity::{DeviceList, UnverifiedEntry};
use libfuzzer_sys::fuzz_target;

/// A list of one device, which the seeds of this target extend.
static LIST: LazyLock<DeviceList> = LazyLock::new(|| {
    DeviceList::verify(
        include_bytes!("../corpus/genesis/genesis"),
        [include_bytes!("../corpus/list_entry/first").as_slice()],
    )
    .expect("the seeds are a list")
});

fuzz_target!(|bytes: &[u8]| {
    if let Ok(entry) = UnverifiedEntry::decode(bytes) {
        assert_eq!(entry.as_bytes(), bytes);
    }
    let mut list = LIST.clone();
    if list.append(bytes).is_err() {
        assert_eq!(list.head(), LIST.head());
    }
});
