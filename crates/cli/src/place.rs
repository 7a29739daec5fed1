//! Where a profile lives and what opens it.
//!
//! `<data>/profiles/<name>` holds the encrypted database; a key file, where there is one, lies in the configuration
//! folder, apart from it, so that a copy of the data folder alone opens nothing.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use hushwire_client::{Database, KeyFile, KeyKind, KeySource, Place};
use hushwire_rpc::FaultKind;
use hushwire_types::{OsEntropy, Secret, SecretBytes, rng};
use rustix::termios::{self, LocalModes, OptionalActions, Termios};
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use crate::args::{Global, Lock};
use crate::failure::Failure;
use crate::say::Say;

/// Name of this program's entries in the system's keyring.
const KEYRING_SERVICE: &str = "hushwire";
/// Profiles are folders: their names are kept to what every file system takes.
const LONGEST_NAME: usize = 64;

struct Folders {
    profile: PathBuf,
    key_file: PathBuf,
}

fn folders(global: &Global) -> Result<Folders, Failure> {
    let name = &global.profile;
    let plain = |symbol: char| symbol.is_ascii_alphanumeric() || "-_.".contains(symbol);
    if name.is_empty() || name.len() > LONGEST_NAME || name.starts_with('.') || !name.chars().all(plain) {
        return Err(Failure::usage(
            "a profile's name has 1 to 64 letters, digits, dots, dashes or underscores",
        ));
    }
    let key_name = format!("{name}.key");
    if let Some(data) = &global.data_dir {
        return Ok(Folders {
            profile: data.join("profiles").join(name),
            key_file: data.join("keys").join(key_name),
        });
    }
    let base = etcetera::choose_base_strategy()
        .map_err(|_| Failure::error("there is no home folder: say where profiles live with --data-dir"))?;
    Ok(Folders {
        profile: base.data_dir().join("hush").join("profiles").join(name),
        key_file: base.config_dir().join("hush").join("keys").join(key_name),
    })
}

/// The folder of a profile, whether it is there or not.
pub(crate) fn folder(global: &Global) -> Result<PathBuf, Failure> {
    Ok(folders(global)?.profile)
}

/// The place of a profile that is there.
pub(crate) fn existing(global: &Global) -> Result<Place, Failure> {
    let folders = folders(global)?;
    if !Database::exists(&folders.profile) {
        let sentence =
            format!("profile \"{}\" has no account yet: hush join hush://… --name NAME", global.profile);
        return Err(Failure::new(FaultKind::NotRegistered, sentence));
    }
    let key = match Database::key_kind(&folders.profile).map_err(hushwire_client::OpenError::from)? {
        KeyKind::Passphrase => KeySource::Passphrase(passphrase(global, Asking::Open)?),
        KeyKind::Key if folders.key_file.exists() => KeyFile::new(&folders.key_file).read()?,
        KeyKind::Key => from_keyring(&folders)?,
    };
    Ok(Place { folder: folders.profile, key })
}

/// The place of a profile that is to be made from nothing.
pub(crate) fn empty(global: &Global, lock: Lock, say: &Say) -> Result<Place, Failure> {
    if Database::exists(&folders(global)?.profile) {
        let sentence = format!(
            "profile \"{}\" has an account, or a registration that began: choose another name with --profile",
            global.profile
        );
        return Err(Failure::error(sentence));
    }
    new(global, lock, say)
}

/// The place of a profile that is to be made; one whose registration was cut off is used again.
pub(crate) fn new(global: &Global, lock: Lock, say: &Say) -> Result<Place, Failure> {
    let folders = folders(global)?;
    if Database::exists(&folders.profile) {
        return existing(global);
    }
    make_private(&folders.profile)?;
    let key = match lock {
        Lock::Passphrase => KeySource::Passphrase(passphrase(global, Asking::Choose)?),
        Lock::Auto if global.passphrase_file.is_some() => {
            KeySource::Passphrase(passphrase(global, Asking::Choose)?)
        }
        Lock::Keyring => to_keyring(&folders)
            .map_err(|error| Failure::error(format!("the system's keyring cannot be used: {error}")))?,
        Lock::KeyFile => key_file(&folders, say)?,
        Lock::Auto => match to_keyring(&folders) {
            Ok(key) => key,
            Err(_) => key_file(&folders, say)?,
        },
    };
    Ok(Place { folder: folders.profile, key })
}

fn make_private(folder: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::DirBuilderExt;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| Failure::error(format!("{} cannot be made: {error}", folder.display())))
}

fn key_file(folders: &Folders, say: &Say) -> Result<KeySource, Failure> {
    let file = KeyFile::new(&folders.key_file);
    if folders.key_file.exists() {
        // Left over from a registration that never reached its database.
        return Ok(file.read()?);
    }
    if let Some(folder) = folders.key_file.parent() {
        make_private(folder)?;
    }
    let key = file.create(&OsEntropy)?;
    say.note(&format!(
        "This profile is locked with the key file {}. It protects against other users of this machine, not against \
         whoever takes the disk; a passphrase would (--lock passphrase).",
        folders.key_file.display()
    ));
    Ok(key)
}

fn keyring_entry(folders: &Folders) -> Result<keyring::Entry, String> {
    let name = folders.profile.display().to_string();
    keyring::Entry::new(KEYRING_SERVICE, &name).map_err(|error| error.to_string())
}

fn from_keyring(folders: &Folders) -> Result<KeySource, Failure> {
    let read = || {
        let bytes = Zeroizing::new(keyring_entry(folders)?.get_secret().map_err(|error| error.to_string())?);
        Secret::try_from(bytes.as_slice()).map_err(|_| "the entry holds something else".to_owned())
    };
    let sentence = |error: String| {
        Failure::error(format!(
            "the key of this profile is neither in {} nor in the system's keyring: {error}",
            folders.key_file.display()
        ))
    };
    read().map(KeySource::Key).map_err(sentence)
}

fn to_keyring(folders: &Folders) -> Result<KeySource, String> {
    let entry = keyring_entry(folders)?;
    let key = Secret::<32>::new(rng::bytes(&OsEntropy));
    entry.set_secret(key.expose()).map_err(|error| error.to_string())?;
    Ok(KeySource::Key(key))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Asking {
    Open,
    Choose,
}

fn passphrase(global: &Global, asking: Asking) -> Result<SecretBytes, Failure> {
    if let Some(path) = &global.passphrase_file {
        let text = std::fs::read_to_string(path).map(Zeroizing::new);
        let text =
            text.map_err(|error| Failure::error(format!("{} cannot be read: {error}", path.display())))?;
        let text = text.trim_end_matches(['\n', '\r']);
        return checked(text.to_owned());
    }
    if !std::io::stdin().is_terminal() {
        return Err(Failure::error(
            "a passphrase is needed: give it with --passphrase-file, or run hush in a terminal",
        ));
    }
    let _silence = Silence::on_the_terminal();
    let text = rpassword::prompt_password(format!("Passphrase of profile \"{}\": ", global.profile))?;
    if asking == Asking::Choose && *Zeroizing::new(rpassword::prompt_password("Once more: ")?) != text {
        return Err(Failure::error("the two passphrases are not the same: nothing was made"));
    }
    checked(text)
}

/// The terminal shows nothing that is typed, from before the prompt on: the prompt's own library is silent only after it, and
/// whoever types or pastes as soon as it stands there would be shown.
pub(crate) struct Silence(Termios);

impl Silence {
    pub(crate) fn on_the_terminal() -> Option<Self> {
        let before = termios::tcgetattr(std::io::stdin()).ok()?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        termios::tcsetattr(std::io::stdin(), OptionalActions::Now, &silent).ok()?;
        Some(Self(before))
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        // A terminal that is gone shows nothing either.
        let _ = termios::tcsetattr(std::io::stdin(), OptionalActions::Now, &self.0);
    }
}

/// The passphrase in one form (NFC), whatever keyboard it was typed on.
fn checked(text: String) -> Result<SecretBytes, Failure> {
    let text = Zeroizing::new(text);
    if text.is_empty() {
        return Err(Failure::error("the passphrase is empty"));
    }
    Ok(SecretBytes::from(text.nfc().collect::<String>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passphrase_is_the_same_from_every_keyboard() {
        let composed = checked("caf\u{e9}".to_owned()).unwrap();
        assert!(composed == checked("cafe\u{301}".to_owned()).unwrap());
        assert!(checked(String::new()).is_err());
    }
}
