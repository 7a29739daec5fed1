//! `hush chat`: a plain conversation, line by line.
//!
//! At a terminal it says who is writing. It does not tell the others the same of whoever sits here: a terminal hands over whole lines, and
//! to look at single keys would take from it how lines are edited.

use std::io::BufRead;

use hushwire_rpc::Profile;
use hushwire_rpc::method::{FindConversation, Flush, GetEvents, History, Read, Send, Until};
use hushwire_rpc::shape::{Change, Place, Standing, Writes};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::args::Chat;
use crate::command::follow::{Also, Follow, Happened};
use crate::command::typists::Typists;
use crate::command::{message, shape};
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::run::Context;
use crate::say::Say;

/// Rows that are shown at the beginning.
const BEFORE: u32 = 10;

pub(crate) async fn run(context: &Context, chat: Chat) -> Outcome {
    context
        .with_profile(async |profile| {
            let Chat { with, group } = chat;
            let place = FindConversation { with, group, timeout_s: context.timeout_s() };
            let place = profile.call(place).await?;
            Talk { context, profile, place, typists: Typists::default() }.converse().await
        })
        .await
}

struct Talk<'a> {
    context: &'a Context,
    profile: &'a Profile,
    place: Place,
    typists: Typists,
}

impl Talk<'_> {
    async fn converse(mut self) -> Outcome {
        // From the last change on, so that nothing between the page and the stream is missed.
        let now = GetEvents { after: Some(0), limit: Some(1), ..GetEvents::default() };
        let now = self.profile.call(now).await?.last;
        let also = if self.context.say.is_watched() { Also::Typing } else { Also::Nothing };
        let mut follow = Follow::after(self.profile, now, also);
        if !self.show_page().await? {
            return Ok(Exit::Ok);
        }
        self.read().await;
        let mut interrupt = signal(SignalKind::interrupt())?;
        self.context.say.note("Type a line and press Enter to send it; Ctrl-D ends.");
        let mut lines = typed();
        loop {
            tokio::select! {
                line = lines.recv() => match line {
                    Some(line) if line.trim().is_empty() => {}
                    Some(line) => self.send(line).await,
                    None => return self.all_sent().await,
                },
                happened = follow.next() => {
                    if !self.show(happened?).await? {
                        return Ok(Exit::Ok);
                    }
                }
                _ = interrupt.recv() => return Ok(Exit::Ok),
            }
        }
    }

    /// Shows the last messages; false when nobody reads any more.
    async fn show_page(&self) -> Result<bool, Failure> {
        let conversation = Some(self.place.conversation.clone());
        let page = History { with: None, group: None, conversation, limit: Some(BEFORE), before: None };
        let page = self.profile.call(page).await?;
        Ok(page
            .messages
            .iter()
            .all(|row| self.context.say.data(row, || shape::row_line(row, self.context.say.words())).is_ok()))
    }

    /// What was shown is read.
    async fn read(&self) {
        let conversation = Some(self.place.conversation.clone());
        // A conversation that has not begun has nothing to read.
        let read = Read { with: None, group: None, conversation, id: None, timeout_s: Some(0) };
        let _ = self.profile.call(read).await;
    }

    async fn send(&self, text: String) {
        // A conversation with one person may not have begun yet.
        let (to, conversations) = match self.place.account.clone() {
            Some(account) => (vec![account], Vec::new()),
            None => (Vec::new(), vec![self.place.conversation.clone()]),
        };
        let timeout_s = self.context.timeout_s();
        let send =
            Send { to, groups: Vec::new(), conversations, text, key: None, until: Until::Stored, timeout_s };
        let failure = match self.profile.call(send).await {
            Ok(sent) => sent.fates.iter().find_map(|fate| fate.fault()),
            Err(failure) => Some(failure),
        };
        if let Some(failure) = failure {
            Say::warn(&failure.sentence);
        }
    }

    async fn all_sent(&self) -> Outcome {
        let _waiting = self.context.say.waiting("Sending…");
        let conversation = self.place.conversation.clone();
        let flush = Flush { conversation, timeout_s: self.context.timeout_s() };
        message::all_sent(self.profile.call(flush).await?)
    }

    /// Shows what happened; false when nobody reads any more.
    async fn show(&mut self, happened: Happened) -> Result<bool, Failure> {
        match happened {
            Happened::Change(change) => {
                if !self.show_change(*change).await {
                    return Ok(false);
                }
            }
            Happened::Link(Standing::Ended { why }) => return Err(why),
            Happened::Link(Standing::Offline { why: Some(why) }) => {
                self.context.say.note(&format!("Offline: {why}. Trying again…"));
            }
            Happened::Link(stands) => self.context.tell_of_clock(&stands),
            Happened::Writing(writes) => self.show_writing(&writes),
        }
        Ok(true)
    }

    fn show_writing(&mut self, writes: &Writes) {
        if writes.conversation == self.place.conversation && self.typists.is_new(writes, Instant::now()) {
            self.context.say.aside(&format!("{} is writing …", shape::name(&writes.from)));
        }
    }

    /// Shows an event of this conversation; false when nobody reads any more.
    async fn show_change(&mut self, change: Change) -> bool {
        let here = change.conversation.as_deref() == Some(self.place.conversation.as_str());
        let line = match change.kind.as_str() {
            "alert" => shape::change_line(&change, self.context.say.words()),
            "message" | "notice" | "failed" | "edited" | "deleted" | "reacted" | "voted" | "pinned"
                if here =>
            {
                shape::change_line(&change, self.context.say.words())
            }
            _ => None,
        };
        let is_message = here && change.kind == "message";
        if let (true, Some(author)) = (is_message, &change.account) {
            self.typists.has_written(author);
        }
        // The fields of the event say it already.
        let shown = Change { message: None, ..change };
        let Some(line) = line else { return true };
        if self.context.say.data(&shown, || line).is_err() {
            return false;
        }
        if is_message {
            self.read().await;
        }
        true
    }
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
