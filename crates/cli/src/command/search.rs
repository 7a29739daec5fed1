//! `hush search`: messages by their words, without the server.

use hushwire_content::display;
use hushwire_rpc::method;
use hushwire_rpc::shape::Hit;

use crate::args::Search;
use crate::command::shape;
use crate::exit::Exit;
use crate::failure::Outcome;
use crate::run::Context;
use crate::words::Words;

pub(crate) async fn run(context: &Context, search: Search) -> Outcome {
    let Search { words, with, group, from, after, before, limit, page } = search;
    let (words, conversation, limit) = (words.join(" "), None, Some(limit));
    let asked = method::Search { words, with, group, conversation, from, after, before, limit, page };
    context
        .with_profile(async |profile| {
            let found = profile.call(asked).await?;
            for hit in &found.hits {
                if context.say.data(hit, || line(hit, context.say.words())).is_err() {
                    break;
                }
            }
            if found.hits.is_empty() {
                context.say.note("Nothing found.");
            }
            if let Some(more) = found.more {
                context.say.note(&format!("There may be more: the same search with --page {more}"));
            }
            if !found.whole {
                context.say.note("Older messages are still being made searchable: ask again in a while.");
            }
            Ok(Exit::Ok)
        })
        .await
}

fn line(hit: &Hit, words: Words) -> String {
    let snippet: String = hit.snippet.iter().map(|piece| piece.text.as_str()).collect();
    let author = || shape::author(&hit.from, hit.handed_over_by.as_ref());
    let from = if hit.own { "you".to_owned() } else { author() };
    format!(
        "{}  {}  {from}: {}",
        shape::time_of(hit.sent_at, hit.accepted_at).local(),
        display::line(hit.with.name()),
        words.line(&snippet)
    )
}
