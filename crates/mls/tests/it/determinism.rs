//! The same seed gives the same bytes.

use hushwire_mls::Intent;

use crate::support::{World, commit};

fn run(seed: u64) -> (Vec<u8>, Vec<u8>) {
    let (mut alice, mut bob, mut phone, mut server) = World::new(seed).trio();
    let staged = commit(&mut server, &mut bob, &mut [&mut alice, &mut phone], &Intent::Refresh);
    (staged.bytes, alice.encrypt("hello"))
}

#[test]
fn a_seed_decides_every_message() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let (first, second, other) = pool.install(|| (run(1), run(1), run(2)));
    assert_eq!(first, second);
    assert_ne!(first, other);
}
