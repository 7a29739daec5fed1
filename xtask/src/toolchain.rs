//! The oldest Rust that is promised is the one that everything is built with, so each run of CI holds the promise.

use anyhow::{Context, Result, bail};

use crate::run::root;

/// Checks the tree that this was built from.
pub(crate) fn check_tree() -> Result<()> {
    let read = |name: &str| -> Result<toml::Table> {
        let text = std::fs::read_to_string(root()?.join(name)).with_context(|| name.to_owned())?;
        text.parse().with_context(|| name.to_owned())
    };
    check(&read("Cargo.toml")?, &read("rust-toolchain.toml")?)
}

fn check(workspace: &toml::Table, toolchain: &toml::Table) -> Result<()> {
    let promised = || workspace.get("workspace")?.get("package")?.get("rust-version")?.as_str();
    let promised = promised().context("Cargo.toml has no workspace.package.rust-version")?;
    let built_with = || toolchain.get("toolchain")?.get("channel")?.as_str();
    let built_with = built_with().context("rust-toolchain.toml has no toolchain.channel")?;
    if built_with == promised || built_with.starts_with(&format!("{promised}.")) {
        return Ok(());
    }
    bail!(
        "Cargo.toml promises that Rust {promised} is enough (`rust-version`), but rust-toolchain.toml builds with {built_with}: \
         set both to the same"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(promised: &str, built_with: &str) -> Result<()> {
        let workspace = format!("[workspace.package]\nrust-version = \"{promised}\"").parse().unwrap();
        check(&workspace, &format!("[toolchain]\nchannel = \"{built_with}\"").parse().unwrap())
    }

    #[test]
    fn what_is_promised_is_what_is_built_with() {
        assert!(outcome("1.95", "1.95.0").is_ok());
        assert!(outcome("1.95.1", "1.95.1").is_ok());
        for other in ["1.96.0", "1.9.5", "1.950.0", "stable"] {
            let error = outcome("1.95", other).unwrap_err().to_string();
            assert!(error.contains("1.95") && error.contains(other), "{error}");
        }
    }

    #[test]
    fn the_tree_keeps_its_promise() {
        check_tree().unwrap();
    }
}
