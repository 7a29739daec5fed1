//! Backups of an account's history: into a file, and out of one.
//!
//! Invariants:
//! - A backup is of one moment, whatever comes in meanwhile, and is in its place whole or not at all.
//! - A file is read to its end, which proves it whole, before anything of it is taken over.
//! - A restore that was cut off is begun again: what is here already changes nothing.
//! - Memory does not grow with the history.

use std::fs::File;
use std::io::{BufReader, Seek};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hushwire_backup::{Header, Reader, Writer};
use hushwire_client_store::StoreError;
use hushwire_engine::{Command, Outcome, Refusal, Restored, back_up};
use hushwire_types::{AccountId, Entropy, Timestamp};
use tokio::sync::mpsc;

use crate::client::{Client, ClientError, closed};
use crate::draft::{Draft, FileError};
use crate::worker::Gone;

pub use hushwire_backup::record::Head;
pub use hushwire_backup::{Key as BackupOpener, KeyKind as BackupKind, ReadError, Record, WriteError};

/// Records that are taken over in one transaction.
const TOGETHER: usize = 256;

/// A backup that could not be made or restored. Each is a sentence for the person.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// The file cannot be read as a backup.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The records cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The file cannot be made.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file cannot be opened.
    #[error("{} cannot be read: {source}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The profile.
    #[error(transparent)]
    Client(#[from] ClientError),
}

impl From<StoreError> for BackupError {
    fn from(error: StoreError) -> Self {
        Self::Client(error.into())
    }
}

impl From<Gone> for BackupError {
    fn from(error: Gone) -> Self {
        Self::Client(error.into())
    }
}

/// Which kind of key opens the backup at `path`, to know what to ask the person for.
///
/// # Errors
/// It is none, of a newer version, or cannot be read.
pub fn backup_kind(path: &Path) -> Result<BackupKind, BackupError> {
    Ok(Header::read(&mut open(path)?)?.kind())
}

/// Reads the backup at `path` to its end, which proves that `key` opens it and that it is whole; whose it is. To be asked before
/// anything is made for its sake.
///
/// # Errors
/// [`BackupError`].
pub async fn verify_backup(path: PathBuf, key: BackupOpener) -> Result<AccountId, BackupError> {
    let verify = move || Ok(check(&mut open(&path)?, &key)?);
    tokio::task::spawn_blocking(verify).await.map_err(|_| Gone)?
}

impl Client {
    /// Writes everything that this device knows of the account's history to a new file at `path`; how many messages. Keys,
    /// tokens and the state of groups are never in it, nor what waits to be sent.
    ///
    /// # Errors
    /// [`BackupError`]: then there is no such file.
    pub async fn create_backup(&self, path: PathBuf, key: BackupOpener) -> Result<u64, BackupError> {
        let mut reader = self.fresh_reader().await?;
        let (now, entropy) = (self.world().clock.now(), Arc::clone(&self.world().entropy));
        let write = move || {
            let draft = Draft::create(&path, &*entropy)?;
            reader.read(|view| write_backup(view, draft, &key, now, &*entropy))
        };
        tokio::task::spawn_blocking(write).await.map_err(|_| Gone)?
    }

    /// Adds what is missing here of the history in the backup at `path`, which must be of this account. `progress` is told
    /// after each step how many records were looked at.
    ///
    /// # Errors
    /// [`BackupError`]. Where the file is not whole or of another account, nothing was taken over.
    pub async fn restore_backup(
        &self,
        path: PathBuf,
        key: BackupOpener,
        mut progress: impl FnMut(u64) + Send,
    ) -> Result<Restored, BackupError> {
        let account = self.account().await?.account;
        let (batches, mut taken) = mpsc::channel(2);
        let read = tokio::task::spawn_blocking(move || read_backup(&path, &key, account, &batches));
        let (mut all, mut records) = (Restored::default(), 0);
        while let Some(batch) = taken.recv().await {
            records += u64::try_from(batch.len()).unwrap_or(u64::MAX);
            let command = Command::RestoreHistory { account, records: batch.into() };
            let Outcome::Restored(some) = self.command(command).await? else { return Err(closed().into()) };
            all.contacts += some.contacts;
            all.conversations += some.conversations;
            all.messages += some.messages;
            progress(records);
        }
        read.await.map_err(|_| Gone)??;
        Ok(all)
    }
}

fn write_backup(
    view: &hushwire_client_store::View<'_>,
    draft: Draft,
    key: &BackupOpener,
    now: Timestamp,
    entropy: &dyn Entropy,
) -> Result<u64, BackupError> {
    let mut writer = Writer::new(draft, key, entropy)?;
    let messages = back_up(view, now, &mut |record| Ok::<_, BackupError>(writer.write(record)?))?;
    writer.finish()?.finish()?;
    Ok(messages)
}

/// First to its end, then again for its records: both of the same open file.
fn read_backup(
    path: &Path,
    key: &BackupOpener,
    account: AccountId,
    batches: &mpsc::Sender<Vec<Record>>,
) -> Result<(), BackupError> {
    let mut file = open(path)?;
    let whole = check(&mut file, key)?;
    if whole != account {
        return Err(ClientError::from(Refusal::OtherBackup).into());
    }
    file.rewind().map_err(ReadError::from)?;
    let header = Header::read(&mut file)?;
    let mut reader = Reader::new(file, &header, key)?;
    let mut batch = Vec::with_capacity(TOGETHER);
    while let Some(record) = reader.next_record()? {
        batch.push(record);
        if batch.len() == TOGETHER && batches.blocking_send(std::mem::take(&mut batch)).is_err() {
            // Nobody waits for it any more.
            return Ok(());
        }
    }
    let _ = batches.blocking_send(batch);
    Ok(())
}

/// Whose backup it is, where it is whole.
fn check(file: &mut BufReader<File>, key: &BackupOpener) -> Result<AccountId, ReadError> {
    let header = Header::read(file)?;
    let mut reader = Reader::new(file, &header, key)?;
    let Some(Record::Head(head)) = reader.next_record()? else { return Err(ReadError::Damaged) };
    let (mut count, mut end) = (1_u64, None);
    while let Some(record) = reader.next_record()? {
        if end.is_some() {
            return Err(ReadError::Damaged);
        }
        match record {
            Record::End { records } => end = Some(records),
            _ => count += 1,
        }
    }
    // A newer hush may have written kinds of records that were passed over here, so there may be more.
    if end.is_some_and(|records| records >= count) { Ok(head.account) } else { Err(ReadError::Damaged) }
}

fn open(path: &Path) -> Result<BufReader<File>, BackupError> {
    let file = File::open(path).map_err(|source| BackupError::Open { path: path.to_owned(), source })?;
    Ok(BufReader::new(file))
}
