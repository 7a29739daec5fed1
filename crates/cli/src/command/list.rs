//! `hush conversations`, `hush contacts` and `hush whoami`: what is here already, without waiting for the server.

use std::fmt::Write as _;

use hushwire_content::display;
use hushwire_rpc::method;
use hushwire_rpc::shape::{Conversation, ConversationStatus};

use crate::command::shape;
use crate::exit::Exit;
use crate::failure::Outcome;
use crate::run::Context;

pub(crate) async fn conversations(context: &Context) -> Outcome {
    context
        .with_profile(async |profile| {
            let all = profile.call(method::Conversations {}).await?;
            for conversation in &all {
                if context.say.data(conversation, || conversation_line(conversation)).is_err() {
                    break;
                }
            }
            if all.is_empty() {
                context.say.note("No conversations yet: hush send @somebody \"hello\"");
            }
            Ok(Exit::Ok)
        })
        .await
}

fn conversation_line(conversation: &Conversation) -> String {
    let last = conversation.last.as_ref().map(|last| {
        let words = display::line(&last.text).chars().take(60).collect::<String>();
        if last.own { format!("you: {words}") } else { words }
    });
    let mut mark = match conversation.state {
        ConversationStatus::Active => String::new(),
        state => format!(" ({})", state.word()),
    };
    if conversation.unread > 0 {
        let _ = write!(mark, " ({} new)", conversation.unread);
    }
    format!(
        "{}  {}{mark}  {}",
        conversation.last_activity.local(),
        display::line(conversation.with.name()),
        last.unwrap_or_default()
    )
}

pub(crate) async fn contacts(context: &Context) -> Outcome {
    context
        .with_profile(async |profile| {
            for contact in profile.call(method::Contacts {}).await? {
                let line = || {
                    let trust = shape::trust(contact.trust);
                    format!("{}  {trust}  {}", display::line(&contact.name), contact.account)
                };
                if context.say.data(&contact, line).is_err() {
                    break;
                }
            }
            Ok(Exit::Ok)
        })
        .await
}

pub(crate) async fn whoami(context: &Context) -> Outcome {
    context
        .with_profile(async |profile| {
            let account = profile.call(method::Whoami {}).await?;
            let lines = || {
                format!(
                    "{}\naccount      {}\ndevice       {} ({})\nserver       {}\nfingerprint  {}\nsince        {}",
                    if account.handle.is_empty() { "(no handle any more)" } else { &account.handle },
                    account.account,
                    display::line(&account.device_name),
                    account.device,
                    account.server,
                    account.fingerprint,
                    account.created_at.local(),
                )
            };
            let _ = context.say.data(&account, lines);
            Ok(Exit::Ok)
        })
        .await
}
