//! What people do to messages that are there.

use std::time::Duration;

use hushwire_client::{Command, MessageRef, Reach, Recipient, Setting};
use hushwire_types::ConversationId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use super::{Fate, Method, send};
use crate::desk::{Desk, LOOK_AGAIN, patience};
use crate::fault::Fault;
use crate::shape::{Marked, Row};
use crate::target;

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
        all_sent(desk, conversation, "flushed", patience(self.timeout_s)).await
    }
}

/// Waits until everything of a conversation has left.
pub(super) async fn all_sent(
    desk: &Desk,
    conversation: ConversationId,
    done: &str,
    patience: Duration,
) -> Result<Done, Fault> {
    let client = &desk.client;
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

about_a_conversation! {
    /// Says that you have read a conversation, all of it or up to a message.
    Read "message.read" -> Done {
        /// Up to this message, by its id or the beginning of that; none for all.
        #[serde(default)]
        id: Option<String>,
    } |read, desk, conversation| {
        let through = match &read.id {
            Some(id) => Some(desk.message(conversation, id).await?),
            None => None,
        };
        desk.client.command(Command::Read { conversation, through }).await?;
        all_sent(desk, conversation, "read", patience(read.timeout_s)).await
    }
}

about_a_conversation! {
    /// Says that you are writing in a conversation, or have stopped; to be said again and again while you write. Others see it where
    /// the settings allow that. Nothing of it is kept.
    Typing "message.typing" -> TypingTold {
        /// Whether you have stopped.
        #[serde(default)]
        stopped: bool,
    } |typing, desk, conversation| {
        desk.client.command(Command::Typing { conversation, stopped: typing.stopped }).await?;
        Ok(TypingTold {})
    }
}

/// It is told as soon as there is a connection, or not at all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TypingTold {}

about_a_message! {
    /// Pins a message for everyone in its conversation.
    Pin "message.pin" {} |_, message| ("pinned", Command::Pin { message, on: true })
}

about_a_message! {
    /// Lets a pinned message go.
    Unpin "message.unpin" {} |_, message| ("not pinned any more", Command::Pin { message, on: false })
}

about_a_message! {
    /// Marks a message for yourself, on all your devices.
    Star "message.star" {} |_, message| ("starred", Command::Set(Setting::Starred { message, on: true }))
}

about_a_message! {
    /// Takes such a mark away.
    Unstar "message.unstar" {} |_, message| {
        ("not starred any more", Command::Set(Setting::Starred { message, on: false }))
    }
}

about_a_conversation! {
    /// Lists the messages that are pinned in a conversation, the one that was pinned last first.
    Pinned "message.pinned" -> Vec<Row> {} |_pinned, desk, conversation| {
        Ok(desk.client.pinned(conversation).await?.iter().map(Row::from).collect())
    }
}

/// Lists the messages that you have starred, the newest first.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Starred {}

impl Method for Starred {
    const NAME: &'static str = "message.starred";
    type Answer = Vec<Marked>;

    async fn carry_out(self, desk: &Desk) -> Result<Vec<Marked>, Fault> {
        Ok(desk.client.starred().await?.iter().map(Marked::from).collect())
    }
}

about_a_conversation! {
    /// Sends a text on, to somebody else or elsewhere. It is shown as forwarded, without its author.
    Forward "message.forward" -> Fate {
        /// The message's id, or the beginning of that.
        id: String,
        /// To this person …
        #[serde(default)]
        to: Option<String>,
        /// … or to this group, by name or id.
        #[serde(default)]
        to_group: Option<String>,
        /// Forwarding twice with the same key forwards once.
        #[serde(default)]
        key: Option<String>,
    } |forward, desk, conversation| {
        let Forward { id, to, to_group, key, timeout_s, .. } = forward;
        let message = desk.message(conversation, &id).await?;
        let (name, to) = match (to, to_group) {
            (Some(person), None) => {
                let account = desk.person(&person, patience(timeout_s)).await?;
                (person, Recipient::Account(account))
            }
            (None, Some(group)) => {
                let id = desk.group(&group).await?.id;
                (group, Recipient::Conversation(id))
            }
            _ => return Err(Fault::usage("name one person or one group to forward to")),
        };
        send::deliver(desk, name, Command::Forward { message, to, key }, timeout_s).await
    }
}

about_a_conversation! {
    /// Sends the card of an account, by which others can add it. Who takes it knows the account for certain.
    SendCard "message.card" -> Fate {
        /// Whose.
        who: String,
    } |card, desk, conversation| {
        let account = desk.person(&card.who, patience(card.timeout_s)).await?;
        let to = card.with.or(card.group).unwrap_or_else(|| conversation.to_string());
        send::deliver(desk, to, Command::Card { conversation, account }, card.timeout_s).await
    }
}
