//! Moving over from the original: its accounts, its key and the messages that wait in its database.
//!
//! Invariant: twice is the same as once. Accounts are known by their keys, messages by their digests, also after they were read.

use std::path::Path;

use data_encoding::{BASE64, HEXLOWER_PERMISSIVE};
use hushwire_classic::crypto::{KeyFileError, Password};
use hushwire_classic::{CryptoError, DhPublicKey, MessageBlob, Phone, PublicKeys, RsaPem, SigningKey};
use hushwire_server_store::classic::{ClassicStored, CreateClassic, StoreClassic};
use hushwire_server_store::{Store, StoreError, Write, Written};
use hushwire_server_store_sqlite::{OpenError, Original, OriginalClient, OriginalMessage};
use hushwire_types::Timestamp;
use sha2::{Digest, Sha256};

use super::desk::{stored, stored_keys};
use super::key::{self, KeyError};

/// Operations of one transaction.
const BATCH: usize = 256;

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The database is not one of the original, or cannot be read.
    #[error("the database of the original cannot be read: {0}")]
    Original(#[from] OpenError),
    /// The key file cannot be read.
    #[error("the key file cannot be read: {0}")]
    File(#[from] std::io::Error),
    /// The key file holds something else, or needs its password.
    #[error("the key file cannot be used: {0}")]
    KeyFile(KeyFileError),
    /// The key file is encrypted and no password was given.
    #[error("the key file is encrypted: give its password with --password-file")]
    PasswordNeeded,
    /// This server's clients hold another key: it cannot have both.
    #[error(
        "this server has another key already, and clients that trust it: import into a server that nobody of wire version 1 uses"
    )]
    OtherKey,
    /// This server's own key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Signing failed.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// The store failed. What was imported stays; import again.
    #[error("the database cannot be written: {0}")]
    Store(#[from] StoreError),
}

impl From<KeyFileError> for ImportError {
    fn from(error: KeyFileError) -> Self {
        match error {
            KeyFileError::PasswordNeeded => Self::PasswordNeeded,
            other => Self::KeyFile(other),
        }
    }
}

/// What came of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Imported {
    /// Accounts that are new here.
    pub accounts: usize,
    /// Accounts that were here already.
    pub accounts_before: usize,
    /// Accounts that were never verified, or have no usable keys: they can register anew.
    pub accounts_unusable: usize,
    /// Accounts whose phone has other keys here.
    pub accounts_taken: usize,
    /// Messages that wait here now.
    pub messages: usize,
    /// Messages that were here before.
    pub messages_before: usize,
    /// Messages whose sender or recipient has no account here: nobody could verify them, or read them.
    pub messages_of_nobody: usize,
    /// Messages that are none, or that have no room.
    pub messages_refused: usize,
}

/// Takes over what the original has.
pub(crate) fn import(
    store: &dyn Store,
    data_dir: &Path,
    database: &Path,
    key_file: &Path,
    password: Option<&Password>,
    now: Timestamp,
) -> Result<Imported, ImportError> {
    let text = zeroize::Zeroizing::new(std::fs::read(key_file)?);
    let key = SigningKey::from_pem(&text, password)?;
    let original = Original::read(database)?;
    take_over(store, data_dir, &key)?;
    let mut imported = Imported::default();
    for client in original.clients {
        account(store, &key, client, now, &mut imported)?;
    }
    for batch in original.messages.chunks(BATCH) {
        messages(store, batch, now, &mut imported)?;
    }
    Ok(imported)
}

/// A key that nobody was given yet makes room for the original's.
fn take_over(store: &dyn Store, data_dir: &Path, key: &SigningKey) -> Result<(), ImportError> {
    if let Some(own) = key::load(data_dir)? {
        if own.public_pem()? == key.public_pem()? {
            return Ok(());
        }
        if store.classic_accounts()? > 0 {
            return Err(ImportError::OtherKey);
        }
        std::fs::remove_file(data_dir.join(key::FILE_NAME))?;
    }
    Ok(key::keep(data_dir, key)?)
}

fn account(
    store: &dyn Store,
    server: &SigningKey,
    client: OriginalClient,
    now: Timestamp,
    imported: &mut Imported,
) -> Result<(), ImportError> {
    let Some((phone, keys)) = usable(client) else {
        imported.accounts_unusable += 1;
        return Ok(());
    };
    if let Some(here) = store.classic_account(stored(phone))? {
        let same = here.keys.dh == keys.dh.0 && here.keys.rsa == *keys.rsa.as_bytes();
        let count = if same { &mut imported.accounts_before } else { &mut imported.accounts_taken };
        *count += 1;
        return Ok(());
    }
    let signed = match keys.sign(server) {
        Err(CryptoError::BadKey(_)) => {
            imported.accounts_unusable += 1;
            return Ok(());
        }
        signed => signed?,
    };
    let creation = CreateClassic { phone: stored(phone), keys: stored_keys(&signed) };
    let outcomes = store.write(vec![creation.into()], now)?;
    imported.accounts += outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    Ok(())
}

fn usable(client: OriginalClient) -> Option<(Phone, PublicKeys)> {
    let phone = client.phone.parse().ok().filter(|_| client.verified)?;
    let dh = DhPublicKey(client.dh?.try_into().ok()?);
    Some((phone, PublicKeys { dh, rsa: RsaPem::new(client.rsa?.into()).ok()? }))
}

fn messages(
    store: &dyn Store,
    batch: &[OriginalMessage],
    now: Timestamp,
    imported: &mut Imported,
) -> Result<(), ImportError> {
    let mut writes: Vec<Write> = Vec::with_capacity(batch.len());
    for row in batch {
        match message(row) {
            None => imported.messages_refused += 1,
            Some(message) if has_both(store, &message)? => writes.push(message.into()),
            Some(_) => imported.messages_of_nobody += 1,
        }
    }
    for outcome in store.write(writes, now)? {
        match outcome {
            Ok(Written::ClassicStored(ClassicStored::New)) => imported.messages += 1,
            Ok(_) => imported.messages_before += 1,
            Err(_) => imported.messages_refused += 1,
        }
    }
    Ok(())
}

/// Whether there are accounts of both.
fn has_both(store: &dyn Store, message: &StoreClassic) -> Result<bool, StoreError> {
    Ok(store.classic_account(message.recipient)?.is_some()
        && store.classic_account(message.sender)?.is_some())
}

fn message(row: &OriginalMessage) -> Option<StoreClassic> {
    let (recipient, sender): (Phone, Phone) = (row.receiver.parse().ok()?, row.sender.parse().ok()?);
    let blob = blob(&row.message)?;
    Some(StoreClassic {
        recipient: stored(recipient),
        sender: stored(sender),
        digest: digest(recipient, sender, &blob),
        blob: blob.as_bytes().clone(),
    })
}

/// By what a message is known that is stored twice.
pub(super) fn digest(recipient: Phone, sender: Phone, blob: &MessageBlob) -> [u8; 32] {
    let hash = Sha256::new().chain_update(recipient.to_wire()).chain_update(sender.to_wire());
    hash.chain_update(blob.as_bytes()).finalize().into()
}

/// The bytes of a message. The column is declared as text: where it is one, it is hexadecimal or base64.
fn blob(column: &[u8]) -> Option<MessageBlob> {
    let text = column.trim_ascii();
    let decoded = HEXLOWER_PERMISSIVE.decode(text).or_else(|_| BASE64.decode(text));
    let bytes = decoded.unwrap_or_else(|_| column.to_vec());
    MessageBlob::new(bytes.into()).ok()
}
