//! What happens in a profile as it happens, whether this process has it open or a daemon.

use hushwire_rpc::Profile;
use hushwire_rpc::method::GetEvents;
use hushwire_rpc::shape::{Change, Events, Standing, Writes};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use crate::failure::Failure;

/// Events of one answer, and those that wait to be shown.
pub(crate) const TOGETHER: usize = 64;
/// How long one question waits for an answer, in seconds.
const WAIT_S: u64 = 50;

/// Something that happened.
pub(crate) enum Happened {
    /// An event of the journal.
    Change(Box<Change>),
    /// The connection stands otherwise.
    Link(Standing),
    /// Somebody writes, or has stopped.
    Writing(Writes),
}

/// What else is followed but the journal.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Also {
    /// Nothing.
    Nothing,
    /// Who is writing.
    Typing,
}

/// A stream of what happens. Ends with its value.
pub(crate) struct Follow {
    happened: mpsc::Receiver<Result<Happened, Failure>>,
    task: AbortHandle,
}

impl Follow {
    /// From the event after this number on.
    pub(crate) fn after(profile: &Profile, after: u64, also: Also) -> Self {
        let (tell, happened) = mpsc::channel(TOGETHER);
        // A task of its own: a question that is out is not asked again for each line that somebody types.
        let task = tokio::spawn(ask(profile.clone(), after, also, tell)).abort_handle();
        Self { happened, task }
    }

    /// The next thing. Safe to cancel.
    pub(crate) async fn next(&mut self) -> Result<Happened, Failure> {
        let closed = || Err(Failure::error("the profile was closed"));
        self.happened.recv().await.unwrap_or_else(closed)
    }

    /// The next thing, if it is here.
    pub(crate) fn ready(&mut self) -> Option<Result<Happened, Failure>> {
        self.happened.try_recv().ok()
    }
}

impl Drop for Follow {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn ask(profile: Profile, mut after: u64, also: Also, tell: mpsc::Sender<Result<Happened, Failure>>) {
    let mut known = Standing::Offline { why: None };
    loop {
        let question = GetEvents {
            after: Some(after),
            limit: Some(TOGETHER),
            wait_s: Some(WAIT_S),
            link: Some(known.clone()),
            cursor: None,
            typing: also == Also::Typing,
        };
        let Events { events, link, writing, .. } = match profile.call(question).await {
            Ok(events) => events,
            Err(failure) => {
                let _ = tell.send(Err(failure)).await;
                return;
            }
        };
        // It ended the wait, so the events came after it.
        for writes in writing {
            if tell.send(Ok(Happened::Writing(writes))).await.is_err() {
                return;
            }
        }
        for event in events {
            after = event.seq;
            if tell.send(Ok(Happened::Change(Box::new(event)))).await.is_err() {
                return;
            }
        }
        if link != known {
            known = link.clone();
            if tell.send(Ok(Happened::Link(link))).await.is_err() {
                return;
            }
        }
    }
}
