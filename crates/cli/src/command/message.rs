//! `hush message`: what people do to messages that are there.

use hushwire_rpc::Profile;
use hushwire_rpc::method::{Delete, Done, Edit, React, Read, Receipts, Reply, Typing};
use serde_json::json;

use crate::args::{MessageCommand, Switch};
use crate::exit::Exit;
use crate::failure::Outcome;
use crate::run::Context;
use crate::say::Say;

pub(crate) async fn run(context: &Context, command: MessageCommand) -> Outcome {
    context.with_profile(async |profile| carry_out(context, profile, command).await).await
}

async fn carry_out(context: &Context, profile: &Profile, command: MessageCommand) -> Outcome {
    let (timeout_s, conversation) = (context.timeout_s(), None);
    let waiting = context.say.waiting("Sending…");
    let done = match command {
        MessageCommand::Reply { message, text } => {
            let (with, group, id) = (message.place.with, message.place.group, message.id);
            let reply = Reply { with, group, conversation, id, text, key: None, timeout_s };
            profile.call(reply).await?
        }
        MessageCommand::React { message, emoji } => {
            let (with, group, id) = (message.place.with, message.place.group, message.id);
            profile.call(React { with, group, conversation, id, emoji, timeout_s }).await?
        }
        MessageCommand::Edit { message, text } => {
            let (with, group, id) = (message.place.with, message.place.group, message.id);
            profile.call(Edit { with, group, conversation, id, text, timeout_s }).await?
        }
        MessageCommand::Delete { message, here } => {
            let (with, group, id) = (message.place.with, message.place.group, message.id);
            profile.call(Delete { with, group, conversation, id, here, timeout_s }).await?
        }
        MessageCommand::Read { place, id } => {
            let (with, group) = (place.with, place.group);
            profile.call(Read { with, group, conversation, id, timeout_s }).await?
        }
        MessageCommand::Receipts { tell } => {
            let on = tell == Switch::On;
            let set = profile.call(Receipts { on }).await?;
            let words =
                if on { "others are told what you have read" } else { "nobody is told what you have read" };
            drop(waiting);
            let _ = context.say.data(&set, || words.to_owned());
            return Ok(Exit::Ok);
        }
        MessageCommand::Typing { show } => {
            let on = show == Switch::On;
            let set = profile.call(Typing { on }).await?;
            let words =
                if on { "others see that you are writing" } else { "nobody sees that you are writing" };
            drop(waiting);
            let _ = context.say.data(&set, || words.to_owned());
            return Ok(Exit::Ok);
        }
    };
    drop(waiting);
    let shown = json!({ "done": done.done, "sent": done.sent });
    let _ = context.say.data(&shown, || done.done.clone());
    all_sent(done)
}

/// What it means that something has left, or not yet.
pub(crate) fn all_sent(done: Done) -> Outcome {
    let Some(why) = done.why else { return Ok(Exit::Ok) };
    Say::warn("what was not sent yet is kept and goes out the next time hush is online");
    Err(why)
}
