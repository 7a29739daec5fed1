//! The past: searched, written out, backed up, brought back.
//!
//! Files are those of the machine that the profile is open on, under whole paths. Secrets are parameters here, never arguments of a
//! command line; nothing of them is kept or logged.

use std::path::{Path, PathBuf};

use hushwire_client::view::Cursor;
use hushwire_client::{BackupKind, BackupOpener, Query, SearchPlace, World, backup_kind};
use hushwire_identity::BackupKey;
use hushwire_types::SecretBytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::Method;
use crate::desk::{Desk, LONGEST_WAIT_S};
use crate::fault::{Fault, FaultKind};
use crate::shape::{Found, Row, With};
use crate::target::Meant;
use crate::time::Time;

/// Hits of an answer where the caller does not say.
const HITS: u32 = 20;
/// The most hits of an answer.
const MOST_HITS: u32 = 1_000;
/// The most rows of a page that is written out.
const LONGEST_PAGE: u32 = 1_000;

/// Searches in all messages that are here, the latest first.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Search {
    /// Beginnings of words, in any case and with any accents; a message has all of them.
    pub words: String,
    /// Only the conversation with this person …
    #[serde(default)]
    pub with: Option<String>,
    /// … or this group, by name or id …
    #[serde(default)]
    pub group: Option<String>,
    /// … or the one with this id, which events have.
    #[serde(default)]
    pub conversation: Option<String>,
    /// Only what this person wrote.
    #[serde(default)]
    pub from: Option<String>,
    /// Only what was written on this day or later: 2026-11-23, or a time, 2026-11-23T18:00:00Z.
    #[serde(default)]
    pub after: Option<String>,
    /// Only what was written before this day or time.
    #[serde(default)]
    pub before: Option<String>,
    /// How many at most: 20 where it is left out, never more than 1,000.
    #[serde(default)]
    pub limit: Option<u32>,
    /// Go on where an earlier search ended.
    #[serde(default)]
    pub page: Option<i64>,
}

impl Method for Search {
    const NAME: &'static str = "search";
    type Answer = Found;

    async fn carry_out(self, desk: &Desk) -> Result<Found, Fault> {
        let mut query = Query::of(self.words, self.limit.unwrap_or(HITS).clamp(1, MOST_HITS));
        if self.with.is_some() || self.group.is_some() || self.conversation.is_some() {
            let (with, group) = (self.with.as_deref(), self.group.as_deref());
            let meant = Meant { with, group, conversation: self.conversation.as_deref() };
            query.conversation = Some(desk.known(&meant).await?);
        }
        if let Some(from) = self.from {
            let person = desk.client.find(from.clone()).await?;
            let nobody = || Fault::new(FaultKind::UnknownRecipient, format!("nobody is called {from} here"));
            query.account = Some(person.ok_or_else(nobody)?.account);
        }
        let time = |flag: &str, text: &str| {
            let sentence = format!("{flag} takes a day, 2026-11-23, or a time, 2026-11-23T18:00:00Z");
            Time::read(text).map(|time| time.0).ok_or_else(|| Fault::usage(sentence))
        };
        query.after = self.after.map(|text| time("after", &text)).transpose()?;
        query.before = self.before.map(|text| time("before", &text)).transpose()?;
        query.page = self.page.map(SearchPlace);
        Ok((&desk.client.search(query).await?).into())
    }
}

/// Gives a conversation from its beginning on, page by page, to be kept elsewhere. Messages that disappear are left out.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Export {
    /// The conversation with this person …
    #[serde(default)]
    pub with: Option<String>,
    /// … or this group, by name or id …
    #[serde(default)]
    pub group: Option<String>,
    /// … or the one with this id, which events have.
    #[serde(default)]
    pub conversation: Option<String>,
    /// What the page before had as `after`; none for the first page.
    #[serde(default)]
    pub after: Option<String>,
    /// How many rows at most: never more than 1,000.
    #[serde(default)]
    pub limit: Option<u32>,
}

/// A page of an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExportPage {
    /// The conversation's id.
    pub conversation: String,
    /// With whom it is.
    pub with: With,
    /// The rows, the oldest first, those that are not sent last.
    pub messages: Vec<Row>,
    /// How many messages that disappear stood between them.
    pub left_out: u64,
    /// Where the next page begins; none after the last one.
    pub after: Option<String>,
}

impl Method for Export {
    const NAME: &'static str = "export";
    type Answer = ExportPage;

    async fn carry_out(self, desk: &Desk) -> Result<ExportPage, Fault> {
        let (with, group) = (self.with.as_deref(), self.group.as_deref());
        let meant = Meant { with, group, conversation: self.conversation.as_deref() };
        let id = desk.known(&meant).await?;
        let after = self.after.as_deref().map(str::parse::<Cursor>).transpose();
        let after = after.map_err(|_| Fault::usage("after takes what the page before answered"))?;
        let known = desk.client.conversations().await?.into_iter().find(|known| known.id == id);
        let known = known.ok_or_else(|| {
            Fault::new(FaultKind::UnknownRecipient, "there is no such conversation in this profile")
        })?;
        let limit = self.limit.unwrap_or(LONGEST_PAGE).clamp(1, LONGEST_PAGE);
        let page = desk.client.forward(id, after, limit).await?;
        Ok(ExportPage {
            conversation: id.to_string(),
            with: (&known.with).into(),
            messages: page.messages.iter().map(Row::from).collect(),
            left_out: page.left_out,
            after: page.after.map(|after| after.to_string()),
        })
    }
}

/// Writes the history of the account to a new encrypted file.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateBackup {
    /// The file, by its whole path, where nothing is yet.
    pub file: PathBuf,
    /// A passphrase that opens it; without one, a key is made and answered.
    #[serde(default)]
    pub passphrase: Option<String>,
}

/// A backup.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct BackupMade {
    /// The file.
    pub file: PathBuf,
    /// How many messages are in it.
    pub messages: u64,
    /// The key that opens it, told this once; none where a passphrase does.
    pub backup_key: Option<String>,
}

impl Method for CreateBackup {
    const NAME: &'static str = "backup.create";
    type Answer = BackupMade;

    fn timeout_s(&self) -> Option<u64> {
        Some(LONGEST_WAIT_S)
    }

    async fn carry_out(self, desk: &Desk) -> Result<BackupMade, Fault> {
        whole(&self.file)?;
        let (opener, backup_key) = match self.passphrase {
            Some(text) => (BackupOpener::Passphrase(passphrase(&Zeroizing::new(text))?), None),
            None => {
                let key = BackupKey::generate(&*World::default().entropy);
                (BackupOpener::Random(key.secret().clone()), Some(key.to_text().to_string()))
            }
        };
        let messages = desk.client.create_backup(self.file.clone(), opener).await?;
        Ok(BackupMade { file: self.file, messages, backup_key })
    }
}

/// Adds what is missing here of the history in a backup of this account.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RestoreBackup {
    /// The file, by its whole path.
    pub file: PathBuf,
    /// The key or the passphrase that opens it.
    pub secret: String,
}

/// What a backup had that was not here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BackupRestored {
    /// Messages.
    pub messages: u64,
    /// Conversations.
    pub conversations: u64,
    /// Contacts.
    pub contacts: u64,
}

impl Method for RestoreBackup {
    const NAME: &'static str = "backup.restore";
    type Answer = BackupRestored;

    fn timeout_s(&self) -> Option<u64> {
        Some(LONGEST_WAIT_S)
    }

    async fn carry_out(self, desk: &Desk) -> Result<BackupRestored, Fault> {
        whole(&self.file)?;
        let opener = opener(&self.file, &Zeroizing::new(self.secret))?;
        let restored = desk.client.restore_backup(self.file, opener, |_| {}).await?;
        let hushwire_client::Restored { messages, conversations, contacts, .. } = restored;
        Ok(BackupRestored { messages, conversations, contacts })
    }
}

/// A daemon may have been started in another folder than its caller.
fn whole(file: &Path) -> Result<(), Fault> {
    if file.is_absolute() { Ok(()) } else { Err(Fault::usage("name the file by its whole path")) }
}

/// What opens the backup at `file`: a key or a passphrase, as its header says.
///
/// # Errors
/// The file is no backup, or the text no such key.
pub fn opener(file: &Path, secret: &str) -> Result<BackupOpener, Fault> {
    match backup_kind(file)? {
        BackupKind::Random => {
            let key = BackupKey::from_text(secret).map_err(|error| Fault::usage(error.to_string()))?;
            Ok(BackupOpener::Random(key.secret().clone()))
        }
        BackupKind::Passphrase => Ok(BackupOpener::Passphrase(passphrase(secret)?)),
    }
}

fn passphrase(text: &str) -> Result<SecretBytes, Fault> {
    use unicode_normalization::UnicodeNormalization;

    // The same letters typed on another system may be other bytes.
    let text: Zeroizing<String> = Zeroizing::new(text.nfc().collect());
    if text.is_empty() {
        return Err(Fault::usage("an empty passphrase protects nothing"));
    }
    Ok(SecretBytes::new(text.as_bytes().to_vec()))
}
