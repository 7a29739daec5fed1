//! Expiry, limits, values.

use std::time::Duration;

use bytes::Bytes;
use hushwire_types::{Epoch, Generation, Seq};

use super::registration::with_otp;
use super::{Backend, World, run};
use crate::account::Idle;
use crate::conversation::{CreateConversation, GroupBase};
use crate::mailbox::{EntryKind, Gap, RecordLogin};
use crate::registration::{CodeHash, CreateInvite, InviteUses};
use crate::upkeep::{Expire, Expired, Limit, PutMeta, Remaining, SaveLimits};
use crate::{Bounds, Written};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn expire(world: &mut World, mailboxes: u32) -> Expired {
    match world.write(Expire { mailboxes }).unwrap() {
        Written::Expired(report) => report,
        other => panic!("not expired: {other:?}"),
    }
}

pub fn old_entries_go_and_leave_a_gap<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let (alice, bob, carol) = (world.actor(), world.actor(), world.actor());
        let (one, other) = (world.converse(&alice, &[bob]), world.converse(&carol, &[bob]));
        let old = world.message(&alice, one, 1);
        world.sent(old);
        world.pass(20 * DAY);
        let young = world.message(&alice, one, 1);
        world.sent(young);
        assert_eq!(expire(world, 9).entries, 0);
        world.pass(11 * DAY);
        assert_eq!(expire(world, 9).entries, 5);
        let gap =
            |from, through, dropped| EntryKind::Gap(Gap { from: Seq(from), through: Seq(through), dropped });
        let kinds: Vec<_> = world.waiting(&bob).iter().map(|entry| entry.entry.kind.clone()).collect();
        assert_eq!(kinds[..2], [gap(1, 3, 2), gap(2, 2, 1)]);
        assert_eq!(world.numbers(&bob), [1, 2, 4]);
        assert_eq!(world.waiting(&bob)[1].entry.place.unwrap().conversation, other);
        world.pass(20 * DAY);
        assert_eq!(expire(world, 9).entries, 1, "a Gap stays until it is read");
        assert_eq!(world.numbers(&bob), [1, 2]);
        assert_eq!(world.waiting(&bob)[0].entry.kind, gap(1, 4, 3));
        assert_eq!(world.store().counts().unwrap().waiting, 0);
    });
}

pub fn expiry_goes_step_by_step<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let (alice, bob) = (world.actor(), world.actor());
        world.converse(&alice, &[bob]);
        world.pass(31 * DAY);
        let first = expire(world, 1);
        assert_eq!((first.entries, first.remaining), (1, Remaining::More));
        let second = expire(world, 1);
        assert_eq!((second.entries, second.remaining), (1, Remaining::Nothing));
        assert_eq!(expire(world, 1), Expired::default());
    });
}

pub fn idle_devices_become_stale_until_they_log_in<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let (alice, bob) = (world.actor(), world.actor());
        world.pass(40 * DAY);
        world.write(RecordLogin { mailbox: bob.mailbox, mark: None }).unwrap();
        world.pass(6 * DAY);
        assert_eq!(expire(world, 9).stale, [alice.address]);
        assert!(expire(world, 9).stale.is_empty(), "told once");
        let idle = |world: &World| {
            let device = world.store().device(alice.address.account, alice.address.device).unwrap().unwrap();
            (device.idle, device.last_seen)
        };
        assert_eq!(idle(world).0, Idle::Stale);
        world.write(RecordLogin { mailbox: alice.mailbox, mark: None }).unwrap();
        assert_eq!(idle(world), (Idle::No, world.now));
    });
}

pub fn old_logs_are_cut_behind_a_base<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let (alice, bob) = (world.actor(), world.actor());
        let conversation = world.converse(&alice, &[bob]);
        for epoch in 1..7 {
            let mut commit = world.member_commit(&alice, conversation, epoch);
            if epoch % 2 == 1 {
                let snapshot = Bytes::copy_from_slice(&world.unique::<9>());
                commit.commit.base = Some(GroupBase { epoch: Epoch(epoch + 1), snapshot });
            }
            world.sent(commit);
            world.pass(10 * DAY);
        }
        expire(world, 9);
        let log = |world: &World| -> Vec<u64> {
            let log = world.store().handshakes(conversation, Generation(1), Epoch(0), Epoch(99)).unwrap();
            log.iter().map(|handshake| handshake.epoch.0).collect()
        };
        assert_eq!(log(world), [4, 5, 6], "the base of epoch 4 is older than any Welcome");
        let base =
            |world: &World, epoch| world.store().base_at_or_before(conversation, Generation(1), Epoch(epoch));
        assert_eq!(base(world, 3).unwrap(), None);
        assert_eq!(base(world, 5).unwrap().unwrap().epoch, Epoch(4));
        let next = CreateConversation {
            conversation,
            generation: Generation(2),
            ..world.conversation_of(&bob, &[alice])
        };
        world.sent(next);
        world.pass(31 * DAY);
        expire(world, 9);
        assert!(log(world).is_empty(), "nothing is left of a closed generation");
        assert_eq!(base(world, 99).unwrap(), None);
        let current = world.store().base_at_or_before(conversation, Generation(2), Epoch(1)).unwrap();
        assert_eq!(current.unwrap().epoch, Epoch(0));
    });
}

pub fn limits_are_saved_until_they_pass<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let start = world.now;
        let limit = |key: &'static [u8], seconds| Limit {
            key: Bytes::from_static(key),
            arrival: start.after(Duration::from_secs(seconds)),
        };
        world.write(SaveLimits { limits: vec![limit(b"a", 5), limit(b"b", 50), limit(b"c", 500)] }).unwrap();
        world.write(SaveLimits { limits: vec![limit(b"b", 60), limit(b"c", 0)] }).unwrap();
        assert_eq!(world.store().limits().unwrap(), [limit(b"a", 5), limit(b"b", 60)]);
        world.pass(Duration::from_secs(6));
        expire(world, 9);
        assert_eq!(world.store().limits().unwrap(), [limit(b"b", 60)]);
    });
}

pub fn values_are_kept<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let put = |value: &'static [u8]| PutMeta { name: "key".into(), value: Bytes::from_static(value) };
        assert_eq!(world.store().meta("key").unwrap(), None);
        world.write(put(b"one")).unwrap();
        world.write(put(b"two")).unwrap();
        assert_eq!(world.store().meta("key").unwrap(), Some(Bytes::from_static(b"two")));
    });
}

pub fn ended_things_are_swept<B: Backend>() {
    run::<B>(&Bounds::default(), |world| {
        let (session, _) = with_otp(world, "+15551234567");
        world.write(session.clone()).unwrap();
        let invite = CreateInvite {
            code: CodeHash(world.unique()),
            prefix: "AAAA".into(),
            label: None,
            uses: InviteUses::Unlimited,
            expires_at: Some(world.now.after(DAY)),
        };
        let lasting = CreateInvite { code: CodeHash(world.unique()), expires_at: None, ..invite.clone() };
        world.write(invite.clone()).unwrap();
        world.write(lasting.clone()).unwrap();
        world.pass(2 * DAY);
        expire(world, 9);
        assert_eq!(world.store().session(session.session).unwrap(), None);
        assert_eq!(world.store().invites().unwrap().len(), 2, "ended ones are listed for a while");
        world.pass(31 * DAY);
        expire(world, 9);
        assert_eq!(world.store().invite(invite.code).unwrap(), None);
        assert!(world.store().invite(lasting.code).unwrap().is_some());
    });
}
