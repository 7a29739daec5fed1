//! The thread that owns the engine and its database.
//!
//! Inputs that queue up while a step runs go into the next step together: one transaction, one sync. Effects leave
//! only after the commit, in order.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use hushwire_client_store::Database;
use hushwire_engine::{Effect, Engine, Input, StepError};
use hushwire_types::Clock;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

/// MLS in a debug build needs more than a thread's usual stack.
const STACK: usize = 16 << 20;
/// Inputs of one step at most, so that no transaction grows without bound.
const TOGETHER: usize = 64;

type Errand = Box<dyn FnOnce(&mut Engine, &mut Database) + Send>;

enum Work {
    Inputs(Vec<Input>),
    Errand(Errand),
    Close,
}

/// What a step led to.
pub(crate) struct Stepped {
    /// How many calls of [`Worker::give`] it took.
    pub(crate) given: usize,
    /// Its effects.
    pub(crate) effects: Result<Vec<Effect>, StepError>,
}

/// The engine's thread is gone, because it panicked or because the client was closed.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the profile is closed")]
pub struct Gone;

/// Hands work to the engine's thread. The thread ends, and the database is closed, when it is told to or when the last
/// one is dropped.
#[derive(Clone)]
pub(crate) struct Worker {
    work: Sender<Work>,
}

impl Worker {
    /// Starts the thread.
    ///
    /// # Errors
    /// The operating system's, where it refuses a thread.
    pub(crate) fn start(
        engine: Engine,
        db: Database,
        clock: Arc<dyn Clock>,
    ) -> std::io::Result<(Self, UnboundedReceiver<Stepped>, JoinHandle<()>)> {
        let (work, queue) = channel();
        let (steps, stepped) = unbounded_channel();
        let run = move || run(engine, db, &*clock, &queue, &steps);
        let thread = std::thread::Builder::new().name("engine".to_owned()).stack_size(STACK).spawn(run)?;
        Ok((Self { work }, stepped, thread))
    }

    /// Queues inputs.
    pub(crate) fn give(&self, inputs: Vec<Input>) {
        // The thread is gone only after a panic; the closed channel of its steps tells the driver.
        let _ = self.work.send(Work::Inputs(inputs));
    }

    /// Tells the thread to end once it has done what is queued.
    pub(crate) fn close(&self) {
        // A thread that has ended already is as good.
        let _ = self.work.send(Work::Close);
    }

    /// Does something with the engine and its database, between two steps.
    ///
    /// # Errors
    /// [`Gone`].
    pub(crate) async fn with<T: Send + 'static>(
        &self,
        errand: impl FnOnce(&mut Engine, &mut Database) -> T + Send + 'static,
    ) -> Result<T, Gone> {
        let (answer, answered) = oneshot::channel();
        let errand: Errand = Box::new(move |engine, db| {
            // Nobody waits any more where the caller was cancelled.
            let _ = answer.send(errand(engine, db));
        });
        self.work.send(Work::Errand(errand)).map_err(|_| Gone)?;
        answered.await.map_err(|_| Gone)
    }
}

fn run(
    mut engine: Engine,
    mut db: Database,
    clock: &dyn Clock,
    queue: &Receiver<Work>,
    steps: &UnboundedSender<Stepped>,
) {
    let mut held = None;
    while let Some(work) = held.take().or_else(|| queue.recv().ok()) {
        let mut inputs = match work {
            Work::Errand(errand) => {
                errand(&mut engine, &mut db);
                continue;
            }
            Work::Inputs(inputs) => inputs,
            Work::Close => break,
        };
        let mut given = 1;
        while inputs.len() < TOGETHER {
            match queue.try_recv() {
                Ok(Work::Inputs(more)) => {
                    given += 1;
                    inputs.extend(more);
                }
                Ok(other) => {
                    held = Some(other);
                    break;
                }
                Err(_) => break,
            }
        }
        let effects = engine.step(&mut db, inputs, clock.now());
        if steps.send(Stepped { given, effects }).is_err() {
            break;
        }
    }
    if let Err(error) = db.close() {
        tracing::warn!(%error, "the profile could not be closed cleanly; nothing is lost");
    }
}
