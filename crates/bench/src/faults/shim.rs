//! A disk and a clock that lie: a small library that is loaded before the C library of a hushd (Linux, with a C compiler).

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// What can be wrong with a machine, each as long as it is switched on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    /// The disk is full.
    Full,
    /// One in four syncs fails, and what it should have kept is gone.
    IoError,
    /// Each sync takes half a second.
    Stall,
    /// The power is lost: an arbitrary part of what was not synced is kept, and the process ends.
    Power,
}

impl Wrong {
    const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::IoError => "io-error",
            Self::Stall => "stall",
            Self::Power => "power",
        }
    }
}

/// The library, and the folder whose files switch it.
pub struct Shim {
    folder: tempfile::TempDir,
}

impl Shim {
    /// Compiles it; none where there is no C compiler or no Linux.
    ///
    /// # Errors
    /// The compiler refuses.
    pub fn build() -> Result<Option<Self>> {
        let compiler = Command::new("cc").arg("--version").output();
        if !cfg!(target_os = "linux") || compiler.is_err() {
            return Ok(None);
        }
        let folder = tempfile::tempdir()?;
        let source = folder.path().join("shim.c");
        fs::write(&source, include_str!("shim.c"))?;
        let shim = Self { folder };
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .arg(shim.library())
            .arg(&source)
            .args(["-ldl", "-lpthread"])
            .status()
            .context("cc")?;
        ensure!(compiled.success(), "the fault library cannot be compiled");
        Ok(Some(shim))
    }

    /// What a hushd is started with. `seed` decides what is lost.
    #[must_use]
    pub fn environment(&self, seed: u64) -> Vec<(OsString, OsString)> {
        [
            ("LD_PRELOAD", self.library().into_os_string()),
            ("HUSH_FAULTS", self.folder.path().as_os_str().to_owned()),
            ("HUSH_FAULTS_SEED", seed.to_string().into()),
        ]
        .map(|(name, value)| (name.into(), value))
        .into()
    }

    /// Switches something on or off.
    ///
    /// # Errors
    /// The folder is gone.
    pub fn set(&self, wrong: Wrong, on: bool) -> Result<()> {
        let file = self.folder.path().join(wrong.name());
        if on {
            fs::write(file, "")?;
        } else if file.exists() {
            fs::remove_file(file)?;
        }
        Ok(())
    }

    /// The wall clock is wrong by so many seconds.
    ///
    /// # Errors
    /// The folder is gone.
    pub fn set_clock(&self, seconds: i64) -> Result<()> {
        // In one piece: it is read at any moment.
        let (new, file) = (self.folder.path().join("clock.new"), self.folder.path().join("clock"));
        fs::write(&new, seconds.to_string())?;
        Ok(fs::rename(new, file)?)
    }

    fn library(&self) -> PathBuf {
        self.folder.path().join("shim.so")
    }
}
