//! MLS ciphersuite 0x004E as an mls-rs provider.
