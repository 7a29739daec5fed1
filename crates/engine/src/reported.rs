//! Reports on all devices of who made them.
//!
//! ```text
//!  report made or settled here ─► register, shared with own devices ─► a row there that shows it and sends nothing
//! ```
//!
//! Invariants:
//! - The device that made a report sends it, and nobody else: no other one has its words, only whom it is of, why, how many messages were
//!   chosen and how it stands. The block that goes with it is a register of its own.
//! - Register and row are of one transaction. What is told late, twice or after it was forgotten changes nothing for good.
//! - It is forgotten everywhere when the device that made it forgets it; one that nobody settled, as its device is lost, as long after
//!   it was made.

use hushwire_client_store::register;
use hushwire_client_store::report::{self, Report, ReportState};
use hushwire_types::{AccountId, ContentId, ReportId, Subject, Timestamp};
use serde::{Deserialize, Serialize};

use crate::setting::{code, words};
use crate::step::Step;
use crate::stop::Stop;
use crate::{Event, MessageRef, schedule};

/// What the register of a report says.
#[derive(Serialize, Deserialize)]
struct Told {
    reason: u32,
    messages: u32,
    made_at: u64,
    settled_at: Option<u64>,
    /// Why the server does not take it.
    refused: Option<String>,
}

impl Told {
    fn of(report: &Report) -> Self {
        let (settled_at, refused) = match &report.state {
            ReportState::Waiting => (None, None),
            ReportState::Arrived { at } => (Some(at.as_ms()), None),
            ReportState::Refused { at, reason } => (Some(at.as_ms()), Some(reason.clone())),
        };
        let Report { reason, messages, made_at, .. } = *report;
        Self { reason, messages, made_at: made_at.as_ms(), settled_at, refused }
    }

    fn report(self, id: ReportId, account: AccountId) -> Report {
        let state = match (self.settled_at.map(Timestamp::from_ms), self.refused) {
            (None, _) => ReportState::Waiting,
            (Some(at), None) => ReportState::Arrived { at },
            (Some(at), Some(reason)) => ReportState::Refused { at, reason },
        };
        let made_at = Timestamp::from_ms(self.made_at);
        Report { id, account, reason: self.reason, messages: self.messages, made_at, state }
    }

    /// When it last changed.
    const fn at(&self) -> Timestamp {
        Timestamp::from_ms(match self.settled_at {
            Some(at) => at,
            None => self.made_at,
        })
    }
}

impl Step<'_, '_> {
    /// A report of this device stands otherwise now: the other devices are told.
    pub(crate) fn tell_report(&mut self, id: &ReportId) -> Result<(), Stop> {
        let Some(report) = report::find(self.tx, id)? else { return Ok(()) };
        let subject = self.about_report(id, report.account);
        self.put_register(subject, code::REPORTED, &words(&Told::of(&report)))
    }

    /// A report is none of the messages of the conversation with whom it is of, so no message has its id.
    fn about_report(&self, id: &ReportId, account: AccountId) -> Subject {
        let conversation = self.direct_id(account);
        MessageRef { conversation, account, content: ContentId::new(*id.as_bytes()) }.subject()
    }

    /// A device of this account has reported somebody.
    pub(crate) fn was_reported(&mut self, told: &MessageRef, value: &[u8]) -> Result<(), Stop> {
        let Ok(said) = serde_json::from_slice::<Told>(value) else { return Ok(()) };
        if said.at() < self.now.before(schedule::REPORTS_KEPT) {
            return Ok(());
        }
        let account = told.account;
        let report = said.report(ReportId::new(*told.content.as_bytes()), account);
        report::put_told(self.tx, &report)?;
        self.event(&Event::Contact { account }, None, None)
    }

    /// Forgets reports of long ago, and what was told of them.
    pub(crate) fn forget_reports(&mut self) -> Result<(), Stop> {
        let before = self.now.before(schedule::REPORTS_KEPT);
        report::prune(self.tx, before)?;
        for register in register::of_code(self.tx, code::REPORTED)? {
            let said = serde_json::from_slice::<Told>(&register.value);
            if said.is_ok_and(|said| said.at() < before) {
                register::forget(self.tx, &register.subject, register.code)?;
            }
        }
        Ok(())
    }
}
