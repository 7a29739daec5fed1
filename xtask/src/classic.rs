//! Wire version 1 against an independent implementation: Python with the `cryptography` package, in a virtual environment that
//! is made once, in the user's cache.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::run::{cargo, has_program, heading, root, step, target};

/// The package that the original uses.
const PACKAGE: &str = "cryptography>=42";

/// Builds both programs and lets the peers of `crates/classic/tests/peer` at them. Where there is no Python this is left out,
/// unless `all_tools`.
pub(crate) fn cross_check(all_tools: bool) -> Result<()> {
    let python = match python() {
        Ok(python) => python,
        Err(error) if all_tools => return Err(error),
        Err(error) => {
            heading(&format!("left out: wire version 1 against Python ({error:#})"));
            return Ok(());
        }
    };
    step(&mut cargo("build --locked -p hush -p hushd")?)?;
    let script = root()?.join("crates/classic/tests/peer/cross.py");
    let built = target()?.join("debug");
    let programs = ["hushd", "hush"].map(|name| built.join(name));
    step(Command::new(python).arg(script).args(programs).current_dir(root()?))
}

/// A Python with the package, in a virtual environment of its own that is made where it is not there yet.
pub(crate) fn python() -> Result<PathBuf> {
    let folder = cache()?.join("classic-peer");
    let python = folder.join("bin/python");
    if !python.exists() {
        if !has_program("python3") {
            bail!("python3 is missing");
        }
        prepare(&folder).with_context(|| format!("no virtual environment with {PACKAGE}"))?;
    }
    Ok(python)
}

/// Hushwire's folder in the user's cache.
fn cache() -> Result<PathBuf> {
    let from = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let caches = from("XDG_CACHE_HOME").or_else(|| from("HOME").map(|home| home.join(".cache")));
    Ok(caches.context("HOME is not set")?.join("hushwire"))
}

fn prepare(folder: &std::path::Path) -> Result<()> {
    // Made aside, so that one that was cut off is not taken for a whole one.
    let aside = folder.with_extension("new");
    step(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&aside))?;
    step(Command::new(aside.join("bin/python")).args(["-m", "pip", "install", "--quiet", PACKAGE]))?;
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    Ok(std::fs::rename(aside, folder)?)
}
