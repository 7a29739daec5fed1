//! Commands about groups that wait for what comes of them.

use std::time::Duration;

use hushwire_content::Picture;
use hushwire_engine::{Command, Event, GroupChange, Outcome, group_link, is_handing_history};
use hushwire_identity::LinkSecret;
use hushwire_types::{AccountId, ConversationId, Seq};
use tokio::time::timeout;

use crate::client::{Client, ClientError, closed};
use crate::view::{self, Group};

/// What came of a change that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Granted {
    /// The group is so now.
    Done,
    /// It cannot come true.
    Refused {
        /// One sentence.
        reason: String,
    },
    /// It is stored here, and is granted as soon as that is possible.
    Waiting,
}

impl Client {
    /// Makes a group of this account and `members`. When this returns it is stored, and will be made however often this
    /// program is killed; after `patience` it returns whether it is there or not.
    ///
    /// # Errors
    /// [`ClientError::Refused`] where nothing was stored.
    pub async fn create_group(
        &self,
        name: String,
        members: Vec<AccountId>,
        patience: Duration,
    ) -> Result<(ConversationId, Granted), ClientError> {
        let after = self.last_change().await?;
        let outcome = self.command(Command::CreateGroup { name, members }).await?;
        let Outcome::Begun { conversation } = outcome else { return Err(closed()) };
        let there = async {
            let mut changes = self.changes(after);
            while let Some(change) = changes.next().await? {
                if change.conversation == Some(conversation)
                    && self.group(conversation).await?.is_some_and(|group| !group.members.is_empty())
                {
                    return Ok(Granted::Done);
                }
            }
            Ok(Granted::Waiting)
        };
        let granted = timeout(patience, there).await.unwrap_or(Ok::<_, ClientError>(Granted::Waiting))?;
        Ok((conversation, granted))
    }

    /// Changes something in a group, and waits at most `patience` for it to come true.
    ///
    /// # Errors
    /// [`ClientError::Refused`] where the group does not allow it and nothing was stored.
    pub async fn change_group(
        &self,
        conversation: ConversationId,
        change: GroupChange,
        patience: Duration,
    ) -> Result<Granted, ClientError> {
        self.wish(Command::ChangeGroup { conversation, change }, patience).await
    }

    /// Gives a group a picture or takes it away, and waits at most `patience` for it to come true.
    ///
    /// # Errors
    /// As of [`Client::change_group`].
    pub async fn set_group_picture(
        &self,
        conversation: ConversationId,
        picture: Option<Picture>,
        patience: Duration,
    ) -> Result<Granted, ClientError> {
        self.wish(Command::SetGroupPicture { conversation, picture }, patience).await
    }

    /// The picture of a group; none while it is not here.
    ///
    /// # Errors
    /// The database.
    pub async fn group_picture(&self, conversation: ConversationId) -> Result<Option<Picture>, ClientError> {
        self.read(move |view| Ok(hushwire_engine::picture_of_group(view, &conversation)?)).await
    }

    /// Adds an account to a group, hands it at most `history` of the last messages, and waits at most `patience` for it to be in.
    ///
    /// # Errors
    /// As of [`Client::change_group`].
    pub async fn add_to_group(
        &self,
        conversation: ConversationId,
        account: AccountId,
        history: u32,
        patience: Duration,
    ) -> Result<Granted, ClientError> {
        self.wish(Command::AddToGroup { conversation, account, history }, patience).await
    }

    /// Waits at most `patience` until the server has all that is to be handed to newcomers of a group. Whether it has.
    ///
    /// # Errors
    /// The database.
    pub async fn handed_to_newcomers(
        &self,
        conversation: ConversationId,
        patience: Duration,
    ) -> Result<bool, ClientError> {
        let mut changes = self.changes(self.last_change().await?);
        let handed = async {
            while self.read(move |view| Ok(is_handing_history(view, &conversation)?)).await? {
                // Its end is one.
                changes.next().await?;
            }
            Ok(true)
        };
        timeout(patience, handed).await.unwrap_or(Ok(false))
    }

    async fn wish(&self, command: Command, patience: Duration) -> Result<Granted, ClientError> {
        let after = self.last_change().await?;
        match self.command(command).await? {
            Outcome::Wished { wish, .. } => {
                let ended = self.wish_ended(wish, after);
                timeout(patience, ended).await.unwrap_or(Ok(Granted::Waiting))
            }
            _ => Err(closed()),
        }
    }

    /// Does not take what a stranger wants; where that is a group, waits at most `patience` until it is left.
    ///
    /// # Errors
    /// [`ClientError::Refused`] where the conversation is none that waits.
    pub async fn decline(
        &self,
        conversation: ConversationId,
        patience: Duration,
    ) -> Result<Granted, ClientError> {
        let after = self.last_change().await?;
        match self.command(Command::Decline { conversation }).await? {
            Outcome::Wished { wish, .. } => {
                let ended = self.wish_ended(wish, after);
                timeout(patience, ended).await.unwrap_or(Ok(Granted::Waiting))
            }
            _ => Ok(Granted::Done),
        }
    }

    async fn wish_ended(&self, wish: i64, after: Seq) -> Result<Granted, ClientError> {
        let mut changes = self.changes(after);
        while let Some(change) = changes.next().await? {
            match change.event {
                Some(Event::Wish { wish: ended, refused }) if ended == wish => {
                    return Ok(refused.map_or(Granted::Done, |reason| Granted::Refused { reason }));
                }
                _ => {}
            }
        }
        Ok(Granted::Waiting)
    }

    /// A group, as of the newest epoch that this device has; none where the conversation is no group or not known.
    ///
    /// # Errors
    /// The database.
    pub async fn group(&self, conversation: ConversationId) -> Result<Option<Group>, ClientError> {
        self.read(move |view| view::group(view, conversation)).await
    }

    /// What the link of a group shows, where it has one.
    ///
    /// # Errors
    /// The database.
    pub async fn group_link(&self, conversation: ConversationId) -> Result<Option<LinkSecret>, ClientError> {
        self.read(move |view| Ok(group_link(view, &conversation)?)).await
    }

    /// The groups that `name` may mean: several may have the same name.
    ///
    /// # Errors
    /// The database.
    pub async fn find_groups(&self, name: String) -> Result<Vec<Group>, ClientError> {
        self.read(move |view| view::find_groups(view, &name)).await
    }
}
