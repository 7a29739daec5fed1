//! The server's views of groups: kept for the busiest ones, rebuilt for the others.
//!
//! Invariants:
//! - A view is kept only once the Commit that led to it is durable. Views never change in place, so a check that
//!   fails leaves nothing to undo.
//! - Whatever is here can be lost: the store has a base at most [`BASE_EVERY`] Commits back and the log since then.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hushwire_group_policy::Observer;
use hushwire_types::{ConversationId, Epoch, Generation};
use lru::LruCache;

use crate::fault::Fault;
use crate::service::Service;

/// Commits between two bases: a view is rebuilt by replaying half as many on average, under a millisecond each in a small
/// group, and the log grows by a base of some kilobytes only so often.
pub(crate) const BASE_EVERY: u64 = 16;

/// Views of direct conversations have about 10 KiB.
const CACHED: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1023);

/// A group as seen in one epoch of a conversation's generation.
pub(crate) struct Watched {
    pub(crate) conversation: ConversationId,
    pub(crate) generation: Generation,
    pub(crate) observer: Observer,
}

impl std::fmt::Debug for Watched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Watched({:?}, generation {}, epoch {})", self.conversation, self.generation, self.epoch())
    }
}

impl Watched {
    pub(crate) fn epoch(&self) -> Epoch {
        self.observer.epoch()
    }

    fn place(&self) -> (Generation, Epoch) {
        (self.generation, self.epoch())
    }
}

/// The views that are kept.
pub(crate) struct Observers {
    cache: Mutex<LruCache<ConversationId, Arc<Watched>>>,
}

impl Observers {
    pub(crate) fn new() -> Self {
        Self { cache: Mutex::new(LruCache::new(CACHED)) }
    }

    /// Keeps the view of a durable epoch, unless a later one is here.
    pub(crate) fn keep(&self, watched: Watched) {
        let mut cache = self.lock();
        if cache.peek(&watched.conversation).is_none_or(|kept| kept.place() < watched.place()) {
            cache.put(watched.conversation, Arc::new(watched));
        }
    }

    fn at(&self, conversation: ConversationId, generation: Generation, epoch: Epoch) -> Option<Arc<Watched>> {
        self.lock().get(&conversation).filter(|kept| kept.place() == (generation, epoch)).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<ConversationId, Arc<Watched>>> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Service {
    /// The view of a group in a durable epoch. `None` where the log does not reach back so far.
    pub(crate) fn view(
        &self,
        conversation: ConversationId,
        generation: Generation,
        epoch: Epoch,
    ) -> Result<Option<Arc<Watched>>, Fault> {
        if let Some(kept) = self.observers.at(conversation, generation, epoch) {
            return Ok(Some(kept));
        }
        let Some(observer) = self.rebuild(conversation, generation, epoch)? else { return Ok(None) };
        Ok(Some(Arc::new(Watched { conversation, generation, observer })))
    }

    /// The newest base and the Commits since then.
    fn rebuild(
        &self,
        conversation: ConversationId,
        generation: Generation,
        epoch: Epoch,
    ) -> Result<Option<Observer>, Fault> {
        let Some(base) = self.store.base_at_or_before(conversation, generation, epoch)? else {
            return Ok(None);
        };
        let mut observer = Observer::from_snapshot(&self.suite, self.lists.clone(), &base.snapshot)
            .map_err(|error| damaged(conversation, &error))?;
        for handshake in self.store.handshakes(conversation, generation, base.epoch, epoch)? {
            observer = observer
                .replay(&handshake.commit, handshake.accepted_at)
                .map_err(|error| damaged(conversation, &error))?;
        }
        Ok((observer.epoch() == epoch).then_some(observer))
    }
}

fn damaged(conversation: ConversationId, error: &hushwire_group_policy::ObserverError) -> Fault {
    tracing::error!(conversation = %conversation.short(), %error, "a stored group cannot be rebuilt");
    Fault::Internal
}
