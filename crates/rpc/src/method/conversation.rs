//! One conversation, and what is set for it.

use std::time::Duration;

use hushwire_client::{Client, Command, Granted, GroupChange, Setting, view};
use hushwire_types::{ConversationId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Method, message};
use crate::desk::{Desk, patience};
use crate::fault::{Fault, FaultKind};
use crate::shape::Conversation;

about_a_conversation! {
    /// Shows a conversation and what is set for it.
    ShowConversation "conversation.show" -> Conversation {} |_show, desk, id| show(&desk.client, id).await
}

about_a_conversation! {
    /// Sets something for a conversation; what is left out stays as it is. All but the timer is for yourself, on all your devices.
    SetConversation "conversation.set" -> Conversation {
        /// Whether nothing that happens in it makes itself heard.
        #[serde(default)]
        muted: Option<bool>,
        /// The same for so many seconds.
        #[serde(default)]
        muted_for_s: Option<u64>,
        /// Whether it is put away.
        #[serde(default)]
        archived: Option<bool>,
        /// Whether it stands before the others.
        #[serde(default)]
        pinned: Option<bool>,
        /// Whether it is shown as unread although it was read.
        #[serde(default)]
        unread: Option<bool>,
        /// All its labels: at most 16 of at most 32 characters.
        #[serde(default)]
        labels: Option<Vec<String>>,
        /// What is written and not sent yet; empty for nothing.
        #[serde(default)]
        draft: Option<String>,
        /// Whether others are told what you have read in it.
        #[serde(default)]
        receipts: Option<Told>,
        /// Whether others see that you are writing in it.
        #[serde(default)]
        typing: Option<Told>,
        /// How many seconds messages live from when they are read, at most four weeks; 0 for ever. For everyone in it.
        #[serde(default)]
        lives_for_s: Option<u32>,
    } |set, desk, id| {
        let known = find(&desk.client, id).await?;
        let (patience, lives_for_s) = (patience(set.timeout_s), set.lives_for_s);
        for setting in set.settings(id, desk.client.now())? {
            desk.client.command(Command::Set(setting)).await?;
        }
        desk.tell_own_devices(patience).await?;
        if let Some(lives_for_s) = lives_for_s {
            set_timer(desk, &known, lives_for_s, patience).await?;
        }
        show(&desk.client, id).await
    }
}

/// Whether others are told something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// They are.
    On,
    /// They are not.
    Off,
    /// As everywhere.
    Default,
}

impl Told {
    const fn meant(self) -> Option<bool> {
        match self {
            Self::On => Some(true),
            Self::Off => Some(false),
            Self::Default => None,
        }
    }
}

impl SetConversation {
    fn settings(self, conversation: ConversationId, now: Timestamp) -> Result<Vec<Setting>, Fault> {
        let until = match (self.muted, self.muted_for_s) {
            (None, None) => None,
            (Some(true), None) => Some(Some(Timestamp::from_ms(u64::MAX))),
            (Some(false), None) => Some(None),
            (None, Some(seconds)) => Some(Some(now.after(Duration::from_secs(seconds)))),
            (Some(_), Some(_)) => return Err(Fault::usage("give one of muted and muted_for_s")),
        };
        let settings = [
            until.map(|until| Setting::Muted { conversation, until }),
            self.archived.map(|on| Setting::Archived { conversation, on }),
            self.pinned.map(|on| Setting::Pinned { conversation, on }),
            self.unread.map(|on| Setting::Unread { conversation, on }),
            self.labels.map(|labels| Setting::Labels { conversation, labels }),
            self.draft.map(|text| Setting::Draft { conversation, text }),
            self.receipts.map(|told| Setting::ReceiptsIn { conversation, on: told.meant() }),
            self.typing.map(|told| Setting::TypingIn { conversation, on: told.meant() }),
        ];
        Ok(settings.into_iter().flatten().collect())
    }
}

async fn set_timer(
    desk: &Desk,
    known: &view::Conversation,
    lives_for_s: u32,
    patience: Duration,
) -> Result<(), Fault> {
    let conversation = known.id;
    if let view::With::Person(_) = known.with {
        desk.client.command(Command::Timer { conversation, lives_for_s }).await?;
        let sent = message::all_sent(desk, conversation, "set", patience).await?;
        return sent.why.map_or(Ok(()), Err);
    }
    let change = GroupChange::Timer { lives_for_s };
    match desk.client.change_group(conversation, change, patience).await? {
        Granted::Done => Ok(()),
        Granted::Waiting => Err(desk.standing().fault()),
        Granted::Refused { reason } => Err(Fault::error(reason)),
    }
}

async fn find(client: &Client, id: ConversationId) -> Result<view::Conversation, Fault> {
    let found = client.conversations().await?.into_iter().find(|known| known.id == id);
    found.ok_or_else(|| {
        Fault::new(FaultKind::UnknownRecipient, "there is no such conversation in this profile: write first")
    })
}

async fn show(client: &Client, id: ConversationId) -> Result<Conversation, Fault> {
    Ok(Conversation::of(&find(client, id).await?, client.now()))
}
