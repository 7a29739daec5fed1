//! What must hold in a world whose server lost an epoch of the group together with whoever made it.
//!
//! What it lost is sent to it again, at other places; so the order of what several people said may differ. But every text is on every
//! device that it is for, once; all are in one group again, of a later generation where the epoch did not come back; and by that
//! nobody came in or has another role (rule R1).
//!
//! Where somebody else made that epoch meanwhile, there are two histories, as with a server that lies; what was said in the one that ends
//! is for each device that is in the other a line which says that something could not be read.

use std::collections::{BTreeMap, BTreeSet};

use hushwire_client_store::conversation::{self, ConversationKind, ConversationState};
use hushwire_client_store::timeline::{self, EntryState};
use hushwire_content::{Encoded, Kind};
use hushwire_engine::Notice;
use hushwire_group_policy::direct_conversation_id;
use hushwire_types::{AccountId, ConversationId};

use super::{about, agreed, quiet, read, rooms};
use crate::simulator::failure::{Failure, OrFail};
use crate::simulator::truth::Stage;
use crate::simulator::world::World;

/// What a device shows.
#[derive(Debug, Default)]
struct Shown {
    /// How often each text, by what it says.
    times: BTreeMap<String, usize>,
    /// Conversations that it entered anew, as it says itself: a Welcome that is sent again may be for a KeyPackage that the restored
    /// server has given to somebody else meanwhile. Of these it may lack what was said before.
    anew: BTreeSet<ConversationId>,
    /// Whether it was told that it cannot enter its group.
    is_stuck: bool,
    /// Lines that say that something could not be read, each of which stands for one text that is missing.
    unreadable: BTreeMap<ConversationId, usize>,
}

/// Asks whether everything holds.
pub(in crate::simulator) fn ask(world: &mut World) -> Result<(), Failure> {
    let room = world.room.as_ref().and_then(|room| room.conversation).or_fail("the group")?;
    let last = world.truth.of(room).next_back().or_fail("an epoch of the group")?.clone();
    world.counts.renewed = last.generation.0.saturating_sub(1);
    let mut direct = BTreeMap::new();
    let mut all = Vec::new();
    for device in 0..world.clients.len() {
        if is_stuck(world, device, room)? {
            let shown = shown(world, device, true).map_err(|failure| about(device, &failure))?;
            if !shown.is_stuck {
                return Err(Failure::new(format!("device {device} cannot enter its group and was not told")));
            }
            all.push(shown);
            continue;
        }
        quiet(world, device).map_err(|failure| about(device, &failure))?;
        rooms::stands(world, device, room, &last).map_err(|failure| about(device, &failure))?;
        one_group(world, device, &mut direct).map_err(|failure| about(device, &failure))?;
        all.push(shown(world, device, false).map_err(|failure| about(device, &failure))?);
    }
    nobody_rose(world, room)?;
    for text in &world.texts {
        let from = world.clients.get(text.client).map(|client| client.person);
        for (device, client) in world.clients.iter().enumerate() {
            let party = client.person == text.to || Some(client.person) == from;
            let other = world.clients.iter().find(|other| other.person == text.to).or_fail("a person")?;
            let writer = world.clients.get(text.client).or_fail("a device")?;
            let direct = direct_conversation_id(writer.account, other.account);
            let must = match party {
                false => Must::Hide,
                true if device != text.client && entered_anew(&all, device, direct) => Must::Either,
                true => Must::Show,
            };
            once(&mut all, device, direct, &text.body, must)?;
        }
    }
    let said = world.room.iter().flat_map(|room| &room.said).filter(|said| !said.refused);
    for text in said {
        for device in 0..world.clients.len() {
            let is_stuck = |device: usize| all.get(device).is_some_and(|shown| shown.is_stuck);
            let steady = is_steady(world, room, device) && is_steady(world, room, text.client);
            let steady = steady && !is_stuck(device) && !is_stuck(text.client);
            let lacks = device != text.client && entered_anew(&all, device, room);
            let must = match (steady, text.content) {
                (true, None) => return Err(Failure::new(format!("{:?} was never stored", text.body))),
                (true, Some(_)) if text.late || !lacks => Must::Show,
                _ => Must::Either,
            };
            once(&mut all, device, room, &text.body, must)?;
        }
    }
    Ok(())
}

fn entered_anew(all: &[Shown], device: usize, id: ConversationId) -> bool {
    all.get(device).is_some_and(|shown| shown.anew.contains(&id))
}

/// Whether a device has a text to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Must {
    Show,
    Hide,
    Either,
}

fn once(all: &mut [Shown], device: usize, id: ConversationId, body: &str, must: Must) -> Result<(), Failure> {
    let shown = all.get_mut(device).or_fail("a device")?;
    let times = shown.times.get(body).copied().unwrap_or_default();
    let told = shown.unreadable.get_mut(&id).filter(|lines| **lines > 0);
    let holds = match must {
        Must::Show if times == 0 => told.map(|lines| *lines = lines.saturating_sub(1)).is_some(),
        Must::Show => times == 1,
        Must::Hide => times == 0,
        Must::Either => times <= 1,
    };
    if holds {
        Ok(())
    } else {
        Err(Failure::new(format!("device {device} shows {body:?} {times} times ({must:?})")))
    }
}

/// The texts that a device shows, those that were handed over too. Nothing in between is beyond repair; of one that waits for others to
/// mend its group some may be unsent.
fn shown(world: &mut World, device: usize, waits: bool) -> Result<Shown, Failure> {
    let mut shown = Shown::default();
    for known in read(world, device, conversation::all)? {
        for row in read(world, device, |view| timeline::page(view, &known.id, None, u32::MAX >> 1))? {
            let entry = row.entry;
            match &entry.state {
                EntryState::System { .. } => match Notice::decode(&entry.content).or_fail("a notice")? {
                    notice @ (Notice::Gap { .. } | Notice::Unreadable) => {
                        return Err(Failure::new(format!("a notice: {notice:?}")));
                    }
                    Notice::Rejoined => drop(shown.anew.insert(known.id)),
                    Notice::Stuck if known.state == ConversationState::Broken => shown.is_stuck = true,
                    Notice::Waiting if known.state == ConversationState::Active => shown.is_stuck = true,
                    _ => {}
                },
                EntryState::Sent | EntryState::Received => {
                    let content = Encoded::from_row(entry.content).decode().or_fail("a row")?;
                    if let Kind::Text(text) = content.kind {
                        let count = shown.times.entry(text.body).or_default();
                        *count = count.saturating_add(1);
                    }
                }
                EntryState::Failed { .. } if known.kind == ConversationKind::Group => {}
                EntryState::Queued
                    if known.state == ConversationState::Broken
                        || (waits && known.kind == ConversationKind::Group) => {}
                EntryState::Unreadable { .. } => {
                    let lines = shown.unreadable.entry(known.id).or_default();
                    *lines = lines.saturating_add(1);
                }
                other => {
                    let text =
                        Encoded::from_row(entry.content.clone()).decode().map(|content| content.fallback);
                    return Err(Failure::new(format!("a row of {known:?} is {other:?}: {text:?}")));
                }
            }
        }
    }
    Ok(shown)
}

/// Whether a device stays out of the group for now, and was told so: it was in an epoch above any that the server has now, and goes back
/// behind none that it knows (rule R7). Hours later it tries again.
fn is_stuck(world: &mut World, device: usize, id: ConversationId) -> Result<bool, Failure> {
    let last = world.truth.of(id).next_back().map(|stage| (stage.generation, stage.epoch));
    let known = read(world, device, |view| conversation::find(view, &id))?;
    Ok(known.is_some_and(|known| {
        let stands = Some((known.generation, known.known_epoch));
        match known.state {
            ConversationState::Broken => stands >= last,
            // It waits for what the server does not have: only somebody in charge can mend that.
            ConversationState::Active => stands > last,
            _ => false,
        }
    }))
}

/// Both sides of each direct conversation are in one group.
fn one_group(
    world: &mut World,
    device: usize,
    known: &mut BTreeMap<ConversationId, super::Agreed>,
) -> Result<(), Failure> {
    for conversation in read(world, device, conversation::all)? {
        if conversation.kind == ConversationKind::Group {
            continue;
        }
        let here = agreed(world, device, &conversation)?;
        match known.get(&conversation.id) {
            Some(there) if *there != here => {
                return Err(Failure::new(format!("it stands at\n{here:?}\nand another at\n{there:?}")));
            }
            _ => drop(known.insert(conversation.id, here)),
        }
    }
    Ok(())
}

/// The epochs of the group that there ever were.
fn ever(world: &World, id: ConversationId) -> impl Iterator<Item = &Stage> {
    world.lost.of(id).chain(world.truth.of(id))
}

/// Whether a device was in the group in every epoch, where everybody might write.
fn is_steady(world: &World, id: ConversationId, device: usize) -> bool {
    let Some(client) = world.clients.get(device) else { return false };
    ever(world, id).all(|stage| {
        stage.has(client.device) && stage.charter.permissions.write == hushwire_group_policy::Who::Everybody
    })
}

/// The accounts of a later generation were in the one before, with the roles that they have now.
fn nobody_rose(world: &World, id: ConversationId) -> Result<(), Failure> {
    let stages: Vec<&Stage> = ever(world, id).collect();
    for stage in &stages {
        let is_first = |other: &&Stage| other.generation == stage.generation && other.epoch < stage.epoch;
        if stage.generation.0 < 2 || stages.iter().any(is_first) {
            continue;
        }
        let accounts: Vec<AccountId> = stage.members.values().copied().collect();
        let mut before = stages.iter().filter(|other| other.generation.0 + 1 == stage.generation.0);
        let goes_on = before.any(|before| {
            accounts.iter().all(|account| {
                before.has_account(*account) && before.charter.role(*account) == stage.charter.role(*account)
            })
        });
        if !goes_on {
            return Err(Failure::new(format!("the next generation is of others: {stage:?}")));
        }
    }
    Ok(())
}
