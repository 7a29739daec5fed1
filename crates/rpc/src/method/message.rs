//! What people do to messages that are there.

use std::time::Duration;

use hushwire_client::{Client, Command, MessageRef, Reach, Setting};
use hushwire_types::ConversationId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use super::Method;
use crate::desk::{Desk, patience};
use crate::fault::Fault;
use crate::target::{self, Meant};

/// How soon to look again whether something has left.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Something was done to a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Done {
    /// What.
    pub done: String,
    /// Whether the server has it; else it is kept and goes out later.
    pub sent: bool,
    /// Why the server does not have it yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Fault>,
}

/// Waits until everything of a conversation that was stored here has left for the server.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Flush {
    /// The conversation's id.
    pub conversation: String,
    /// How long to wait for the server, in seconds.
    #[serde(default)]
    pub timeout_s: Option<u64>,
}

impl Method for Flush {
    const NAME: &'static str = "conversation.flush";
    type Answer = Done;

    fn timeout_s(&self) -> Option<u64> {
        self.timeout_s
    }

    async fn carry_out(self, desk: &Desk) -> Result<Done, Fault> {
        let conversation = target::conversation(&self.conversation)?;
        all_sent(&desk.client, conversation, "flushed", patience(self.timeout_s)).await
    }
}

/// Waits until everything of a conversation has left.
async fn all_sent(
    client: &Client,
    conversation: ConversationId,
    done: &str,
    patience: Duration,
) -> Result<Done, Fault> {
    let mut changes = client.changes(client.last_change().await?);
    let mut tick = tokio::time::interval(LOOK_AGAIN);
    let all_sent = async {
        while client.has_unsent(conversation).await? {
            // What nobody sees is sent without a change.
            tokio::select! {
                change = changes.next() => drop(change?),
                _ = tick.tick() => {}
            }
        }
        Ok::<_, Fault>(())
    };
    let why = match timeout(patience, all_sent).await {
        Ok(sent) => sent.map(|()| None)?,
        Err(_) => Some(Fault::of_link(&client.link().borrow())),
    };
    Ok(Done { done: done.to_owned(), sent: why.is_none(), why })
}

/// The conversation that a method's parameters mean.
macro_rules! meant {
    ($method:expr) => {
        Meant {
            with: $method.with.as_deref(),
            group: $method.group.as_deref(),
            conversation: $method.conversation.as_deref(),
        }
    };
}

/// Declares a method about one message: where it is, which it is, and what more there is to say.
macro_rules! about_a_message {
    ($(#[$about:meta])* $name:ident $method:literal { $($(#[$field_about:meta])* $field:ident: $type:ty,)* } $carry_out:expr) => {
        $(#[$about])*
        #[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            /// In the conversation with this person …
            #[serde(default)]
            pub with: Option<String>,
            /// … or in this group, by name or id.
            #[serde(default)]
            pub group: Option<String>,
            /// … or the one with this id, which events have.
            #[serde(default)]
            pub conversation: Option<String>,
            /// The message's id, or the beginning of that.
            pub id: String,
            $($(#[$field_about])* pub $field: $type,)*
            /// How long to wait for the server, in seconds.
            #[serde(default)]
            pub timeout_s: Option<u64>,
        }

        impl Method for $name {
            const NAME: &'static str = $method;
            type Answer = Done;

            fn timeout_s(&self) -> Option<u64> {
                self.timeout_s
            }

            async fn carry_out(self, desk: &Desk) -> Result<Done, Fault> {
                let patience = patience(self.timeout_s);
                let found = desk.find(&meant!(self), patience).await?;
                let message = desk.message(found.conversation, &self.id).await?;
                let make: fn(Self, MessageRef) -> (&'static str, Command) = $carry_out;
                let (done, command) = make(self, message);
                desk.client.command(command).await?;
                all_sent(&desk.client, found.conversation, done, patience).await
            }
        }
    };
}

about_a_message! {
    /// Replies to a message with a text that quotes it.
    Reply "message.reply" {
        /// What you say.
        text: String,
        /// Replying twice with the same key replies once.
        #[serde(default)]
        key: Option<String>,
    } |reply, to| ("replied", Command::Reply { to, text: reply.text, key: reply.key })
}

about_a_message! {
    /// Reacts to a message with an emoji; without one, takes the reaction back.
    React "message.react" {
        /// The emoji.
        #[serde(default)]
        emoji: Option<String>,
    } |react, to| {
        let emoji = react.emoji.unwrap_or_default();
        let done = if emoji.is_empty() { "reaction taken back" } else { "reacted" };
        (done, Command::React { to, emoji })
    }
}

about_a_message! {
    /// Puts a text of yours otherwise; the earlier wording stays known.
    Edit "message.edit" {
        /// What it says from now on.
        text: String,
    } |edit, message| ("edited", Command::Edit { message, text: edit.text })
}

about_a_message! {
    /// Deletes a message for everyone, or here alone.
    Delete "message.delete" {
        /// On this device alone; nobody hears of it.
        #[serde(default)]
        here: bool,
    } |delete, message| {
        let reach = if delete.here { Reach::Here } else { Reach::Everyone };
        ("deleted", Command::Delete { message, reach })
    }
}

/// Says that you have read a conversation, all of it or up to a message.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Read {
    /// The conversation with this person …
    #[serde(default)]
    pub with: Option<String>,
    /// … or this group, by name or id.
    #[serde(default)]
    pub group: Option<String>,
    /// … or the one with this id, which events have.
    #[serde(default)]
    pub conversation: Option<String>,
    /// Up to this message, by its id or the beginning of that; none for all.
    #[serde(default)]
    pub id: Option<String>,
    /// How long to wait for the server, in seconds.
    #[serde(default)]
    pub timeout_s: Option<u64>,
}

impl Method for Read {
    const NAME: &'static str = "message.read";
    type Answer = Done;

    fn timeout_s(&self) -> Option<u64> {
        self.timeout_s
    }

    async fn carry_out(self, desk: &Desk) -> Result<Done, Fault> {
        let patience = patience(self.timeout_s);
        let found = desk.find(&meant!(self), patience).await?;
        let conversation = found.conversation;
        let through = match &self.id {
            Some(id) => Some(desk.message(conversation, id).await?),
            None => None,
        };
        desk.client.command(Command::Read { conversation, through }).await?;
        all_sent(&desk.client, conversation, "read", patience).await
    }
}

/// Whether others are told what you have read.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Receipts {
    /// Whether they are.
    pub on: bool,
}

/// How it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReceiptsSet {
    /// Whether others are told what you have read.
    pub read_receipts: bool,
}

impl Method for Receipts {
    const NAME: &'static str = "message.receipts";
    type Answer = ReceiptsSet;

    async fn carry_out(self, desk: &Desk) -> Result<ReceiptsSet, Fault> {
        desk.client.command(Command::Set(Setting::ReadReceipts { on: self.on })).await?;
        Ok(ReceiptsSet { read_receipts: self.on })
    }
}

/// Whether others see that you are writing.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Typing {
    /// Whether they do.
    pub on: bool,
}

/// How it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TypingSet {
    /// Whether others see that you are writing.
    pub typing: bool,
}

impl Method for Typing {
    const NAME: &'static str = "message.typing";
    type Answer = TypingSet;

    async fn carry_out(self, desk: &Desk) -> Result<TypingSet, Fault> {
        desk.client.command(Command::Set(Setting::TypingShown { on: self.on })).await?;
        Ok(TypingSet { typing: self.on })
    }
}
