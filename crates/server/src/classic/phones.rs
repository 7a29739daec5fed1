//! Which phones are taken by a connection, registering or online, and how their connections are woken.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hushwire_classic::Phone;
use tokio::sync::Notify;

/// How long a login waits for the connection before it to end. Whoever comes back at once is faster than the news of the old
/// connection's end; somebody else who wants an online phone waits in vain.
const PATIENCE: Duration = Duration::from_secs(2);

/// All phones that are taken.
#[derive(Default)]
pub(crate) struct Phones {
    taken: Mutex<HashMap<Phone, Arc<Notify>>>,
    freed: Notify,
}

/// One connection's hold on a phone; given back when it is dropped.
pub(crate) struct Line {
    phones: Arc<Phones>,
    phone: Phone,
    bell: Arc<Notify>,
}

impl Phones {
    /// Takes a phone that no other connection has.
    pub(crate) fn take(self: &Arc<Self>, phone: Phone) -> Option<Line> {
        match self.lock().entry(phone) {
            Entry::Occupied(_) => None,
            Entry::Vacant(place) => {
                let bell = Arc::clone(place.insert(Arc::default()));
                Some(Line { phones: Arc::clone(self), phone, bell })
            }
        }
    }

    /// Takes a phone, waiting a little for the connection that has it to end.
    pub(crate) async fn take_patiently(self: &Arc<Self>, phone: Phone) -> Option<Line> {
        let free = async {
            loop {
                let freed = self.freed.notified();
                tokio::pin!(freed);
                // From here on no end of a connection is missed.
                freed.as_mut().enable();
                if let Some(line) = self.take(phone) {
                    return line;
                }
                freed.await;
            }
        };
        tokio::time::timeout(PATIENCE, free).await.ok()
    }

    /// Wakes the connection of a phone, if there is one: something waits for it.
    pub(crate) fn ring(&self, phone: Phone) {
        if let Some(bell) = self.lock().get(&phone) {
            bell.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Phone, Arc<Notify>>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    /// Whose it is.
    pub(crate) const fn phone(&self) -> Phone {
        self.phone
    }

    /// Waits until something was stored since the last time. Safe to cancel.
    pub(crate) async fn rung(&self) {
        self.bell.notified().await;
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.phones.lock().remove(&self.phone);
        self.phones.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_phone_has_one_connection() {
        let phones = Arc::<Phones>::default();
        let phone: Phone = "0501111111".parse().unwrap();
        let line = phones.take(phone).unwrap();
        assert!(phones.take(phone).is_none());
        assert!(phones.take_patiently(phone).await.is_none());
        assert!(phones.take("0502222222".parse().unwrap()).is_some());
        phones.ring(phone);
        line.rung().await;
        let next = tokio::spawn({
            let phones = Arc::clone(&phones);
            async move { phones.take_patiently(phone).await.is_some() }
        });
        tokio::task::yield_now().await;
        drop(line);
        assert!(next.await.unwrap(), "whoever waits gets it when it is given back");
    }
}
