//! Mailboxes: pages, acknowledgements, overflow.

use bytes::Bytes;
use hushwire_types::{BodyDigest, ConversationId, Epoch, LoginMark, Seq};
use sha2::{Digest, Sha256};

use super::{Actor, Backend, World, run};
use crate::conversation::{Append, AppendCommit, Commit};
use crate::large::{INLINE_BYTES, Large, LargeKind, REFERENCE_BYTES};
use crate::mailbox::{Acknowledge, EntryKind, Gap, MailboxKey, RecordLogin, Rest};
use crate::{Bounds, Refusal, Written};

fn send(world: &mut World, from: &Actor, conversation: ConversationId, size: usize) {
    let body = Bytes::from(vec![7; size]);
    let message = Append { body, ..world.message(from, conversation, 1) };
    world.sent(message);
}

fn gaps(world: &World, actor: &Actor) -> Vec<Gap> {
    let waiting = world.waiting(actor);
    waiting
        .iter()
        .filter_map(|entry| if let EntryKind::Gap(gap) = entry.entry.kind { Some(gap) } else { None })
        .collect()
}

pub fn entries_are_read_in_pages<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let (alice, bob) = (world.actor(), world.actor());
        let conversation = world.converse(&alice, &[bob]);
        world.acknowledge_all(&bob);
        for _ in 0..5 {
            send(world, &alice, conversation, 100);
        }
        let page = |after, entries, bytes| {
            let page = world.store().entries(bob.mailbox, Seq(after), entries, bytes).unwrap();
            let numbers: Vec<u64> = page.entries.iter().map(|entry| entry.seq.0).collect();
            (numbers, page.through.0, page.rest)
        };
        assert_eq!(page(0, 2, 9999), (vec![2, 3], 3, Rest::More));
        assert_eq!(page(3, 9, 250), (vec![4, 5], 5, Rest::More));
        assert_eq!(page(3, 9, 1), (vec![4], 4, Rest::More), "at least one");
        assert_eq!(page(5, 9, 9999), (vec![6], 6, Rest::Nothing));
        assert_eq!(page(6, 9, 9999), (vec![], 6, Rest::Nothing));
        assert_eq!(page(60, 9, 9999), (vec![], 60, Rest::Nothing));
    });
}

pub fn an_acknowledgement_deletes<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let (alice, bob) = (world.actor(), world.actor());
        let conversation = world.converse(&alice, &[bob]);
        for _ in 0..3 {
            send(world, &alice, conversation, 10);
        }
        let acknowledge = |through| Acknowledge { mailbox: bob.mailbox, through: Seq(through) };
        assert_eq!(world.write(acknowledge(3)), Ok(Written::Acknowledged(Seq(3))));
        assert_eq!(world.numbers(&bob), [4]);
        assert_eq!(world.write(acknowledge(1)), Ok(Written::Acknowledged(Seq(3))));
        let stored = world.store().mailbox(bob.mailbox).unwrap().unwrap();
        assert_eq!(
            (stored.acked, stored.last, stored.waiting, stored.waiting_bytes),
            (Seq(3), Seq(4), 1, 10)
        );
        assert_eq!(world.write(acknowledge(99)), Ok(Written::Acknowledged(Seq(4))), "not beyond the last");
        send(world, &alice, conversation, 10);
        assert_eq!(world.numbers(&bob), [5]);
    });
}

pub fn a_shared_payload_lasts_for_the_last_reader<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let actors = [world.actor(), world.actor(), world.actor()];
        let conversation = world.converse(&actors[0], &actors[1..]);
        let message = world.message(&actors[0], conversation, 1);
        world.sent(message.clone());
        world.acknowledge_all(&actors[1]);
        let last = world.waiting(&actors[2]).last().unwrap().entry.kind.clone();
        assert_eq!(last, EntryKind::Application(message.body));
        let both = [actors[0], actors[2]]
            .map(|actor| Acknowledge { mailbox: actor.mailbox, through: Seq(99) }.into());
        for outcome in world.batch(both.to_vec()) {
            outcome.unwrap();
        }
        let counts = world.store().counts().unwrap();
        assert_eq!((counts.waiting, counts.waiting_bytes), (0, 0));
    });
}

pub fn a_full_mailbox_leaves_one_gap<B: Backend>() {
    let bounds = Bounds { entries: 10, ..Bounds::default() };
    run::<B>(&bounds, |world| {
        let (alice, bob, carol) = (world.actor(), world.actor(), world.actor());
        let (loud, quiet) = (world.converse(&alice, &[bob]), world.converse(&carol, &[bob]));
        world.acknowledge_all(&bob);
        send(world, &carol, quiet, 10);
        for _ in 0..9 {
            send(world, &alice, loud, 10);
        }
        assert_eq!(world.numbers(&bob), (3..=12).collect::<Vec<_>>());
        send(world, &alice, loud, 10);
        assert_eq!(gaps(world, &bob), [Gap { from: Seq(4), through: Seq(5), dropped: 2 }]);
        assert_eq!(world.numbers(&bob), [3, 4, 6, 7, 8, 9, 10, 11, 12, 13]);
        send(world, &alice, loud, 10);
        send(world, &carol, quiet, 10);
        assert_eq!(gaps(world, &bob), [Gap { from: Seq(4), through: Seq(7), dropped: 4 }]);
        let waiting = world.waiting(&bob);
        let place = waiting[1].entry.place.unwrap();
        assert_eq!((waiting[1].seq, place.conversation), (Seq(4), loud));
        assert_eq!(place.order.0, 5, "that of the last that was dropped");
        assert_eq!(world.store().mailbox(bob.mailbox).unwrap().unwrap().waiting, 9);
        world.acknowledge_all(&bob);
        assert!(world.waiting(&bob).is_empty());
        assert_eq!(world.store().counts().unwrap().waiting_bytes, {
            let own = world.store().mailbox(alice.mailbox).unwrap().unwrap().waiting_bytes;
            own + world.store().mailbox(carol.mailbox).unwrap().unwrap().waiting_bytes
        });
    });
}

pub fn handshakes_have_room_of_their_own<B: Backend>() {
    let bounds = Bounds { entries: 3, ..Bounds::default() };
    run::<B>(&bounds, |world| {
        let (alice, bob) = (world.actor(), world.actor());
        let conversation = world.converse(&alice, &[bob]);
        for _ in 0..20 {
            send(world, &alice, conversation, 10);
        }
        let waiting = world.waiting(&bob);
        assert!(matches!(waiting[0].entry.kind, EntryKind::Welcome { .. }), "talk pushes no handshake out");
        for epoch in 1..6 {
            let commit = world.member_commit(&alice, conversation, epoch);
            world.sent(commit);
        }
        let waiting = world.waiting(&bob);
        let commits = waiting.iter().filter(|entry| matches!(entry.entry.kind, EntryKind::Commit(_))).count();
        assert_eq!((commits, gaps(world, &bob).len()), (3, 1));
        assert_eq!(waiting[0].seq, Seq(1), "the Gap stands at the first that was dropped");
    });
}

pub fn bytes_are_bounded_too<B: Backend>() {
    let bounds = Bounds { message_bytes: 1000, ..Bounds::default() };
    run::<B>(&bounds, |world| {
        let (alice, bob) = (world.actor(), world.actor());
        let conversation = world.converse(&alice, &[bob]);
        world.acknowledge_all(&bob);
        for _ in 0..3 {
            send(world, &alice, conversation, 400);
        }
        assert_eq!(gaps(world, &bob), [Gap { from: Seq(2), through: Seq(2), dropped: 1 }]);
        send(world, &alice, conversation, 2000);
        assert_eq!(gaps(world, &bob), [Gap { from: Seq(2), through: Seq(5), dropped: 4 }]);
        let stored = world.store().mailbox(bob.mailbox).unwrap().unwrap();
        assert_eq!((stored.waiting, stored.waiting_bytes, stored.last), (0, 0, Seq(5)));
    });
}

pub fn an_unknown_mailbox_is_empty_and_refused<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let mailbox = MailboxKey(77);
        let page = world.store().entries(mailbox, Seq(3), 9, 9).unwrap();
        assert!(page.entries.is_empty() && page.rest == Rest::Nothing && page.through == Seq(3));
        assert_eq!(world.store().mailbox(mailbox).unwrap(), None);
        assert_eq!(world.write(Acknowledge { mailbox, through: Seq(1) }), Err(Refusal::UnknownMailbox));
        assert_eq!(world.write(RecordLogin { mailbox, mark: None }), Err(Refusal::UnknownMailbox));
    });
}

pub fn the_mark_of_the_last_login_is_kept<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let (alice, bob) = (world.actor(), world.actor());
        let mark = |world: &World| world.store().mailbox(alice.mailbox).unwrap().unwrap().login_mark;
        assert_eq!(mark(world), None);
        for named in [Some(LoginMark::new([1; 16])), Some(LoginMark::new([2; 16]))] {
            world.write(RecordLogin { mailbox: alice.mailbox, mark: named }).unwrap();
            assert_eq!(mark(world), named);
        }
        let conversation = world.converse(&alice, &[bob]);
        send(world, &alice, conversation, 10);
        world.write(RecordLogin { mailbox: alice.mailbox, mark: None }).unwrap();
        assert_eq!(mark(world), Some(LoginMark::new([2; 16])), "who names none takes none away");
    });
}

fn large(of: LargeKind, body: &Bytes) -> EntryKind {
    let digest = BodyDigest::new(Sha256::digest(body).into());
    EntryKind::Large(Large { of, digest, length: body.len() as u64 })
}

pub fn large_bodies_stay_in_the_store_until_asked_for<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let (alice, bob, carol) = (world.actor(), world.actor(), world.actor());
        let conversation = world.converse(&alice, &[bob]);
        world.acknowledge_all(&alice);
        world.acknowledge_all(&bob);
        let (commit, welcome) =
            (Bytes::from(vec![1; 3 * INLINE_BYTES]), Bytes::from(vec![2; INLINE_BYTES + 1]));
        let change = Commit {
            commit: commit.clone(),
            welcome: Some(welcome.clone()),
            ..world.commit(&[carol], &[bob])
        };
        let append = AppendCommit { commit: change, ..world.member_commit(&alice, conversation, 1) };
        let sent = world.sent(append);
        let expected = [
            (alice, large(LargeKind::Commit, &commit), &commit),
            (bob, large(LargeKind::Removed, &commit), &commit),
            (carol, large(LargeKind::Welcome { epoch: Epoch(2) }, &welcome), &welcome),
        ];
        for (actor, kind, body) in expected {
            let published =
                sent.publications.iter().find(|one| one.to.iter().any(|(to, _)| *to == actor.mailbox));
            assert_eq!(published.unwrap().entry.kind, kind, "published");
            let waiting = world.waiting(&actor);
            let last = waiting.last().unwrap();
            assert_eq!(last.entry.kind, kind, "read");
            assert_eq!(world.store().body(actor.mailbox, last.seq).unwrap().as_ref(), Some(body));
            assert_eq!(world.store().body(actor.mailbox, last.seq.next()).unwrap(), None, "no such entry");
            world.acknowledge_all(&actor);
            assert_eq!(world.store().body(actor.mailbox, last.seq).unwrap(), None, "acknowledged");
        }
        assert_eq!(world.store().counts().unwrap().waiting_bytes, 0);
    });
}

pub fn large_bodies_count_in_full_for_a_mailbox<B: Backend>() {
    let bounds = Bounds { handshake_bytes: 500_000, ..Bounds::default() };
    run::<B>(&bounds, |world| {
        let (alice, bob) = (world.actor(), world.actor());
        let conversation = world.converse(&alice, &[bob]);
        world.acknowledge_all(&bob);
        let commit = |world: &mut World, epoch| {
            let change = Commit { commit: vec![7; 200_000].into(), ..world.commit(&[], &[]) };
            let append = AppendCommit { commit: change, ..world.member_commit(&alice, conversation, epoch) };
            world.sent(append);
        };
        commit(world, 1);
        commit(world, 2);
        assert_eq!(world.store().mailbox(bob.mailbox).unwrap().unwrap().waiting_bytes, 400_000);
        let least = usize::try_from(2 * REFERENCE_BYTES).unwrap();
        let page = world.store().entries(bob.mailbox, Seq(0), 9, least).unwrap();
        assert_eq!((page.entries.len(), page.rest), (2, Rest::Nothing), "a page counts what it holds");
        commit(world, 3);
        assert_eq!(gaps(world, &bob).len(), 1, "over the bound, the oldest goes");
        assert!(world.store().mailbox(bob.mailbox).unwrap().unwrap().waiting_bytes <= 500_000);
    });
}
