//! A client's folder, as the original leaves it: `me.info`, two private keys, the server's public key.
//!
//! Beside them stand three files of ours, which the original does not look at: the keys of those whom one talks with, kept from
//! the first time on (`hush_keys`), the digests of messages that were shown (`hush_shown`), and the messages that came and
//! were not shown yet (`hush_waiting`, [`Waiting`]).
//!
//! Invariants:
//! - A key file is never half written: it is written aside, made durable, and renamed into place. Files of ours are 0600.
//! - Keys of somebody that were seen once are never replaced by others: the protocol sets them once, so others are a lie.
//! - A message is in `hush_shown` before it is acknowledged, so that it is not shown a second time when it is sent again.

mod waiting;

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use data_encoding::{BASE64, HEXLOWER};
use openssl::sha::sha256;

use crate::blob::MessageBlob;
use crate::crypto::{CryptoError, DhPrivateKey, KeyFileError, Password, SigningKey, VerifyingKey};
use crate::keys::{DhPublicKey, PublicKeys, RsaPem, VerifiedKeys};
use crate::message::PrivateKeys;
use crate::phone::Phone;

pub use waiting::Waiting;

const PHONE: &str = "me.info";
const DH: &str = "dh_private_key.pem";
const RSA: &str = "rsa_private_key.pem";
const SERVER: &str = "server_public_key.pem";
const KNOWN: &str = "hush_keys";
const SHOWN: &str = "hush_shown";
const WAITING: &str = "hush_waiting";
/// More than any file of a folder has, but for `hush_shown` and `hush_waiting`.
const LARGEST: u64 = 1 << 24;

/// What cannot be done with a folder. Each names the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    /// A file that cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Nobody is registered here: register first.
    #[error("{path} is not there: nobody is registered in this folder")]
    NotRegistered {
        /// The file.
        path: PathBuf,
    },
    /// Somebody is registered here: choose another folder.
    #[error("{path} is there already: somebody is registered in this folder")]
    Registered {
        /// The file.
        path: PathBuf,
    },
    /// The server's public key is not there: get it from whoever runs the server.
    #[error("{path} is not there: put the public key of the server into the folder")]
    NoServerKey {
        /// The file.
        path: PathBuf,
    },
    /// A key file that cannot be used.
    #[error("{path}: {source}")]
    Key {
        /// The file.
        path: PathBuf,
        /// Why.
        source: KeyFileError,
    },
    /// A file that holds something else.
    #[error("{path} cannot be used: {reason}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Another process receives for this folder: end it first.
    #[error("{path} is in use: another hush is at work in this folder, end it first")]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// A key could not be made or written.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
}

/// The folder of one client.
#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// The folder at this path; nothing is read or made yet.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// The phone of whoever is registered here.
    ///
    /// # Errors
    /// [`FolderError`]
    pub fn phone(&self) -> Result<Phone, FolderError> {
        let path = self.path.join(PHONE);
        let text = match read(&path) {
            Err(FolderError::Io { source, path }) if source.kind() == ErrorKind::NotFound => {
                return Err(FolderError::NotRegistered { path });
            }
            text => text?,
        };
        let first = String::from_utf8_lossy(&text).lines().next().unwrap_or_default().to_owned();
        // The original may pad it as it does on the wire.
        let first = first.trim_matches(|c: char| c.is_whitespace() || c == '\0');
        first.parse().map_err(|error| damaged(&path, error))
    }

    /// The server's key, which everything that the server vouches for is held against.
    ///
    /// # Errors
    /// [`FolderError`]
    pub fn server_key(&self) -> Result<VerifyingKey, FolderError> {
        let path = self.path.join(SERVER);
        match read(&path) {
            Err(FolderError::Io { source, path }) if source.kind() == ErrorKind::NotFound => {
                Err(FolderError::NoServerKey { path })
            }
            text => VerifyingKey::from_text(&text?).map_err(|error| damaged(&path, error)),
        }
    }

    /// Whether a private key here needs a password.
    ///
    /// # Errors
    /// [`FolderError`]
    pub fn needs_password(&self) -> Result<bool, FolderError> {
        for name in [DH, RSA] {
            if crate::crypto::is_encrypted(&read(&self.path.join(name))?) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The private keys; a key file that is plain needs no password, whatever the other one is.
    ///
    /// # Errors
    /// [`FolderError`]
    pub fn private_keys(&self, password: Option<&Password>) -> Result<PrivateKeys, FolderError> {
        Ok(PrivateKeys {
            dh: open_key(&self.path.join(DH), |text| DhPrivateKey::from_pem(text, password))?,
            rsa: open_key(&self.path.join(RSA), |text| SigningKey::from_pem(text, password))?,
        })
    }

    /// Refuses a folder in which somebody is registered.
    ///
    /// # Errors
    /// [`FolderError::Registered`]
    pub fn must_be_free(&self) -> Result<(), FolderError> {
        let path = self.path.join(PHONE);
        if path.exists() { Err(FolderError::Registered { path }) } else { Ok(()) }
    }

    /// Whether private keys are here: of a registration that began, where nobody is registered.
    #[must_use]
    pub fn has_keys(&self) -> bool {
        self.path.join(DH).exists() && self.path.join(RSA).exists()
    }

    /// The private keys of a registration that began here, or new ones, written before the server gets to see their public
    /// halves: it takes keys only once.
    ///
    /// # Errors
    /// [`FolderError`]
    pub fn keys_for_registration(&self, password: Option<&Password>) -> Result<PrivateKeys, FolderError> {
        self.must_be_free()?;
        if self.has_keys() {
            return self.private_keys(password);
        }
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&self.path);
        made.map_err(|source| FolderError::Io { path: self.path.clone(), source })?;
        let keys = PrivateKeys { dh: DhPrivateKey::generate()?, rsa: SigningKey::generate()? };
        self.write_keys(&keys, password)?;
        Ok(keys)
    }

    /// Writes the private keys, encrypted where there is a password, in the place of those that are there. Both are whole and
    /// durable aside before the first one takes its place: cut off in between, the new password opens both.
    ///
    /// # Errors
    /// [`FolderError`]
    pub fn write_keys(&self, keys: &PrivateKeys, password: Option<&Password>) -> Result<(), FolderError> {
        let (dh, rsa) = (self.path.join(DH), self.path.join(RSA));
        write_aside(&dh, keys.dh.to_pem(password)?.expose())?;
        write_aside(&rsa, keys.rsa.to_pem(password)?.expose())?;
        take_place(&dh)?;
        take_place(&rsa)
    }

    /// Notes who is registered here: the last step of a registration.
    ///
    /// # Errors
    /// [`FolderError`]
    pub fn write_phone(&self, phone: Phone) -> Result<(), FolderError> {
        write(&self.path.join(PHONE), phone.to_string().as_bytes())
    }

    /// The keys of others that were seen before.
    ///
    /// # Errors
    /// [`FolderError`]
    pub fn known_keys(&self) -> Result<KnownKeys, FolderError> {
        let path = self.path.join(KNOWN);
        let mut keys = BTreeMap::new();
        let text = read_or_empty(&path)?;
        // The last line may be cut: its keys were not used yet.
        let whole = text.rfind('\n').and_then(|end| text.get(..=end)).unwrap_or_default();
        if whole.len() < text.len() {
            let cut = |file: File| {
                file.set_len(whole.len().try_into().unwrap_or(u64::MAX)).and_then(|()| file.sync_data())
            };
            append(&path).and_then(|file| cut(file).map_err(io_at(&path)))?;
        }
        for line in whole.lines() {
            let (phone, public) = read_known(line).ok_or_else(|| damaged(&path, "a line of another form"))?;
            keys.insert(phone, VerifiedKeys::from_kept(public)?);
        }
        Ok(KnownKeys { path, keys })
    }

    /// What was shown before.
    ///
    /// # Errors
    /// [`FolderError`]
    pub fn shown(&self) -> Result<Shown, FolderError> {
        let path = self.path.join(SHOWN);
        let digests = read_or_empty(&path)?;
        // The last line may be cut: its message was not acknowledged.
        let whole = digests.lines().filter_map(|line| HEXLOWER.decode(line.as_bytes()).ok()?.try_into().ok());
        let digests_known = whole.collect();
        let mut file = append(&path)?;
        if !digests.is_empty() && !digests.ends_with('\n') {
            file.write_all(b"\n").map_err(io_at(&path))?;
        }
        Ok(Shown { path, file, digests: digests_known })
    }
}

/// The keys of others, as they were first seen.
#[derive(Debug)]
pub struct KnownKeys {
    path: PathBuf,
    keys: BTreeMap<Phone, VerifiedKeys>,
}

impl KnownKeys {
    /// The keys of somebody.
    #[must_use]
    pub fn of(&self, phone: Phone) -> Option<&VerifiedKeys> {
        self.keys.get(&phone)
    }

    /// Keeps keys that the server has just vouched for. `Ok(false)`: others are known, and nothing was changed.
    ///
    /// # Errors
    /// [`FolderError::Io`]
    pub fn keep(&mut self, phone: Phone, keys: VerifiedKeys) -> Result<bool, FolderError> {
        if let Some(known) = self.keys.get(&phone) {
            return Ok(known.public() == keys.public());
        }
        let public = keys.public();
        let (dh, rsa) = (HEXLOWER.encode(&public.dh.0), BASE64.encode(public.rsa.as_bytes()));
        append_line(&mut append(&self.path)?, &self.path, &format!("{phone} {dh} {rsa}"))?;
        self.keys.insert(phone, keys);
        Ok(true)
    }
}

fn read_known(line: &str) -> Option<(Phone, PublicKeys)> {
    let mut words = line.split(' ');
    let phone = words.next()?.parse().ok()?;
    let dh = DhPublicKey(HEXLOWER.decode(words.next()?.as_bytes()).ok()?.try_into().ok()?);
    let rsa = RsaPem::new(BASE64.decode(words.next()?.as_bytes()).ok()?.into()).ok()?;
    words.next().is_none().then_some((phone, PublicKeys { dh, rsa }))
}

/// Which messages were shown: a server, or whoever speaks in another's name, may send one again.
#[derive(Debug)]
pub struct Shown {
    path: PathBuf,
    file: File,
    digests: HashSet<[u8; 32]>,
}

impl Shown {
    /// Whether a message of this sender was shown.
    #[must_use]
    pub fn contains(&self, sender: Phone, blob: &MessageBlob) -> bool {
        self.digests.contains(&digest(sender, blob))
    }

    /// Notes durably that a message was shown.
    ///
    /// # Errors
    /// [`FolderError::Io`]: do not acknowledge the message.
    pub fn insert(&mut self, sender: Phone, blob: &MessageBlob) -> Result<(), FolderError> {
        let digest = digest(sender, blob);
        append_line(&mut self.file, &self.path, &HEXLOWER.encode(&digest))?;
        self.digests.insert(digest);
        Ok(())
    }
}

fn digest(sender: Phone, blob: &MessageBlob) -> [u8; 32] {
    sha256(&[sender.to_wire().as_slice(), blob.as_bytes()].concat())
}

fn append(path: &Path) -> Result<File, FolderError> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path).map_err(io_at(path))
}

fn append_line(file: &mut File, path: &Path, line: &str) -> Result<(), FolderError> {
    file.write_all(format!("{line}\n").as_bytes()).and_then(|()| file.sync_data()).map_err(io_at(path))
}

fn io_at(path: &Path) -> impl Fn(io::Error) -> FolderError {
    let path = path.to_owned();
    move |source| FolderError::Io { path: path.clone(), source }
}

fn damaged(path: &Path, reason: impl std::fmt::Display) -> FolderError {
    FolderError::Damaged { path: path.to_owned(), reason: reason.to_string() }
}

fn read(path: &Path) -> Result<zeroize::Zeroizing<Vec<u8>>, FolderError> {
    let mut bytes = zeroize::Zeroizing::new(Vec::with_capacity(8192));
    let file = File::open(path).map_err(io_at(path))?;
    file.take(LARGEST).read_to_end(&mut bytes).map_err(io_at(path))?;
    Ok(bytes)
}

fn read_or_empty(path: &Path) -> Result<String, FolderError> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
        text => text.map_err(io_at(path)),
    }
}

/// Reads a key file. Where the password is another one's, a change of it may have been cut off: what was written aside then takes
/// its place, if this password opens it.
fn open_key<K>(path: &Path, key: impl Fn(&[u8]) -> Result<K, KeyFileError>) -> Result<K, FolderError> {
    match key(&read(path)?) {
        Err(KeyFileError::WrongPassword) => {
            let aside = read(&aside(path)).ok().and_then(|text| key(&text).ok());
            let key = aside.ok_or_else(|| FolderError::Key {
                path: path.to_owned(),
                source: KeyFileError::WrongPassword,
            })?;
            take_place(path)?;
            Ok(key)
        }
        key => key.map_err(|source| FolderError::Key { path: path.to_owned(), source }),
    }
}

/// Writes a whole file in the place of the one that is there, or leaves that as it is.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), FolderError> {
    write_aside(path, bytes)?;
    take_place(path)
}

fn aside(path: &Path) -> PathBuf {
    let mut aside = path.as_os_str().to_owned();
    aside.push(".new");
    PathBuf::from(aside)
}

/// Writes a whole file beside the one that is there, durably.
fn write_aside(path: &Path, bytes: &[u8]) -> Result<(), FolderError> {
    let aside = aside(path);
    let whole = || {
        match fs::remove_file(&aside) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        sync_folder(path)
    };
    whole().map_err(io_at(path))
}

/// Puts what was written aside in the place of the file.
fn take_place(path: &Path) -> Result<(), FolderError> {
    fs::rename(aside(path), path).and_then(|()| sync_folder(path)).map_err(io_at(path))
}

/// Makes durable what names there are in the folder of a file.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}
