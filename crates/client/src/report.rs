//! Reports of other accounts to the operator of the server.

use std::time::Duration;

use hushwire_client_store::report::{self, ReportState};
use hushwire_engine::{Command, Complaint, Outcome, ReportDraft};
use hushwire_types::ReportId;
use tokio::time::timeout;

use crate::client::{Client, ClientError, closed};
use crate::link::Link;
use crate::view::{self, Reported};

impl Client {
    /// What exactly a report would send to the operator, who can read it.
    ///
    /// # Errors
    /// [`ClientError::Refused`] where it cannot be reported.
    pub async fn draft_report(&self, complaint: Complaint) -> Result<ReportDraft, ClientError> {
        Ok(self.read(move |view| view::draft_report(view, &complaint)).await??)
    }

    /// Reports an account. When this returns the report is stored, and will be sent however often this program is killed; see
    /// [`Client::report_settled`] for what became of it. `shown` is the draft that a person was shown.
    ///
    /// # Errors
    /// [`ClientError::Refused`] where nothing was stored.
    pub async fn report(
        &self,
        complaint: Complaint,
        shown: Option<ReportDraft>,
        block: bool,
    ) -> Result<ReportId, ClientError> {
        match self.command(Command::Report { complaint, shown, block }).await? {
            Outcome::Reported { report } => Ok(report),
            _ => Err(closed()),
        }
    }

    /// The reports that devices of this account made, the oldest first; those that are settled for 90 days.
    ///
    /// # Errors
    /// The database.
    pub async fn reports(&self) -> Result<Vec<Reported>, ClientError> {
        self.read(view::reports).await
    }

    /// Whether this device has reports that the server has not answered. Those of another device are that one's to send.
    ///
    /// # Errors
    /// The database.
    pub async fn has_reports_on_their_way(&self) -> Result<bool, ClientError> {
        self.read(|view| Ok(!report::waiting(view)?.is_empty())).await
    }

    /// Waits until the server has a report or does not take it; after `patience`, or when the connection has ended and is not tried
    /// again, says how it stands.
    ///
    /// # Errors
    /// The database.
    pub async fn report_settled(&self, id: ReportId, patience: Duration) -> Result<ReportState, ClientError> {
        let (mut changes, mut link) = (self.changes(self.last_change().await?), self.link());
        let state = async || -> Result<ReportState, ClientError> {
            let known = self.read(move |view| Ok(report::find(view, &id)?)).await?;
            known.map(|known| known.state).ok_or(ClientError::Damaged("report"))
        };
        let settled = async {
            while state().await? == ReportState::Waiting {
                tokio::select! {
                    change = changes.next() => if change?.is_none() { break },
                    _ = link.wait_for(|link| matches!(link, Link::Ended { .. })) => break,
                }
            }
            Ok::<_, ClientError>(())
        };
        if let Ok(Err(error)) = timeout(patience, settled).await {
            return Err(error);
        }
        state().await
    }
}
