//! `cargo xtask check-layout`: the crates' dependencies against the crate table, and the two rules that the table
//! alone cannot say.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};
use cargo_metadata::{DependencyKind, MetadataCommand};

use crate::run::root;
use crate::table::Table;

/// Only these name mls-rs, so that the choice of it can be revisited, and `bench`, which measures it beside ours.
const MAY_NAME_MLS_RS: [&str; 4] = ["suite", "group-policy", "mls", "bench"];
/// The server's crates …
const SERVER_SIDE: [&str; 5] = ["server-store", "server-store-sqlite", "delivery", "server", "apps/hushd"];
/// … which never reach these: a server has no plaintext to handle.
const CLIENT_SIDE: [&str; 7] = ["mls", "content", "client-store", "engine", "client", "rpc", "cli"];

/// A crate of the workspace, as its manifest has it.
#[derive(Debug, Clone)]
pub(crate) struct Manifest {
    /// Its name in the table.
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Debug, Clone)]
struct Dependency {
    /// The table's name of a crate of ours, else the package's name.
    name: String,
    is_ours: bool,
    for_tests: bool,
}

/// Checks the tree that this was built from.
pub(crate) fn check_tree() -> Result<()> {
    let root = root()?;
    let page = std::fs::read_to_string(root.join("ARCHITECTURE.md")).context("ARCHITECTURE.md")?;
    let table = Table::parse(&page).context("ARCHITECTURE.md")?;
    let faults = faults(&table, &manifests()?);
    if !faults.is_empty() {
        bail!("the crates differ from the table in ARCHITECTURE.md:\n  {}", faults.join("\n  "));
    }
    eprintln!("{} crates depend on each other as ARCHITECTURE.md says", table.crates().count());
    Ok(())
}

fn manifests() -> Result<Vec<Manifest>> {
    let metadata = MetadataCommand::new().manifest_path(root()?.join("Cargo.toml")).no_deps().exec()?;
    let folders: BTreeMap<&str, String> = metadata
        .packages
        .iter()
        .map(|package| {
            let folder = package.manifest_path.parent().unwrap_or(&package.manifest_path);
            let inside = folder.strip_prefix(&metadata.workspace_root).unwrap_or(folder);
            let name = inside.as_str().strip_prefix("crates/").unwrap_or(inside.as_str());
            (package.name.as_str(), name.to_owned())
        })
        .collect();
    let manifests = metadata.packages.iter().map(|package| Manifest {
        name: folders.get(package.name.as_str()).cloned().unwrap_or_default(),
        dependencies: package
            .dependencies
            .iter()
            .map(|dependency| Dependency {
                name: folders.get(dependency.name.as_str()).unwrap_or(&dependency.name).clone(),
                is_ours: folders.contains_key(dependency.name.as_str()),
                for_tests: dependency.kind == DependencyKind::Development,
            })
            .collect(),
    });
    Ok(manifests.collect())
}

/// Everything that is wrong, a sentence each.
fn faults(table: &Table, manifests: &[Manifest]) -> Vec<String> {
    let mut faults = table.faults();
    let exists = |name: &str| manifests.iter().any(|manifest| manifest.name == name);
    faults.extend(
        table
            .crates()
            .filter(|name| !exists(name))
            .map(|name| format!("`{name}` has a row and does not exist")),
    );
    for manifest in manifests {
        if !table.has(&manifest.name) {
            faults.push(format!("`{}` has no row", manifest.name));
        }
        faults.extend(manifest.dependencies.iter().filter_map(|to| arrow_fault(table, manifest, to)));
    }
    faults.extend(server_faults(manifests));
    faults
}

fn arrow_fault(table: &Table, from: &Manifest, to: &Dependency) -> Option<String> {
    let arrow = format!("`{}` depends on `{}`", from.name, to.name);
    if to.name.starts_with("mls-rs") && !MAY_NAME_MLS_RS.contains(&from.name.as_str()) {
        return Some(format!("{arrow}; only {MAY_NAME_MLS_RS:?} may"));
    }
    // A crate's tests may ask for a feature of the crate itself.
    let is_itself = to.name == from.name && to.for_tests;
    let in_tests = to.for_tests && table.allows_tests(&from.name, &to.name);
    if !to.is_ours || is_itself || in_tests || table.allows(&from.name, &to.name) {
        return None;
    }
    if table.is_dev_only(&to.name) {
        return (!to.for_tests).then(|| format!("{arrow}, which is for tests only"));
    }
    Some(format!("{arrow}, which its row does not have"))
}

/// What the server side reaches in what is shipped, along the arrows that are there.
fn server_faults(manifests: &[Manifest]) -> Vec<String> {
    let mut faults = Vec::new();
    for server in SERVER_SIDE {
        let reached = reached_from(server, manifests);
        for client in CLIENT_SIDE.iter().filter(|client| reached.contains(**client)) {
            faults.push(format!("`{server}` reaches `{client}`; the server side never may"));
        }
    }
    faults
}

fn reached_from<'a>(from: &'a str, manifests: &'a [Manifest]) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open = vec![from];
    while let Some(name) = open.pop() {
        let dependencies = manifests.iter().filter(|manifest| manifest.name == name);
        for to in dependencies.flat_map(|manifest| &manifest.dependencies) {
            if to.is_ours && !to.for_tests && reached.insert(to.name.as_str()) {
                open.push(&to.name);
            }
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "\
| crate | depends on |
| --- | --- |
| `types` | nothing of ours |
| `suite` | `types` |
| `content` | `types` |
| `server` | `suite` |
| `engine` | `content` |
| `testkit` | anything; dev only |
";

    /// `name: to to/dev …`; names that begin with `mls-rs` or `serde` are not ours.
    fn manifest(line: &str) -> Manifest {
        let (name, rest) = line.split_once(':').unwrap();
        let dependencies = rest.split_whitespace().map(|word| {
            let (name, for_tests) = word.strip_suffix("/dev").map_or((word, false), |name| (name, true));
            let is_ours = !name.starts_with("mls-rs") && !name.starts_with("serde");
            Dependency { name: name.to_owned(), is_ours, for_tests }
        });
        Manifest { name: name.to_owned(), dependencies: dependencies.collect() }
    }

    /// The faults of the tree of [`PAGE`] after the manifests of `changed` took the place of those with their name.
    fn faults_with(changed: &[&str]) -> Vec<String> {
        let lines = [
            "types: serde",
            "suite: types mls-rs",
            "content: types",
            "server: suite types",
            "engine: content",
            "testkit: engine server",
        ];
        let mut manifests: Vec<Manifest> = lines.into_iter().map(manifest).collect();
        for line in changed {
            let new = manifest(line);
            manifests.retain(|old| old.name != new.name);
            manifests.push(new);
        }
        faults(&Table::parse(PAGE).unwrap(), &manifests)
    }

    #[test]
    fn a_tree_like_its_table_has_no_fault() {
        assert_eq!(faults_with(&[]), Vec::<String>::new());
    }

    #[test]
    fn an_arrow_that_the_table_does_not_have_is_a_fault() {
        assert_eq!(faults_with(&["suite: content"]).len(), 2, "the arrow, and what the server reaches by it");
        assert_eq!(
            faults_with(&["content: suite/dev"]),
            ["`content` depends on `suite`, which its row does not have"]
        );
    }

    #[test]
    fn a_crate_without_a_row_is_a_fault() {
        assert_eq!(faults_with(&["extra: serde"]), ["`extra` has no row"]);
    }

    #[test]
    fn a_row_without_a_crate_is_a_fault() {
        let manifests = [manifest("types:")];
        assert_eq!(faults(&Table::parse(PAGE).unwrap(), &manifests).len(), 5);
    }

    #[test]
    fn only_three_crates_name_mls_rs() {
        assert_eq!(faults_with(&["engine: content mls-rs-core"]).len(), 1);
        assert_eq!(faults_with(&["engine: content mls-rs/dev"]).len(), 1);
    }

    #[test]
    fn the_server_side_reaches_no_client_crate() {
        let faults = faults_with(&["server: engine"]);
        assert!(faults.iter().any(|fault| fault.contains("`server` reaches `engine`")));
        assert!(faults.iter().any(|fault| fault.contains("`server` reaches `content`")));
    }

    #[test]
    fn what_is_for_tests_is_used_by_tests_only() {
        assert_eq!(faults_with(&["engine: content testkit/dev"]), Vec::<String>::new());
        assert_eq!(faults_with(&["engine: content testkit"]).len(), 1);
    }
    #[test]
    fn a_crate_may_depend_on_itself_for_its_tests() {
        assert_eq!(faults_with(&["engine: content engine/dev"]), Vec::<String>::new());
        assert_eq!(faults_with(&["engine: content engine"]).len(), 1);
    }
}
