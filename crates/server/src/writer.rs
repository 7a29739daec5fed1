//! The one place that writes.
//!
//! It takes whatever jobs are queued, commits them as one durable transaction, and hands answers and publications to
//! the inboxes of their connections. There is no timer: a job that finds it idle is committed at once, jobs that come during a sync
//! share the next one. Acknowledgements alone start no batch; they wait for company, at most [`PATIENCE`].
//!
//! Where there are several cores it is a thread of its own, which never waits for a connection. On one core two threads that both have
//! enough to do are taken off it in the middle of their work, for as long as a slice of the scheduler is: there the writer is a task
//! that takes turns with the connections, and each batch is what they brought since the last. A commit that takes long ([`LONG`])
//! keeps connections waiting, so the next [`ASIDE`] are made beside them.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use hushwire_delivery::{Effect, Job, Service, Urgency};
use hushwire_types::Clock;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::inbox::Inboxes;

/// Jobs of one transaction.
const BATCH_JOBS: usize = 1024;
/// Bytes of bodies of one transaction.
const BATCH_BYTES: usize = 4 << 20;
/// Jobs that may wait; beyond, connections are told `Busy`.
const QUEUE: usize = 8192;
/// How long an acknowledgement waits for company.
const PATIENCE: Duration = Duration::from_millis(20);
/// A commit that takes longer is one that waits for the disk: the largest batch is a few milliseconds' work.
const LONG: Duration = Duration::from_millis(25);
/// So many commits are made aside after a long one.
const ASIDE: u32 = 64;

/// Where the writer runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In a thread of its own.
    Thread,
    /// In turns with the connections.
    Turns,
}

impl Place {
    /// What suits so many cores.
    pub(crate) const fn on(cores: usize) -> Self {
        if cores > 1 { Self::Thread } else { Self::Turns }
    }
}

/// Hands jobs to the writer. It ends, with everything that was queued committed, when the last one is dropped.
#[derive(Clone)]
pub(crate) struct Writer {
    jobs: Jobs,
}

#[derive(Clone)]
enum Jobs {
    Thread(SyncSender<Box<Job>>),
    Turns(mpsc::Sender<Box<Job>>),
}

/// The queue is full, or the server is stopping: here is the job back.
pub(crate) struct Refused(pub Box<Job>);

/// The writer as it runs.
pub(crate) enum Writing {
    Thread(std::thread::JoinHandle<()>),
    Turns(tokio::task::JoinHandle<()>),
}

impl Writing {
    /// Waits until it has ended.
    pub(crate) async fn ended(self) {
        // Whether it ended in a panic was told when it did.
        match self {
            Self::Thread(thread) => _ = tokio::task::spawn_blocking(move || thread.join()).await,
            Self::Turns(task) => _ = task.await,
        }
    }
}

/// What the writer does with a batch.
type Commit = dyn Fn(Vec<Job>) + Send + Sync;

impl Writer {
    /// Starts the writer; with [`Place::Turns`] inside a runtime. Effects go to `effects`.
    ///
    /// # Errors
    /// The operating system's, where it refuses a thread.
    pub(crate) fn start(
        service: Arc<Service>,
        inboxes: Arc<Inboxes>,
        clock: Arc<dyn Clock>,
        effects: mpsc::UnboundedSender<Effect>,
        place: Place,
    ) -> std::io::Result<(Self, Writing)> {
        let commit = move |batch: Vec<Job>| {
            metrics::histogram!("hushd_batch_jobs").record(u32::try_from(batch.len()).unwrap_or(u32::MAX));
            let outcome = service.commit(batch, clock.now());
            inboxes.post(outcome.outbound);
            for effect in outcome.effects {
                // Nobody receives effects while the process is ending; the code is asked for again.
                let _ = effects.send(effect);
            }
        };
        Self::run(Arc::new(commit), place)
    }

    fn run(commit: Arc<Commit>, place: Place) -> std::io::Result<(Self, Writing)> {
        let (jobs, writing) = match place {
            Place::Thread => {
                let (jobs, queue) = sync_channel(QUEUE);
                let work = move || {
                    while let Some(batch) = next_batch(&queue) {
                        commit(batch);
                    }
                };
                let thread = std::thread::Builder::new().name("writer".to_owned()).spawn(work)?;
                (Jobs::Thread(jobs), Writing::Thread(thread))
            }
            Place::Turns => {
                let (jobs, queue) = mpsc::channel(QUEUE);
                (Jobs::Turns(jobs), Writing::Turns(tokio::spawn(take_turns(queue, commit))))
            }
        };
        Ok((Self { jobs }, writing))
    }

    /// Queues a job.
    ///
    /// # Errors
    /// [`Refused`] with the job: answer `Busy`.
    pub(crate) fn submit(&self, job: Box<Job>) -> Result<(), Refused> {
        use std::sync::mpsc::TrySendError as Thread;

        use tokio::sync::mpsc::error::TrySendError as Turns;
        match &self.jobs {
            Jobs::Thread(jobs) => jobs.try_send(job).map_err(|error| match error {
                Thread::Full(job) | Thread::Disconnected(job) => Refused(job),
            }),
            Jobs::Turns(jobs) => jobs.try_send(job).map_err(|error| match error {
                Turns::Full(job) | Turns::Closed(job) => Refused(job),
            }),
        }
    }
}

/// Jobs of one transaction, as they are taken from the queue.
struct Batch {
    jobs: Vec<Job>,
    bytes: usize,
    urgent: bool,
}

impl Batch {
    fn of(first: Job) -> Self {
        let mut batch = Self { jobs: Vec::new(), bytes: 0, urgent: false };
        batch.push(first);
        batch
    }

    fn push(&mut self, job: Job) {
        self.urgent |= job.urgency() == Urgency::Now;
        self.bytes = self.bytes.saturating_add(job.bytes());
        self.jobs.push(job);
    }

    fn is_full(&self) -> bool {
        self.jobs.len() >= BATCH_JOBS || self.bytes >= BATCH_BYTES
    }

    /// Takes what is queued now. Whether that makes a batch, or it waits for company.
    fn fill(&mut self, mut next: impl FnMut() -> Option<Box<Job>>) -> bool {
        while !self.is_full() {
            match next() {
                Some(job) => self.push(*job),
                None => return self.urgent,
            }
        }
        true
    }
}

/// What is queued now, or `None` when nobody is left to queue anything.
fn next_batch(queue: &Receiver<Box<Job>>) -> Option<Vec<Job>> {
    let mut batch = Batch::of(*queue.recv().ok()?);
    while !batch.fill(|| queue.try_recv().ok()) {
        match queue.recv_timeout(PATIENCE) {
            Ok(job) => batch.push(*job),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
        }
    }
    Some(batch.jobs)
}

/// The same for the writer that takes turns.
async fn next_turn(queue: &mut mpsc::Receiver<Box<Job>>) -> Option<Vec<Job>> {
    let mut batch = Batch::of(*queue.recv().await?);
    // First whoever has something to queue, or something to send, has a turn.
    tokio::task::yield_now().await;
    while !batch.fill(|| queue.try_recv().ok()) {
        match tokio::time::timeout(PATIENCE, queue.recv()).await {
            Ok(Some(job)) => batch.push(*job),
            Ok(None) | Err(_) => break,
        }
    }
    Some(batch.jobs)
}

async fn take_turns(mut queue: mpsc::Receiver<Box<Job>>, commit: Arc<Commit>) {
    let mut aside = 0_u32;
    while let Some(batch) = next_turn(&mut queue).await {
        let begin = Instant::now();
        if aside == 0 {
            commit(batch);
        } else {
            aside -= 1;
            let commit = Arc::clone(&commit);
            // Fails only with a panic of the commit, which then ends this task as it ends the thread.
            if tokio::task::spawn_blocking(move || commit(batch)).await.is_err() {
                return;
            }
        }
        if begin.elapsed() >= LONG {
            aside = ASIDE;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::thread::ThreadId;

    use hushwire_server_store::upkeep::Expire;

    use super::*;

    /// Of each batch its length and who made it.
    type Made = Arc<Mutex<Vec<(usize, ThreadId)>>>;

    fn writer(place: Place, takes: Duration) -> (Writer, Writing, Made) {
        let made = Made::default();
        let list = Arc::clone(&made);
        let commit = move |batch: Vec<Job>| {
            std::thread::sleep(takes);
            list.lock().unwrap().push((batch.len(), std::thread::current().id()));
        };
        let (writer, writing) = Writer::run(Arc::new(commit), place).unwrap();
        (writer, writing, made)
    }

    fn queue(writer: &Writer, count: usize) {
        for _ in 0..count {
            let job = Box::new(Job::aside(Expire { mailboxes: 1 }, Box::new(|_| {})));
            assert!(writer.submit(job).is_ok());
        }
    }

    #[tokio::test]
    async fn all_that_is_queued_is_written_before_the_writer_ends() {
        for place in [Place::Thread, Place::Turns] {
            let (writer, writing, made) = writer(place, Duration::ZERO);
            queue(&writer, 1);
            tokio::task::yield_now().await;
            queue(&writer, 3000);
            drop(writer);
            writing.ended().await;
            let batches: Vec<usize> = made.lock().unwrap().iter().map(|(jobs, _)| *jobs).collect();
            assert_eq!(batches.iter().sum::<usize>(), 3001, "{place:?}");
            assert!(batches.iter().all(|jobs| *jobs <= BATCH_JOBS), "{batches:?}");
        }
    }

    #[tokio::test]
    async fn who_takes_turns_stands_back_for_a_while_after_a_long_commit() {
        let (writer, writing, made) = writer(Place::Turns, LONG);
        queue(&writer, 2 * BATCH_JOBS);
        drop(writer);
        writing.ended().await;
        let here = std::thread::current().id();
        let aside: Vec<bool> = made.lock().unwrap().iter().map(|(_, thread)| *thread != here).collect();
        assert_eq!(aside, [false, true]);
    }

    #[tokio::test]
    async fn a_queue_has_its_bound() {
        let (writer, writing, _) = writer(Place::Turns, Duration::ZERO);
        queue(&writer, QUEUE);
        let job = Box::new(Job::aside(Expire { mailboxes: 1 }, Box::new(|_| {})));
        assert!(writer.submit(job).is_err_and(|Refused(job)| job.urgency() == Urgency::Now));
        drop(writer);
        writing.ended().await;
    }

    #[test]
    fn one_core_is_shared_in_turns() {
        assert_eq!([1, 2, 64].map(Place::on), [Place::Turns, Place::Thread, Place::Thread]);
    }
}
