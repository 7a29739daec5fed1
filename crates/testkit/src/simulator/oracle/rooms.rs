//! What must hold of the group of a world: who is in it and what they are, what each device shows of it, and that every wish
//! had an end.
//!
//! Devices are held to what the server accepted ([`Truth`](crate::simulator::truth::Truth)), which no device has a hand in.

use std::collections::{BTreeMap, BTreeSet};

use hushwire_client_store::conversation::{self, Conversation, ConversationState};
use hushwire_client_store::timeline::{self, Entry, EntryState};
use hushwire_client_store::{group_facts, history, journal, member, wish};
use hushwire_content::{Encoded, Kind};
use hushwire_engine::{Event, GroupChange, Notice};
use hushwire_group_policy::{Charter, Role};
use hushwire_types::{AccountId, ContentId, ConversationId, DeviceId, Seq};

use super::{about, agreed, faces, read, told};
use crate::simulator::failure::{Failure, OrFail};
use crate::simulator::touched;
use crate::simulator::truth::{Stage, Truth};
use crate::simulator::world::World;
use crate::simulator::world::rooms::{Said, Wished};

/// The group as one device shows it.
pub(super) struct Shown {
    /// In the order in which a person reads it.
    pub(super) rows: Vec<Entry>,
    /// Texts that came from whom they are of.
    texts: Vec<(ContentId, String)>,
    /// Texts that somebody handed over, and who that was.
    pub(super) told: Vec<(AccountId, Entry)>,
    name: Option<String>,
}

/// Asks whether everything holds.
pub(super) fn ask(world: &mut World) -> Result<(), Failure> {
    let Some(room) = &world.room else { return Ok(()) };
    let id = room.conversation.or_fail("the group")?;
    let last = world.truth.of(id).next_back().or_fail("an epoch of the group")?.clone();
    let gone = last.members.values().find(|account| last.charter.role(**account) == Role::Leaving);
    if gone.is_some() && last.members.keys().any(|device| last.has(*device)) {
        return Err(Failure::new("who has left is not removed"));
    }
    told::nobody_came_by_themselves(world, id)?;
    let mut all = Vec::new();
    for device in 0..world.clients.len() {
        let shown = look(world, device, id).map_err(|failure| about(device, &failure))?;
        let events = events(world, device)?;
        told::ask(world, device, id, &shown, &events).map_err(|failure| about(device, &failure))?;
        world.counts.handed = world.counts.handed.saturating_add(shown.told.len() as u64);
        stands(world, device, id, &last).map_err(|failure| about(device, &failure))?;
        wishes(world, device, id, &all_names(&shown)).map_err(|failure| about(device, &failure))?;
        all.push(shown);
    }
    world.counts.admitted = told::admitted(world, id);
    same_name(world, &all, &last)?;
    faces::of_group(world, id, &last)?;
    same_order(&all)?;
    let said = world.room.as_ref().map(|room| room.said.clone()).unwrap_or_default();
    for text in said.iter().filter(|text| !text.refused) {
        read_by_whom_it_is_for(world, id, text, &all)?;
    }
    Ok(())
}

fn find(world: &mut World, device: usize, id: ConversationId) -> Result<Option<Conversation>, Failure> {
    read(world, device, |view| conversation::find(view, &id))
}

fn look(world: &mut World, device: usize, id: ConversationId) -> Result<Shown, Failure> {
    let mut rows = read(world, device, |view| timeline::page(view, &id, None, u32::MAX >> 1))?;
    rows.reverse();
    let name = read(world, device, |view| group_facts::find(view, &id))?.and_then(|facts| facts.name);
    let forgets = world.room.as_ref().is_some_and(|room| room.forgetful.contains(&device));
    let (mut texts, mut told) = (Vec::new(), Vec::new());
    for row in &rows {
        let entry = &row.entry;
        let by = read(world, device, |view| history::handed_over_by(view, row.row))?;
        match &entry.state {
            EntryState::System { .. } => harmless(&entry.content)?,
            EntryState::Deleted | EntryState::Failed { .. } => {}
            EntryState::Unreadable { .. } if forgets => {}
            EntryState::Sent | EntryState::Received => {
                let content = Encoded::from_row(entry.content.clone()).decode().or_fail("a row")?;
                let Kind::Text(text) = content.kind else {
                    return Err(Failure::new("a row that is not a text"));
                };
                match by {
                    Some(by) => told.push((by, row.clone())),
                    None => texts.push((entry.content_id, text.body)),
                }
            }
            other => return Err(Failure::new(format!("a row of the group is {other:?}"))),
        }
    }
    Ok(Shown { rows, texts, told, name })
}

fn events(world: &mut World, device: usize) -> Result<Vec<Event>, Failure> {
    let rows = read(world, device, |view| journal::after(view, Seq(0), u32::MAX >> 1))?;
    rows.into_iter().map(|row| Event::decode(&row.event.payload).or_fail("an event")).collect()
}

/// In a world whose server keeps everything, nothing is ever missing, nor beyond repair.
fn harmless(notice: &[u8]) -> Result<(), Failure> {
    match Notice::decode(notice).or_fail("a notice")? {
        notice @ (Notice::Gap { .. }
        | Notice::Newer
        | Notice::Unreadable
        | Notice::Stuck
        | Notice::Waiting
        | Notice::Mismatch { .. }) => Err(Failure::new(format!("a notice in the group: {notice:?}"))),
        _ => Ok(()),
    }
}

/// A device is in the group exactly if the server has it there, in the same epoch, and knows who else is there and as what.
pub(super) fn stands(
    world: &mut World,
    device: usize,
    id: ConversationId,
    last: &Stage,
) -> Result<(), Failure> {
    let known = find(world, device, id)?;
    let me = world.clients.get(device).or_fail("a device")?.device;
    if !last.has(me) {
        return match known.map(|known| known.state) {
            None | Some(ConversationState::Closed) => Ok(()),
            other => {
                Err(Failure::new(format!("it is not in the group any more, and thinks that it is {other:?}")))
            }
        };
    }
    let known = known.or_fail("the group that it is in")?;
    if known.state != ConversationState::Active {
        return Err(Failure::new(format!("its group is {:?}", known.state)));
    }
    let agreed = agreed(world, device, &known)?;
    let mut members: Vec<_> = last.members.iter().map(|(device, account)| (*account, *device)).collect();
    members.sort_unstable();
    if (agreed.generation, agreed.epoch) != (last.generation, last.epoch) || agreed.members != members {
        return Err(Failure::new(format!("it stands at\n{agreed:?}\nand the server at\n{last:?}")));
    }
    let roles: BTreeMap<AccountId, member::Role> =
        read(world, device, |view| member::of(view, &id))?.into_iter().collect();
    let wanted = last.members.values().map(|account| (*account, stored(&last.charter, *account)));
    if roles != wanted.collect() {
        return Err(Failure::new(format!("it knows the roles {roles:?} and they are {:?}", last.charter)));
    }
    Ok(())
}

fn stored(charter: &Charter, account: AccountId) -> member::Role {
    match charter.role(account) {
        Role::Member => member::Role::Member,
        Role::Admin => member::Role::Admin,
        Role::Owner => member::Role::Owner,
        Role::Leaving => member::Role::Leaving,
    }
}

/// The names that the group was given, as a device was told.
fn all_names(shown: &Shown) -> BTreeSet<String> {
    let system = shown.rows.iter().filter(|row| matches!(row.entry.state, EntryState::System { .. }));
    let notices = system.filter_map(|row| Notice::decode(&row.entry.content));
    let named = notices.filter_map(|notice| match notice {
        Notice::Named { name, .. } => Some(name),
        _ => None,
    });
    named.collect()
}

/// No wish of a device is open, each had one end, and what it is said to have come to is so.
fn wishes(
    world: &mut World,
    device: usize,
    id: ConversationId,
    names: &BTreeSet<String>,
) -> Result<(), Failure> {
    if !read(world, device, |view| wish::of(view, &id))?.is_empty() {
        return Err(Failure::new("a wish is still open"));
    }
    let mut ends: BTreeMap<i64, Vec<Option<String>>> = BTreeMap::new();
    for event in events(world, device)? {
        if let Event::Wish { wish, refused } = event {
            ends.entry(wish).or_default().push(refused);
        }
    }
    let room = world.room.as_ref().or_fail("a room")?;
    for wished in room.wishes.iter().filter(|wished| wished.client == device) {
        let Some(number) = wished.number else { continue };
        match ends.get(&number).map(Vec::as_slice) {
            Some([None]) if came_true(world, wished, id, names) => {}
            Some([Some(_)]) => {}
            other => return Err(Failure::new(format!("{:?} ended with {other:?}", wished.change))),
        }
    }
    Ok(())
}

/// Whether there was an epoch in which a wish was true.
fn came_true(world: &World, wished: &Wished, id: ConversationId, names: &BTreeSet<String>) -> bool {
    let me = world.clients.get(wished.client).map(|client| client.account);
    let mut stages = world.truth.of(id);
    match &wished.change {
        GroupChange::Add { account } => stages.any(|stage| stage.has_account(*account)),
        GroupChange::Remove { account } => stages.any(|stage| !stage.has_account(*account)),
        GroupChange::Role { account, role } => stages.any(|stage| {
            stage.has_account(*account)
                && format!("{:?}", stage.charter.role(*account)) == format!("{role:?}")
        }),
        GroupChange::Leave => stages.any(|stage| me.is_some_and(|me| !stage.has_account(me))),
        GroupChange::Name { name } => names.contains(name),
        _ => true,
    }
}

fn same_name(world: &World, all: &[Shown], last: &Stage) -> Result<(), Failure> {
    let inside = all.iter().zip(&world.clients).filter(|(_, client)| last.has(client.device));
    let names: BTreeSet<&Option<String>> = inside.map(|(shown, _)| &shown.name).collect();
    if names.len() > 1 { Err(Failure::new(format!("the group is called {names:?}"))) } else { Ok(()) }
}

/// What two devices both show, they show in the same order.
fn same_order(all: &[Shown]) -> Result<(), Failure> {
    for (left, ours) in all.iter().enumerate() {
        for (right, theirs) in all.iter().enumerate().skip(left + 1) {
            let both = |these: &Shown, those: &Shown| -> Vec<(ContentId, String)> {
                let has = |text: &&(ContentId, String)| those.texts.contains(*text);
                these.texts.iter().filter(has).cloned().collect()
            };
            let (one, other) = (both(ours, theirs), both(theirs, ours));
            if one != other {
                return Err(Failure::new(format!(
                    "devices {left} and {right} show in the group\n{one:?}\n{other:?}"
                )));
            }
        }
    }
    Ok(())
}

/// A text is shown once by each device that was in the group when it was written and when it was accepted, and by no other.
fn read_by_whom_it_is_for(
    world: &World,
    id: ConversationId,
    text: &Said,
    all: &[Shown],
) -> Result<(), Failure> {
    let content = text.content.or_fail("a text of the group that was stored")?;
    let shown = all.get(text.client).or_fail("a device")?;
    let row = shown.rows.iter().find(|row| row.entry.content_id == content).or_fail(&text.body)?;
    let place = match (&row.entry.state, row.entry.order) {
        (EntryState::Failed { .. }, _) => None,
        // Deleted before anybody answered: whether it was accepted is known to nobody.
        (EntryState::Deleted, None) => return Ok(()),
        (_, Some(order)) => Some((id, row.entry.generation, order)),
        (state, None) => return Err(Failure::new(format!("{:?} is {state:?}", text.body))),
    };
    let may_be_gone = touched::may_be_deleted(world, content);
    for (device, (shown, client)) in all.iter().zip(&world.clients).enumerate() {
        let times = shown.texts.iter().filter(|(_, body)| *body == text.body).count();
        let forgets = world.room.as_ref().is_some_and(|room| room.forgetful.contains(&device));
        let (may, must) = match place {
            None => (false, false),
            Some(_) if device == text.client => (true, !may_be_gone),
            Some(place) => {
                let (may, must) = reads(&world.truth, place, client.device).or_fail(&text.body)?;
                let was_there = is_there_or_was(&world.truth, place, client.device, shown);
                (may, must && was_there && !may_be_gone && (text.late || !forgets))
            }
        };
        if times > usize::from(may) || times < usize::from(must) {
            return Err(Failure::new(format!(
                "device {device} shows {:?} of {place:?} {times} times (may: {may}, must: {must}):\n{}",
                text.body,
                listed(&shown.rows)
            )));
        }
    }
    Ok(())
}

/// What a device shows of the group, for a person.
fn listed(rows: &[Entry]) -> String {
    let lines = rows.iter().map(|Entry { entry, .. }| {
        let order = entry.order.map_or(0, |order| order.0);
        let what = match &entry.state {
            EntryState::System { .. } => Notice::decode(&entry.content).map(|notice| notice.to_string()),
            _ => Encoded::from_row(entry.content.clone()).decode().ok().map(|content| content.fallback),
        };
        format!("{}.{order} {:?} {what:?}", entry.generation.0, entry.state)
    });
    lines.collect::<Vec<_>>().join("\n")
}

type Place = (ConversationId, hushwire_types::Generation, hushwire_types::Order);

/// Whether a device may read what stands at a place, and whether it must.
fn reads(truth: &Truth, place: Place, device: DeviceId) -> Option<(bool, bool)> {
    let (id, generation, order) = place;
    let (_, epoch) = truth.written.get(&place)?;
    let within =
        |stage: &&Stage| stage.generation == generation && stage.epoch >= *epoch && stage.order < order;
    let stages: Vec<&Stage> = truth.of(id).filter(within).collect();
    let first = stages.first()?;
    let last = stages.last()?;
    let is_member = |stage: &Stage| stage.members.contains_key(&device);
    Some((first.has(device) && is_member(last), stages.iter().all(|stage| stage.has(device))))
}

/// Whether a device is in the group since a message, or has read anything while it was: who is put out before it has so much
/// as entered is not given the tree any more (rule R7).
fn is_there_or_was(truth: &Truth, (id, _, order): Place, device: DeviceId, shown: &Shown) -> bool {
    let stages: Vec<&Stage> = truth.of(id).collect();
    let out = |stage: &&&Stage| !stage.has(device);
    let Some(end) = stages.iter().filter(|stage| stage.order > order).find(out) else { return true };
    let start = stages.iter().rev().skip_while(|stage| stage.order > order).find(out);
    let during = |row: &Entry| {
        let at = row.entry.order.unwrap_or_default();
        at > start.map_or_else(Default::default, |start| start.order) && at < end.order
    };
    let told = |row: &Entry| shown.told.iter().any(|(_, told)| told.row == row.row);
    shown.rows.iter().any(|row| matches!(row.entry.state, EntryState::Received) && !told(row) && during(row))
}

/// Whether a device was in a group from its first epoch there to the last, in all of which everybody might write.
pub(in crate::simulator) fn is_steady(world: &World, id: ConversationId, device: usize) -> bool {
    let Some(client) = world.clients.get(device) else { return false };
    let forgets = world.room.as_ref().is_some_and(|room| room.forgetful.contains(&device));
    let mut stages = world.truth.of(id).skip_while(|stage| !stage.has(client.device)).peekable();
    let fits = |stage: &Stage| {
        stage.has(client.device) && stage.charter.permissions.write == hushwire_group_policy::Who::Everybody
    };
    !forgets && stages.peek().is_some() && stages.all(fits)
}
