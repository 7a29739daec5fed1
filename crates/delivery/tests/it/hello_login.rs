use std::time::Duration;

use hushwire_delivery::limits::{Limit, Limits, Quota};
use hushwire_delivery::{Peer, Settings};
use hushwire_identity::list::Author;
use hushwire_server_store::Bounds;
use hushwire_server_store::account::Suspension;
use hushwire_types::{IncarnationId, LoginMark, Seq};
use hushwire_wire::{
    AppendListEntry, Cursor, ErrorCode, Hello, Login, LoginFailure, Ping, Response, SenderKeys,
};

use crate::world::{BINDING, Keys, World, entries, sent};

fn hello(min_version: u32, max_version: u32) -> Hello {
    Hello { min_version, max_version, features: Vec::new(), nonce: [1; 32] }
}

#[test]
fn a_client_of_another_version_is_told_and_let_go() {
    let mut world = World::new();
    let line = world.connect();
    let raw = world.direct.connect(Peer { binding: BINDING, address: None });
    let stranger = crate::world::Line { connection: raw, ..line };
    assert_eq!(world.refused(stranger, hello(3, 4)).code, ErrorCode::Unsupported);
    assert!(!world.direct.is_open(raw));
}

#[test]
fn hello_comes_first_and_once() {
    let mut world = World::new();
    let keys = Keys::new(&*world.entropy);
    let mut line = world.connect();
    assert_eq!(world.refused(line, hello(2, 2)).code, ErrorCode::NotNow);
    line.connection = world.direct.connect(Peer { binding: BINDING, address: None });
    let login = world.login_request(&keys, line, None);
    assert_eq!(world.refused(line, login).code, ErrorCode::NotNow);
    assert!(matches!(world.ask(line, Ping), Response::Pong(_)));
}

#[test]
fn nobody_asks_for_anything_before_logging_in() {
    let mut world = World::new();
    let line = world.connect();
    let request =
        SenderKeys { account_id: Keys::new(&*world.entropy).account(), from_number: Default::default() };
    assert_eq!(world.refused(line, request).code, ErrorCode::NotLoggedIn);
}

#[test]
fn a_device_logs_in_and_hears_that_it_has_caught_up() {
    let mut world = World::new();
    let mut alice = world.join("alice");
    let (logged_in, pushes) = world.come_back(&mut alice, None);
    assert_eq!(logged_in.key_packages_left, 3);
    assert!(!logged_in.last_resort_used);
    assert_eq!(logged_in.list_hash, alice.keys.list().head().hash);
    assert!(matches!(pushes.as_slice(), [Response::Listening(listening)] if listening.through_seq == Seq(0)));
}

#[test]
fn r10_a_login_is_told_the_mark_of_the_one_before() {
    let mut world = World::new();
    let alice = world.join("alice");
    let log_in = |world: &mut World, mark: Option<u8>| {
        let line = world.connect();
        let mark = mark.map(|byte| LoginMark::new([byte; 16]));
        let login = Login { mark, ..world.login_request(&alice.keys, line, None) };
        let Response::LoggedIn(logged_in) = world.ask(line, login) else { panic!("not logged in") };
        (line, logged_in.last_mark.map(|mark| mark.as_bytes()[0]))
    };
    assert_eq!(log_in(&mut world, Some(1)).1, None);
    assert_eq!(log_in(&mut world, Some(2)).1, Some(1), "the connection of before is still there");
    let (line, last) = log_in(&mut world, Some(3));
    assert_eq!(last, Some(2));
    world.direct.disconnect(line.connection);
    assert_eq!(log_in(&mut world, None).1, Some(3), "and when it is gone");
    assert_eq!(log_in(&mut world, Some(4)).1, Some(3), "who names none takes none away");
}

#[test]
fn r6_a_login_holds_for_its_connection_alone() {
    let mut world = World::new();
    let alice = world.join("alice");
    let (one, other) = (world.connect(), world.connect());
    let relayed = world.login_request(&alice.keys, one, None);
    let Response::LoginFailed(failed) = world.ask(other, relayed) else { panic!("let in") };
    assert_eq!(failed.failure, LoginFailure::Refused);
}

#[test]
fn a_stranger_and_a_wrong_signature_get_the_same_answer() {
    let mut world = World::new();
    let alice = world.join("alice");
    let line = world.connect();
    let stranger = world.try_login(&Keys::new(&*world.entropy), line).unwrap_err();
    let mut forged = world.login_request(&alice.keys, line, None);
    forged.signature[0] ^= 1;
    let Response::LoginFailed(wrong) = world.ask(line, forged) else { panic!("let in") };
    assert_eq!(stranger, wrong);
}

#[test]
fn failed_logins_from_one_address_are_slowed_down() {
    let mut world = World::new();
    let line = world.connect();
    let stranger = Keys::new(&*world.entropy);
    let refusals = (0..100).take_while(|_| {
        let login = world.login_request(&stranger, line, None);
        matches!(world.ask(line, login), Response::LoginFailed(_))
    });
    assert_eq!(refusals.count(), 30);
}

#[test]
fn a_suspended_account_is_put_out_and_stays_out_until_it_is_lifted() {
    let mut world = World::new();
    let alice = world.join("alice");
    let fenced =
        world.direct.service().set_suspended(alice.account, Suspension::Suspended, world.now).unwrap();
    world.direct.route(fenced, world.now);
    let pushes = world.pushes(alice.line);
    assert!(
        matches!(pushes.as_slice(), [Response::Error(error)] if error.code == ErrorCode::AccountSuspended)
    );
    assert!(!world.direct.is_open(alice.line.connection));

    let line = world.connect();
    assert_eq!(world.try_login(&alice.keys, line).unwrap_err().failure, LoginFailure::Suspended);
    world.direct.service().set_suspended(alice.account, Suspension::Lifted, world.now).unwrap();
    assert!(world.try_login(&alice.keys, line).is_ok());
}

#[test]
fn a_revoked_device_is_fenced_at_once_and_told_why_it_cannot_return() {
    let mut world = World::new();
    let alice = world.join("alice");
    let laptop = world.link(&alice);
    let entry = world.list(alice.account).revoke(Author::Device(&alice.keys.list_key), laptop.id).unwrap();
    assert!(matches!(
        world.ask(alice.line, AppendListEntry { entry: entry.into() }),
        Response::ListEntryAppended(_)
    ));
    assert!(!world.direct.is_open(laptop.line.connection));
    let line = world.connect();
    assert_eq!(world.try_login(&laptop.keys, line).unwrap_err().failure, LoginFailure::Revoked);
}

#[test]
fn a_newer_connection_fences_the_older_one() {
    let mut world = World::new();
    let mut alice = world.join("alice");
    let older = alice.line;
    world.come_back(&mut alice, None);
    assert!(matches!(world.pushes(older).as_slice(), [Response::Fenced(_)]));
    assert!(!world.direct.is_open(older.connection));
    assert_eq!(world.direct.service().connected(), 1);
    world.direct.disconnect(older.connection);
    assert_eq!(world.direct.service().connected(), 1);
}

#[test]
fn streaming_begins_after_the_clients_cursor() {
    let mut world = World::new();
    let (mut alice, mut bob) = (world.join("alice"), world.join("bob"));
    let talk = world.converse(&mut alice, &mut bob);
    for text in [b"one", b"two"] {
        let message = world.message(&mut alice, &talk, text);
        sent(world.ask(alice.line, message));
    }
    let (logged_in, _) = world.come_back(&mut bob, None);
    let seqs = |pushes| entries(pushes).iter().map(|entry| entry.seq.0).collect::<Vec<_>>();
    let mut from = |incarnation, seq| {
        let (_, pushes) = world.come_back(&mut bob, Some(Cursor { incarnation, seq: Seq(seq) }));
        seqs(pushes)
    };
    // The Welcome and two messages are not acknowledged.
    assert_eq!(from(logged_in.cursor.incarnation, 0), [1, 2, 3]);
    assert_eq!(from(logged_in.cursor.incarnation, 2), [3]);
    assert_eq!(from(logged_in.cursor.incarnation, 99), [0_u64; 0]);
    assert_eq!(
        from(IncarnationId::new([8; 16]), 2),
        [1, 2, 3],
        "another life of the mailbox: from its beginning"
    );
}

#[test]
fn whoever_has_failed_too_often_is_not_let_in_by_the_right_key_either() {
    let limits = Limits::none().with(Limit::LoginAddress, Quota::new(2, Duration::from_secs(60)));
    let mut world = World::with(Settings { limits, ..Settings::default() }, Bounds::default());
    let (alice, stranger) = (world.join("alice"), Keys::new(&*world.entropy));
    let line = world.connect();
    for _ in 0..2 {
        assert_eq!(world.try_login(&stranger, line).unwrap_err().failure, LoginFailure::Refused);
    }
    let login = world.login_request(&alice.keys, line, None);
    assert_eq!(world.refused(line, login.clone()).code, ErrorCode::RateLimited);
    world.pass(Duration::from_secs(60));
    assert!(matches!(world.ask(line, login), Response::LoggedIn(_)));
}
