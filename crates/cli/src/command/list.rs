//! `hush conversations`, `hush contacts` and `hush whoami`: what is here already, without waiting for the server.

use std::fmt::Write as _;

use hushwire_client::{Client, ConversationState};
use hushwire_content::display;
use serde_json::json;

use crate::command::shape;
use crate::exit::Exit;
use crate::failure::Outcome;
use crate::run::Context;
use crate::when;

pub(crate) async fn conversations(context: &Context) -> Outcome {
    let client = context.open()?;
    let done = show_conversations(context, &client).await;
    client.close().await;
    done
}

async fn show_conversations(context: &Context, client: &Client) -> Outcome {
    let all = client.conversations().await?;
    for conversation in &all {
        let state = state(conversation.state);
        let object = json!({
            "id": conversation.id.to_string(),
            "with": shape::with(&conversation.with),
            "state": state,
            "last_activity": when::machine(conversation.last_activity),
            "unread": conversation.unread,
            "last": conversation.last.as_ref().map(|message| json!({
                "from": message.from.name, "own": message.own, "text": message.body.words(),
            })),
        });
        let line = || {
            let last = conversation.last.as_ref().map(|message| {
                let words = message.body.words();
                let words = display::line(&words).chars().take(60).collect::<String>();
                if message.own { format!("you: {words}") } else { words }
            });
            let mut mark = if state == "active" { String::new() } else { format!(" ({state})") };
            if conversation.unread > 0 {
                let _ = write!(mark, " ({} new)", conversation.unread);
            }
            format!(
                "{}  {}{mark}  {}",
                when::person(conversation.last_activity),
                display::line(conversation.with.name()),
                last.unwrap_or_default()
            )
        };
        if context.say.data(&object, line).is_err() {
            break;
        }
    }
    if all.is_empty() {
        context.say.note("No conversations yet: hush send @somebody \"hello\"");
    }
    Ok(Exit::Ok)
}

pub(crate) const fn state(state: ConversationState) -> &'static str {
    match state {
        ConversationState::Opening => "opening",
        ConversationState::Active => "active",
        ConversationState::Rejoining => "repairing",
        ConversationState::Broken => "damaged",
        ConversationState::Closed => "closed",
    }
}

pub(crate) async fn contacts(context: &Context) -> Outcome {
    let client = context.open()?;
    let done = show_contacts(context, &client).await;
    client.close().await;
    done
}

async fn show_contacts(context: &Context, client: &Client) -> Outcome {
    for contact in client.contacts().await? {
        let line = || {
            let trust = shape::trust(&contact.person.trust);
            format!("{}  {trust}  {}", shape::name(&contact.person), contact.person.account)
        };
        if context.say.data(&shape::contact(&contact), line).is_err() {
            break;
        }
    }
    Ok(Exit::Ok)
}

pub(crate) async fn whoami(context: &Context) -> Outcome {
    let client = context.open()?;
    let done = show_whoami(context, &client).await;
    client.close().await;
    done
}

async fn show_whoami(context: &Context, client: &Client) -> Outcome {
    let account = client.account().await?;
    let object = json!({
        "account": account.account.to_string(),
        "handle": account.handle,
        "device": account.device.to_string(),
        "device_name": account.device_name,
        "server": account.server,
        "fingerprint": account.fingerprint.to_string(),
        "created_at": when::machine(account.created_at),
    });
    let lines = || {
        format!(
            "{}\naccount      {}\ndevice       {} ({})\nserver       {}\nfingerprint  {}\nsince        {}",
            if account.handle.is_empty() { "(no handle any more)" } else { &account.handle },
            account.account,
            display::line(&account.device_name),
            account.device,
            account.server,
            account.fingerprint,
            when::person(account.created_at),
        )
    };
    let _ = context.say.data(&object, lines);
    Ok(Exit::Ok)
}
