//! `hush group`: making groups, looking at them, changing them.

use hushwire_client::view::Group;
use hushwire_client::{Client, ConversationState, Granted, GroupChange, GroupRole, GroupWho, Role, Who};
use hushwire_content::display;
use serde_json::{Value, json};

use crate::args::{GroupCommand, RoleName, WhoName};
use crate::command::{list, shape, target};
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::run::Context;

pub(crate) async fn run(context: &Context, command: GroupCommand) -> Outcome {
    let client = context.open()?;
    let done = carry_out(context, &client, command).await;
    context.close(client).await;
    done
}

async fn carry_out(context: &Context, client: &Client, command: GroupCommand) -> Outcome {
    match command {
        GroupCommand::Create { name, members } => create(context, client, name, &members).await,
        GroupCommand::List => list(context, client).await,
        GroupCommand::Show { group } => {
            let group = target::find_group(client, &group).await?;
            show(context, &group);
            Ok(Exit::Ok)
        }
        GroupCommand::Add { group, members } => {
            each(context, client, &group, &members, |account| GroupChange::Add { account }).await
        }
        GroupCommand::Remove { group, members } => {
            each(context, client, &group, &members, |account| GroupChange::Remove { account }).await
        }
        GroupCommand::Role { group, member, role } => {
            let role = role.meant();
            each(context, client, &group, &[member], |account| GroupChange::Role { account, role }).await
        }
        GroupCommand::Rename { group, name } => {
            change(context, client, &group, GroupChange::Name { name }).await
        }
        GroupCommand::Describe { group, text } => {
            change(context, client, &group, GroupChange::Describe { description: text }).await
        }
        GroupCommand::Allow { group, add, details, write } => {
            let now = target::find_group(client, &group).await?;
            let meant = |wanted: Option<WhoName>, now: Who| wanted.map_or_else(|| as_is(now), WhoName::meant);
            let permissions = GroupChange::Permissions {
                add: meant(add, now.add_by),
                details: meant(details, now.details_by),
                write: meant(write, now.write_by),
            };
            change(context, client, &group, permissions).await
        }
        GroupCommand::Leave { group } => change(context, client, &group, GroupChange::Leave).await,
    }
}

async fn create(context: &Context, client: &Client, name: String, members: &[String]) -> Outcome {
    let mut accounts = Vec::new();
    for member in members {
        accounts.push(target::person(context, client, member).await?);
    }
    let wanted = accounts.len();
    let made = {
        let _waiting = context.say.waiting("Making the group…");
        client.create_group(name, accounts, context.patience()).await?
    };
    let (id, granted) = made;
    let group = client.group(id).await?;
    let Some(group) = group.filter(|_| granted == Granted::Done) else {
        let failure = Failure::of_link(&client.link().borrow());
        context.say.note("The group is kept and will be made the next time hush is online.");
        return Err(failure);
    };
    show(context, &group);
    // Oneself is in it, too.
    if group.members.len() <= wanted {
        let missing = wanted + 1 - group.members.len();
        return Err(Failure::new(
            Exit::PartlySent,
            format!("the group is there, but {missing} could not be added: hush history --group shows why"),
        ));
    }
    Ok(Exit::Ok)
}

async fn list(context: &Context, client: &Client) -> Outcome {
    let mut any = false;
    for conversation in client.conversations().await? {
        let Some(group) = client.group(conversation.id).await? else { continue };
        any = true;
        let line = || {
            let left = if group.state == ConversationState::Closed { "  (left)" } else { "" };
            format!("{}  {} members{left}  {}", name(&group), group.members.len(), group.id)
        };
        if context.say.data(&object(&group), line).is_err() {
            break;
        }
    }
    if !any {
        context.say.note("No groups yet: hush group create \"Family\" @somebody @somebody-else");
    }
    Ok(Exit::Ok)
}

/// Asks for one change for each member. The first one that does not come true ends it.
async fn each(
    context: &Context,
    client: &Client,
    group: &str,
    members: &[String],
    what: impl Fn(hushwire_types::AccountId) -> GroupChange,
) -> Outcome {
    for member in members {
        let account = target::person(context, client, member).await?;
        match change(context, client, group, what(account)).await {
            Ok(Exit::Ok) => {}
            other => return other,
        }
    }
    Ok(Exit::Ok)
}

async fn change(context: &Context, client: &Client, group: &str, change: GroupChange) -> Outcome {
    let id = target::find_group(client, group).await?.id;
    let granted = {
        let _waiting = context.say.waiting("Waiting for the group…");
        client.change_group(id, change, context.patience()).await?
    };
    match granted {
        Granted::Done => {
            if let Some(group) = client.group(id).await? {
                show(context, &group);
            }
            Ok(Exit::Ok)
        }
        Granted::Refused { reason } => Err(Failure::error(reason)),
        Granted::Waiting => {
            context.say.note("The change is kept and made the next time hush is online.");
            Err(Failure::of_link(&client.link().borrow()))
        }
    }
}

fn show(context: &Context, group: &Group) {
    let _ = context.say.data(&object(group), || lines(group));
}

fn name(group: &Group) -> String {
    display::line(&group.name).into_owned()
}

fn object(group: &Group) -> Value {
    let members = group.members.iter().map(|(person, role)| {
        let mut object = shape::person(person);
        if let Some(fields) = object.as_object_mut() {
            fields.insert("role".to_owned(), json!(role_name(*role)));
        }
        object
    });
    json!({
        "id": group.id.to_string(),
        "name": group.name,
        "description": group.description,
        "state": list::state(group.state),
        "members": members.collect::<Vec<Value>>(),
        "permissions": {
            "add": who_name(group.add_by),
            "details": who_name(group.details_by),
            "write": who_name(group.write_by),
        },
    })
}

fn lines(group: &Group) -> String {
    let mut lines = vec![name(group)];
    if let Some(description) = &group.description {
        lines.push(display::text(description).into_owned());
    }
    for (person, role) in &group.members {
        let trust = if person.is_verified() { "verified" } else { "unverified" };
        lines.push(format!("  {}  {}  {trust}", shape::name(person), role_name(*role)));
    }
    let (add, details, write) =
        (who_name(group.add_by), who_name(group.details_by), who_name(group.write_by));
    lines.push(format!("  add: {add} · change details: {details} · write: {write}"));
    if group.state == ConversationState::Closed {
        lines.push("  You are not in this group any more.".to_owned());
    }
    lines.join("\n")
}

const fn role_name(role: Role) -> &'static str {
    match role {
        Role::Owner => "owner",
        Role::Admin => "admin",
        Role::Member => "member",
        Role::Leaving => "leaving",
    }
}

const fn who_name(who: Who) -> &'static str {
    match who {
        Who::Everybody => "everybody",
        Who::Admins => "admins",
    }
}

const fn as_is(who: Who) -> GroupWho {
    match who {
        Who::Everybody => GroupWho::Everybody,
        Who::Admins => GroupWho::Admins,
    }
}

impl RoleName {
    const fn meant(self) -> GroupRole {
        match self {
            Self::Owner => GroupRole::Owner,
            Self::Admin => GroupRole::Admin,
            Self::Member => GroupRole::Member,
        }
    }
}

impl WhoName {
    const fn meant(self) -> GroupWho {
        match self {
            Self::Everybody => GroupWho::Everybody,
            Self::Admins => GroupWho::Admins,
        }
    }
}
