//! Links to groups: making them, asking by them, letting people in.

use hushwire_client::{Client, Command, Granted, GroupChange, Outcome, Role, direct_conversation_id, view};
use hushwire_identity::{GroupLink, InviteLink, LinkSecret};
use hushwire_types::{AccountId, ConversationId, OsEntropy};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::group::{Asked, ChangedGroup, change};
use super::message::all_sent;
use super::{Done, Method};
use crate::desk::{Desk, patience};
use crate::fault::Fault;
use crate::shape::Group;

/// Shows the link by which people ask to be let into a group. Where it has none yet, one in charge makes it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkGroup {
    /// The group's name or id.
    pub group: String,
    /// Make another one; the one before is void, and whoever asked by it asks again.
    #[serde(default)]
    pub new: bool,
    /// Let nobody ask by a link any more.
    #[serde(default)]
    pub off: bool,
    /// How long to wait for the group, in seconds.
    #[serde(default)]
    pub timeout_s: Option<u64>,
}

/// The link of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LinkedGroup {
    /// The link; none where there is none.
    pub link: Option<String>,
    /// Why it is not so yet: it is kept here, and made when the server can be reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Fault>,
}

impl Method for LinkGroup {
    const NAME: &'static str = "group.link";
    type Answer = LinkedGroup;

    fn timeout_s(&self) -> Option<u64> {
        self.timeout_s
    }

    async fn carry_out(self, desk: &Desk) -> Result<LinkedGroup, Fault> {
        if self.new && self.off {
            return Err(Fault::usage("a link is either new or off"));
        }
        let group = desk.group(&self.group).await?;
        let known = desk.client.group_link(group.id).await?;
        let wanted = match (self.off, known) {
            (true, _) => GroupChange::Unlink,
            (false, Some(secret)) if !self.new => {
                return Ok(LinkedGroup { link: Some(link(desk, &group, secret).await?), waiting: None });
            }
            _ => GroupChange::Link { secret: LinkSecret::generate(&OsEntropy) },
        };
        match desk.client.change_group(group.id, wanted, patience(self.timeout_s)).await? {
            Granted::Done => {
                let link = match desk.client.group_link(group.id).await? {
                    Some(secret) => Some(link(desk, &group, secret).await?),
                    None => None,
                };
                Ok(LinkedGroup { link, waiting: None })
            }
            Granted::Waiting => Ok(LinkedGroup { link: None, waiting: Some(desk.standing().fault()) }),
            Granted::Refused { reason } => Err(Fault::error(reason)),
        }
    }
}

/// The link that names this account where it is in charge, else the first that is.
async fn link(desk: &Desk, group: &view::Group, secret: LinkSecret) -> Result<String, Fault> {
    let own = desk.client.account().await?;
    let in_charge = |role: &Role| matches!(role, Role::Owner | Role::Admin);
    let asked = |account: AccountId| group.members.iter().find(|(person, _)| person.account == account);
    let me = asked(own.account).filter(|(_, role)| in_charge(role)).map(|(person, _)| person.account);
    // By rank, so those in charge are the first.
    let account = me.or_else(|| group.members.first().map(|(person, _)| person.account));
    let account = account.ok_or_else(|| Fault::error("the group has nobody who could be asked"))?;
    // In clear text only on loopback, where a link leads nowhere else.
    let server = own.server.trim_start_matches("ws://");
    let server: InviteLink = format!("hush://{server}#{}", own.fingerprint)
        .parse()
        .map_err(|error| Fault::error(format!("the server's address: {error}")))?;
    let InviteLink { host, port, fingerprint, .. } = server;
    Ok(GroupLink { host, port, fingerprint, conversation: group.id, account, secret }.to_string())
}

/// Asks to be let into a group, by its link. An admin decides.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JoinGroup {
    /// The link.
    pub link: String,
    /// How long to wait for the server, in seconds.
    #[serde(default)]
    pub timeout_s: Option<u64>,
}

impl Method for JoinGroup {
    const NAME: &'static str = "group.join";
    type Answer = Done;

    fn timeout_s(&self) -> Option<u64> {
        self.timeout_s
    }

    async fn carry_out(self, desk: &Desk) -> Result<Done, Fault> {
        let link: GroupLink =
            self.link.parse().map_err(|error| Fault::usage(format!("this link cannot be used: {error}")))?;
        let own = desk.client.account().await?;
        if link.fingerprint != own.fingerprint {
            return Err(Fault::usage(
                "the group is on another server than this profile: make a profile there first, with hush join",
            ));
        }
        let GroupLink { account, conversation, secret, .. } = link;
        let patience = patience(self.timeout_s);
        desk.know(account, patience).await?;
        asked(&desk.client, Command::AskToJoin { account, conversation, secret }).await?;
        all_sent(desk, direct_conversation_id(own.account, account), "asked", patience).await
    }
}

async fn asked(client: &Client, command: Command) -> Result<(), Fault> {
    match client.command(command).await? {
        Outcome::Done => Ok(()),
        _ => Err(Fault::error("the group cannot be asked for now")),
    }
}

/// Lets people into a group who asked for it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AdmitToGroup {
    /// The group's name or id.
    pub group: String,
    /// Whom.
    pub members: Vec<String>,
    /// Hand them so many of the last messages, as `group.add` does.
    #[serde(default)]
    pub history: Option<u32>,
    /// How long to wait for the group, in seconds.
    #[serde(default)]
    pub timeout_s: Option<u64>,
}

impl Method for AdmitToGroup {
    const NAME: &'static str = "group.admit";
    type Answer = ChangedGroup;

    fn timeout_s(&self) -> Option<u64> {
        self.timeout_s
    }

    async fn carry_out(self, desk: &Desk) -> Result<ChangedGroup, Fault> {
        let group = desk.group(&self.group).await?;
        let accounts = waiting(desk, &group, &self.members, self.timeout_s).await?;
        let history = self.history.unwrap_or_default();
        let changes = accounts.into_iter().map(|account| Asked::Add(account, history));
        change(desk, &group.id.to_string(), changes, self.timeout_s).await
    }
}

/// Does not let people into a group who asked for it. They are not told.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RefuseInGroup {
    /// The group's name or id.
    pub group: String,
    /// Whom.
    pub members: Vec<String>,
    /// How long to wait for the server, in seconds.
    #[serde(default)]
    pub timeout_s: Option<u64>,
}

impl Method for RefuseInGroup {
    const NAME: &'static str = "group.refuse";
    type Answer = Group;

    fn timeout_s(&self) -> Option<u64> {
        self.timeout_s
    }

    async fn carry_out(self, desk: &Desk) -> Result<Group, Fault> {
        let group = desk.group(&self.group).await?;
        let conversation: ConversationId = group.id;
        for account in waiting(desk, &group, &self.members, self.timeout_s).await? {
            asked(&desk.client, Command::RefuseAsk { conversation, account }).await?;
        }
        Ok((&desk.group(&conversation.to_string()).await?).into())
    }
}

/// The people of these names who wait to be let into a group.
async fn waiting(
    desk: &Desk,
    group: &view::Group,
    names: &[String],
    timeout_s: Option<u64>,
) -> Result<Vec<AccountId>, Fault> {
    let mut accounts = Vec::new();
    for name in names {
        let account = desk.person(name, patience(timeout_s)).await?;
        if !group.asking.iter().any(|person| person.account == account) {
            return Err(Fault::error(format!(
                "{name} does not ask to be let in, or does not any more: hush group show lists who does"
            )));
        }
        accounts.push(account);
    }
    if accounts.is_empty() {
        return Err(Fault::usage("name at least one person"));
    }
    Ok(accounts)
}
