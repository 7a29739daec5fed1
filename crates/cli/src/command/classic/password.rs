//! The password of key files: from the terminal or from a file, never from the command line.
//!
//! Its bytes are taken as they were typed, because the original's client does so.

use std::io::IsTerminal;
use std::path::Path;

use hushwire_types::SecretBytes;
use zeroize::Zeroizing;

use crate::args::Global;
use crate::failure::Failure;
use crate::place::Silence;

/// What becomes of new keys.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// They are encrypted.
    Choose,
    /// They are left in clear.
    None,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Asking {
    Open,
    Choose,
}

/// The password that new keys get.
pub(super) fn wanted(global: &Global, wish: Wish) -> Result<Option<SecretBytes>, Failure> {
    match wish {
        Wish::None => Ok(None),
        Wish::Choose => ask(global, Asking::Choose).map(Some),
    }
}

/// A new password for keys that are there. Where they had one, the file with the old one says nothing about the new one.
pub(super) fn choose(global: &Global, had_one: bool) -> Result<SecretBytes, Failure> {
    match &global.passphrase_file {
        Some(path) if !had_one => from_file(path),
        _ => at_the_terminal(Asking::Choose),
    }
}

pub(super) fn ask(global: &Global, asking: Asking) -> Result<SecretBytes, Failure> {
    match &global.passphrase_file {
        Some(path) => from_file(path),
        None => at_the_terminal(asking),
    }
}

fn from_file(path: &Path) -> Result<SecretBytes, Failure> {
    let text = std::fs::read_to_string(path).map(Zeroizing::new);
    let text = text.map_err(|error| Failure::error(format!("{} cannot be read: {error}", path.display())))?;
    checked(text.trim_end_matches(['\n', '\r']).to_owned())
}

fn at_the_terminal(asking: Asking) -> Result<SecretBytes, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::error(
            "a password for the private keys is needed: give it with --passphrase-file, or run hush in a terminal",
        ));
    }
    let _silence = Silence::on_the_terminal();
    let prompt = if asking == Asking::Open {
        "Password of the private keys: "
    } else {
        "New password for the private keys: "
    };
    let text = rpassword::prompt_password(prompt)?;
    if asking == Asking::Choose && *Zeroizing::new(rpassword::prompt_password("Once more: ")?) != text {
        return Err(Failure::error("the two passwords are not the same: nothing was changed"));
    }
    checked(text)
}

fn checked(text: String) -> Result<SecretBytes, Failure> {
    if text.is_empty() { Err(Failure::error("the password is empty")) } else { Ok(SecretBytes::from(text)) }
}
