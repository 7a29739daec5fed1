//! `cargo xtask coverage`: how many lines of each library are run by its tests and those of the other measured ones.
//!
//! Only crates whose tests start no process are measured, because what a killed process ran is lost. Test code is not counted.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::run::{cargo, has_cargo_tool, root, step, target};

/// The crates that are measured, by their folders under `crates/`.
const CRATES: [&str; 15] = [
    "types",
    "wire",
    "content",
    "identity",
    "suite",
    "group-policy",
    "mls",
    "backup",
    "client-store",
    "server-store",
    "server-store-sqlite",
    "delivery",
    "classic",
    "picture",
    "engine",
];

/// What to measure.
#[derive(Args)]
pub(crate) struct Options {
    /// Only these packages, such as hushwire-wire, by their own tests alone; may be given several times.
    #[arg(long)]
    package: Vec<String>,
}

/// Lines of a crate that its tests can reach.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Lines {
    run: u32,
    all: u32,
}

/// Measures, and prints the table.
pub(crate) fn run(options: &Options) -> Result<()> {
    if !has_cargo_tool("tarpaulin") {
        bail!("cargo-tarpaulin is missing: cargo install --locked cargo-tarpaulin");
    }
    // What is built for it has other flags, so it gets a folder of its own.
    let out = target()?.join("coverage");
    let packages: Vec<String> = if options.package.is_empty() {
        CRATES.iter().map(|name| format!("hushwire-{name}")).collect()
    } else {
        options.package.clone()
    };
    let mut command =
        cargo("tarpaulin --engine llvm --skip-clean --locked --timeout 1200 --out Lcov --packages")?;
    command.args(&packages).arg("--target-dir").arg(&out).arg("--output-dir").arg(&out);
    step(&mut command)?;
    let report = out.join("lcov.info");
    let text = std::fs::read_to_string(&report).with_context(|| report.display().to_string())?;
    let table = by_crate(&text, &root()?.join("crates"));
    let measured = |name: &&String| packages.contains(&format!("hushwire-{name}"));
    print(table.iter().filter(|(name, _)| measured(name)));
    Ok(())
}

/// The lines of a report in lcov's format, by the folder under `crates` that they are in.
fn by_crate(lcov: &str, crates: &Path) -> BTreeMap<String, Lines> {
    let mut table: BTreeMap<String, Lines> = BTreeMap::new();
    let mut current = None;
    for line in lcov.lines() {
        if let Some(file) = line.strip_prefix("SF:") {
            current = folder(Path::new(file), crates);
        } else if let (Some(name), Some(hits)) = (&current, hits(line)) {
            let lines = table.entry(name.clone()).or_default();
            lines.all += 1;
            lines.run += u32::from(hits > 0);
        }
    }
    table
}

/// The crate that a file is a source of; none for tests and for what is not ours.
fn folder(file: &Path, crates: &Path) -> Option<String> {
    let mut parts =
        file.strip_prefix(crates).ok()?.components().map(|part| part.as_os_str().to_string_lossy());
    let name = parts.next()?;
    (parts.next()? == "src").then(|| name.into_owned())
}

/// How often a line ran: `DA:<line>,<hits>`.
fn hits(line: &str) -> Option<u64> {
    line.strip_prefix("DA:")?.split(',').nth(1)?.parse().ok()
}

fn print<'a>(rows: impl Iterator<Item = (&'a String, &'a Lines)>) {
    println!("| crate | lines | run | of 100 |\n| --- | ---: | ---: | ---: |");
    let mut sum = Lines::default();
    for (name, lines) in rows {
        row(&format!("`{name}`"), *lines);
        sum = Lines { run: sum.run + lines.run, all: sum.all + lines.all };
    }
    row("all", sum);
}

fn row(name: &str, Lines { run, all }: Lines) {
    println!("| {name} | {all} | {run} | {:.1} |", 100.0 * f64::from(run) / f64::from(all.max(1)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_count_for_the_crate_whose_source_they_are_in() {
        let report = "TN:\nSF:/here/crates/wire/src/frame.rs\nDA:1,0\nDA:2,7\nLF:2\nLH:1\nend_of_record\n\
            SF:/here/crates/wire/src/scan.rs\nDA:4,1\nend_of_record\n\
            SF:/here/crates/wire/tests/it/main.rs\nDA:1,1\nend_of_record\n\
            SF:/elsewhere/src/lib.rs\nDA:1,1\nend_of_record\n";
        let table = by_crate(report, Path::new("/here/crates"));
        assert_eq!(table, [("wire".to_owned(), Lines { run: 2, all: 3 })].into());
    }
}
