//! What is here already, without waiting for the server.

use hushwire_client::view::Cursor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Method;
use crate::desk::{Desk, patience};
use crate::fault::Fault;
use crate::shape::{Account, Contact, Conversation, Place, Row};
use crate::target::Meant;

/// Rows of a page where the caller does not say.
const PAGE: u32 = 50;
/// The most rows of a page.
const LONGEST_PAGE: u32 = 10_000;

/// Lists conversations: those that are pinned first, then the liveliest.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Conversations {
    /// Only those that are put away, or only those that are not.
    #[serde(default)]
    pub archived: Option<bool>,
    /// Only those that wait to be accepted, or only those that do not.
    #[serde(default)]
    pub requests: Option<bool>,
    /// Only those with something that was not read, or marked so.
    #[serde(default)]
    pub unread: bool,
    /// Only those with this label.
    #[serde(default)]
    pub label: Option<String>,
}

impl Conversations {
    fn wants(&self, conversation: &Conversation) -> bool {
        self.archived.is_none_or(|archived| conversation.archived == archived)
            && self.requests.is_none_or(|request| conversation.request == request)
            && (!self.unread || conversation.unread > 0 || conversation.marked_unread)
            && self.label.as_ref().is_none_or(|label| conversation.labels.contains(label))
    }
}

impl Method for Conversations {
    const NAME: &'static str = "conversations";
    type Answer = Vec<Conversation>;

    async fn carry_out(self, desk: &Desk) -> Result<Vec<Conversation>, Fault> {
        let now = desk.client.now();
        let all = desk.client.conversations().await?;
        let all = all.iter().map(|conversation| Conversation::of(conversation, now));
        Ok(all.filter(|conversation| self.wants(conversation)).collect())
    }
}

/// Finds the conversation with a person, whom it asks the server about where this profile does not know them, or that of a group.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FindConversation {
    /// The person …
    #[serde(default)]
    pub with: Option<String>,
    /// … or the group, by name or id.
    #[serde(default)]
    pub group: Option<String>,
    /// How long to wait for the server, in seconds.
    #[serde(default)]
    pub timeout_s: Option<u64>,
}

impl Method for FindConversation {
    const NAME: &'static str = "conversation.find";
    type Answer = Place;

    fn timeout_s(&self) -> Option<u64> {
        self.timeout_s
    }

    async fn carry_out(self, desk: &Desk) -> Result<Place, Fault> {
        let patience = patience(self.timeout_s);
        let meant = Meant { with: self.with.as_deref(), group: self.group.as_deref(), conversation: None };
        let found = desk.find(&meant, patience).await?;
        Ok(Place {
            conversation: found.conversation.to_string(),
            account: found.account.map(|account| account.to_string()),
        })
    }
}

/// Lists contacts.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Contacts {}

impl Method for Contacts {
    const NAME: &'static str = "contacts";
    type Answer = Vec<Contact>;

    async fn carry_out(self, desk: &Desk) -> Result<Vec<Contact>, Fault> {
        Ok(desk.client.contacts().await?.iter().map(Contact::from).collect())
    }
}

/// Shows this account and this device.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Whoami {}

impl Method for Whoami {
    const NAME: &'static str = "whoami";
    type Answer = Account;

    async fn carry_out(self, desk: &Desk) -> Result<Account, Fault> {
        Ok((&desk.client.account().await?).into())
    }
}

/// Shows a page of a conversation: the latest messages, or those before an earlier page.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct History {
    /// The conversation with this person …
    #[serde(default)]
    pub with: Option<String>,
    /// … or this group, by name or id.
    #[serde(default)]
    pub group: Option<String>,
    /// … or the one with this id, which events have.
    #[serde(default)]
    pub conversation: Option<String>,
    /// How many at most: 50 where it is left out, never more than 10,000.
    #[serde(default)]
    pub limit: Option<u32>,
    /// Only what is older than this cursor, which a page before had.
    #[serde(default)]
    pub before: Option<String>,
}

/// A page of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Page {
    /// The rows, the oldest first.
    pub messages: Vec<Row>,
    /// Where older ones begin; none at the beginning of the conversation.
    pub before: Option<String>,
}

impl Method for History {
    const NAME: &'static str = "history";
    type Answer = Page;

    async fn carry_out(self, desk: &Desk) -> Result<Page, Fault> {
        let before = self.before.as_deref().map(str::parse::<Cursor>).transpose();
        let before =
            before.map_err(|_| Fault::usage("--before takes a cursor that an earlier page printed"))?;
        let meant = Meant {
            with: self.with.as_deref(),
            group: self.group.as_deref(),
            conversation: self.conversation.as_deref(),
        };
        let conversation = desk.known(&meant).await?;
        let limit = self.limit.unwrap_or(PAGE).clamp(1, LONGEST_PAGE);
        let page = desk.client.timeline(conversation, before, limit).await?;
        Ok(Page {
            messages: page.messages.iter().map(Row::from).collect(),
            before: page.before.map(|before| before.to_string()),
        })
    }
}
