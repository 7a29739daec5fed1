//! `hush message`: what people do to messages that are there.

use hushwire_client::{Client, Command, MessageRef, Reach, Setting};
use hushwire_types::ConversationId;
use serde_json::json;

use crate::args::{MessageArgs, MessageCommand, PlaceArgs, Switch};
use crate::command::{send, target};
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::run::Context;

pub(crate) async fn run(context: &Context, command: MessageCommand) -> Outcome {
    let client = context.open()?;
    let done = carry_out(context, &client, command).await;
    context.close(client).await;
    done
}

async fn carry_out(context: &Context, client: &Client, command: MessageCommand) -> Outcome {
    let (conversation, what, command) = match command {
        MessageCommand::Reply { message, text } => {
            let to = find(context, client, &message).await?;
            (to.conversation, "replied", Command::Reply { to, text, key: None })
        }
        MessageCommand::React { message, emoji } => {
            let to = find(context, client, &message).await?;
            let emoji = emoji.unwrap_or_default();
            let what = if emoji.is_empty() { "reaction taken back" } else { "reacted" };
            (to.conversation, what, Command::React { to, emoji })
        }
        MessageCommand::Edit { message, text } => {
            let message = find(context, client, &message).await?;
            (message.conversation, "edited", Command::Edit { message, text })
        }
        MessageCommand::Delete { message, here } => {
            let message = find(context, client, &message).await?;
            let reach = if here { Reach::Here } else { Reach::Everyone };
            (message.conversation, "deleted", Command::Delete { message, reach })
        }
        MessageCommand::Read { place, id } => {
            let conversation = conversation(context, client, &place).await?;
            let through = match id {
                Some(id) => Some(named(client, conversation, &id).await?),
                None => None,
            };
            (conversation, "read", Command::Read { conversation, through })
        }
        MessageCommand::Receipts { tell } => {
            let on = tell == Switch::On;
            client.command(Command::Set(Setting::ReadReceipts { on })).await?;
            let words =
                if on { "others are told what you have read" } else { "nobody is told what you have read" };
            let _ = context.say.data(&json!({ "read_receipts": on }), || words.to_owned());
            return Ok(Exit::Ok);
        }
        MessageCommand::Typing { show } => {
            let on = show == Switch::On;
            client.command(Command::Set(Setting::TypingShown { on })).await?;
            let words =
                if on { "others see that you are writing" } else { "nobody sees that you are writing" };
            let _ = context.say.data(&json!({ "typing": on }), || words.to_owned());
            return Ok(Exit::Ok);
        }
    };
    client.command(command).await?;
    let sent = send::all_sent(context, client, conversation).await;
    let _ = context.say.data(&json!({ "done": what, "sent": sent.is_ok() }), || what.to_owned());
    sent
}

async fn conversation(
    context: &Context,
    client: &Client,
    place: &PlaceArgs,
) -> Result<ConversationId, Failure> {
    let found = target::find(context, client, place.with.as_deref(), place.group.as_deref()).await?;
    Ok(found.conversation)
}

async fn find(context: &Context, client: &Client, message: &MessageArgs) -> Result<MessageRef, Failure> {
    let conversation = conversation(context, client, &message.place).await?;
    named(client, conversation, &message.id).await
}

/// The one message that is meant.
async fn named(client: &Client, conversation: ConversationId, id: &str) -> Result<MessageRef, Failure> {
    let mut found = client.find_message(conversation, id.to_owned()).await?;
    match (found.pop(), found.len()) {
        (Some(only), 0) => Ok(only),
        (Some(_), _) => Err(Failure::usage(format!("several messages begin with {id}: give more of the id"))),
        (None, _) => {
            Err(Failure::usage(format!("there is no message {id} here: hush history --json shows ids")))
        }
    }
}
