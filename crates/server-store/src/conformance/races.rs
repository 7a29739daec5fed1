//! Threads that race for the same thing.

use std::collections::BTreeSet;
use std::sync::{Arc, Barrier};

use super::{Backend, World, run};
use crate::account::{Handle, HandleKind};
use crate::conversation::{Append, CreateConversation};
use crate::key_package::{ClaimKeyPackages, PutKeyPackages, PutMode, Source};
use crate::registration::StartSession;
use crate::{Bounds, Refusal, Write, Written};

/// Writes each list one operation at a time, each list on a thread of its own, all at once.
fn race(world: &World, lists: Vec<Vec<Write>>) -> Vec<Vec<Result<Written, Refusal>>> {
    let start = Arc::new(Barrier::new(lists.len()));
    let threads: Vec<_> = lists
        .into_iter()
        .map(|list| {
            let (store, start, now) = (world.store(), Arc::clone(&start), world.now);
            std::thread::spawn(move || {
                start.wait();
                list.into_iter().map(|one| store.write(vec![one], now).unwrap().remove(0)).collect()
            })
        })
        .collect();
    threads.into_iter().map(|thread| thread.join().unwrap()).collect()
}

pub fn each_key_package_goes_to_one_claimer<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let actor = world.actor();
        let packages = world.packages(20);
        world.write(PutKeyPackages { mailbox: actor.mailbox, packages, mode: PutMode::Replace }).unwrap();
        let claim = ClaimKeyPackages { account: actor.address.account, devices: Vec::new() };
        let outcomes = race(world, vec![vec![Write::from(claim); 8]; 4]);
        let mut pooled = Vec::new();
        for outcome in outcomes.into_iter().flatten() {
            match outcome.unwrap() {
                Written::Claimed(claimed) => {
                    pooled.extend(claimed.into_iter().filter(|one| one.source == Source::Pool))
                }
                other => panic!("nothing claimed: {other:?}"),
            }
        }
        let distinct: BTreeSet<_> = pooled.iter().map(|one| one.bytes.clone()).collect();
        assert_eq!((pooled.len(), distinct.len()), (20, 20));
    });
}

pub fn appends_are_numbered_without_holes<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let actors = [world.actor(), world.actor(), world.actor(), world.actor()];
        let conversation = world.converse(&actors[0], &actors[1..]);
        for actor in &actors {
            world.acknowledge_all(actor);
        }
        let lists = actors[1..].iter().map(|actor| {
            let send = |number| Append {
                send: world.send_id(actor, number),
                ..world.message(actor, conversation, 1)
            };
            (1..=20).map(send).map(Write::from).collect()
        });
        let lists = lists.collect();
        let mut orders = BTreeSet::new();
        for outcome in race(world, lists).into_iter().flatten() {
            match outcome.unwrap() {
                Written::Sent(sent) => assert!(orders.insert(sent.answer.order.0)),
                other => panic!("not sent: {other:?}"),
            }
        }
        assert_eq!(orders, (2..=61).collect());
        let waiting = world.waiting(&actors[0]);
        assert_eq!(world.numbers(&actors[0]), (2..=61).collect::<Vec<_>>());
        let placed: Vec<u64> = waiting.iter().map(|entry| entry.entry.place.unwrap().order.0).collect();
        assert_eq!(placed, (2..=61).collect::<Vec<_>>(), "every mailbox has the conversation's order");
        world.harness.reopen();
        assert_eq!(world.waiting(&actors[0]), waiting);
    });
}

pub fn one_commit_wins_each_epoch<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let actors = [world.actor(), world.actor(), world.actor()];
        let conversation = world.converse(&actors[0], &actors[1..]);
        for epoch in 1..6 {
            let lists = actors
                .iter()
                .map(|actor| vec![world.member_commit(actor, conversation, epoch).into()])
                .collect();
            let outcomes: Vec<_> = race(world, lists).into_iter().flatten().collect();
            assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
            assert!(
                outcomes
                    .iter()
                    .flat_map(|outcome| outcome.as_ref().err())
                    .all(|refusal| matches!(refusal, Refusal::StaleEpoch { .. }))
            );
        }
        assert_eq!(world.store().conversation(conversation).unwrap().unwrap().epoch.0, 6);
    });
}

pub fn one_account_gets_the_handle<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let kind = HandleKind::Username { skeleton: "alice".into() };
        let username = Some(Handle { canonical: "@alice".into(), kind });
        let mut lists: Vec<Vec<Write>> = Vec::new();
        for _ in 0..6 {
            let session = StartSession { username: username.clone(), ..world.open_session() };
            world.write(session.clone()).unwrap();
            lists.push(vec![world.creation(&session).into()]);
        }
        let outcomes: Vec<_> = race(world, lists).into_iter().flatten().collect();
        let made: Vec<_> = outcomes.iter().flatten().collect();
        let owner = world.store().account_by_handle("@alice").unwrap().unwrap();
        assert!(matches!(made.as_slice(), [Written::AccountCreated { account, .. }] if *account == owner));
        assert_eq!(world.store().users(None, 99).unwrap().len(), 1);
    });
}

pub fn one_conversation_is_made<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let (alice, bob) = (world.actor(), world.actor());
        let first = world.conversation_of(&alice, &[bob]);
        let second =
            CreateConversation { conversation: first.conversation, ..world.conversation_of(&bob, &[alice]) };
        let outcomes = race(world, vec![vec![first.into()], vec![second.into()]]);
        assert_eq!(outcomes.iter().flatten().filter(|outcome| outcome.is_ok()).count(), 1);
        assert_eq!(world.numbers(&alice), [1]);
        assert_eq!(world.numbers(&bob), [1]);
    });
}
