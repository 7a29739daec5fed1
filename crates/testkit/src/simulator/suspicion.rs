//! What must hold in a world whose server lied for a while.
//!
//! It can refuse, delay and drop; so texts may be missing and conversations may need a person. But nobody is shown what nobody
//! wrote, or anything twice, and whoever misses something was told (rule R4).

use std::collections::BTreeMap;

use hushwire_client_store::timeline::{self, EntryState};
use hushwire_client_store::{StoreError, conversation, journal};
use hushwire_content::{Encoded, Kind};
use hushwire_engine::{Event, Notice};
use hushwire_types::{AccountId, Seq};

use super::failure::{Failure, OrFail};
use super::world::World;

/// What one device shows.
#[derive(Debug, Default)]
struct Shown {
    /// Author and text, in the order of reading.
    texts: Vec<(AccountId, String)>,
    /// Its own that were accepted, as it was told.
    sent: Vec<String>,
    /// Whether anything told that something is wrong.
    is_told: bool,
}

/// Asks whether all of it holds.
pub(crate) fn ask(world: &mut World) -> Result<(), Failure> {
    let mut all = Vec::new();
    for device in 0..world.clients.len() {
        let shown = look(world, device)?;
        nothing_twice_and_nothing_forged(world, device, &shown)?;
        all.push(shown);
    }
    for text in &world.texts {
        for (device, client) in world.clients.iter().enumerate() {
            let (Some(writer), Some(reader)) = (all.get(text.client), all.get(device)) else { continue };
            if client.person != text.to || !writer.sent.contains(&text.body) {
                continue;
            }
            let is_shown = reader.texts.iter().any(|(_, body)| *body == text.body);
            if !is_shown && !reader.is_told && !writer.is_told {
                return Err(Failure::new(format!(
                    "device {device} misses {:?}, and nobody was told",
                    text.body
                )));
            }
        }
    }
    Ok(())
}

fn look(world: &mut World, device: usize) -> Result<Shown, Failure> {
    let me = world.clients.get(device).or_fail("a device")?.account;
    let db = world.clients.get_mut(device).or_fail("a device")?.db()?;
    let (rows, events) = db
        .read::<_, StoreError>(|view| {
            let mut rows = Vec::new();
            for conversation in conversation::all(view)? {
                let mut page = timeline::page(view, &conversation.id, None, u32::MAX >> 1)?;
                page.reverse();
                rows.extend(page);
            }
            Ok((rows, journal::after(view, Seq(0), u32::MAX >> 1)?))
        })
        .or_fail("reading a profile")?;
    let mut shown = Shown::default();
    for row in rows {
        match row.entry.state {
            EntryState::Sent | EntryState::Received => {
                let Kind::Text(text) = Encoded::from_row(row.entry.content).decode().or_fail("a row")?.kind
                else {
                    return Err(Failure::new("a row that is not a text"));
                };
                if row.entry.account == me {
                    shown.sent.push(text.body.clone());
                }
                shown.texts.push((row.entry.account, text.body));
            }
            EntryState::Unreadable { .. } | EntryState::Failed { .. } => shown.is_told = true,
            // Among them that the device entered anew, and that messages of before may be missing.
            EntryState::System { .. } => {
                let notice = Notice::decode(&row.entry.content);
                shown.is_told |= !matches!(notice, Some(Notice::DeviceAdded { .. } | Notice::Resumed));
            }
            EntryState::Queued | EntryState::Deleted => {}
        }
    }
    let is_alert = |payload: &[u8]| matches!(Event::decode(payload), Some(Event::Alert(_)));
    shown.is_told |= events.iter().any(|event| is_alert(&event.event.payload));
    Ok(shown)
}

fn nothing_twice_and_nothing_forged(world: &World, device: usize, shown: &Shown) -> Result<(), Failure> {
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    let person = world.clients.get(device).map(|client| client.person).or_fail("a device")?;
    for (author, body) in &shown.texts {
        let count = times.entry(body).or_default();
        *count = count.saturating_add(1);
        if *count > 1 {
            return Err(Failure::new(format!("device {device} is shown {body:?} twice")));
        }
        let written =
            world.texts.iter().find(|text| text.body == *body).or_fail("a text that somebody wrote")?;
        let writer = world.clients.get(written.client).or_fail("a device")?;
        if writer.account != *author || (person != writer.person && person != written.to) {
            return Err(Failure::new(format!("device {device} is shown {body:?} of somebody else")));
        }
    }
    Ok(())
}
