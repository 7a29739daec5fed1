//! Random operations in random batches: every outcome and every read must be what the store in memory says.

mod both;

use std::sync::Arc;
use std::time::Duration;

use hushwire_types::{ConversationId, Epoch, Generation, IncarnationId, ListNumber, LoginMark, Seq};

use both::Both;

use super::accounts::next_entry;
use super::reports::report;
use super::{Actor, Backend, Reopening, World};
use crate::account::{AppendListEntry, DeleteAccount, SetSuspended, Suspension};
use crate::conversation::{Append, AppendCommit, Committer};
use crate::key_package::{ClaimKeyPackages, PutKeyPackages, PutMode};
use crate::mailbox::{Acknowledge, RecordLogin};
use crate::report::{DeleteReport, ReportNumber};
use crate::upkeep::Expire;
use crate::{Bounds, MemoryStore, Write};

const SEEDS: u64 = 12;
const BATCHES: usize = 40;

/// SplitMix64 (Steele, Lea, Flood 2014): enough to vary a test.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % bound as u64).unwrap()
    }
}

struct Cast {
    actors: Vec<Actor>,
    conversations: Vec<ConversationId>,
}

pub fn the_same_operations_mean_the_same_as_in_memory<B: Backend>() {
    let bounds = Bounds {
        entries: 8,
        message_bytes: 150,
        pool: 6,
        reports: 9,
        reports_of_one: 3,
        ..Bounds::default()
    };
    for seed in 0..SEEDS {
        let reopening = if seed % 2 == 0 { Reopening::Never } else { Reopening::AfterEachWrite };
        let memory = Arc::new(MemoryStore::new(IncarnationId::new([0; 16]), bounds.clone()));
        let harness = Box::new(Both { real: B::start(bounds.clone()), memory });
        let now = hushwire_types::Timestamp::from_ms(1_000_000_000_000);
        play(&mut World { harness, reopening, now, counter: 0 }, seed);
    }
}

fn play(world: &mut World, seed: u64) {
    let mut dice = Dice(seed);
    let actors: Vec<Actor> = (0..4).map(|_| world.actor()).collect();
    let conversations = (0..3)
        .map(|index| world.converse(&actors[index], &[actors[index + 1], actors[(index + 2) % 4]]))
        .collect();
    let cast = Cast { actors, conversations };
    for _ in 0..BATCHES {
        let batch = (0..=dice.below(6)).map(|_| operation(world, &cast, &mut dice)).collect();
        world.batch(batch);
        world.pass(Duration::from_secs(60 * 60 * (1 + dice.below(30)) as u64));
        look(world, &cast);
    }
}

fn operation(world: &mut World, cast: &Cast, dice: &mut Dice) -> Write {
    let actor = cast.actors[dice.below(cast.actors.len())];
    let other = cast.actors[dice.below(cast.actors.len())];
    let conversation = cast.conversations[dice.below(cast.conversations.len())];
    let (account, mailbox) = (actor.address.account, actor.mailbox);
    let at = world.store().conversation(conversation).unwrap().map_or(1, |found| found.epoch.0);
    let epoch = Epoch((at + 1).saturating_sub(dice.below(5) as u64));
    match dice.below(26) {
        0..=9 => Append { epoch, ..world.message(&actor, conversation, 1) }.into(),
        10..=13 => {
            let (added, removed) = ([other], [cast.actors[dice.below(cast.actors.len())]]);
            let commit = match dice.below(4) {
                0 => world.commit(&added, &[]),
                1 => world.commit(&[], &removed),
                2 => world.commit(&added, &removed),
                _ => world.commit(&[], &[]),
            };
            let committer = if dice.below(3) == 0 { Committer::External } else { Committer::Member };
            AppendCommit { epoch, committer, commit, ..world.member_commit(&actor, conversation, 1) }.into()
        }
        14..=16 => Acknowledge { mailbox, through: Seq(dice.below(40) as u64) }.into(),
        17 => RecordLogin { mailbox, mark: Some(LoginMark::new(world.unique())) }.into(),
        18 => PutKeyPackages { mailbox, packages: world.packages(dice.below(4)), mode: mode(dice) }.into(),
        19 => ClaimKeyPackages { account, devices: Vec::new() }.into(),
        20 => SetSuspended {
            account,
            to: if dice.below(3) == 0 { Suspension::Suspended } else { Suspension::Lifted },
        }
        .into(),
        21 => Expire { mailboxes: 1 + u32::try_from(dice.below(3)).unwrap() }.into(),
        22 if dice.below(12) == 0 => DeleteAccount { account }.into(),
        22 => list_entry(world, &actor, dice).into(),
        23 => report(world, &actor, &other, dice.below(3)).into(),
        24 => DeleteReport { number: ReportNumber(1 + dice.below(20) as u64) }.into(),
        _ => {
            let mut next = world.conversation_of(&actor, &[other]);
            (next.conversation, next.generation) = (conversation, Generation(1 + dice.below(3) as u64));
            next.into()
        }
    }
}

fn mode(dice: &mut Dice) -> PutMode {
    if dice.below(2) == 0 { PutMode::Add } else { PutMode::Replace }
}

fn list_entry(world: &mut World, actor: &Actor, dice: &mut Dice) -> AppendListEntry {
    let head = world.store().account(actor.address.account).unwrap().unwrap().head;
    let number = ListNumber(head.number.0 + 1 - dice.below(2) as u64);
    let added = if dice.below(2) == 0 { vec![world.device()] } else { Vec::new() };
    let revoked = if dice.below(6) == 0 { vec![actor.address.device] } else { Vec::new() };
    AppendListEntry { head, number, added, revoked, ..next_entry(world, actor) }
}

/// Reads everything, which compares it.
fn look(world: &World, cast: &Cast) {
    let store = world.store();
    for actor in &cast.actors {
        store.account(actor.address.account).unwrap();
        store.list(actor.address.account, ListNumber(0)).unwrap();
        for device in store.devices(actor.address.account).unwrap() {
            store.mailbox(device.mailbox).unwrap();
            store.key_packages(device.mailbox).unwrap();
            store.entries(device.mailbox, Seq(0), 1000, 100_000).unwrap();
            store.entries(device.mailbox, Seq(3), 4, 60).unwrap();
        }
        store.entries(actor.mailbox, Seq(0), 1000, 100_000).unwrap();
    }
    for conversation in &cast.conversations {
        store.conversation(*conversation).unwrap();
        store.group_info(*conversation).unwrap();
        for generation in 1..4 {
            store.handshakes(*conversation, Generation(generation), Epoch(0), Epoch(1000)).unwrap();
            store.base_at_or_before(*conversation, Generation(generation), Epoch(1000)).unwrap();
        }
    }
    for line in store.reports(None, 100).unwrap() {
        store.report(line.number).unwrap();
    }
    store.counts().unwrap();
    store.users(None, 100).unwrap();
}
