//! A wrong clock and a full disk for one process, by a small library in C that is loaded before the system's.

use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

pub(crate) struct Faults {
    folder: TempDir,
}

impl Faults {
    pub(crate) fn new() -> Self {
        let faults = Self { folder: tempfile::tempdir().unwrap() };
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/support/fault.c");
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-O1", "-o"]).arg(faults.library()).args([source, "-ldl"]);
        assert!(compiler.status().unwrap().success(), "the C compiler fails");
        faults
    }

    /// What the process must find in its environment.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        let path = |path: PathBuf| path.display().to_string();
        vec![
            ("LD_PRELOAD".to_owned(), path(self.library())),
            ("HUSH_TEST_CLOCK".to_owned(), path(self.clock())),
            ("HUSH_TEST_FULL_DISK".to_owned(), path(self.full_disk())),
        ]
    }

    /// From now on the clock is wrong by so many seconds.
    pub(crate) fn set_clock(&self, offset_s: i64) {
        // In one step, so that no process reads half of it.
        let draft = self.folder.path().join("draft");
        std::fs::write(&draft, offset_s.to_string()).unwrap();
        std::fs::rename(draft, self.clock()).unwrap();
    }

    /// From now on no file can be written to.
    pub(crate) fn fill_disk(&self) {
        std::fs::write(self.full_disk(), "").unwrap();
    }

    pub(crate) fn clear_disk(&self) {
        std::fs::remove_file(self.full_disk()).unwrap();
    }

    fn library(&self) -> PathBuf {
        self.folder.path().join("fault.so")
    }

    fn clock(&self) -> PathBuf {
        self.folder.path().join("clock")
    }

    fn full_disk(&self) -> PathBuf {
        self.folder.path().join("full")
    }
}
