//! `hush history`: what is here of a conversation, without waiting for the server.

use hushwire_client::view::Cursor;

use crate::args::History;
use crate::command::shape;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::run::Context;

pub(crate) async fn run(context: &Context, history: History) -> Outcome {
    let before = history.before.as_deref().map(str::parse::<Cursor>).transpose();
    let before =
        before.map_err(|_| Failure::usage("--before takes a cursor that an earlier page printed"))?;
    let client = context.open()?;
    let person = client.find(history.with.clone()).await?;
    let person = person.ok_or_else(|| {
        Failure::new(Exit::UnknownRecipient, format!("there is no conversation with {} here", history.with))
    })?;
    let own = client.account().await?.account;
    let conversation = hushwire_client::direct_conversation_id(own, person.account);
    let page = client.timeline(conversation, before, history.limit).await?;
    for row in &page.messages {
        if context.say.data(&shape::row(row), || shape::row_line(row)).is_err() {
            break;
        }
    }
    if let Some(before) = page.before {
        context.say.note(&format!("There is more: hush history {} --before {before}", history.with));
    }
    client.close().await;
    Ok(Exit::Ok)
}
