//! `hush message` and `hush poll`: what people do to messages that are there.

use hushwire_content::display;
use hushwire_rpc::method::{
    AskPoll, ClosePoll, Delete, Done, Edit, Fate, Forward, Pin, Pinned, React, Read, Reply, SendCard, Sent,
    Star, Starred, Unpin, Unstar, Vote,
};
use hushwire_rpc::shape::Marked;
use hushwire_rpc::{Method, Profile};
use serde_json::json;

use crate::args::{MessageArgs, MessageCommand, PollCommand};
use crate::command::{send, shape};
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
            let (with, group, id) = message.parts();
            let reply = Reply { with, group, conversation, id, text, key: None, timeout_s };
            profile.call(reply).await?
        }
        MessageCommand::React { message, emoji } => {
            let (with, group, id) = message.parts();
            profile.call(React { with, group, conversation, id, emoji, timeout_s }).await?
        }
        MessageCommand::Edit { message, text } => {
            let (with, group, id) = message.parts();
            profile.call(Edit { with, group, conversation, id, text, timeout_s }).await?
        }
        MessageCommand::Delete { message, here } => {
            let (with, group, id) = message.parts();
            profile.call(Delete { with, group, conversation, id, here, timeout_s }).await?
        }
        MessageCommand::Read { place, id } => {
            let (with, group) = (place.with, place.group);
            profile.call(Read { with, group, conversation, id, timeout_s }).await?
        }
        MessageCommand::Pin { message } => {
            let (with, group, id) = message.parts();
            profile.call(Pin { with, group, conversation, id, timeout_s }).await?
        }
        MessageCommand::Unpin { message } => {
            let (with, group, id) = message.parts();
            profile.call(Unpin { with, group, conversation, id, timeout_s }).await?
        }
        MessageCommand::Star { message } => {
            let (with, group, id) = message.parts();
            profile.call(Star { with, group, conversation, id, timeout_s }).await?
        }
        MessageCommand::Unstar { message } => {
            let (with, group, id) = message.parts();
            profile.call(Unstar { with, group, conversation, id, timeout_s }).await?
        }
        other => {
            drop(waiting);
            return elsewhere(context, profile, other).await;
        }
    };
    drop(waiting);
    tell(context, done)
}

/// What sends a message of its own, and what only looks.
async fn elsewhere(context: &Context, profile: &Profile, command: MessageCommand) -> Outcome {
    let (timeout_s, conversation) = (context.timeout_s(), None);
    match command {
        MessageCommand::Forward { message, to, to_group, key } => {
            let (with, group, id) = message.parts();
            let forward = Forward { with, group, conversation, id, to, to_group, key, timeout_s };
            sent(context, profile, forward).await
        }
        MessageCommand::Card { place, who } => {
            let (with, group) = (place.with, place.group);
            sent(context, profile, SendCard { with, group, conversation, who, timeout_s }).await
        }
        MessageCommand::Pinned { place } => {
            let (with, group) = (place.with, place.group);
            let rows = profile.call(Pinned { with, group, conversation, timeout_s }).await?;
            let shown = rows
                .iter()
                .try_for_each(|row| context.say.data(row, || shape::row_line(row, context.say.words())));
            if shown.is_ok() && rows.is_empty() {
                context.say.note("Nothing is pinned here.");
            }
            Ok(Exit::Ok)
        }
        _ => {
            let marked = profile.call(Starred {}).await?;
            let line = |marked: &Marked| {
                format!(
                    "{}  {}",
                    display::line(marked.with.name()),
                    shape::row_line(&marked.message, context.say.words())
                )
            };
            let shown = marked.iter().try_for_each(|marked| context.say.data(marked, || line(marked)));
            if shown.is_ok() && marked.is_empty() {
                context.say.note("Nothing is starred: hush message star --with @somebody ID");
            }
            Ok(Exit::Ok)
        }
    }
}

pub(crate) async fn poll(context: &Context, command: PollCommand) -> Outcome {
    context
        .with_profile(async |profile| {
            let (timeout_s, conversation) = (context.timeout_s(), None);
            let done = match command {
                PollCommand::Ask { place, question, answers, multiple } => {
                    let (with, group) = (place.with, place.group);
                    let ask = AskPoll { with, group, conversation, question, answers, multiple, timeout_s };
                    return sent(context, profile, ask).await;
                }
                PollCommand::Vote { message, answers } => {
                    let (with, group, id) = message.parts();
                    profile.call(Vote { with, group, conversation, id, answers, timeout_s }).await?
                }
                PollCommand::Close { message } => {
                    let (with, group, id) = message.parts();
                    profile.call(ClosePoll { with, group, conversation, id, timeout_s }).await?
                }
            };
            tell(context, done)
        })
        .await
}

/// Calls a method that sends a message, and says what became of it.
async fn sent<M: Method<Answer = Fate>>(context: &Context, profile: &Profile, method: M) -> Outcome {
    let fate = {
        let _waiting = context.say.waiting("Sending…");
        profile.call(method).await?
    };
    send::tell(context, &Sent { fates: vec![fate] })
}

impl MessageArgs {
    fn parts(self) -> (Option<String>, Option<String>, String) {
        (self.place.with, self.place.group, self.id)
    }
}

/// Says what was done, and whether it has left.
pub(crate) fn tell(context: &Context, done: Done) -> Outcome {
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
