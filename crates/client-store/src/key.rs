//! Where the key that opens a profile comes from.
//!
//! None of these is the database's own key: that one is random and wrapped in the header beside the database (see
//! `header`), so a passphrase can be changed without rewriting the database.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use hushwire_types::{Entropy, Secret, SecretBytes};
use zeroize::Zeroize;

/// What a person, a keyring or a file gives to open a profile.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum KeySource {
    /// A passphrase; the key is stretched from it with Argon2id.
    Passphrase(SecretBytes),
    /// 32 random bytes, as an OS keyring or a [`KeyFile`] keeps them.
    Key(Secret<32>),
}

/// Which [`KeySource`] a profile asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// [`KeySource::Passphrase`].
    Passphrase,
    /// [`KeySource::Key`].
    Key,
}

/// A file with 32 random bytes that only its owner may read. It protects against other users of the machine only.
#[derive(Debug, Clone)]
pub struct KeyFile {
    path: PathBuf,
}

/// A key file that cannot be used. Each is a sentence for the person.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// Others than the owner may read or write it.
    #[error("the key file {} can be read by other users: run `chmod 600` on it, then try again", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
    },
    /// It is not 32 bytes long.
    #[error("{} is not a key file: it must hold exactly 32 bytes", path.display())]
    NotAKey {
        /// The file.
        path: PathBuf,
    },
    /// One is to be made where a file is already.
    #[error("there is a file at {} already: name another key file, or use that one", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// It cannot be read or written.
    #[error("the key file {} cannot be used: check its path, its permissions and the room on the disk", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl KeyFile {
    /// The key file at this path.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes the file with a fresh key, mode 0600, and gives the key. Never overwrites.
    ///
    /// # Errors
    /// [`KeyFileError::Exists`] or [`KeyFileError::Io`].
    pub fn create(&self, entropy: &dyn Entropy) -> Result<KeySource, KeyFileError> {
        let key = Secret::<32>::new(hushwire_types::rng::bytes(entropy));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        crate::open::private(&mut options);
        let mut file = options.open(&self.path).map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => KeyFileError::Exists { path: self.path.clone() },
            _ => self.failed(source),
        })?;
        file.write_all(key.expose()).and_then(|()| file.sync_all()).map_err(|source| {
            // Half a key would be in the way of the next try.
            let _ = std::fs::remove_file(&self.path);
            self.failed(source)
        })?;
        Ok(KeySource::Key(key))
    }

    /// Reads the key.
    ///
    /// # Errors
    /// [`KeyFileError::Exposed`] where others may read it, [`KeyFileError::NotAKey`], [`KeyFileError::Io`].
    pub fn read(&self) -> Result<KeySource, KeyFileError> {
        let mut file = File::open(&self.path).map_err(|source| self.failed(source))?;
        self.refuse_exposed(&file)?;
        let mut bytes = [0_u8; 33];
        let mut length = 0;
        while let Some(rest) = bytes.get_mut(length..).filter(|rest| !rest.is_empty()) {
            match file.read(rest) {
                Ok(0) => break,
                Ok(count) => length += count,
                Err(source) if source.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(self.failed(source)),
            }
        }
        let key = bytes.get(..length).and_then(|read| Secret::<32>::try_from(read).ok());
        bytes.zeroize();
        key.map(KeySource::Key).ok_or_else(|| KeyFileError::NotAKey { path: self.path.clone() })
    }

    /// Looks at the open file, not at the path, so that it cannot be swapped in between.
    fn refuse_exposed(&self, file: &File) -> Result<(), KeyFileError> {
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = file.metadata().map_err(|source| self.failed(source))?.permissions().mode();
            if mode & 0o077 != 0 {
                return Err(KeyFileError::Exposed { path: self.path.clone() });
            }
        }
        #[cfg(not(unix))]
        let _ = file;
        Ok(())
    }

    fn failed(&self, source: io::Error) -> KeyFileError {
        KeyFileError::Io { path: self.path.clone(), source }
    }
}
