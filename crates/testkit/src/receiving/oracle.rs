//! What must hold of what Bob's device shows.

use std::collections::{BTreeMap, BTreeSet};

use hushwire_client_store::timeline::{self, Entry, EntryState};
use hushwire_client_store::{StoreError, conversation, journal};
use hushwire_content::{Encoded, Kind};
use hushwire_engine::{Alert, Event, Notice};
use hushwire_types::{ConversationId, Seq};

use super::desk::Desk;
use super::story::{BOB, Said};
use crate::simulator::failure::{Failure, OrFail};

/// What a device shows.
#[derive(Debug, Default)]
pub(super) struct Shown {
    pub(super) texts: Vec<Said>,
    /// Rows of people, for commands that are about one.
    pub(super) rows: Vec<Entry>,
    /// Conversations in which a line or an alert tells that something is wrong.
    told: BTreeSet<ConversationId>,
    /// An alert that is of no conversation tells it.
    told_of_all: bool,
}

impl Shown {
    /// Looks.
    pub(super) fn of(desk: &mut Desk) -> Result<Self, Failure> {
        let (rows, events) = desk.read(BOB, |view| {
            let mut rows = Vec::new();
            for conversation in conversation::all(view)? {
                rows.extend(timeline::page(view, &conversation.id, None, u32::MAX >> 1)?);
            }
            Ok::<_, StoreError>((rows, journal::after(view, Seq(0), u32::MAX >> 1)?))
        })?;
        let mut shown = Self::default();
        for row in rows {
            shown.look_at(row)?;
        }
        for event in events {
            if let Some(Event::Alert(alert)) = Event::decode(&event.event.payload) {
                shown.hear(&alert, event.event.conversation);
            }
        }
        Ok(shown)
    }

    fn look_at(&mut self, row: Entry) -> Result<(), Failure> {
        let entry = &row.entry;
        match &entry.state {
            EntryState::Sent | EntryState::Received | EntryState::Queued => {
                let content = Encoded::from_row(entry.content.clone()).decode().or_fail("a row")?;
                let Kind::Text(text) = content.kind else {
                    return Err(Failure::new("a row is shown that is not a text"));
                };
                let (conversation, author) = (entry.conversation, entry.account);
                self.texts.push(Said { conversation, author, body: text.body });
                self.rows.push(row);
            }
            EntryState::Unreadable { .. } | EntryState::Failed { .. } => {
                self.told.insert(entry.conversation);
            }
            EntryState::System { .. } => {
                if Notice::decode(&entry.content).is_none_or(|notice| is_trouble(&notice)) {
                    self.told.insert(entry.conversation);
                }
            }
            EntryState::Deleted => {}
        }
        Ok(())
    }

    fn hear(&mut self, alert: &Alert, conversation: Option<ConversationId>) {
        match conversation {
            Some(conversation) => {
                self.told.insert(conversation);
            }
            None => self.told_of_all |= !matches!(alert, Alert::OwnDeviceAdded { .. }),
        }
    }

    /// Nothing is shown twice, and nothing that nobody wrote there.
    pub(super) fn is_true(&self, written: &[&[Said]]) -> Result<(), Failure> {
        let mut times: BTreeMap<&str, u32> = BTreeMap::new();
        for text in &self.texts {
            let count = times.entry(&text.body).or_default();
            *count = count.saturating_add(1);
            if *count > 1 {
                return Err(Failure::new(format!("{:?} is shown twice", text.body)));
            }
            if !written.iter().any(|said| said.contains(text)) {
                return Err(Failure::new(format!("{:?} is shown where nobody wrote it", text.body)));
            }
        }
        Ok(())
    }

    /// What should be there and is not.
    pub(super) fn missing<'a>(&self, due: &'a [Said]) -> Vec<&'a Said> {
        due.iter().filter(|said| !self.texts.contains(said)).collect()
    }

    /// Whether a person can know that something is wrong with the mailbox.
    pub(super) const fn tells_of_mailbox(&self) -> bool {
        self.told_of_all
    }

    /// Whether a person can know that something is wrong with a conversation.
    pub(super) fn tells_of(&self, conversation: &ConversationId) -> bool {
        self.told_of_all || self.told.contains(conversation)
    }
}

/// Whether a line says that something may be missing, and is not only about who came and went.
const fn is_trouble(notice: &Notice) -> bool {
    matches!(
        notice,
        Notice::Gap { .. }
            | Notice::Unreadable
            | Notice::Newer
            | Notice::Rejoined
            | Notice::Mismatch { .. }
            | Notice::Stuck
            | Notice::Waiting
            | Notice::Renewed { .. }
            | Notice::YouWereRemoved { .. }
    )
}
