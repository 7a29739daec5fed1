//! The other program: cargo builds `hush` for these tests, but not `hushd`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::SystemTime;

/// Crates that are not in `hushd`: when they change, cargo leaves it as it is.
const CLIENT_SIDE: [&str; 9] =
    ["backup", "cli", "client", "client-store", "content", "engine", "mls", "rpc", "testkit"];

/// `hushd`, beside `hush` and not older than any source.
pub(crate) fn hushd() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        let hush = Path::new(env!("CARGO_BIN_EXE_hush"));
        let hushd = hush.with_file_name("hushd");
        if changed(&hushd).is_none_or(|built| newest_source() > built) {
            build(hush);
        }
        assert!(hushd.exists(), "cargo built no {}", hushd.display());
        hushd
    })
}

fn build(hush: &Path) {
    let profile_folder = hush.parent().unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "-p", "hushd", "--target-dir"]).arg(profile_folder.parent().unwrap());
    if profile_folder.ends_with("release") {
        cargo.arg("--release");
    }
    assert!(cargo.current_dir(root()).status().unwrap().success(), "hushd does not build");
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn changed(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}

fn newest_source() -> SystemTime {
    let mut newest = SystemTime::UNIX_EPOCH;
    let mut folders = vec![root().join("crates"), root().join("apps/hushd")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                let name = entry.file_name();
                if name != "tests" && !CLIENT_SIDE.iter().any(|other| name == *other) {
                    folders.push(entry.path());
                }
            } else if let Some(time) = changed(&entry.path()) {
                newest = newest.max(time);
            }
        }
    }
    newest
}
