use hushwire_delivery::settings::{Settings, Window};
use hushwire_delivery::{Event, Next};
use hushwire_server_store::{Bounds, Store};
use hushwire_types::{IncarnationId, Seq};
use hushwire_wire::{EntryKind, ErrorCode, MessageReceived, Response, limits};

use crate::faults::{begin, session_of};
use crate::world::{Device, Talk, World, entries, sent};

fn pair(settings: Settings, bounds: Bounds) -> (World, Device, Device, Talk) {
    let mut world = World::with(settings, bounds);
    let (mut alice, mut bob) = (world.join("alice"), world.join("bob"));
    let talk = world.converse(&mut alice, &mut bob);
    world.pushes(alice.line);
    world.pushes(bob.line);
    (world, alice, bob, talk)
}

fn send(world: &mut World, alice: &mut Device, talk: &Talk, count: usize, bytes: usize) {
    for _ in 0..count {
        let message = world.message(alice, talk, &vec![b'a'; bytes]);
        sent(world.ask(alice.line, message));
    }
}

fn received(world: &mut World, bob: &Device, through: u64) -> (Response, Vec<Response>) {
    let device = world.store.device(bob.account, bob.id).unwrap().unwrap();
    let incarnation = world.store.mailbox(device.mailbox).unwrap().unwrap().incarnation;
    world.ask_all(bob.line, MessageReceived { incarnation, through_seq: Seq(through) })
}

fn seqs(pushes: Vec<Response>) -> Vec<u64> {
    entries(pushes).iter().map(|entry| entry.seq.0).collect()
}

#[test]
fn acknowledged_entries_do_not_come_again() {
    let (mut world, mut alice, mut bob, talk) = pair(Settings::default(), Bounds::default());
    send(&mut world, &mut alice, &talk, 3, 10);
    assert_eq!(seqs(world.pushes(bob.line)), [2, 3, 4]);
    let (answer, _) = received(&mut world, &bob, 3);
    assert!(matches!(answer, Response::Acknowledged(through) if through.through_seq == Seq(3)));
    let (logged_in, pushes) = world.come_back(&mut bob, None);
    assert_eq!(logged_in.cursor.seq, Seq(3));
    assert_eq!(seqs(pushes), [4]);
}

#[test]
fn what_was_never_sent_cannot_be_acknowledged() {
    let (mut world, mut alice, mut bob, talk) = pair(Settings::default(), Bounds::default());
    send(&mut world, &mut alice, &talk, 2, 10);
    world.pushes(bob.line);
    let (answer, _) = received(&mut world, &bob, 1_000);
    assert!(matches!(answer, Response::Acknowledged(through) if through.through_seq == Seq(3)));
    let old_life = MessageReceived { incarnation: IncarnationId::new([1; 16]), through_seq: Seq(3) };
    assert_eq!(world.refused(bob.line, old_life).code, ErrorCode::Malformed);
    send(&mut world, &mut alice, &talk, 1, 10);
    let (_, pushes) = world.come_back(&mut bob, None);
    assert_eq!(seqs(pushes), [4]);
}

#[test]
fn a_full_window_stops_the_flow_until_an_acknowledgement() {
    let window = Window { entries: 4, bytes: 1 << 20 };
    let settings = Settings { window, ..Settings::default() };
    let (mut world, mut alice, mut bob, talk) = pair(settings, Bounds::default());
    let (_, pushes) = world.come_back(&mut bob, None);
    assert_eq!(seqs(pushes), [1]);
    send(&mut world, &mut alice, &talk, 10, 10);
    assert_eq!(seqs(world.pushes(bob.line)), [2, 3, 4]);
    let (_, pushes) = received(&mut world, &bob, 2);
    assert_eq!(seqs(pushes), [5, 6]);
    let (_, pushes) = received(&mut world, &bob, 6);
    assert_eq!(seqs(pushes), [7, 8, 9, 10]);
    let (_, pushes) = received(&mut world, &bob, 10);
    assert_eq!(seqs(pushes), [11]);
    send(&mut world, &mut alice, &talk, 1, 10);
    assert_eq!(seqs(world.pushes(bob.line)), [12], "live again");
}

#[test]
fn a_window_of_bytes_lets_a_larger_entry_through_alone() {
    let settings = Settings { window: Window { entries: 256, bytes: 3_000 }, ..Settings::default() };
    let (mut world, mut alice, mut bob, talk) = pair(settings, Bounds::default());
    world.come_back(&mut bob, None);
    received(&mut world, &bob, 1);
    world.pushes(bob.line);
    send(&mut world, &mut alice, &talk, 3, 5_000);
    assert_eq!(seqs(world.pushes(bob.line)), [2]);
    let (_, pushes) = received(&mut world, &bob, 2);
    assert_eq!(seqs(pushes), [3]);
}

#[test]
fn a_long_absence_is_caught_up_in_deliveries_that_fit_a_frame() {
    let (mut world, mut alice, mut bob, talk) = pair(Settings::default(), Bounds::default());
    world.direct.disconnect(bob.line.connection);
    send(&mut world, &mut alice, &talk, 60, 4_000);
    let (_, pushes) = world.come_back(&mut bob, None);
    let deliveries: Vec<_> = pushes
        .iter()
        .filter_map(|push| match push {
            Response::Delivery(delivery) => Some(delivery),
            _ => None,
        })
        .collect();
    assert!(deliveries.len() > 1);
    for delivery in deliveries {
        let bytes: usize = delivery.entries.iter().map(hushwire_wire::Entry::encoded_len).sum();
        assert!(delivery.entries.len() <= limits::DELIVERY_ENTRIES && bytes <= limits::DELIVERY_BYTES);
    }
    assert!(
        matches!(pushes.last(), Some(Response::Listening(listening)) if listening.through_seq == Seq(61))
    );
    assert_eq!(seqs(pushes), (1..=61).collect::<Vec<_>>());
}

#[test]
fn what_gathers_for_a_connection_goes_out_in_few_deliveries_and_in_order() {
    let (mut world, mut alice, mut bob, talk) = pair(Settings::default(), Bounds::default());
    let mut session = session_of(&mut world, &bob);
    let own = world.message(&mut bob, &talk, b"own");
    let Next::Write(own) = begin(&world, &mut session, own).next else { panic!("not for the writer") };
    let mut jobs = Vec::new();
    let mut writer = session_of(&mut world, &alice);
    for _ in 0..40 {
        let message = world.message(&mut alice, &talk, &[b'a'; 2_000]);
        let Next::Write(job) = begin(&world, &mut writer, message).next else { panic!("not for the writer") };
        jobs.push(*job);
    }
    jobs.insert(3, *own);
    let outcome = world.direct.service().commit(jobs, world.now);
    let events: Vec<Event> = outcome
        .outbound
        .into_iter()
        .filter(|out| out.connection == session.connection())
        .map(|out| out.event)
        .collect();
    assert_eq!(events.len(), 41, "each entry and the answer to bob's own message");
    // Twice, as a hole in what was published would have it.
    let events = events.iter().chain(&events).cloned();
    let step = world.direct.service().events(&mut session, events);
    let frames: Vec<Response> = step.frames.into_iter().map(|frame| frame.response).collect();
    let counts: Vec<usize> = frames
        .iter()
        .map(|frame| match frame {
            Response::Delivery(delivery) => delivery.entries.len(),
            _ => 0,
        })
        .collect();
    assert_eq!(counts.first_chunk(), Some(&[3, 0]), "what came before the answer goes before it: {counts:?}");
    assert_eq!(counts.len(), 5, "{counts:?}");
    assert_eq!(seqs(frames), (2..42).collect::<Vec<u64>>());
}

#[test]
fn listening_is_said_once_a_login() {
    let (mut world, mut alice, mut bob, talk) = pair(Settings::default(), Bounds::default());
    let (_, pushes) = world.come_back(&mut bob, None);
    assert_eq!(pushes.iter().filter(|push| matches!(push, Response::Listening(_))).count(), 1);
    send(&mut world, &mut alice, &talk, 2, 10);
    received(&mut world, &bob, 2);
    assert!(!world.pushes(bob.line).iter().any(|push| matches!(push, Response::Listening(_))));
}

#[test]
fn an_overflow_leaves_a_gap_and_the_newest_messages() {
    let bounds = Bounds { entries: 5, ..Bounds::default() };
    let (mut world, mut alice, mut bob, talk) = pair(Settings::default(), bounds);
    world.direct.disconnect(bob.line.connection);
    send(&mut world, &mut alice, &talk, 12, 10);
    let (_, pushes) = world.come_back(&mut bob, None);
    let listed = entries(pushes);
    let gap = listed.iter().find_map(|entry| match entry.kind {
        EntryKind::Gap(gap) => Some(gap),
        _ => None,
    });
    let gap = gap.unwrap();
    assert_eq!(listed.last().map(|entry| entry.seq), Some(Seq(13)));
    let messages = listed.iter().filter(|entry| matches!(entry.kind, EntryKind::Application(_))).count();
    assert_eq!(u64::try_from(messages).unwrap() + gap.dropped, 12);
    send(&mut world, &mut alice, &talk, 1, 10);
    assert_eq!(seqs(world.pushes(bob.line)), [14], "live after the gap");
}

#[test]
fn the_sweep_drops_what_waited_for_too_long() {
    let (mut world, mut alice, mut bob, talk) = pair(Settings::default(), Bounds::default());
    world.direct.disconnect(bob.line.connection);
    send(&mut world, &mut alice, &talk, 3, 10);
    world.pass(std::time::Duration::from_secs(31 * 86_400));
    world.direct.tick(world.now);
    let (_, pushes) = world.come_back(&mut bob, None);
    let listed = entries(pushes);
    assert!(!listed.iter().any(|entry| matches!(entry.kind, EntryKind::Application(_))));
    assert!(listed.iter().any(|entry| matches!(entry.kind, EntryKind::Gap(_))));
}
