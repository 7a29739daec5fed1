//! The header of a backup: all that is in clear.
//!
//! | bytes | what |
//! | --- | --- |
//! | 16 | `hushwire backup` and a line feed |
//! | 1 | format, 1 |
//! | 1 | how the key is made: 1 a random backup key, 2 Argon2id of a passphrase |
//! | 12 | Argon2id's memory in KiB, passes and lanes, 4 bytes each, big endian; zeros for a backup key |
//! | 16 | Argon2id's salt; zeros for a backup key |
//! | 19 | the nonce of the STREAM |

use std::fmt;
use std::io::{self, Read};

use argon2::{Algorithm, Argon2, Params, Version};
use hushwire_types::rng::bytes;
use hushwire_types::{Entropy, Secret, SecretBytes};
use zeroize::Zeroizing;

use crate::error::{ReadError, WriteError};

const MAGIC: &[u8; 16] = b"hushwire backup\n";
pub(crate) const FORMAT: u8 = 1;
const RANDOM: u8 = 1;
const PASSPHRASE: u8 = 2;

pub(crate) const HEADER_BYTES: usize = 65;
pub(crate) const NONCE_BYTES: usize = 19;
const SALT_BYTES: usize = 16;

/// RFC 9106's second recommendation: 64 MiB, three passes, as the profile's own header.
const MEMORY_KIB: u32 = 64 * 1024;
const PASSES: u32 = 3;
const LANES: u32 = 4;
/// What a file may ask for: a hostile one must not take all memory or an hour.
const MAX_MEMORY_KIB: u32 = 1024 * 1024;
const MAX_PASSES: u32 = 16;
const MAX_LANES: u32 = 16;

/// What opens a backup.
#[derive(Clone)]
pub enum Key {
    /// A random key that was shown once. A fresh one for each backup.
    Random(Secret<32>),
    /// What a person chose.
    Passphrase(SecretBytes),
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Random(_) => "Random(..)",
            Self::Passphrase(_) => "Passphrase(..)",
        })
    }
}

/// Which kind of key opens a backup, to know what to ask the person for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// The backup key that was shown when it was made.
    Random,
    /// A passphrase.
    Passphrase,
}

/// What is in clear at the beginning of a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    stretching: Option<Stretching>,
    nonce: [u8; NONCE_BYTES],
    /// As it stands in the file, for each chunk to be authenticated with.
    raw: [u8; HEADER_BYTES],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stretching {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    salt: [u8; SALT_BYTES],
}

impl Header {
    pub(crate) fn new(key: &Key, entropy: &dyn Entropy) -> Self {
        let salt = || bytes::<SALT_BYTES>(entropy);
        let stretching = match key {
            Key::Random(_) => None,
            Key::Passphrase(_) => {
                Some(Stretching { memory_kib: MEMORY_KIB, passes: PASSES, lanes: LANES, salt: salt() })
            }
        };
        let nonce = bytes(entropy);
        Self { stretching, nonce, raw: raw(stretching, nonce) }
    }

    /// Reads the header from the beginning of a file.
    ///
    /// # Errors
    /// [`ReadError::NotABackup`], [`ReadError::Newer`], [`ReadError::Damaged`], or the file cannot be read.
    pub fn read(file: &mut impl Read) -> Result<Self, ReadError> {
        let mut raw = [0; HEADER_BYTES];
        let mut version = [0; MAGIC.len() + 1];
        fill(file, &mut version, ReadError::NotABackup)?;
        let [magic @ .., found] = &version;
        if magic != MAGIC || *found == 0 {
            return Err(ReadError::NotABackup);
        }
        if *found > FORMAT {
            return Err(ReadError::Newer { found: *found, known: FORMAT });
        }
        let (begin, rest) = raw.split_at_mut(version.len());
        begin.copy_from_slice(&version);
        fill(file, rest, ReadError::Damaged)?;
        Self::parse(raw).ok_or(ReadError::Damaged)
    }

    fn parse(raw: [u8; HEADER_BYTES]) -> Option<Self> {
        let rest = raw.get(MAGIC.len() + 1..)?;
        let (kind, rest) = rest.split_first()?;
        let (memory, rest) = rest.split_first_chunk()?;
        let (passes, rest) = rest.split_first_chunk()?;
        let (lanes, rest) = rest.split_first_chunk()?;
        let (salt, rest) = rest.split_first_chunk::<SALT_BYTES>()?;
        let nonce = <[u8; NONCE_BYTES]>::try_from(rest).ok()?;
        let stretching = match *kind {
            RANDOM => None,
            PASSPHRASE => Some(Stretching {
                memory_kib: u32::from_be_bytes(*memory),
                passes: u32::from_be_bytes(*passes),
                lanes: u32::from_be_bytes(*lanes),
                salt: *salt,
            }),
            _ => return None,
        };
        let bounded = stretching.is_none_or(|asked| {
            asked.memory_kib <= MAX_MEMORY_KIB && asked.passes <= MAX_PASSES && asked.lanes <= MAX_LANES
        });
        bounded.then_some(Self { stretching, nonce, raw })
    }

    /// Which kind of key opens it.
    #[must_use]
    pub const fn kind(&self) -> KeyKind {
        if self.stretching.is_some() { KeyKind::Passphrase } else { KeyKind::Random }
    }

    pub(crate) const fn raw(&self) -> &[u8; HEADER_BYTES] {
        &self.raw
    }

    pub(crate) const fn nonce(&self) -> &[u8; NONCE_BYTES] {
        &self.nonce
    }

    /// The key of the chunks; none where there is too little memory for it, or the file asks for what nobody offers.
    fn chunk_key(&self, key: &Key) -> Result<Zeroizing<[u8; 32]>, ReadError> {
        match (key, self.stretching) {
            (Key::Random(key), None) => Ok(Zeroizing::new(*key.expose())),
            (Key::Random(_), Some(_)) => Err(ReadError::NeedsPassphrase),
            (Key::Passphrase(_), None) => Err(ReadError::NeedsKey),
            (Key::Passphrase(passphrase), Some(asked)) => {
                let params = Params::new(asked.memory_kib, asked.passes, asked.lanes, Some(32));
                let params = params.map_err(|_| ReadError::Damaged)?;
                let mut out = Zeroizing::new([0; 32]);
                Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
                    .hash_password_into(passphrase.expose(), &asked.salt, &mut *out)
                    .map_err(|_| ReadError::Damaged)?;
                Ok(out)
            }
        }
    }

    pub(crate) fn reading_key(&self, key: &Key) -> Result<Zeroizing<[u8; 32]>, ReadError> {
        self.chunk_key(key)
    }

    pub(crate) fn writing_key(&self, key: &Key) -> Result<Zeroizing<[u8; 32]>, WriteError> {
        self.chunk_key(key).map_err(|_| WriteError::Passphrase)
    }
}

fn raw(stretching: Option<Stretching>, nonce: [u8; NONCE_BYTES]) -> [u8; HEADER_BYTES] {
    let mut out = [0; HEADER_BYTES];
    let asked =
        stretching.unwrap_or(Stretching { memory_kib: 0, passes: 0, lanes: 0, salt: [0; SALT_BYTES] });
    let kind = if stretching.is_some() { PASSPHRASE } else { RANDOM };
    let all = MAGIC.iter().copied().chain([FORMAT, kind]);
    let numbers = [asked.memory_kib, asked.passes, asked.lanes].into_iter().flat_map(u32::to_be_bytes);
    let all = all.chain(numbers).chain(asked.salt).chain(nonce);
    out.iter_mut().zip(all).for_each(|(to, from)| *to = from);
    out
}

fn fill(file: &mut impl Read, buffer: &mut [u8], short: ReadError) -> Result<(), ReadError> {
    file.read_exact(buffer).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => short,
        _ => ReadError::Io(error),
    })
}
