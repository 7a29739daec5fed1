//! `hush chat`: a plain conversation, line by line.

use std::io::BufRead;

use hushwire_client::view::Change;
use hushwire_client::{Client, Command, Event, Link};
use hushwire_types::ConversationId;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::args::Chat;
use crate::command::target::{self, Target};
use crate::command::{send, shape};
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::run::Context;

/// Rows that are shown at the beginning.
const BEFORE: u32 = 10;

pub(crate) async fn run(context: &Context, chat: Chat) -> Outcome {
    let client = context.open()?;
    let done = converse(context, &client, &chat).await;
    context.close(client).await;
    done
}

async fn converse(context: &Context, client: &Client, chat: &Chat) -> Outcome {
    let Target { conversation, to } =
        target::find(context, client, chat.with.as_deref(), chat.group.as_deref()).await?;
    // From the last change on, so that nothing between the page and the stream is missed.
    let mut changes = client.changes(client.last_change().await?);
    let page = client.timeline(conversation, None, BEFORE).await?;
    for row in &page.messages {
        if context.say.data(&shape::row(row), || shape::row_line(row)).is_err() {
            return Ok(Exit::Ok);
        }
    }
    read(client, conversation).await;
    let mut interrupt = signal(SignalKind::interrupt())?;
    context.say.note("Type a line and press Enter to send it; Ctrl-D ends.");
    let mut lines = typed();
    let mut link = client.link();
    loop {
        tokio::select! {
            line = lines.recv() => match line {
                Some(line) if line.trim().is_empty() => {}
                Some(line) => {
                    if let Err(error) = client.send(to.clone(), line, None).await {
                        send::complain(error);
                    }
                }
                None => return send::all_sent(context, client, conversation).await,
            },
            change = changes.next() => match change? {
                Some(change) => {
                    if !show(context, &change, conversation) {
                        return Ok(Exit::Ok);
                    }
                    if change.conversation == Some(conversation) && matches!(change.event, Some(Event::Message { .. })) {
                        read(client, conversation).await;
                    }
                }
                None => return Err(Failure::error("the profile was closed")),
            },
            _ = link.changed() => {
                let stands = link.borrow_and_update().clone();
                match stands {
                    Link::Ended { reason } => return Err((&reason).into()),
                    Link::Live => context.tell_of_clock(client),
                    Link::Offline { reason: Some(reason) } => context.say.note(&format!("Offline: {reason}. Trying again…")),
                    _ => {}
                }
            }
            _ = interrupt.recv() => return Ok(Exit::Ok),
        }
    }
}

/// What was shown is read.
async fn read(client: &Client, conversation: ConversationId) {
    // A conversation that has not begun has nothing to read.
    let _ = client.command(Command::Read { conversation, through: None }).await;
}

/// Shows a change of this conversation; false when nobody reads any more.
fn show(context: &Context, change: &Change, conversation: ConversationId) -> bool {
    let here = change.conversation == Some(conversation);
    let line = match &change.event {
        Some(Event::Alert(_)) => shape::change_line(change),
        Some(Event::Message { .. } | Event::Notice | Event::Failed { .. }) if here => {
            shape::change_line(change)
        }
        _ => None,
    };
    line.is_none_or(|line| context.say.data(&shape::change(change), || line).is_ok())
}

/// Lines from standard input, read on a thread of their own, because a terminal cannot be waited for otherwise.
fn typed() -> mpsc::Receiver<String> {
    let (line, lines) = mpsc::channel(16);
    std::thread::spawn(move || {
        for text in std::io::stdin().lock().lines().map_while(Result::ok) {
            if line.blocking_send(text).is_err() {
                return;
            }
        }
    });
    lines
}
