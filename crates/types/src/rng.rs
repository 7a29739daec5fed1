//! Randomness as an argument.

use std::sync::Arc;

/// A source of bytes fit for keys. Shared between threads, so `fill` takes `&self`.
pub trait Entropy: Send + Sync {
    /// Overwrites all of `out` with random bytes.
    fn fill(&self, out: &mut [u8]);
}

impl<T: Entropy + ?Sized> Entropy for Arc<T> {
    fn fill(&self, out: &mut [u8]) {
        (**self).fill(out);
    }
}

impl<T: Entropy + ?Sized> Entropy for &T {
    fn fill(&self, out: &mut [u8]) {
        (**self).fill(out);
    }
}

/// `N` random bytes.
#[must_use]
pub fn bytes<const N: usize>(entropy: &dyn Entropy) -> [u8; N] {
    let mut out = [0; N];
    entropy.fill(&mut out);
    out
}

/// A number below `bound`, unbiased; 0 where `bound` is 0.
#[must_use]
pub fn below(entropy: &dyn Entropy, bound: u64) -> u64 {
    if bound == 0 {
        return 0;
    }
    let zone = u64::MAX - u64::MAX % bound;
    loop {
        let value = u64::from_le_bytes(bytes(entropy));
        if value < zone {
            return value % bound;
        }
    }
}

/// The operating system's generator.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    #[allow(clippy::disallowed_methods, reason = "this is the one place that asks the machine")]
    /// Ends the process where the operating system has no randomness: nothing safe can be done without.
    fn fill(&self, out: &mut [u8]) {
        if getrandom::fill(out).is_err() {
            std::process::abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting(std::sync::atomic::AtomicU8);

    impl Entropy for Counting {
        fn fill(&self, out: &mut [u8]) {
            out.fill(self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        }
    }

    #[test]
    fn below_stays_below() {
        let entropy = Counting(0.into());
        assert!((0..600).all(|_| below(&entropy, 7) < 7));
        assert_eq!(below(&entropy, 0), 0);
    }

    #[test]
    fn the_system_gives_different_bytes() {
        assert_ne!(bytes::<32>(&OsEntropy), bytes::<32>(&OsEntropy));
    }
}
