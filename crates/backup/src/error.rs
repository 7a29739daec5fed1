//! What can go wrong. Each is a sentence for the person.

use std::io;

/// A backup that cannot be read. Nothing of it was used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// Another file.
    #[error("this file is no backup of hush")]
    NotABackup,
    /// A newer hush wrote it.
    #[error("this backup was made by a newer hush (format {found}, this one knows {known}): upgrade hush")]
    Newer {
        /// Its format.
        found: u8,
        /// The newest that this program knows.
        known: u8,
    },
    /// It opens with a passphrase.
    #[error("this backup opens with a passphrase, not with a backup key")]
    NeedsPassphrase,
    /// It opens with a backup key.
    #[error("this backup opens with the backup key that was shown when it was made, not with a passphrase")]
    NeedsKey,
    /// The first chunk does not open.
    #[error("that key or passphrase does not open this backup, or its beginning is damaged")]
    WrongKey,
    /// Something was changed, moved, left out or cut off.
    #[error("this backup is damaged or not complete: nothing of it was used. Take another copy of it")]
    Damaged,
    /// The file cannot be read.
    #[error("the backup cannot be read: {0}")]
    Io(#[from] io::Error),
}

/// A backup that cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The disk refused.
    #[error("the backup cannot be written: {0}")]
    Io(#[from] io::Error),
    /// A record over the limit, or more chunks than a file can have: a bug of the caller.
    #[error("the backup cannot hold this history: this is a bug of hush")]
    TooLarge,
    /// Too little memory to make a key from the passphrase.
    #[error("no key can be made from this passphrase: there is too little memory")]
    Passphrase,
}
