//! `hush history`: what is here of a conversation, without waiting for the server.

use hushwire_client::Client;
use hushwire_client::view::Cursor;
use hushwire_types::ConversationId;

use crate::args::History;
use crate::command::{shape, target};
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::run::Context;

pub(crate) async fn run(context: &Context, history: History) -> Outcome {
    let before = history.before.as_deref().map(str::parse::<Cursor>).transpose();
    let before =
        before.map_err(|_| Failure::usage("--before takes a cursor that an earlier page printed"))?;
    let client = context.open()?;
    let done = show(context, &client, &history, before).await;
    client.close().await;
    done
}

async fn show(context: &Context, client: &Client, history: &History, before: Option<Cursor>) -> Outcome {
    let conversation = conversation(client, history).await?;
    let page = client.timeline(conversation, before, history.limit).await?;
    for row in &page.messages {
        if context.say.data(&shape::row(row), || shape::row_line(row)).is_err() {
            break;
        }
    }
    if let Some(before) = page.before {
        let of = match (&history.with, &history.group) {
            (_, Some(group)) => format!("--group {group:?}"),
            (with, None) => with.clone().unwrap_or_default(),
        };
        context.say.note(&format!("There is more: hush history {of} --before {before}"));
    }
    Ok(Exit::Ok)
}

/// The conversation, without asking the server.
async fn conversation(client: &Client, history: &History) -> Result<ConversationId, Failure> {
    if let Some(group) = &history.group {
        return Ok(target::find_group(client, group).await?.id);
    }
    let with = history.with.clone().unwrap_or_default();
    let person = client.find(with.clone()).await?;
    let person = person.ok_or_else(|| {
        Failure::new(Exit::UnknownRecipient, format!("there is no conversation with {with} here"))
    })?;
    let own = client.account().await?.account;
    Ok(hushwire_client::direct_conversation_id(own, person.account))
}
