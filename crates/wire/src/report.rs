//! Reports: what a person tells the server's operator of another account.
//!
//! They are in clear for the server, and the caller's word alone: MLS authenticates to members, and proves nothing to
//! others. Who reports is the account that is logged in, never a field.

use hushwire_types::{AccountId, ContentId, ReportId, Timestamp};

use crate::field::{self, Fault, Invalid, Message, codes, empty, require};
use crate::limits::{REPORT_NOTE_BYTES, REPORTED_BYTES, REPORTED_MESSAGES};
use crate::{Sensitive, proto};

codes! {
    /// Why an account is reported.
    ReportReason {
        /// Unwanted advertising, or the same to many.
        Spam = 1,
        /// Insults, threats, harassment.
        Abuse = 2,
        /// Something else; the note says what.
        Other = 3,
    }
}

/// Tells the operator of an account; answered by [`ReportStored`], as often as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Chosen once, so that a repeat is known.
    pub report_id: ReportId,
    /// Who is reported.
    pub account_id: AccountId,
    /// Why.
    pub reason: ReportReason,
    /// What the reporter adds; may be empty. At most [`REPORT_NOTE_BYTES`].
    pub note: Sensitive,
    /// The messages that the reporter chose, at most [`REPORTED_MESSAGES`] with [`REPORTED_BYTES`] together.
    pub messages: Vec<ReportedMessage>,
}

/// A message as its reporter shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportedMessage {
    /// Its identity.
    pub content_id: ContentId,
    /// When its author says to have written it.
    pub sent_at: Timestamp,
    /// What it says; untrusted.
    pub text: Sensitive,
}

impl Message for Report {
    type Proto = proto::Report;

    fn from_proto(proto: proto::Report) -> Result<Self, Invalid> {
        require(proto.messages.len() <= REPORTED_MESSAGES, "messages", Fault::TooLarge)?;
        let bytes: usize = proto.messages.iter().map(|message| message.text.len()).sum();
        require(bytes <= REPORTED_BYTES, "text", Fault::TooLarge)?;
        Ok(Self {
            report_id: field::id("report_id", &proto.report_id)?,
            account_id: field::id("account_id", &proto.account_id)?,
            reason: ReportReason::from_code(proto.reason),
            note: field::words("note", proto.note, REPORT_NOTE_BYTES)?,
            messages: proto
                .messages
                .into_iter()
                .map(ReportedMessage::from_proto)
                .collect::<Result<_, _>>()?,
        })
    }

    fn to_proto(&self) -> proto::Report {
        proto::Report {
            report_id: field::bytes(self.report_id),
            account_id: field::bytes(self.account_id),
            reason: self.reason.code(),
            note: self.note.expose().to_owned(),
            messages: self.messages.iter().map(ReportedMessage::to_proto).collect(),
        }
    }
}

impl Message for ReportedMessage {
    type Proto = proto::ReportedMessage;

    fn from_proto(proto: proto::ReportedMessage) -> Result<Self, Invalid> {
        Ok(Self {
            content_id: field::id("content_id", &proto.content_id)?,
            sent_at: Timestamp::from_ms(proto.sent_at),
            text: field::words("text", proto.text, REPORTED_BYTES)?,
        })
    }

    fn to_proto(&self) -> proto::ReportedMessage {
        proto::ReportedMessage {
            content_id: field::bytes(self.content_id),
            sent_at: self.sent_at.as_ms(),
            text: self.text.expose().to_owned(),
        }
    }
}

empty! {
    /// The report is stored, now or before.
    ReportStored,
}
