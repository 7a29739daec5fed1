//! What must hold of names and pictures when the world is at rest: whoever was told what somebody says of themselves shows what they say
//! now, on every device, with its picture; and the members of a group all show its picture.

use std::collections::BTreeSet;

use hushwire_client_store::{StoreError, View, account, conversation, group_facts, picture};
use hushwire_content::PictureHash;
use hushwire_engine::{is_accepted, own_picture, own_profile};
use hushwire_types::{AccountId, ConversationId};

use super::read;
use crate::simulator::failure::{Failure, OrFail};
use crate::simulator::truth::Stage;
use crate::simulator::world::World;

/// A name, a few words, and a picture.
type Face = (String, String, Option<PictureHash>);

/// Asks whether everything holds.
pub(super) fn ask(world: &mut World) -> Result<(), Failure> {
    for device in 0..world.clients.len() {
        let me = world.clients.get(device).or_fail("a device")?.account;
        let said = read(world, device, said)?;
        for peer in read(world, device, |view| told(view, me))? {
            for other in 0..world.clients.len() {
                if world.clients.get(other).is_none_or(|client| client.account != peer) {
                    continue;
                }
                let shown = read(world, other, |view| shown(view, &me))?;
                // Who has said nothing is told of to nobody.
                if shown.as_ref() != Some(&said) {
                    return Err(Failure::new(format!(
                        "device {device} says of itself {said:?}, and device {other} shows {shown:?}"
                    )));
                }
            }
        }
        // All own devices say the same.
        for other in 0..world.clients.len() {
            let is_own = world.clients.get(other).is_some_and(|client| client.account == me);
            if is_own && read(world, other, self::said)? != said {
                return Err(Failure::new(format!(
                    "devices {device} and {other} of one account say otherwise"
                )));
            }
        }
        all_kept(world, device)?;
    }
    Ok(())
}

/// The members of a group show the same picture.
pub(super) fn of_group(world: &mut World, id: ConversationId, last: &Stage) -> Result<(), Failure> {
    let mut shown = BTreeSet::new();
    for device in 0..world.clients.len() {
        if world.clients.get(device).is_some_and(|client| last.has(client.device)) {
            let facts = read(world, device, |view| group_facts::find(view, &id))?;
            shown.insert(facts.and_then(|facts| facts.picture));
            all_kept(world, device)?;
        }
    }
    if shown.len() > 1 { Err(Failure::new(format!("the group looks like {shown:?}"))) } else { Ok(()) }
}

fn said(view: &View<'_>) -> Result<Face, StoreError> {
    let (name, about) = own_profile(view)?.unwrap_or_default();
    Ok((name, about, own_picture(view)?.map(|picture| picture.hash())))
}

/// With whom this device talks.
fn told(view: &View<'_>, me: AccountId) -> Result<Vec<AccountId>, StoreError> {
    let mut told = Vec::new();
    for known in conversation::all(view)? {
        if let Some(peer) = known.kind.peer().filter(|peer| *peer != me)
            && is_accepted(view, me, &known)?
        {
            told.push(peer);
        }
    }
    Ok(told)
}

fn shown(view: &View<'_>, of: &AccountId) -> Result<Option<Face>, StoreError> {
    let known = account::find(view, of)?;
    Ok(known.map(|known| (known.says.name, known.says.about, known.says.picture)))
}

/// No picture that somebody or a group has is lacking.
fn all_kept(world: &mut World, device: usize) -> Result<(), Failure> {
    let id = world.room.as_ref().and_then(|room| room.conversation);
    let last = id.and_then(|id| world.truth.of(id).next_back());
    let me = world.clients.get(device).or_fail("a device")?.device;
    // Who is out of a group may have lost it before it knew what it looks like.
    let is_out = last.is_some_and(|last| !last.has(me));
    let missing = read(world, device, picture::missing)?;
    let mut lacking = 0_usize;
    for hash in missing {
        let (accounts, groups) = read(world, device, |view| picture::had_by(view, &hash))?;
        if !accounts.is_empty() || (!groups.is_empty() && !is_out) {
            lacking = lacking.saturating_add(1);
        }
    }
    if lacking == 0 { Ok(()) } else { Err(Failure::new(format!("device {device} lacks {lacking} pictures"))) }
}
