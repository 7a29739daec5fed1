//! The bans of `deny.toml` that the programs stand and fall with, read from Cargo.lock, so that they hold also where
//! cargo-deny is not installed.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};

use crate::run::root;

/// Packages of which two versions in one program would be two states: SQLite's globals, the random pool of AWS-LC, the
/// serialised form of mls-rs.
const ONCE: [&str; 5] = ["libsqlite3-sys", "rusqlite", "aws-lc-sys", "mls-rs", "rustls"];
/// Who alone may depend on a package: SQLCipher brings OpenSSL's libcrypto, wire version 1 uses it for its signatures, and all
/// TLS is rustls.
const ONLY_FOR: [(&str, &[&str]); 3] = [
    ("openssl", &["hushwire-classic"]),
    ("openssl-sys", &["libsqlite3-sys", "openssl"]),
    ("openssl-src", &["openssl-sys"]),
];
/// Packages that never come in: other TLS stacks.
const NEVER: [&str; 1] = ["native-tls"];

/// Checks the lock file of the tree that this was built from.
pub(crate) fn check_tree() -> Result<()> {
    let text = std::fs::read_to_string(root()?.join("Cargo.lock")).context("Cargo.lock")?;
    let faults = faults(&text.parse().context("Cargo.lock")?);
    if !faults.is_empty() {
        bail!("Cargo.lock has what it must not have:\n  {}", faults.join("\n  "));
    }
    Ok(())
}

fn faults(lock: &toml::Table) -> Vec<String> {
    let packages: Vec<(&str, Vec<&str>)> = packages(lock);
    let mut versions: BTreeMap<&str, usize> = BTreeMap::new();
    for (name, _) in &packages {
        *versions.entry(name).or_default() += 1;
    }
    let count = |name: &str| versions.get(name).copied().unwrap_or_default();
    let mut faults: Vec<String> = ONCE
        .iter()
        .filter(|name| count(name) > 1)
        .map(|name| format!("{name} is there {} times", count(name)))
        .collect();
    faults.extend(NEVER.iter().filter(|name| count(name) > 0).map(|name| format!("{name} is there")));
    for (wanted, users) in ONLY_FOR {
        let others = packages.iter().filter(|(name, uses)| !users.contains(name) && uses.contains(&wanted));
        let users = users.join(" and ");
        faults.extend(others.map(|(name, _)| format!("{name} depends on {wanted}; only {users} may")));
    }
    faults
}

/// Each package's name and the names of its dependencies, which the file gives as `name` or `name version`.
fn packages(lock: &toml::Table) -> Vec<(&str, Vec<&str>)> {
    let list = lock.get("package").and_then(toml::Value::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter()
        .filter_map(|package| {
            let uses = package.get("dependencies").and_then(toml::Value::as_array);
            let uses = uses.map(Vec::as_slice).unwrap_or_default().iter().filter_map(toml::Value::as_str);
            let uses = uses.filter_map(|line| line.split_whitespace().next()).collect();
            Some((package.get("name")?.as_str()?, uses))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults_of(lock: &str) -> Vec<String> {
        faults(&lock.parse().unwrap())
    }

    fn package(name: &str, uses: &str) -> String {
        format!("[[package]]\nname = \"{name}\"\nversion = \"1.0.0\"\ndependencies = [{uses}]\n")
    }

    #[test]
    fn one_sqlite_with_its_openssl_is_fine() {
        let lock = package("libsqlite3-sys", "\"openssl-sys\"")
            + &package("openssl-sys", "\"openssl-src 3.0.0\"")
            + &package("openssl", "\"openssl-sys\"")
            + &package("hushwire-classic", "\"openssl\"");
        assert_eq!(faults_of(&lock), Vec::<String>::new());
    }

    #[test]
    fn a_second_sqlite_is_a_fault() {
        let lock = package("libsqlite3-sys", "") + &package("libsqlite3-sys", "");
        assert_eq!(faults_of(&lock), ["libsqlite3-sys is there 2 times"]);
    }

    #[test]
    fn openssl_for_anything_else_is_a_fault() {
        let lock = package("a", "\"openssl-sys\"") + &package("hushwire-server", "\"openssl\"");
        assert_eq!(faults_of(&lock).len(), 2);
    }
}
