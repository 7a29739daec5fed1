//! The server's own secrets: its identity and its pepper, made at the first start, in one file beside the database.
//!
//! Whoever has this file can be the server towards every client that pinned it. It is made with mode 0600, never
//! overwritten, and not part of a backup of the database.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use hushwire_delivery::Pepper;
use hushwire_identity::ServerKey;
use hushwire_types::{Entropy, Secret, rng};
use zeroize::Zeroizing;

/// Name of the file in the data folder.
pub const FILE_NAME: &str = "server-identity.key";
const MAGIC: &[u8; 8] = b"hushd-k1";
const LENGTH: usize = 8 + 32 + 32;

/// The server's own secrets.
#[derive(Debug, Clone)]
pub struct ServerKeys {
    /// What clients pin.
    pub identity: ServerKey,
    /// Key of keyed hashes.
    pub pepper: Pepper,
}

/// Why the server has no identity. Restore the file from a safe copy; a new one makes every client refuse the server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeysError {
    /// The file cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file holds something else.
    #[error("{path} is not a server identity: restore it from a safe copy")]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// Others can read the file.
    #[error(
        "{path} can be read by other users of this machine: chmod 600 it, and think about who has read it"
    )]
    Exposed {
        /// The file.
        path: PathBuf,
    },
}

/// Reads the secrets in `data_dir`, or makes them where there are none.
///
/// # Errors
/// [`KeysError`].
pub fn load_or_create(data_dir: &Path, entropy: &dyn Entropy) -> Result<ServerKeys, KeysError> {
    let path = data_dir.join(FILE_NAME);
    match read(&path) {
        Err(KeysError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => create(&path, entropy),
        read => read,
    }
}

fn read(path: &Path) -> Result<ServerKeys, KeysError> {
    let io = |source| KeysError::Io { path: path.to_owned(), source };
    let mut file = std::fs::File::open(path).map_err(io)?;
    if file.metadata().map_err(io)?.permissions().mode() & 0o077 != 0 {
        return Err(KeysError::Exposed { path: path.to_owned() });
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(LENGTH + 1));
    Read::by_ref(&mut file).take(LENGTH as u64 + 1).read_to_end(&mut bytes).map_err(io)?;
    parse(&bytes).ok_or_else(|| KeysError::Damaged { path: path.to_owned() })
}

fn parse(bytes: &[u8]) -> Option<ServerKeys> {
    let (seed, pepper) = bytes.strip_prefix(MAGIC)?.split_first_chunk::<32>()?;
    let identity = ServerKey::from_seed(&Secret::new(*seed));
    Some(ServerKeys { identity, pepper: Pepper::new(Secret::try_from(pepper).ok()?) })
}

fn create(path: &Path, entropy: &dyn Entropy) -> Result<ServerKeys, KeysError> {
    let io = |source| KeysError::Io { path: path.to_owned(), source };
    let mut bytes = Zeroizing::new(MAGIC.to_vec());
    bytes.extend_from_slice(&*Zeroizing::new(rng::bytes::<32>(entropy)));
    bytes.extend_from_slice(&*Zeroizing::new(rng::bytes::<32>(entropy)));
    // Written aside and linked into place, so that a crash leaves no half of an identity.
    let aside = path.with_extension("key.new");
    let _ = std::fs::remove_file(&aside);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside).map_err(io)?;
    file.write_all(&bytes).and_then(|()| file.sync_all()).map_err(io)?;
    std::fs::hard_link(&aside, path).map_err(io)?;
    std::fs::remove_file(&aside).map_err(io)?;
    read(path)
}

#[cfg(test)]
mod tests {
    use hushwire_types::OsEntropy;

    use super::*;

    #[test]
    fn the_identity_is_made_once() {
        let dir = tempfile::tempdir().unwrap();
        let first = load_or_create(dir.path(), &OsEntropy).unwrap();
        let again = load_or_create(dir.path(), &OsEntropy).unwrap();
        assert_eq!(first.identity.fingerprint(), again.identity.fingerprint());
        assert_eq!(first.pepper, again.pepper);
    }

    #[test]
    fn a_damaged_or_exposed_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        load_or_create(dir.path(), &OsEntropy).unwrap();
        let path = dir.path().join(FILE_NAME);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(load_or_create(dir.path(), &OsEntropy), Err(KeysError::Exposed { .. })));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::write(&path, b"short").unwrap();
        assert!(matches!(load_or_create(dir.path(), &OsEntropy), Err(KeysError::Damaged { .. })));
    }
}
