//! Hushwire's client.

use std::process::ExitCode;

fn main() -> ExitCode {
    hushwire_cli::main()
}
