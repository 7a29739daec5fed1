//! From a text to a ciphertext in the outbox.
//!
//! Invariants:
//! - A text is stored before anything is said about it, and encrypted only online, after the server's count of accepted
//!   sends was compared (rule R10).
//! - All unanswered messages of a conversation are of one epoch: so the server takes them in their order or refuses
//!   them from one on, and a refusal cannot reorder them.
//! - Nobody encrypts to a leaf that is known as revoked (rule R3), in a stopped conversation (rule R4), or for a handle
//!   that waits for a decision.

use hushwire_client_store::account::{self, Trust};
use hushwire_client_store::conversation::{self, Conversation, ConversationKind, ConversationState};
use hushwire_client_store::mark::{self, Mark};
use hushwire_client_store::outbox::{self, Outgoing, SendKind};
use hushwire_client_store::timeline::{self, Inserted, RowId};
use hushwire_client_store::{expiry, progress};
use hushwire_content::{Content, Encoded, Kind, Text, limits};
use hushwire_mls::GroupView;
use hushwire_types::{AccountId, ContentId, ConversationId, Epoch, Generation, SendSeq, Timestamp, rng};
use hushwire_wire as wire;
use hushwire_wire::Opaque;

use crate::remake::Remake;
use crate::step::Step;
use crate::stop::Stop;
use crate::{Event, Outcome, Refusal, StepError, Tag, schedule};

/// Why a text cannot be sent at all.
pub(crate) fn check_text(text: &str) -> Option<Refusal> {
    let characters = text.chars().count();
    if text.trim().is_empty() {
        return Some(Refusal::Empty);
    }
    if characters > limits::TEXT_CHARS || text.len() > limits::TEXT_BYTES {
        // Of a script with long characters fewer fit.
        let limit = limits::TEXT_CHARS.min(limits::TEXT_BYTES.saturating_mul(characters) / text.len());
        return Some(Refusal::TooLong { characters, limit });
    }
    None
}

impl Step<'_, '_> {
    /// Stores a text for an account; it is encrypted when its conversation is ready.
    pub(crate) fn send_text(
        &mut self,
        peer: AccountId,
        text: &str,
        key: Option<&str>,
    ) -> Result<Outcome, Stop> {
        if let Some(refusal) = self.refuse_text(peer, text)? {
            return Ok(Outcome::Refused(refusal));
        }
        let id = self.direct_id(peer);
        if let Some(queued) = self.queued_before(&id, key)? {
            return Ok(queued);
        }
        let conversation = self.open_conversation(peer)?;
        self.queue_text(&conversation, Text::new(text.to_owned()), key)
    }

    /// Stores a text for a group.
    pub(crate) fn send_to_group(
        &mut self,
        conversation: &Conversation,
        text: &str,
        key: Option<&str>,
    ) -> Result<Outcome, Stop> {
        if let Some(refusal) = self.refuse_group_text(conversation, text)? {
            return Ok(Outcome::Refused(refusal));
        }
        match self.queued_before(&conversation.id, key)? {
            Some(queued) => Ok(queued),
            None => self.queue_text(conversation, Text::new(text.to_owned()), key),
        }
    }

    pub(crate) fn refuse_group_text(
        &mut self,
        conversation: &Conversation,
        text: &str,
    ) -> Result<Option<Refusal>, Stop> {
        if let Some(refusal) = check_text(text) {
            return Ok(Some(refusal));
        }
        if conversation.state == ConversationState::Closed {
            return Ok(Some(Refusal::NotInGroup));
        }
        if !self.is_active(&self.me.account, &self.me.device)? {
            return Ok(Some(Refusal::Revoked));
        }
        if mark::is_set(self.tx, &conversation.id, Mark::Stopped)? {
            return Ok(Some(Refusal::Stopped));
        }
        let view = self.view(conversation)?;
        let charter = view.as_ref().and_then(|view| view.extension.charter());
        let mute = charter.is_some_and(|charter| !charter.may_write(self.me.account));
        Ok(mute.then_some(Refusal::MayNotWrite))
    }

    /// The text that was queued under this key, if there is one.
    fn queued_before(&self, id: &ConversationId, key: Option<&str>) -> Result<Option<Outcome>, Stop> {
        let Some(key) = key else { return Ok(None) };
        let known = timeline::by_client_key(self.tx, id, key)?;
        let queued =
            |known: timeline::Entry| Outcome::Queued { conversation: *id, content: known.entry.content_id };
        Ok(known.map(queued))
    }

    pub(crate) fn queue_text(
        &mut self,
        conversation: &Conversation,
        mut text: Text,
        key: Option<&str>,
    ) -> Result<Outcome, Stop> {
        text.mentions = self.mentioned(conversation, &text.body)?;
        self.queue(conversation, Kind::Text(text), key)
    }

    /// Stores what people see; it is encrypted when the conversation is ready. To say something is to accept whoever it is said to.
    pub(crate) fn queue(
        &mut self,
        conversation: &Conversation,
        kind: Kind,
        key: Option<&str>,
    ) -> Result<Outcome, Stop> {
        let id = conversation.id;
        if let Some(queued) = self.queued_before(&id, key)? {
            return Ok(queued);
        }
        self.accept_conversation(conversation)?;
        let content_id = ContentId::new(rng::bytes(self.entropy));
        let draft = self.draft(content_id, self.now, kind.clone())?;
        let entry = self.own_entry(conversation, content_id, &draft, key);
        if let Inserted::New(row) = timeline::insert(self.tx, &entry)? {
            self.index(row, &kind)?;
            conversation::touch(self.tx, &id, self.now)?;
            self.event(&Event::Queued { content: content_id }, Some(id), Some(row))?;
        }
        self.session.attend(id);
        Ok(Outcome::Queued { conversation: id, content: content_id })
    }

    pub(crate) fn refuse_text(&self, peer: AccountId, text: &str) -> Result<Option<Refusal>, Stop> {
        if let Some(refusal) = check_text(text) {
            return Ok(Some(refusal));
        }
        if !self.is_active(&self.me.account, &self.me.device)? {
            return Ok(Some(Refusal::Revoked));
        }
        if mark::is_set(self.tx, &self.direct_id(peer), Mark::Stopped)? {
            return Ok(Some(Refusal::Stopped));
        }
        if self.is_blocked(&peer)? {
            return Ok(Some(Refusal::Blocked));
        }
        match account::find(self.tx, &peer)? {
            None => Ok(Some(Refusal::UnknownHere("account"))),
            Some(known) if matches!(known.trust, Trust::Changed { .. }) => {
                Ok(Some(Refusal::AccountChanged(known.handle.unwrap_or_default())))
            }
            Some(_) => Ok(None),
        }
    }

    /// The direct conversation with an account; it begins here where there is none.
    pub(crate) fn open_conversation(&mut self, peer: AccountId) -> Result<Conversation, Stop> {
        let id = self.direct_id(peer);
        if let Some(known) = self.conversation(&id)? {
            return Ok(known);
        }
        let new = Conversation {
            id,
            kind: ConversationKind::Direct { peer },
            generation: Generation(0),
            group: None,
            state: ConversationState::Opening,
            attempts: 0,
            known_epoch: Epoch(0),
            refreshed_at: self.now,
            last_activity: self.now,
        };
        conversation::insert(self.tx, &new)?;
        self.event(&Event::Conversation, Some(id), None)?;
        Ok(new)
    }

    /// A content whose witness is filled in when it is encrypted.
    pub(crate) fn draft(
        &self,
        content_id: ContentId,
        sent_at: Timestamp,
        kind: Kind,
    ) -> Result<Encoded, Stop> {
        let witness = self.draft_witness()?;
        let content = Content { content_id, sent_at, fallback: String::new(), witness, lives_for_s: 0, kind };
        Ok(content.encode().map_err(|_| StepError::Bug("a text that was checked cannot be encoded"))?)
    }

    /// What a device says by itself: new, for ever, and with nothing for who does not know the kind.
    pub(crate) fn content(&self, kind: Kind) -> Result<Content, Stop> {
        Ok(Content {
            content_id: ContentId::new(rng::bytes(self.entropy)),
            sent_at: self.now,
            fallback: String::new(),
            witness: self.draft_witness()?,
            lives_for_s: 0,
            kind,
        })
    }

    /// Says something of which no row is kept.
    pub(crate) fn say(
        &mut self,
        conversation: &Conversation,
        view: &GroupView,
        kind: Kind,
    ) -> Result<(), Stop> {
        let content = self.content(kind)?;
        self.encrypt(conversation, view, content, None, &[]).map(drop)
    }

    /// Encrypts what waits in a conversation, as much as there is room for. The conversation is active and its group
    /// needs nothing first.
    pub(crate) fn compose(&mut self, conversation: &Conversation, view: &GroupView) -> Result<(), Stop> {
        if !self.may_encrypt(conversation, view)? {
            return Ok(());
        }
        let lives_for_s = self.timer_of(conversation, view)?;
        let mut left = schedule::LAST_MESSAGES.saturating_sub(u64::from(view.sent_in_epoch));
        let limit = u32::try_from(wire::limits::SENDS_IN_FLIGHT).unwrap_or(u32::MAX);
        for entry in timeline::unencrypted(self.tx, &conversation.id, limit)? {
            if left == 0 {
                return Ok(());
            }
            if !self.has_room_for(&conversation.id)? {
                return Ok(());
            }
            let draft = Encoded::from_row(entry.entry.content.clone()).decode();
            let mut draft = draft.map_err(|_| StepError::Damaged("message"))?;
            if let Kind::Profile(profile) = &mut draft.kind {
                *profile = self.own_profile()?;
            }
            if lives_for_s > 0 && self.is_seen(entry.row)? {
                draft.lives_for_s = lives_for_s;
                expiry::put(self.tx, entry.row, lives_for_s)?;
            }
            if entry.entry.generation != conversation.generation {
                timeline::set_queued(self.tx, entry.row, conversation.generation)?;
            }
            self.encrypt(conversation, view, draft, Some(entry.row), &[])?;
            left = left.saturating_sub(1);
        }
        self.compose_registers(conversation, view, left)?;
        self.compose_history(conversation, view, left)?;
        self.compose_pictures(conversation, view, left)?;
        self.compose_bundle(conversation, view, left)?;
        self.compose_lacking(conversation, view, left)?;
        if self.is_accepted(conversation)? { self.compose_receipts(conversation, view, left) } else { Ok(()) }
    }

    pub(crate) fn may_encrypt(&self, conversation: &Conversation, view: &GroupView) -> Result<bool, Stop> {
        if !self.session.is_online()
            || conversation.state != ConversationState::Active
            || view.epoch < conversation.known_epoch
            || mark::is_set(self.tx, &conversation.id, Mark::Stopped)?
        {
            return Ok(false);
        }
        let changed = match conversation.kind {
            ConversationKind::Direct { peer } => {
                self.is_blocked(&peer)?
                    || account::find(self.tx, &peer)?
                        .is_some_and(|row| matches!(row.trust, Trust::Changed { .. }))
            }
            _ => false,
        };
        if changed || !self.is_active(&self.me.account, &self.me.device)? {
            return Ok(false);
        }
        let unanswered = outbox::of_conversation(self.tx, &conversation.id)?;
        let put_off = |row: &Outgoing| {
            self.session.connection.as_ref().is_some_and(|line| line.tries(&Tag::Send(row.send_seq)) > 0)
        };
        let in_order = |row: &Outgoing| row.kind != SendKind::Application || row.epoch == view.epoch;
        Ok(unanswered.iter().all(|row| in_order(row) && !put_off(row)))
    }

    /// Whether another send fits into the server's window. Where none does, the conversation is looked at when one does.
    pub(crate) fn has_room_for(&mut self, id: &ConversationId) -> Result<bool, Stop> {
        let has_room = self.has_room()?;
        if !has_room {
            self.session.crowded.insert(*id);
        }
        Ok(has_room)
    }

    fn has_room(&self) -> Result<bool, Stop> {
        if outbox::count(self.tx)? >= wire::limits::SENDS_IN_FLIGHT {
            return Ok(false);
        }
        let oldest = outbox::from(self.tx, SendSeq(0), 1)?.first().map(|row| row.send_seq);
        let next = progress::load(self.tx)?.next_send;
        Ok(oldest.is_none_or(|oldest| next.0.saturating_sub(oldest.0) <= schedule::SEND_WINDOW))
    }

    /// One content into the outbox: ciphertext, witness and MLS state in this transaction. The number of its send.
    pub(crate) fn encrypt(
        &mut self,
        conversation: &Conversation,
        view: &GroupView,
        mut content: Content,
        row: Option<RowId>,
        receipts: &[RowId],
    ) -> Result<SendSeq, Stop> {
        let group = conversation.group.ok_or(StepError::Bug("an active conversation has no group"))?;
        let (witness, said) = self.next_witness(conversation, &view.transcript_hash)?;
        content.witness = witness;
        let bundle = match &content.kind {
            Kind::HistoryBundle(part) => Some(part.bundle),
            _ => None,
        };
        let is_passing = bundle.is_some()
            || matches!(
                content.kind,
                Kind::HistoryAsk(_)
                    | Kind::HistoryPart(_)
                    | Kind::DetailsKey(_)
                    | Kind::GroupPicture(_)
                    | Kind::Pictures(_)
            );
        let encoded = content.encode().map_err(|_| StepError::Bug("a content cannot be encoded"))?;
        let padded = encoded.padded().map_err(|_| StepError::Bug("a content cannot be padded"))?;
        let encrypted = match self.device.encrypt(&group, &padded) {
            Ok(encrypted) => encrypted,
            // The caller looked at the view first, so only a group that is not what it shows fails.
            Err(_) => return Err(Stop::Lost(conversation.id)),
        };
        self.said(&conversation.id, content.witness.counter, encoded.hash())?;
        let send_seq = progress::take_send_seq(self.tx)?;
        let request = wire::SendMessage {
            send_seq,
            conversation_id: conversation.id,
            generation: conversation.generation,
            epoch: encrypted.epoch,
            body: Opaque::from(encrypted.bytes),
        };
        outbox::insert(
            self.tx,
            &Outgoing {
                send_seq,
                conversation: conversation.id,
                group,
                kind: SendKind::Application,
                epoch: encrypted.epoch,
                request: crate::outgoing::encode(request.into())?,
                digest: *encrypted.hash.as_bytes(),
                row,
                note: Remake {
                    counter: content.witness.counter,
                    previous: said,
                    receipts: receipts.to_vec(),
                    is_passing,
                    bundle,
                }
                .encode(),
                created_at: self.now,
            },
        )?;
        Ok(send_seq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_over_the_limit_is_refused_with_the_limit() {
        assert_eq!(check_text("hello"), None);
        assert_eq!(check_text(" \n"), Some(Refusal::Empty));
        let long = "x".repeat(limits::TEXT_CHARS + 1);
        assert_eq!(
            check_text(&long),
            Some(Refusal::TooLong { characters: limits::TEXT_CHARS + 1, limit: limits::TEXT_CHARS })
        );
        assert!(check_text(&"😀".repeat(limits::TEXT_CHARS)).is_some(), "too many bytes");
    }
}
