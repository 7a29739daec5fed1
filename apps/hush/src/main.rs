//! Hushwire's client.

fn main() {}
