//! The one thread that writes.
//!
//! It takes whatever jobs are queued, commits them as one durable transaction, and hands answers and publications to
//! the inboxes of their connections. There is no timer: a job that finds the thread idle is committed at once, jobs
//! that come during a sync share the next one. Acknowledgements alone start no batch; they wait for company, at most
//! [`PATIENCE`].

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use hushwire_delivery::{Effect, Job, Service, Urgency};
use hushwire_types::Clock;
use tokio::sync::mpsc::UnboundedSender;

use crate::inbox::Inboxes;

/// Jobs of one transaction.
const BATCH_JOBS: usize = 1024;
/// Bytes of bodies of one transaction.
const BATCH_BYTES: usize = 4 << 20;
/// Jobs that may wait; beyond, connections are told `Busy`.
const QUEUE: usize = 8192;
/// How long an acknowledgement waits for company.
const PATIENCE: Duration = Duration::from_millis(20);

/// Hands jobs to the writer thread. The thread ends, with everything that was queued committed, when the last one is
/// dropped.
#[derive(Clone)]
pub(crate) struct Writer {
    jobs: SyncSender<Box<Job>>,
}

/// The queue is full, or the server is stopping: here is the job back.
pub(crate) struct Refused(pub Box<Job>);

impl Writer {
    /// Starts the thread. Effects go to `effects`.
    ///
    /// # Errors
    /// The operating system's, where it refuses a thread.
    pub(crate) fn start(
        service: Arc<Service>,
        inboxes: Arc<Inboxes>,
        clock: Arc<dyn Clock>,
        effects: UnboundedSender<Effect>,
    ) -> std::io::Result<(Self, JoinHandle<()>)> {
        let (jobs, queue) = sync_channel(QUEUE);
        let work = move || {
            while let Some(batch) = next_batch(&queue) {
                metrics::histogram!("hushd_batch_jobs")
                    .record(u32::try_from(batch.len()).unwrap_or(u32::MAX));
                let outcome = service.commit(batch, clock.now());
                inboxes.post(outcome.outbound);
                for effect in outcome.effects {
                    // Nobody receives effects while the process is ending; the code is asked for again.
                    let _ = effects.send(effect);
                }
            }
        };
        let thread = std::thread::Builder::new().name("writer".to_owned()).spawn(work)?;
        Ok((Self { jobs }, thread))
    }

    /// Queues a job.
    ///
    /// # Errors
    /// [`Refused`] with the job: answer `Busy`.
    pub(crate) fn submit(&self, job: Box<Job>) -> Result<(), Refused> {
        self.jobs.try_send(job).map_err(|error| match error {
            TrySendError::Full(job) | TrySendError::Disconnected(job) => Refused(job),
        })
    }
}

/// What is queued now, or `None` when nobody is left to queue anything.
fn next_batch(queue: &Receiver<Box<Job>>) -> Option<Vec<Job>> {
    let first = queue.recv().ok()?;
    let mut urgent = first.urgency() == Urgency::Now;
    let mut bytes = first.bytes();
    let mut batch = vec![*first];
    while batch.len() < BATCH_JOBS && bytes < BATCH_BYTES {
        let next = match queue.try_recv() {
            Ok(job) => job,
            Err(_) if urgent => break,
            Err(_) => match queue.recv_timeout(PATIENCE) {
                Ok(job) => job,
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            },
        };
        urgent |= next.urgency() == Urgency::Now;
        bytes = bytes.saturating_add(next.bytes());
        batch.push(*next);
    }
    Some(batch)
}
