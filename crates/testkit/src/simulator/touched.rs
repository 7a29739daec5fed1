//! What must hold of what people did to messages, when the world is at rest: whoever has a message has the same of it.

use std::collections::BTreeMap;

use hushwire_client_store::about::{self, About, Aspect};
use hushwire_client_store::timeline::{self, EntryState};
use hushwire_client_store::{StoreError, conversation};
use hushwire_content::{Encoded, Kind};
use hushwire_engine::MessageRef;
use hushwire_types::{AccountId, ContentId, ConversationId};

use super::failure::{Failure, OrFail};
use super::oracle::rooms;
use super::world::World;
use super::world::touch::{Fate, What};

/// A message as a device shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Look {
    is_deleted: bool,
    /// Its last wording, where it was put otherwise.
    edit: Option<String>,
    reactions: BTreeMap<AccountId, String>,
}

type Looks = BTreeMap<(AccountId, ContentId), Look>;

/// Asks whether all devices show the same, and whether nothing that was done is lost.
pub(crate) fn ask(world: &mut World) -> Result<(), Failure> {
    let mut all = Vec::new();
    for device in 0..world.clients.len() {
        all.push(looks(world, device)?);
    }
    for (left, ours) in all.iter().enumerate() {
        for (right, theirs) in all.iter().enumerate().skip(left + 1) {
            for (message, look) in ours {
                if let Some(other) = theirs.get(message).filter(|other| *other != look) {
                    return Err(Failure::new(format!(
                        "devices {left} and {right} show {message:?} as\n{look:?}\n{other:?}"
                    )));
                }
            }
        }
    }
    let done = world.touches.iter().filter(|touch| touch.fate == Fate::Done);
    // Who was put out of a group before it was sent did nothing.
    done.filter(|touch| counts(world, touch.message.conversation, touch.client)).try_for_each(|touch| {
        let MessageRef { account, content, .. } = touch.message;
        let by = world.clients.get(touch.client).or_fail("a device")?.account;
        let has = |look: &Look| match touch.what {
            What::React => look.is_deleted || look.reactions.contains_key(&by),
            What::Edit => look.is_deleted || look.edit.is_some(),
            What::Delete => look.is_deleted,
            What::Read => true,
        };
        let lost = all.iter().filter_map(|looks| looks.get(&(account, content))).any(|look| !has(look));
        if lost {
            Err(Failure::new(format!("{:?} of device {} is lost", touch.what, touch.client)))
        } else {
            Ok(())
        }
    })
}

/// Whether what a device shows of a conversation can be compared: not of a group in which it was not all the time.
fn counts(world: &World, id: ConversationId, device: usize) -> bool {
    world.truth.of(id).next().is_none() || rooms::is_steady(world, id, device)
}

/// Whether somebody deleted a message, or may have: who is killed after a step never says how it ended.
pub(crate) fn may_be_deleted(world: &World, content: ContentId) -> bool {
    world.touches.iter().any(|touch| {
        touch.fate != Fate::Refused && touch.what == What::Delete && touch.message.content == content
    })
}

fn looks(world: &mut World, device: usize) -> Result<Looks, Failure> {
    let room = world.room.as_ref().and_then(|room| room.conversation);
    let passed_over = room.filter(|id| !rooms::is_steady(world, *id, device));
    let db = world.clients.get_mut(device).or_fail("a device")?.db()?;
    db.read::<_, StoreError>(|view| {
        let mut looks = Looks::new();
        for known in conversation::all(view)?.into_iter().filter(|known| Some(known.id) != passed_over) {
            for row in timeline::page(view, &known.id, None, u32::MAX >> 1)? {
                let entry = row.entry;
                if !matches!(entry.state, EntryState::Sent | EntryState::Received | EntryState::Deleted) {
                    continue;
                }
                let about = About { account: entry.account, content: entry.content_id };
                let mut look = Look {
                    is_deleted: entry.state == EntryState::Deleted,
                    edit: None,
                    reactions: BTreeMap::new(),
                };
                for aspect in [Aspect::Edit, Aspect::Reaction] {
                    for said in about::of(view, &known.id, &about, aspect)? {
                        match Encoded::from_row(said.entry.content).decode().map(|content| content.kind) {
                            Ok(Kind::Edit(edit)) => look.edit = Some(edit.body),
                            Ok(Kind::Reaction(reaction)) => {
                                look.reactions.insert(said.entry.account, reaction.emoji);
                            }
                            _ => {}
                        }
                    }
                }
                looks.insert((entry.account, entry.content_id), look);
            }
        }
        Ok(looks)
    })
    .or_fail("what a profile shows")
}
