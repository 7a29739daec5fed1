//! The server's RSA key: what it signs clients' keys with, and what clients hold as `server_public_key.pem`.
//!
//! Made at the first start with wire version 1, or taken over from the original. It is never overwritten once somebody is
//! registered, because all signatures that were given out are its.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use hushwire_classic::crypto::KeyFileError;
use hushwire_classic::{CryptoError, SigningKey};
use zeroize::Zeroizing;

/// Name of the file in the data folder.
pub const FILE_NAME: &str = "classic_private_key.pem";
/// More than a key has.
const LARGEST: u64 = 64 * 1024;

/// Why there is no key for wire version 1.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The file cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file holds something else, or needs a password.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: KeyFileError,
    },
    /// Others can read the file.
    #[error(
        "{path} can be read by other users of this machine: chmod 600 it, and think about who has read it"
    )]
    Exposed {
        /// The file.
        path: PathBuf,
    },
    /// A key could not be made.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
}

/// Reads the key in `data_dir`, or makes it where there is none, which takes some seconds.
pub(crate) fn load_or_create(data_dir: &Path) -> Result<SigningKey, KeyError> {
    match load(data_dir)? {
        Some(key) => Ok(key),
        None => {
            let key = SigningKey::generate()?;
            keep(data_dir, &key)?;
            // Whoever was faster has the key.
            Ok(load(data_dir)?.unwrap_or(key))
        }
    }
}

/// The key in `data_dir`.
pub(crate) fn load(data_dir: &Path) -> Result<Option<SigningKey>, KeyError> {
    let path = data_dir.join(FILE_NAME);
    let io = |source| KeyError::Io { path: path.clone(), source };
    let file = match std::fs::File::open(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file.map_err(io)?,
    };
    if file.metadata().map_err(io)?.permissions().mode() & 0o077 != 0 {
        return Err(KeyError::Exposed { path });
    }
    let mut text = Zeroizing::new(Vec::with_capacity(8192));
    file.take(LARGEST).read_to_end(&mut text).map_err(io)?;
    SigningKey::from_pem(&text, None).map(Some).map_err(|source| KeyError::File { path, source })
}

/// Keeps a key where there is none.
pub(crate) fn keep(data_dir: &Path, key: &SigningKey) -> Result<(), KeyError> {
    let path = data_dir.join(FILE_NAME);
    let io = |source| KeyError::Io { path: path.clone(), source };
    let text = key.to_pem(None)?;
    // Written aside and linked into place, so that a crash leaves no half of a key, and none is overwritten.
    let aside = path.with_extension("pem.new");
    let _ = std::fs::remove_file(&aside);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside).map_err(io)?;
    file.write_all(text.expose()).and_then(|()| file.sync_all()).map_err(io)?;
    match std::fs::hard_link(&aside, &path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(io(error)),
        _ => {}
    }
    std::fs::remove_file(&aside).map_err(io)
}

/// What clients need as `server_public_key.pem`. Makes the key where there is none.
///
/// # Errors
/// [`KeyError`]
pub fn export_public_key(data_dir: &Path) -> Result<String, KeyError> {
    let pem = load_or_create(data_dir)?.public_pem()?;
    Ok(String::from_utf8_lossy(pem.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_made_once_and_kept_private() {
        let dir = tempfile::tempdir().unwrap();
        let first = export_public_key(dir.path()).unwrap();
        assert_eq!(export_public_key(dir.path()).unwrap(), first);
        assert!(first.starts_with("-----BEGIN PUBLIC KEY-----"));
        let path = dir.path().join(FILE_NAME);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        keep(dir.path(), &SigningKey::generate().unwrap()).unwrap();
        assert_eq!(export_public_key(dir.path()).unwrap(), first, "a key is never overwritten");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(load(dir.path()), Err(KeyError::Exposed { .. })));
    }
}
