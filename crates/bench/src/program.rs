//! What the programs of this crate have in common: where they work, how they print, how they end.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use tempfile::TempDir;

use crate::table::Figure;

/// How figures are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// A line of a table each, for people.
    Table,
    /// A JSON object a line, for scripts.
    Json,
}

impl Output {
    /// JSON where it was asked for.
    #[must_use]
    pub const fn of(json: bool) -> Self {
        if json { Self::Json } else { Self::Table }
    }

    /// Prints figures.
    #[allow(clippy::print_stdout, reason = "this is how the programs print")]
    pub fn print(self, figures: &[Figure]) {
        for figure in figures {
            match self {
                Self::Table => println!("{}", figure.line()),
                Self::Json => println!("{}", figure.json()),
            }
        }
    }
}

/// A folder of its own inside the one that was named, or where the system has such folders; it goes when this is dropped.
///
/// # Errors
/// It cannot be made.
pub fn workplace(inside: Option<&Path>) -> Result<TempDir> {
    Ok(match inside {
        Some(folder) => tempfile::tempdir_in(folder)?,
        None => tempfile::tempdir()?,
    })
}

/// Ends a program: well where it says so, else with an error that is printed.
#[must_use]
pub fn end(outcome: Result<bool>) -> ExitCode {
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
