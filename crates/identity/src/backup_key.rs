//! The key of a backup, and the text of it that a person keeps: written as a recovery key is, under a label of its own, so that
//! neither is taken for the other.

use std::fmt;

use hushwire_types::{Entropy, Secret, rng};
use zeroize::Zeroizing;

use crate::recovery::{RecoveryTextError, seed_of, text_of};

const LABEL: &str = "hushwire backup text v1";

/// What opens one backup.
#[derive(Clone, PartialEq, Eq)]
pub struct BackupKey(Secret<32>);

/// Why a text is no backup key. The sentences are for the person who typed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BackupTextError {
    /// A character that no backup key has; ask again.
    #[error("a backup key has no {0:?}")]
    Character(char),
    /// Characters are missing or too many; ask again.
    #[error("a backup key has 56 letters and digits, this has {0}")]
    Length(usize),
    /// The right form, but a character is another one, or it is another kind of key; ask again.
    #[error("this backup key has a typing error, or it is a recovery key")]
    Checksum,
}

impl BackupKey {
    /// A new key, for one backup.
    #[must_use]
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self(Secret::new(rng::bytes(entropy)))
    }

    /// The 256 bits.
    #[must_use]
    pub const fn secret(&self) -> &Secret<32> {
        &self.0
    }

    /// The text for a person to write down, 14 groups of 4; shown once, never stored.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        text_of(&self.0, LABEL)
    }

    /// Reads a text that a person typed, as forgivingly as a recovery key.
    ///
    /// # Errors
    /// [`BackupTextError`], to be shown.
    pub fn from_text(text: &str) -> Result<Self, BackupTextError> {
        seed_of(text, LABEL).map(Self).map_err(|error| match error {
            RecoveryTextError::Character(typed) => BackupTextError::Character(typed),
            RecoveryTextError::Length(count) => BackupTextError::Length(count),
            RecoveryTextError::Checksum => BackupTextError::Checksum,
        })
    }
}

impl fmt::Debug for BackupKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BackupKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use hushwire_types::OsEntropy;

    use super::*;
    use crate::RecoveryKey;

    #[test]
    fn a_backup_key_is_read_as_it_was_written_and_is_no_recovery_key() {
        let key = BackupKey::generate(&OsEntropy);
        let text = key.to_text();
        assert_eq!(BackupKey::from_text(&text.to_lowercase().replace('-', " ")), Ok(key.clone()));
        assert!(RecoveryKey::from_text(&text).is_err());
        let other = RecoveryKey::generate(&OsEntropy).to_text();
        assert_eq!(BackupKey::from_text(&other), Err(BackupTextError::Checksum));
        assert_eq!(BackupKey::from_text("ABCD"), Err(BackupTextError::Length(4)));
        assert_eq!(BackupKey::from_text("ABC!"), Err(BackupTextError::Character('!')));
        assert_ne!(key.secret(), BackupKey::generate(&OsEntropy).secret());
        assert_eq!(key.secret(), BackupKey::from_text(&text).unwrap().secret());
        assert_eq!(format!("{key:?}"), "BackupKey(..)");
    }
}
