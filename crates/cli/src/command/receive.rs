//! `hush receive`: the journal on standard output, at least once.
//!
//! The cursor moves after a line was written. A program that is killed between the two prints that line again, so
//! readers deduplicate by `seq`.

use hushwire_client::view::Change;
use hushwire_client::{Changes, Client, Link};
use hushwire_types::Seq;
use tokio::signal::unix::{SignalKind, signal};

use crate::args::Receive;
use crate::command::shape;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::run::Context;
use crate::say::NobodyReads;

/// Lines that are written before the cursor moves in one transaction.
const TOGETHER: usize = 64;

pub(crate) async fn run(context: &Context, receive: Receive) -> Outcome {
    let client = context.open()?;
    let done = print(context, &client, receive).await;
    context.close(client).await;
    done
}

async fn print(context: &Context, client: &Client, receive: Receive) -> Outcome {
    let kept = receive.after.is_none();
    let after = match receive.after {
        Some(seq) => Seq(seq),
        None => client.cursor(receive.cursor.clone()).await?,
    };
    let mut reader = Reader {
        context,
        client,
        changes: client.changes(after),
        cursor: kept.then_some(receive.cursor),
        printed: None,
        since: 0,
    };
    // What is here already needs no server.
    if reader.drain().await? == Flow::Ended {
        return Ok(Exit::Ok);
    }
    if receive.follow {
        return reader.follow().await;
    }
    let link = context.caught_up(client).await;
    reader.drain().await?;
    match link {
        Link::Live => Ok(Exit::Ok),
        other => Err(Failure::of_link(&other)),
    }
}

#[derive(PartialEq, Eq)]
enum Flow {
    Goes,
    Ended,
}

struct Reader<'a> {
    context: &'a Context,
    client: &'a Client,
    changes: Changes,
    cursor: Option<String>,
    printed: Option<Seq>,
    since: usize,
}

impl Reader<'_> {
    /// Prints what there is.
    async fn drain(&mut self) -> Result<Flow, Failure> {
        while let Some(change) = self.changes.ready().await? {
            if self.print(&change).is_err() {
                self.remember().await?;
                return Ok(Flow::Ended);
            }
            self.since += 1;
            if self.since >= TOGETHER {
                self.remember().await?;
            }
        }
        self.remember().await?;
        Ok(Flow::Goes)
    }

    /// Prints what comes until somebody ends it.
    async fn follow(&mut self) -> Outcome {
        let (mut interrupt, mut terminate) =
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let mut link = self.client.link();
        loop {
            tokio::select! {
                change = self.changes.next() => match change? {
                    Some(change) => {
                        if self.print(&change).is_err() || self.drain().await? == Flow::Ended {
                            return Ok(Exit::Ok);
                        }
                    }
                    None => return Err(Failure::error("the profile was closed")),
                },
                changed = link.changed() => {
                    let stands = link.borrow_and_update().clone();
                    match stands {
                        Link::Ended { reason } => return Err((&reason).into()),
                        Link::Live => self.context.tell_of_clock(self.client),
                        Link::Offline { reason: Some(reason) } => self.context.say.note(&format!("Offline: {reason}. Trying again…")),
                        _ if changed.is_err() => return Err(Failure::error("the profile was closed")),
                        _ => {}
                    }
                }
                _ = interrupt.recv() => return Ok(Exit::Ok),
                _ = terminate.recv() => return Ok(Exit::Ok),
            }
        }
    }

    fn print(&mut self, change: &Change) -> Result<(), NobodyReads> {
        if self.context.global.json {
            self.context.say.data(&shape::change(change), String::new)?;
        } else if let Some(line) = shape::change_line(change) {
            self.context.say.data(&serde_json::Value::Null, || line)?;
        }
        self.printed = Some(change.seq);
        Ok(())
    }

    async fn remember(&mut self) -> Result<(), Failure> {
        self.since = 0;
        if let (Some(seq), Some(cursor)) = (self.printed.take(), &self.cursor) {
            self.client.advance(cursor.clone(), seq).await?;
        }
        Ok(())
    }
}
