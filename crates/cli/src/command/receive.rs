//! `hush receive`: the journal on standard output, at least once.
//!
//! The cursor moves after a line was written. A program that is killed between the two prints that line again, so
//! readers deduplicate by `seq`.

use hushwire_rpc::Profile;
use hushwire_rpc::method::{Ack, GetEvents, Sync};
use hushwire_rpc::shape::{Change, Standing};
use tokio::signal::unix::{SignalKind, signal};

use crate::args::Receive;
use crate::command::follow::{Also, Follow, Happened, TOGETHER};
use crate::command::shape;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::run::Context;
use crate::say::NobodyReads;

pub(crate) async fn run(context: &Context, receive: Receive) -> Outcome {
    context.with_profile(async |profile| print(context, profile, receive).await).await
}

async fn print(context: &Context, profile: &Profile, receive: Receive) -> Outcome {
    let cursor = receive.after.is_none().then_some(receive.cursor);
    let mut reader = Reader { context, profile, cursor, after: receive.after, printed: None };
    // What is here already needs no server.
    if reader.drain().await? == Flow::Ended {
        return Ok(Exit::Ok);
    }
    if receive.follow {
        return reader.follow().await;
    }
    let stands = {
        let _waiting = context.say.waiting("Waiting for the server…");
        profile.call(Sync { timeout_s: context.timeout_s() }).await?
    };
    context.tell_of_clock(&stands);
    reader.drain().await?;
    if stands.is_live() { Ok(Exit::Ok) } else { Err(stands.fault()) }
}

#[derive(PartialEq, Eq)]
enum Flow {
    Goes,
    Ended,
}

struct Reader<'a> {
    context: &'a Context,
    profile: &'a Profile,
    cursor: Option<String>,
    /// Where to go on; none for where the cursor stands.
    after: Option<u64>,
    printed: Option<u64>,
}

impl Reader<'_> {
    /// Prints what there is.
    async fn drain(&mut self) -> Result<Flow, Failure> {
        loop {
            let (cursor, after) = (self.cursor.clone(), self.after);
            let question = GetEvents { cursor, after, limit: Some(TOGETHER), ..GetEvents::default() };
            let page = self.profile.call(question).await?;
            if page.events.is_empty() {
                self.after = Some(page.after);
                return Ok(Flow::Goes);
            }
            for change in page.events {
                if self.print(change).is_err() {
                    self.remember().await?;
                    return Ok(Flow::Ended);
                }
            }
            self.remember().await?;
        }
    }

    /// Prints what comes until somebody ends it.
    async fn follow(&mut self) -> Outcome {
        let (mut interrupt, mut terminate) =
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let mut follow = Follow::after(self.profile, self.after.unwrap_or(0), Also::Nothing);
        loop {
            let happened = tokio::select! {
                happened = follow.next() => happened,
                _ = interrupt.recv() => return Ok(Exit::Ok),
                _ = terminate.recv() => return Ok(Exit::Ok),
            };
            let mut next = Some(happened?);
            while let Some(happened) = next.take() {
                match self.show(happened) {
                    Ok(Flow::Goes) => next = follow.ready().transpose()?,
                    ended => {
                        self.remember().await?;
                        return ended.map(|_| Exit::Ok);
                    }
                }
            }
            self.remember().await?;
        }
    }

    fn show(&mut self, happened: Happened) -> Result<Flow, Failure> {
        match happened {
            Happened::Change(change) => {
                if self.print(*change).is_err() {
                    return Ok(Flow::Ended);
                }
            }
            Happened::Link(Standing::Ended { why }) => return Err(why),
            Happened::Link(Standing::Offline { why: Some(why) }) => {
                self.context.say.note(&format!("Offline: {why}. Trying again…"));
            }
            Happened::Link(stands) => self.context.tell_of_clock(&stands),
            Happened::Writing(_) => {}
        }
        Ok(Flow::Goes)
    }

    fn print(&mut self, mut change: Change) -> Result<(), NobodyReads> {
        let seq = change.seq;
        if self.context.global.json {
            // The fields of the event say it already.
            change.message = None;
            self.context.say.data(&change, String::new)?;
        } else if let Some(line) = shape::change_line(&change, self.context.say.words()) {
            self.context.say.data(&(), || line)?;
        }
        (self.printed, self.after) = (Some(seq), Some(seq));
        Ok(())
    }

    async fn remember(&mut self) -> Result<(), Failure> {
        if let (Some(seq), Some(cursor)) = (self.printed.take(), &self.cursor) {
            self.profile.call(Ack { seq, cursor: Some(cursor.clone()) }).await?;
        }
        Ok(())
    }
}
