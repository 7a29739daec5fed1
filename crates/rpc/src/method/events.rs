//! What happens: the journal, with cursors that callers move when they have dealt with what they were given.

use std::time::Duration;

use hushwire_client::{Link, Typing, view};
use hushwire_types::Seq;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use super::Method;
use crate::desk::{Desk, patience};
use crate::fault::Fault;
use crate::shape::{Change, Events, Standing, Writes};
use crate::subscription::next_typing;

/// The cursor of a caller that names none.
pub(crate) const CURSOR: &str = "rpc";
/// Events of one answer where the caller does not say.
const PAGE: usize = 100;
/// The most events of one answer.
const LONGEST_PAGE: usize = 1000;
/// As soon as the texts of an answer have more bytes than this, it is long enough.
const PAGE_BYTES: usize = 1 << 20;
/// The longest that an answer is waited for.
const LONGEST_POLL: Duration = Duration::from_secs(60);

/// Asks for events after a cursor or a number, in order, and waits for one where there is none yet. `ack` moves the cursor; what was not
/// acknowledged comes again.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetEvents {
    /// The name of the cursor: each reader sees everything once, at its own pace. `rpc` where it is left out.
    #[serde(default)]
    pub cursor: Option<String>,
    /// After this number, whatever the cursor says.
    #[serde(default)]
    pub after: Option<u64>,
    /// How many at most: 100 where it is left out, never more than 1,000, and fewer where texts are long.
    #[serde(default)]
    pub limit: Option<usize>,
    /// How long to wait for the first one, in seconds, at most 60; none for not at all.
    #[serde(default)]
    pub wait_s: Option<u64>,
    /// How the connection stood when the caller looked last: as soon as it stands otherwise, the answer comes.
    #[serde(default)]
    pub link: Option<Standing>,
    /// Whether to be told, too, who is writing: as soon as somebody does, the answer comes, with them in `writing`. What is said of it
    /// between two questions is lost, and said again after a few seconds while they write on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub typing: bool,
}

impl Method for GetEvents {
    const NAME: &'static str = "events";
    type Answer = Events;

    fn timeout_s(&self) -> Option<u64> {
        self.wait_s
    }

    async fn carry_out(self, desk: &Desk) -> Result<Events, Fault> {
        let mut typing = self.typing.then(|| desk.client.typing());
        let after = start(desk, self.cursor, self.after).await?;
        let limit = self.limit.unwrap_or(PAGE).clamp(1, LONGEST_PAGE);
        let wait = Duration::from_secs(self.wait_s.unwrap_or(0)).min(LONGEST_POLL);
        let mut changes = desk.client.changes(after);
        let (mut events, mut writing) = (Vec::new(), Vec::new());
        let mut link = desk.client.link();
        let moved =
            |link: &Link| self.link.as_ref().is_some_and(|known| *known != Standing::of(&desk.client, link));
        if !wait.is_zero() {
            let first = async {
                tokio::select! {
                    biased;
                    change = changes.next() => match change? {
                        Some(change) => Ok(First::Change(Box::new(change))),
                        None => Err(Fault::error("the profile was closed")),
                    },
                    _ = link.wait_for(moved) => Ok(First::Nothing),
                    () = desk.stopped() => Ok(First::Nothing),
                    writes = next_typing(&mut typing) => Ok(First::Typing(writes)),
                }
            };
            match timeout(wait, first).await.unwrap_or(Ok(First::Nothing))? {
                First::Change(change) => events.push(Change::from(change.as_ref())),
                First::Typing(typing) => writing.extend(writes(desk, &typing).await?),
                First::Nothing => {}
            }
        }
        let mut bytes = 0;
        while events.len() < limit && bytes < PAGE_BYTES {
            let Some(change) = changes.ready().await? else { break };
            let event = Change::from(&change);
            bytes += event.text.as_ref().map_or(0, String::len);
            events.push(event);
        }
        let last = desk.client.last_change().await?.0;
        Ok(Events { events, after: after.0, last, link: desk.standing(), writing })
    }
}

/// What ends the wait.
enum First {
    Change(Box<view::Change>),
    Typing(Typing),
    Nothing,
}

/// Who that is; nobody where this profile does not know them.
async fn writes(desk: &Desk, typing: &Typing) -> Result<Option<Writes>, Fault> {
    let person = desk.client.find(typing.account.to_string()).await?;
    Ok(person.map(|person| Writes {
        conversation: typing.conversation.to_string(),
        from: (&person).into(),
        stopped: typing.stopped,
    }))
}

/// Where a reader goes on.
pub(crate) async fn start(desk: &Desk, cursor: Option<String>, after: Option<u64>) -> Result<Seq, Fault> {
    match after {
        Some(after) => Ok(Seq(after)),
        None => Ok(desk.client.cursor(cursor.unwrap_or_else(|| CURSOR.to_owned())).await?),
    }
}

/// Remembers that everything up to a number was dealt with: it does not come again. A lower number than before changes nothing.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ack {
    /// The number of the last event that was dealt with.
    pub seq: u64,
    /// The name of the cursor; `rpc` where it is left out.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// Where a cursor stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Acked {
    /// The number of the last event that was dealt with.
    pub seq: u64,
}

impl Method for Ack {
    const NAME: &'static str = "ack";
    type Answer = Acked;

    async fn carry_out(self, desk: &Desk) -> Result<Acked, Fault> {
        let last = desk.client.last_change().await?;
        if self.seq > last.0 {
            return Err(Fault::usage(format!(
                "there is no event {} yet: the last one is {}",
                self.seq, last.0
            )));
        }
        let cursor = self.cursor.unwrap_or_else(|| CURSOR.to_owned());
        desk.client.advance(cursor.clone(), Seq(self.seq)).await?;
        Ok(Acked { seq: desk.client.cursor(cursor).await?.0 })
    }
}

/// Waits until everything that the server has for this device has come, or until that cannot be; says how the connection stands.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sync {
    /// How long to wait for the server, in seconds.
    #[serde(default)]
    pub timeout_s: Option<u64>,
}

impl Method for Sync {
    const NAME: &'static str = "sync";
    type Answer = Standing;

    fn timeout_s(&self) -> Option<u64> {
        self.timeout_s
    }

    async fn carry_out(self, desk: &Desk) -> Result<Standing, Fault> {
        Ok(desk.caught_up(patience(self.timeout_s)).await)
    }
}

/// Has every event sent as a notification `event` with the parameters `subscription` and `event`, from a cursor or a number on. `ack`
/// moves the cursor; what was not acknowledged comes again with the next subscription, after a restart too. Needs a connection that
/// stays: the Unix socket, standard input and output, or a WebSocket. A subscriber that does not read is waited for, and nothing is
/// kept for it meanwhile but the journal.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Subscribe {
    /// The name of the cursor: each reader sees everything once, at its own pace. `rpc` where it is left out.
    #[serde(default)]
    pub cursor: Option<String>,
    /// After this number, whatever the cursor says.
    #[serde(default)]
    pub after: Option<u64>,
    /// Whether to be told, too, who is writing: as notifications `typing` with `subscription`, `conversation`, `account` and
    /// `stopped`. They have no number and never come again; one that says nothing of an end holds for a few seconds.
    #[serde(default)]
    pub typing: bool,
}

/// A subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Subscribed {
    /// Its number, in this connection.
    pub subscription: u64,
    /// The event after which it begins.
    pub after: u64,
}

impl Method for Subscribe {
    const NAME: &'static str = "subscribe";
    type Answer = Subscribed;

    /// Connections that stay do it themselves.
    async fn carry_out(self, _: &Desk) -> Result<Subscribed, Fault> {
        Err(needs_a_connection())
    }
}

/// Ends a subscription.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Unsubscribe {
    /// Its number.
    pub subscription: u64,
}

/// Whether there was such a subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unsubscribed {
    /// Whether there was one.
    pub ended: bool,
}

impl Method for Unsubscribe {
    const NAME: &'static str = "unsubscribe";
    type Answer = Unsubscribed;

    /// Connections that stay do it themselves.
    async fn carry_out(self, _: &Desk) -> Result<Unsubscribed, Fault> {
        Err(needs_a_connection())
    }
}

fn needs_a_connection() -> Fault {
    Fault::usage("a subscription needs a connection that stays: over HTTP, ask for events with wait_s")
}
