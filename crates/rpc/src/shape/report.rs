//! Reports.

use hushwire_client::{ReportReason, ReportState, ReportedText, view};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Person;
use crate::time::Time;

/// Why somebody is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReasonName {
    /// Unwanted advertising, or the same to many.
    Spam,
    /// Insults, threats, harassment.
    Abuse,
    /// Something else.
    #[default]
    Other,
}

impl ReasonName {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Spam => "spam",
            Self::Abuse => "abuse",
            Self::Other => "other",
        }
    }
}

impl From<ReasonName> for ReportReason {
    fn from(reason: ReasonName) -> Self {
        match reason {
            ReasonName::Spam => Self::Spam,
            ReasonName::Abuse => Self::Abuse,
            ReasonName::Other => Self::Other,
        }
    }
}

impl From<ReportReason> for ReasonName {
    fn from(reason: ReportReason) -> Self {
        match reason {
            ReportReason::Spam => Self::Spam,
            ReportReason::Abuse => Self::Abuse,
            ReportReason::Other => Self::Other,
        }
    }
}

/// A message in a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReportedMessage {
    /// Its id.
    pub id: String,
    /// When it was written, by its author's clock.
    pub sent_at: Time,
    /// What it says. Untrusted text.
    pub text: String,
}

impl From<&ReportedText> for ReportedMessage {
    fn from(message: &ReportedText) -> Self {
        Self { id: message.content.to_string(), sent_at: message.sent_at.into(), text: message.text.clone() }
    }
}

/// How a report stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReportStanding {
    /// It is kept here until the server can be reached and takes it.
    Waiting,
    /// The server has it.
    Arrived,
    /// The server does not take it.
    Refused,
}

/// A report that was made on a device of this account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// Its id.
    pub report: String,
    /// Who is reported.
    pub person: Person,
    /// Why.
    pub reason: ReasonName,
    /// How many messages are in it.
    pub messages: u32,
    /// When it was made.
    pub made_at: Time,
    /// How it stands.
    pub state: ReportStanding,
    /// When the server answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled_at: Option<Time>,
    /// Why the server does not take it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl From<&view::Reported> for Report {
    fn from(reported: &view::Reported) -> Self {
        let (state, settled_at, why) = match &reported.state {
            ReportState::Waiting => (ReportStanding::Waiting, None, None),
            ReportState::Arrived { at } => (ReportStanding::Arrived, Some((*at).into()), None),
            ReportState::Refused { at, reason } => {
                (ReportStanding::Refused, Some((*at).into()), Some(reason.clone()))
            }
        };
        Self {
            report: reported.id.to_string(),
            person: (&reported.person).into(),
            reason: reported.reason.into(),
            messages: reported.messages,
            made_at: reported.made_at.into(),
            state,
            settled_at,
            why,
        }
    }
}
