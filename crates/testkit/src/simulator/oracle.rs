//! What must hold when the world is at rest.

mod faces;
pub(super) mod restored;
pub(super) mod rooms;
mod told;

use std::collections::BTreeMap;
use std::sync::Arc;

use hushwire_client_store::conversation::{self, Conversation, ConversationKind, ConversationState};
use hushwire_client_store::mls_row::{self, MlsKind, MlsRow};
use hushwire_client_store::timeline::{self, EntryState};
use hushwire_client_store::{StoreError, View, journal, outbox, parked, pending_commit, profile};
use hushwire_content::{Encoded, Kind};
use hushwire_engine::{Alert, Event, Notice};
use hushwire_group_policy::{DeviceLists, Prefix};
use hushwire_identity::{LeafCredential, ListHead};
use hushwire_mls::{Device, DeviceKeys, Row, RowColumns, RowKey};
use hushwire_suite::Suite;
use hushwire_types::{
    AccountId, ContentId, ConversationId, DeviceId, EntryHash, Epoch, Generation, GroupId, ListNumber, Order,
    SendSeq, Seq,
};

use super::failure::{Failure, OrFail};
use super::people;
use super::plan::Devices;
use super::touched;
use super::world::World;
use crate::entropy::SeededEntropy;

/// A text as a device shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Shown {
    account: AccountId,
    device: DeviceId,
    content: ContentId,
    place: (Generation, Option<Order>),
    body: String,
}

/// What all devices of a conversation agree on.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Agreed {
    generation: Generation,
    group: GroupId,
    epoch: Epoch,
    transcript: Vec<u8>,
    members: Vec<(AccountId, DeviceId)>,
}

/// A conversation as one device has it.
#[derive(Debug)]
struct Seen {
    device: usize,
    /// In the order in which a person reads it.
    texts: Vec<Shown>,
    /// The device's own, in the order in which they were written.
    own: Vec<String>,
    agreed: Agreed,
}

/// Asks whether everything holds.
pub(crate) fn ask(world: &mut World) -> Result<(), Failure> {
    let mut conversations: BTreeMap<ConversationId, Vec<Seen>> = BTreeMap::new();
    for device in 0..world.clients.len() {
        quiet(world, device).map_err(|failure| about(device, &failure))?;
        let all = read(world, device, conversation::all)?;
        let direct = all.into_iter().filter(|conversation| conversation.kind != ConversationKind::Group);
        for conversation in direct {
            let seen = see(world, device, &conversation).map_err(|failure| about(device, &failure))?;
            conversations.entry(conversation.id).or_default().push(seen);
        }
    }
    for seen in conversations.values() {
        agree(seen, world.plan.devices)?;
    }
    everything_arrived(world, &conversations)?;
    rooms::ask(world)?;
    faces::ask(world)?;
    touched::ask(world)
}

fn about(device: usize, failure: &Failure) -> Failure {
    Failure::new(format!("device {device}: {}", failure.what()))
}

fn read<T>(
    world: &mut World,
    device: usize,
    work: impl FnOnce(&View<'_>) -> Result<T, StoreError>,
) -> Result<T, Failure> {
    world.clients.get_mut(device).or_fail("a device")?.db()?.read(work).or_fail("reading a profile")
}

/// Nothing waits, nothing alarmed, and each message was told once.
fn quiet(world: &mut World, device: usize) -> Result<(), Failure> {
    let waiting = read(world, device, |view| {
        Ok((outbox::count(view)?, parked::all(view)?.len(), pending_commit::all(view)?.len()))
    })?;
    if waiting != (0, 0, 0) {
        let parked = read(world, device, parked::all)?;
        let unsent = read(world, device, |view| outbox::from(view, SendSeq(0), 1))?;
        let of = parked.first().map(|parked| parked.entry.conversation);
        let of = of.or(unsent.first().map(|row| row.conversation));
        let known = read(world, device, |view| of.map_or(Ok(None), |id| conversation::find(view, &id)))?;
        let parked: Vec<_> = parked.iter().map(|parked| (parked.entry.seq.0, parked.entry.reason)).collect();
        return Err(Failure::new(format!(
            "(outbox, parked, pending Commits) are {waiting:?}, with {parked:?} in {known:?}"
        )));
    }
    let events = read(world, device, |view| journal::after(view, Seq(0), u32::MAX >> 1))?;
    let room = world.room.as_ref().and_then(|room| room.conversation);
    let mut told: BTreeMap<(AccountId, ContentId), usize> = BTreeMap::new();
    for event in events {
        match Event::decode(&event.event.payload).or_fail("an event")? {
            Event::Message { account, content } => {
                let times = told.entry((account, content)).or_default();
                *times = times.saturating_add(1);
            }
            // The first device is told of the second one, which was added while it was away.
            Event::Alert(Alert::OwnDeviceAdded { .. }) if world.plan.devices == Devices::Two => {}
            // Who had what was lost and who had not may hear of it from each other before the server has it again; and who had a
            // conversation may be shown the one that somebody else made in its place, or stand alone until whoever is away is back.
            Event::Alert(
                Alert::ServerRestored
                | Alert::Mismatch { .. }
                | Alert::SecondGroup { .. }
                | Alert::Stuck { .. }
                | Alert::Waiting { .. },
            ) if world.is_restored() => {}
            Event::Alert(alert) => return Err(Failure::new(format!("an alert: {alert:?}"))),
            // Who is out of a group has nothing more to say there.
            Event::Failed { .. } if room.is_some() && event.event.conversation == room => {}
            Event::Failed { reason, .. } => return Err(Failure::new(format!("a text failed: {reason}"))),
            _ => {}
        }
    }
    match told.iter().find(|(_, times)| **times > 1) {
        Some((which, times)) => Err(Failure::new(format!("{which:?} was told {times} times"))),
        None => Ok(()),
    }
}

fn see(world: &mut World, device: usize, conversation: &Conversation) -> Result<Seen, Failure> {
    if conversation.state != ConversationState::Active {
        return Err(Failure::new(format!("a conversation is {:?}", conversation.state)));
    }
    let me = world.clients.get(device).map(|client| (client.account, client.device)).or_fail("a device")?;
    let mut page = read(world, device, |view| timeline::page(view, &conversation.id, None, u32::MAX >> 1))?;
    page.reverse();
    let (mut texts, mut own) = (Vec::new(), BTreeMap::new());
    for row in page {
        let entry = row.entry;
        match &entry.state {
            EntryState::System { .. } => harmless(&entry.content)?,
            EntryState::Deleted => {}
            EntryState::Sent | EntryState::Received => {
                let Kind::Text(text) = Encoded::from_row(entry.content).decode().or_fail("a row")?.kind
                else {
                    return Err(Failure::new("a row that is not a text"));
                };
                if entry.state == EntryState::Sent && (entry.account, entry.device) == me {
                    own.insert(row.row, text.body.clone());
                }
                texts.push(Shown {
                    account: entry.account,
                    device: entry.device,
                    content: entry.content_id,
                    place: (entry.generation, entry.order),
                    body: text.body,
                });
            }
            other => {
                let order = entry.order.map(|order| order.0);
                return Err(Failure::new(format!(
                    "the row at {}.{order:?} is {other:?}",
                    entry.generation.0
                )));
            }
        }
    }
    let agreed = agreed(world, device, conversation)?;
    Ok(Seen { device, texts, own: own.into_values().collect(), agreed })
}

/// Members come and may come again; nothing else may have happened in a world whose server keeps everything.
fn harmless(notice: &[u8]) -> Result<(), Failure> {
    match Notice::decode(notice).or_fail("a notice")? {
        Notice::DeviceAdded { .. } | Notice::Rejoined | Notice::DeviceRejoined { .. } => Ok(()),
        other => Err(Failure::new(format!("a notice: {other:?}"))),
    }
}

/// All devices of a conversation are members of one group and show the same in the same order. Where accounts have two
/// devices, one that was added later does not have what was said before, but the same order of what it has.
fn agree(all: &[Seen], devices: Devices) -> Result<(), Failure> {
    for seen in all {
        for other in all {
            let pair = format!("devices {} and {}", seen.device, other.device);
            if seen.agreed != other.agreed || seen.agreed.members.len() != all.len() {
                let count = all.len();
                return Err(Failure::new(format!(
                    "{pair} of {count} differ:\n{:?}\n{:?}",
                    seen.agreed, other.agreed
                )));
            }
            let both = |texts: &[Shown], in_common: &[Shown]| -> Vec<Shown> {
                texts
                    .iter()
                    .filter(|text| devices != Devices::Two || in_common.contains(text))
                    .cloned()
                    .collect()
            };
            let (left, right) = (both(&seen.texts, &other.texts), both(&other.texts, &seen.texts));
            if left != right {
                return Err(Failure::new(format!("{pair} show\n{}\n{}", listed(&left), listed(&right))));
            }
            let bodies = || other.texts.iter().map(|text| &text.body);
            let shown: Vec<&String> = bodies().filter(|body| seen.own.contains(body)).collect();
            let said: Vec<&String> =
                seen.own.iter().filter(|body| bodies().any(|shown| shown == *body)).collect();
            if shown != said {
                return Err(Failure::new(format!(
                    "{pair}: the first said\n{said:?}\nand the other shows\n{shown:?}"
                )));
            }
        }
    }
    Ok(())
}

/// Texts with their places, for a person.
fn listed(texts: &[Shown]) -> String {
    let places = texts.iter().map(|text| {
        let (generation, order) = text.place;
        format!("{}.{} {:?}", generation.0, order.map_or(0, |order| order.0), text.body)
    });
    places.collect::<Vec<_>>().join(", ")
}

/// Each text that a person wrote is shown once where it must be, never twice, and nowhere else. It must be on all devices
/// of both; but a second device need not have what was said before it was added.
fn everything_arrived(
    world: &World,
    conversations: &BTreeMap<ConversationId, Vec<Seen>>,
) -> Result<(), Failure> {
    for (number, text) in world.texts.iter().enumerate() {
        if text.content.is_none() {
            return Err(Failure::new(format!("{:?} was never stored", text.body)));
        }
        let may_be_gone = text.content.is_some_and(|content| touched::may_be_deleted(world, content));
        let from = world.clients.get(text.client).map(|client| client.person).or_fail("a device")?;
        let everywhere = world.plan.devices != Devices::Two || number >= world.settled;
        let mut arrived = 0_usize;
        for (device, client) in world.clients.iter().enumerate() {
            let seen = conversations.values().flatten().filter(|seen| seen.device == device);
            let times = seen.flat_map(|seen| &seen.texts).filter(|shown| shown.body == text.body).count();
            let party = client.person == from || client.person == text.to;
            let fits = match times {
                0 => !party || may_be_gone || (!everywhere && device != text.client),
                1 => party,
                _ => false,
            };
            if !fits {
                let name = people::name(client.person);
                return Err(Failure::new(format!(
                    "{name} (device {device}) is shown {:?} {times} times",
                    text.body
                )));
            }
            arrived = arrived.saturating_add(usize::from(times == 1 && client.person == text.to));
        }
        if arrived == 0 && !may_be_gone {
            return Err(Failure::new(format!("{:?} is on no device of its recipient", text.body)));
        }
    }
    Ok(())
}

/// Lists play no part in looking at a group.
struct NoLists;

impl DeviceLists for NoLists {
    fn prefix(&self, _: AccountId, _: ListHead, _: DeviceId) -> Prefix {
        Prefix::Missing
    }

    fn reaches(&self, _: AccountId, _: ListHead, _: ListHead) -> Option<bool> {
        None
    }
}

/// The group under a conversation, read from the MLS rows of the device.
fn agreed(world: &mut World, device: usize, conversation: &Conversation) -> Result<Agreed, Failure> {
    let group = conversation.group.or_fail("a group")?;
    let (profile, rows) =
        read(world, device, |view| Ok((profile::find(view)?, mls_row::of_group(view, &group)?)))?;
    let profile = profile.or_fail("a profile")?;
    let list = ListHead { number: ListNumber(1), hash: EntryHash::new([0; 32]) };
    let credential = LeafCredential { account: profile.account, device: profile.device, list };
    let suite = Suite::new(Arc::new(SeededEntropy::new(0, 3)));
    let keys = DeviceKeys { credential, mls_key: profile.mls_key };
    let mut member = Device::new(keys, suite, Arc::new(NoLists)).or_fail("a member")?;
    member.load(rows.into_iter().filter_map(mls).collect()).or_fail("a group's rows")?;
    let view = member.view(&group).or_fail("a group")?;
    let mut members: Vec<_> = view.members.iter().map(|leaf| (leaf.account, leaf.device)).collect();
    members.sort_unstable();
    Ok(Agreed {
        generation: conversation.generation,
        group,
        epoch: view.epoch,
        transcript: view.transcript_hash,
        members,
    })
}

fn mls(row: MlsRow) -> Option<Row> {
    let kind = match row.key.kind {
        MlsKind::Group => 1,
        MlsKind::Tree => 2,
        MlsKind::Epoch => 3,
        MlsKind::KeyPackage => 4,
    };
    let group = row.key.group.map(|group| group.as_bytes().to_vec()).unwrap_or_default();
    let key = RowKey::from_columns(&RowColumns { kind, group, key: row.key.key }).ok()?;
    Some(Row { key, value: row.bytes })
}
