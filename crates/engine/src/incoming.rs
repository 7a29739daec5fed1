//! One entry of a conversation: decrypt, apply, store.
//!
//! Invariants:
//! - A message is stored once, whatever brings it again: its hash is known, or its (author, content id).
//! - A failure that may have cost a key is rolled back before anything else is done ([`Stop::Entry`]).

use hushwire_client_store::conversation::{self, Conversation, ConversationKind, ConversationState};
use hushwire_client_store::parked::ParkReason;
use hushwire_client_store::timeline::{self, EntryState, Inserted, NewEntry};
use hushwire_client_store::{about, receipt, seen};
use hushwire_content::{Content, Encoded, Kind};
use hushwire_mls::{Application, MlsError, Processed, message_hash};
use hushwire_types::{AccountId, ContentId, ConversationId, DeviceId, Epoch, GroupId, rng};
use hushwire_wire as wire;
use hushwire_wire::{EntryKind, Place};

use crate::about::MessageRef;
use crate::setting::{self, code};
use crate::step::Step;
use crate::stop::{Stop, Verdict};
use crate::stream::Fate;
use crate::{Event, Notice, schedule};

impl Step<'_, '_> {
    /// Handles an entry of a conversation that nothing is parked before.
    pub(crate) fn process(&mut self, place: &Place, entry: &wire::Entry) -> Result<Fate, Stop> {
        if let Some(verdict) = self.verdict(entry.seq).cloned() {
            return self.follow(verdict, place, entry);
        }
        match &entry.kind {
            EntryKind::Application(message) => self.take_message(place, entry, message),
            EntryKind::Commit(commit) => self.take_commit(place, entry, commit),
            EntryKind::Removed(removed) => self.take_commit(place, entry, &removed.commit),
            EntryKind::Welcome(welcome) => self.take_welcome(place, entry, welcome),
            _ => Ok(Fate::Done),
        }
    }

    /// The conversation and its loaded group, if this device can read messages of this generation in it.
    pub(crate) fn readable(&mut self, place: &Place) -> Result<Option<(Conversation, GroupId)>, Stop> {
        let Some(conversation) = self.conversation(&place.conversation_id)? else { return Ok(None) };
        let Some(group) = conversation.group else { return Ok(None) };
        if conversation.generation != place.generation || self.view(&conversation)?.is_none() {
            return Ok(None);
        }
        if let Some(peer) = conversation.kind.peer() {
            self.recall(&peer)?;
        }
        Ok(Some((conversation, group)))
    }

    fn take_message(&mut self, place: &Place, entry: &wire::Entry, message: &[u8]) -> Result<Fate, Stop> {
        let digest = *message_hash(message).as_bytes();
        if seen::contains(self.tx, &digest)? {
            return Ok(Fate::Done);
        }
        let Some((conversation, group)) = self.readable(place)? else {
            return self.no_group(place, entry);
        };
        // A past epoch's age is judged by when the message was accepted: this device may have been away since.
        let at = self.shared_now().min(entry.accepted_at);
        match self.device.process(&group, message, at) {
            Ok(Processed::Application(application)) => {
                seen::put(self.tx, &digest, self.now)?;
                self.take_content(&conversation, place, entry, &application)?;
                Ok(Fate::Done)
            }
            // A Commit that was delivered as a message: the server misbehaves.
            Ok(Processed::Commit(_)) => Err(Stop::Entry(entry.seq, Verdict::Ignored)),
            Err(error) => self.failed(place, entry, &conversation, error),
        }
    }

    /// A message for a group that this device does not have: it waits for the way back, if there is one.
    pub(crate) fn no_group(&mut self, place: &Place, entry: &wire::Entry) -> Result<Fate, Stop> {
        match self.conversation(&place.conversation_id)? {
            // Of a group that this account has left it gets messages until its leaves are removed.
            Some(known) if known.state == ConversationState::Closed => Ok(Fate::Done),
            Some(known) if known.generation > place.generation => {
                self.unreadable(place, entry)?;
                Ok(Fate::Done)
            }
            _ => Ok(Fate::Park(ParkReason::Group, Vec::new())),
        }
    }

    /// What a failure to process means for the entry.
    pub(crate) fn failed(
        &mut self,
        place: &Place,
        entry: &wire::Entry,
        conversation: &Conversation,
        error: MlsError,
    ) -> Result<Fate, Stop> {
        let is_commit = !matches!(entry.kind, EntryKind::Application(_));
        match error {
            MlsError::MissingLists(heads) => Err(Stop::Entry(entry.seq, Verdict::NeedsLists(heads))),
            MlsError::FutureEpoch { epoch, .. } => {
                conversation::raise_known_epoch(self.tx, &conversation.id, epoch)?;
                let rejoining = conversation.state == ConversationState::Rejoining;
                let reason = if rejoining { ParkReason::Group } else { ParkReason::Epoch };
                Ok(Fate::Park(reason, epoch.0.to_be_bytes().to_vec()))
            }
            // Commits of past epochs were applied, or lost.
            MlsError::PastEpoch { .. } if is_commit => Ok(Fate::Done),
            MlsError::PastEpoch { .. } | MlsError::KeyUsed => {
                self.unreadable(place, entry)?;
                Ok(Fate::Done)
            }
            MlsError::Own if !is_commit => Ok(Fate::Done),
            MlsError::Own | MlsError::MustRejoin(_) => Err(Stop::Entry(entry.seq, Verdict::Lost)),
            MlsError::Undecryptable => Err(Stop::Entry(entry.seq, Verdict::Unreadable)),
            MlsError::Refused(_) => Err(Stop::Entry(entry.seq, Verdict::Ignored)),
            MlsError::UnknownGroup(_) | MlsError::Misuse(_) => Ok(Fate::Park(ParkReason::Group, Vec::new())),
            _ => Err(Stop::Lost(conversation.id)),
        }
    }

    /// A decrypted message.
    fn take_content(
        &mut self,
        conversation: &Conversation,
        place: &Place,
        entry: &wire::Entry,
        message: &Application,
    ) -> Result<(), Stop> {
        let Ok((content, encoded)) = Content::decode(message.plaintext.expose()) else {
            return self.show_unreadable(place, entry, message.sender.account);
        };
        if self.may_say(conversation, message, &content.kind)? {
            self.take_kind(conversation, place, entry, message, &content, &encoded)?;
        }
        self.compare(&conversation.id, message, &content.witness, encoded.hash())
    }

    /// Whether what somebody says is heard: not of who is blocked, nor of who may not write in a group. Who was put to silence by a
    /// Commit may have written before it.
    fn may_say(
        &mut self,
        conversation: &Conversation,
        message: &Application,
        kind: &Kind,
    ) -> Result<bool, Stop> {
        let by = message.sender.account;
        let is_of_the_group = matches!(kind, Kind::DetailsKey(_) | Kind::GroupPicture(_));
        if by == self.me.account || is_of_the_group || matches!(kind, Kind::Receipt(_) | Kind::Presence) {
            return Ok(true);
        }
        if self.is_blocked(&by)? {
            return Ok(false);
        }
        // Whoever may add may hand over.
        if conversation.kind != ConversationKind::Group || matches!(kind, Kind::HistoryBundle(_)) {
            return Ok(true);
        }
        let view = self.view(conversation)?.filter(|view| view.epoch == message.epoch);
        let charter = view.as_ref().and_then(|view| view.extension.charter());
        Ok(charter.is_none_or(|charter| charter.may_write(by)))
    }

    fn take_kind(
        &mut self,
        conversation: &Conversation,
        place: &Place,
        entry: &wire::Entry,
        message: &Application,
        content: &Content,
        encoded: &Encoded,
    ) -> Result<(), Stop> {
        match &content.kind {
            Kind::Receipt(receipt) => self.take_receipt(&conversation.id, message, receipt),
            Kind::Registers(registers) => self.take_registers(conversation, message, registers),
            Kind::JoinAsk(ask) => self.take_join_ask(conversation, message, ask),
            Kind::DetailsKey(key) => self.take_details_key(conversation, message, key.as_ref()),
            Kind::GroupPicture(said) => self.take_group_picture(conversation, message, said.as_ref()),
            Kind::HistoryAsk(ask) => self.take_history_ask(conversation, message, ask),
            Kind::HistoryPart(part) => self.take_history_part(conversation, message, part),
            Kind::HistoryBundle(part) => self.take_bundle(conversation, message, part),
            Kind::Pictures(told) => self.take_pictures(conversation, message, told),
            Kind::Profile(profile) => {
                self.take_profile(conversation, message.sender.account, profile, entry.accepted_at)
            }
            Kind::Presence | Kind::Typing { .. } => Ok(()),
            Kind::Timer(lives_for_s) => {
                let row = self.entry_of(place, entry, message, content, encoded);
                self.take_timer(conversation, &row, *lives_for_s)
            }
            Kind::Reaction(_) | Kind::Edit(_) | Kind::Delete(_) | Kind::Vote(_) | Kind::Pin(_) => {
                let row = self.entry_of(place, entry, message, content, encoded);
                self.take_about(conversation, row, message, &content.kind)
            }
            _ => self.show(conversation, place, entry, message, content, encoded),
        }
    }

    /// A content that a person sees.
    fn show(
        &mut self,
        conversation: &Conversation,
        place: &Place,
        entry: &wire::Entry,
        message: &Application,
        content: &Content,
        encoded: &Encoded,
    ) -> Result<(), Stop> {
        let own = message.sender.account == self.me.account;
        let new = self.entry_of(place, entry, message, content, encoded);
        let (account, content_id) = (message.sender.account, content.content_id);
        let named = MessageRef { conversation: conversation.id, account, content: content_id };
        // Another device of this account had it first, and a person there deleted it for themselves.
        if setting::is_on(self.tx, &named.subject(), code::HIDDEN)? == Some(true) {
            return Ok(());
        }
        self.supersede_told(&named)?;
        let Inserted::New(row) = timeline::insert(self.tx, &new)? else { return Ok(()) };
        self.index(row, &content.kind)?;
        self.begins_to_live(row, &new, content.lives_for_s)?;
        if self.calls_me(&content.kind) && !own {
            about::calls_me(self.tx, row)?;
        }
        self.catch_up_with(&new.at(row), &named)?;
        conversation::touch(self.tx, &conversation.id, self.now)?;
        let event = Event::Message { account: message.sender.account, content: content.content_id };
        self.event(&event, Some(conversation.id), Some(row))?;
        if !own && self.confirms_delivery(conversation)? {
            receipt::owe(self.tx, &conversation.id, row)?;
            if self.session.is_live(entry.seq) {
                let due = self.now.after(schedule::RECEIPT_DELAY);
                self.session.receipts_due.entry(conversation.id).or_insert(due);
            }
            self.session.attend(conversation.id);
        }
        Ok(())
    }

    /// Whether a content mentions this account, or answers it.
    pub(crate) fn calls_me(&self, kind: &Kind) -> bool {
        let me = self.me.account;
        let Kind::Text(text) = kind else { return false };
        text.mentions.contains(&me) || text.quote.as_ref().is_some_and(|quote| quote.target.account == me)
    }

    /// Notes a message that cannot be read, once.
    pub(crate) fn unreadable(&mut self, place: &Place, entry: &wire::Entry) -> Result<(), Stop> {
        let EntryKind::Application(message) = &entry.kind else { return Ok(()) };
        let id = place.conversation_id;
        let digest = *message_hash(message).as_bytes();
        if seen::contains(self.tx, &digest)? || conversation::find(self.tx, &id)?.is_none() {
            return Ok(());
        }
        seen::put(self.tx, &digest, self.now)?;
        let author = self.peer_of(&id)?;
        self.show_unreadable(place, entry, author)
    }

    fn show_unreadable(&mut self, place: &Place, entry: &wire::Entry, author: AccountId) -> Result<(), Stop> {
        let EntryKind::Application(message) = &entry.kind else { return Ok(()) };
        let id = place.conversation_id;
        let digest = *message_hash(message).as_bytes();
        let new = NewEntry {
            conversation: id,
            generation: place.generation,
            order: place.order,
            content_id: ContentId::try_from(digest.get(..ContentId::LEN).unwrap_or_default())
                .unwrap_or_else(|_| ContentId::new(rng::bytes(self.entropy))),
            account: author,
            device: DeviceId::new([0; DeviceId::LEN]),
            sent_at: entry.accepted_at,
            accepted_at: Some(entry.accepted_at),
            content: Vec::new(),
            state: EntryState::Unreadable { reason: Notice::Unreadable.to_string() },
            client_key: None,
        };
        if let Inserted::New(row) = timeline::insert(self.tx, &new)? {
            conversation::touch(self.tx, &id, self.now)?;
            self.event(&Event::Notice, Some(id), Some(row))?;
        }
        Ok(())
    }

    /// Adds a system line after the last accepted message.
    pub(crate) fn notice(&mut self, id: &ConversationId, notice: &Notice) -> Result<(), Stop> {
        let Some(conversation) = self.conversation(id)? else { return Ok(()) };
        let last = timeline::last_order(self.tx, id)?;
        let new = NewEntry {
            conversation: *id,
            generation: last.map_or(conversation.generation, |(generation, _)| generation),
            order: Some(last.map(|(_, order)| order).unwrap_or_default()),
            content_id: ContentId::new(rng::bytes(self.entropy)),
            account: self.me.account,
            device: self.me.device,
            sent_at: self.now,
            accepted_at: Some(self.now),
            content: notice.encode(),
            state: EntryState::System { event: notice.name().to_owned() },
            client_key: None,
        };
        if let Inserted::New(row) = timeline::insert(self.tx, &new)? {
            conversation::touch(self.tx, id, self.now)?;
            self.event(&Event::Notice, Some(*id), Some(row))?;
        }
        Ok(())
    }

    /// The other account of a direct conversation; the own one where there is none.
    fn peer_of(&self, id: &ConversationId) -> Result<AccountId, Stop> {
        Ok(match self.conversation(id)?.map(|conversation| conversation.kind) {
            Some(conversation::ConversationKind::Direct { peer }) => peer,
            _ => self.me.account,
        })
    }

    /// Whether a group has reached the epoch that a parked entry is of, or goes on in a later generation, so that it never will.
    pub(crate) fn epoch_arrived(&mut self, place: &Place, detail: &[u8]) -> Result<bool, Stop> {
        let Some(conversation) = self.conversation(&place.conversation_id)? else { return Ok(false) };
        if conversation.generation > place.generation {
            return Ok(true);
        }
        let wanted = detail.try_into().map_or(Epoch(0), |bytes| Epoch(u64::from_be_bytes(bytes)));
        Ok(self.view(&conversation)?.is_some_and(|view| view.epoch >= wanted))
    }

    /// Whether a group that messages wait for can be read from again.
    pub(crate) fn group_arrived(&mut self, id: &ConversationId, place: &Place) -> Result<bool, Stop> {
        let Some(conversation) = self.conversation(id)? else { return Ok(false) };
        if conversation.generation > place.generation {
            return Ok(true);
        }
        let healthy = matches!(conversation.state, ConversationState::Active);
        Ok(healthy && self.view(&conversation)?.is_some())
    }
}
