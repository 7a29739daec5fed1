//! What happened: all of it as a hash, the end of it as lines.

use std::collections::VecDeque;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

/// Lines that a failing seed shows.
const SHOWN: usize = 4000;

/// The trace of one run.
pub(crate) struct Trace {
    hash: Sha256,
    count: u64,
    lines: VecDeque<String>,
}

impl Trace {
    pub(crate) fn new() -> Self {
        Self { hash: Sha256::new(), count: 0, lines: VecDeque::new() }
    }

    /// Something happened.
    pub(crate) fn note(&mut self, at: Duration, line: &str) {
        let line = format!("{:>9.3} {line}", at.as_secs_f64());
        self.hash.update(line.as_bytes());
        self.count = self.count.saturating_add(1);
        if self.lines.len() == SHOWN {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    /// These bytes arrived.
    pub(crate) fn frame(&mut self, bytes: &[u8]) {
        self.count = self.count.saturating_add(1);
        self.hash.update(bytes);
    }

    pub(crate) const fn count(&self) -> u64 {
        self.count
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.iter().cloned().collect()
    }

    pub(crate) fn hash(&self) -> [u8; 32] {
        self.hash.clone().finalize().into()
    }
}
