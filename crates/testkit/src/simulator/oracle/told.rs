//! What newcomers were handed over of the group's past, and who came in by whom.
//!
//! A message that was handed over is the word of whoever added the account: it says so, it is one that its author wrote before, and
//! it is there once. Nobody is in the group whom nobody added, whatever link they had.

use std::collections::BTreeSet;

use hushwire_client_store::timeline::Entry;
use hushwire_engine::{Event, GroupChange};
use hushwire_types::{AccountId, ConversationId, DeviceId};

use super::rooms::Shown;
use crate::simulator::failure::{Failure, OrFail};
use crate::simulator::truth::Stage;
use crate::simulator::world::World;
use crate::simulator::world::links::What;

/// Asks whether all of it holds, of what one device shows.
pub(super) fn ask(
    world: &World,
    device: usize,
    id: ConversationId,
    shown: &Shown,
    events: &[Event],
) -> Result<(), Failure> {
    let me = world.clients.get(device).or_fail("a device")?;
    for (by, row) in &shown.told {
        let content = row.entry.content_id;
        let room = world.room.as_ref().or_fail("a room")?;
        let said = room.said.iter().find(|said| said.content == Some(content)).or_fail("its writer")?;
        let writer = world.clients.get(said.client).or_fail("a device")?;
        let what = format!("{:?}, which was handed over,", said.body);
        if (writer.account, writer.device) != (row.entry.account, row.entry.device) {
            return Err(Failure::new(format!("{what} is shown as of somebody else")));
        }
        if shown.rows.iter().filter(|row| row.entry.content_id == content).count() != 1 {
            return Err(Failure::new(format!("{what} is shown more than once")));
        }
        if events
            .iter()
            .any(|event| matches!(event, Event::Message { content: told, .. } if *told == content))
        {
            return Err(Failure::new(format!("{what} was told as new")));
        }
        if !came_after(world, id, me.device, row)? {
            return Err(Failure::new(format!("{what} is of no time before the device came in")));
        }
        if !is_wished(world, *by, me.account, shown.told.len()) {
            return Err(Failure::new(format!("{what} was handed over by {by}, who did not want it")));
        }
    }
    Ok(())
}

/// Whether a device came in after a message, which the server has at the place where it is shown.
fn came_after(world: &World, id: ConversationId, device: DeviceId, row: &Entry) -> Result<bool, Failure> {
    let order = row.entry.order.or_fail("the place of what was handed over")?;
    let place = (id, row.entry.generation, order);
    let (writer, _) = world.truth.written.get(&place).or_fail("what was handed over, at the server")?;
    let stages: Vec<&Stage> = world.truth.of(id).collect();
    let comes = stages.windows(2).any(|pair| match pair {
        [before, after] => !before.has(device) && after.has(device) && after.order > order,
        _ => false,
    });
    Ok(*writer == row.entry.device && comes)
}

/// Whether an account wanted to add another one and hand it so many messages.
fn is_wished(world: &World, by: AccountId, whom: AccountId, many: usize) -> bool {
    let Some(room) = &world.room else { return false };
    let wishes = room.wishes.iter().filter(|wish| {
        let adds = wish.change == GroupChange::Add { account: whom };
        adds && world.clients.get(wish.client).is_some_and(|client| client.account == by)
    });
    // An account may come in, be handed something, leave, and come in again.
    let in_all: u32 = room.wishes.iter().map(|wish| wish.history).sum();
    let most = wishes.map(|wish| wish.history).max();
    most.is_some_and(|most| most > 0) && many <= usize::try_from(in_all).unwrap_or(usize::MAX)
}

/// Whoever came in was added by somebody in the group who wanted that, or is another device of who is there.
pub(super) fn nobody_came_by_themselves(world: &World, id: ConversationId) -> Result<(), Failure> {
    let room = world.room.as_ref().or_fail("a room")?;
    let stages: Vec<&Stage> = world.truth.of(id).collect();
    for pair in stages.windows(2) {
        let [before, after] = pair else { continue };
        let came: BTreeSet<AccountId> = after
            .members
            .values()
            .filter(|account| !before.members.values().any(|was| was == *account))
            .copied()
            .collect();
        for account in came {
            let by = before.members.get(&after.by).or_fail("who added somebody")?;
            let wanted = room.wishes.iter().any(|wish| {
                wish.change == GroupChange::Add { account }
                    && world.clients.get(wish.client).is_some_and(|client| client.account == *by)
            });
            if !wanted && !room.invited.contains(&account) {
                return Err(Failure::new(format!("{account} came in, and nobody wanted that")));
            }
        }
    }
    Ok(())
}

/// How many of those who asked by the link are in the group later.
pub(super) fn admitted(world: &World, id: ConversationId) -> u64 {
    let Some(room) = &world.room else { return 0 };
    let asked: BTreeSet<AccountId> = room
        .asks
        .iter()
        .filter(|ask| ask.what == What::Asks && ask.done)
        .filter_map(|ask| world.clients.get(ask.client).map(|client| client.account))
        .collect();
    let is_let_in = |account: &&AccountId| {
        let mut stages = world.truth.of(id).skip_while(|stage| stage.has_account(**account));
        stages.by_ref().any(|stage| !stage.has_account(**account))
            && stages.any(|stage| stage.has_account(**account))
    };
    asked.iter().filter(is_let_in).count() as u64
}
