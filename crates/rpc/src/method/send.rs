//! Sending texts.

use hushwire_client::view::Settled;
use hushwire_client::{Client, Command, Link, Outcome, Queued, Recipient, TroubleKind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::time::timeout_at;

use super::Method;
use crate::desk::{Deadline, Desk, patience};
use crate::fault::{Fault, FaultKind};
use crate::target;

/// Sends a text. Who gets it and who does not stands in the answer, one fate for each recipient in the order in which they were
/// named, people first, then groups, then conversations; it is no error where one fails.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Send {
    /// To whom: @name, phone number, e-mail address or account id.
    #[serde(default)]
    pub to: Vec<String>,
    /// To which groups, by name or id.
    #[serde(default)]
    pub groups: Vec<String>,
    /// To which conversations that are here, by the ids that events have.
    #[serde(default)]
    pub conversations: Vec<String>,
    /// The text.
    pub text: String,
    /// Sending twice to somebody with the same key sends once, and both get the same answer.
    #[serde(default)]
    pub key: Option<String>,
    /// What to wait for.
    #[serde(default)]
    pub until: Until,
    /// How long to wait for the server, in seconds.
    #[serde(default)]
    pub timeout_s: Option<u64>,
}

/// What a sender waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Until {
    /// The server has it, or it cannot be sent now.
    #[default]
    Sent,
    /// It is stored here and will be sent, whatever happens to this process.
    Stored,
}

/// What became of a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sent {
    /// One for each recipient.
    pub fates: Vec<Fate>,
}

/// What became of a text for one recipient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fate {
    /// The recipient, as named.
    pub to: String,
    /// What became of it.
    pub state: FateState,
    /// The message's id, where it is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The conversation's id, where it is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<String>,
    /// Why it is not sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What kind of failure that is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<FaultKind>,
}

/// What became of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FateState {
    /// The server has it.
    Sent,
    /// It is stored here, and goes out when that is possible.
    Queued,
    /// It is not stored and will not be sent.
    Failed,
}

impl Fate {
    /// Why it is not sent, if it is not.
    #[must_use]
    pub fn fault(&self) -> Option<Fault> {
        Some(Fault::new(self.kind?, self.reason.clone()?))
    }

    fn new(to: String, state: FateState, queued: Option<Queued>, why: Option<Fault>) -> Self {
        Self {
            to,
            state,
            id: queued.map(|queued| queued.content.to_string()),
            conversation: queued.map(|queued| queued.conversation.to_string()),
            kind: why.as_ref().map(|why| why.kind),
            reason: why.map(|why| why.sentence),
        }
    }
}

impl Method for Send {
    const NAME: &'static str = "send";
    type Answer = Sent;

    fn timeout_s(&self) -> Option<u64> {
        self.timeout_s
    }

    async fn carry_out(self, desk: &Desk) -> Result<Sent, Fault> {
        let mut recipients = Vec::new();
        for name in self.to {
            let to = target::recipient(&name)?;
            recipients.push((name, to));
        }
        for name in self.groups {
            let group = desk.group(&name).await?;
            recipients.push((name, Recipient::Conversation(group.id)));
        }
        for id in self.conversations {
            let to = Recipient::Conversation(target::conversation(&id)?);
            recipients.push((id, to));
        }
        if recipients.is_empty() {
            return Err(Fault::usage("name at least one recipient"));
        }
        let deadline = Deadline::after(patience(self.timeout_s));
        online(&desk.client, deadline).await;
        let mut fates = Vec::new();
        for (name, to) in recipients {
            let key = self.key.as_ref().map(|key| format!("{key}/{name}"));
            let errand = Errand { to, text: self.text.clone(), key, until: self.until, deadline };
            let failed = |why| Fate::new(name.clone(), FateState::Failed, None, Some(why));
            fates.push(errand.run(desk, &name).await.unwrap_or_else(failed));
        }
        Ok(Sent { fates })
    }
}

/// A text on its way to one recipient.
struct Errand {
    to: Recipient,
    text: String,
    key: Option<String>,
    until: Until,
    deadline: Deadline,
}

impl Errand {
    async fn run(self, desk: &Desk, name: &str) -> Result<Fate, Fault> {
        let client = &desk.client;
        if let Recipient::Account(account) = self.to {
            desk.know(account, self.deadline.left()).await?;
        }
        let offline = || Fault::of_link(&client.link().borrow());
        let send = client.send(self.to, self.text, self.key);
        let queued = timeout_at(self.deadline.0, send).await.map_err(|_| offline())??;
        match self.until {
            Until::Stored => Ok(Fate::new(name.to_owned(), FateState::Queued, Some(queued), None)),
            Until::Sent => settle(client, name.to_owned(), queued, self.deadline).await,
        }
    }
}

/// Carries out a command that stores a message, and waits until the server has it.
pub(super) async fn deliver(
    desk: &Desk,
    name: String,
    command: Command,
    timeout_s: Option<u64>,
) -> Result<Fate, Fault> {
    let deadline = Deadline::after(patience(timeout_s));
    match desk.client.command(command).await? {
        Outcome::Queued { conversation, content } => {
            settle(&desk.client, name, Queued { conversation, content }, deadline).await
        }
        _ => Err(Fault::error("the message was not stored")),
    }
}

/// Waits until the server has a message that is stored, or until it cannot be sent now.
async fn settle(client: &Client, name: String, queued: Queued, deadline: Deadline) -> Result<Fate, Fault> {
    let offline = || Fault::of_link(&client.link().borrow());
    let fate = |state, why| Fate::new(name, state, Some(queued), why);
    Ok(match client.settled(queued, deadline.left()).await? {
        Settled::Sent { .. } => fate(FateState::Sent, None),
        Settled::Failed { reason } => return Err(Fault::error(reason)),
        Settled::Waiting if is_put_out(client) => return Err(offline()),
        Settled::Waiting => {
            let Fault { kind, sentence } = offline();
            let sentence = format!(
                "{}. The message is kept and goes out the next time hush is online",
                sentence.trim_end_matches('.')
            );
            let kind = if kind == FaultKind::Error { FaultKind::Network } else { kind };
            fate(FateState::Queued, Some(Fault::new(kind, sentence)))
        }
    })
}

/// Whether this device is no part of its account any more, so that nothing it has kept ever leaves.
fn is_put_out(client: &Client) -> bool {
    matches!(&*client.link().borrow(), Link::Ended { reason } if reason.kind == TroubleKind::PutOut)
}

/// Waits until the device is logged in, so that recipients can be looked up; a first look at a server that is away
/// does not last the whole deadline.
async fn online(client: &Client, deadline: Deadline) {
    let mut link = client.link();
    let settled = |link: &Link| {
        matches!(link, Link::Live | Link::CatchingUp | Link::Ended { .. } | Link::Offline { reason: Some(_) })
    };
    let _ = timeout_at(deadline.0, link.wait_for(settled)).await;
}
