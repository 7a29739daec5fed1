//! Data on standard output, talk on standard error.
//!
//! A reader that goes away ends the program quietly, as in any pipe: a write that fails is not a panic.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use crate::args::Global;
use crate::words::{DIM, Words};

/// How output is shaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Lines,
    Json,
}

/// Where a command's words go.
pub(crate) struct Say {
    shape: Shape,
    quiet: bool,
    words: Words,
}

/// Standard output is closed: whoever read it has gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NobodyReads;

impl Say {
    pub(crate) fn new(global: &Global) -> Self {
        let shape = if global.json { Shape::Json } else { Shape::Lines };
        Self { shape, quiet: global.quiet, words: Words::of_standard_output() }
    }

    /// How messages are written.
    pub(crate) const fn words(&self) -> Words {
        self.words
    }

    /// One datum: `json` as one line, or `line` for people.
    pub(crate) fn data(
        &self,
        json: &impl Serialize,
        line: impl FnOnce() -> String,
    ) -> Result<(), NobodyReads> {
        let mut text = match self.shape {
            Shape::Json => serde_json::to_string(json).unwrap_or_default(),
            Shape::Lines => line(),
        };
        text.push('\n');
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|_| NobodyReads)
    }

    /// A word to the person.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            let _ = writeln!(std::io::stderr(), "{text}");
        }
    }

    /// Whether a person looks who has not asked for quiet.
    pub(crate) fn is_watched(&self) -> bool {
        self.shape == Shape::Lines && !self.quiet && std::io::stdout().is_terminal()
    }

    /// A word to whoever looks that matters for a moment only.
    pub(crate) fn aside(&self, text: &str) {
        if self.is_watched() {
            // Where standard error is no terminal, or wants no colours, the style is left out.
            let _ = writeln!(anstream::stderr(), "{DIM}{text}{DIM:#}");
        }
    }

    /// A word that no `--quiet` silences.
    pub(crate) fn warn(text: &str) {
        let _ = writeln!(std::io::stderr(), "hush: {text}");
    }

    /// Shows on a terminal what is waited for, until the value is dropped.
    pub(crate) fn waiting(&self, for_what: &str) -> Waiting {
        if self.quiet || !std::io::stderr().is_terminal() {
            return Waiting(None);
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
            bar.set_style(style);
        }
        bar.set_message(for_what.to_owned());
        bar.enable_steady_tick(Duration::from_millis(120));
        Waiting(Some(bar))
    }
}

/// Something that is waited for.
pub(crate) struct Waiting(Option<ProgressBar>);

impl Waiting {
    /// Says how it goes on.
    pub(crate) fn say(&self, what: &str) {
        if let Some(bar) = &self.0 {
            bar.set_message(what.to_owned());
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
