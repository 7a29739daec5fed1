//! Running of other programs: what runs is shown, and a failure says what failed.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

/// The root of the repository, whatever folder the task was called from.
pub(crate) fn root() -> Result<PathBuf> {
    // As cargo runs it, not as it was built: a target folder may have come from another checkout.
    let here = std::env::var_os("CARGO_MANIFEST_DIR");
    let here = here.map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    Ok(here.parent().context("xtask has no parent folder")?.to_path_buf())
}

/// The folder that cargo builds into.
pub(crate) fn target() -> Result<PathBuf> {
    Ok(std::env::var_os("CARGO_TARGET_DIR").map_or(root()?.join("target"), Into::into))
}

/// `cargo` as rustup has it, so that `+nightly` works, with `words` as its arguments.
pub(crate) fn cargo(words: &str) -> Result<Command> {
    let mut command = Command::new("cargo");
    command.args(words.split_whitespace()).current_dir(root()?);
    Ok(command)
}

/// Runs a command to its end under a heading.
pub(crate) fn step(command: &mut Command) -> Result<()> {
    let words: Vec<_> = std::iter::once(command.get_program()).chain(command.get_args()).collect();
    let line = words.join(std::ffi::OsStr::new(" ")).to_string_lossy().into_owned();
    heading(&line);
    let status = command.status().with_context(|| format!("`{line}` cannot be started"))?;
    if !status.success() {
        bail!("`{line}` failed ({status})");
    }
    Ok(())
}

/// A line that stands out between the outputs of programs.
pub(crate) fn heading(line: &str) {
    eprintln!("\n==> {line}");
}

/// Whether `cargo <tool>` is installed.
pub(crate) fn has_cargo_tool(tool: &str) -> bool {
    has_program(&format!("cargo-{tool}"))
}

/// Whether a program is on the path.
pub(crate) fn has_program(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}
