//! `hush group`: making groups, looking at them, changing them.

use hushwire_content::display;
use hushwire_rpc::method::{
    AddToGroup, AdmitToGroup, AllowInGroup, ChangedGroup, CreateGroup, DescribeGroup, JoinGroup, LeaveGroup,
    LinkGroup, ListGroups, RefuseInGroup, RemoveFromGroup, RenameGroup, SetRole, ShowGroup,
};
use hushwire_rpc::shape::{self, ConversationStatus, Group};
use hushwire_rpc::{FaultKind, Profile};

use super::picture::{self, Wanted};
use crate::args::{GroupCommand, RoleName, WhoName};
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::run::Context;

pub(crate) async fn run(context: &Context, command: GroupCommand) -> Outcome {
    context.with_profile(async |profile| carry_out(context, profile, command).await).await
}

async fn carry_out(context: &Context, profile: &Profile, command: GroupCommand) -> Outcome {
    let timeout_s = context.timeout_s();
    let waiting = context.say.waiting("Waiting for the group…");
    let changed = match command {
        GroupCommand::Create { name, members } => {
            drop(waiting);
            return create(context, profile, CreateGroup { name, members, timeout_s }).await;
        }
        GroupCommand::List => {
            drop(waiting);
            return list(context, profile).await;
        }
        GroupCommand::Show { group } => {
            let group = profile.call(ShowGroup { group }).await?;
            drop(waiting);
            show(context, &group);
            return Ok(Exit::Ok);
        }
        GroupCommand::Picture { group, set, remove, to } => {
            drop(waiting);
            return picture::of_group(context, profile, Wanted { group, set, remove, to }).await;
        }
        command @ (GroupCommand::Link { .. } | GroupCommand::Join { .. } | GroupCommand::Refuse { .. }) => {
            drop(waiting);
            return by_link(context, profile, command).await;
        }
        GroupCommand::Admit { group, members, history } => {
            profile.call(AdmitToGroup { group, members, history, timeout_s }).await?
        }
        GroupCommand::Add { group, members, history } => {
            profile.call(AddToGroup { group, members, history, timeout_s }).await?
        }
        GroupCommand::Remove { group, members } => {
            profile.call(RemoveFromGroup { group, members, timeout_s }).await?
        }
        GroupCommand::Role { group, member, role } => {
            let role = role.meant();
            profile.call(SetRole { group, member, role, timeout_s }).await?
        }
        GroupCommand::Rename { group, name } => profile.call(RenameGroup { group, name, timeout_s }).await?,
        GroupCommand::Describe { group, text } => {
            profile.call(DescribeGroup { group, text, timeout_s }).await?
        }
        GroupCommand::Allow { group, add, details, write } => {
            let meant = |who: Option<WhoName>| who.map(WhoName::meant);
            let (add, details, write) = (meant(add), meant(details), meant(write));
            profile.call(AllowInGroup { group, add, details, write, timeout_s }).await?
        }
        GroupCommand::Leave { group } => profile.call(LeaveGroup { group, timeout_s }).await?,
    };
    drop(waiting);
    tell(context, changed)
}

async fn create(context: &Context, profile: &Profile, create: CreateGroup) -> Outcome {
    let made = {
        let _waiting = context.say.waiting("Making the group…");
        profile.call(create).await?
    };
    let Some(group) = made.group else {
        context.say.note("The group is kept and will be made the next time hush is online.");
        return Err(made.why.unwrap_or_else(|| Failure::error("the group is not made yet")));
    };
    show(context, &group);
    if made.missing > 0 {
        return Err(Failure::new(
            FaultKind::Partly,
            format!(
                "the group is there, but {} could not be added: hush history --group shows why",
                made.missing
            ),
        ));
    }
    Ok(Exit::Ok)
}

async fn list(context: &Context, profile: &Profile) -> Outcome {
    let groups = profile.call(ListGroups {}).await?;
    for group in &groups {
        let line = || {
            let left = if group.state == ConversationStatus::Closed { "  (left)" } else { "" };
            format!("{}  {} members{left}  {}", name(group), group.members.len(), group.id)
        };
        if context.say.data(group, line).is_err() {
            break;
        }
    }
    if groups.is_empty() {
        context.say.note("No groups yet: hush group create \"Family\" @somebody @somebody-else");
    }
    Ok(Exit::Ok)
}

/// What came of a change.
fn tell(context: &Context, changed: ChangedGroup) -> Outcome {
    changed.groups.iter().for_each(|group| show(context, group));
    if let Some(why) = changed.waiting {
        context.say.note("The change is kept and made the next time hush is online.");
        return Err(why);
    }
    changed.refused.map_or(Ok(Exit::Ok), Err)
}

/// Links, and asking by them.
async fn by_link(context: &Context, profile: &Profile, command: GroupCommand) -> Outcome {
    let timeout_s = context.timeout_s();
    let waiting = context.say.waiting("Waiting for the group…");
    match command {
        GroupCommand::Link { group, new, off } => {
            let linked = profile.call(LinkGroup { group, new, off, timeout_s }).await?;
            drop(waiting);
            let none = || "No link: nobody can ask to be let in.".to_owned();
            let _ = context.say.data(&linked, || linked.link.clone().unwrap_or_else(none));
            if let Some(why) = linked.waiting {
                context.say.note("The link is kept and made the next time hush is online.");
                return Err(why);
            }
            Ok(Exit::Ok)
        }
        GroupCommand::Join { link } => {
            let done = profile.call(JoinGroup { link, timeout_s }).await?;
            drop(waiting);
            let words = || "Asked. You are in the group as soon as an admin lets you in.".to_owned();
            let _ = context.say.data(&done, words);
            done.why.map_or(Ok(Exit::Ok), Err)
        }
        GroupCommand::Refuse { group, members } => {
            let group = profile.call(RefuseInGroup { group, members, timeout_s }).await?;
            drop(waiting);
            show(context, &group);
            Ok(Exit::Ok)
        }
        _ => Ok(Exit::Ok),
    }
}

fn show(context: &Context, group: &Group) {
    let _ = context.say.data(group, || lines(group));
}

fn name(group: &Group) -> String {
    display::line(&group.name).into_owned()
}

fn lines(group: &Group) -> String {
    let mut lines = vec![name(group)];
    if let Some(description) = &group.description {
        lines.push(display::text(description).into_owned());
    }
    if group.picture {
        lines.push("  It has a picture: hush group picture, with --to".to_owned());
    }
    for member in &group.members {
        let trust = if member.verified { "verified" } else { "unverified" };
        lines.push(format!("  {}  {}  {trust}", display::line(&member.name), member.role.word()));
    }
    let may = &group.permissions;
    lines.push(format!(
        "  add: {} · change details: {} · write: {}",
        may.add.word(),
        may.details.word(),
        may.write.word()
    ));
    for asking in &group.asking {
        lines.push(format!(
            "  {} asks to be let in: hush group admit, or refuse",
            display::line(&asking.name)
        ));
    }
    if group.state == ConversationStatus::Closed {
        lines.push("  You are not in this group any more.".to_owned());
    }
    lines.join("\n")
}

impl RoleName {
    const fn meant(self) -> shape::RoleName {
        match self {
            Self::Owner => shape::RoleName::Owner,
            Self::Admin => shape::RoleName::Admin,
            Self::Member => shape::RoleName::Member,
        }
    }
}

impl WhoName {
    const fn meant(self) -> shape::WhoName {
        match self {
            Self::Everybody => shape::WhoName::Everybody,
            Self::Admins => shape::WhoName::Admins,
        }
    }
}
