//! The past from another device of the account. How it travels: the engine's.

use std::time::Duration;

use hushwire_client_store::progress;
use hushwire_engine::{Command, Event, HistoryProgress, history_handed, history_wanted};
use hushwire_types::DeviceId;
use tokio::time::timeout;

use crate::client::{Client, ClientError};

/// How soon to look again whether something has left.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// What became of fetching the past.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fetched {
    /// All of it is here.
    Whole(HistoryProgress),
    /// Nothing came any more for a while; it goes on whenever both devices are online.
    Waiting(HistoryProgress),
}

impl Client {
    /// Gets what is not here of the past from another device of this account, and waits until all of it has come, or until
    /// nothing has come for `patience`. `progress` is told after each part. It goes on by itself after that, and after restarts.
    ///
    /// # Errors
    /// [`ClientError::Refused`] where there is no such device.
    pub async fn fetch_history(
        &self,
        of: Option<DeviceId>,
        patience: Duration,
        mut progress: impl FnMut(HistoryProgress) + Send,
    ) -> Result<Fetched, ClientError> {
        let mut changes = self.changes(self.last_change().await?);
        self.command(Command::FetchHistory { of }).await?;
        let mut known = HistoryProgress::default();
        loop {
            let next = async {
                while let Some(change) = changes.next().await? {
                    if let Some(Event::History { messages, done, whole, finished }) = change.event {
                        return Ok(Some((HistoryProgress { messages, done, whole }, finished)));
                    }
                }
                Ok::<_, ClientError>(None)
            };
            let Ok(next) = timeout(patience, next).await else {
                let stands = self.read(|view| Ok(history_wanted(view)?)).await?;
                return Ok(stands.map_or(Fetched::Whole(known), Fetched::Waiting));
            };
            let Some((now, finished)) = next? else { return Ok(Fetched::Waiting(known)) };
            known = now;
            progress(now);
            if finished {
                return Ok(Fetched::Whole(now));
            }
        }
    }

    /// Does without the past, and waits at most `patience` until the other devices know that.
    ///
    /// # Errors
    /// The database.
    pub async fn forgo_history(&self, patience: Duration) -> Result<(), ClientError> {
        self.command(Command::ForgoHistory).await?;
        let told = async {
            let mut tick = tokio::time::interval(LOOK_AGAIN);
            while self.read(|view| Ok(history_wanted(view)?.is_some())).await?
                || self.has_untold_settings().await?
            {
                tick.tick().await;
            }
            Ok(())
        };
        timeout(patience, told).await.unwrap_or(Ok(()))
    }

    /// How many requests this device has made so far, by which one sees that something goes on.
    ///
    /// # Errors
    /// The database.
    pub async fn sends(&self) -> Result<u64, ClientError> {
        self.read(|view| Ok(progress::load(view)?.next_send.0)).await
    }

    /// Whether a device of this account that has asked this one for the past has all that it wants; none where it has not asked.
    ///
    /// # Errors
    /// The database.
    pub async fn has_handed_over(&self, to: DeviceId) -> Result<Option<bool>, ClientError> {
        self.read(move |view| Ok(history_handed(view, to)?)).await
    }
}
