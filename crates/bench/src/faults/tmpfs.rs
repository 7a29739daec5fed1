//! A small disk that is really full: a tmpfs under the data folder of a hushd (Linux, as root).

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

/// How large it is: far less than the 64 MB of write-ahead log that hushd takes on a large disk.
const MEGABYTES: u32 = 8;

/// A mounted disk. It is gone when this is dropped.
pub(super) struct Tmpfs {
    folder: PathBuf,
}

impl Tmpfs {
    /// Mounts one on a folder; none where this machine does not let this process do that.
    pub(super) fn mount(folder: &Path) -> Option<Self> {
        if !cfg!(target_os = "linux") {
            return None;
        }
        let size = format!("size={MEGABYTES}m");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &size, "hushwire-faults"]).arg(folder);
        let mounted = mount.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        mounted.is_ok_and(|status| status.success()).then(|| Self { folder: folder.to_owned() })
    }

    /// Fills it to its last page. How many bytes that took.
    pub(super) fn fill(&self) -> Result<u64> {
        let mut file = File::create(self.filler()).context("a file on the tmpfs")?;
        let (piece, mut bytes) = ([0x55; 4_096], 0);
        // The server writes meanwhile, and gives room back too; what it gives back is taken in the next round.
        loop {
            match file.write(&piece) {
                Ok(0) | Err(_) => return Ok(bytes),
                Ok(count) => bytes += count as u64,
            }
        }
    }

    /// There is room again.
    pub(super) fn clear(&self) -> Result<()> {
        Ok(fs::remove_file(self.filler())?)
    }

    fn filler(&self) -> PathBuf {
        self.folder.join("filler")
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        // Lazily, as a process that was killed may not be quite gone.
        let _ = Command::new("umount").arg("--lazy").arg(&self.folder).status();
    }
}
