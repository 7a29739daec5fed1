//! Commits of one conversation, one after the other.
//!
//! In a storm many devices commit in the same epoch, of which one wins. Validating them all at once would take a worker for
//! each; in turns, the first is validated, and the others find that the epoch is over.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use hushwire_types::ConversationId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Lanes that may lie idle before they are cleared away.
const IDLE: usize = 1024;

/// The lanes of all conversations that somebody commits in.
#[derive(Default)]
pub(crate) struct Lanes {
    by_conversation: Mutex<HashMap<ConversationId, Weak<Semaphore>>>,
}

/// Whose turn it is; the next one's begins when this is dropped. `None` never is: a lane is not closed.
pub(crate) type Turn = Option<OwnedSemaphorePermit>;

impl Lanes {
    /// Waits for one's turn in the lane of a conversation, in the order of asking.
    pub(crate) async fn enter(&self, conversation: ConversationId) -> Turn {
        let lane = self.lane(conversation);
        lane.acquire_owned().await.ok()
    }

    fn lane(&self, conversation: ConversationId) -> Arc<Semaphore> {
        let mut lanes = self.by_conversation.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lane) = lanes.get(&conversation).and_then(Weak::upgrade) {
            return lane;
        }
        if lanes.len() >= IDLE {
            lanes.retain(|_, lane| lane.strong_count() > 0);
        }
        let lane = Arc::new(Semaphore::new(1));
        lanes.insert(conversation, Arc::downgrade(&lane));
        lane
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn one_conversation_takes_turns_and_holds_up_no_other() {
        let lanes = Lanes::default();
        let (one, other) = (ConversationId::new([1; 32]), ConversationId::new([2; 32]));
        let first = lanes.enter(one).now_or_never().unwrap();
        let mut second = Box::pin(lanes.enter(one));
        assert!(second.as_mut().now_or_never().is_none());
        assert!(lanes.enter(other).now_or_never().is_some());
        drop(first);
        assert!(second.now_or_never().is_some());
        assert!(lanes.enter(one).now_or_never().is_some());
    }

    #[test]
    fn idle_lanes_are_cleared_away() {
        let lanes = Lanes::default();
        let held = lanes.enter(ConversationId::new([255; 32])).now_or_never().unwrap();
        for number in 0..3 * IDLE {
            let mut id = [0; 32];
            id[..8].copy_from_slice(&u64::try_from(number).unwrap().to_be_bytes());
            drop(lanes.enter(ConversationId::new(id)).now_or_never().unwrap());
        }
        assert!(lanes.by_conversation.lock().unwrap().len() <= IDLE + 1);
        assert!(lanes.enter(ConversationId::new([255; 32])).now_or_never().is_none(), "still taken");
        drop(held);
    }
}
