//! Conversations, sends, Commits.

use bytes::Bytes;
use hushwire_types::{Epoch, Generation, Order, SendSeq, Seq, Timestamp};

use super::accounts::second_device;
use super::{Actor, Backend, World, run};
use crate::account::{DeleteAccount, DeviceAddress, SetSuspended, Suspension};
use crate::conversation::{Append, AppendCommit, Committer, CreateConversation, GroupBase, Slot};
use crate::decide::epoch;
use crate::mailbox::EntryKind;
use crate::upkeep::PutMeta;
use crate::{Bounds, Refusal, Written};

fn kinds(world: &World, actor: &Actor) -> Vec<EntryKind> {
    world.waiting(actor).iter().map(|entry| entry.entry.kind.clone()).collect()
}

pub fn the_first_creation_wins<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let (alice, bob) = (world.actor(), world.actor());
        let first = world.conversation_of(&alice, &[bob]);
        let mut second = world.conversation_of(&bob, &[alice]);
        second.conversation = first.conversation;
        let sent = world.sent(first.clone());
        assert_eq!((sent.answer.order, sent.answer.accepted_at), (Order(1), world.now));
        let exists = Refusal::ConversationExists { generation: Generation(1), epoch: Epoch(1) };
        assert_eq!(world.write(second), Err(exists));
        let stored = world.store().conversation(first.conversation).unwrap().unwrap();
        assert_eq!((stored.generation, stored.epoch, stored.kind), (Generation(1), Epoch(1), first.kind));
        let members: Vec<_> = stored.members.iter().map(|m| (m.mailbox, m.address, m.since_epoch)).collect();
        let row = |actor: &Actor, since| (actor.mailbox, actor.address, Epoch(since));
        assert_eq!(members, [row(&alice, 0), row(&bob, 1)]);
        assert_eq!(kinds(world, &alice), [EntryKind::Commit(first.commit.commit)]);
        let welcome = first.commit.welcome.unwrap();
        assert_eq!(kinds(world, &bob), [EntryKind::Welcome { epoch: Epoch(1), welcome }]);
        let info = world.store().group_info(first.conversation).unwrap().unwrap();
        assert_eq!(
            (info.generation, info.epoch, info.bytes),
            (Generation(1), Epoch(1), first.commit.group_info)
        );
        assert_eq!(sent.publications.len(), 2);
        assert_eq!(sent.publications[1].to, [(bob.mailbox, Seq(1))]);
    });
}

pub fn a_message_reaches_members_but_not_its_sender<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let (alice, bob) = (world.actor(), world.actor());
        let phone = second_device(world, &bob);
        let conversation = world.converse(&alice, &[bob, phone]);
        for actor in [alice, bob, phone] {
            world.acknowledge_all(&actor);
        }
        let message = world.message(&alice, conversation, 1);
        let sent = world.sent(message.clone());
        assert_eq!(sent.answer.order, Order(2));
        assert_eq!(sent.publications.len(), 1);
        assert!(world.waiting(&alice).is_empty());
        for (actor, (mailbox, seq)) in [bob, phone].iter().zip(&sent.publications[0].to) {
            assert_eq!(*mailbox, actor.mailbox);
            let waiting = world.waiting(actor);
            assert_eq!((waiting.len(), waiting[0].seq), (1, *seq));
            assert_eq!(waiting[0].entry, sent.publications[0].entry);
            let place = waiting[0].entry.place.unwrap();
            assert_eq!(
                (place.conversation, place.generation, place.order),
                (conversation, Generation(1), Order(2))
            );
            assert_eq!(waiting[0].entry.kind, EntryKind::Application(message.body.clone()));
        }
    });
}

pub fn the_same_send_gets_the_first_answer<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let (alice, bob) = (world.actor(), world.actor());
        let creation = world.conversation_of(&alice, &[bob]);
        let conversation = creation.conversation;
        let created = world.sent(creation.clone());
        let message = world.message(&alice, conversation, 1);
        let commit = world.member_commit(&bob, conversation, 1);
        let sent = world.sent(message.clone());
        let committed = world.sent(commit.clone());
        world.pass(std::time::Duration::from_secs(5));
        assert_eq!(world.store().slot(&message.send).unwrap(), Slot::Repeated(sent.answer));
        for (operation, first) in [
            (crate::Write::from(message), sent),
            (crate::Write::from(commit), committed),
            (crate::Write::from(creation), created),
        ] {
            let again = world.sent(operation);
            assert_eq!(again.answer, first.answer);
            assert!(again.publications.is_empty());
        }
        assert_eq!(world.numbers(&bob), [1, 2, 3]);
        assert_eq!(world.store().mailbox(alice.mailbox).unwrap().unwrap().accepted_sends, SendSeq(2));
    });
}

pub fn another_send_under_the_same_number_is_refused<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let (alice, bob) = (world.actor(), world.actor());
        let conversation = world.converse(&alice, &[bob]);
        let message = world.message(&alice, conversation, 1);
        world.sent(message.clone());
        let mut other = world.message(&alice, conversation, 1);
        other.send.send_seq = message.send.send_seq;
        assert_eq!(world.store().slot(&other.send).unwrap(), Slot::Reused);
        assert_eq!(world.write(other), Err(Refusal::IdReused));
        let mut commit = world.member_commit(&alice, conversation, 1);
        commit.send.send_seq = message.send.send_seq;
        assert_eq!(world.write(commit), Err(Refusal::IdReused));
        let mut creation = world.conversation_of(&alice, &[bob]);
        creation.send.send_seq = message.send.send_seq;
        assert_eq!(world.write(creation), Err(Refusal::IdReused));
        assert_eq!(world.numbers(&bob), [1, 2]);
    });
}

pub fn numbers_may_skip_but_not_fall_behind<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let (alice, bob) = (world.actor(), world.actor());
        let conversation = world.converse(&alice, &[bob]);
        let mut send = |number| {
            let message =
                Append { send: world.send_id(&alice, number), ..world.message(&alice, conversation, 1) };
            world.write(message).map(|_| ())
        };
        assert_eq!(send(10), Ok(()));
        assert_eq!(send(7), Ok(()), "within the window");
        assert_eq!(send(10 + 64), Ok(()));
        assert_eq!(send(10), Err(Refusal::IdReused), "its slot has gone on");
        assert_eq!(world.store().mailbox(alice.mailbox).unwrap().unwrap().accepted_sends, SendSeq(74));
    });
}

pub fn r1_a_commit_is_compare_and_swap<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let (alice, bob) = (world.actor(), world.actor());
        let conversation = world.converse(&alice, &[bob]);
        let (first, second) =
            (world.member_commit(&alice, conversation, 1), world.member_commit(&bob, conversation, 1));
        world.pass(std::time::Duration::from_secs(1));
        world.sent(first.clone());
        let (generation, epoch) = (Generation(1), Epoch(2));
        assert_eq!(world.write(second.clone()), Err(Refusal::StaleEpoch { generation, epoch }));
        assert_eq!(world.store().slot(&second.send).unwrap(), Slot::Fresh, "a refused send takes no slot");
        let early = world.member_commit(&bob, conversation, 3);
        assert_eq!(world.write(early), Err(Refusal::FutureEpoch { generation, epoch }));
        let stored = world.store().conversation(conversation).unwrap().unwrap();
        assert_eq!((stored.epoch, stored.last_commit_at), (epoch, world.now));
        let commit = EntryKind::Commit(first.commit.commit);
        assert_eq!(kinds(world, &alice).last(), Some(&commit));
        assert_eq!(kinds(world, &bob).last(), Some(&commit));
        let unknown = AppendCommit { conversation: hushwire_types::ConversationId::new([9; 32]), ..second };
        assert_eq!(world.write(unknown), Err(Refusal::UnknownConversation));
    });
}

pub fn messages_are_accepted_in_three_epochs<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let (alice, bob) = (world.actor(), world.actor());
        let conversation = world.converse(&alice, &[bob]);
        for epoch in 1..5 {
            let commit = world.member_commit(&alice, conversation, epoch);
            world.sent(commit);
        }
        let (generation, epoch) = (Generation(1), Epoch(5));
        let expected = [
            (2, Err(Refusal::StaleEpoch { generation, epoch })),
            (3, Ok(())),
            (4, Ok(())),
            (5, Ok(())),
            (6, Err(Refusal::FutureEpoch { generation, epoch })),
        ];
        for (epoch, outcome) in expected {
            let message = world.message(&bob, conversation, epoch);
            assert_eq!(world.write(message).map(|_| ()), outcome, "epoch {epoch}");
        }
        let message = Append { generation: Generation(2), ..world.message(&bob, conversation, 5) };
        assert_eq!(world.write(message), Err(Refusal::ClosedGeneration { generation, epoch }));
    });
}

pub fn messages_of_a_past_epoch_are_accepted_for_half_a_day<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let (alice, bob) = (world.actor(), world.actor());
        let conversation = world.converse(&alice, &[bob]);
        let commit = world.member_commit(&alice, conversation, 1);
        world.sent(commit);
        world.pass(epoch::PAST_EPOCH_TIME.saturating_sub(std::time::Duration::from_secs(1)));
        let commit = world.member_commit(&alice, conversation, 2);
        world.sent(commit);
        let early = world.message(&bob, conversation, 1);
        let answer = world.sent(early.clone()).answer;
        world.pass(std::time::Duration::from_secs(1));
        let late = world.message(&bob, conversation, 1);
        let (generation, epoch) = (Generation(1), Epoch(3));
        assert_eq!(world.write(late), Err(Refusal::StaleEpoch { generation, epoch }));
        assert_eq!(world.sent(early).answer, answer, "a repetition gets the first answer");
        let of_the_next = world.message(&bob, conversation, 2);
        world.sent(of_the_next);
    });
}

pub fn a_newcomer_gets_nothing_from_before<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let (alice, bob) = (world.actor(), world.actor());
        let conversation = world.converse(&alice, &[bob]);
        let phone = second_device(world, &bob);
        world.acknowledge_all(&phone);
        let mut commit = world.member_commit(&alice, conversation, 1);
        commit.commit = world.commit(&[phone], &[]);
        let unknown = DeviceAddress { device: hushwire_types::DeviceId::new([1; 16]), ..phone.address };
        commit.commit.added.push(unknown);
        world.sent(commit.clone());
        let welcome = commit.commit.welcome.unwrap();
        assert_eq!(kinds(world, &phone), [EntryKind::Welcome { epoch: Epoch(2), welcome }]);
        let before = world.message(&alice, conversation, 1);
        world.sent(before);
        assert_eq!(world.waiting(&phone).len(), 1);
        let early = world.message(&phone, conversation, 1);
        assert_eq!(world.write(early), Err(Refusal::NotAMember));
        let after = world.message(&alice, conversation, 2);
        world.sent(after);
        assert_eq!(world.waiting(&phone).len(), 2);
        let own = world.message(&phone, conversation, 2);
        world.sent(own);
    });
}

pub fn the_removed_are_told_and_stop_receiving<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let (alice, bob, carol) = (world.actor(), world.actor(), world.actor());
        let conversation = world.converse(&alice, &[bob, carol]);
        world.acknowledge_all(&carol);
        let mut commit = world.member_commit(&alice, conversation, 1);
        commit.commit = world.commit(&[], &[carol]);
        world.sent(commit.clone());
        let removed = EntryKind::Removed { commit: commit.commit.commit.clone() };
        assert_eq!(kinds(world, &carol), [removed]);
        assert_eq!(kinds(world, &bob).last(), Some(&EntryKind::Commit(commit.commit.commit)));
        let message = world.message(&alice, conversation, 2);
        world.sent(message);
        assert_eq!(world.waiting(&carol).len(), 1);
        for epoch in [1, 2] {
            let message = world.message(&carol, conversation, epoch);
            assert_eq!(world.write(message), Err(Refusal::NotAMember), "R8: whatever the epoch");
        }
    });
}

pub fn strangers_cannot_send<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let (alice, bob, stranger) = (world.actor(), world.actor(), world.actor());
        let conversation = world.converse(&alice, &[bob]);
        let message = world.message(&stranger, conversation, 1);
        assert_eq!(world.write(message), Err(Refusal::NotAMember));
        let commit = world.member_commit(&stranger, conversation, 1);
        assert_eq!(world.write(commit), Err(Refusal::NotAMember));
        let message = world.message(&alice, hushwire_types::ConversationId::new([9; 32]), 1);
        assert_eq!(world.write(message), Err(Refusal::UnknownConversation));
    });
}

pub fn r7_an_external_commit_renews_a_leaf<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let (alice, bob) = (world.actor(), world.actor());
        let phone = second_device(world, &bob);
        let conversation = world.converse(&alice, &[bob]);
        let mut rejoin = world.member_commit(&bob, conversation, 1);
        rejoin.committer = Committer::External;
        rejoin.commit = world.commit(&[], &[bob]);
        world.sent(rejoin.clone());
        let mut join = world.member_commit(&phone, conversation, 2);
        join.committer = Committer::External;
        world.sent(join.clone());
        let (first, second) =
            (EntryKind::Commit(rejoin.commit.commit), EntryKind::Commit(join.commit.commit));
        for actor in [alice, bob] {
            assert!(kinds(world, &actor).ends_with(&[first.clone(), second.clone()]), "{actor:?}");
        }
        assert_eq!(kinds(world, &phone).last(), Some(&second));
        let stored = world.store().conversation(conversation).unwrap().unwrap();
        let since: Vec<_> =
            stored.members.iter().map(|member| (member.mailbox, member.since_epoch.0)).collect();
        assert_eq!(since, [(alice.mailbox, 0), (bob.mailbox, 2), (phone.mailbox, 3)]);
        let old = world.message(&bob, conversation, 1);
        assert_eq!(world.write(old), Err(Refusal::NotAMember), "R8: the old leaf is gone");
    });
}

pub fn the_log_and_its_bases_lead_to_every_epoch<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let (alice, bob) = (world.actor(), world.actor());
        let conversation = world.converse(&alice, &[bob]);
        for epoch in 1..6 {
            let mut commit = world.member_commit(&alice, conversation, epoch);
            if epoch == 3 {
                commit.commit.base =
                    Some(GroupBase { epoch: Epoch(4), snapshot: Bytes::from_static(b"epoch 4") });
            }
            world.sent(commit);
        }
        let store = world.store();
        let base =
            |epoch| store.base_at_or_before(conversation, Generation(1), Epoch(epoch)).unwrap().unwrap();
        assert_eq!(
            (base(0).epoch, base(3).epoch, base(4).epoch, base(9).epoch),
            (Epoch(0), Epoch(0), Epoch(4), Epoch(4))
        );
        assert_eq!(base(5).snapshot, Bytes::from_static(b"epoch 4"));
        assert_eq!(store.conversation(conversation).unwrap().unwrap().base_epoch, Epoch(4));
        let epochs = |from, to| -> Vec<u64> {
            let log = store.handshakes(conversation, Generation(1), Epoch(from), Epoch(to)).unwrap();
            log.iter().map(|handshake| handshake.epoch.0).collect()
        };
        assert_eq!(epochs(0, 9), [0, 1, 2, 3, 4, 5]);
        assert_eq!(epochs(4, 5), [4]);
        assert!(store.handshakes(conversation, Generation(2), Epoch(0), Epoch(9)).unwrap().is_empty());
        assert_eq!(store.base_at_or_before(conversation, Generation(2), Epoch(9)).unwrap(), None);
    });
}

pub fn a_next_generation_closes_the_one_before<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let (alice, bob) = (world.actor(), world.actor());
        let conversation = world.converse(&alice, &[bob]);
        let message = world.message(&alice, conversation, 1);
        world.sent(message);
        let next = |world: &mut World, generation| CreateConversation {
            conversation,
            generation: Generation(generation),
            ..world.conversation_of(&bob, &[alice])
        };
        let (generation, epoch) = (Generation(1), Epoch(1));
        let skipping = next(world, 3);
        assert_eq!(world.write(skipping), Err(Refusal::ClosedGeneration { generation, epoch }));
        let unknown =
            CreateConversation { generation: Generation(2), ..world.conversation_of(&bob, &[alice]) };
        assert_eq!(world.write(unknown), Err(Refusal::UnknownConversation));
        let second = next(world, 2);
        let sent = world.sent(second);
        assert_eq!(sent.answer.order, Order(3), "the order goes on");
        let late = world.message(&alice, conversation, 1);
        let closed = Refusal::ClosedGeneration { generation: Generation(2), epoch };
        assert_eq!(world.write(late), Err(closed.clone()));
        let commit = world.member_commit(&alice, conversation, 1);
        assert_eq!(world.write(commit), Err(closed));
        let rival = next(world, 2);
        let exists = Refusal::ConversationExists { generation: Generation(2), epoch };
        assert_eq!(world.write(rival), Err(exists));
        let message = Append { generation: Generation(2), ..world.message(&alice, conversation, 1) };
        world.sent(message);
        let stored = world.store().conversation(conversation).unwrap().unwrap();
        let since: Vec<_> =
            stored.members.iter().map(|member| (member.mailbox, member.since_epoch.0)).collect();
        assert_eq!(since, [(alice.mailbox, 1), (bob.mailbox, 0)]);
        let log = world.store().handshakes(conversation, Generation(1), Epoch(0), Epoch(9)).unwrap();
        assert_eq!(log.len(), 1, "joiners of the first generation still find it");
    });
}

pub fn refused_operations_leave_the_rest_of_the_batch<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let (alice, bob, stranger) = (world.actor(), world.actor(), world.actor());
        let conversation = world.converse(&alice, &[bob]);
        let mut batch = Vec::new();
        for actor in [alice, stranger, bob] {
            batch.push(world.message(&actor, conversation, 1).into());
        }
        batch.push(PutMeta { name: "a".into(), value: Bytes::from_static(b"b") }.into());
        let outcomes = world.batch(batch);
        assert_eq!(outcomes[1], Err(Refusal::NotAMember));
        let order = |index: usize| match &outcomes[index] {
            Ok(Written::Sent(sent)) => sent.answer.order,
            other => panic!("not sent: {other:?}"),
        };
        assert_eq!((order(0), order(2)), (Order(2), Order(3)));
        assert_eq!(outcomes[3], Ok(Written::Done));
        assert_eq!(world.numbers(&alice), [1, 2]);
        assert_eq!(world.numbers(&bob), [1, 2]);
        assert_eq!(world.store().mailbox(stranger.mailbox).unwrap().unwrap().accepted_sends, SendSeq(0));
    });
}

pub fn a_message_to_a_deleted_account_is_refused<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let (alice, bob) = (world.actor(), world.actor());
        let conversation = world.converse(&alice, &[bob]);
        let message = world.message(&alice, conversation, 1);
        world.sent(message);
        world.write(DeleteAccount { account: bob.address.account }).unwrap();
        let message = world.message(&alice, conversation, 1);
        assert_eq!(world.write(message.clone()), Err(Refusal::UnknownAccount));
    });
}

pub fn a_message_to_a_suspended_account_is_refused<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let (alice, bob) = (world.actor(), world.actor());
        let laptop = second_device(world, &alice);
        let conversation = world.converse(&alice, &[bob, laptop]);
        let account = bob.address.account;
        world.write(SetSuspended { account, to: Suspension::Suspended }).unwrap();
        let message = world.message(&alice, conversation, 1);
        assert_eq!(world.write(message.clone()), Err(Refusal::AccountSuspended));
        world.write(SetSuspended { account, to: Suspension::Lifted }).unwrap();
        let sent = world.sent(message);
        assert_eq!(sent.answer.accepted_at, world.now);
        assert!(sent.answer.accepted_at > Timestamp::from_ms(0));
    });
}
