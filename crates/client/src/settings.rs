//! What a person has set, and the messages that they or their conversations marked. To set it: [`Command::Set`].
//!
//! [`Command::Set`]: crate::Command::Set

use hushwire_content::Picture;
use hushwire_engine::AccountSettings;
use hushwire_types::{AccountId, ConversationId};

use crate::client::{Client, ClientError};
use crate::view::{self, Marked, Row};

impl Client {
    /// What is set for everything.
    ///
    /// # Errors
    /// The database.
    pub async fn settings(&self) -> Result<AccountSettings, ClientError> {
        self.read(|view| Ok(hushwire_engine::account_settings(view)?)).await
    }

    /// Whether another device of this account has yet to be told something that was set here.
    ///
    /// # Errors
    /// The database.
    pub async fn has_untold_settings(&self) -> Result<bool, ClientError> {
        self.read(view::has_untold).await
    }

    /// What this account says of itself, its name and a few words; none where it has said nothing.
    ///
    /// # Errors
    /// The database.
    pub async fn own_profile(&self) -> Result<Option<(String, String)>, ClientError> {
        self.read(|view| Ok(hushwire_engine::own_profile(view)?)).await
    }

    /// What this account looks like to those it talks with.
    ///
    /// # Errors
    /// The database.
    pub async fn own_picture(&self) -> Result<Option<Picture>, ClientError> {
        self.read(|view| Ok(hushwire_engine::own_picture(view)?)).await
    }

    /// What somebody looks like, as they have shown it to this account.
    ///
    /// # Errors
    /// The database.
    pub async fn picture_of(&self, account: AccountId) -> Result<Option<Picture>, ClientError> {
        self.read(move |view| Ok(hushwire_engine::picture_of(view, &account)?)).await
    }

    /// The messages that this person marked, the newest first.
    ///
    /// # Errors
    /// The database.
    pub async fn starred(&self) -> Result<Vec<Marked>, ClientError> {
        self.read(view::starred).await
    }

    /// The messages that are pinned in a conversation, the one that was pinned last first.
    ///
    /// # Errors
    /// The database.
    pub async fn pinned(&self, conversation: ConversationId) -> Result<Vec<Row>, ClientError> {
        self.read(move |view| view::pinned(view, conversation)).await
    }
}
