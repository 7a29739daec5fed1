//! Joining by Welcome.
//!
//! Invariants:
//! - A group is joined only under the conversation that its own extension names, and only one that this account has a
//!   place in.
//! - A Welcome never replaces a group that this device is in.

use hushwire_client_store::conversation::{self, Conversation, ConversationKind, ConversationState};
use hushwire_client_store::mark::{self, Mark};
use hushwire_client_store::mls_row::{self, MlsKey, MlsKind};
use hushwire_client_store::parked::{self, ParkReason};
use hushwire_client_store::witness;
use hushwire_group_policy::{GroupExtension, Kind};
use hushwire_mls::{Joined, MlsError, Row, welcome_references};
use hushwire_types::{ConversationId, Epoch, Generation, Seq};
use hushwire_wire as wire;
use hushwire_wire::{EntryKind, ErrorCode, Place, WelcomeEntry};

use crate::renew::is_successor;
use crate::step::Step;
use crate::stop::{Stop, Verdict};
use crate::stream::Fate;
use crate::{Event, Notice, StepError, Tag, rows};

impl Step<'_, '_> {
    /// A Welcome from the stream: its tree is needed first.
    pub(crate) fn take_welcome(
        &mut self,
        place: &Place,
        entry: &wire::Entry,
        welcome: &WelcomeEntry,
    ) -> Result<Fate, Stop> {
        if let Some(known) = self.conversation(&place.conversation_id)? {
            let here = known.state == ConversationState::Active && known.generation >= place.generation;
            // Who was out of a group may be let in again.
            let over = known.state == ConversationState::Closed && known.kind != ConversationKind::Group;
            if here || known.generation > place.generation || over {
                return Ok(Fate::Done);
            }
        }
        let Ok(references) = welcome_references(&welcome.welcome) else {
            return self.follow(Verdict::Orphan, place, entry);
        };
        if !self.load_key_packages(&references)? {
            return self.follow(Verdict::Orphan, place, entry);
        }
        Ok(Fate::Park(ParkReason::Tree, welcome.epoch.0.to_be_bytes().to_vec()))
    }

    /// Loads the private keys of KeyPackages. Whether there were any.
    fn load_key_packages(&mut self, references: &[Vec<u8>]) -> Result<bool, Stop> {
        let mut found: Vec<Row> = Vec::new();
        for reference in references {
            let key = MlsKey { kind: MlsKind::KeyPackage, group: None, key: reference.clone() };
            if let Some(row) = mls_row::find(self.tx, &key)? {
                found.extend(rows::from_store(row));
            }
        }
        let any = !found.is_empty();
        // One that is damaged is as good as gone.
        Ok(any && self.device.load(found).is_ok())
    }

    /// Asks for the tree that the first parked entry of a conversation waits for.
    pub(crate) fn fetch_tree(&mut self, id: &ConversationId) -> Result<(), Stop> {
        let Some((_, entry)) = self.parked_welcome(id)? else { return Ok(()) };
        let (Some(place), EntryKind::Welcome(welcome)) = (&entry.place, &entry.kind) else { return Ok(()) };
        let tag = Tag::Group { conversation: *id, generation: place.generation, epoch: welcome.epoch };
        self.request(
            tag,
            wire::FetchGroup {
                conversation_id: *id,
                generation: Some(place.generation),
                epoch: Some(welcome.epoch),
            },
        );
        Ok(())
    }

    fn parked_welcome(&self, id: &ConversationId) -> Result<Option<(parked::Parked, wire::Entry)>, Stop> {
        let waiting = parked::of_conversation(self.tx, id)?;
        let Some(first) = waiting.into_iter().find(|parked| parked.entry.reason == ParkReason::Tree) else {
            return Ok(None);
        };
        let entry = wire::Entry::from_bytes(first.entry.bytes.clone().into());
        Ok(Some((first, entry.map_err(|_| StepError::Damaged("parked message"))?)))
    }

    /// The server's answer to [`Tag::Group`]: a tree for a Welcome, or a group to rejoin or to compare with.
    pub(crate) fn group_answer(
        &mut self,
        tag: &Tag,
        id: &ConversationId,
        epoch: Epoch,
        result: Result<&wire::Group, &wire::Error>,
    ) -> Result<(), Stop> {
        self.session.attend(*id);
        match result {
            Ok(group) if group.conversation_id != *id => Ok(()),
            Ok(group) if epoch == Epoch(0) => self.group_fetched(id, group),
            Ok(group) => self.tree_fetched(id, epoch, group),
            Err(error) => match error.code {
                ErrorCode::UnknownConversation
                | ErrorCode::NotAMember
                | ErrorCode::StaleEpoch
                | ErrorCode::FutureEpoch
                | ErrorCode::ClosedGeneration => self.no_group_there(id, epoch),
                _ => self.put_off(tag.clone(), error),
            },
        }
    }

    /// The server does not give the tree or the group.
    fn no_group_there(&mut self, id: &ConversationId, epoch: Epoch) -> Result<(), Stop> {
        if epoch == Epoch(0) {
            if let Some(known) = self.conversation(id)? {
                self.settle_generations(&known, None)?;
            }
            return self.rejoin_failed(id);
        }
        match self.parked_welcome(id)? {
            Some((parked, _)) => self.orphaned(id, &parked),
            None => Ok(()),
        }
    }

    /// A Welcome cannot be used: the conversation is entered by an external Commit instead.
    fn orphaned(&mut self, id: &ConversationId, parked: &parked::Parked) -> Result<(), Stop> {
        parked::set_reason(self.tx, parked.id, ParkReason::Group, &[])?;
        self.follow_orphan(id)
    }

    fn tree_fetched(&mut self, id: &ConversationId, epoch: Epoch, group: &wire::Group) -> Result<(), Stop> {
        let Some((parked, entry)) = self.parked_welcome(id)? else { return Ok(()) };
        let (Some(place), EntryKind::Welcome(welcome)) = (&entry.place, &entry.kind) else { return Ok(()) };
        if group.epoch != epoch || welcome.epoch != epoch || group.generation != place.generation {
            return Ok(());
        }
        if let Some(verdict) = self.verdict(entry.seq).cloned() {
            match self.follow(verdict, place, &entry)? {
                Fate::Done => parked::delete(self.tx, parked.id)?,
                Fate::Park(reason, detail) => parked::set_reason(self.tx, parked.id, reason, &detail)?,
            }
            return Ok(());
        }
        // The peer is known by the group only; own lists are in memory already.
        let references = welcome_references(&welcome.welcome).unwrap_or_default();
        self.load_key_packages(&references)?;
        self.recall_peer(id)?;
        match self.device.join(&welcome.welcome, &group.ratchet_tree, self.shared_now()) {
            Ok(joined) => {
                self.joined(id, place, entry.seq, joined)?;
                for reference in references {
                    self.used_key_package(&reference)?;
                }
                Ok(parked::delete(self.tx, parked.id)?)
            }
            Err(MlsError::MissingLists(heads)) => {
                let missing = self.recall_missing(heads)?;
                if missing.is_empty() {
                    return self.tree_fetched(id, epoch, group);
                }
                // The tree of a large group is not fetched again for each list that comes.
                let detail = self.want_for(missing)?;
                Ok(parked::set_reason(self.tx, parked.id, ParkReason::Lists, &detail)?)
            }
            Err(MlsError::Refused(hushwire_mls::Refusal::AlreadyMember)) => {
                Ok(parked::delete(self.tx, parked.id)?)
            }
            Err(_) => Err(Stop::Entry(entry.seq, Verdict::Orphan)),
        }
    }

    fn recall_peer(&mut self, id: &ConversationId) -> Result<(), Stop> {
        if let Some(conversation) = self.conversation(id)?
            && let ConversationKind::Direct { peer } = conversation.kind
        {
            self.recall(&peer)?;
        }
        Ok(())
    }

    fn joined(&mut self, id: &ConversationId, place: &Place, seq: Seq, joined: Joined) -> Result<(), Stop> {
        let Some(kind) = self.fitting_kind(id, place.generation, &joined.extension) else {
            return Err(Stop::Entry(seq, Verdict::Ignored));
        };
        let known = self.conversation(id)?;
        let taken = known.as_ref().is_some_and(|known| {
            known.state == ConversationState::Active
                && known.generation == place.generation
                && known.group != Some(joined.group_id)
        });
        if taken {
            return Err(Stop::Entry(seq, Verdict::SecondGroup));
        }
        self.drop_own_creation(id)?;
        let now = self.now;
        let mut row = self.conversation(id)?.unwrap_or_else(|| blank(*id, kind, now));
        let renewed = is_successor(&row, place.generation);
        if renewed && !self.is_rightful(&row, &joined)? {
            return Err(Stop::Entry(seq, Verdict::SecondGroup));
        }
        self.enter_generation(&mut row, place.generation, joined.group_id, joined.epoch)?;
        row.kind = kind;
        row.state = ConversationState::Active;
        row.attempts = 0;
        row.refreshed_at = self.now;
        match known {
            Some(_) => self.save(&row)?,
            None => conversation::insert(self.tx, &row)?,
        }
        // What anybody said before, this device among them, was said in another membership.
        witness::forget_others(self.tx, id, &self.me.device)?;
        self.said(id, 0, [0; 32])?;
        if joined.epoch == Epoch(1) {
            self.hears_from_the_start(id, &joined.members)?;
        }
        mark::set(self.tx, id, Mark::Review)?;
        self.session.attend(*id);
        if renewed {
            self.renewed(id, joined.sender.account)?;
            return if kind == ConversationKind::Group {
                self.group_changed(&row, None)
            } else {
                self.event(&Event::Conversation, Some(*id), None)
            };
        }
        if kind == ConversationKind::Group {
            self.notice(id, &Notice::YouWereAdded { by: joined.sender.account })?;
            self.expects_history(id, place, joined.sender.account)?;
            self.added_to_group(&row, joined.sender.account)?;
            return self.group_changed(&row, None);
        }
        self.event(&Event::Conversation, Some(*id), None)
    }

    /// What a group is to this account, if it is that of the conversation that the server says, and this account has a place
    /// in it.
    pub(crate) fn fitting_kind(
        &self,
        id: &ConversationId,
        generation: Generation,
        extension: &GroupExtension,
    ) -> Option<ConversationKind> {
        if extension.conversation != *id || extension.generation != generation {
            return None;
        }
        match extension.kind {
            Kind::Direct { a, b } if a == self.me.account => Some(ConversationKind::Direct { peer: b }),
            Kind::Direct { a, b } if b == self.me.account => Some(ConversationKind::Direct { peer: a }),
            Kind::Group(_) => Some(ConversationKind::Group),
            _ => None,
        }
    }
}

/// A conversation that others began.
pub(crate) fn blank(
    id: ConversationId,
    kind: ConversationKind,
    now: hushwire_types::Timestamp,
) -> Conversation {
    Conversation {
        id,
        kind,
        generation: Generation(0),
        group: None,
        state: ConversationState::Opening,
        attempts: 0,
        known_epoch: Epoch(0),
        refreshed_at: now,
        last_activity: now,
    }
}
