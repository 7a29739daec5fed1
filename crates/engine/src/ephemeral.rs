//! What is said and not kept: that somebody is writing.
//!
//! Invariants:
//! - Nothing of it is a row. What is encrypted moves the group's ratchet, so that is written before anything leaves; a lost
//!   one is just lost.
//! - It carries no witness that counts: the server may drop it, and nobody can tell.
//! - One that cannot be read is passed over without touching the group.

use std::time::Duration;

use hushwire_client_store::StoreError;
use hushwire_client_store::conversation::ConversationState;
use hushwire_content::{Content, Kind};
use hushwire_mls::{Processed, message_hash};
use hushwire_types::{ConversationId, Subject};
use hushwire_wire as wire;
use hushwire_wire::{Opaque, Place};

use crate::setting::{self, account_settings, code};
use crate::step::Step;
use crate::stop::Stop;
use crate::{Effect, Outcome, Refusal, StepError, Tag, schedule};

/// While somebody writes on, it is said again so often, and holds so long without being said again.
pub const TYPING_EVERY: Duration = Duration::from_secs(4);

impl Step<'_, '_> {
    /// A person writes, or has stopped. Said at most every [`TYPING_EVERY`]; nothing happens where it cannot be said now.
    pub(crate) fn typing(&mut self, id: &ConversationId, stopped: bool) -> Result<Outcome, Stop> {
        let Some(conversation) = self.conversation(id)? else {
            return Ok(Outcome::Refused(Refusal::UnknownHere("conversation")));
        };
        let here = setting::is_on(self.tx, &Subject::Conversation(*id), code::TYPING_IN)?;
        let on = here.map_or_else(|| Ok(account_settings(self.tx)?.typing), Ok::<_, StoreError>)?;
        let off = !on || !self.is_accepted(&conversation)?;
        let now = self.now;
        let lately = |at: &hushwire_types::Timestamp| now.since(*at) < TYPING_EVERY && now >= *at;
        if off || (!stopped && self.session.typing.get(id).is_some_and(lately)) {
            return Ok(Outcome::Done);
        }
        let Some(view) = self.view(&conversation)? else { return Ok(Outcome::Done) };
        let room = u64::from(view.sent_in_epoch) < schedule::COMMIT_MESSAGES;
        let (Some(group), true) = (conversation.group, room && self.may_encrypt(&conversation, &view)?)
        else {
            return Ok(Outcome::Done);
        };
        let content = self.content(Kind::Typing { stopped })?;
        let padded = content.encode_padded().map_err(|_| StepError::Bug("a content cannot be encoded"))?;
        let Ok(encrypted) = self.device.encrypt(&group, &padded) else {
            return Err(Stop::Lost(conversation.id));
        };
        let request = wire::SendEphemeral {
            conversation_id: *id,
            generation: conversation.generation,
            epoch: encrypted.epoch,
            body: Opaque::from(encrypted.bytes),
        };
        self.request(Tag::Ephemeral(*id), request);
        if stopped {
            self.session.typing.remove(id);
        } else {
            self.session.typing.insert(*id, self.now);
        }
        Ok(Outcome::Done)
    }

    /// Something ephemeral has come in.
    pub(crate) fn take_ephemeral(&mut self, ephemeral: &wire::Ephemeral) -> Result<(), Stop> {
        let digest = *message_hash(&ephemeral.body).as_bytes();
        if self.is_passed_over(&digest) {
            return Ok(());
        }
        let wire::Ephemeral { conversation_id, generation, ref body } = *ephemeral;
        let place = Place { conversation_id, generation, order: None };
        let Some((conversation, group)) = self.readable(&place)? else { return Ok(()) };
        if conversation.state != ConversationState::Active {
            return Ok(());
        }
        let message = match self.device.process(&group, body, self.shared_now()) {
            Ok(Processed::Application(message)) => message,
            // Of an epoch that is over or to come, or no message at all.
            Ok(Processed::Commit(_)) | Err(_) => return Err(Stop::Ephemeral(digest)),
        };
        let account = message.sender.account;
        if let Ok((Content { kind: Kind::Typing { stopped }, .. }, _)) =
            Content::decode(message.plaintext.expose())
            && account != self.me.account
            && !self.is_blocked(&account)?
            && self.is_accepted(&conversation)?
        {
            self.effect(Effect::Typing { conversation: conversation_id, account, stopped });
        }
        Ok(())
    }
}
