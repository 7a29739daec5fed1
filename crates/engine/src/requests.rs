//! Who may reach a person: strangers wait until they are accepted, and who is blocked is not heard.
//!
//! Invariants:
//! - Nothing that a device does by itself tells a stranger that anybody is there: no receipt, no typing, no fresh leaf.
//! - To write to somebody is to accept them; so is to add them to a group, or to verify them.
//! - A group is accepted by being in it on purpose: made, asked for, or added by an account that is accepted. Any other waits like a
//!   stranger's message.
//! - Of a blocked account nothing is stored, and nothing is sent to it. A group into which it adds this account is left.

use hushwire_client_store::conversation::{Conversation, ConversationKind, ConversationState};
use hushwire_client_store::{StoreError, View, timeline};
use hushwire_types::{AccountId, ConversationId, Subject, Timestamp};

use crate::setting::{self, account_settings, code};
use crate::step::Step;
use crate::stop::Stop;
use crate::{Event, GroupChange, Outcome, Refusal};

/// Whether a person has accepted a conversation. `me` is the account of this profile.
///
/// # Errors
/// The database cannot be read.
pub fn is_accepted(view: &View<'_>, me: AccountId, conversation: &Conversation) -> Result<bool, StoreError> {
    if conversation.kind.peer() == Some(me) {
        return Ok(true);
    }
    let (subject, code) = acceptance(conversation);
    Ok(setting::is_on(view, &subject, code)? == Some(true) || !account_settings(view)?.requests)
}

/// The register that says whether a conversation is accepted.
const fn acceptance(conversation: &Conversation) -> (Subject, u32) {
    match conversation.kind {
        ConversationKind::Direct { peer } => (Subject::Account(peer), code::ACCEPTED),
        _ => (Subject::Conversation(conversation.id), code::ACCEPTED_IN),
    }
}

impl Step<'_, '_> {
    pub(crate) fn is_accepted(&self, conversation: &Conversation) -> Result<bool, Stop> {
        Ok(is_accepted(self.tx, self.me.account, conversation)?)
    }

    pub(crate) fn is_blocked(&self, account: &AccountId) -> Result<bool, Stop> {
        Ok(setting::is_blocked(self.tx, account)?)
    }

    /// A person wants to hear from an account.
    pub(crate) fn accept_account(&mut self, account: AccountId) -> Result<(), Stop> {
        if account == self.me.account {
            return Ok(());
        }
        self.put_register(Subject::Account(account), code::ACCEPTED, &setting::flag(true))
    }

    /// A person wants to be in a conversation.
    pub(crate) fn accept_conversation(&mut self, conversation: &Conversation) -> Result<(), Stop> {
        match conversation.kind {
            ConversationKind::Direct { peer } => self.accept_account(peer),
            _ => {
                let (subject, code) = acceptance(conversation);
                self.put_register(subject, code, &setting::flag(true))
            }
        }
    }

    /// A person takes what a stranger wants of them. What came meanwhile is confirmed now.
    pub(crate) fn accept(&mut self, id: &ConversationId) -> Result<Outcome, Stop> {
        let Some(conversation) = self.conversation(id)? else {
            return Ok(Outcome::Refused(Refusal::UnknownHere("conversation")));
        };
        self.accept_conversation(&conversation)?;
        self.session.attend(*id);
        Ok(Outcome::Done)
    }

    /// A person does not want what a stranger wants of them: it goes on all their devices, without a word to anybody else; a group is
    /// left.
    pub(crate) fn decline(&mut self, id: &ConversationId) -> Result<Outcome, Stop> {
        let Some(conversation) = self.conversation(id)? else {
            return Ok(Outcome::Refused(Refusal::UnknownHere("conversation")));
        };
        if self.is_accepted(&conversation)? {
            return Ok(Outcome::Refused(Refusal::NoRequest));
        }
        let (subject, code) = acceptance(&conversation);
        self.put_register(subject, code, &setting::time(self.shared_now()))?;
        timeline::erase_conversation(self.tx, id)?;
        self.event(&Event::Conversation, Some(*id), None)?;
        if conversation.kind == ConversationKind::Group && conversation.state != ConversationState::Closed {
            return self.change_group(id, &GroupChange::Leave);
        }
        Ok(Outcome::Done)
    }

    /// What a person declined on any of their devices goes, unless there is something newer that they have not seen.
    pub(crate) fn erase_declined(&mut self, id: &ConversationId, at: Timestamp) -> Result<(), Stop> {
        let newest = timeline::page(self.tx, id, None, 1)?;
        let accepted_at = newest.first().and_then(|newest| newest.entry.accepted_at);
        if accepted_at.is_some_and(|accepted_at| accepted_at <= at) {
            timeline::erase_conversation(self.tx, id)?;
        }
        Ok(())
    }

    /// This account was added to a group: by somebody that it talks with, or it waits.
    pub(crate) fn added_to_group(&mut self, conversation: &Conversation, by: AccountId) -> Result<(), Stop> {
        if self.is_blocked(&by)? {
            return self.change_group(&conversation.id, &GroupChange::Leave).map(drop);
        }
        let known = setting::is_on(self.tx, &Subject::Account(by), code::ACCEPTED)? == Some(true);
        if self.had_asked(&conversation.id)? || known {
            self.accept_conversation(conversation)
        } else {
            Ok(())
        }
    }
}
