//! The suite against the draft's published vectors, and its own promises about randomness and bad keys.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, its helpers too"
)]

mod hpke;
mod x_wing;

use std::sync::{Arc, Mutex};

use hushwire_types::Entropy;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

/// Randomness that repeats for a seed.
struct Seeded(Mutex<ChaCha20Rng>);

impl Entropy for Seeded {
    fn fill(&self, out: &mut [u8]) {
        self.0.lock().unwrap().fill_bytes(out);
    }
}

fn seeded(seed: u64) -> Arc<dyn Entropy> {
    Arc::new(Seeded(Mutex::new(ChaCha20Rng::seed_from_u64(seed))))
}
