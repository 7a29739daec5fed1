//! Randomness that a seed decides.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use hushwire_types::{Entropy, rng};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng as _, SeedableRng as _};

/// The same bytes in the same order for the same seed, whoever asks.
pub struct SeededEntropy(Mutex<ChaCha8Rng>);

impl SeededEntropy {
    /// One of many independent streams of a seed.
    #[must_use]
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        generator.set_stream(stream);
        Self(Mutex::new(generator))
    }

    /// A number below `bound`; 0 where that is 0.
    #[must_use]
    pub fn below(&self, bound: u64) -> u64 {
        rng::below(self, bound)
    }

    /// A number between both, `from` included.
    #[must_use]
    pub fn between(&self, from: u64, to: u64) -> u64 {
        from.saturating_add(self.below(to.saturating_sub(from)))
    }

    /// Whether something happens that happens so often in a thousand.
    #[must_use]
    pub fn happens(&self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, out: &mut [u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(out);
    }
}

impl fmt::Debug for SeededEntropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SeededEntropy")
    }
}
