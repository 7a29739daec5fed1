//! Where a daemon is found: its socket and its token's file, both in the profile's folder, which only its owner enters.

use std::fmt::Write as _;
use std::fs::{OpenOptions, Permissions};
use std::future::Future;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::net::UnixListener;
use tokio::time::sleep;

use crate::fault::Fault;

const SOCKET: &str = "rpc.sock";
const TOKEN: &str = "rpc.token";
/// The longest path that a socket has on every system that we run on.
const LONGEST_PATH: usize = 100;
/// How long to wait when the system has no room for a connection.
const NO_ROOM: Duration = Duration::from_millis(100);

/// Where the daemon of a profile's folder listens. Paths of sockets are short by nature: where the folder's is too long, a name made from it
/// stands in the session's runtime folder.
///
/// # Errors
/// There is no such folder.
pub fn socket(folder: &Path) -> Result<PathBuf, Fault> {
    let inside = folder.join(SOCKET);
    if inside.as_os_str().len() <= LONGEST_PATH {
        return Ok(inside);
    }
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_absolute());
    let runtime = runtime.ok_or_else(|| {
        Fault::error(format!(
            "{} is too long for a socket, and there is no XDG_RUNTIME_DIR",
            inside.display()
        ))
    })?;
    let whole = std::path::absolute(folder)?;
    let mut name = String::new();
    for byte in Sha256::digest(whole.as_os_str().as_encoded_bytes()).iter().take(16) {
        let _ = write!(name, "{byte:02x}");
    }
    Ok(runtime.join("hush").join(format!("{name}.sock")))
}

/// The file of the bearer token.
pub(crate) fn token(folder: &Path) -> PathBuf {
    folder.join(TOKEN)
}

/// Listens at a socket that only the owner may connect to. Whoever has the profile open is the only one who may: what lies there
/// was left by one that was killed.
pub(crate) fn listen(path: &Path) -> Result<UnixListener, Fault> {
    let unusable =
        |error: io::Error| Fault::error(format!("{} cannot be listened at: {error}", path.display()));
    if let Some(folder) = path.parent() {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(unusable)?;
        std::fs::set_permissions(folder, Permissions::from_mode(0o700)).map_err(unusable)?;
    }
    remove(path).map_err(unusable)?;
    let listener = UnixListener::bind(path).map_err(unusable)?;
    std::fs::set_permissions(path, Permissions::from_mode(0o600)).map_err(unusable)?;
    Ok(listener)
}

/// Removes a file that may not be there.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Writes a new file that only the owner reads.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), Fault> {
    let write = || {
        remove(path)?;
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(bytes)
    };
    write().map_err(|error: io::Error| Fault::error(format!("{} cannot be written: {error}", path.display())))
}

/// The next connection. One that broke before it was taken, or for which there is no room, ends nothing.
pub(crate) async fn accepted<S, A, F>(mut accept: impl FnMut() -> F) -> S
where
    F: Future<Output = io::Result<(S, A)>>,
{
    loop {
        match accept().await {
            Ok((stream, _)) => return stream,
            Err(error) => {
                tracing::warn!(%error, "a connection was not taken");
                sleep(NO_ROOM).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_owner_reads_a_private_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        write_private(&path, b"one").unwrap();
        write_private(&path, b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_short_folder_holds_its_socket() {
        assert_eq!(socket(Path::new("/home/a/hush")).unwrap(), Path::new("/home/a/hush/rpc.sock"));
    }
}
