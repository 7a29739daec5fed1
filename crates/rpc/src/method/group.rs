//! Making groups, looking at them, changing them.

use hushwire_client::{Granted, GroupChange, Who};
use hushwire_types::AccountId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Method;
use crate::desk::{Deadline, Desk, patience};
use crate::fault::Fault;
use crate::shape::{Group, RoleName, WhoName};

/// Makes a group; you are its owner.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateGroup {
    /// What it is called, at most 64 characters. Only members can read it.
    pub name: String,
    /// Who is in it besides you.
    #[serde(default)]
    pub members: Vec<String>,
    /// How long to wait for the server, in seconds.
    #[serde(default)]
    pub timeout_s: Option<u64>,
}

/// A group that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MadeGroup {
    /// The group's id.
    pub id: String,
    /// The group; none where it is kept here and will be made when the server can be reached.
    pub group: Option<Group>,
    /// Why it is not made yet.
    pub why: Option<Fault>,
    /// How many of the members could not be added: the conversation's notices say why.
    pub missing: usize,
}

impl Method for CreateGroup {
    const NAME: &'static str = "group.create";
    type Answer = MadeGroup;

    fn timeout_s(&self) -> Option<u64> {
        self.timeout_s
    }

    async fn carry_out(self, desk: &Desk) -> Result<MadeGroup, Fault> {
        let patience = patience(self.timeout_s);
        let mut accounts = Vec::new();
        for member in &self.members {
            accounts.push(desk.person(member, patience).await?);
        }
        // Oneself is in it, too.
        let wanted = accounts.len() + 1;
        let (id, granted) = desk.client.create_group(self.name, accounts, patience).await?;
        let group = desk.client.group(id).await?.filter(|_| granted == Granted::Done);
        Ok(MadeGroup {
            id: id.to_string(),
            why: group.is_none().then(|| desk.standing().fault()),
            missing: group.as_ref().map_or(0, |group| wanted.saturating_sub(group.members.len())),
            group: group.as_ref().map(Group::from),
        })
    }
}

/// Lists the groups of this profile, those that were left too.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListGroups {}

impl Method for ListGroups {
    const NAME: &'static str = "group.list";
    type Answer = Vec<Group>;

    async fn carry_out(self, desk: &Desk) -> Result<Vec<Group>, Fault> {
        let mut groups = Vec::new();
        for conversation in desk.client.conversations().await? {
            let group = desk.client.group(conversation.id).await?;
            groups.extend(group.as_ref().map(Group::from));
        }
        Ok(groups)
    }
}

/// Shows who is in a group and who may do what.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowGroup {
    /// Its name or id.
    pub group: String,
}

impl Method for ShowGroup {
    const NAME: &'static str = "group.show";
    type Answer = Group;

    async fn carry_out(self, desk: &Desk) -> Result<Group, Fault> {
        Ok((&desk.group(&self.group).await?).into())
    }
}

/// A change of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChangedGroup {
    /// The group after each change that came true, in order.
    pub groups: Vec<Group>,
    /// Why the rest is not so yet: it is kept here, and made when the server can be reached.
    pub waiting: Option<Fault>,
    /// Why the rest cannot come true. Where nothing came true, that is the method's error.
    pub refused: Option<Fault>,
}

/// What is asked of a group.
pub(super) enum Asked {
    Change(GroupChange),
    /// To add an account, and to hand it so many of the last messages.
    Add(AccountId, u32),
}

impl From<GroupChange> for Asked {
    fn from(change: GroupChange) -> Self {
        Self::Change(change)
    }
}

/// Asks for changes, one after the other. The first one that does not come true ends it.
pub(super) async fn change(
    desk: &Desk,
    group: &str,
    changes: impl IntoIterator<Item = Asked>,
    timeout_s: Option<u64>,
) -> Result<ChangedGroup, Fault> {
    let id = desk.group(group).await?.id;
    let deadline = Deadline::after(patience(timeout_s));
    let mut changed = ChangedGroup { groups: Vec::new(), waiting: None, refused: None };
    let mut hands = false;
    for change in changes {
        let granted = match change {
            Asked::Change(change) => desk.client.change_group(id, change, deadline.left()).await,
            Asked::Add(account, history) => {
                hands |= history > 0;
                desk.client.add_to_group(id, account, history, deadline.left()).await
            }
        };
        let refused = match granted {
            Ok(Granted::Done) => {
                changed.groups.extend(desk.client.group(id).await?.as_ref().map(Group::from));
                continue;
            }
            Ok(Granted::Waiting) => {
                changed.waiting = Some(desk.standing().fault());
                break;
            }
            Ok(Granted::Refused { reason }) => Fault::error(reason),
            Err(error) => error.into(),
        };
        if changed.groups.is_empty() {
            return Err(refused);
        }
        changed.refused = Some(refused);
        break;
    }
    if hands && changed.waiting.is_none() && !desk.client.handed_to_newcomers(id, deadline.left()).await? {
        changed.waiting = Some(desk.standing().fault());
    }
    Ok(changed)
}

async fn people(desk: &Desk, names: &[String], timeout_s: Option<u64>) -> Result<Vec<AccountId>, Fault> {
    let mut accounts = Vec::new();
    for name in names {
        accounts.push(desk.person(name, patience(timeout_s)).await?);
    }
    if accounts.is_empty() {
        return Err(Fault::usage("name at least one person"));
    }
    Ok(accounts)
}

/// Declares a method that changes a group: what there is to say, and what it means.
macro_rules! group_change {
    ($(#[$about:meta])* $name:ident $method:literal { $($(#[$field_about:meta])* $field:ident: $type:ty,)* } |$this:ident, $desk:ident| $changes:expr) => {
        $(#[$about])*
        #[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            /// The group's name or id.
            pub group: String,
            $($(#[$field_about])* pub $field: $type,)*
            /// How long to wait for the group, in seconds.
            #[serde(default)]
            pub timeout_s: Option<u64>,
        }

        impl Method for $name {
            const NAME: &'static str = $method;
            type Answer = ChangedGroup;

            fn timeout_s(&self) -> Option<u64> {
                self.timeout_s
            }

            async fn carry_out(self, $desk: &Desk) -> Result<ChangedGroup, Fault> {
                let $this = self;
                let changes = $changes;
                change($desk, &$this.group, changes.into_iter().map(Asked::from), $this.timeout_s).await
            }
        }
    };
}

group_change! {
    /// Adds people to a group. They read what is written from then on, and what you hand them of before.
    AddToGroup "group.add" {
        /// Whom.
        members: Vec<String>,
        /// How many of the last messages they are handed, at most 200; none where it is left out. What disappears, was deleted or was
        /// only handed to you is not among them. They are shown them as yours to vouch for.
        #[serde(default)]
        history: Option<u32>,
    } |add, desk| {
        let accounts = people(desk, &add.members, add.timeout_s).await?;
        accounts.into_iter().map(|account| Asked::Add(account, add.history.unwrap_or_default())).collect::<Vec<_>>()
    }
}

group_change! {
    /// Puts people out of a group. They read nothing that is written afterwards.
    RemoveFromGroup "group.remove" {
        /// Whom.
        members: Vec<String>,
    } |remove, desk| {
        let accounts = people(desk, &remove.members, remove.timeout_s).await?;
        accounts.into_iter().map(|account| GroupChange::Remove { account }).collect::<Vec<_>>()
    }
}

group_change! {
    /// Makes somebody owner, admin or plain member of a group.
    SetRole "group.role" {
        /// Whom.
        member: String,
        /// What.
        role: RoleName,
    } |set, desk| {
        let role = set.role.wanted().ok_or_else(|| Fault::usage("nobody can be made that"))?;
        let account = desk.person(&set.member, patience(set.timeout_s)).await?;
        vec![GroupChange::Role { account, role }]
    }
}

group_change! {
    /// Gives a group another name.
    RenameGroup "group.rename" {
        /// The new name.
        name: String,
    } |rename, desk| vec![GroupChange::Name { name: rename.name }]
}

group_change! {
    /// Describes a group, in at most 500 characters; an empty text takes the description away.
    DescribeGroup "group.describe" {
        /// The description.
        text: String,
    } |describe, desk| vec![GroupChange::Describe { description: describe.text }]
}

group_change! {
    /// Says who may do what in a group; what is left out stays as it is.
    AllowInGroup "group.allow" {
        /// Who may add people.
        #[serde(default)]
        add: Option<WhoName>,
        /// Who may change name and description.
        #[serde(default)]
        details: Option<WhoName>,
        /// Who may write.
        #[serde(default)]
        write: Option<WhoName>,
    } |allow, desk| {
        let now = desk.group(&allow.group).await?;
        let meant = |wanted: Option<WhoName>, now: Who| wanted.unwrap_or_else(|| now.into()).wanted();
        vec![GroupChange::Permissions {
            add: meant(allow.add, now.add_by),
            details: meant(allow.details, now.details_by),
            write: meant(allow.write, now.write_by),
        }]
    }
}

group_change! {
    /// Leaves a group.
    LeaveGroup "group.leave" {} |leave, desk| vec![GroupChange::Leave]
}
