//! Hushwire's server.

fn main() {}
