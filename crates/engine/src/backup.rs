//! The history of the account as the records of a backup.
//!
//! Invariants:
//! - Written are what people wrote and chose: contacts, conversations, timelines, settings. No key, no token, no MLS state, no
//!   ciphertext, nothing that waits to be sent.
//! - A message that disappears, and what is about it, is not written.
//! - A conversation stands before its messages, a setting before the message that it hides, a message before what is about it.

use std::cell::Cell;

use hushwire_backup::Record;
use hushwire_backup::record::{self, Contact, Group, Head, Message, Register, Seen, State, Timer};
use hushwire_client_store::about::{self, Aspect};
use hushwire_client_store::account::{self, Trust};
use hushwire_client_store::conversation::{self, ConversationKind};
use hushwire_client_store::group_facts::{self, Who};
use hushwire_client_store::history::{self, Past};
use hushwire_client_store::member::{self, Role};
use hushwire_client_store::timeline::{EntryState, RowId};
use hushwire_client_store::{StoreError, View, expiry, list, profile, register};
use hushwire_content::{Encoded, Picture};
use hushwire_types::{AccountId, Subject, Timestamp};

use crate::setting::code;

/// Rows that are read at once.
const AT_ONCE: u32 = 500;

/// Gives every record of a backup to `write`, as of the moment of `view`; how many messages there were.
///
/// # Errors
/// Those of `write`, and of the database.
pub fn back_up<E: From<StoreError>>(
    view: &View<'_>,
    now: Timestamp,
    write: &mut dyn FnMut(&Record) -> Result<(), E>,
) -> Result<u64, E> {
    let me = profile::find(view)?.ok_or(StoreError::Absent("account"))?.account;
    let records = Cell::new(0);
    let mut write = |record: &Record| {
        records.set(records.get() + 1);
        write(record)
    };
    write(&Record::Head(Head { account: me, made_at: now }))?;
    for known in account::all(view)? {
        if known.account != me {
            write(&Record::Contact(contact(view, known)?))?;
        }
    }
    for known in conversation::all(view)? {
        if let Some(conversation) = conversation(view, &known)? {
            write(&Record::Conversation(conversation))?;
        }
    }
    registers(view, &mut write)?;
    let messages = messages(view, me, &mut write)?;
    let end = Record::End { records: records.get() };
    write(&end)?;
    Ok(messages)
}

fn registers<E: From<StoreError>>(
    view: &View<'_>,
    write: &mut dyn FnMut(&Record) -> Result<(), E>,
) -> Result<(), E> {
    let mut last: Option<register::Register> = None;
    loop {
        let some = register::after(view, last.as_ref(), AT_ONCE)?;
        for set in &some {
            let register::Register { subject, code, value, at } = set.clone();
            write(&Record::Register(Register { subject, code, value, at }))?;
        }
        match some.into_iter().last() {
            Some(set) => last = Some(set),
            None => return Ok(()),
        }
    }
}

/// Whether it is only there for a time.
pub(crate) fn disappears(content: &[u8]) -> bool {
    Encoded::from_row(content.to_vec()).decode().is_ok_and(|content| content.lives_for_s > 0)
}

fn messages<E: From<StoreError>>(
    view: &View<'_>,
    me: AccountId,
    write: &mut dyn FnMut(&Record) -> Result<(), E>,
) -> Result<u64, E> {
    let (mut last, mut count) = (RowId(0), 0);
    loop {
        let rows = history::after(view, last, AT_ONCE)?;
        let Some(newest) = rows.last() else { return Ok(count) };
        last = newest.entry.row;
        for past in rows {
            if let Some(message) = message(view, me, past)? {
                count += u64::from(message.about.is_none());
                write(&Record::Message(message))?;
            }
        }
    }
}

pub(crate) fn contact(view: &View<'_>, known: account::Account) -> Result<Contact, StoreError> {
    let trust = match known.trust {
        Trust::Unverified => record::Trust::Unverified,
        Trust::Verified { at } => record::Trust::Verified { at },
        Trust::Changed { at, successor } => record::Trust::Changed { at, successor },
    };
    let picture = crate::picture_of(view, &known.account)?;
    // Of what is not whole here the setting has the version.
    let is_whole = picture.is_some() == known.says.picture.is_some();
    let said_at = register::set_at(view, &Subject::Account(known.account), code::SAYS)?;
    let says_version = said_at.filter(|_| is_whole).map_or(0, Timestamp::as_ms);
    Ok(Contact {
        account: known.account,
        genesis: known.genesis,
        entries: list::of(view, &known.account)?.into_iter().map(|entry| entry.bytes).collect(),
        handle: known.handle,
        username: known.username,
        profile_name: known.says.name,
        about: known.says.about,
        picture: picture.map(Picture::into_bytes).unwrap_or_default(),
        says_version,
        trust,
        learned_at: known.learned_at,
    })
}

pub(crate) fn conversation(
    view: &View<'_>,
    known: &conversation::Conversation,
) -> Result<Option<record::Conversation>, StoreError> {
    let (peer, group) = match known.kind {
        ConversationKind::Direct { peer } => (Some(peer), None),
        ConversationKind::Group => (None, Some(group(view, known)?)),
        _ => return Ok(None),
    };
    Ok(Some(record::Conversation {
        id: known.id,
        peer,
        last_activity: known.last_activity,
        read_to: about::is_read_to(view, &known.id)?,
        group,
        timer: expiry::said(view, &known.id)?
            .map(|said| Timer { lives_for_s: said.lives_for_s, place: said.place }),
    }))
}

fn group(view: &View<'_>, known: &conversation::Conversation) -> Result<Group, StoreError> {
    let who = |who: Who| match who {
        Who::Everybody => record::Who::Everybody,
        Who::Admins => record::Who::Admins,
    };
    let role = |(account, role): (AccountId, Role)| {
        let role = match role {
            Role::Member => record::Role::Member,
            Role::Admin => record::Role::Admin,
            Role::Owner => record::Role::Owner,
            Role::Leaving => record::Role::Leaving,
        };
        (account, role)
    };
    let facts = group_facts::find(view, &known.id)?;
    let by = |of: fn(&group_facts::GroupFacts) -> Who| facts.as_ref().map_or(Who::Admins, of);
    Ok(Group {
        add_by: who(by(|facts| facts.add_by)),
        details_by: who(by(|facts| facts.details_by)),
        write_by: who(by(|facts| facts.write_by)),
        timer_secs: facts.as_ref().map_or(0, |facts| facts.timer_secs),
        name: facts.as_ref().and_then(|facts| facts.name.clone()),
        description: facts.and_then(|facts| facts.description),
        members: member::of(view, &known.id)?.into_iter().map(role).collect(),
        picture: crate::picture_of_group(view, &known.id)?.map(Picture::into_bytes).unwrap_or_default(),
    })
}

/// None for what is no history.
pub(crate) fn message(view: &View<'_>, me: AccountId, past: Past) -> Result<Option<Message>, StoreError> {
    let Past { entry, said, handed_over_by } = past;
    let row = entry.entry;
    let state = match row.state {
        EntryState::Sent => State::Sent,
        EntryState::Received => State::Received,
        EntryState::Unreadable { reason } => State::Unreadable { reason },
        EntryState::System { event } => State::System { event },
        EntryState::Deleted => State::Deleted,
        EntryState::Queued | EntryState::Failed { .. } => return Ok(None),
    };
    let about = match said {
        None => None,
        Some((aspect, about)) => {
            let aspect = match aspect {
                Aspect::Reaction => record::Aspect::Reaction,
                Aspect::Edit => record::Aspect::Edit,
                Aspect::Delete => record::Aspect::Delete,
                Aspect::Vote => record::Aspect::Vote,
                Aspect::Pin => record::Aspect::Pin,
                Aspect::Read | Aspect::Timer | Aspect::Profile | Aspect::Ask => return Ok(None),
            };
            Some(record::About { aspect, account: about.account, content_id: about.content })
        }
    };
    let Some(order) = row.order else { return Ok(None) };
    if matches!(state, State::Sent | State::Received) && disappears(&row.content) {
        return Ok(None);
    }
    let seen = if row.account == me { about::seen_by(view, entry.row)? } else { Vec::new() };
    let seen = seen.into_iter().map(|seen| Seen {
        account: seen.account,
        delivered_at: seen.delivered_at,
        read_at: seen.read_at,
    });
    Ok(Some(Message {
        conversation: row.conversation,
        generation: row.generation,
        order,
        content_id: row.content_id,
        account: row.account,
        device: row.device,
        sent_at: row.sent_at,
        accepted_at: row.accepted_at,
        delivered_at: entry.delivered_at,
        content: row.content,
        state,
        about,
        seen: seen.collect(),
        handed_over_by,
    }))
}
