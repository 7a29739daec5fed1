use std::sync::atomic::Ordering;

use hushwire_delivery::{
    Check, Checked, Event, Job, Next, Outbound, Peer, Publication, Service, Session, Step,
};
use hushwire_mls::Intent;
use hushwire_server_store::Store;
use hushwire_types::Seq;
use hushwire_wire::{
    ErrorCode, Hello, LookUp, Register, RegistrationMethod, Request, RequestId, Response, limits,
};

use crate::world::{BINDING, Device, Line, World, code, entries, sent};

#[test]
fn what_is_not_durable_is_told_to_nobody() {
    let mut world = World::new();
    let (mut alice, mut bob) = (world.join("alice"), world.join("bob"));
    let talk = world.converse(&mut alice, &mut bob);
    world.pushes(bob.line);
    let warm = world.message(&mut alice, &talk, b"warm");
    sent(world.ask(alice.line, warm));
    world.pushes(bob.line);

    let message = world.message(&mut alice, &talk, b"hello");
    world.flaky.broken.store(true, Ordering::Relaxed);
    let error = world.refused(alice.line, message.clone());
    assert_eq!(error.code, ErrorCode::Unavailable);
    assert!(error.retry_after.is_some());
    assert!(world.pushes(bob.line).is_empty());

    world.flaky.broken.store(false, Ordering::Relaxed);
    sent(world.ask(alice.line, message));
    assert_eq!(world.entries(bob.line).len(), 1);
}

#[test]
fn a_login_that_cannot_be_served_ends_both_connections() {
    let mut world = World::new();
    let mut alice = world.join("alice");
    let line = world.connect();
    let login = world.login_request(&alice.keys, line, None);
    world.flaky.broken.store(true, Ordering::Relaxed);
    assert_eq!(code(world.ask(line, login)), ErrorCode::Unavailable);
    world.flaky.broken.store(false, Ordering::Relaxed);
    let (_, pushes) = world.come_back(&mut alice, None);
    assert!(entries(pushes).is_empty());
}

/// A session of one's own, logged in, that the world does not drive.
pub(crate) fn session_of(world: &mut World, device: &Device) -> Session {
    let mut session = world.direct.service().connect(Peer { binding: BINDING, address: None });
    let hello = Hello { min_version: 2, max_version: 2, features: Vec::new(), nonce: [1; 32] };
    let step = begin(world, &mut session, hello);
    assert_eq!(session.device(), None);
    let Response::Welcomed(welcomed) = step.frames[0].response.clone() else { panic!("not welcomed") };
    let line = Line { nonce: welcomed.nonce, ..device.line };
    let login = world.login_request(&device.keys, line, None);
    let step = begin(world, &mut session, login);
    assert!(matches!(step.frames[0].response, Response::LoggedIn(_)));
    assert_eq!(session.device(), Some((device.account, device.id)));
    session
}

pub(crate) fn begin(world: &World, session: &mut Session, request: impl Into<Request>) -> Step {
    world.direct.service().begin(session, RequestId::FIRST, request.into(), world.now)
}

#[test]
fn a_stream_that_the_store_cannot_feed_ends_the_connection() {
    let mut world = World::new();
    let (mut alice, mut bob) = (world.join("alice"), world.join("bob"));
    world.converse(&mut alice, &mut bob);
    let mut session = session_of(&mut world, &bob);
    let device = world.store.device(bob.account, bob.id).unwrap().unwrap();
    let page = world.store.entries(device.mailbox, Seq(0), 1, 1).unwrap();
    // A publication that leaves a hole sends the session to the store, which fails.
    let publication = Publication { seq: Seq(50), entry: page.entries[0].entry.clone() };
    world.flaky.broken.store(true, Ordering::Relaxed);
    let step = world.direct.service().events(&mut session, [Event::Published(publication)]);
    assert_eq!(code(step.frames[0].response.clone()), ErrorCode::Unavailable);
    assert!(matches!(step.next, Next::Close));
}

#[test]
fn more_in_flight_than_allowed_is_busy_until_an_answer_comes() {
    let mut world = World::new();
    let (mut alice, mut bob) = (world.join("alice"), world.join("bob"));
    let talk = world.converse(&mut alice, &mut bob);
    let mut session = session_of(&mut world, &alice);
    let message = world.message(&mut alice, &talk, b"hello");
    let mut jobs = Vec::new();
    for _ in 0..limits::REQUESTS_IN_FLIGHT {
        let Next::Write(job) = begin(&world, &mut session, message.clone()).next else {
            panic!("not for the writer")
        };
        jobs.push(*job);
    }
    let refused = begin(&world, &mut session, message.clone()).frames.remove(0);
    assert_eq!(code(refused.response), ErrorCode::Busy);

    let outcome = world.direct.service().commit(jobs, world.now);
    let own: Vec<Outbound> =
        outcome.outbound.into_iter().filter(|out| out.connection == session.connection()).collect();
    assert_eq!(own.len(), limits::REQUESTS_IN_FLIGHT);
    for outbound in own {
        let step = world.direct.service().events(&mut session, [outbound.event]);
        sent(step.frames[0].response.clone());
    }
    assert!(matches!(begin(&world, &mut session, message).next, Next::Write(_)));
}

#[test]
fn a_job_that_the_writer_has_no_room_for_is_answered_as_busy() {
    let mut world = World::new();
    let (mut alice, mut bob) = (world.join("alice"), world.join("bob"));
    let talk = world.converse(&mut alice, &mut bob);
    let mut session = session_of(&mut world, &alice);
    let message = world.message(&mut alice, &talk, b"hello");
    let Next::Write(job) = begin(&world, &mut session, message).next else { panic!("not for the writer") };
    let service = world.direct.service();
    let outbound = service.busy(*job).unwrap();
    assert_eq!(outbound.connection, session.connection());
    let step = service.events(&mut session, [outbound.event]);
    assert_eq!(code(step.frames[0].response.clone()), ErrorCode::Busy);
    let chores = service.tick(world.now.after(std::time::Duration::from_secs(3600)));
    assert!(!chores.is_empty() && chores.into_iter().all(|job| service.busy(job).is_none()));
}

#[test]
fn no_debug_shows_who_or_what() {
    let mut world = World::new();
    let alice = world.join("alice");
    let mut session =
        world.direct.service().connect(Peer { binding: BINDING, address: "192.0.2.77".parse().ok() });
    let request = Request::from(LookUp { handle: "@alice".into() });
    let step = world.direct.service().begin(&mut session, RequestId::FIRST, request.clone(), world.now);
    let shown = format!("{session:?} {step:?} {request:?} {:?}", alice.line);
    assert!(!shown.contains("192.0.2.77") && !shown.contains("alice"), "{shown}");
    assert!(shown.contains("Peer(..)"), "what is left out leaves a trace: {shown}");
}

#[test]
fn everything_may_move_between_threads() {
    fn shared<T: Send + Sync>() {}
    fn moved<T: Send>() {}
    shared::<Service>();
    moved::<Session>();
    moved::<Job>();
    moved::<Check>();
    moved::<Outbound>();
}

#[test]
fn a_login_whose_mailbox_cannot_be_read_ends_the_older_connection_too() {
    let mut world = World::new();
    let alice = world.join("alice");
    let line = world.connect();
    let login = world.login_request(&alice.keys, line, None);
    *world.flaky.fails.lock().unwrap() = Some("entries");
    assert_eq!(code(world.ask(line, login)), ErrorCode::Unavailable);
    assert!(!world.direct.is_open(line.connection));
    assert!(
        matches!(world.pushes(alice.line).as_slice(), [Response::Fenced(_)]),
        "it would get nothing any more"
    );
    assert!(!world.direct.is_open(alice.line.connection));
    assert_eq!(world.direct.service().connected(), 0);
}

#[test]
fn no_debug_of_work_under_way_shows_bodies_or_codes() {
    let mut world = crate::registration::every_way();
    let (mut alice, mut bob) = (world.join("alice"), world.join("bob"));
    let talk = world.converse(&mut alice, &mut bob);
    let mut session = session_of(&mut world, &alice);
    let (commit, _) = world.commit(&mut alice, &talk, &Intent::Refresh);
    let Next::Check(check) = begin(&world, &mut session, commit).next else { panic!("nothing to check") };
    let shown = format!("{check:?}");
    assert!(shown.starts_with("Check { origin: ") && shown.len() < 200, "{shown}");
    let Checked::Write(job) = world.direct.service().check(*check, world.now) else { panic!("refused") };
    let shown = format!("{job:?}");
    assert!(shown.contains("Watched(") && shown.contains("generation 1, epoch 2)"), "{shown}");
    assert!(shown.len() < 500, "{shown}");

    let mut stranger = world.direct.service().connect(Peer { binding: BINDING, address: None });
    begin(
        &world,
        &mut stranger,
        Hello { min_version: 2, max_version: 2, features: Vec::new(), nonce: [1; 32] },
    );
    let method = RegistrationMethod::Phone("+15551234567".into());
    let register = Register { method, username: None, account_id: alice.account };
    let shown = format!("{:?}", begin(&world, &mut stranger, register));
    assert!(shown.contains("PendingOtp(..)") && !shown.contains("5551234567"), "{shown}");
}
