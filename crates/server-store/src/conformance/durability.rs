//! Reopening, backups, incarnations.

use super::accounts::second_device;
use super::{Actor, Backend, World, run};
use crate::Bounds;
use crate::account::{AppendListEntry, NewDevice};
use hushwire_types::{IncarnationId, Seq};

fn incarnation(world: &World, actor: &Actor) -> IncarnationId {
    world.store().mailbox(actor.mailbox).unwrap().unwrap().incarnation
}

pub fn everything_is_there_after_reopening<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let (alice, bob) = (world.actor(), world.actor());
        let conversation = world.converse(&alice, &[bob]);
        let message = world.message(&alice, conversation, 1);
        world.sent(message.clone());
        let (waiting, before) = (world.waiting(&bob), world.store().conversation(conversation).unwrap());
        world.harness.reopen();
        assert_eq!(world.waiting(&bob), waiting);
        assert_eq!(world.store().conversation(conversation).unwrap(), before);
        assert!(world.sent(message).publications.is_empty());
        let next = world.message(&bob, conversation, 1);
        assert_eq!(world.sent(next).answer.order.0, 3);
    });
}

pub fn a_restored_backup_has_another_incarnation<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let (alice, bob) = (world.actor(), world.actor());
        let conversation = world.converse(&alice, &[bob]);
        let first = world.message(&alice, conversation, 1);
        world.sent(first.clone());
        let before = incarnation(world, &bob);
        world.harness.back_up();
        assert_eq!(incarnation(world, &bob), before, "a backup disturbs nothing");
        let lost = world.message(&alice, conversation, 1);
        world.sent(lost.clone());
        world.harness.restore();
        let after = incarnation(world, &bob);
        assert_ne!(after, before);
        assert_eq!(world.numbers(&bob), [1, 2]);
        assert_eq!(
            world.store().mailbox(alice.mailbox).unwrap().unwrap().accepted_sends,
            first.send.send_seq
        );
        assert!(world.sent(first).publications.is_empty());
        let sent = world.sent(lost);
        assert_eq!(sent.publications[0].to, [(bob.mailbox, Seq(3))]);
        world.harness.reopen();
        assert_eq!(incarnation(world, &bob), after, "the new life goes on");
    });
}

pub fn a_reopened_store_keeps_its_incarnation<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let actor = world.actor();
        let before = incarnation(world, &actor);
        for _ in 0..3 {
            world.harness.reopen();
            assert_eq!(incarnation(world, &actor), before);
        }
    });
}

pub fn a_new_mailbox_of_the_same_device_has_another_incarnation<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let alice = world.actor();
        let phone = second_device(world, &alice);
        let before = incarnation(world, &phone);
        let entry = |world: &mut World, from: &Actor| AppendListEntry {
            head: from.head,
            number: from.head.number.next(),
            ..super::accounts::next_entry(world, from)
        };
        let revocation = AppendListEntry { revoked: vec![phone.address.device], ..entry(world, &phone) };
        let head = crate::account::ListHead { number: revocation.number, hash: revocation.hash };
        world.write(revocation).unwrap();
        let device = NewDevice { device: phone.address.device, ..world.device() };
        let back = Actor { head, ..alice };
        let addition = AppendListEntry { added: vec![device], ..entry(world, &back) };
        world.write(addition).unwrap();
        let mailbox =
            world.store().device(phone.address.account, phone.address.device).unwrap().unwrap().mailbox;
        assert_ne!(mailbox, phone.mailbox);
        assert_ne!(incarnation(world, &Actor { mailbox, ..phone }), before);
    });
}
