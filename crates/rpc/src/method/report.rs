//! Reports of accounts to the operator of the server.

use hushwire_client::{
    Complaint, Link, MessageRef, Refusal, ReportDraft, ReportState, direct_conversation_id,
};
use hushwire_types::{AccountId, id};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::time::timeout;

use super::Method;
use crate::desk::{Desk, LOOK_AGAIN, patience};
use crate::fault::Fault;
use crate::shape::{Person, ReasonName, Report, ReportedMessage};
use crate::target::Meant;

/// Reports an account to the operator of the server, with messages of its own that are chosen, or none. All of it goes there in clear,
/// and is the word of this account; whoever is reported is not told. It is sent until it has arrived.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportContact {
    /// Who: @name, phone number, e-mail address, account id, or what you call them.
    pub who: String,
    /// The messages, by their ids or the beginnings of those; at most 20.
    #[serde(default)]
    pub messages: Vec<String>,
    /// The group that they are in, by name or id; else they are in the conversation with that person …
    #[serde(default)]
    pub group: Option<String>,
    /// … or in the conversation with this id, which events have.
    #[serde(default)]
    pub conversation: Option<String>,
    /// Why; `other` where it is left out.
    #[serde(default)]
    pub reason: ReasonName,
    /// What you add, at most 500 characters.
    #[serde(default)]
    pub note: String,
    /// Block them too. What they want of you as a stranger is declined, and a group that waits for an answer and from which messages are.
    #[serde(default)]
    pub block: bool,
    /// Send and store nothing: only tell what would be sent.
    #[serde(default)]
    pub preview: bool,
    /// What a preview had as `shown`: where something else would be sent by now, nothing is.
    #[serde(default)]
    pub shown: Option<String>,
    /// How long to wait for the server, in seconds.
    #[serde(default)]
    pub timeout_s: Option<u64>,
}

/// What was sent to the operator, or would be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reported {
    /// The report's id; none in a preview.
    pub report: Option<String>,
    /// The server, whose operator reads it.
    pub server: String,
    /// Who is reported.
    pub person: Person,
    /// Why.
    pub reason: ReasonName,
    /// What you add.
    pub note: String,
    /// The messages, as they are sent.
    pub messages: Vec<ReportedMessage>,
    /// What names exactly this.
    pub shown: String,
    /// Whether they were blocked with it, or would be.
    pub blocked: bool,
    /// Whether the server has it; else it is kept and goes out later.
    pub arrived: bool,
    /// Why the server does not have it yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Fault>,
}

impl Method for ReportContact {
    const NAME: &'static str = "contact.report";
    type Answer = Reported;

    fn timeout_s(&self) -> Option<u64> {
        self.timeout_s
    }

    async fn carry_out(self, desk: &Desk) -> Result<Reported, Fault> {
        let patience = patience(self.timeout_s);
        let account = desk.person(&self.who, patience).await?;
        let messages = self.messages(desk, account).await?;
        let complaint = Complaint { account, reason: self.reason.into(), note: self.note.clone(), messages };
        let draft = desk.client.draft_report(complaint.clone()).await?;
        let mut reported = self.told(desk, &draft).await?;
        if self.preview {
            return Ok(reported);
        }
        if self.shown.as_ref().is_some_and(|shown| *shown != reported.shown) {
            return Err(Fault::error(Refusal::ReportChanged));
        }
        // What is stored is what is told, whatever its author makes of a message in between.
        let report = desk.client.report(complaint, Some(draft), self.block).await?;
        if self.block {
            desk.tell_own_devices(patience).await?;
        }
        reported.report = Some(report.to_string());
        match desk.client.report_settled(report, patience).await? {
            ReportState::Arrived { .. } => reported.arrived = true,
            ReportState::Waiting => reported.why = Some(waits(desk)),
            ReportState::Refused { reason, .. } => {
                return Err(Fault::error(format!("the server did not take the report: {reason}")));
            }
        }
        Ok(reported)
    }
}

impl ReportContact {
    async fn messages(&self, desk: &Desk, account: AccountId) -> Result<Vec<MessageRef>, Fault> {
        if self.messages.is_empty() {
            return Ok(Vec::new());
        }
        let conversation = match (&self.group, &self.conversation) {
            (None, None) => direct_conversation_id(desk.client.account().await?.account, account),
            (group, conversation) => {
                let (group, conversation) = (group.as_deref(), conversation.as_deref());
                desk.known(&Meant { with: None, group, conversation }).await?
            }
        };
        let mut found = Vec::with_capacity(self.messages.len());
        for id in &self.messages {
            found.push(desk.message(conversation, id).await?);
        }
        Ok(found)
    }

    async fn told(&self, desk: &Desk, draft: &ReportDraft) -> Result<Reported, Fault> {
        let person = desk.client.find(draft.account.to_string()).await?;
        let person = person.ok_or_else(|| Fault::error("the account is not known here any more"))?;
        Ok(Reported {
            report: None,
            server: desk.client.account().await?.server,
            person: Person::from(&person),
            reason: draft.reason.into(),
            note: draft.note.clone(),
            messages: draft.messages.iter().map(ReportedMessage::from).collect(),
            shown: fingerprint(draft),
            blocked: self.block,
            arrived: false,
            why: None,
        })
    }
}

/// Why a report has not arrived: there is no connection, or the server puts it off.
fn waits(desk: &Desk) -> Fault {
    if desk.standing().is_live() {
        return Fault::new(
            crate::FaultKind::RateLimit,
            "the server takes no more reports at the moment: it is kept, and sent again later",
        );
    }
    desk.standing().fault()
}

/// What names exactly what would be sent.
fn fingerprint(draft: &ReportDraft) -> String {
    let mut hash = Sha256::new();
    let mut part = |bytes: &[u8]| {
        hash.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(bytes);
    };
    part(draft.account.as_ref());
    part(ReasonName::from(draft.reason).word().as_bytes());
    part(draft.note.as_bytes());
    for message in &draft.messages {
        part(message.content.as_ref());
        part(&message.sent_at.as_ms().to_be_bytes());
        part(message.text.as_bytes());
    }
    id::base32(&hash.finalize())
}

/// Lists the reports that devices of this account made, the oldest first; those that the server has answered for 90 days. Waits for those
/// that are on their way from here while there is a connection.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListReports {
    /// How long to wait for the server, in seconds.
    #[serde(default)]
    pub timeout_s: Option<u64>,
}

impl Method for ListReports {
    const NAME: &'static str = "contact.reports";
    type Answer = Vec<Report>;

    fn timeout_s(&self) -> Option<u64> {
        self.timeout_s
    }

    async fn carry_out(self, desk: &Desk) -> Result<Vec<Report>, Fault> {
        let mut tick = tokio::time::interval(LOOK_AGAIN);
        let settled = async {
            while desk.client.has_reports_on_their_way().await? {
                let link = desk.client.link().borrow().clone();
                if matches!(link, Link::Ended { .. } | Link::Offline { reason: Some(_) }) {
                    break;
                }
                tick.tick().await;
            }
            Ok::<_, Fault>(())
        };
        timeout(patience(self.timeout_s), settled).await.unwrap_or(Ok(()))?;
        Ok(desk.client.reports().await?.iter().map(Report::from).collect())
    }
}
