//! OpenMLS and ours in the same groups, each in each role. In every epoch all epoch authenticators are equal and the
//! server's observer has accepted the Commit.

use hushwire_interop::{Room, Seat};
use hushwire_types::AccountId;

const ALICE: AccountId = AccountId::new([1; 32]);
const BOB: AccountId = AccountId::new([2; 32]);

/// The two devices that a scenario is about: ours in the first role, theirs in the second, or the other way round.
fn both_ways(scenario: impl Fn(&mut Room, Seat, Seat)) {
    let mut room = Room::new();
    let (first, second) = (room.ours(ALICE), room.theirs(BOB));
    scenario(&mut room, first, second);

    let mut room = Room::new();
    let (first, second) = (room.theirs(ALICE), room.ours(BOB));
    scenario(&mut room, first, second);
}

fn pair(room: &mut Room, first: Seat, second: Seat) {
    room.create(first, ALICE, BOB);
    room.commit(first, &[second], &[]);
    room.talk();
}

#[test]
fn one_creates_and_adds_the_other_joins_and_both_talk() {
    both_ways(pair);
}

#[test]
fn both_refresh_their_leaves_in_turns() {
    both_ways(|room, first, second| {
        pair(room, first, second);
        for committer in [second, first, first, second] {
            room.commit(committer, &[], &[]);
            room.talk();
        }
    });
}

#[test]
fn each_adds_devices_of_both_kinds() {
    both_ways(|room, first, second| {
        pair(room, first, second);
        let (our_alice, their_bob) = (room.ours(ALICE), room.theirs(BOB));
        let (their_alice, our_bob) = (room.theirs(ALICE), room.ours(BOB));
        room.commit(first, &[our_alice, their_bob], &[]);
        room.talk();
        room.commit(second, &[their_alice, our_bob], &[]);
        room.talk();
        for committer in [our_alice, their_bob, their_alice, our_bob] {
            room.commit(committer, &[], &[]);
        }
        room.talk();
        assert_eq!(room.len(), 6);
    });
}

#[test]
fn each_removes_devices_of_both_kinds() {
    both_ways(|room, first, second| {
        pair(room, first, second);
        let (our_alice, their_bob) = (room.ours(ALICE), room.theirs(BOB));
        let (their_alice, our_bob) = (room.theirs(ALICE), room.ours(BOB));
        room.commit(first, &[our_alice, their_bob, their_alice, our_bob], &[]);
        room.commit(second, &[], &[our_alice]);
        room.talk();
        room.commit(first, &[], &[their_bob, our_bob]);
        room.talk();
        room.commit(their_alice, &[], &[first]);
        room.talk();
        assert_eq!(room.len(), 2);
    });
}

#[test]
fn one_commit_removes_one_device_and_adds_another() {
    both_ways(|room, first, second| {
        pair(room, first, second);
        let (one, two) = (room.ours(BOB), room.theirs(BOB));
        room.commit(first, &[one], &[]);
        room.commit(second, &[two], &[one]);
        room.talk();
    });
}

#[test]
fn a_device_that_lost_its_state_rejoins_by_external_commit() {
    both_ways(|room, first, second| {
        pair(room, first, second);
        room.rejoin(second);
        room.talk();
        // Now by the GroupInfo that the rejoiner has published.
        room.rejoin(first);
        room.talk();
        room.commit(second, &[], &[]);
        room.talk();
        assert_eq!(room.len(), 2);
    });
}

#[test]
fn a_new_device_of_a_member_joins_by_external_commit() {
    both_ways(|room, first, second| {
        pair(room, first, second);
        let (ours, theirs) = (room.ours(ALICE), room.theirs(BOB));
        room.rejoin(theirs);
        room.rejoin(ours);
        room.talk();
        room.commit(theirs, &[], &[]);
        room.talk();
        assert_eq!(room.len(), 4);
    });
}

#[test]
fn a_last_resort_key_package_is_good_for_more_than_one_group() {
    both_ways(|room, first, second| {
        room.create(first, ALICE, BOB);
        let package = room.last_resort(second);
        room.commit_with(first, &[second], vec![package.clone()], &[]);
        room.talk();
        room.create(first, ALICE, BOB);
        room.commit_with(first, &[second], vec![package], &[]);
        room.talk();
    });
}
