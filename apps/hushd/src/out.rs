//! Standard output, where what an operator asks for goes.

use std::fmt::Arguments;
use std::io::{ErrorKind, Write};

/// Prints a line. Where the reader has gone, as in `hushd user list | head`, the program has done its work and ends.
pub(crate) fn line(words: Arguments<'_>) {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{words}").and_then(|()| out.flush()) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => {
            eprintln!("hushd: standard output cannot be written: {error}");
            std::process::exit(1);
        }
    }
}
