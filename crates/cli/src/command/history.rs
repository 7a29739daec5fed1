//! `hush history`: what is here of a conversation, without waiting for the server.

use hushwire_rpc::Profile;
use hushwire_rpc::method;

use crate::args::History;
use crate::command::shape;
use crate::exit::Exit;
use crate::failure::Outcome;
use crate::run::Context;

pub(crate) async fn run(context: &Context, history: History) -> Outcome {
    context.with_profile(async |profile| show(context, profile, history).await).await
}

async fn show(context: &Context, profile: &Profile, history: History) -> Outcome {
    let of = match (&history.with, &history.group) {
        (_, Some(group)) => format!("--group {group:?}"),
        (with, None) => with.clone().unwrap_or_default(),
    };
    let History { with, group, limit, before } = history;
    let asked = method::History { with, group, conversation: None, limit: Some(limit), before };
    let page = profile.call(asked).await?;
    for row in &page.messages {
        if context.say.data(row, || shape::row_line(row, context.say.words())).is_err() {
            break;
        }
    }
    if let Some(before) = page.before {
        context.say.note(&format!("There is more: hush history {of} --before {before}"));
    }
    Ok(Exit::Ok)
}
