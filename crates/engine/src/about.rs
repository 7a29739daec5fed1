//! What people do to messages that are there: react, put them otherwise, take them away, read them.
//!
//! ```text
//!  command ─► hidden row, queued ─► encrypted and sent like a text ─► the others' hidden rows
//!                 │                                                        │
//!                 └── what follows from it, here at once ──────────────────┴── there when it comes
//! ```
//!
//! Invariants:
//! - Each of them is a row of the timeline that nobody sees: it waits while offline, goes out in order with the texts, is sent
//!   again after a lost race, and is known when it comes twice.
//! - A text is put otherwise by its author's account alone, deleted for everyone by that account or by an admin of the group. What
//!   somebody else claims is dropped.
//! - It may come before its message (another device sent it, or the message could not be read at first): then it counts when
//!   that comes.
//! - Nothing is encrypted to say that a message was read but what a person read.

use hushwire_client_store::about::{self, About, Aspect};
use hushwire_client_store::conversation::{Conversation, ConversationKind};
use hushwire_client_store::timeline::{self, Entry, EntryState, Inserted, NewEntry, RowId};
use hushwire_client_store::{StoreError, View, search};
use hushwire_content::{Content, Edit, Encoded, Kind, Quote, Reaction, Target, Text, limits};
use hushwire_group_policy::Role;
use hushwire_mls::Application;
use hushwire_types::{AccountId, ContentId, ConversationId, Subject, rng};
use hushwire_wire as wire;

use crate::compose::check_text;
use crate::setting::{code, flag};
use crate::step::Step;
use crate::stop::Stop;
use crate::{Event, Outcome, Refusal, StepError};

/// A message, as commands name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageRef {
    /// Its conversation.
    pub conversation: ConversationId,
    /// Its author.
    pub account: AccountId,
    /// Its identity.
    pub content: ContentId,
}

impl MessageRef {
    /// The message that a setting is about, if it is about one.
    pub(crate) const fn of(subject: &Subject) -> Option<Self> {
        match *subject {
            Subject::Message { conversation, account, content } => {
                Some(Self { conversation, account, content })
            }
            _ => None,
        }
    }

    pub(crate) const fn subject(&self) -> Subject {
        let Self { conversation, account, content } = *self;
        Subject::Message { conversation, account, content }
    }

    pub(crate) const fn about(&self) -> About {
        About { account: self.account, content: self.content }
    }

    pub(crate) const fn target(&self) -> Target {
        Target { account: self.account, content_id: self.content }
    }
}

impl Step<'_, '_> {
    /// A text that quotes another message.
    pub(crate) fn reply(&mut self, to: &MessageRef, text: &str, key: Option<&str>) -> Result<Outcome, Stop> {
        let (conversation, quoted) = match self.named(to)? {
            Ok(found) => found,
            Err(refusal) => return Ok(Outcome::Refused(refusal)),
        };
        if let Some(refusal) = self.refuse_in(&conversation, text)? {
            return Ok(Outcome::Refused(refusal));
        }
        let excerpt = excerpt(&self.wording(&quoted)?.unwrap_or_default());
        let quote = Some(Quote { target: to.target(), excerpt });
        self.queue_text(&conversation, Text { quote, ..Text::new(text.to_owned()) }, key)
    }

    pub(crate) fn react(&mut self, to: &MessageRef, emoji: &str) -> Result<Outcome, Stop> {
        let emoji = emoji.trim();
        if emoji.len() > limits::EMOJI_BYTES
            || emoji.chars().any(|symbol| symbol.is_control() || symbol.is_whitespace())
        {
            return Ok(Outcome::Refused(Refusal::NoEmoji));
        }
        let (conversation, _) = match self.named(to)? {
            Ok(found) => found,
            Err(refusal) => return Ok(Outcome::Refused(refusal)),
        };
        let reaction = Reaction { target: to.target(), emoji: emoji.to_owned() };
        self.say_about(&conversation, Kind::Reaction(reaction), Aspect::Reaction, Some(to))
    }

    pub(crate) fn edit(&mut self, message: &MessageRef, text: &str) -> Result<Outcome, Stop> {
        if let Some(refusal) = check_text(text) {
            return Ok(Outcome::Refused(refusal));
        }
        let (conversation, entry) = match self.named(message)? {
            Ok(found) => found,
            Err(refusal) => return Ok(Outcome::Refused(refusal)),
        };
        if message.account != self.me.account || self.wording(&entry)?.is_none() {
            return Ok(Outcome::Refused(Refusal::NotYours));
        }
        let edit = Edit { content_id: message.content, body: text.to_owned() };
        let outcome = self.say_about(&conversation, Kind::Edit(edit), Aspect::Edit, Some(message))?;
        if matches!(outcome, Outcome::Done) {
            search::put(self.tx, entry.row, text)?;
        }
        Ok(outcome)
    }

    /// For everyone: its text goes here at once, and elsewhere when they hear of it.
    pub(crate) fn delete_for_everyone(&mut self, message: &MessageRef) -> Result<Outcome, Stop> {
        let (conversation, entry) = match self.named(message)? {
            Ok(found) => found,
            Err(refusal) => return Ok(Outcome::Refused(refusal)),
        };
        if !self.may_delete(&conversation, self.me.account, message.account)? {
            return Ok(Outcome::Refused(Refusal::NotYours));
        }
        let delete = Kind::Delete(message.target());
        let outcome = self.say_about(&conversation, delete, Aspect::Delete, Some(message))?;
        if matches!(outcome, Outcome::Done) {
            self.take_away(&conversation.id, &entry, message)?;
        }
        Ok(outcome)
    }

    /// For oneself, on all own devices: nobody else hears of it.
    pub(crate) fn delete_here(&mut self, message: &MessageRef) -> Result<Outcome, Stop> {
        let known = timeline::by_content(self.tx, &message.conversation, &message.account, &message.content)?;
        if known.is_none() {
            return Ok(Outcome::Refused(Refusal::UnknownHere("such message")));
        }
        // Its register makes the other devices forget it too, and this one.
        self.put_register(message.subject(), code::HIDDEN, &flag(true))?;
        Ok(Outcome::Done)
    }

    /// A message that is here and has a text still.
    pub(crate) fn named(
        &mut self,
        message: &MessageRef,
    ) -> Result<Result<(Conversation, Entry), Refusal>, Stop> {
        let Some(conversation) = self.conversation(&message.conversation)? else {
            return Ok(Err(Refusal::UnknownHere("conversation")));
        };
        let entry = timeline::by_content(self.tx, &message.conversation, &message.account, &message.content)?;
        let is_message = |entry: &Entry| {
            matches!(entry.entry.state, EntryState::Queued | EntryState::Sent | EntryState::Received)
        };
        match entry.filter(is_message) {
            Some(entry) if about::aspect(self.tx, entry.row)?.is_none() => Ok(Ok((conversation, entry))),
            _ => Ok(Err(Refusal::UnknownHere("such message"))),
        }
    }

    /// What a text says now; none of what is no text.
    pub(crate) fn wording(&self, entry: &Entry) -> Result<Option<String>, Stop> {
        Ok(wording(self.tx, entry)?)
    }

    /// Stores what a person says about a message; it is encrypted when the conversation is ready.
    pub(crate) fn say_about(
        &mut self,
        conversation: &Conversation,
        kind: Kind,
        aspect: Aspect,
        message: Option<&MessageRef>,
    ) -> Result<Outcome, Stop> {
        if let Some(refusal) = self.refuse_in(conversation, "-")? {
            return Ok(Outcome::Refused(refusal));
        }
        if aspect != Aspect::Read {
            self.accept_conversation(conversation)?;
        }
        let content_id = ContentId::new(rng::bytes(self.entropy));
        let draft = self.draft(content_id, self.now, kind)?;
        let entry = self.own_entry(conversation, content_id, &draft, None);
        if let Inserted::New(row) = timeline::insert(self.tx, &entry)? {
            let about = message.map(MessageRef::about);
            about::hide(self.tx, row, aspect, about.as_ref())?;
            if let Some(message) = message {
                self.told(message, aspect)?;
            }
        }
        self.session.attend(conversation.id);
        Ok(Outcome::Done)
    }

    /// Tells front ends that something about a message changed.
    fn told(&mut self, message: &MessageRef, aspect: Aspect) -> Result<(), Stop> {
        let (account, content) = (message.account, message.content);
        let event = match aspect {
            Aspect::Reaction => Event::Reacted { account, content },
            Aspect::Edit => Event::Edited { account, content },
            Aspect::Delete => Event::Deleted { account, content },
            Aspect::Vote => Event::Voted { account, content },
            Aspect::Pin => Event::Pinned { account, content },
            Aspect::Read | Aspect::Timer | Aspect::Profile | Aspect::Ask => return Ok(()),
        };
        let row = timeline::by_content(self.tx, &message.conversation, &account, &content)?;
        self.event(&event, Some(message.conversation), row.map(|entry| entry.row))
    }

    fn may_delete(
        &mut self,
        conversation: &Conversation,
        by: AccountId,
        of: AccountId,
    ) -> Result<bool, Stop> {
        if by == of {
            return Ok(true);
        }
        if conversation.kind != ConversationKind::Group {
            return Ok(false);
        }
        let view = self.view(conversation)?;
        let role = view.as_ref().and_then(|view| view.extension.charter()).map(|charter| charter.role(by));
        Ok(matches!(role, Some(Role::Admin | Role::Owner)))
    }

    fn take_away(&mut self, id: &ConversationId, entry: &Entry, message: &MessageRef) -> Result<(), Stop> {
        about::delete(self.tx, entry.row, &message.about(), id)?;
        Ok(())
    }

    /// What somebody says about a message has come in.
    pub(crate) fn take_about(
        &mut self,
        conversation: &Conversation,
        entry: NewEntry,
        sender: &Application,
        kind: &Kind,
    ) -> Result<(), Stop> {
        let by = sender.sender.account;
        let (target, aspect) = match kind {
            Kind::Reaction(reaction) => (reaction.target, Aspect::Reaction),
            Kind::Edit(edit) => (Target { account: by, content_id: edit.content_id }, Aspect::Edit),
            Kind::Delete(target) if self.may_delete(conversation, by, target.account)? => {
                (*target, Aspect::Delete)
            }
            Kind::Vote(vote) => (vote.target, Aspect::Vote),
            Kind::Pin(pin) if self.may_pin(conversation, by)? => (pin.target, Aspect::Pin),
            // Of what is not theirs.
            _ => return Ok(()),
        };
        let Target { account, content_id: content } = target;
        let message = MessageRef { conversation: conversation.id, account, content };
        let Inserted::New(row) = timeline::insert(self.tx, &entry)? else { return Ok(()) };
        about::hide(self.tx, row, aspect, Some(&message.about()))?;
        if let Some(known) = timeline::by_content(self.tx, &conversation.id, &account, &content)? {
            self.catch_up_with(&known, &message)?;
        }
        self.told(&message, aspect)
    }

    /// Applies to a message what was said about it before, or just now.
    pub(crate) fn catch_up_with(&mut self, entry: &Entry, message: &MessageRef) -> Result<(), Stop> {
        if entry.entry.state == EntryState::Deleted {
            // Said after it had gone.
            return self.take_away(&message.conversation, entry, message);
        }
        if !about::of(self.tx, &message.conversation, &message.about(), Aspect::Delete)?.is_empty() {
            return self.take_away(&message.conversation, entry, message);
        }
        if !about::of(self.tx, &message.conversation, &message.about(), Aspect::Edit)?.is_empty() {
            self.index_again(entry)?;
        }
        Ok(())
    }

    /// Why nothing can be said in a conversation, if so.
    pub(crate) fn refuse_in(
        &mut self,
        conversation: &Conversation,
        text: &str,
    ) -> Result<Option<Refusal>, Stop> {
        match conversation.kind {
            ConversationKind::Direct { peer } => self.refuse_text(peer, text),
            _ => self.refuse_group_text(conversation, text),
        }
    }

    /// A row of this device's own that waits to be sent.
    pub(crate) fn own_entry(
        &self,
        conversation: &Conversation,
        content_id: ContentId,
        draft: &Encoded,
        key: Option<&str>,
    ) -> NewEntry {
        NewEntry {
            conversation: conversation.id,
            generation: conversation.generation,
            order: None,
            content_id,
            account: self.me.account,
            device: self.me.device,
            sent_at: self.now,
            accepted_at: None,
            content: draft.as_slice().to_vec(),
            state: EntryState::Queued,
            client_key: key.map(str::to_owned),
        }
    }

    /// A row for a content of somebody's, or of another device of this account.
    pub(crate) fn entry_of(
        &self,
        place: &wire::Place,
        entry: &wire::Entry,
        sender: &Application,
        content: &Content,
        encoded: &Encoded,
    ) -> NewEntry {
        let own = sender.sender.account == self.me.account;
        NewEntry {
            conversation: place.conversation_id,
            generation: place.generation,
            order: place.order,
            content_id: content.content_id,
            account: sender.sender.account,
            device: sender.sender.device,
            sent_at: content.sent_at,
            accepted_at: Some(entry.accepted_at),
            content: encoded.as_slice().to_vec(),
            state: if own { EntryState::Sent } else { EntryState::Received },
            client_key: None,
        }
    }

    /// Whether a row is one that people see.
    pub(crate) fn is_seen(&self, row: RowId) -> Result<bool, Stop> {
        Ok(about::aspect(self.tx, row)?.is_none())
    }
}

/// What a text says now; none of what is no text.
pub(crate) fn wording(view: &View<'_>, entry: &Entry) -> Result<Option<String>, StoreError> {
    let about = About { account: entry.entry.account, content: entry.entry.content_id };
    let Ok(Content { kind: Kind::Text(text), .. }) = decoded(entry) else { return Ok(None) };
    let edits = about::of(view, &entry.entry.conversation, &about, Aspect::Edit)?;
    for edit in edits.iter().rev() {
        if let Ok(Content { kind: Kind::Edit(edit), .. }) = decoded(edit) {
            return Ok(Some(edit.body));
        }
    }
    Ok(Some(text.body))
}

pub(crate) fn decoded(entry: &Entry) -> Result<Content, StepError> {
    let decoded = Encoded::from_row(entry.entry.content.clone()).decode();
    decoded.map_err(|_| StepError::Damaged("message"))
}

/// The first lines of a text, as a reply shows them.
fn excerpt(text: &str) -> String {
    const SHOWN: usize = 160;
    let mut short: String = text.chars().take(SHOWN).collect();
    if text.chars().count() > SHOWN {
        short.push('…');
    }
    short
}
