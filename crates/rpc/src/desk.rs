//! What methods work with: an open profile, and what one process remembers between calls.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hushwire_client::{Approving, Client, Link, LinkingError};
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, timeout};

use crate::fault::Fault;
use crate::shape::Standing;

/// How long methods wait for the server where the caller does not say.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// How soon to look again whether something has left.
pub(crate) const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// The longest that a caller may have a method wait, in seconds.
pub(crate) const LONGEST_WAIT_S: u64 = 3600;
/// How long requests may go on when the daemon ends.
const LAST_REQUESTS: Duration = Duration::from_secs(3);
/// Devices that may wait to be let in at a time.
const APPROVALS: usize = 8;
/// How long people may take to go to another device, and there: as long as a code is good.
pub const PEOPLE: Duration = Duration::from_secs(600);

/// An open profile. Cheap to clone.
#[derive(Clone)]
pub struct Desk {
    /// The profile.
    pub client: Client,
    daemon: Option<Arc<DaemonFacts>>,
    approvals: Arc<Approvals>,
    stop: Arc<watch::Sender<bool>>,
    busy: Arc<watch::Sender<usize>>,
}

/// What a daemon tells of itself.
#[derive(Debug, Clone, Default)]
pub(crate) struct DaemonFacts {
    pub(crate) socket: String,
    pub(crate) http: Option<String>,
    pub(crate) token_file: Option<String>,
}

/// A request that is in work.
pub(crate) struct Work(Arc<watch::Sender<usize>>);

impl Drop for Work {
    fn drop(&mut self) {
        self.0.send_modify(|requests| *requests = requests.saturating_sub(1));
    }
}

/// Devices that were found, and whose digits a person compares.
#[derive(Default)]
struct Approvals {
    last: AtomicU64,
    waiting: Mutex<HashMap<u64, Held>>,
}

/// A device whose connection is kept alive by a task.
struct Held {
    decided: oneshot::Sender<()>,
    back: oneshot::Receiver<Result<Approving, LinkingError>>,
}

impl Held {
    fn hold(mut approving: Approving) -> Self {
        let (decided, decision) = oneshot::channel::<()>();
        let (give, back) = oneshot::channel();
        tokio::spawn(async move {
            let held = match timeout(PEOPLE, approving.hold(decision)).await {
                Ok(Ok(Ok(()))) => Ok(approving),
                Ok(Err(error)) => Err(error),
                Ok(Ok(Err(_))) | Err(_) => Err(LinkingError::Silent),
            };
            let _ = give.send(held);
        });
        Self { decided, back }
    }
}

impl Desk {
    /// A desk for one command.
    #[must_use]
    pub fn new(client: Client) -> Self {
        let (stop, busy) = (Arc::new(watch::Sender::new(false)), Arc::new(watch::Sender::new(0)));
        Self { client, daemon: None, approvals: Arc::default(), stop, busy }
    }

    /// A desk at which a daemon serves.
    pub(crate) fn of_daemon(client: Client, facts: DaemonFacts) -> Self {
        Self { daemon: Some(Arc::new(facts)), ..Self::new(client) }
    }

    /// What the daemon is, where there is one.
    pub(crate) fn daemon(&self) -> Option<&DaemonFacts> {
        self.daemon.as_deref()
    }

    /// Has the daemon end.
    pub(crate) fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Waits until the daemon ends.
    pub(crate) async fn stopped(&self) {
        // This desk has a sender itself.
        let _ = self.stop.subscribe().wait_for(|stop| *stop).await;
    }

    /// Says that a request is in work, until the value is dropped.
    pub(crate) fn work(&self) -> Work {
        self.busy.send_modify(|requests| *requests += 1);
        Work(Arc::clone(&self.busy))
    }

    /// Waits a moment for the requests that are in work.
    pub(crate) async fn answered(&self) {
        let _ = timeout(LAST_REQUESTS, self.busy.subscribe().wait_for(|requests| *requests == 0)).await;
    }

    /// How the connection stands.
    pub(crate) fn standing(&self) -> Standing {
        Standing::of(&self.client, &self.client.link().borrow())
    }

    /// Waits until all that the server had has come.
    pub(crate) async fn caught_up(&self, patience: Duration) -> Standing {
        let link = self.client.caught_up(patience).await;
        Standing::of(&self.client, &link)
    }

    /// The same for what cannot be done without the server.
    pub(crate) async fn online(&self, patience: Duration) -> Result<(), Fault> {
        match self.client.caught_up(patience).await {
            Link::Live => Ok(()),
            link => Err(Fault::of_link(&link)),
        }
    }

    /// Waits until the account's other devices are told what was set here, or until that cannot be now. It holds here either way.
    pub(crate) async fn tell_own_devices(&self, patience: Duration) -> Result<(), Fault> {
        let mut tick = tokio::time::interval(LOOK_AGAIN);
        let told = async {
            while self.client.has_untold_settings().await? {
                let link = self.client.link().borrow().clone();
                if matches!(link, Link::Ended { .. } | Link::Offline { reason: Some(_) }) {
                    break;
                }
                // It leaves without a change that anybody is told of.
                tick.tick().await;
            }
            Ok::<_, Fault>(())
        };
        timeout(patience, told).await.unwrap_or(Ok(()))
    }

    /// Keeps a device that was found until its digits were compared; its number.
    pub(crate) fn keep(&self, approving: Approving) -> Result<u64, Fault> {
        let mut waiting = self.approvals.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|_, held| !held.decided.is_closed());
        if waiting.len() >= APPROVALS {
            return Err(Fault::error(
                "too many devices wait to be let in: confirm or refuse one with device.confirm",
            ));
        }
        let number = self.approvals.last.fetch_add(1, Ordering::Relaxed) + 1;
        waiting.insert(number, Held::hold(approving));
        Ok(number)
    }

    /// The device of that number, once.
    pub(crate) async fn take(&self, number: u64) -> Result<Approving, Fault> {
        let held = self.approvals.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
        let Held { decided, back } = held.ok_or_else(|| Fault::usage("no such device waits to be let in"))?;
        let _ = decided.send(());
        Ok(back.await.unwrap_or(Err(LinkingError::Ended))?)
    }
}

/// When a method gives up waiting.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline(pub(crate) Instant);

impl Deadline {
    /// So long from now on.
    pub(crate) fn after(patience: Duration) -> Self {
        Self(now() + patience)
    }

    /// How long it is until then.
    pub(crate) fn left(self) -> Duration {
        self.0.saturating_duration_since(now())
    }
}

#[allow(clippy::disallowed_methods, reason = "deadlines follow the runtime's clock")]
fn now() -> Instant {
    Instant::now()
}

/// How long a caller wants to wait.
pub(crate) fn patience(timeout_s: Option<u64>) -> Duration {
    timeout_s.map_or(PATIENCE, |seconds| Duration::from_secs(seconds.min(LONGEST_WAIT_S)))
}
