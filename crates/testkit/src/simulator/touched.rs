//! What must hold of what people did to messages, when the world is at rest: whoever has a message has the same of it.

use std::collections::{BTreeMap, BTreeSet};

use hushwire_client_store::about::{self, About, Aspect};
use hushwire_client_store::timeline::{self, EntryState};
use hushwire_client_store::{StoreError, conversation, history};
use hushwire_content::{Encoded, Kind};
use hushwire_engine::MessageRef;
use hushwire_types::{AccountId, ContentId, ConversationId, Generation, Order};

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
    /// What it says, where that is here.
    wording: Option<String>,
    /// It was handed over to this device.
    is_told: bool,
    /// Where the server has what was said of it.
    places: BTreeSet<(Generation, Order)>,
}

impl Look {
    /// Whether two devices show the same. Who was handed a message over has it as it was then: reactions did not come along.
    fn fits(&self, other: &Self) -> bool {
        if self.is_told || other.is_told {
            return (self.is_deleted, &self.wording) == (other.is_deleted, &other.wording);
        }
        (self.is_deleted, &self.edit, &self.reactions) == (other.is_deleted, &other.edit, &other.reactions)
    }
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
                let Some(other) = theirs.get(message) else { continue };
                let crossed = crosses(world, left, look, other) || crosses(world, right, other, look);
                if !look.fits(other) && !crossed {
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
        let looks = all.iter().filter_map(|looks| looks.get(&(account, content)));
        let lost = looks.filter(|look| !look.is_told).any(|look| !has(look));
        if lost {
            Err(Failure::new(format!("{:?} of device {} is lost", touch.what, touch.client)))
        } else {
            Ok(())
        }
    })
}

/// Whether something was said of a message that was handed over to a device which could not read it: it was written before the device
/// came in, and accepted after.
fn crosses(world: &World, device: usize, told: &Look, other: &Look) -> bool {
    let (Some(id), Some(client)) =
        (world.room.as_ref().and_then(|room| room.conversation), world.clients.get(device))
    else {
        return false;
    };
    let Some(came) = world.truth.of(id).find(|stage| stage.has(client.device)) else { return false };
    told.is_told
        && other.places.iter().any(|(generation, order)| {
            let written = world.truth.written.get(&(id, *generation, *order));
            written.is_some_and(|(_, epoch)| {
                *generation == came.generation && *epoch < came.epoch && *order > came.order
            })
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
                let own = Encoded::from_row(entry.content).decode().map(|content| content.kind);
                let mut look = Look {
                    is_deleted: entry.state == EntryState::Deleted,
                    edit: None,
                    reactions: BTreeMap::new(),
                    wording: match own {
                        Ok(Kind::Text(text)) => Some(text.body),
                        _ => None,
                    },
                    is_told: history::handed_over_by(view, row.row)?.is_some(),
                    places: BTreeSet::new(),
                };
                for aspect in [Aspect::Edit, Aspect::Reaction, Aspect::Delete] {
                    for said in about::of(view, &known.id, &about, aspect)? {
                        look.places.extend(said.entry.order.map(|order| (said.entry.generation, order)));
                        match Encoded::from_row(said.entry.content).decode().map(|content| content.kind) {
                            Ok(Kind::Edit(edit)) => {
                                look.wording = Some(edit.body.clone());
                                look.edit = Some(edit.body);
                            }
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
