//! The header beside the database: how its key is wrapped.
//!
//! The database is encrypted under a random *data key*. The header holds that key, encrypted with AES-256-GCM under a
//! *wrapping key*: the 32 bytes of a keyring or key file as they are, or what Argon2id makes of a passphrase. So a
//! passphrase changes by writing a few hundred bytes, and a wrong one is told apart from a damaged database.
//!
//! Invariants:
//! - The header holds nothing secret in clear, and its parameters are authenticated with the wrapped key: a changed
//!   header opens nothing.
//! - It is replaced by writing another file, syncing and renaming, so that there is a whole one at any moment.
//! - The cost that a header may ask for is bounded, so that a hostile one cannot take the machine's memory.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use hushwire_types::id::{base32, from_base32};
use hushwire_types::rng::bytes;
use hushwire_types::{Entropy, Secret};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::key::{KeyKind, KeySource};
use crate::open::OpenError;

const FILE: &str = "hush.key.toml";
const DRAFT: &str = "hush.key.toml.new";
const VERSION: u32 = 1;
const AAD_LABEL: &[u8] = b"hushwire profile key v1";

/// RFC 9106, section 4, second recommended option: 64 MiB, three passes, four lanes.
const MEMORY_KIB: u32 = 64 * 1024;
const PASSES: u32 = 3;
const LANES: u32 = 4;
/// RFC 9106, section 3.1: 16 bytes of salt are enough for any password hashing.
const SALT_BYTES: usize = 16;
/// The most that a header may ask for: 1 GiB, 64 passes, 64 lanes.
const MAX_MEMORY_KIB: u32 = 1024 * 1024;
const MAX_PASSES: u32 = 64;
const MAX_LANES: u32 = 64;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    version: u32,
    nonce: String,
    wrapped_key: String,
    unlock: Unlock,
}

/// How the wrapping key is had.
#[derive(Serialize, Deserialize, Clone)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
enum Unlock {
    Argon2id { memory_kib: u32, passes: u32, lanes: u32, salt: String },
    Key {},
}

pub(crate) fn path(folder: &Path) -> PathBuf {
    folder.join(FILE)
}

/// Which kind of key the header in `folder` asks for.
pub(crate) fn kind(folder: &Path) -> Result<KeyKind, OpenError> {
    Ok(match load(folder)?.unlock {
        Unlock::Argon2id { .. } => KeyKind::Passphrase,
        Unlock::Key {} => KeyKind::Key,
    })
}

/// Wraps `data_key` under `source` and puts the header in its place, durably.
pub(crate) fn write(
    folder: &Path,
    data_key: &Secret<32>,
    source: &KeySource,
    entropy: &dyn Entropy,
) -> Result<(), OpenError> {
    let unlock = match source {
        KeySource::Passphrase(_) => Unlock::Argon2id {
            memory_kib: MEMORY_KIB,
            passes: PASSES,
            lanes: LANES,
            salt: base32(&bytes::<SALT_BYTES>(entropy)),
        },
        KeySource::Key(_) => Unlock::Key {},
    };
    let damaged = || OpenError::DamagedHeader { path: path(folder) };
    let nonce = bytes::<NONCE_LEN>(entropy);
    let sealer = wrapping_key(&unlock, source).ok_or_else(damaged)?;
    let mut wrapped = Zeroizing::new(data_key.expose().to_vec());
    sealer
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad(&unlock)), &mut *wrapped)
        .map_err(|_| damaged())?;
    let header = Header { version: VERSION, nonce: base32(&nonce), wrapped_key: base32(&wrapped), unlock };
    let text = toml::to_string(&header).map_err(|_| damaged())?;
    replace(folder, &text).map_err(|source| OpenError::Io { path: path(folder), source })
}

/// The data key that the header in `folder` wraps.
pub(crate) fn unwrap(folder: &Path, source: &KeySource) -> Result<Secret<32>, OpenError> {
    let damaged = || OpenError::DamagedHeader { path: path(folder) };
    let header = load(folder)?;
    match (&header.unlock, source) {
        (Unlock::Argon2id { .. }, KeySource::Key(_)) => return Err(OpenError::NeedsPassphrase),
        (Unlock::Key {}, KeySource::Passphrase(_)) => return Err(OpenError::NeedsKey),
        (Unlock::Argon2id { .. }, KeySource::Passphrase(_)) | (Unlock::Key {}, KeySource::Key(_)) => {}
    }
    let nonce = from_base32(&header.nonce).ok_or_else(damaged)?;
    let nonce = Nonce::try_assume_unique_for_key(&nonce).map_err(|_| damaged())?;
    let mut wrapped = Zeroizing::new(from_base32(&header.wrapped_key).ok_or_else(damaged)?);
    let opener = wrapping_key(&header.unlock, source).ok_or_else(damaged)?;
    let opened = opener.open_in_place(nonce, Aad::from(aad(&header.unlock)), &mut wrapped);
    match opened {
        Ok(key) => Secret::try_from(&*key).map_err(|_| damaged()),
        Err(_) => Err(match source {
            KeySource::Passphrase(_) => OpenError::WrongPassphrase,
            KeySource::Key(_) => OpenError::WrongKey,
        }),
    }
}

fn load(folder: &Path) -> Result<Header, OpenError> {
    let path = path(folder);
    let text = fs::read_to_string(&path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => OpenError::MissingHeader { path: path.clone() },
        io::ErrorKind::InvalidData => OpenError::DamagedHeader { path: path.clone() },
        _ => OpenError::Io { path: path.clone(), source },
    })?;
    let damaged = || OpenError::DamagedHeader { path: path.clone() };
    let table: toml::Table = text.parse().map_err(|_| damaged())?;
    let version = table.get("version").and_then(toml::Value::as_integer).ok_or_else(damaged)?;
    if version > i64::from(VERSION) {
        return Err(OpenError::Newer { found: version, known: i64::from(VERSION) });
    }
    table.try_into().map_err(|_| damaged())
}

/// None where the header asks for parameters out of bounds, or `source` is of the other kind.
fn wrapping_key(unlock: &Unlock, source: &KeySource) -> Option<LessSafeKey> {
    let key = match (unlock, source) {
        (Unlock::Key {}, KeySource::Key(key)) => key.clone(),
        (Unlock::Argon2id { memory_kib, passes, lanes, salt }, KeySource::Passphrase(passphrase)) => {
            if *memory_kib > MAX_MEMORY_KIB || *passes > MAX_PASSES || *lanes > MAX_LANES {
                return None;
            }
            let params = Params::new(*memory_kib, *passes, *lanes, Some(32)).ok()?;
            let mut out = Zeroizing::new([0; 32]);
            Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
                .hash_password_into(passphrase.expose(), &from_base32(salt)?, &mut *out)
                .ok()?;
            Secret::new(*out)
        }
        _ => return None,
    };
    UnboundKey::new(&AES_256_GCM, key.expose()).ok().map(LessSafeKey::new)
}

/// What is authenticated with the wrapped key: the label and every parameter, each of fixed length but the last.
fn aad(unlock: &Unlock) -> Vec<u8> {
    let mut out = AAD_LABEL.to_vec();
    match unlock {
        Unlock::Argon2id { memory_kib, passes, lanes, salt } => {
            out.push(1);
            for number in [memory_kib, passes, lanes] {
                out.extend_from_slice(&number.to_be_bytes());
            }
            out.extend_from_slice(salt.as_bytes());
        }
        Unlock::Key {} => out.push(2),
    }
    out
}

fn replace(folder: &Path, text: &str) -> io::Result<()> {
    let draft = folder.join(DRAFT);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    crate::open::private(&mut options);
    let mut file = options.open(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, path(folder))?;
    sync_folder(folder)
}

/// Makes a rename or a new file in `folder` durable. Windows has no such call and needs none.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}
