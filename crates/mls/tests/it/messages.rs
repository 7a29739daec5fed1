//! Application messages: out of order, twice, late, of past epochs, damaged, of removed leaves.

use std::time::Duration;

use hushwire_mls::{
    Change, Intent, Lost, MAX_SENT_PER_EPOCH, MlsError, PAST_EPOCH_TIME, Processed, Refusal, message_hash,
};
use proptest::prelude::*;

use crate::support::{GROUP, NOW, Node, World, commit, talk};

#[test]
fn all_devices_read_each_other_with_a_restart_between_any_two_steps() {
    let (mut alice, mut bob, mut phone, _) = World::new(1).trio();
    talk(&mut [&mut alice, &mut bob, &mut phone]);
}

#[test]
fn messages_are_read_in_any_order() {
    let (mut alice, mut bob, _) = World::new(2).pair();
    let messages: Vec<_> = (0..4).map(|n| alice.encrypt(&n.to_string())).collect();
    for n in [3, 0, 2, 1] {
        assert_eq!(bob.read(&messages[n]).unwrap().0, n.to_string());
    }
}

#[test]
fn a_duplicate_is_told_apart_and_harms_nothing() {
    let (mut alice, mut bob, _) = World::new(3).pair();
    let message = alice.encrypt("once");
    bob.read(&message).unwrap();
    assert!(matches!(bob.process(&message), Err(MlsError::KeyUsed)));
    talk(&mut [&mut alice, &mut bob]);
}

#[test]
fn a_message_of_a_past_epoch_is_read_once() {
    let (mut alice, mut bob, mut server) = World::new(4).pair();
    let late = bob.encrypt("late");
    let before = alice.step(|device| device.view(&GROUP)).unwrap();
    for _ in 0..3 {
        commit(&mut server, &mut alice, &mut [&mut bob], &Intent::Refresh);
    }
    let Processed::Application(read) = alice.process(&late).unwrap() else { panic!() };
    assert_eq!((read.epoch, read.transcript_hash), (before.epoch, before.transcript_hash));
    assert!(matches!(alice.process(&late), Err(MlsError::KeyUsed)), "its key is gone from the rows");
}

#[test]
fn r8_past_epochs_are_gone_after_three_epochs() {
    let (mut alice, mut bob, mut server) = World::new(5).pair();
    let late = bob.encrypt("too late");
    for _ in 0..4 {
        commit(&mut server, &mut alice, &mut [&mut bob], &Intent::Refresh);
    }
    assert_eq!(alice.epoch_rows(), [2, 3, 4]);
    assert!(matches!(alice.process(&late), Err(MlsError::PastEpoch { .. })));
}

#[test]
fn r8_past_epochs_are_gone_after_a_day() {
    let (mut alice, mut bob, mut server) = World::new(6).pair();
    let late = bob.encrypt("a day later");
    commit(&mut server, &mut alice, &mut [&mut bob], &Intent::Refresh);
    let a_day_later = NOW.after(PAST_EPOCH_TIME);
    let read = alice.step(|device| device.process(&GROUP, &late, a_day_later));
    assert!(matches!(read, Err(MlsError::PastEpoch { .. })));
    assert_eq!(alice.epoch_rows(), [0, 1], "an error writes nothing");
    alice
        .step(|device| {
            device.prune(a_day_later.before(Duration::from_secs(1)));
            Ok(())
        })
        .unwrap();
    assert_eq!(alice.epoch_rows(), [0, 1]);
    alice
        .step(|device| {
            device.prune(a_day_later);
            Ok(())
        })
        .unwrap();
    assert!(alice.epoch_rows().is_empty());
}

#[test]
fn r8_nothing_more_of_a_removed_leaf_is_read_whatever_the_epoch() {
    let (mut alice, mut bob, mut phone, mut server) = World::new(7).trio();
    let late = phone.encrypt("from the grave");
    let remove = vec![phone.credential.device];
    let intent = Intent::Change(Change { remove, ..Change::default() });
    commit(&mut server, &mut alice, &mut [&mut bob], &intent);
    for node in [&mut alice, &mut bob] {
        assert!(matches!(node.process(&late), Err(MlsError::Refused(Refusal::RemovedSender))));
    }
}

#[test]
fn r8_a_late_message_of_a_leaf_that_was_removed_and_came_back_in_its_place_is_refused() {
    let (mut alice, mut bob, mut phone, mut server) = World::new(8).trio();
    let late = phone.encrypt("of my old leaf");
    let (info, tree) = (server.group_info.clone(), server.tree());
    let known = hushwire_types::Epoch(0);
    let staged = phone.step(|device| device.stage_rejoin(&info, &tree, known)).unwrap();
    server.accept(&phone.credential, &staged.bytes, &staged.group_info, None).unwrap();
    phone.apply(&staged.secrets);
    for node in [&mut alice, &mut bob] {
        node.follow(&staged.bytes);
        assert!(matches!(node.process(&late), Err(MlsError::Refused(Refusal::RemovedSender))));
    }
    talk(&mut [&mut alice, &mut bob, &mut phone]);
}

#[test]
fn after_a_tampered_ciphertext_the_genuine_one_is_still_read() {
    let (mut alice, mut bob, _) = World::new(9).pair();
    let genuine = alice.encrypt("genuine");
    for at in [genuine.len() - 1, genuine.len() - 40, genuine.len() / 2] {
        let mut tampered = genuine.clone();
        tampered[at] ^= 1;
        assert!(matches!(bob.process(&tampered), Err(MlsError::Undecryptable)), "at {at}");
    }
    assert_eq!(bob.read(&genuine).unwrap().0, "genuine");
}

#[test]
fn a_tampered_ciphertext_in_a_batch_spoils_the_batch_until_it_is_rolled_back() {
    let (mut alice, mut bob, _) = World::new(10).pair();
    let (first, second) = (alice.encrypt("first"), alice.encrypt("second"));
    let mut tampered = second.clone();
    *tampered.last_mut().unwrap() ^= 1;
    let batch = bob.step(|device| {
        device.process(&GROUP, &first, NOW)?;
        assert!(matches!(device.process(&GROUP, &tampered, NOW), Err(MlsError::Undecryptable)));
        assert!(matches!(device.process(&GROUP, &second, NOW), Err(MlsError::State(_))));
        device.drain()
    });
    assert!(matches!(batch, Err(MlsError::State(_))));
    assert_eq!(bob.read(&first).unwrap().0, "first");
    assert_eq!(bob.read(&second).unwrap().0, "second");
}

#[test]
fn a_tampered_ciphertext_alone_in_a_step_needs_no_rollback() {
    let (mut alice, mut bob, _) = World::new(11).pair();
    let genuine = alice.encrypt("genuine");
    let mut tampered = genuine.clone();
    *tampered.last_mut().unwrap() ^= 1;
    bob.step(|device| {
        assert!(matches!(device.process(&GROUP, &tampered, NOW), Err(MlsError::Undecryptable)));
        device.process(&GROUP, &genuine, NOW)
    })
    .unwrap();
}

#[test]
fn own_messages_are_named_as_such() {
    let (mut alice, mut bob, mut server) = World::new(12).pair();
    let encrypted = alice.step(|device| device.encrypt(&GROUP, b"mine")).unwrap();
    assert_eq!(encrypted.hash, message_hash(&encrypted.bytes));
    assert!(matches!(alice.process(&encrypted.bytes), Err(MlsError::Own)));
    commit(&mut server, &mut bob, &mut [&mut alice], &Intent::Refresh);
    assert!(matches!(alice.process(&encrypted.bytes), Err(MlsError::Own)), "in a past epoch too");
}

#[test]
fn a_message_of_a_future_epoch_waits() {
    let (mut alice, mut bob, mut server) = World::new(13).pair();
    let staged = commit(&mut server, &mut alice, &mut [], &Intent::Refresh);
    let message = alice.encrypt("from tomorrow");
    assert!(matches!(bob.process(&message), Err(MlsError::FutureEpoch { .. })));
    bob.follow(&staged.bytes);
    assert_eq!(bob.read(&message).unwrap().0, "from tomorrow");
}

#[test]
fn no_device_encrypts_the_512th_message_of_an_epoch() {
    let (mut alice, mut bob, mut server) = World::new(14).pair();
    let last = alice
        .step(|device| {
            let mut last = device.encrypt(&GROUP, b"0")?;
            for _ in 1..MAX_SENT_PER_EPOCH {
                last = device.encrypt(&GROUP, b"n")?;
            }
            Ok(last.bytes)
        })
        .unwrap();
    let refused = alice.step(|device| device.encrypt(&GROUP, b"512"));
    assert!(matches!(refused, Err(MlsError::CommitFirst)));
    assert_eq!(bob.read(&last).unwrap().0, "n", "a reader that missed all others still reads the last");
    commit(&mut server, &mut alice, &mut [&mut bob], &Intent::Refresh);
    let view = alice.step(|device| device.view(&GROUP)).unwrap();
    assert_eq!((view.sent_in_epoch, view.sent_with_leaf), (0, 0));
    talk(&mut [&mut alice, &mut bob]);
}

#[test]
fn a_sender_out_of_reach_means_rejoining() {
    let world = World::new(15);
    let (mut alice, mut member, _) = crate::hostile::with_hostile_bob(&world);
    let mut message = Vec::new();
    for _ in 0..1_026 {
        message = member.encrypt(b"flood").unwrap();
    }
    assert!(matches!(alice.process(&message), Err(MlsError::MustRejoin(Lost::TooFarAhead))));
}

#[test]
fn a_message_for_another_group_is_refused() {
    let (mut alice, mut bob, _) = World::new(16).pair();
    let message = alice.encrypt("hello");
    let other = hushwire_types::GroupId::new([8; 32]);
    let refused = bob.step(|device| device.process(&other, &message, NOW));
    assert!(matches!(refused, Err(MlsError::Refused(Refusal::OtherGroup))));
}

#[test]
fn bytes_behind_a_message_are_refused() {
    let (mut alice, mut bob, mut server) = World::new(17).pair();
    let mut message = alice.encrypt("hello");
    message.push(0);
    assert!(matches!(bob.process(&message), Err(MlsError::Refused(_))));
    let mut staged = commit(&mut server, &mut alice, &mut [], &Intent::Refresh).bytes;
    staged.push(0);
    assert!(matches!(bob.process(&staged), Err(MlsError::Refused(_))));
}

/// Errors that leave a device as it was.
fn is_refused(node: &mut Node, bytes: &[u8]) -> bool {
    matches!(
        node.process(bytes),
        Err(MlsError::Refused(_)
            | MlsError::Undecryptable
            | MlsError::FutureEpoch { .. }
            | MlsError::PastEpoch { .. }
            | MlsError::MustRejoin(_))
    )
}

#[test]
fn garbage_and_damaged_messages_are_refused_and_harm_nothing() {
    let (mut alice, mut bob, _) = World::new(18).pair();
    let (message, commit) = (alice.encrypt("hello"), alice.stage(&Intent::Refresh).bytes);
    for genuine in [&message, &commit] {
        for end in (0..genuine.len()).step_by(1 + genuine.len() / 40) {
            assert!(is_refused(&mut bob, &genuine[..end]), "cut at {end}");
        }
        for at in (0..genuine.len()).step_by(1 + genuine.len() / 60) {
            let mut damaged = genuine.clone();
            damaged[at] ^= 0x41;
            assert!(is_refused(&mut bob, &damaged), "damaged at {at}");
        }
    }
    assert_eq!(bob.read(&message).unwrap().0, "hello");
    bob.follow(&commit);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_bytes_panic(bytes: Vec<u8>) {
        let mut node = World::new(19).node(crate::support::ALICE, 1);
        prop_assert!(node.process(&bytes).is_err());
        prop_assert!(node.step(|device| device.join(&bytes, &bytes, NOW)).is_err());
        prop_assert!(node.step(|device| device.stage_rejoin(&bytes, &bytes, hushwire_types::Epoch(0))).is_err());
    }
}
