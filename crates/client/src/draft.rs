//! A file for a person that is there whole or not at all.
//!
//! Invariants:
//! - It is written under another name beside its place, readable for its owner only, and renamed when it is on the disk.
//! - What is there already is never replaced. A draft that is given up is removed; one whose program was killed stays under
//!   its own name, which says what it is.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use hushwire_types::{ContentId, Entropy, rng};

/// A file that cannot be made. Each is a sentence for the person.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// Something is in its place.
    #[error("{} is there already: choose another name, or move it away", path.display())]
    Exists {
        /// The place.
        path: PathBuf,
    },
    /// The name is none of a file.
    #[error("{} cannot be the name of a file", path.display())]
    NoName {
        /// The name.
        path: PathBuf,
    },
    /// The disk or the system refused.
    #[error("{} cannot be written: {source}", path.display())]
    Io {
        /// The place.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// A file on its way to its place.
#[derive(Debug)]
pub struct Draft {
    /// None once it is in its place.
    draft: Option<PathBuf>,
    path: PathBuf,
    file: BufWriter<File>,
}

impl Draft {
    /// Begins a file for `path`.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn create(path: &Path, entropy: &dyn Entropy) -> Result<Self, FileError> {
        let name = path.file_name().ok_or_else(|| FileError::NoName { path: path.to_owned() })?;
        if fs::symlink_metadata(path).is_ok() {
            return Err(FileError::Exists { path: path.to_owned() });
        }
        let unique = ContentId::new(rng::bytes(entropy));
        let mut draft_name = std::ffi::OsString::from(".");
        draft_name.push(name);
        draft_name.push(format!(".{unique}.part"));
        let draft = path.with_file_name(draft_name);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&draft).map_err(|source| failed(path, source))?;
        Ok(Self { draft: Some(draft), path: path.to_owned(), file: BufWriter::new(file) })
    }

    /// Puts the file in its place, durably.
    ///
    /// # Errors
    /// [`FileError`]: then nothing is in its place.
    pub fn finish(mut self) -> Result<(), FileError> {
        let path = self.path.clone();
        self.file.flush().map_err(|source| failed(&path, source))?;
        self.file.get_ref().sync_all().map_err(|source| failed(&path, source))?;
        let Some(draft) = &self.draft else { return Ok(()) };
        // A link, unlike a rename, replaces nothing; where the file system has none, a look must do.
        match fs::hard_link(draft, &path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(FileError::Exists { path });
            }
            Err(_) => {
                fs::rename(draft, &path).map_err(|source| failed(&path, source))?;
                self.draft = None;
            }
        }
        drop(self);
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if cfg!(unix) {
            let folder = File::open(folder.unwrap_or_else(|| Path::new(".")));
            folder.and_then(|folder| folder.sync_all()).map_err(|source| failed(&path, source))?;
        }
        Ok(())
    }
}

fn failed(path: &Path, source: io::Error) -> FileError {
    FileError::Io { path: path.to_owned(), source }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Some(draft) = &self.draft {
            // Nothing is to be done about one that cannot be removed.
            let _ = fs::remove_file(draft);
        }
    }
}

#[cfg(test)]
mod tests {
    use hushwire_types::OsEntropy;

    use super::*;

    #[test]
    fn a_file_is_there_whole_or_not_at_all_and_replaces_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let names = || fs::read_dir(folder.path()).unwrap().count();
        let mut draft = Draft::create(&path, &OsEntropy).unwrap();
        draft.write_all(b"half").unwrap();
        assert!(!path.exists());
        drop(draft);
        assert_eq!(names(), 0);

        let mut draft = Draft::create(&path, &OsEntropy).unwrap();
        draft.write_all(b"whole").unwrap();
        let late = Draft::create(&path, &OsEntropy).unwrap();
        draft.finish().unwrap();
        assert_eq!((fs::read(&path).unwrap(), names()), (b"whole".to_vec(), 2));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert!(matches!(late.finish(), Err(FileError::Exists { .. })));
        assert!(matches!(Draft::create(&path, &OsEntropy), Err(FileError::Exists { .. })));
        assert_eq!((fs::read(&path).unwrap(), names()), (b"whole".to_vec(), 1));
    }

    #[test]
    fn places_where_no_file_can_be_are_told() {
        let folder = tempfile::tempdir().unwrap();
        for path in ["missing/file", "/proc/none/file"] {
            let refused = Draft::create(&folder.path().join(path), &OsEntropy);
            assert!(matches!(refused, Err(FileError::Io { .. })), "{path}");
        }
        assert!(matches!(Draft::create(Path::new("/"), &OsEntropy), Err(FileError::NoName { .. })));
    }
}
