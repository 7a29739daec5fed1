//! Reports: what a person tells the operator of the server of another account, in clear.
//!
//! ```text
//!  draft, shown to the person ─► command ─► row with the exact request, and the block ─► sent until the server answers
//!                                                                                          │
//!                                             event, the words erased ◄────────────────────┘
//! ```
//!
//! Invariants:
//! - Only what is shown here as written by the account goes into a report, as it is shown; never what somebody else handed over.
//! - What was shown is what is sent: a draft that changed meanwhile is refused.
//! - One transaction stores the report, blocks, and has the person's other devices told (`reported`). Its id and bytes are chosen there once, so
//!   that the server stores it once.
//! - Whoever is reported is told nothing; nobody but the server is sent anything.

use std::collections::BTreeSet;
use std::fmt;

use hushwire_client_store::report::{self, NewReport};
use hushwire_client_store::timeline::{self, Entry, EntryState};
use hushwire_client_store::{View, about, account, history};
use hushwire_content::{Kind, limits};
use hushwire_types::{AccountId, ContentId, ConversationId, ReportId, Subject, Timestamp, rng};
use hushwire_wire as wire;
use hushwire_wire::ErrorCode;

use crate::about::{decoded, wording};
use crate::outgoing::{decode, encode};
use crate::setting::{code, flag};
use crate::step::Step;
use crate::stop::Stop;
use crate::{Event, MessageRef, Outcome, Refusal, StepError, Tag};

/// Characters of a note: a paragraph.
const NOTE_CHARS: usize = limits::ABOUT_CHARS;

/// Why an account is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportReason {
    /// Unwanted advertising, or the same to many.
    Spam,
    /// Insults, threats, harassment.
    Abuse,
    /// Something else.
    Other,
}

impl ReportReason {
    /// The number that a row has.
    const fn number(self) -> u32 {
        match self {
            Self::Spam => 1,
            Self::Abuse => 2,
            Self::Other => 3,
        }
    }

    /// The reason of a row's number; one of a newer version is another one.
    #[must_use]
    pub const fn of_number(number: u32) -> Self {
        match number {
            1 => Self::Spam,
            2 => Self::Abuse,
            _ => Self::Other,
        }
    }

    const fn to_wire(self) -> wire::ReportReason {
        match self {
            Self::Spam => wire::ReportReason::Spam,
            Self::Abuse => wire::ReportReason::Abuse,
            Self::Other => wire::ReportReason::Other,
        }
    }
}

/// What a person wants to report.
#[derive(Clone, PartialEq, Eq)]
pub struct Complaint {
    /// Whom.
    pub account: AccountId,
    /// Why.
    pub reason: ReportReason,
    /// What they add; at most 500 characters.
    pub note: String,
    /// The messages that they choose, of any conversation; one that is named twice is in it once.
    pub messages: Vec<MessageRef>,
}

impl fmt::Debug for Complaint {
    /// Shows no words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Complaint")
            .field("account", &self.account)
            .field("reason", &self.reason)
            .field("messages", &self.messages)
            .finish_non_exhaustive()
    }
}

/// Exactly what would be sent.
#[derive(Clone, PartialEq, Eq)]
pub struct ReportDraft {
    /// Whom it is of.
    pub account: AccountId,
    /// Why.
    pub reason: ReportReason,
    /// What the person adds.
    pub note: String,
    /// The messages, in the order in which they were chosen.
    pub messages: Vec<ReportedText>,
}

/// A message as it is reported.
#[derive(Clone, PartialEq, Eq)]
pub struct ReportedText {
    /// Its identity.
    pub content: ContentId,
    /// When its author says to have written it.
    pub sent_at: Timestamp,
    /// What it says now; untrusted text.
    pub text: String,
}

impl fmt::Debug for ReportDraft {
    /// Shows no words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReportDraft")
            .field("account", &self.account)
            .field("reason", &self.reason)
            .field("messages", &self.messages)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ReportedText {
    /// Shows no words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReportedText").field("content", &self.content).finish_non_exhaustive()
    }
}

impl ReportDraft {
    fn to_wire(&self, report_id: ReportId) -> wire::Report {
        let message = |message: &ReportedText| wire::ReportedMessage {
            content_id: message.content,
            sent_at: message.sent_at,
            text: wire::Sensitive::new(message.text.as_str()),
        };
        wire::Report {
            report_id,
            account_id: self.account,
            reason: self.reason.to_wire(),
            note: wire::Sensitive::new(self.note.as_str()),
            messages: self.messages.iter().map(message).collect(),
        }
    }
}

/// What would be sent; or why it cannot be reported. `me` is the account of this profile.
///
/// # Errors
/// The database cannot be read.
pub fn draft_report(
    view: &View<'_>,
    me: AccountId,
    complaint: &Complaint,
) -> Result<Result<ReportDraft, Refusal>, StepError> {
    let Complaint { account, reason, note, messages } = complaint;
    if *account == me {
        return Ok(Err(Refusal::Oneself));
    }
    if account::find(view, account)?.is_none() {
        return Ok(Err(Refusal::UnknownHere("account")));
    }
    let note = note.trim();
    if note.chars().count() > NOTE_CHARS {
        return Ok(Err(Refusal::NoteTooLong(NOTE_CHARS)));
    }
    let mut chosen: Vec<ReportedText> = Vec::new();
    for message in messages {
        let known = chosen.iter().any(|known| known.content == message.content);
        match reported(view, *account, message)? {
            Ok(text) if !known => chosen.push(text),
            Ok(_) => {}
            Err(refusal) => return Ok(Err(refusal)),
        }
    }
    if chosen.len() > wire::limits::REPORTED_MESSAGES {
        return Ok(Err(Refusal::TooManyReported(wire::limits::REPORTED_MESSAGES)));
    }
    if chosen.iter().map(|message| message.text.len()).sum::<usize>() > wire::limits::REPORTED_BYTES {
        return Ok(Err(Refusal::ReportTooLarge));
    }
    let (account, reason, note) = (*account, *reason, note.to_owned());
    Ok(Ok(ReportDraft { account, reason, note, messages: chosen }))
}

/// A message as it is shown here, where it is one that `account` wrote.
fn reported(
    view: &View<'_>,
    account: AccountId,
    message: &MessageRef,
) -> Result<Result<ReportedText, Refusal>, StepError> {
    let content = message.content;
    let entry = timeline::by_content(view, &message.conversation, &message.account, &content)?;
    let Some(entry) = entry else { return Ok(Err(Refusal::UnknownHere("such message"))) };
    if about::aspect(view, entry.row)?.is_some() {
        return Ok(Err(Refusal::UnknownHere("such message")));
    }
    let refusal = match entry.entry.state {
        EntryState::System { .. } | EntryState::Unreadable { .. } => Some(Refusal::NoMessage(content)),
        _ if entry.entry.account != account => Some(Refusal::NotTheirs(content)),
        EntryState::Deleted => Some(Refusal::DeletedMessage(content)),
        EntryState::Received => None,
        // Ours.
        EntryState::Queued | EntryState::Sent | EntryState::Failed { .. } => {
            Some(Refusal::NotTheirs(content))
        }
    };
    if let Some(refusal) = refusal {
        return Ok(Err(refusal));
    }
    // What its author handed over is its author's word still.
    if history::handed_over_by(view, entry.row)?.is_some_and(|by| by != account) {
        return Ok(Err(Refusal::HandedOver(content)));
    }
    let Some(text) = shown(view, &entry)? else { return Ok(Err(Refusal::NoMessage(content))) };
    Ok(Ok(ReportedText { content, sent_at: entry.entry.sent_at, text }))
}

/// What people see of a message; none where it cannot be read.
fn shown(view: &View<'_>, entry: &Entry) -> Result<Option<String>, StepError> {
    if let Some(text) = wording(view, entry)? {
        return Ok(Some(text));
    }
    let Ok(content) = decoded(entry) else { return Ok(None) };
    Ok(Some(match content.kind {
        Kind::Poll(poll) => {
            let options = poll.options.iter().zip(1_u32..).map(|(option, n)| format!("\n{n}. {option}"));
            format!("Poll: {}{}", poll.question, options.collect::<String>())
        }
        Kind::Card(card) => format!("Contact: {} {} (account {})", card.name, card.handle, card.account),
        _ => content.fallback,
    }))
}

impl Step<'_, '_> {
    /// A person reports an account, and may block it with the same word.
    pub(crate) fn report(
        &mut self,
        complaint: &Complaint,
        shown: Option<&ReportDraft>,
        block: bool,
    ) -> Result<Outcome, Stop> {
        let draft = match draft_report(self.tx, self.me.account, complaint)? {
            Ok(draft) => draft,
            Err(refusal) => return Ok(Outcome::Refused(refusal)),
        };
        if shown.is_some_and(|shown| *shown != draft) {
            return Ok(Outcome::Refused(Refusal::ReportChanged));
        }
        let id = ReportId::new(rng::bytes(self.entropy));
        let new = NewReport {
            id,
            account: draft.account,
            reason: draft.reason.number(),
            messages: u32::try_from(draft.messages.len()).unwrap_or(u32::MAX),
            made_at: self.now,
            request: encode(draft.to_wire(id).into())?,
        };
        report::insert(self.tx, &new)?;
        self.tell_report(&id)?;
        if block {
            self.shut_out(complaint)?;
        }
        Ok(Outcome::Reported { report: id })
    }

    /// Nothing of an account is taken any more. What it wants as a stranger is declined, and a group that waits for an answer and
    /// from which messages were chosen.
    fn shut_out(&mut self, complaint: &Complaint) -> Result<(), Stop> {
        let chosen = complaint.messages.iter().map(|message| message.conversation);
        let conversations: BTreeSet<ConversationId> =
            chosen.chain([self.direct_id(complaint.account)]).collect();
        for id in conversations {
            if let Some(conversation) = self.conversation(&id)?
                && !self.is_accepted(&conversation)?
            {
                self.decline(&id)?;
            }
        }
        self.put_register(Subject::Account(complaint.account), code::BLOCKED, &flag(true))
    }

    /// Sends the reports that the server has not answered, each until it has.
    pub(crate) fn owe_reports(&mut self) -> Result<(), Stop> {
        for id in report::waiting(self.tx)? {
            let (tag, now) = (Tag::Report(id), self.now);
            if !self.connection().is_some_and(|connection| connection.is_free(&tag, now)) {
                continue;
            }
            if let Some(request) = report::request(self.tx, &id)? {
                self.request(tag, decode(&request)?);
            }
        }
        Ok(())
    }

    /// The server's answer to [`Tag::Report`].
    pub(crate) fn report_answer(
        &mut self,
        id: &ReportId,
        result: Result<(), &wire::Error>,
    ) -> Result<(), Stop> {
        let Some(known) = report::find(self.tx, id)? else { return Ok(()) };
        let refused = match result {
            Ok(()) => None,
            Err(error) if is_for_now(error.code) => return self.put_off(Tag::Report(*id), error),
            Err(error) if error.code == ErrorCode::Unsupported => {
                Some("this server takes no reports yet: ask its operator another way".to_owned())
            }
            Err(error) if error.code == ErrorCode::UnknownAccount => {
                Some("the account is not on this server any more".to_owned())
            }
            Err(error) => Some(error.text.clone()),
        };
        report::settle(self.tx, id, self.now, refused.as_deref())?;
        self.tell_report(id)?;
        self.event(&Event::Report { report: *id, account: known.account, refused }, None, None)
    }
}

/// Whether the same request may be granted later.
const fn is_for_now(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::RateLimited
            | ErrorCode::Busy
            | ErrorCode::Unavailable
            | ErrorCode::Internal
            | ErrorCode::NotNow
            | ErrorCode::NotLoggedIn
    )
}
