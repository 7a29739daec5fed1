//! Why a seed, or what a fuzzer found, failed.

use std::fmt;

/// What did not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Failure {
    seed: Option<u64>,
    what: String,
    lines: Vec<String>,
}

impl Failure {
    /// A failure with one sentence.
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self { seed: None, what: what.into(), lines: Vec::new() }
    }

    pub(crate) fn with(self, seed: u64, lines: Vec<String>) -> Self {
        Self { seed: Some(seed), lines, ..self }
    }

    /// The same after these things happened.
    pub(crate) fn after(self, lines: Vec<String>) -> Self {
        Self { lines, ..self }
    }

    /// What did not hold.
    #[must_use]
    pub fn what(&self) -> &str {
        &self.what
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.lines {
            writeln!(f, "{line}")?;
        }
        match self.seed {
            Some(seed) => write!(f, "seed {seed}: {}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

/// Turns whatever fails into a [`Failure`] that says who was doing what.
pub(crate) trait OrFail<T> {
    fn or_fail(self, doing: impl fmt::Display) -> Result<T, Failure>;
}

impl<T, E: fmt::Display> OrFail<T> for Result<T, E> {
    fn or_fail(self, doing: impl fmt::Display) -> Result<T, Failure> {
        self.map_err(|error| Failure::new(format!("{doing}: {error}")))
    }
}

impl<T> OrFail<T> for Option<T> {
    fn or_fail(self, doing: impl fmt::Display) -> Result<T, Failure> {
        self.ok_or_else(|| Failure::new(format!("{doing}: it is not there")))
    }
}
