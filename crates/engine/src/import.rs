//! The records of a backup, back into a profile of the same account.
//!
//! Invariants:
//! - What is here stands: a backup adds what is missing and changes no row (but one that somebody handed over gives way to the same
//!   one as this account received it). So restoring twice, or again after having been killed on the way, does no harm, and a message
//!   that is delivered too is shown once, whichever came first.
//! - Nothing is as if it had just happened: no message arrives, no receipt is owed, nothing is unread.
//! - What was taken back since stays so: a message is put next to the deletions and new wordings that are here, and these
//!   next to it. What was deleted for oneself, or disappears, does not come back.
//! - Of a setting the latest value counts, here as among devices; the others are told those that come from the backup.
//! - Device lists are verified from their genesis, as those that the server shows.
//! - A conversation that this device is not in shows its history alone: one with a person waits for a first text or a Welcome
//!   like any other, a group is closed until somebody adds this device.

use hushwire_backup::Record;
use hushwire_backup::record::{self, Contact, Message, State};
use hushwire_client_store::about::{self, About, Aspect, SeenBy};
use hushwire_client_store::account::{self, Account, Says, Trust};
use hushwire_client_store::conversation::{self, Conversation, ConversationKind, ConversationState};
use hushwire_client_store::group_facts::{self, GroupFacts, Who};
use hushwire_client_store::member::{self, Role};
use hushwire_client_store::timeline::{self, EntryState, Inserted, NewEntry, RowId};
use hushwire_client_store::{expiry, history, register};
use hushwire_content::{Encoded, Kind, Picture, Profile, limits};
use hushwire_identity::DeviceList;
use hushwire_types::{AccountId, ConversationId, Epoch, Generation, ListNumber};

use crate::backup::disappears;
use crate::profiles::{Known, said_before};
use crate::setting::{self, code};
use crate::shared::no_later_than_any_clock;
use crate::step::Step;
use crate::stop::Stop;
use crate::{MessageRef, Outcome, Refusal};

/// How much of a backup was new here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Restored {
    /// People.
    pub contacts: u64,
    /// Conversations.
    pub conversations: u64,
    /// Messages that people see.
    pub messages: u64,
}

impl Step<'_, '_> {
    /// Takes over some records of a backup of `account`.
    pub(crate) fn restore_history(
        &mut self,
        account: AccountId,
        records: &[Record],
        known: Known,
    ) -> Result<Outcome, Stop> {
        if account != self.me.account {
            return Ok(Outcome::Refused(Refusal::OtherBackup));
        }
        let mut restored = Restored::default();
        for record in records {
            match record {
                Record::Contact(contact) => {
                    restored.contacts += u64::from(self.restore_contact(contact)?);
                    self.restore_says(contact, known)?;
                }
                Record::Conversation(conversation) => {
                    restored.conversations += u64::from(self.restore_conversation(conversation)?);
                }
                Record::Message(message) => {
                    restored.messages += u64::from(self.restore_message(message)?);
                }
                Record::Register(register) => self.restore_register(register)?,
                Record::Head(_) | Record::End { .. } => {}
            }
        }
        Ok(Outcome::Restored(restored))
    }

    /// Whether it was new here.
    fn restore_contact(&mut self, contact: &Contact) -> Result<bool, Stop> {
        let account = contact.account;
        if account == self.me.account {
            return Ok(false);
        }
        if account::find(self.tx, &account)?.is_some() {
            return Ok(false);
        }
        let verified = DeviceList::verify(&contact.genesis, &contact.entries).ok();
        let verified =
            verified.filter(|list| list.account_id() == account && list.head().number > ListNumber(0));
        // A newer hush may know rules that this one does not: then the server shows the account again.
        let Some(list) = verified else { return Ok(false) };
        let free = match &contact.handle {
            Some(handle) => account::by_handle(self.tx, handle)?.is_none(),
            None => false,
        };
        let head = list.head();
        account::insert(
            self.tx,
            &Account {
                account,
                genesis: list.genesis().as_bytes().to_vec(),
                head_number: head.number,
                head_hash: head.hash,
                handle: contact.handle.clone().filter(|_| free),
                username: contact.username.clone(),
                local_name: None,
                says: Says::default(),
                trust: trust(contact.trust),
                learned_at: contact.learned_at,
            },
        )?;
        self.write_entries(&list, 0)?;
        self.lists.put(list);
        self.apply_to_known(account)?;
        Ok(true)
    }

    /// What a contact said of itself counts where nothing later is known, whoever knew them first.
    fn restore_says(&mut self, contact: &Contact, known: Known) -> Result<(), Stop> {
        let Contact { profile_name, about, picture, says_version, .. } = contact;
        let said = said_before(profile_name, about, picture, *says_version);
        let is_here = account::find(self.tx, &contact.account)?.is_some();
        if !is_here || contact.account == self.me.account || said == Profile::default() {
            return Ok(());
        }
        self.says_of_itself(&contact.account, &said, known)
    }

    /// A group that has this picture is shown with it.
    fn restore_group_picture(&self, id: &ConversationId, past: &record::Group) -> Result<(), Stop> {
        let Ok(picture) = Picture::new(past.picture.clone()) else { return Ok(()) };
        let has = group_facts::find(self.tx, id)?.and_then(|facts| facts.picture);
        if has == Some(picture.hash()) { self.keep_picture(Some(&picture)) } else { Ok(()) }
    }

    /// Whether it was new here.
    fn restore_conversation(&mut self, past: &record::Conversation) -> Result<bool, Stop> {
        let known = self.conversation(&past.id)?;
        let (kind, state) = match past.peer {
            Some(peer) if self.direct_id(peer) == past.id => {
                (ConversationKind::Direct { peer }, ConversationState::Opening)
            }
            Some(_) => return Ok(false),
            None => (ConversationKind::Group, ConversationState::Closed),
        };
        if known.is_none() {
            let new = Conversation {
                id: past.id,
                kind,
                generation: Generation(0),
                group: None,
                state,
                attempts: 0,
                known_epoch: Epoch(0),
                refreshed_at: self.now,
                last_activity: past.last_activity,
            };
            conversation::insert(self.tx, &new)?;
        }
        if let Some(group) = &past.group
            && group_facts::find(self.tx, &past.id)?.is_none()
        {
            group_facts::put(self.tx, &past.id, &facts(group))?;
            let members: Vec<(AccountId, Role)> =
                group.members.iter().map(|(account, was)| (*account, role(*was))).collect();
            member::replace(self.tx, &past.id, &members)?;
        }
        if let Some(group) = &past.group {
            self.restore_group_picture(&past.id, group)?;
        }
        if let Some(timer) = past.timer
            && past.peer.is_some()
            && timer.lives_for_s <= limits::LIVES_FOR_S
        {
            expiry::set_timer(self.tx, &past.id, timer.lives_for_s, timer.place)?;
        }
        if let Some((generation, order)) = past.read_to {
            about::read_to(self.tx, &past.id, generation, order)?;
        }
        Ok(known.is_none())
    }

    /// Whether it was new here and is one that people see.
    fn restore_message(&mut self, past: &Message) -> Result<bool, Stop> {
        if self.conversation(&past.conversation)?.is_none() || self.stays_away(past)? {
            return Ok(false);
        }
        let entry = entry(past);
        let told_by = past.handed_over_by.as_ref();
        if told_by.is_none() {
            self.supersede_told(&named(past))?;
        }
        let Inserted::New(row) = history::restore(self.tx, &entry, past.delivered_at, told_by)? else {
            return Ok(false);
        };
        if let Some(said) = past.about {
            self.restore_about(past, row, said)?;
            return Ok(false);
        }
        for seen in &past.seen {
            let record::Seen { account, delivered_at, read_at } = *seen;
            history::restore_seen(self.tx, row, &SeenBy { account, delivered_at, read_at })?;
        }
        if let Some(known) = timeline::find(self.tx, row)? {
            self.index_again(&known)?;
            if told_by.is_none() && past.state == State::Received && self.calls_me(&kind_of(past)) {
                about::calls_me(self.tx, row)?;
            }
            self.catch_up_with(&known, &named(past))?;
        }
        Ok(true)
    }

    /// A message that somebody handed over, and perhaps made up, gives way to the one that this account received.
    pub(crate) fn supersede_told(&self, message: &MessageRef) -> Result<(), Stop> {
        let MessageRef { conversation, account, content } = message;
        let known = timeline::by_content(self.tx, conversation, account, content)?;
        if let Some(known) = known
            && history::handed_over_by(self.tx, known.row)?.is_some()
        {
            timeline::erase(self.tx, known.row)?;
        }
        Ok(())
    }

    /// Whether a message does not come back: it is only there for a time, or a person deleted it for themselves.
    fn stays_away(&self, past: &Message) -> Result<bool, Stop> {
        let is_message = matches!(past.state, State::Sent | State::Received);
        let hidden = setting::is_on(self.tx, &named(past).subject(), code::HIDDEN)? == Some(true);
        Ok(hidden || (is_message && disappears(&past.content)))
    }

    fn restore_about(&mut self, past: &Message, row: RowId, said: record::About) -> Result<(), Stop> {
        let aspect = match said.aspect {
            record::Aspect::Reaction => Aspect::Reaction,
            record::Aspect::Edit => Aspect::Edit,
            record::Aspect::Delete => Aspect::Delete,
            record::Aspect::Vote => Aspect::Vote,
            record::Aspect::Pin => Aspect::Pin,
        };
        let (conversation, account, content) = (past.conversation, said.account, said.content_id);
        about::hide(self.tx, row, aspect, Some(&About { account, content }))?;
        if let Some(known) = timeline::by_content(self.tx, &conversation, &account, &content)? {
            self.catch_up_with(&known, &MessageRef { conversation, account, content })?;
        }
        Ok(())
    }

    fn restore_register(&mut self, past: &record::Register) -> Result<(), Stop> {
        // Over the limit nothing can be told to other devices.
        if past.value.len() > limits::REGISTER_BYTES {
            return Ok(());
        }
        let record::Register { subject, code, value, at } = past.clone();
        let past = register::Register { subject, code, value, at: no_later_than_any_clock(at) };
        if register::restore(self.tx, &past)? { self.apply(&past) } else { Ok(()) }
    }
}

const fn named(past: &Message) -> MessageRef {
    MessageRef { conversation: past.conversation, account: past.account, content: past.content_id }
}

fn kind_of(past: &Message) -> Kind {
    Encoded::from_row(past.content.clone()).decode().map_or(Kind::Unknown, |content| content.kind)
}

const fn trust(past: record::Trust) -> Trust {
    match past {
        record::Trust::Unverified => Trust::Unverified,
        record::Trust::Verified { at } => Trust::Verified { at },
        record::Trust::Changed { at, successor } => Trust::Changed { at, successor },
    }
}

const fn role(past: record::Role) -> Role {
    match past {
        record::Role::Member => Role::Member,
        record::Role::Admin => Role::Admin,
        record::Role::Owner => Role::Owner,
        record::Role::Leaving => Role::Leaving,
    }
}

const fn who(past: record::Who) -> Who {
    match past {
        record::Who::Everybody => Who::Everybody,
        record::Who::Admins => Who::Admins,
    }
}

fn facts(past: &record::Group) -> GroupFacts {
    GroupFacts {
        name: past.name.clone(),
        description: past.description.clone(),
        picture: Picture::new(past.picture.clone()).ok().map(|picture| picture.hash()),
        add_by: who(past.add_by),
        details_by: who(past.details_by),
        write_by: who(past.write_by),
        timer_secs: past.timer_secs,
    }
}

fn entry(past: &Message) -> NewEntry {
    let state = match &past.state {
        State::Sent => EntryState::Sent,
        State::Received => EntryState::Received,
        State::Unreadable { reason } => EntryState::Unreadable { reason: reason.clone() },
        State::System { event } => EntryState::System { event: event.clone() },
        State::Deleted => EntryState::Deleted,
    };
    NewEntry {
        conversation: past.conversation,
        generation: past.generation,
        order: Some(past.order),
        content_id: past.content_id,
        account: past.account,
        device: past.device,
        sent_at: past.sent_at,
        accepted_at: past.accepted_at,
        content: past.content.clone(),
        state,
        client_key: None,
    }
}
